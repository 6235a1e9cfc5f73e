/* Requests that nobody sent: signing keys made, rotated and retired, orders of the command line carried out, expired
 * records swept. */
#include "upkeep.h"

#include "audit.h"
#include "clock.h"
#include "fault.h"
#include "keys.h"
#include "log.h"
#include "sweep.h"

/* ---- keys ---- */

struct keys_state {
    struct order order;
    bool make, first; /* a key of alg is made; first: active at once */
    enum sign_alg alg;
    struct generating generating;
    struct unsealing forgetting;
    uint64_t before[KEYS_MAX]; /* handles of the keys there were: the signer forgets those that are gone */
    size_t before_n;
    bool more; /* another round is due at once */
};

static unsigned algorithms_had(const struct keyring *ring, struct now now)
{
    unsigned had = 0;

    for (unsigned alg = 0; alg < SIGN_ALG_COUNT; alg++)
        if (keyring_signing(ring, (enum sign_alg)alg, now) != NULL)
            had |= 1U << alg;
    return had;
}

/* Missing ones first: somebody waits for them, and ES256 takes no time. */
static bool choose_missing(const struct req *r, const struct keyring *ring, enum sign_alg *ret)
{
    static const enum sign_alg order[SIGN_ALG_COUNT] = { ALG_ES256, ALG_RS256, ALG_PS256 };

    unsigned missing = (KEYS_MADE_AT_START | r->m->keys.wanted) & ~algorithms_had(ring, r->now);

    for (size_t i = 0; i < SIGN_ALG_COUNT; i++) {
        if (missing & (1U << order[i])) {
            *ret = order[i];
            return true;
        }
    }
    return false;
}

static enum next forget_key(struct req *r, uint64_t handle, step *land)
{
    struct keys_state *s = r->state;

    s->forgetting = (struct unsealing){ .msg = { .task = SIGNER_FORGET, .pool = r->pool }, .key = handle };
    s->forgetting.msg.job.at = r->m->signer;
    return req_wait(r, &s->forgetting.msg.job, land);
}

static enum next forgot_unstored(struct req *r)
{
    r->m->keys.made = 0;
    return NEXT;
}

/* A key whose commit met a change or failed is given back before another is made. */
static enum next forget_unstored(struct req *r)
{
    return r->m->keys.made == 0 ? NEXT : forget_key(r, r->m->keys.made, forgot_unstored);
}

static void plan_order(struct req *r, const struct keyring *ring)
{
    struct keys_state *s = r->state;

    s->make = keyring_order_due(ring, &s->order, &s->alg);
    s->first = s->order.kind != ORDER_ROTATE;
    if (!s->make)
        (void)keyring_order_finish(r->txn, ring, &s->order, r->now);
    s->more = true; /* the rest of it, or the next one: a stolen key does not wait for a tick each */
}

static enum next plan_keys(struct req *r)
{
    struct keys_state *s = r->state;
    const struct keyring *ring = keys_read(r->m);

    if (ring == NULL)
        return req_fail(r, ERR_IO);
    for (size_t i = 0; i < ring->n; i++)
        s->before[s->before_n++] = key_handle(r->issuer->number, ring->key[i].number);
    if (choose_missing(r, ring, &s->alg))
        s->make = s->first = true;
    else if (order_next(r->txn, &s->order))
        plan_order(r, ring);
    else if (clock_may_sweep(r->m, r->now))
        s->make = keyring_upkeep(r->txn, ring, r->now, &s->alg);
    return NEXT;
}

static enum next landed_key(struct req *r)
{
    const struct keys_state *s = r->state;

    if (s->generating.msg.job.err != ERR_OK)
        return req_fail(r, s->generating.msg.job.err);
    r->m->keys.made = s->generating.key;
    FAULT_POINT("key-made");
    return NEXT;
}

static enum next make_key(struct req *r)
{
    struct keys_state *s = r->state;

    if (!s->make)
        return NEXT;
    s->generating = (struct generating){ .msg = { .task = SIGNER_GENERATE, .pool = r->pool },
                                         .key = key_handle(r->issuer->number, keyring_next_number(r->txn)),
                                         .alg = s->alg };
    s->generating.msg.job.at = r->m->signer;
    return req_wait(r, &s->generating.msg.job, landed_key);
}

static enum next add_key(struct req *r)
{
    struct keys_state *s = r->state;
    struct signing_key key = { .alg = s->alg,
                               .number = (uint32_t)s->generating.key,
                               .public_jwk = s->generating.ret_public,
                               .sealed = s->generating.ret_sealed };

