/* Whole requests in any order, over the scenarios' world (world.h): two applications, two people, two programs, failures in between, and
 * what must hold of every answer (invariants.h). The input is a script, a line a step: who, what, and the rest.
 *
 *   who     a, b: Alice's and Bob's browser; m, l: a program on a tagged node, on Alice's laptop
 *   what    a, A: /authorize by GET and POST; d: /decision; t: /token; u: /userinfo with this access token; g, p: any path, by GET, and by
 *           POST with a body behind a blank; h: "NAME: VALUE", a header of the next request of anybody (- for one that is left out)
 *   !iKN    N jobs later this goes wrong: c a change, t a write, f a full disk, s the signer, q silence of tailscaled, h a hang-up
 *   !sN     N seconds pass      !dN    tailscaled is in this state      !n     Alice's laptop is gone, or there again      !k     upkeep
 *   !(      what follows is sent together, until      !)
 *
 * In the rest $ stands for: A, C the parameters of an authorization request of Argo and of the command line tool; T, U their token
 * requests; c, k, i the newest code, access token, ID token; f the handle of the newest page; $ itself. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "invariants.h"

#define STEPS_MAX      40
#define REST_BYTES_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    struct world world;
    struct history history;
    struct guest guests[4];
    struct call headers; /* of the next request */
    struct visit *judged;
    struct slice flow;
    bool together;
};

/* ---- the rest of a line ---- */

static struct slice query_of(struct world *w, const struct app *a)
{
    struct slice target = app_request(w, a, NULL);

    return slice_from(target, slice_find(target, '?') + 1);
}

static struct slice stands_for(struct play *p, char c)
{
    const struct issued *last = history_last(&p->history);
    const struct issued none = { .code = SL("x") };
    struct world *w = &p->world;

    if (last == NULL)
        last = &none;
    switch (c) {
    case 'A': return query_of(w, &argo);
    case 'C': return query_of(w, &cli);
    case 'T': return app_form(w, &argo, last->code);
    case 'U': return app_form(w, &cli, last->code);
    case 'c': return last->code;
    case 'k': return last->access_token;
    case 'i': return last->id_token;
    case 'f': return p->flow;
    default: return SL("$");
    }
}

static struct slice expand(struct play *p, struct slice rest)
{
    struct buf b;

    buf_init(&b, p->world.pool, REST_BYTES_MAX);
    for (size_t i = 0; i < rest.n; i++) {
        if (rest.p[i] != '$' || i + 1 == rest.n)
            buf_char(&b, rest.p[i]);
        else
            buf_put(&b, stands_for(p, rest.p[++i]));
    }
    struct slice all = buf_finish(&b);
    return slice_is_none(all) ? SL("") : all;
}

/* What the scanner lets through (scan.h). */
static bool is_target(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#')
            return false;
    return slice_starts(s, SL("/")) && s.n <= 16384;
}

static bool is_value(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return slice_eq(slice_trim(s), s);
}

/* ---- requests ---- */

/* The handle in a page, or in the redirect to it. */
static struct slice flow_of(const struct seen *s)
{
    static const struct slice page = SL("/authorize?flow=");
    struct slice location = seen_header(s, "location");

    return slice_starts(location, page) ? slice_from(location, page.n) : seen_flow(s);
}

static void judge_new(struct play *p)
{
    struct visit *newest = p->world.visits;

    for (struct visit *v = newest; v != p->judged; v = v->next) {
        if (v->answers == 0)
            continue; /* its client has left */
        history_judge(&p->history, v);
        struct slice flow = flow_of(&v->seen);
        if (!slice_is_none(flow))
            p->flow = flow;
    }
    p->judged = newest;
}

static void run(struct play *p)
{
    world_run(&p->world);
    judge_new(p);
}

static void send(struct play *p, struct guest *g, const struct call *c)
{
    p->headers = (struct call){ .method = NULL };
    if (!is_target(c->target))
        return;
    history_note_call(&p->history, c);
    (void)world_send(&p->world, g, c);
    if (!p->together)
        run(p);
}

static void add_header(struct play *p, struct slice line)
{
    static const char *const names[] = { "origin",          "cookie",         "sec-fetch-site",
                                         "sec-fetch-dest",  "sec-fetch-mode", "sec-purpose",
                                         "accept",          "authorization",  "content-type",
                                         "x-forwarded-for", "if-none-match",  "access-control-request-method" };
    size_t colon = slice_find(line, ':');

    if (colon == line.n || p->headers.header_count == CALL_HEADERS_MAX)
        return;
    struct slice value = slice_trim(slice_from(line, colon + 1));
    if (slice_eq(slice_head(line, colon), SL("method")) && value.n > 0 &&
        is_target(pool_fmt(p->world.pool, "/" SLICE_FMT, SLICE_ARG(value))))
        p->headers.method = slice_cstr(p->world.pool, value);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_eq(slice_head(line, colon), slice_of(names[i])) && is_value(value))
            call_header(&p->headers, names[i], slice_eq(value, SL("-")) ? SLICE_NONE : value);
}

