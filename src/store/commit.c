/* Many requests' changes in one LMDB transaction and with one fsync. Its phases are begin, then for each of them plan (compare what
 * was read, count, find the chain: nothing is written) and apply, then finish. LMDB itself failing ends the batch for all: what one of
 * them was told in between (changed, full) may have rested on another that is not committed now. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chain.h"
#include "fault.h"
#include "log.h"
#include "record.h"
#include "store_int.h"
#include "txn_int.h"

#define COMMIT_POOL_BYTES (1U << 20)

struct head {
    uint16_t issuer;
    struct chain chain;
};

struct commit {
    struct store *store;
    struct pool *pool;
    MDB_txn *txn;
    struct head *head; /* the chains of this batch; room for one per transaction */
    size_t head_n;
    int64_t latest_ms; /* see store_clock */
    bool dirty;
};

/* What a transaction will do, settled before it does anything. */
struct plan {
    uint32_t count[TXN_COUNTS_MAX];
    struct chain *chain;
};

static int begin(struct commit *c)
{
    struct meta m = { 0 };
    int rc = store_enter(c->store, 0, &c->txn);

    if (rc != 0)
        return rc;
    FAULT_POINT("commit-begun");
    recent_begin(&c->store->recent, mdb_txn_id(c->txn));
    rc = meta_load(c->store, c->txn, &m);
    c->latest_ms = m.latest_ms;
    /* a newer avouch may have taken the database over while we run */
    return rc == 0 && m.schema > STORE_SCHEMA ? MDB_VERSION_MISMATCH : rc;
}

static bool same(struct slice a, struct slice b)
{
    return slice_is_none(a) == slice_is_none(b) && slice_eq(a, b);
}

static int compare_reads(struct commit *c, struct txn *t)
{
    struct slice value = SLICE_NONE;
    size_t n = FAULT_IS("no-compare") ? 0 : t->read_n;
    const struct recent *recent = &c->store->recent;
    bool covered = recent_covers(recent, t->snapshot);

    for (size_t i = 0; i < n && t->job.err == ERR_OK; i++) {
        if (covered && !recent_has_hash(recent, t->snapshot, t->read_hash[i]))
            continue;
        int rc = store_get(c->store, c->txn, t->read[i].key, &value);

        if (rc != 0)
            return rc;
        if (!same(value, t->read[i].value))
            t->job.err = ERR_CHANGED;
    }
    return 0;
}

/* The number after the change; a decrease is never refused. */
static enum err add(uint32_t number, const struct txn_count *count, uint32_t *ret)
{
    int64_t sum = number + count->delta;

    if (count->delta > 0 && sum > count->max)
        return ERR_LIMIT;
    *ret = sum < 0 ? 0 : (uint32_t)sum;
    return ERR_OK;
}

static int add_counts(struct commit *c, struct txn *t, struct plan *plan)
{
    struct slice value = SLICE_NONE;

    for (size_t i = 0; i < t->count_n && t->job.err == ERR_OK; i++) {
        uint32_t number = 0;
        int rc = store_get(c->store, c->txn, t->count[i].key, &value);

        if (rc != 0)
            return rc;
        t->job.err = count_unpack(value, &number) ? add(number, &t->count[i], &plan->count[i]) : ERR_CORRUPT;
    }
    return 0;
}

static struct slice head_key(struct commit *c, uint16_t issuer)
{
    return key_make(c->pool, issuer, CLASS_AUDIT_HEAD, SLICE_NONE, SLICE_NONE);
}

static int find_chain(struct commit *c, struct txn *t, struct plan *plan)
{
    struct slice value = SLICE_NONE;

    if (slice_is_none(t->log) || t->job.err != ERR_OK)
        return 0;
    for (size_t i = 0; i < c->head_n; i++) {
        if (c->head[i].issuer == t->issuer) {
            plan->chain = &c->head[i].chain;
            return 0;
        }
    }
    int rc = store_get(c->store, c->txn, head_key(c, t->issuer), &value);
    if (rc != 0)
        return rc;
    struct head *head = &c->head[c->head_n];
    *head = (struct head){ .issuer = t->issuer };
    if (!slice_is_none(value) && !chain_unpack_head(value, &head->chain)) {
        t->job.err = ERR_CORRUPT;
        return 0;
    }
    c->head_n++;
    plan->chain = &head->chain;
    return 0;
}

static int plan_one(struct commit *c, struct txn *t, struct plan *plan)
{
    int rc = compare_reads(c, t);

    if (rc == 0)
        rc = add_counts(c, t, plan);
    return rc == 0 ? find_chain(c, t, plan) : rc;
}