    if (!s->make)
        return NEXT;
    const struct audit audit = { .event = AUDIT_KEY_CREATED,
                                 .detail = slice_of(sign_alg_name(s->alg)),
                                 .request_id = r->id };
    keyring_add(r->txn, &key, s->first, r->now);
    audit_log(r->txn, &audit, r->now);
    s->more = true;
    return NEXT;
}

static bool ring_has(const struct keyring *ring, uint16_t issuer, uint64_t handle)
{
    for (size_t i = 0; i < ring->n; i++)
        if (key_handle(issuer, ring->key[i].number) == handle)
            return true;
    return false;
}

static enum next forget_removed(struct req *r)
{
    struct keys_state *s = r->state;
    const struct keyring *ring = keys_read(r->m);

    FAULT_POINT("key-stored");
    r->m->keys.made = 0; /* what was made is stored now */
    while (ring != NULL && s->before_n > 0) {
        uint64_t handle = s->before[--s->before_n];
        if (!ring_has(ring, r->issuer->number, handle))
            return forget_key(r, handle, forget_removed);
    }
    return DONE;
}

static const struct named_step keys_steps[] = {
    { "forget unstored", forget_unstored },
    { "plan keys", plan_keys },
    { "make key", make_key },
    { "add key", add_key },
    { "settle", settle },
    { "forget removed", forget_removed },
    { NULL, NULL },
};

static const struct endpoint keys_endpoint = {
    .steps = keys_steps,
    .state_bytes = sizeof(struct keys_state),
    .speech = SPEAK_NOBODY,
};

static void keys_done(struct req *r)
{
    struct machine *m = r->m;
    const struct keys_state *s = r->state;
    bool more = r->err == ERR_OK && s->more;

    m->keys.running = false;
    if (r->err != ERR_OK)
        LOG(LOG_ERROR, "the signing keys could not be kept up", LOG_TEXT("why", slice_of(err_text(r->err))));
    if (r->err == ERR_OK && s->make)
        LOG(LOG_INFO, "a signing key was made", LOG_TEXT("alg", slice_of(sign_alg_name(s->alg))));
    if (!more)
        keys_made(m, r->err);
    else
        upkeep_keys(m);
}

static struct req *begin(struct machine *m, const struct endpoint *endpoint, void (*done)(struct req *))
{
    struct req *r = req_create(m, NULL, endpoint, NULL);

    if (r != NULL)
        r->done = done;
    return r;
}

void upkeep_keys(struct machine *m)
{
    if (m->keys.running)
        return;
    struct req *r = begin(m, &keys_endpoint, keys_done);
    if (r == NULL)
        return; /* no ticket: at the next tick */
    m->keys.running = true;
    req_begin(r);
}

/* ---- sweep ---- */

struct sweep_state {
    size_t deleted;
    bool more;
};

static enum next sweep(struct req *r)
{
    struct sweep_state *s = r->state;

    if (!clock_may_sweep(r->m, r->now))
        return NEXT;
    s->more = sweep_step(r->txn, r->m->view, &r->m->sweep.cursor, r->now, &s->deleted);
    return NEXT;
}

static enum next done(struct req *r)
{
    return DONE;
}

static const struct named_step sweep_steps[] = {
    { "sweep", sweep },
    { "settle", settle },
    { "done", done },
    { NULL, NULL },
};

static const struct endpoint sweep_endpoint = {
    .steps = sweep_steps,
    .state_bytes = sizeof(struct sweep_state),
    .speech = SPEAK_NOBODY,
};

static void sweep_on(struct machine *m);

/* While it is behind it goes on at once, as far as the tick's budget allows; a walk that found nothing waits for the next
 * tick. */
static void sweep_done(struct req *r)
{
    struct machine *m = r->m;
    const struct sweep_state *s = r->state;

    m->sweep.running = false;
    if (r->err != ERR_OK) {
        LOG(LOG_ERROR, "expired records could not be removed", LOG_TEXT("why", slice_of(err_text(r->err))));
        return;
    }
    m->sweep.budget -= s->deleted < m->sweep.budget ? s->deleted : m->sweep.budget;
    if (s->deleted > 0 && s->more && m->sweep.budget > 0)
        sweep_on(m);
}

static void sweep_on(struct machine *m)
{
    struct req *r = begin(m, &sweep_endpoint, sweep_done);

    if (r == NULL)
        return;
    m->sweep.running = true;
    req_begin(r);
}

void upkeep_sweep(struct machine *m)
{
    if (m->sweep.running)
        return;
    m->sweep.budget = SWEEP_WRITES_MAX;
    sweep_on(m);
}
