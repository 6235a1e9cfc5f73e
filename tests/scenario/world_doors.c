/* The doors: jobs gather in each until it is drained, in the order in which they came. A replay injects its failure here, while the
 * job is out. */
#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "json.h"
#include "log.h"
#include "status.h"
#include "txn_int.h"
#include "world_int.h"

#define WHOIS_PREFIX "/localapi/v0/whois?addr="
#define BATCH_MAX    2048

static void gather(struct queue *q, struct job *j)
{
    struct door *d = (struct door *)q;

    j->next = NULL;
    *d->tail = j;
    d->tail = &j->next;
}

static void gather_list(struct queue *q, struct job *first, struct job *last, size_t n)
{
    struct door *d = (struct door *)q;

    (void)n;
    last->next = NULL;
    *d->tail = first;
    d->tail = &last->next;
}

static void open_door(struct door *d)
{
    *d = (struct door){ .queue = { .send = gather, .send_list = gather_list } };
    d->tail = &d->head;
}

void doors_open(struct world *w)
{
    open_door(&w->asks);
    open_door(&w->fetches);
    open_door(&w->signing);
    open_door(&w->commit);
}

bool doors_are_empty(const struct world *w)
{
    return w->asks.head == NULL && w->fetches.head == NULL && w->signing.head == NULL && w->commit.head == NULL;
}

/* ---- injection ---- */

static struct visit *visit_of(const struct job *j)
{
    const struct req *r = j->owner;

    return (struct visit *)r->client;
}

static bool is_unasked(const struct job *j)
{
    return ((const struct req *)j->owner)->unasked;
}

static void answer_nobody(struct client_conn *c, const struct answer *a)
{
    (void)c;
    (void)a;
    WORLD_FAIL("no answer to a client that has left");
}

void world_hang_up(struct visit *v)
{
    v->request_id = pool_dup(v->w->pool, ((const struct req *)v->client.ctx)->id);
    v->gone = true;
    v->client.on_gone(v->client.ctx);
    v->client = (struct client_conn){ .answer = answer_nobody };
}

/* Upkeep has no client; whoever waits for it has one. */
static struct visit *find_waiting(struct world *w)
{
    for (struct visit *v = w->visits; v != NULL; v = v->next)
        if (!v->gone && v->answers == 0 && v->client.on_gone != NULL)
            return v;
    return NULL;
}

/* Another process writes a record that this transaction has read. A record may have a longer tail than its reader knows, so that it
 * says the same. False: it read none that is there. */
static bool touch_one(struct world *w, const struct txn *t)
{
    struct txn *other = world_begin(w);
    struct slice value;

    for (size_t i = 0; i < t->read_n; i++) {
        struct slice key = t->read[(i + w->landings) % t->read_n].key;

        if (!txn_get(other, key, &value))
            continue;
        txn_put(other, pool_dup(w->pool, key), with_nul(w->pool, value));
        world_commit(w, other);
        return true;
    }
    view_rest(w->outside);
    return false;
}

/* What is to be done to this job; what can be done at once is done. */
static enum injection strike(struct world *w, enum suspension at, const struct job *j)
{
    unsigned number = w->landings++;
    enum injection kind = w->injection.kind;

    if (w->over)
        return INJECT_NOTHING;
    if (!w->replayed) {
        world_require(number < COURSE_LANDINGS_MAX, "a scenario", SL("too many jobs"));
        w->course->at[number] = at;
        w->course->landings = w->landings;
    }
    if (kind == INJECT_NOTHING || number != w->injection.at)
        return INJECT_NOTHING;
    w->injection.struck = true;
    w->injection.unasked = is_unasked(j);
    struct visit *v = visit_of(j);
    if (v == NULL && kind == INJECT_HANG_UP)
        v = find_waiting(w);
    if (v != NULL)
        v->struck = true;
    if (v != NULL && kind == INJECT_HANG_UP)
        world_hang_up(v);
    return kind;
}

/* ---- tailscaled ---- */

static bool is_at(const char *address, const struct address *asked)
{
    struct address a;

    return address != NULL && address_parse(slice_of(address), &a) && address_same_ip(&a, asked);
}

static struct tailnet_node *find_node(struct world *w, const struct address *asked)
{
    for (unsigned i = 0; i < w->node_n; i++)
        if (!w->nodes[i].gone && (is_at(w->nodes[i].address, asked) || is_at(w->nodes[i].source, asked)))
            return &w->nodes[i];
    return NULL;
}

