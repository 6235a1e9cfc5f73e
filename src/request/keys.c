/* The keyring that requests sign with, and who waits for a key. Two slots: the one in use stays untouched until another
 * one has been read whole. */
#include "keys.h"

#include "upkeep.h"

const struct keyring *keys_read(struct machine *m)
{
    struct keys *k = &m->keys;
    struct keyring *current = k->ring[k->at], *fresh;
    uint64_t txn_id = view_txn_id(m->view);
    unsigned other = 1 - k->at;

    if (txn_id == 0)
        return NULL;
    if (current != NULL && current->txn_id == txn_id && m->documents.issuer == m->issuer)
        return current;
    if (current != NULL && m->documents.issuer == m->issuer &&
        keyring_is_current(current, m->view, m->issuer->number)) {
        current->txn_id = txn_id;
        return current;
    }
    pool_destroy(k->pool[other]);
    k->pool[other] = pool_create(REQ_POOL_BYTES);
    fresh = k->ring[other] = pool_zalloc(k->pool[other], sizeof(*fresh));
    if (keyring_read(k->pool[other], m->view, m->issuer->number, fresh) != ERR_OK)
        return NULL;
    if (current != NULL && m->documents.issuer == m->issuer && keyring_same(current, fresh)) {
        current->txn_id = txn_id;
        return current;
    }
    k->at = other;
    documents_render(&m->documents, m->issuer, fresh);
    return fresh;
}

static void park(struct queue *q, struct job *j)
{
    struct parked *parked = (struct parked *)q;

    j->next = parked->waiting;
    parked->waiting = j;
}

void keys_init(struct machine *m)
{
    m->keys.parked.queue.send = park;
    for (unsigned i = 0; i < 2; i++)
        m->keys.pool[i] = pool_create(REQ_POOL_BYTES);
}

void keys_finish(struct machine *m)
{
    for (unsigned i = 0; i < 2; i++)
        pool_destroy(m->keys.pool[i]);
}

static enum next key_landed(struct req *r)
{
    enum err e = r->signing.msg.job.err;

    r->signing = (struct signing){ .n = 0 };
    return e == ERR_OK ? NEXT : req_fail(r, e);
}

enum next keys_ensure(struct req *r, enum sign_alg alg)
{
    struct machine *m = r->m;
    const struct keyring *ring = keys_read(m);
    struct job *job = &r->signing.msg.job;

    if (ring == NULL)
        return req_fail(r, ERR_IO);
    if (keyring_signing(ring, alg, r->now) != NULL)
        return NEXT;
    *job = (struct job){ .at = &m->keys.parked.queue };
    m->keys.wanted |= 1U << alg;
    enum next n = req_wait(r, job, key_landed);
    upkeep_keys(m);
    return n;
}

bool keys_guarded(struct req *r, enum sign_alg alg, struct signing_key *ret)
{
    const struct keyring *ring = keys_read(r->m);
    const struct signing_key *key = ring != NULL ? keyring_signing(ring, alg, r->now) : NULL;

    return key != NULL && signing_key_reload(r->txn, key, ret);
}

void keys_made(struct machine *m, enum err err)
{
    struct job *job = m->keys.parked.waiting;

    m->keys.parked.waiting = NULL;
    while (job != NULL) {
        struct job *next = job->next;
        job->err = err;
        inbox_push(m->inbox, job);
        job = next;
    }
}
