/* The ID token's header and claims. */
#include "id_token.h"

#include "encode.h"
#include "scope.h"
#include "tap.h"

#define NOW 1764000000

static struct pool *pool;
static struct issuer issuer;
static struct person person;
static struct client client;
static struct peer peer;
static struct grant grant;
static struct signing_key key;
static struct id_token token;

static void begin(void)
{
    pool = pool_create(8 << 20);
    issuer = (struct issuer){ .number = 1, .url = SL("https://idp.example.ts.net") };
    person = (struct person){ .user_id = 42, .username = SL("alice"), .email = SL("alice@example.com") };
    client = (struct client){ .id = SL("grafana") };
    peer = (struct peer){ .kind = PEER_PERSON };
    grant = (struct grant){ .auth_time = NOW - 100 };
    key = (struct signing_key){ .alg = ALG_RS256, .kid = SL("kid-1") };
    token = (struct id_token){ .claims = { &issuer, &person, &peer, &client, SCOPE_OPENID },
                               .grant = &grant,
                               .key = &key,
                               .lifetime_s = 3600,
                               .now = { NOW, NOW * INT64_C(1000) } };
}

static void end(void)
{
    pool_destroy(pool);
}

/* Header and claims as JSON text. */
static void split(struct slice *ret_header, struct slice *ret_claims)
{
    struct slice rest = id_token_input(pool, &token), header = SLICE_NONE;

    CHECK(slice_cut(&rest, '.', &header));
    CHECK(base64url_decode(pool, header, ret_header));
    CHECK(base64url_decode(pool, rest, ret_claims)); /* one dot only: another would not decode */
}

static const struct json *claims(void)
{
    struct slice header, text = SLICE_NONE;
    const struct json *v = NULL;

    split(&header, &text);
    CHECK_INT(json_parse(pool, text, 1 << 20, &v), ERR_OK);
    return v;
}

static struct slice text_of(const char *name)
{
    struct slice text = SLICE_NONE;

    (void)json_text(json_member(claims(), name), &text);
    return text;
}

static int64_t int_of(const char *name)
{
    int64_t v = -1;

    (void)json_int(json_member(claims(), name), &v);
    return v;
}

static void test_header(void)
{
    struct slice header, text;

    begin();
    split(&header, &text);
    CHECK_TEXT(header, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"kid-1\"}");
    key.alg = ALG_ES256;
    split(&header, &text);
    CHECK_TEXT(header, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"kid-1\"}");
    end();
}

static void test_claims(void)
{
    begin();
    CHECK_TEXT(text_of("iss"), "https://idp.example.ts.net");
    CHECK_TEXT(text_of("sub"), "42");
    CHECK_TEXT(text_of("aud"), "grafana"); /* one string, no array */
    CHECK_INT(int_of("iat"), NOW);
    CHECK_INT(int_of("exp"), NOW + 3600);
    CHECK_INT(int_of("auth_time"), NOW - 100);
    CHECK_TEXT(text_of("acr"), ID_TOKEN_ACR);
    CHECK_INT(json_count(claims()), 7); /* and nothing that nobody asked for */
    end();
}

static void test_nonce(void)
{
    begin();
    CHECK(json_member(claims(), "nonce") == NULL);
    grant.nonce = SL("");
    CHECK(json_member(claims(), "nonce") == NULL); /* field 04 */
    grant.nonce = SL("n \"quoted\" +/=");
    CHECK_TEXT(text_of("nonce"), "n \"quoted\" +/=");
    end();
}

static void test_at_hash(void)
{
    begin();
    CHECK(json_member(claims(), "at_hash") == NULL);
    /* the example of OpenID Connect Core, appendix A.3 */
    token.access_token = SL("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    CHECK_TEXT(text_of("at_hash"), "77QmUPtjPfzWtF2AnpK9RQ");
    CHECK_TEXT(id_token_at_hash(pool, token.access_token), "77QmUPtjPfzWtF2AnpK9RQ");
    end();
}

static void test_scope_claims(void)
{
    begin();
    token.claims.scopes |= SCOPE_PROFILE | SCOPE_EMAIL;
    CHECK_TEXT(text_of("preferred_username"), "alice");
    CHECK_TEXT(text_of("email"), "alice@example.com");
    client.claims = CLAIMS_USERINFO;
    CHECK(json_member(claims(), "email") == NULL);
    CHECK(json_member(claims(), "preferred_username") == NULL);
    CHECK_TEXT(text_of("sub"), "42");
    end();
}

static void test_too_large(void)
{
    begin();
    grant.nonce = slice_bytes(pool_zalloc(pool, 100000), 100000);
    CHECK(slice_is_none(id_token_input(pool, &token)));
    end();
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "header: alg, typ, kid and nothing else", test_header },
        { "the claims of every ID token (OpenID Connect Core 2)", test_claims },
        { "nonce only if it was sent", test_nonce },
        { "at_hash (OpenID Connect Core 3.1.3.6)", test_at_hash },
        { "scope claims where the client wants them", test_scope_claims },
        { "a token larger than a token may be", test_too_large },
    };

    return TAP_RUN(tests);
}
