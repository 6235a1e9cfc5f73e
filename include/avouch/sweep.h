/* Upkeep of the database: what has expired goes, from the front of each class, SWEEP_WRITES_MAX a time. Counters that a record was in
 * go down with it. */
#ifndef AVOUCH_SWEEP_H
#define AVOUCH_SWEEP_H

#include "issuer.h"

#define SWEEP_WRITES_MAX 1024
#define SWEEP_LOOKS_MAX 1024        /* records looked at in one call: it holds the loop and a snapshot */

/* One transaction after another through commit(ctx, t), at most TXN_WRITES_MAX deletions each. *ret_behind: there is more to do at once.
 * cursor remembers where the last call stopped, zero at first. */
struct sweep_cursor {
    uint8_t class;
    uint8_t key[KEY_BYTES_MAX];
    size_t key_n;
};

/* Puts into t the deletion of expired records from the cursor on (at most TXN_WRITES_MAX); false: a whole round is done. */
bool sweep_step(struct txn *t, struct view *v, struct sweep_cursor *cursor, struct now now, size_t *ret_deleted);

#endif
