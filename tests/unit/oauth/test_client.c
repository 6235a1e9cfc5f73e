/* Clients: their secrets and their choices. How they are stored and shown: test_client_record.c; what may be one:
 * test_client_check.c. */
#include "client.h"

#include <string.h>

#include "encode.h"
#include "steps.h"
#include "tap.h"

#define NOW_S       1764000000
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- secrets ---- */

static void test_secret_make(void)
{
    struct pool *p = pool_create(1 << 16);
    struct slice decoded, last = SLICE_NONE;

    for (unsigned i = 0; i < 100; i++) {
        struct slice secret = client_secret_make(p);
        CHECK_INT(secret.n, 43);
        CHECK(base64url_decode(p, secret, &decoded)); /* the one spelling of its bytes */
        CHECK_INT(decoded.n, 32);
        CHECK(!slice_eq(secret, last));
        last = secret;
    }
    pool_destroy(p);
}

static void test_secret_matches(void)
{
    struct client c = { .auth_method = AUTH_BASIC };
    const struct now now = { .s = NOW_S };

    client_secret_set(&c, SL("first secret"), 0, now);
    CHECK_INT(c.secret_at, NOW_S);
    CHECK_INT(c.old_secret_until, 0);
    CHECK(client_secret_matches(&c, SL("first secret"), now));
    CHECK(!client_secret_matches(&c, SL("first secre"), now));
    CHECK(!client_secret_matches(&c, SL("first secret "), now));
    CHECK(!client_secret_matches(&c, SL("First secret"), now));
    CHECK(!client_secret_matches(&c, SL(""), now));
    CHECK(!client_secret_matches(&c, SLICE_NONE, now));
    CHECK(!client_secret_matches(&c, slice_bytes(c.secret_hash, SHA256_BYTES), now));
    c.auth_method = AUTH_POST;
    CHECK(client_secret_matches(&c, SL("first secret"), now));
}

static void test_old_secret(void)
{
    struct client c = { .auth_method = AUTH_BASIC };
    const struct now now = { .s = NOW_S }, late = { .s = NOW_S + 3600 };
    const struct now last = { .s = NOW_S + 3599 };

    client_secret_set(&c, SL("first"), 0, now);
    client_secret_set(&c, SL("second"), NOW_S + 3600, now);
    CHECK(client_secret_matches(&c, SL("second"), now));
    CHECK(client_secret_matches(&c, SL("first"), now));
    CHECK(client_secret_matches(&c, SL("first"), last));
    CHECK(!client_secret_matches(&c, SL("first"), late));
    CHECK(client_secret_matches(&c, SL("second"), late));
    client_secret_set(&c, SL("third"), NOW_S + 3600, now); /* only one old one lives on */
    CHECK(client_secret_matches(&c, SL("third"), now));
    CHECK(client_secret_matches(&c, SL("second"), now));
    CHECK(!client_secret_matches(&c, SL("first"), now));
    client_secret_set(&c, SL("fourth"), NOW_S, now); /* until now: at once */
    CHECK_INT(c.old_secret_until, 0);
    CHECK(!client_secret_matches(&c, SL("third"), now));
    CHECK(!client_secret_matches(&c, SL("third"), (struct now){ .s = NOW_S - 60 }));
    CHECK(!client_secret_matches(&c, SL("second"), now));
}

/* The road of all three is the same (security 28); here: it never ends well. */
static void test_secret_of_nobody(void)
{
    struct client c = { .auth_method = AUTH_NONE };
    const struct now now = { .s = NOW_S };

    CHECK(!client_secret_matches(NULL, SL("secret"), now));
    CHECK(!client_secret_matches(NULL, SL(""), now));
    CHECK(!client_secret_matches(NULL, SLICE_NONE, now));
    CHECK(!client_secret_matches(&c, SL("secret"), now));
    client_secret_set(&c, SL("old"), 0, now);
    client_secret_set(&c, SL("secret"), NOW_S + 60, now); /* left from when it was confidential */
    CHECK(!client_secret_matches(&c, SL("secret"), now));
    CHECK(!client_secret_matches(&c, SL("old"), now));
    memset(&c, 0, sizeof(c)); /* confidential, and no secret was ever set */
    CHECK(!client_secret_matches(&c, SL(""), now));
    CHECK(!client_secret_matches(&c, SLICE_NONE, now));
}

struct guess {
    const struct client *client;
    char secret[8];
};

static void judge(void *ctx)
{
    struct guess *g = ctx;

    (void)client_secret_matches(g->client, slice_bytes(g->secret, sizeof(g->secret)), (struct now){ .s = NOW_S });
}

/* A guess that is nearly right takes as long as any other, and so does one at a client that there is not. */
static void test_secret_takes_the_same_steps(void)
{
    struct client known = { .auth_method = AUTH_BASIC }, public = { .auth_method = AUTH_NONE };
    const struct now now = { .s = NOW_S };
    struct guess guesses[] = {
        { &known, "sEcret-2" },  { &known, "secret-3" }, { &known, "\xff\xff\xff\xff\xff\xff\xff\xff" },
        { &public, "secret-2" }, { NULL, "secret-2" },
    };
    uint64_t want = 0, got = 0;

    client_secret_set(&known, SL("secret-1"), 0, now);
    client_secret_set(&known, SL("secret-2"), NOW_S + 60, now);
    if (!steps_count(judge, &(struct guess){ &known, "no-guess" }, &want))
        return;
    for (size_t i = 0; i < COUNT(guesses); i++) {
        CHECK(steps_count(judge, &guesses[i], &got));
        CHECK_INT(got, want);
    }
}

