/* The table of routes, and what is refused before there is a request: name, path, method, media type, origin. What is let through and
 * documents are tests/scenario's. */
#include "route.h"

#include <string.h>

#include "machine.h"
#include "page.h"
#include "req.h"
#include "tap.h"

#define POOL_BYTES (1UL << 20)

static struct pool *pool;
static struct issuer issuer = { .url = SL("https://idp.example"), .host = SL("idp.example"), .https = true };
static const struct endpoint page = { .speech = SPEAK_PAGE }, json = { .speech = SPEAK_JSON };
static const struct endpoint *const table[ROUTE_COUNT] = {
    [ROUTE_AUTHORIZE] = &page, [ROUTE_DECISION] = &page, [ROUTE_TOKEN] = &json,   [ROUTE_USERINFO] = &json,
    [ROUTE_HOME] = &page,      [ROUTE_DEV] = &page,      [ROUTE_HEALTHZ] = &json,
};

static struct now no_time(void *ctx)
{
    (void)ctx;
    return (struct now){ .s = 1764000000, .ms = INT64_C(1764000000000) };
}

static struct machine machine = { .issuer = &issuer, .endpoints = table, .clock = no_time };
static struct answer answered;
static unsigned answers;
static char body[65536];

static void keep(struct client_conn *c, const struct answer *a)
{
    (void)c;
    answers++;
    answered = *a;
    CHECK(a->body.n < sizeof(body));
    if (a->body.n > 0 && a->body.n < sizeof(body))
        memcpy(body, a->body.p, a->body.n);
    answered.body = slice_bytes(body, a->body.n);
    for (size_t i = 0; i < a->header_count; i++)
        answered.headers[i].value = pool_dup(pool, a->headers[i].value);
}

static struct slice header(const char *name)
{
    for (size_t i = 0; i < answered.header_count; i++)
        if (slice_eq(answered.headers[i].name, slice_of(name)))
            return answered.headers[i].value;
    return SLICE_NONE;
}

struct sent {
    const char *method, *path, *host;
    enum listener_class class;
    const char *name[3], *value[3]; /* headers */
    const char *body;
};

/* The status; the request is refused at once. */
static unsigned send(const struct sent *s)
{
    struct client_conn c = { .answer = keep };
    struct http_header headers[3];
    struct http_request h = { .method = slice_of(s->method != NULL ? s->method : "GET"),
                              .path = slice_of(s->path),
                              .host = slice_of(s->host != NULL ? s->host : "idp.example"),
                              .headers = headers,
                              .body = slice_of(s->body != NULL ? s->body : ""),
                              .listener = listener_fake(pool, s->class, true) };

    for (; h.header_count < 3 && s->name[h.header_count] != NULL; h.header_count++)
        headers[h.header_count] =
            (struct http_header){ slice_of(s->name[h.header_count]), slice_of(s->value[h.header_count]) };
    answers = 0;
    route_handle(&machine, &h, &c);
    CHECK_INT(answers, 1);
    CHECK_INT(machine.waiting, 0);
    CHECK_TEXT(header("x-content-type-options"), "nosniff");
    return answered.status;
}

static bool says(const char *text)
{
    return memmem(answered.body.p, answered.body.n, text, strlen(text)) != NULL;
}

/* ---- the table ---- */

static void test_found(void)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        const struct route *r = route_at((enum route_id)i);
        CHECK_INT(r->id, i);
        CHECK(route_find(r->path) == r); /* so each path is there once */
        CHECK(slice_starts(r->path, SL("/")));
    }
}

/* Equal to the letter: whatever a proxy might fold together is another path. */
static void test_not_found(void)
{
    static const char *const paths[] = { "",        "//",       "/token/", "/Token",    "/token%20",    "/%74oken",
                                         "token",   "/./token", "//token", "/token;x",  "/authorize/x", "/tok",
                                         "/tokens", "/.",       "/dev/",   "/decision/" };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        CHECK(route_find(slice_of(paths[i])) == NULL);
}

