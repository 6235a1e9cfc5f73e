/* Requests and their answers, as the other end of a connection sees them. Every answer is judged by what holds for all of them; where a
 * replay has injected a failure, the client sees that it was told so, and asks again. */
#include <string.h>

#include "cookie.h"
#include "log.h"
#include "route.h"
#include "upkeep.h"
#include "world_int.h"

#define HEADS_MAX       16
#define HEAD_POOL_BYTES ((size_t)1 << 20)
#define TICKS_MAX       64

static struct slice path_of(struct slice target)
{
    return slice_head(target, slice_find(target, '?'));
}

static bool has_code(const struct seen *s)
{
    struct slice location = seen_header(s, "location");

    return !slice_is_none(location) && memmem(location.p, location.n, "code=", 5) != NULL;
}

/* ---- what holds for every answer ---- */

static bool has(struct slice text, const char *what)
{
    return memmem(text.p, text.n, what, strlen(what)) != NULL;
}

static void judge_cookie(const struct issuer *issuer, struct slice set)
{
    struct slice name = slice_head(set, slice_find(set, '='));

    CHECK(slice_eq(name, session_cookie_name(issuer)) || (issuer->dev && slice_eq(name, SL(COOKIE_NAME_DEV))));
    CHECK(has(set, "; Path=/;") && has(set, "; HttpOnly") && has(set, "; SameSite=Lax"));
    CHECK(has(set, "; Secure") == issuer->https);
    CHECK(!has(set, "Domain"));
}

/* Nothing of other people's on our pages, and nobody puts them in a frame. */
static void judge_page(const struct seen *s)
{
    struct slice policy = seen_header(s, "content-security-policy");

    CHECK(has(policy, "default-src 'none'") && has(policy, "frame-ancestors 'none'") && has(policy, "base-uri 'none'"));
    CHECK(!has(policy, "unsafe") && !has(policy, "*"));
    CHECK(!seen_has(s, "<script>") && !seen_has(s, "onclick") && !seen_has(s, "style="));
}

static void judge_headers(const struct issuer *issuer, const struct seen *s)
{
    for (size_t i = 0; i < s->header_count; i++) {
        for (size_t j = 0; j < s->headers[i].value.n; j++)
            CHECK(s->headers[i].value.p[j] >= ' ');
        for (size_t j = 0; j < i; j++)
            CHECK(!slice_eq(s->headers[i].name, s->headers[j].name));
        if (slice_eq(s->headers[i].name, SL("set-cookie")))
            judge_cookie(issuer, s->headers[i].value);
    }
}

static bool is_document(struct slice path)
{
    return slice_starts(path, SL("/.well-known/")) || slice_starts(path, SL("/static/"));
}

static void judge(const struct visit *v)
{
    const struct issuer *issuer = &v->w->issuer;
    const struct seen *s = &v->seen;
    struct slice path = path_of(v->call.target), caching = seen_header(s, "cache-control");
    bool post = slice_eq(slice_of(v->call.method), SL("POST"));

    judge_headers(issuer, s);
    CHECK_TEXT(seen_header(s, "x-content-type-options"), "nosniff");
    CHECK(slice_eq(seen_header(s, "strict-transport-security"), issuer->https ? SL("max-age=31536000") : SL("")));
    if (!is_document(path) && !slice_eq(slice_of(v->call.method), SL("OPTIONS")))
        CHECK_TEXT(caching, "no-store");
    CHECK(s->status != 302 || !post); /* RFC 9700 4.12: 303 after a POST, and never 307 */
    CHECK(s->status != 303 || post);
    CHECK(s->status != 307 && s->status != 308);
    CHECK_INT(!slice_is_none(seen_header(s, "retry-after")), s->status == 503);
    if (slice_starts(seen_header(s, "content-type"), SL("text/html")))
        judge_page(s);
}

/* ---- there and back ---- */

static void keep_cookie(struct visit *v, struct slice set)
{
    struct guest *g = v->guest;
    size_t name_n = slice_find(set, '=');

    if (slice_is_none(set) || g->is_program || g->drops_cookies)
        return;
    bool is_dev = slice_eq(slice_head(set, name_n), SL(COOKIE_NAME_DEV));
    struct slice rest = slice_from(set, name_n + 1), value = slice_head(rest, slice_find(rest, ';'));
    char *to = is_dev ? g->dev_cookie : g->cookie;
    world_require(value.n < (is_dev ? sizeof(g->dev_cookie) : sizeof(g->cookie)), "a cookie",
                  SL("too long for the jar"));
    memcpy(to, value.p, value.n);
    to[value.n] = '\0';
}

static void keep_secrets(struct world *w, const struct seen *s)
{
    static const char *const params[] = { "code" }, *const members[] = { "access_token", "id_token" };
    struct slice set = seen_header(s, "set-cookie");

    if (has_code(s))
        world_keep_secret(w, seen_param(w, s, params[0]));
    for (size_t i = 0; i < 2 && s->status == 200 && s->body.n > 0 && s->body.p[0] == '{'; i++)
        world_keep_secret(w, seen_member(w, s, members[i]));
    if (!slice_is_none(set))
        world_keep_secret(w, slice_head(slice_from(set, slice_find(set, '=') + 1), 40));
}

