/* The driver of requests. One complication: whoever holds r->out owns the request, memory and all, so after a step has
 * answered WAIT nothing here looks at it again until the job lands. */
#include "req.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "encode.h"
#include "keys.h"
#include "log.h"
#include "reply.h"

#define REQ_ID_BYTES 8

static int64_t monotonic_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- life ---- */

static void on_gone(void *ctx)
{
    struct req *r = ctx;

    assert(r->out != NULL); /* the loop answers whatever it holds before it looks at connections again */
    r->client = NULL;
}

static struct slice make_id(struct pool *p)
{
    uint8_t id[REQ_ID_BYTES];

    random_bytes(id, sizeof(id));
    return hex_encode(p, slice_bytes(id, sizeof(id)));
}

struct req *req_create(struct machine *m, const struct route *route, const struct endpoint *endpoint,
                       struct client_conn *client)
{
    if (m->waiting >= REQS_WAITING_MAX)
        return NULL;
    struct pool *p = pool_create(REQ_POOL_BYTES);
    struct req *r = pool_zalloc(p, sizeof(*r));
    m->waiting++;
    r->m = m;
    r->route = route;
    r->endpoint = endpoint;
    r->issuer = m->issuer;
    r->pool = p;
    r->now = m->clock(m->clock_ctx);
    r->began_ms = monotonic_ms();
    r->id = make_id(p);
    r->client = client;
    r->unasked = client == NULL;
    if (client != NULL) {
        client->on_gone = on_gone;
        client->ctx = r;
    }
    return r;
}

static void release(struct req *r)
{
    void (*done)(struct req *) = r->done;
    struct pool *p = r->pool;

    r->m->waiting--;
    if (done != NULL)
        done(r);
    pool_destroy(p);
}

/* ---- steps ---- */

static void start_over(struct req *r)
{
    r->at = r->endpoint->steps;
    r->state = pool_zalloc(r->pool, r->endpoint->state_bytes + 1);
    r->txn = txn_create(r->pool, r->m->view, r->issuer->number);
    memset(&r->signing, 0, sizeof(r->signing));
    memset(&r->answer, 0, sizeof(r->answer));
    r->deny = (struct deny){ OAUTH_NO_ERROR, NULL, NULL };
    r->log_client = r->log_person = SLICE_NONE; /* they may point into what was rewound */
    r->back = BACK_PAGE;
    r->err = ERR_OK;
    r->end = NEXT;
    r->settled = false;
}

void req_begin(struct req *r)
{
    req_keep(r);
    start_over(r);
    req_run(r, NEXT);
}

void req_keep(struct req *r)
{
    r->kept = pool_mark(r->pool);
}

static enum next rewind_steps(struct req *r)
{
    r->m->count.again++;
    if (++r->tries >= REQ_TRIES_MAX)
        return req_fail(r, ERR_CHANGED);
    view_rest(r->m->view); /* the next look is at what has changed */
    pool_rewind(r->pool, r->kept);
    start_over(r);
    return NEXT;
}

/* A read that failed looks like absence to the step, so what the transaction says comes first. */
static enum next judge(struct req *r, enum next n)
{
    enum err e = txn_err(r->txn);

    if (e == ERR_CHANGED)
        return AGAIN;
    if (e == ERR_OK && pool_is_over(r->pool))
        e = ERR_LIMIT;
    return e == ERR_OK ? n : req_fail(r, e);
}

static enum next run_step(struct req *r)
{
    enum next n = (r->at++)->run(r);

    return n == WAIT ? WAIT : judge(r, n);
}

static enum next end(struct req *r, enum next n)
{
    if (r->end == NEXT) {
        r->end = n;
        if (n == DENY && r->err == ERR_OK && r->endpoint->on_deny != NULL)
            r->endpoint->on_deny(r);
    }
    if (r->err != ERR_OK)
        r->end = DENY; /* an answer that was ready before the commit failed is not true */
    if (r->err != ERR_OK || r->settled || !txn_is_dirty(r->txn))
        return r->end;
    n = settle(r);
    return n == WAIT ? WAIT : r->end;
}