/* What the review of the table rests on. */
static void test_table(void)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        const struct route *r = route_at((enum route_id)i);
        bool changes = (r->methods & M_POST) != 0, for_people = (r->classes & ON_PUBLIC) == 0;

        CHECK((r->methods & (M_GET | M_POST)) != 0);
        CHECK((r->methods & M_NO_HEAD) == 0 || (r->methods & M_GET) != 0);
        CHECK(changes == (r->body == BODY_FORM));
        CHECK((r->classes & ON_OPS) == 0 || r->id == ROUTE_HEALTHZ); /* operations learn nothing of people */
        if (r->cors == CORS_ANY)
            CHECK(!for_people && r->guard == GUARD_NONE); /* nothing that a cookie opens */
        if (for_people && changes && r->id != ROUTE_AUTHORIZE)
            CHECK(r->guard == GUARD_PAGE);
    }
    CHECK_INT(route_at(ROUTE_DEV)->classes, ON_DEV);
}

/* ---- refusals ---- */

static void test_host(void)
{
    static const char *const hosts[] = {
        "",          "idp.example:443",          "idp.example.", "evil.example", "127.0.0.1",
        "localhost", "idp.example@evil.example", "[::1]"
    };

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        CHECK_INT(send(&(struct sent){ .path = "/none", .host = hosts[i] }), 421);
        CHECK_INT(send(&(struct sent){ .path = "/token", .method = "POST", .host = hosts[i] }), 421);
    }
    CHECK_INT(send(&(struct sent){ .path = "/none", .host = "IDP.EXAMPLE" }), 404);
}

/* Scrapers call ops by its address; nothing else is there. */
static void test_ops(void)
{
    static const char *const hosts[] = { "127.0.0.1:9090", "[::1]:9090", "localhost:9090", "idp.example" };

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        CHECK_INT(send(&(struct sent){ .path = "/token", .class = LISTEN_OPS, .host = hosts[i] }), 404);
    CHECK_INT(send(&(struct sent){ .path = "/healthz", .class = LISTEN_OPS, .host = "evil.example" }), 421);
    CHECK_INT(send(&(struct sent){ .path = "/healthz", .class = LISTEN_TAILNET }), 404);
}

/* tailscaled rewrites Host for a unix socket behind it and says the real one beside it; once. */
static void test_serve(void)
{
    struct sent s = { .path = "/none", .class = LISTEN_SERVE, .host = "localhost" };

    CHECK_INT(send(&s), 421);
    s.name[0] = "x-forwarded-host";
    s.value[0] = "idp.example";
    CHECK_INT(send(&s), 404);
    s.name[1] = "x-forwarded-host";
    s.value[1] = "idp.example";
    CHECK_INT(send(&s), 421);
    s.name[1] = NULL;
    s.value[0] = "evil.example";
    CHECK_INT(send(&s), 421);
    s.value[0] = "idp.example";
    s.class = LISTEN_TAILNET; /* elsewhere that header is anybody's */
    CHECK_INT(send(&s), 421);
}

static void test_method(void)
{
    static const struct {
        const char *path, *method, *allow;
    } rows[] = {
        { "/token", "GET", "POST" },
        { "/token", "HEAD", "POST" },
        { "/decision", "GET", "POST" },
        { "/", "POST", "GET, HEAD" },
        { "/authorize", "PUT", "GET, POST" },
        { "/authorize", "HEAD", "GET, POST" },
        { "/token", "post", "POST" },
        { "/userinfo", "DELETE", "GET, HEAD, POST" },
        { "/token", "PATCH", "POST" },
        { "/authorize", "OPTIONS", "GET, POST" },
        { "/token", "", "POST" },
        { "/.well-known/jwks.json", "POST", "GET, HEAD" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT(send(&(struct sent){ .path = rows[i].path, .method = rows[i].method }), 405);
        CHECK_TEXT(header("allow"), rows[i].allow);
    }
}

static void test_media_type(void)
{
    struct sent s = { .path = "/token", .method = "POST", .body = "a=b" };

    CHECK_INT(send(&s), 415);
    s.name[0] = "content-type";
    s.value[0] = "application/json";
    CHECK_INT(send(&s), 415);
    CHECK(says("unsupported_media_type"));
    s.value[0] = "application/x-www-form-urlencodedx";
    CHECK_INT(send(&s), 415);
    s.value[0] = "text/plain; application/x-www-form-urlencoded";
    CHECK_INT(send(&s), 415);
}

static void test_guard(void)
{
    static const char *const origins[] = { "https://evil.example",    "null",
                                           "http://idp.example",      "https://idp.example/",
                                           "https://idp.example:443", "" };
    struct sent s = { .path = "/decision", .method = "POST", .name = { "origin" } };

    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        s.value[0] = origins[i];
        CHECK_INT(send(&s), 403);
        CHECK(says("cross_site"));
    }
    s.value[0] = "https://idp.example";
    s.name[1] = "sec-fetch-site";
    for (size_t i = 0; i < 3; i++) {
        s.value[1] = i == 0 ? "same-site" : i == 1 ? "cross-site" : "none";
        CHECK_INT(send(&s), 403);
    }
}