static int erase(struct commit *c, struct slice key)
{
    MDB_val k = val_of(key);
    int rc = mdb_del(c->txn, c->store->dbi, &k, NULL);

    recent_add(&c->store->recent, key);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put(struct commit *c, struct slice key, struct slice value)
{
    recent_add(&c->store->recent, key);
    return store_put(c->store, c->txn, key, value);
}

static int apply_writes(struct commit *c, const struct txn *t)
{
    int rc = 0;

    for (size_t i = 0; i < t->write_n && rc == 0; i++) {
        const struct txn_write *w = &t->write[i];

        rc = slice_is_none(w->value) ? erase(c, w->key) : put(c, w->key, w->value);
    }
    return rc;
}

/* Nothing is kept for zero: whoever counted is gone. */
static int apply_counts(struct commit *c, const struct txn *t, const struct plan *plan)
{
    int rc = 0;

    for (size_t i = 0; i < t->count_n && rc == 0; i++) {
        struct slice key = t->count[i].key;

        rc = plan->count[i] == 0 ? erase(c, key) : put(c, key, count_pack(c->pool, plan->count[i]));
    }
    return rc;
}

static int apply_log(struct commit *c, const struct txn *t, struct chain *chain)
{
    if (chain == NULL)
        return 0;
    chain_extend(chain, t->log);
    struct slice key = key_make(c->pool, t->issuer, CLASS_AUDIT, key_u64(c->pool, chain->sequence), SLICE_NONE);
    return put(c, key, chain_pack_link(c->pool, chain, t->log));
}

static int apply_one(struct commit *c, const struct txn *t, const struct plan *plan)
{
    int rc = apply_writes(c, t);

    if (rc == 0)
        rc = apply_counts(c, t, plan);
    if (rc == 0)
        rc = apply_log(c, t, plan->chain);
    c->dirty |= txn_is_dirty(t);
    if (t->accepts_clock || t->clock_ms > c->latest_ms)
        c->latest_ms = t->clock_ms;
    return rc;
}

static int run_one(struct commit *c, struct txn *t)
{
    struct pool_mark mark = pool_mark(c->pool);
    struct plan plan = { .chain = NULL };
    int rc = 0;

    t->job.err = t->err;
    if (t->err == ERR_OK)
        rc = plan_one(c, t, &plan);
    if (rc == 0 && t->job.err == ERR_OK)
        rc = apply_one(c, t, &plan);
    pool_rewind(c->pool, mark);
    return rc;
}

static int finish(struct commit *c)
{
    int rc = 0;

    for (size_t i = 0; i < c->head_n && rc == 0; i++) {
        c->head[i].chain.at = (int64_t)time(NULL);
        rc = put(c, head_key(c, c->head[i].issuer), chain_pack_head(c->pool, &c->head[i].chain));
    }
    if (rc == 0)
        rc = meta_stamp(c->store, c->txn, c->pool, c->latest_ms);
    if (rc != 0)
        return rc;
    MDB_txn *txn = c->txn;
    c->txn = NULL; /* gone, whether that succeeds or not */
    FAULT_POINT("commit-before-sync");
    rc = mdb_txn_commit(txn);
    if (rc == 0)
        recent_commit(&c->store->recent);
    FAULT_POINT("commit-after-sync");
    store_leave(c->store);
    return rc;
}

static void give_up(struct commit *c)
{
    if (c->txn == NULL)
        return;
    mdb_txn_abort(c->txn);
    store_leave(c->store);
}

static void fail(struct txn *batch[], size_t n, int rc)
{
    enum err e = store_err(rc) == ERR_FULL ? ERR_FULL : ERR_IO;

    for (size_t i = 0; i < n; i++)
        batch[i]->job.err = batch[i]->err != ERR_OK ? batch[i]->err : e;
    LOG(LOG_ERROR,
        e == ERR_FULL ? "the database is full: nothing was committed" : "the database failed: nothing was committed",
        LOG_TEXT("cause", slice_of(mdb_strerror(rc))), LOG_NUM("requests", (int64_t)n));
}

static void commit_batch(struct store *s, struct txn *batch[], size_t n)
{
    struct commit c = { .store = s, .pool = pool_create(COMMIT_POOL_BYTES) };

    (void)pthread_mutex_lock(&s->commit_lock);
    int rc = begin(&c);

    c.head = pool_alloc(c.pool, n * sizeof(*c.head));
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = run_one(&c, batch[i]);
    if (rc == 0 && c.dirty)
        rc = finish(&c);
    give_up(&c);
    (void)pthread_mutex_unlock(&s->commit_lock);
    if (rc != 0)
        fail(batch, n, store_cause(s, rc));
    pool_destroy(c.pool);
}

void store_commit(struct store *s, struct txn *batch[], size_t n)
{
    while (n > 0) {
        size_t now = n < STORE_BATCH_MAX ? n : STORE_BATCH_MAX;

        commit_batch(s, batch, now);
        batch += now;
        n -= now;
    }
}

enum err store_commit_one(struct store *s, struct txn *t)
{
    view_rest(t->view);
    store_commit(s, &t, 1);
    return t->job.err;
}
