/* Discovery and JWKS: answered at once, to anybody. OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3, RFC 7517. */
#include <string.h>

#include "document.h"
#include "harness.h"
#include "sign_in.h"

#define DISCOVERY "/.well-known/openid-configuration"
#define METADATA  "/.well-known/oauth-authorization-server"
#define JWKS      "/.well-known/jwks.json"

static const struct json *json_of(struct world *w, const struct seen *s)
{
    const struct json *all = NULL;

    CHECK_INT(json_parse(w->pool, s->body, (size_t)1 << 20, &all), ERR_OK);
    return all;
}

static bool lists(const struct json *all, const char *member, const char *word)
{
    const struct json *list = json_member(all, member);
    struct slice text;

    for (size_t i = 0; i < json_count(list); i++)
        if (json_text(json_item(list, i), &text) && slice_eq(text, slice_of(word)))
            return true;
    return false;
}

static void discovery(struct world *w)
{
    struct guest anybody = program_at(NOBODY);
    const struct seen *s = world_get(w, &anybody, SL(DISCOVERY)), *same = world_get(w, &anybody, SL(METADATA));
    const struct json *all = json_of(w, s);

    CHECK_INT(s->status, 200);
    CHECK(slice_eq(s->body, same->body));
    CHECK_TEXT(seen_header(s, "content-type"), "application/json");
    CHECK_TEXT(seen_header(s, "access-control-allow-origin"), "*");
    CHECK_TEXT(seen_header(s, "cache-control"), "public, max-age=" DOCUMENT_MAX_AGE_TEXT);
    CHECK_TEXT(claim_text(all, "issuer"), WORLD_URL);
    CHECK_TEXT(claim_text(all, "authorization_endpoint"), WORLD_URL "/authorize");
    CHECK_TEXT(claim_text(all, "token_endpoint"), WORLD_URL "/token");
    CHECK_TEXT(claim_text(all, "userinfo_endpoint"), WORLD_URL "/userinfo");
    CHECK_TEXT(claim_text(all, "jwks_uri"), WORLD_URL JWKS);
    CHECK(lists(all, "response_types_supported", "code"));
    CHECK_INT(json_count(json_member(all, "response_types_supported")), 1);
    CHECK(lists(all, "code_challenge_methods_supported", "S256"));
    CHECK_INT(json_count(json_member(all, "code_challenge_methods_supported")), 1); /* no plain */
    CHECK_INT(w->whois_asked, 0);
    CHECK_INT(w->machine.count.documents, 2);
}

static void keys(struct world *w)
{
    struct guest anybody = program_at(NOBODY);
    const struct seen *s = world_get(w, &anybody, SL(JWKS));
    const struct json *list = json_member(json_of(w, s), "keys");

    CHECK_INT(json_count(list), 1);
    CHECK_TEXT(claim_text(json_item(list, 0), "alg"), "ES256");
    CHECK_TEXT(claim_text(json_item(list, 0), "use"), "sig");
    CHECK(slice_eq(claim_text(json_item(list, 0), "kid"), world_keys(w).key[0].kid));
    CHECK(json_member(json_item(list, 0), "d") == NULL);

    world_generate(w, ALG_ES256); /* another process makes one: seen at the next request */
    const struct seen *later = world_get(w, &anybody, SL(JWKS));
    CHECK_INT(json_count(json_member(json_of(w, later), "keys")), 2);
    CHECK(!slice_eq(seen_header(s, "etag"), seen_header(later, "etag")));
}

/* Of the first start, before a signer has made one. */
static void no_keys(struct world *w)
{
    struct guest anybody = program_at(NOBODY);
    const struct seen *s = world_get(w, &anybody, SL(JWKS));

    CHECK_INT(s->status, 200);
    CHECK_INT(json_count(json_member(json_of(w, s), "keys")), 0);
}

static unsigned status_with(struct world *w, const char *method, const char *target, const char *header,
                            struct slice value)
{
    struct guest anybody = program_at(NOBODY);
    struct call c = { .method = method, .target = slice_of(target) };

    if (header != NULL)
        call_header(&c, header, value);
    return world_call(w, &anybody, &c)->status;
}

