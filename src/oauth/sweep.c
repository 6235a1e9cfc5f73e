/* What has expired goes. Records lie in the order of their ids, not of their expiry, so each round walks the classes that
 * expire from end to end; the deletion itself rests on a guarded read, like every other write. */
#include "sweep.h"

#include <string.h>

#include "access_token.h"
#include "flow.h"
#include "record.h"
#include "store.h"

static const enum key_class swept[] = { CLASS_SESSION, CLASS_GRANT, CLASS_ACCESS, CLASS_FLOW };

#define SWEPT_COUNT (sizeof(swept) / sizeof(swept[0]))

static void count_down(struct txn *t, enum key_class class, struct slice whose, uint32_t max)
{
    txn_count(t, issuer_count_key(t, class, whose), -1, max);
}

/* Counters of people and of the issuer that the record was in. One that cannot be read is in none. */
static void uncount(struct txn *t, enum key_class class, struct slice value)
{
    struct pool *p = txn_pool(t);
    struct session session;
    struct grant grant;
    struct flow flow;

    if (class == CLASS_SESSION && session_unpack(p, value, &session))
        count_down(t, class, key_user(p, session.user_id), SESSIONS_PER_PERSON_MAX);
    else if (class == CLASS_GRANT && grant_unpack(p, value, &grant))
        count_down(t, class, key_user(p, grant.user_id), GRANTS_PER_PERSON_MAX);
    else if (class == CLASS_FLOW && flow_unpack(p, value, &flow))
        count_down(t, class, key_user(p, flow.stored_by), FLOWS_PER_PERSON_MAX);
}

static bool remove_expired(struct txn *t, enum key_class class, struct slice key)
{
    struct slice value;

    if (!txn_get(t, key, &value))
        return false;
    txn_del(t, key);
    uncount(t, class, value);
    return true;
}

static struct slice class_prefix(struct txn *t, enum key_class class)
{
    return key_make(txn_pool(t), txn_issuer(t), class, SLICE_NONE, SLICE_NONE);
}

/* The cursor moves past this key. */
static void pass(struct sweep_cursor *cursor, struct slice key)
{
    memcpy(cursor->key, key.p, key.n);
    cursor->key[key.n] = '\0'; /* the smallest key after it */
    cursor->key_n = key.n + 1;
}

/* False: the class has no record any more from the cursor on. */
static bool sweep_one(struct txn *t, struct view *v, struct sweep_cursor *cursor, struct now now, size_t *deleted)
{
    enum key_class class = swept[cursor->class];
    struct slice prefix = class_prefix(t, class);
    struct slice from = cursor->key_n > 0 ? slice_bytes(cursor->key, cursor->key_n) : prefix;
    struct record found;
    enum err err = ERR_OK;

    if (!view_next(v, from, &found, &err)) {
        if (err != ERR_OK)
            txn_fail(t, err);
        return false;
    }
    if (!slice_starts(found.key, prefix) || found.key.n + 1 > sizeof(cursor->key))
        return false;
    int64_t expires_at = record_expires_at(found.value);
    pass(cursor, found.key);
    if (expires_at > 0 && now.s >= expires_at)
        *deleted += remove_expired(t, class, pool_dup(txn_pool(t), found.key));
    return true;
}

bool sweep_step(struct txn *t, struct view *v, struct sweep_cursor *cursor, struct now now, size_t *ret_deleted)
{
    size_t deleted = 0, looks = 0;

    while (cursor->class < SWEPT_COUNT && deleted < TXN_WRITES_MAX && looks < SWEEP_LOOKS_MAX && txn_err(t) == ERR_OK) {
        looks++;
        if (sweep_one(t, v, cursor, now, &deleted))
            continue;
        cursor->class ++;
        cursor->key_n = 0;
    }
    *ret_deleted = deleted;
    if (cursor->class < SWEPT_COUNT)
        return true;
    memset(cursor, 0, sizeof(*cursor));
    return false;
}
