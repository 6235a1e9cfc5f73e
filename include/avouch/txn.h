/* A request's transaction. Reads come from the loop's snapshot and are remembered; writes are buffered; the commit compares
 * every value read, absence included, with the current one and applies all or nothing: ERR_CHANGED means run again.
 * So every request that writes is serialisable, other processes on the database included. */
#ifndef AVOUCH_TXN_H
#define AVOUCH_TXN_H

#include "err.h"
#include "job.h"
#include "schema.h"

#define TXN_READS_MAX 32
#define TXN_WRITES_MAX 16
#define TXN_COUNTS_MAX 16
#define TXN_LOG_BYTES_MAX 16384

struct txn;
struct view;

struct record {
    struct slice key, value;
};

/* Lives in the pool, reads through the view (of the calling loop), all keys belong to `issuer`. Keys and values that are handed in are
 * not copied: they live as long as the transaction does, in its pool as a rule. */
struct txn *txn_create(struct pool *p, struct view *view, uint16_t issuer);
struct pool *txn_pool(const struct txn *t);
uint16_t txn_issuer(const struct txn *t);

/* A copy that lives as long as the request. False: absent, or the transaction has failed (txn_err). Sees own writes. */
bool txn_get(struct txn *t, struct slice key, struct slice *ret);
void txn_put(struct txn *t, struct slice key, struct slice value);
void txn_del(struct txn *t, struct slice key);

/* Up to max records whose key starts with prefix and is not before `from`, copied. Not guarded: a decision that writes rests on gets. */
size_t txn_scan(struct txn *t, struct slice prefix, struct slice from, size_t max, struct record *ret);

/* Adds delta to the number at key when it commits; in nobody's read set. ERR_LIMIT if that would exceed max. Never below 0. */
void txn_count(struct txn *t, struct slice key, int delta, uint32_t max);
uint32_t txn_count_now(struct txn *t, struct slice key); /* unguarded look */

void txn_log(struct txn *t, struct slice audit_record);  /* once; sequence and chain are the engine's */

/* What is put rests on this time, which was found right (clock.h): store_clock.latest_ms. */
void txn_rest_on_clock(struct txn *t, int64_t wall_ms);
void txn_accept_clock(struct txn *t, int64_t wall_ms);   /* the operator says that it is right, though it was later before */

bool txn_is_dirty(const struct txn *t);                  /* has something to commit */
enum err txn_err(const struct txn *t);                   /* sticky: ERR_IO of a read, ERR_LIMIT of the maxima above */
void txn_fail(struct txn *t, enum err e);                /* the first one stays */

/* For the commit: send this job to the writer; job->err is the outcome. */
struct job *txn_job(struct txn *t);
struct txn *txn_of_job(struct job *j);

#endif