static void take_answer(struct client_conn *c, const struct answer *a)
{
    struct visit *v = (struct visit *)c;
    struct pool *p = v->w->pool;

    CHECK_INT(v->answers++, 0);
    v->seen = (struct seen){ .status = a->status,
                             .header_count = a->header_count,
                             .body = a->head_only ? SL("") : pool_dup(p, a->body) };
    for (size_t i = 0; i < a->header_count; i++)
        v->seen.headers[i] = (struct http_header){ pool_dup(p, a->headers[i].name), pool_dup(p, a->headers[i].value) };
    judge(v);
    keep_cookie(v, seen_header(&v->seen, "set-cookie"));
    keep_secrets(v->w, &v->seen);
}

struct head {
    struct http_header at[HEADS_MAX];
    size_t n;
};

static void add(struct head *h, const char *name, struct slice value)
{
    world_require(h->n < HEADS_MAX, "a request", SL("too many headers"));
    h->at[h->n++] = (struct http_header){ slice_of(name), value };
}

static struct slice cookies_of(const struct visit *v, struct pool *p)
{
    struct slice name = session_cookie_name(&v->w->issuer);
    const struct guest *g = v->guest;
    struct buf b;

    buf_init(&b, p, 1024);
    buf_put(&b, SL("theme=dark"));
    if (g->cookie[0] != '\0')
        buf_fmt(&b, "; " SLICE_FMT "=%s", SLICE_ARG(name), g->cookie);
    if (g->dev_cookie[0] != '\0')
        buf_fmt(&b, "; " COOKIE_NAME_DEV "=%s; lang=en", g->dev_cookie);
    return buf_finish(&b);
}

static void add_browser(struct head *h, struct pool *p, const struct visit *v)
{
    struct slice path = path_of(v->call.target);
    bool own = slice_eq(path, SL("/decision")) || slice_eq(path, SL("/dev")),
         post = slice_eq(slice_of(v->call.method), SL("POST"));

    add(h, "accept", SL("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"));
    add(h, "sec-fetch-site", own ? SL("same-origin") : SL("cross-site"));
    add(h, "sec-fetch-mode", SL("navigate"));
    add(h, "sec-fetch-dest", SL("document"));
    if (post)
        add(h, "origin", own ? v->w->issuer.url : SL("https://grafana.example"));
    add(h, "cookie", cookies_of(v, p));
}

/* What the call says takes the place of what the guest would send. */
static void replace(struct head *h, const char *name, struct slice value)
{
    size_t i = 0;

    while (i < h->n && !slice_eq(h->at[i].name, slice_of(name)))
        i++;
    if (slice_is_none(value) && i < h->n)
        h->at[i] = h->at[--h->n];
    else if (i < h->n)
        h->at[i].value = value;
    else if (!slice_is_none(value))
        add(h, name, value);
}

static void fill_head(struct head *h, struct pool *p, const struct visit *v)
{
    const struct call *c = &v->call;

    h->n = 0;
    if (v->guest->is_program)
        add(h, "accept", SL("application/json"));
    else
        add_browser(h, p, v);
    if (!slice_is_none(c->body))
        add(h, "content-type", SL("application/x-www-form-urlencoded"));
    for (size_t i = 0; i < c->header_count; i++)
        replace(h, c->headers[i].name, c->headers[i].value);
    for (size_t i = 0; i < h->n; i++)
        h->at[i].value = pool_dup(p, h->at[i].value);
}

/* The request lies in memory of its own, which is gone when the handler returns, as a server's would be. */
static void deliver(struct visit *v)
{
    const struct call *c = &v->call;
    struct pool *p = pool_create(HEAD_POOL_BYTES);
    size_t path_n = slice_find(c->target, '?');
    struct slice target = pool_dup(p, c->target);
    struct head head;
    struct http_request h = {
        .method = pool_dup(p, slice_of(c->method)),
        .path = slice_head(target, path_n),
        .query = path_n < target.n ? slice_from(target, path_n + 1) : SLICE_NONE,
        .host = pool_dup(p, c->host != NULL ? slice_of(c->host) : v->w->issuer.host),
        .headers = head.at,
        .body = pool_dup(p, slice_is_none(c->body) ? SL("") : c->body),
        .tls = true,
        .by_unix = v->guest->by_unix,
        .peer_uid = v->guest->uid != 0 ? v->guest->uid : NO_UID,
        .listener = v->w->listeners[v->guest->class],
    };

    world_require(address_parse(slice_of(v->guest->address), &h.peer), "an address", slice_of(v->guest->address));
    h.peer.port = 50000;
    fill_head(&head, p, v);
    h.header_count = head.n;
    route_handle(&v->w->machine, &h, &v->client);
    pool_destroy(p);
}

