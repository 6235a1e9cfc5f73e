/* The audit log's chain, one per issuer: the hash of a record covers its predecessor's hash, its own number and its text, so that
 * nothing is changed, taken out or put in between unseen; the head says where the end must be. Pure: commit.c writes it, whoever shows
 * or verifies the log reads it.
 *
 *   CLASS_AUDIT       text | hash (32)                 hash = SHA-256(hash before (32, zero at first) | sequence (8, big-endian) | text)
 *   CLASS_AUDIT_HEAD  sequence (8) | hash (32) | at (8, seconds)                                                                   */
#ifndef AVOUCH_CHAIN_H
#define AVOUCH_CHAIN_H

#include "digest.h"
#include "err.h"
#include "pool.h"

#define CHAIN_RECORD_VERSION 1

/* Up to where it is known; all zero: before the first record, whose sequence is 1. */
struct chain {
    uint64_t sequence;
    uint8_t hash[SHA256_BYTES];
    int64_t at; /* wall time of the commit, seconds; not covered by the hash */
};

void chain_extend(struct chain *c, struct slice text);

struct slice chain_pack_link(struct pool *p, const struct chain *c, struct slice text); /* of the record just added; none: too large */
struct slice chain_pack_head(struct pool *p, const struct chain *c);
bool chain_unpack_head(struct slice value, struct chain *ret);

/* Goes on by one stored record. ERR_CORRUPT: it is not the one that was written there; *c stays. *ret_text is borrowed from value. */
enum err chain_follow(struct chain *c, uint64_t sequence, struct slice value, struct slice *ret_text) MUST_CHECK;

#endif