/* People get a page, programs JSON: by the endpoint, or where there is none by what they accept. */
static void test_speech(void)
{
    struct sent s = { .path = "/none", .name = { "accept" }, .value = { "text/html,*/*;q=0.8" } };

    CHECK_INT(send(&s), 404);
    CHECK_TEXT(header("content-type"), "text/html; charset=utf-8");
    CHECK(says("<code id=\"error\">not_found</code>"));
    CHECK(!slice_is_none(header("content-security-policy")));
    s.value[0] = "application/json, TEXT/HTML ;q=0.1";
    (void)send(&s);
    CHECK_TEXT(header("content-type"), "text/html; charset=utf-8");
    s.value[0] = "application/json";
    (void)send(&s);
    CHECK_TEXT(header("content-type"), "application/json");
    CHECK(says("\"error\":\"not_found\""));
    s.value[0] = "text/html";
    s.path = "/.well-known/none";
    (void)send(&s);
    CHECK_TEXT(header("content-type"), "application/json");
    s.path = "/token";
    CHECK_INT(send(&s), 405);
    CHECK_TEXT(header("content-type"), "application/json");
    CHECK_TEXT(header("access-control-allow-origin"), "*");
    s.value[0] = "application/json";
    s.path = "/decision";
    CHECK_INT(send(&s), 405);
    CHECK_TEXT(header("content-type"), "text/html; charset=utf-8");
    CHECK(slice_is_none(header("access-control-allow-origin")));
}

static void test_static(void)
{
    const struct static_file *f;
    size_t n = 0;

    for (; (f = static_file_at(n)) != NULL; n++) {
        char *path = slice_cstr(pool, f->path);
        CHECK_INT(send(&(struct sent){ .path = path }), 200);
        CHECK(slice_eq(header("content-type"), f->content_type));
        CHECK(slice_starts(header("cache-control"), SL("public")));
        CHECK(slice_eq(answered.body, f->body));
        CHECK_INT(send(&(struct sent){ .path = path, .method = "HEAD" }), 200);
        CHECK(answered.head_only);
    }
    CHECK(n > 0);
    CHECK_INT(send(&(struct sent){ .path = "/static/" }), 404);
    CHECK_INT(send(&(struct sent){ .path = "/static/../token" }), 404);
    CHECK_INT(send(&(struct sent){ .path = "/static/style.css" }), 404);
}

static void test_preflight(void)
{
    struct sent s = { .path = "/token", .method = "OPTIONS" };

    CHECK_INT(send(&s), 204);
    CHECK_TEXT(header("access-control-allow-methods"), "GET, POST");
    CHECK_TEXT(header("access-control-allow-origin"), "*");
    CHECK(slice_is_none(header("access-control-allow-credentials")));
    s.path = "/decision";
    CHECK_INT(send(&s), 405);
    s.path = "/none";
    CHECK_INT(send(&s), 404);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "each path is there once", test_found },
        { "nothing else is", test_not_found },
        { "what must hold of every row", test_table },
        { "another name is refused before anything else", test_host },
        { "ops is called by its address", test_ops },
        { "behind tailscale serve the name stands beside", test_serve },
        { "methods", test_method },
        { "media types", test_media_type },
        { "our own page must have sent it", test_guard },
        { "a page for people, JSON for programs", test_speech },
        { "static files", test_static },
        { "preflights", test_preflight },
    };

    pool = pool_create(POOL_BYTES);
    int failed = TAP_RUN(tests);
    pool_destroy(pool);
    return failed;
}
