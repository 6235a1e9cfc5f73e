/* The database: one LMDB environment (lmdb stops in store.c), its snapshots, and the writer that commits many requests with one fsync.
 * Bytes only: what a record means is oauth's. Several processes may have it open (the subcommands), on one local file system and in
 * one PID namespace. Open once per process, never across fork. */
#ifndef AVOUCH_STORE_H
#define AVOUCH_STORE_H

#include "txn.h"

#define STORE_SCHEMA 1
#if SIZE_MAX > UINT32_MAX
#    define STORE_MAP_BYTES ((size_t)4 << 30) /* address space; the file grows as it is used */
#else
#    define STORE_MAP_BYTES ((size_t)1 << 30)
#endif
#define STORE_ALARM_PERCENT 80
#define STORE_BATCH_MAX 256             /* requests in one commit */
#define GATHER_US 12000                  /* how long a batch may wait for signers with a backlog */

struct store;

struct store_options {
    const char *directory;              /* made with 0700 if it is missing */
    size_t map_bytes;                   /* what it may grow to; 0: STORE_MAP_BYTES; another process may have given it more */
    bool must_exist;                    /* subcommands do not make a database by a typing error */
    bool no_sync;                       /* a harness must catch this one; never in production */
};

/* On failure *ret_why is a sentence for the operator in static or the pool's memory: wrong owner, newer schema, another PID
 * namespace, full disk, not a directory ..., and what to do. ERR_CONFIG: theirs to set right; ERR_NOENT: must_exist and there is none;
 * ERR_CORRUPT: not a database of ours; ERR_FULL, ERR_IO. */
enum err store_open(struct pool *p, const struct store_options *o, struct store **ret, struct slice *ret_why) MUST_CHECK;
void store_close(struct store *s);      /* NULL is fine; the writer must be gone */

/* A reader's snapshot, one per thread. Reading makes it current if it rests; it stays the same until view_rest.
 * No pointer into the map outlives that: txn.c copies. */
struct view *view_create(struct store *s);
void view_destroy(struct view *v);
void view_rest(struct view *v);
/* Of the snapshot: caches compare it; changes when anything is committed by anyone. 0: the view cannot read. */
uint64_t view_txn_id(struct view *v);
/* Borrowed until view_rest. *ret_err: ERR_OK if it is merely absent; another one stays until view_rest. */
bool view_get(struct view *v, struct slice key, struct slice *ret, enum err *ret_err);
/* In key order: the first record at or after `from`. False at the end. Borrowed until view_rest. */
bool view_next(struct view *v, struct slice from, struct record *ret, enum err *ret_err);

/* The clocks at the last commit of any process: clock.h judges by them. Allocates nothing. */
struct store_clock {
    int64_t wall_ms, boot_ms;           /* CLOCK_REALTIME, CLOCK_BOOTTIME */
    int64_t latest_ms;                  /* the latest of txn_rest_on_clock, since an operator's txn_accept_clock */
    bool same_boot;                     /* the machine has not started anew since: boot_ms compares with its clock now */
};
enum err view_clock(struct view *v, struct store_clock *ret) MUST_CHECK;

/* What an engine is: the reads above, and this. Each txn's outcome goes to its job's err (OK, CHANGED, LIMIT, CORRUPT, FULL, IO, or
 * what the transaction failed with before); returns once everything that succeeded is durable. ERR_FULL and ERR_IO fail the whole batch,
 * the cause is logged here. More than STORE_BATCH_MAX are committed in several batches. */
void store_commit(struct store *s, struct txn *batch[], size_t n);

struct store_usage {
    uint64_t map_bytes, used_bytes, entries, last_txn; /* used: without the pages that are free again inside the file */
    unsigned percent, readers;          /* used of the map; reader slots taken so far, of all processes */
};
enum err store_usage(struct store *s, struct store_usage *ret) MUST_CHECK;
int store_check_readers(struct store *s); /* slots of dead processes freed, -1: it failed; store_open does it, then every minute */
/* A compact copy while work goes on: to FILE.tmp (0600), fsync, rename. ERR_EXISTS: FILE.tmp is there, another backup's or a dead one's. */
enum err store_backup(struct store *s, const char *file) MUST_CHECK;

/* The writer thread: commits what lies in its queue. backlog (may be NULL) says whether signers still have work. */
struct writer;
struct writer *writer_create(struct store *s, size_t (*backlog)(void *), void *ctx); /* NULL: no thread to be had */
void writer_destroy(struct writer *w);  /* commits what is queued, then joins; NULL is fine */
struct queue *writer_queue(struct writer *w);

/* For one process without loops (subcommands, tests): commits this transaction now. Its view rests then. */
enum err store_commit_one(struct store *s, struct txn *t) MUST_CHECK;

#endif