static void bear(struct play *p, struct call *c, struct slice token)
{
    struct slice value = pool_fmt(p->world.pool, "Bearer " SLICE_FMT, SLICE_ARG(token));

    if (c->header_count < CALL_HEADERS_MAX && is_value(value))
        call_header(c, "authorization", value);
}

static void request(struct play *p, struct guest *g, char what, struct slice rest)
{
    struct pool *pool = p->world.pool;
    struct call c = p->headers;
    size_t blank = slice_find(rest, ' ');

    switch (what) {
    case 'a': c.target = pool_fmt(pool, "/authorize?" SLICE_FMT, SLICE_ARG(rest)); break;
    case 'A':
        c.target = SL("/authorize");
        c.body = rest;
        break;
    case 'd':
        c.target = SL("/decision");
        c.body = rest;
        break;
    case 't':
        c.target = SL("/token");
        c.body = rest;
        break;
    case 'u':
        c.target = SL("/userinfo");
        bear(p, &c, rest);
        break;
    case 'g': c.target = rest; break;
    case 'p':
        c.target = slice_head(rest, blank);
        c.body = blank < rest.n ? slice_from(rest, blank + 1) : SL("");
        break;
    default: return;
    }
    send(p, g, &c);
}

/* ---- events ---- */

static void inject(struct play *p, struct slice what)
{
    static const char letters[] = "ctfsqh";

    static const enum injection kinds[] = { INJECT_CHANGED, INJECT_TOUCHED, INJECT_FULL,
                                            INJECT_CRYPTO,  INJECT_SILENCE, INJECT_HANG_UP };

    const char *at = what.n > 0 && what.p[0] != '\0' ? strchr(letters, what.p[0]) : NULL;
    uint64_t later = 0;

    if (at == NULL)
        return;
    (void)slice_to_u64(slice_from(what, 1), 64, &later);
    p->world.injection.kind = kinds[at - letters];
    p->world.injection.at = p->world.landings + (unsigned)later;
    p->history.signer_failed |= kinds[at - letters] == INJECT_CRYPTO;
}

static void happen(struct play *p, char what, struct slice rest)
{
    struct world *w = &p->world;
    uint64_t number = 0;

    (void)slice_to_u64(rest, 1000000, &number);
    switch (what) {
    case 'i': inject(p, rest); break;
    case 's': world_pass(w, (int64_t)number); break;
    case 'd': w->tailscaled = (enum tailscaled)(number % (TAILSCALED_ERROR + 1)); break;
    case 'n': world_node(w, ALICE_LAPTOP)->gone ^= true; break;
    case 'k':
        world_upkeep(w);
        judge_new(p);
        break;
    case '(': p->together = true; break;
    case ')':
        p->together = false;
        run(p);
        break;
    default: break;
    }
}

static void step_line(struct play *p, struct slice line)
{
    static const char letters[] = "abml";

    if (line.n < 2)
        return;
    struct slice rest = expand(p, slice_from(line, 2));
    const char *who = line.p[0] != '\0' ? strchr(letters, line.p[0]) : NULL;
    if (line.p[0] == '!')
        happen(p, line.p[1], rest);
    else if (who != NULL && line.p[1] == 'h')
        add_header(p, rest);
    else if (who != NULL)
        request(p, &p->guests[who - letters], line.p[1], rest);
}

static void begin(struct play *p)
{
    struct world *w = &p->world;

    tap_failures = 0;
    world_open(w, NULL, false);
    w->replayed = true; /* its course is not noted */
    w->counters_preset = false;
    app_add(w, &argo);
    app_register(w, &cli);
    p->history = (struct history){ .w = w, .apps = { &argo, &cli } };
    p->guests[0] = browser_at(ALICE_LAPTOP);
    p->guests[1] = browser_at(BOB_PHONE);
    p->guests[2] = program_at(MACHINE);
    p->guests[3] = program_at(ALICE_LAPTOP);
    p->headers = (struct call){ .method = NULL };
    p->flow = SL("x");
    p->judged = NULL;
    p->together = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct play play;
    struct slice rest = size == 0 ? SL("") : slice_bytes(data, size), line;

    begin(&play);
    for (unsigned i = 0; i < STEPS_MAX && slice_cut(&rest, '\n', &line); i++)
        step_line(&play, line);
    run(&play);
    world_inspect(&play.world);
    world_close(&play.world);
    (void)fflush(stdout);
    assert(tap_failures == 0);
    return 0;
}