static void unchanged(struct world *w)
{
    struct guest anybody = program_at(NOBODY);
    struct slice etag = seen_header(world_get(w, &anybody, SL(DISCOVERY)), "etag");
    struct slice weak = pool_fmt(w->pool, "\"x\", W/" SLICE_FMT, SLICE_ARG(etag));

    CHECK(etag.n > 2 && etag.p[0] == '"');
    CHECK_INT(status_with(w, "GET", DISCOVERY, "if-none-match", etag), 304);
    CHECK_INT(status_with(w, "GET", DISCOVERY, "if-none-match", weak), 304);
    CHECK_INT(status_with(w, "GET", DISCOVERY, "if-none-match", SL("*")), 304);
    CHECK_INT(status_with(w, "GET", DISCOVERY, "if-none-match", SL("\"another\"")), 200);
    CHECK_INT(status_with(w, "GET", JWKS, "if-none-match", etag), 200);
}

/* RFC 9110 9.3.2: what GET says, without the body. */
static void head(struct world *w)
{
    struct guest anybody = program_at(NOBODY);
    const struct seen *get = world_get(w, &anybody, SL(JWKS));
    const struct seen *s = world_call(w, &anybody, &(struct call){ .method = "HEAD", .target = SL(JWKS) });

    CHECK_INT(s->status, 200);
    CHECK_INT(s->body.n, 0);
    CHECK_INT(s->header_count, get->header_count);
    CHECK(slice_eq(seen_header(s, "etag"), seen_header(get, "etag")));
}

static void preflight(struct world *w)
{
    struct guest anybody = program_at(NOBODY);
    struct call c = { .method = "OPTIONS", .target = SL(DISCOVERY) };
    const struct seen *s;

    call_header(&c, "origin", SL("https://app.example"));
    s = world_call(w, &anybody, &c);
    CHECK_INT(s->status, 204);
    CHECK_TEXT(seen_header(s, "access-control-allow-origin"), "*");
    CHECK_TEXT(seen_header(s, "access-control-allow-methods"), "GET");
    c.target = SL("/token");
    s = world_call(w, &anybody, &c);
    CHECK_INT(s->status, 204);
    CHECK_TEXT(seen_header(s, "access-control-allow-methods"), "GET, POST");
    CHECK(memmem(seen_header(s, "access-control-allow-headers").p, seen_header(s, "access-control-allow-headers").n,
                 "authorization", 13) != NULL);
    c.target = SL("/authorize"); /* no browser client has business there */
    CHECK_INT(world_call(w, &anybody, &c)->status, 405);
}

/* DNS rebinding: another name is not answered, whatever is asked. */
static void other_names(struct world *w)
{
    static const char *const names[] = { "evil.example", "idp.example.ts.net.evil.example", "localhost",
                                         "127.0.0.1",    "idp.example.ts.net:443",          "" };
    struct guest anybody = program_at(NOBODY);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct call c = { .target = SL(DISCOVERY), .host = names[i] };
        const struct seen *s = world_call(w, &anybody, &c);
        CHECK_INT(s->status, 421);
        CHECK_TEXT(seen_error(w, s), "misdirected_request");
    }
    const struct call capitals = { .target = SL(DISCOVERY), .host = "IDP.Example.TS.Net" };
    CHECK_INT(world_call(w, &anybody, &capitals)->status, 200);
}

static void listeners(struct world *w)
{
    struct guest g = program_at(NOBODY);

    const enum listener_class has_documents[] = { LISTEN_TAILNET, LISTEN_SERVE, LISTEN_PROXY, LISTEN_PUBLIC,
                                                  LISTEN_DEV };

    for (size_t i = 0; i < sizeof(has_documents) / sizeof(has_documents[0]); i++) {
        g.class = has_documents[i];
        CHECK_INT(world_get(w, &g, SL(DISCOVERY))->status, 200);
    }
    g.class = LISTEN_OPS;
    CHECK_INT(world_get(w, &g, SL(DISCOVERY))->status, 404);
    CHECK_INT(world_get(w, &g, SL("/.well-known/openid-configuration/"))->status, 404);
    g.class = LISTEN_PUBLIC;
    CHECK_INT(world_get(w, &g, app_request(w, &grafana, NULL))->status, 404);
    CHECK_INT(world_get(w, &g, SL("/"))->status, 404);
    CHECK_INT(status_with(w, "POST", DISCOVERY, NULL, SLICE_NONE), 405);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "discovery is answered to anybody, and asks nobody", discovery },
        { "published keys are public, and new at the next request", keys },
        { "before the first key the list is empty", no_keys, .bare = true },
        { "what has not changed is 304", unchanged },
        { "HEAD is GET without the body", head },
        { "browser clients may read documents and tokens, and nothing else", preflight },
        { "under another name nothing is answered", other_names },
        { "each listener has its routes", listeners },
    };

    return SCENARIOS_PLAY(scenarios);
}