struct tailnet_node *world_node(struct world *w, const char *address)
{
    for (unsigned i = 0; i < w->node_n; i++)
        if (strcmp(w->nodes[i].address, address) == 0)
            return &w->nodes[i];
    world_require(false, "no node has the address", slice_of(address));
    return NULL;
}

static struct slice whois_text(struct pool *p, const struct tailnet_node *n)
{
    const char *fqdn = n->fqdn != NULL ? n->fqdn : slice_cstr(p, pool_fmt(p, "%s." WORLD_SUFFIX ".", n->name));
    struct slice tags = n->tags != NULL ? pool_fmt(p, ",\"Tags\":%s", n->tags) : SL("");
    struct slice grants = n->grants != NULL ? pool_fmt(p, "\"" CAPS_NAME "\":%s", n->grants) : SL("");
    long long user = n->user_id > 0 ? (long long)n->user_id : 2147455555;

    return pool_fmt(
        p,
        "{\"Node\":{\"ID\":7,\"StableID\":\"%s\",\"Name\":\"%s\",\"User\":%lld,\"Addresses\":[\"%s/32\"]" SLICE_FMT
        "%s%s},\"UserProfile\":{\"ID\":%lld,\"LoginName\":\"%s\",\"DisplayName\":\"%s\"},\"CapMap\":{" SLICE_FMT "}}",
        n->stable_id, fqdn, user, n->address, SLICE_ARG(tags), n->more != NULL ? "," : "",
        n->more != NULL ? n->more : "", user, n->login, n->display, SLICE_ARG(grants));
}

static bool read_question(struct pool *p, struct slice path, struct address *ret)
{
    struct slice text;

    if (!slice_starts(path, SL(WHOIS_PREFIX)))
        return false;
    path = slice_from(path, sizeof(WHOIS_PREFIX) - 1);
    return percent_decode(p, slice_head(path, slice_find(path, '&')), false, &text) && address_parse(text, ret);
}

static void answer_whois(struct world *w, struct ask *ask)
{
    struct address asked;
    bool is_question = read_question(ask->pool, ask->path, &asked);
    const struct tailnet_node *n = is_question && w->tailscaled == TAILSCALED_UP ? find_node(w, &asked) : NULL;

    CHECK(is_question);
    w->whois_asked++;
    ask->ret_status = n != NULL ? 200 : 404;
    ask->ret_body = n != NULL ? whois_text(ask->pool, n) : SL("no match for IP:port");
}

static void answer_status(const struct world *w, struct ask *ask)
{
    bool starting = w->tailscaled == TAILSCALED_STARTING;

    ask->ret_status = 200;
    ask->ret_body = starting ? SL("{\"BackendState\":\"Starting\"}") : SL("{\"BackendState\":\"Running\"}");
}

static void answer_ask(struct world *w, struct ask *ask)
{
    switch (w->tailscaled) {
    case TAILSCALED_UP:
    case TAILSCALED_STARTING:
        if (slice_eq(ask->path, SL(STATUS_PATH)))
            answer_status(w, ask);
        else
            answer_whois(w, ask);
        return;
    case TAILSCALED_DOWN: ask->job.err = ERR_IO; return;
    case TAILSCALED_HUNG: ask->job.err = ERR_TIMEOUT; return;
    case TAILSCALED_GARBAGE:
        ask->ret_status = 200;
        ask->ret_body = SL("{\"Node\":{\"ID\":");
        return;
    case TAILSCALED_ERROR:
        ask->ret_status = 500;
        ask->ret_body = SL("{}");
        return;
    }
}

static struct job *take_all(struct door *d)
{
    struct job *all = d->head;

    d->head = NULL;
    d->tail = &d->head;
    return all;
}

static unsigned drain_asks(struct world *w)
{
    unsigned n = 0;

    for (struct job *j = take_all(&w->asks), *next; j != NULL; j = next, n++) {
        next = j->next;
        if (strike(w, AT_ASK, j) == INJECT_SILENCE)
            j->err = ERR_TIMEOUT;
        else
            answer_ask(w, (struct ask *)j);
        job_pass(j);
    }
    return n;
}

/* ---- documents ---- */

static unsigned drain_fetches(struct world *w)
{
    static const struct fetch_answer silence = { .outcome = FETCH_TOO_SLOW, .fresh_s = -1, .why = SL("No answer.") };
    unsigned n = 0;

    for (struct job *j = take_all(&w->fetches), *next; j != NULL; j = next, n++) {
        struct fetch *k = (struct fetch *)j;

        next = j->next;
        w->served_n++;
        k->ret = strike(w, AT_FETCH, j) == INJECT_SILENCE ? silence : w->served;
        j->err = fetch_err(k->ret.outcome);
        job_pass(j);
    }
    return n;
}

