/* Which keys the last commits of this process wrote. It may take a key for written that was not, never the other way round: what a
 * transaction has read and nobody can have written since needs no look at the database. A commit of another process leaves a gap,
 * and who read before a gap is compared value by value. */
#ifndef AVOUCH_RECENT_H
#define AVOUCH_RECENT_H

#include "slice.h"

#define RECENT_COMMITS 16
#define RECENT_BITS    8192 /* a batch of 64 sign-ins sets a tenth of them */

struct recent {
    uint64_t now; /* the transaction under way */

    struct recent_commit {
        uint64_t txn_id; /* 0: not committed */
        uint64_t bits[RECENT_BITS / 64];
    } commit[RECENT_COMMITS]; /* by txn_id */
};

void recent_begin(struct recent *r, uint64_t txn_id);
void recent_add(struct recent *r, struct slice key);
void recent_commit(struct recent *r); /* what began is durable */

/* Is every commit after this snapshot known here? */
bool recent_covers(const struct recent *r, uint64_t snapshot);
/* Then: can one of them, or the transaction under way, have written this key? */
bool recent_has(const struct recent *r, uint64_t snapshot, struct slice key);
/* The same for a key that was hashed where it was at hand: the committing thread would fetch it from another core. */
bool recent_has_hash(const struct recent *r, uint64_t snapshot, uint64_t hash);
uint64_t recent_hash(struct slice key);

#endif