static void log_answer(const struct req *r)
{
    enum log_level level = r->err != ERR_OK ? LOG_ERROR : LOG_INFO;
    struct slice why = slice_of(r->err != ERR_OK ? err_text(r->err) : r->deny.why);
    struct slice error = r->end == DENY && r->err == ERR_OK ? slice_of(oauth_error_code(r->deny.code)) : SLICE_NONE;
    struct log_field fields[9] = {
        LOG_TEXT("path", r->route->path),
        LOG_NUM("status", r->answer.status),
        LOG_NUM("ms", monotonic_ms() - r->began_ms),
        LOG_TEXT("request", r->id),
    };
    const struct log_field more[] = { LOG_TEXT("client_id", r->log_client), LOG_TEXT("login", r->log_person),
                                      LOG_TEXT("error", error), LOG_TEXT("why", why) };
    size_t n = 4;

    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        if (!slice_is_none(more[i].text))
            fields[n++] = more[i];
    if (r->tries > 0)
        fields[n++] = LOG_NUM("again", r->tries);
    log_line(level, r->origin.post ? "POST" : "GET", fields, n);
}

static void answer(struct req *r)
{
    struct client_conn *client = r->client;

    if (!r->unasked) {
        if (r->end == DENY && (r->answer.status == 0 || r->err != ERR_OK))
            reply_deny(r);
        r->answer.head_only = r->origin.head;
        r->m->count.answered_503 += r->answer.status == 503;
        log_answer(r);
    }
    if (client != NULL)
        client->answer(client, &r->answer);
    release(r);
}

void req_run(struct req *r, enum next n)
{
    struct machine *m = r->m;

    while (n == NEXT || n == AGAIN)
        n = n == NEXT ? run_step(r) : rewind_steps(r);
    if (n == DENY || n == DONE) {
        n = end(r, n);
        if (n != WAIT)
            answer(r);
    }
    view_rest(m->view);
}

/* ---- waiting ---- */

/* A request that nobody waits for any more stops here: what it committed stays, what it has not is dropped. */
static void on_land(struct job *j)
{
    struct req *r = j->owner;

    r->landed = j;
    r->out = NULL;
    if (r->client == NULL && !r->unasked) {
        release(r);
        return;
    }
    enum next n = r->land(r);
    req_run(r, n == WAIT ? WAIT : n == AGAIN ? AGAIN : judge(r, n));
}

static void send(struct machine *m, struct job *job)
{
    if (!m->leaving.holds || job->at->send_list == NULL) {
        job_send(job);
        return;
    }
    job->next = NULL;
    if (m->leaving.head == NULL)
        m->leaving.tail = &m->leaving.head;
    *m->leaving.tail = job;
    m->leaving.tail = &job->next;
}

void machine_send(struct machine *m)
{
    struct job *first = m->leaving.head;

    m->leaving.head = NULL;
    jobs_send(first);
}

enum next req_wait(struct req *r, struct job *job, step *land)
{
    assert(job != NULL);
    r->out = job;
    r->land = land;
    for (struct job *j = job; j != NULL; j = j->then) {
        j->home = r->m->inbox;
        j->owner = r;
        j->land = on_land;
        j->err = ERR_OK;
    }
    send(r->m, job);
    return WAIT;
}

/* ---- outcomes ---- */

enum next deny(struct req *r, enum oauth_error code, const char *hint, const char *why)
{
    if (r->deny.code == OAUTH_NO_ERROR)
        r->deny = (struct deny){ code, hint, why };
    return DENY;
}

enum next req_fail(struct req *r, enum err e)
{
    if (r->err == ERR_OK)
        r->err = e;
    return DENY;
}

void req_raise(struct req *r, enum back to)
{
    if (to > r->back)
        r->back = to;
}

void machine_init(struct machine *m)
{
    keys_init(m);
}

void machine_forget(struct machine *m)
{
    m->documents.issuer = NULL;
    whois_memo_finish(&m->whois);
}

void machine_finish(struct machine *m)
{
    assert(m->waiting == 0);
    keys_finish(m);
    whois_memo_finish(&m->whois);
    dev_finish(&m->dev);
    documents_finish(&m->documents);
}