struct visit *world_send(struct world *w, struct guest *g, const struct call *c)
{
    struct visit *v = pool_zalloc(w->pool, sizeof(*v));

    *v = (struct visit){ .client = { .answer = take_answer }, .w = w, .next = w->visits, .guest = g, .call = *c };
    if (v->call.method == NULL)
        v->call.method = slice_is_none(c->body) ? "GET" : "POST";
    w->visits = v;
    deliver(v);
    machine_send(&w->machine); /* as the loop does after each wake */
    return v;
}

void call_header(struct call *c, const char *name, struct slice value)
{
    world_require(c->header_count < CALL_HEADERS_MAX, "a call", SL("too many headers"));
    c->headers[c->header_count].name = name;
    c->headers[c->header_count++].value = value;
}

/* ---- after an injected failure ---- */

static bool was_failed(const struct world *w, const struct visit *v)
{
    enum injection kind = w->injection.kind;

    if (w->over)
        return false;
    if (kind != INJECT_FULL && kind != INJECT_CRYPTO && kind != INJECT_SILENCE)
        return false;
    return v->struck || (w->injection.unasked && v->seen.status >= 500);
}

/* Nothing was kept, and the client is told that it may try again. */
static void judge_failure(struct world *w, const struct visit *v)
{
    const struct seen *s = &v->seen;
    bool crypto = w->injection.kind == INJECT_CRYPTO;

    CHECK(slice_is_none(seen_header(s, "set-cookie")));
    CHECK_TEXT(seen_error(w, s), crypto ? "server_error" : "temporarily_unavailable");
    if (w->injection.kind == INJECT_SILENCE && (s->status == 302 || s->status == 200))
        return; /* prompt=none: by redirect or form_post */
    CHECK_INT(s->status, crypto ? 500 : 503);
    CHECK(slice_is_none(seen_header(s, "location")));
}

static struct visit *send_again(struct world *w, const struct visit *v)
{
    struct visit *second = world_send(w, v->guest, &v->call);

    world_run(w);
    CHECK(!second->gone);
    CHECK_INT(second->answers, 1);
    return second;
}

/* The answer whose client had left went nowhere, but what it said may be true: then a code is used up. */
static struct visit *ask_again(struct world *w, struct visit *v)
{
    bool used = v->committed && slice_eq(path_of(v->call.target), SL("/token"));

    CHECK_INT(v->answers, 0);
    if (w->replayed && (w->course->at[w->injection.at] == AT_ASK || w->course->at[w->injection.at] == AT_FETCH))
        CHECK(!v->committed); /* nobody waited for it any more when it landed */
    w->lost += v->committed;
    struct visit *second = send_again(w, v);
    if (!used || !w->replayed || !slice_starts(w->course->answer[w->answers], SL("200")))
        return second;
    CHECK_INT(second->seen.status, 400);
    CHECK_TEXT(seen_error(w, &second->seen), "invalid_grant");
    longjmp(w->end, 1);
}

/* The same as when nothing was injected, but for what is random. After an answer that was lost a browser may lack a cookie. */
static void compare(struct world *w, const struct visit *v)
{
    struct slice text = seen_mask(w, &v->seen);
    size_t i = w->answers++;

    if (w->over)
        return;
    world_require(i < COURSE_ANSWERS_MAX, "a scenario", SL("too many answers"));
    if (!w->replayed) {
        w->course->answer[i] = pool_dup(w->course->pool, text);
        w->course->answers = w->answers;
    } else if (w->lost == 0 && !w->races) {
        CHECK_TEXT(text, slice_cstr(w->pool, w->course->answer[i]));
    }
}

const struct seen *world_answer(struct world *w, struct visit *v)
{
    if (v->gone) {
        v = ask_again(w, v);
    } else if (was_failed(w, v)) {
        judge_failure(w, v);
        v = send_again(w, v);
    }
    CHECK_INT(v->answers, 1);
    compare(w, v);
    return &v->seen;
}

/* ---- in one go ---- */

const struct seen *world_call(struct world *w, struct guest *g, const struct call *c)
{
    struct visit *v = world_send(w, g, c);

    world_run(w);
    return world_answer(w, v);
}

const struct seen *world_get(struct world *w, struct guest *g, struct slice target)
{
    return world_call(w, g, &(struct call){ .target = target });
}

const struct seen *world_post(struct world *w, struct guest *g, const char *path, struct slice form)
{
    return world_call(w, g, &(struct call){ .target = slice_of(path), .body = form });
}

/* A tick that was struck is followed by another one, as it would be. */
void world_upkeep(struct world *w)
{
    unsigned ticks = 0;

    do {
        w->injection.unasked = false;
        upkeep_keys(&w->machine);
        upkeep_sweep(&w->machine);
        world_run(w);
    } while (w->injection.unasked && w->injection.kind != INJECT_HANG_UP && ++ticks < TICKS_MAX);
}
