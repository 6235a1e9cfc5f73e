#include "invariants.h"

#include <string.h>

#include "encode.h"
#include "form.h"
#include "jose.h"

static bool contains(struct slice text, struct slice what)
{
    return what.n > 0 && text.n > 0 && memmem(text.p, text.n, what.p, what.n) != NULL;
}

static struct slice path_of(const struct visit *v)
{
    return slice_head(v->call.target, slice_find(v->call.target, '?'));
}

static bool is_at(const struct visit *v, const char *path)
{
    return slice_eq(path_of(v), slice_of(path));
}

static struct slice sent_header(const struct visit *v, const char *name)
{
    for (size_t i = v->call.header_count; i-- > 0;)
        if (strcmp(v->call.headers[i].name, name) == 0)
            return v->call.headers[i].value;
    return SLICE_NONE;
}

/* The client may be shown what it has sent itself. */
static bool was_sent(const struct visit *v, struct slice what)
{
    for (size_t i = 0; i < v->call.header_count; i++)
        if (contains(v->call.headers[i].value, what))
            return true;
    return contains(v->call.target, what) || contains(v->call.body, what);
}

/* ---- where people are sent ---- */

/* Registered as it is, or a loopback address with a port (RFC 8252 7.3). */
static bool is_registered_of(const struct app *app, struct slice uri)
{
    static const struct slice loopback = SL("http://127.0.0.1");
    struct slice registered = slice_of(app->redirect_uri);

    if (!slice_starts(registered, loopback) || !slice_starts(uri, loopback))
        return slice_eq(uri, registered);
    struct slice rest = slice_from(uri, loopback.n);
    size_t n = slice_starts(rest, SL(":")) ? 1 : 0;
    while (n > 0 && n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
        n++;
    return slice_eq(slice_from(rest, n), slice_from(registered, loopback.n));
}

static const struct app *find_app(const struct history *h, struct slice uri)
{
    for (size_t i = 0; i < sizeof(h->apps) / sizeof(h->apps[0]); i++)
        if (is_registered_of(h->apps[i], slice_head(uri, slice_find(uri, '?'))))
            return h->apps[i];
    return NULL;
}

static bool is_our_own(struct slice uri)
{
    return slice_eq(uri, SL("/")) || slice_eq(uri, SL("/decision")) || slice_eq(uri, SL("/dev")) ||
           slice_starts(uri, SL("/authorize?flow="));
}

/* A redirect, and each form of a page. The application that it ends at; NULL: it stays with us. */
static const struct app *judge_target(const struct history *h, struct slice uri)
{
    const struct app *app = find_app(h, uri);

    if (app == NULL && !is_our_own(uri)) {
        printf("# sent to " SLICE_FMT "\n", SLICE_ARG(uri));
        WORLD_FAIL("nobody is sent to what is not registered");
    }
    return app;
}

static const struct app *judge_targets(const struct history *h, const struct seen *s)
{
    static const struct slice action = SL(" action=\"");
    struct slice location = seen_header(s, "location"), rest = s->body;
    const struct app *app = slice_is_none(location) ? NULL : judge_target(h, location);

    if (!slice_starts(seen_header(s, "content-type"), SL("text/html")))
        return app;
    for (const char *at; (at = memmem(rest.p, rest.n, action.p, action.n)) != NULL;) {
        rest = slice_from(rest, (size_t)(at - rest.p) + action.n);
        const struct app *to = judge_target(h, slice_head(rest, slice_find(rest, '"')));
        app = to != NULL ? to : app;
    }
    return app;
}

/* ---- codes ---- */

static struct slice posted_code(const struct seen *s)
{
    static const struct slice field = SL("name=\"code\" value=\"");
    const char *at = s->body.n > 0 ? memmem(s->body.p, s->body.n, field.p, field.n) : NULL;

    if (at == NULL)
        return SLICE_NONE;
    struct slice rest = slice_from(s->body, (size_t)(at - s->body.p) + field.n);
    return slice_head(rest, slice_find(rest, '"'));
}

static int64_t user_of(const struct guest *g)
{
    return strcmp(g->address, ALICE_LAPTOP) == 0 ? ALICE : strcmp(g->address, BOB_PHONE) == 0 ? BOB : 0;
}

static struct issued *find_code(struct history *h, struct slice code)
{
    for (size_t i = 0; i < h->n; i++)
        if (slice_eq(h->issued[i].code, code))
            return &h->issued[i];
    return NULL;
}

/* A page's code comes again with each press, for the same person and application. */
static void note_code(struct history *h, const struct visit *v, const struct app *app)
{
    struct slice in_location = seen_param(h->w, &v->seen, "code");
    struct slice code = slice_is_none(in_location) ? posted_code(&v->seen) : in_location;
    int64_t user_id = user_of(v->guest);

    if (slice_is_none(code))
        return;
    CHECK(app != NULL && user_id != 0);
    CHECK(is_at(v, "/authorize") || is_at(v, "/decision"));
    struct issued *known = find_code(h, code);
    if (known != NULL)
        CHECK(known->app == app && known->user_id == user_id);
    else if (h->n < ISSUED_MAX)
        h->issued[h->n++] = (struct issued){ .code = code, .app = app, .user_id = user_id };
}

/* ---- tokens ---- */

static struct slice form_value(struct world *w, struct slice form, const char *wanted)
{
    struct slice rest = form, name, value;

    for (enum form_next n; (n = form_next(w->pool, &rest, &name, &value)) != FORM_END;)
        if (n == FORM_PAIR && slice_eq(name, slice_of(wanted)) && value.n > 0)
            return value;
    return SLICE_NONE;
}

/* The secret, in the body or in the header, encoded or not. A public client has none: its verifier is what it proves. */
static bool is_proven(struct world *w, const struct visit *v, const struct app *app)
{
    struct slice header = sent_header(v, "authorization"), bytes, decoded;

    if (app->secret == NULL || slice_eq(form_value(w, v->call.body, "client_secret"), slice_of(app->secret)))
        return true;
    if (header.n < 6 || !base64_decode(w->pool, slice_trim(slice_from(header, 6)), &bytes))
        return false;
    struct slice wanted = pool_fmt(w->pool, "%s:%s", app->client_id, app->secret);
    return slice_eq(bytes, wanted) || (percent_decode(w->pool, bytes, true, &decoded) && slice_eq(decoded, wanted));
}

static void judge_id_token(struct world *w, const struct issued *i)
{
    char user[24];
    struct jws jws;

    (void)snprintf(user, sizeof(user), "%" PRId64, i->user_id);
    if (jws_parse(w->pool, i->id_token, &jws) != ERR_OK) {
        WORLD_FAIL("an ID token that can be read");
        return;
    }
    CHECK_TEXT(claim_text(jws.claims, "sub"), user);
    CHECK_TEXT(claim_text(jws.claims, "aud"), i->app->client_id);
    CHECK_TEXT(claim_text(jws.claims, "iss"), WORLD_URL);
}

static void judge_tokens(struct history *h, const struct visit *v)
{
    struct world *w = h->w;
    struct slice access_token = seen_member(w, &v->seen, "access_token");

    CHECK(!slice_is_none(access_token));
    struct issued *i = find_code(h, form_value(w, v->call.body, "code"));
    if (i == NULL) {
        WORLD_FAIL("a token for a code that was issued");
        return;
    }
    CHECK(slice_is_none(i->access_token)); /* once */
    CHECK(is_proven(w, v, i->app));
    CHECK_TEXT(form_value(w, v->call.body, "code_verifier"), i->app->verifier);
    i->access_token = access_token;
    i->id_token = seen_member(w, &v->seen, "id_token");
    if (!slice_is_none(i->id_token))
        judge_id_token(w, i);
}

static void judge_userinfo(struct history *h, const struct visit *v)
{
    struct slice header = sent_header(v, "authorization"), sub = seen_member(h->w, &v->seen, "sub");
    struct slice sent =
        header.n > 7 ? slice_trim(slice_from(header, 7)) : form_value(h->w, v->call.body, "access_token");
    uint64_t user_id = 0;

    for (size_t i = 0; i < h->n; i++) {
        if (slice_is_none(h->issued[i].access_token) || !slice_eq(h->issued[i].access_token, sent))
            continue;
        CHECK(slice_to_u64(sub, INT64_MAX, &user_id));
        CHECK_INT(user_id, h->issued[i].user_id);
        return;
    }
    WORLD_FAIL("userinfo for a token that was issued");
}

/* ---- secrets ---- */

static bool shows(const struct seen *s, struct slice what)
{
    for (size_t i = 0; i < s->header_count; i++)
        if (contains(s->headers[i].value, what))
            return true;
    return contains(s->body, what);
}

static void judge_secret(const struct visit *v, struct slice secret, const char *what)
{
    if (!slice_is_none(secret) && shows(&v->seen, secret) && !was_sent(v, secret))
        WORLD_FAIL(what);
}

static void judge_secrets(const struct history *h, const struct visit *v)
{
    bool is_token = is_at(v, "/token");

    for (size_t i = 0; i < sizeof(h->apps) / sizeof(h->apps[0]); i++)
        judge_secret(v, slice_of(h->apps[i]->secret), "no client secret in an answer");
    for (size_t i = 0; i < h->n; i++) {
        const struct issued *one = &h->issued[i];

        if (!is_token) {
            judge_secret(v, one->access_token, "access tokens come from /token");
            judge_secret(v, one->id_token, "ID tokens come from /token");
        }
        if (one->user_id != user_of(v->guest))
            judge_secret(v, one->code, "codes go to whom they were issued to");
    }
}

static bool is_misplaced_in(struct world *w, struct slice text, struct slice secret)
{
    static const char *const places[] = { "code", "client_secret", "access_token", "id_token_hint" };
    struct slice rest = text, piece, name, value;

    while (slice_cut(&rest, '&', &piece)) {
        struct slice pair = piece;
        bool is_pair = form_next(w->pool, &pair, &name, &value) == FORM_PAIR, is_right = false;

        for (size_t i = 0; is_pair && i < sizeof(places) / sizeof(places[0]); i++)
            is_right |= slice_eq(name, slice_of(places[i])) && slice_eq(value, secret);
        if (!is_right && (contains(piece, secret) || (is_pair && (contains(name, secret) || contains(value, secret)))))
            return true;
    }
    return false;
}

static bool is_misplaced(struct world *w, const struct call *c, struct slice secret)
{
    size_t path_n = slice_find(c->target, '?');

    for (size_t i = 0; i < c->header_count; i++)
        if (strcmp(c->headers[i].name, "authorization") != 0 && strcmp(c->headers[i].name, "cookie") != 0 &&
            contains(c->headers[i].value, secret))
            return true;
    if (contains(slice_head(c->target, path_n), secret) || is_misplaced_in(w, c->body, secret))
        return true;
    return path_n < c->target.n && is_misplaced_in(w, slice_from(c->target, path_n + 1), secret);
}

void history_note_call(struct history *h, const struct call *c)
{
    struct world *w = h->w;

    for (unsigned i = w->secret_n; i-- > 0;)
        if (is_misplaced(w, c, w->secrets[i]))
            w->secrets[i] = w->secrets[--w->secret_n];
}

void history_judge(struct history *h, const struct visit *v)
{
    const struct seen *s = &v->seen;

    CHECK(s->status >= 200 && (s->status < 500 || s->status == 503 || (s->status == 500 && h->signer_failed)));
    note_code(h, v, judge_targets(h, s));
    if (is_at(v, "/token") && s->status == 200)
        judge_tokens(h, v);
    if (is_at(v, "/userinfo") && s->status == 200 && v->call.method != NULL && strcmp(v->call.method, "OPTIONS") != 0)
        judge_userinfo(h, v);
    judge_secrets(h, v);
}

const struct issued *history_last(const struct history *h)
{
    return h->n > 0 ? &h->issued[h->n - 1] : NULL;
}