/* ---- the signer ---- */

static bool holds(const struct world *w, uint64_t handle)
{
    for (unsigned i = 0; i < w->held_n; i++)
        if (w->held[i] == handle)
            return true;
    return false;
}

bool world_signer_holds(const struct world *w, uint32_t number)
{
    return holds(w, key_handle(w->issuer.number, number));
}

static void generate(struct world *w, struct generating *g)
{
    if (holds(w, g->key)) {
        g->msg.job.err = ERR_EXISTS;
        return;
    }
    signing_drawer(w, g);
    world_require(w->held_n < WORLD_KEYS_MAX, "the signer", SL("too many keys"));
    w->held[w->held_n++] = g->key;
}

static void forget(struct world *w, struct unsealing *m)
{
    for (unsigned i = 0; i < w->held_n; i++)
        if (w->held[i] == m->key)
            w->held[i] = w->held[--w->held_n];
    signer_run(w->signer, &m->msg.job);
}

static enum suspension suspension_of(const struct signer_msg *m)
{
    switch (m->task) {
    case SIGNER_SIGN: return AT_SIGN;
    case SIGNER_GENERATE: return AT_GENERATE;
    case SIGNER_UNSEAL:
    case SIGNER_FORGET: break;
    }
    return AT_FORGET;
}

static void work(struct world *w, enum suspension what, struct job *j)
{
    if (what == AT_GENERATE)
        generate(w, (struct generating *)j);
    else if (what == AT_FORGET)
        forget(w, (struct unsealing *)j);
    else
        signer_run(w->signer, j);
}

static unsigned drain_signing(struct world *w)
{
    unsigned n = 0;

    for (struct job *j = take_all(&w->signing), *next; j != NULL; j = next, n++) {
        enum suspension what = suspension_of((const struct signer_msg *)j);

        next = j->next;
        if (strike(w, what, j) == INJECT_CRYPTO)
            j->err = ERR_CRYPTO;
        else
            work(w, what, j);
        job_pass(j);
    }
    return n;
}

/* ---- the writer ---- */

/* A client that has left learns nothing of it, but what was committed stays. */
static void note_gone(struct world *w, const struct job *j)
{
    const struct req *r = j->owner;

    for (struct visit *v = w->visits; v != NULL && j->err == ERR_OK; v = v->next)
        if (v->gone && slice_eq(v->request_id, r->id))
            v->committed = true;
}

/* False: the job is not committed. */
static bool judge_commit(struct world *w, struct job *j)
{
    switch (strike(w, AT_COMMIT, j)) {
    case INJECT_CHANGED: j->err = ERR_CHANGED; return false;
    case INJECT_FULL: j->err = ERR_FULL; return false;
    case INJECT_TOUCHED:
        if (touch_one(w, txn_of_job(j)))
            return true;
        j->err = ERR_CHANGED;
        return false;
    case INJECT_NOTHING:
    case INJECT_HANG_UP:
    case INJECT_CRYPTO:
    case INJECT_SILENCE: break;
    }
    return true;
}

static unsigned drain_commit(struct world *w)
{
    struct job *all[BATCH_MAX];
    struct txn *batch[BATCH_MAX];
    unsigned n = 0, batch_n = 0;

    for (struct job *j = take_all(&w->commit); j != NULL && n < BATCH_MAX; j = j->next)
        all[n++] = j;
    for (unsigned i = 0; i < n; i++)
        if (judge_commit(w, all[i]))
            batch[batch_n++] = txn_of_job(all[i]);
    store_commit(w->store, batch, batch_n);
    for (unsigned i = 0; i < n; i++)
        note_gone(w, all[i]);
    jobs_pass(all, n);
    return n;
}

/* What lands may push others home. */
static void land(struct world *w)
{
    while (inbox_drain(&w->inbox) > 0)
        continue;
    machine_send(&w->machine);
    log_flush();
}

unsigned world_drain(struct world *w, const struct door *d)
{
    machine_send(&w->machine);
    unsigned n = d == &w->asks      ? drain_asks(w)
                 : d == &w->fetches ? drain_fetches(w)
                 : d == &w->signing ? drain_signing(w)
                                    : drain_commit(w);

    land(w);
    return n;
}

void world_run(struct world *w)
{
    unsigned moved = 0;

    land(w);
    do {
        moved = world_drain(w, &w->asks);
        moved += world_drain(w, &w->fetches);
        moved += world_drain(w, &w->signing);
        moved += world_drain(w, &w->commit);
    } while (moved > 0);
}