/* ---- choices ---- */

static void test_needs_pkce(void)
{
    static const struct {
        enum auth_method auth;
        enum choice choice;
        bool openid, plain; /* needed when it asks for openid, when it does not */
    } rows[] = {
        { AUTH_NONE, CHOICE_DEFAULT, true, true },  { AUTH_NONE, CHOICE_YES, true, true },
        { AUTH_NONE, CHOICE_NO, false, false },     { AUTH_BASIC, CHOICE_DEFAULT, false, true },
        { AUTH_BASIC, CHOICE_YES, true, true },     { AUTH_BASIC, CHOICE_NO, false, false },
        { AUTH_POST, CHOICE_DEFAULT, false, true }, { AUTH_POST, CHOICE_YES, true, true },
        { AUTH_POST, CHOICE_NO, false, false },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct client c = { .auth_method = rows[i].auth, .require_pkce = rows[i].choice };
        CHECK(client_needs_pkce(&c, true) == rows[i].openid);
        CHECK(client_needs_pkce(&c, false) == rows[i].plain);
        CHECK(client_is_confidential(&c) == (rows[i].auth != AUTH_NONE));
    }
}

static void test_vouched_for(void)
{
    struct client c = { .origin = CLIENT_ADDED };

    CHECK(client_is_vouched_for(&c));
    c.origin = CLIENT_REGISTERED;
    CHECK(!client_is_vouched_for(&c));
    c.origin = CLIENT_DOCUMENT;
    CHECK(!client_is_vouched_for(&c));
    c.approved = true;
    CHECK(client_is_vouched_for(&c));
}

static void test_lifetimes(void)
{
    const struct issuer issuer = { .lifetimes = { 1, 2, 3, 4, 5, 6, 7 } };
    struct client c = { .name = SLICE_NONE };
    struct lifetimes l = client_lifetimes(&c, &issuer);

    CHECK_INT(l.code, 1);
    CHECK_INT(l.access, 2);
    CHECK_INT(l.id, 3);
    CHECK_INT(l.refresh_idle, 4);
    CHECK_INT(l.refresh, 5);
    CHECK_INT(l.session_idle, 6);
    CHECK_INT(l.session, 7);
    c.lifetimes = (struct lifetimes){ 11, 12, 13, 14, 15, 16, 17 };
    l = client_lifetimes(&c, &issuer);
    CHECK_INT(l.code, 11);
    CHECK_INT(l.access, 12);
    CHECK_INT(l.id, 13);
    CHECK_INT(l.refresh_idle, 14);
    CHECK_INT(l.refresh, 15);
    CHECK_INT(l.session_idle, 16);
    CHECK_INT(l.session, 17);
    c.lifetimes = (struct lifetimes){ .access = 12 }; /* each by itself */
    l = client_lifetimes(&c, &issuer);
    CHECK_INT(l.access, 12);
    CHECK_INT(l.code, 1);
    CHECK_INT(l.session, 7);
}

static void test_names(void)
{
    enum auth_method method;
    enum client_claims claims;
    enum client_page page;

    for (unsigned i = 0; i < AUTH_METHOD_COUNT; i++)
        CHECK(auth_method_parse(slice_of(auth_method_name((enum auth_method)i)), &method) && method == i);
    for (unsigned i = 0; i < CLIENT_CLAIMS_COUNT; i++)
        CHECK(client_claims_parse(slice_of(client_claims_name((enum client_claims)i)), &claims) && claims == i);
    for (unsigned i = 0; i < CLIENT_PAGE_COUNT; i++)
        CHECK(client_page_parse(slice_of(client_page_name((enum client_page)i)), &page) && page == i);
    CHECK_TEXT(slice_of(auth_method_name(AUTH_BASIC)), "client_secret_basic");
    CHECK_TEXT(slice_of(auth_method_name(AUTH_POST)), "client_secret_post");
    CHECK_TEXT(slice_of(auth_method_name(AUTH_NONE)), "none");
    CHECK(!auth_method_parse(SL("client_secret_jwt"), &method));
    CHECK(!auth_method_parse(SL("NONE"), &method));
    CHECK(!auth_method_parse(SL(""), &method));
    CHECK(!auth_method_parse(SLICE_NONE, &method));
    CHECK(!client_claims_parse(SL("neither"), &claims));
    CHECK(!client_page_parse(SL("sometimes"), &page));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "secrets are 32 random bytes", test_secret_make },
        { "a secret matches itself", test_secret_matches },
        { "the old one lives on until", test_old_secret },
        { "no client, a public one, one without a secret: false", test_secret_of_nobody },
        { "a wrong secret takes the same steps, whoever the client is (security 28)",
          test_secret_takes_the_same_steps },
        { "who needs PKCE (RFC 9700 2.1.1)", test_needs_pkce },
        { "vouched for: added or approved", test_vouched_for },
        { "lifetimes: its own, else the issuer's", test_lifetimes },
        { "wire names both ways", test_names },
    };

    return TAP_RUN(tests);
}
