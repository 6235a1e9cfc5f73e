/* prompt, max_age, id_token_hint. OpenID Connect Core 3.1.2.1, 3.1.2.6. */
#include <string.h>

#include "encode.h"
#include "harness.h"
#include "keyring.h"
#include "session.h"
#include "sign_in.h"

static const struct seen *ask(struct world *w, struct guest *browser, const struct app *a, const char *more)
{
    return world_get(w, browser, app_request(w, a, more));
}

/* An error by redirect. */
static void check_error(struct world *w, const struct seen *s, const struct app *a, const char *error)
{
    CHECK_INT(s->status, 302);
    CHECK(seen_goes_to(s, a->redirect_uri));
    CHECK_TEXT(seen_error(w, s), error);
    CHECK_TEXT(seen_param(w, s, "state"), "a state, with = & and ü");
    CHECK(slice_is_none(seen_header(s, "set-cookie")));
}

static int64_t auth_time_of(struct world *w, const struct app *a, const struct seen *answer)
{
    const struct seen *tokens = app_token(w, a, seen_param(w, answer, "code"));

    CHECK_INT(tokens->status, 200);
    return claim_number(world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256), "auth_time");
}

static char *cookie_of(struct world *w, const struct guest *browser)
{
    return slice_cstr(w->pool, slice_of(browser->cookie));
}

/* ---- prompt=none ---- */

static void none_without_session(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    check_error(w, ask(w, &browser, &grafana, "&prompt=none"), &grafana, "login_required");
    CHECK_TEXT(slice_of(browser.cookie), "");
    CHECK_INT(world_count(w, CLASS_SESSION, 0), 0);
    CHECK_INT(world_count(w, CLASS_FLOW, 0), 0);
}

static void none_with_session(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    app_add(w, &argo);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, 60);
    const struct seen *s = ask(w, &browser, &argo, "&prompt=none");
    CHECK_INT(auth_time_of(w, &argo, s), WORLD_START_S);
}

/* Where a page would be due: its own word, and never a page. */
static void none_where_a_page_is_due(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client first = app_client(&argo);

    app_add(w, &grafana);
    app_add(w, &cli);
    first.page = PAGE_FIRST;
    world_put_client(w, &first);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    check_error(w, ask(w, &browser, &argo, "&prompt=none"), &argo, "consent_required");
    check_error(w, ask(w, &browser, &cli, "&prompt=none"), &cli, "interaction_required");
    check_error(w, ask(w, &browser, &grafana, "&prompt=none&max_age=0"), &grafana, "login_required");
    world_at(w, 61);
    check_error(w, ask(w, &browser, &grafana, "&prompt=none&max_age=60"), &grafana, "login_required");
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &grafana, "&prompt=none&max_age=61"), "code")));
}

/* Towards a redirect URI that this person never accepted always the same word, whatever the reason (docs/decisions.md, Silence). */
static void none_registered(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_register(w, &argo);
    app_add(w, &grafana);
    check_error(w, ask(w, &browser, &argo, "&prompt=none"), &argo, "login_required");
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    check_error(w, ask(w, &browser, &argo, "&prompt=none"), &argo, "login_required");
    CHECK(!slice_is_none(seen_param(w, sign_in_by_page(w, &browser, &argo, NULL), "code")));
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &argo, "&prompt=none"), "code")));
}

static void none_alone(struct world *w)
{
    static const char *const more[] = { "&prompt=none%20login", "&prompt=consent%20none", "&prompt=none%20unknown" };
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        check_error(w, ask(w, &browser, &grafana, more[i]), &grafana, "invalid_request");
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &grafana, "&prompt=%20none%20"), "code")));
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &grafana, "&prompt=create"), "code")));
}

/* Signed out here: nothing is silent until the person has pressed Continue. */
static void signed_out(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), other = browser_at(ALICE_PHONE);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    struct txn *t = world_begin(w);
    signed_out_put(t, ALICE, SL("nLaptopCNTRL"), world_now(w));
    world_commit(w, t);
    world_at(w, 60);
    check_error(w, ask(w, &browser, &grafana, "&prompt=none"), &grafana, "login_required");
    CHECK(!slice_is_none(seen_param(w, ask(w, &other, &grafana, NULL), "code"))); /* on this node alone */
    const struct seen *page = open_page(w, &browser, app_request(w, &grafana, NULL));
    CHECK(seen_has(page, "You signed out"));
    CHECK_INT(auth_time_of(w, &grafana, press(w, &browser, page, "continue")), WORLD_START_S + 60);
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &grafana, NULL), "code")));
}

/* ---- max_age ---- */

static void max_age(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    CHECK_INT(auth_time_of(w, &grafana, ask(w, &browser, &grafana, "&max_age=10000")), WORLD_START_S);
    world_at(w, 1);
    CHECK_INT(auth_time_of(w, &grafana, ask(w, &browser, &grafana, "&max_age=1")), WORLD_START_S);
    world_at(w, 2);
    const struct seen *page = open_page(w, &browser, app_request(w, &grafana, "&max_age=1"));
    CHECK(seen_has(page, "Your sign-in is older than"));
    CHECK_INT(auth_time_of(w, &grafana, press(w, &browser, page, "continue")), WORLD_START_S + 2);
}

/* Field 36: it asks once each time, and then the code comes. */
static void max_age_zero(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    for (int i = 1; i <= 2; i++) {
        world_at(w, INT64_C(100) * i);
        const struct seen *page = open_page(w, &browser, app_request(w, &grafana, "&max_age=0"));
        CHECK_INT(page->status, 200);
        CHECK_INT(auth_time_of(w, &grafana, press(w, &browser, page, "continue")), WORLD_START_S + INT64_C(100) * i);
    }
}

static void max_age_nonsense(struct world *w)
{
    static const char *const more[] = {
        "&max_age=-1",         "&max_age=ten", "&max_age=1.5", "&max_age=+1", "&max_age=99999999999999999999",
        "&max_age=1&max_age=2"
    };
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        check_error(w, ask(w, &browser, &grafana, more[i]), &grafana, "invalid_request");
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &grafana, "&max_age="), "code")));
}

/* ---- prompt=login and the others ---- */

static void login(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), old;

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    old = browser;
    world_at(w, 100);
    const struct seen *page = open_page(w, &browser, app_request(w, &grafana, "&prompt=login"));
    CHECK(seen_has(page, "asked for a fresh sign-in"));
    CHECK_TEXT(slice_of(browser.cookie), old.cookie); /* nothing has happened yet */
    const struct seen *answer = press(w, &browser, page, "continue");
    CHECK_INT(auth_time_of(w, &grafana, answer), WORLD_START_S + 100);
    CHECK(world_agrees(w, world_count(w, CLASS_SESSION, ALICE), 1));
    if (w->lost > 0)
        return; /* the new cookie may have been in the answer that was lost */
    CHECK(!slice_eq(slice_of(browser.cookie), slice_of(old.cookie)));
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &grafana, "&prompt=none"), "code")));
    check_error(w, ask(w, &old, &grafana, "&prompt=none"), &grafana, "login_required"); /* the old value is dead */
}

static void consent(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    char *cookie = cookie_of(w, &browser);
    world_at(w, 100);
    const struct seen *page = open_page(w, &browser, app_request(w, &grafana, "&prompt=consent"));
    CHECK(seen_has(page, "make sure that you agree"));
    CHECK_INT(auth_time_of(w, &grafana, press(w, &browser, page, "continue")), WORLD_START_S);
    if (w->lost == 0)
        CHECK_TEXT(slice_of(browser.cookie), cookie);
}

static void select_account(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, 100);
    const struct seen *page = open_page(w, &browser, app_request(w, &grafana, "&prompt=select_account"));
    CHECK(seen_has(page, "asked which account to use"));
    CHECK_INT(auth_time_of(w, &grafana, press(w, &browser, page, "continue")), WORLD_START_S + 100);
}

/* The first sign-in of all by a page: the session begins with Continue. */
static void login_first(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    const struct seen *page = open_page(w, &browser, app_request(w, &grafana, "&prompt=login"));
    CHECK_INT(world_count(w, CLASS_SESSION, 0), 0);
    world_at(w, 50);
    CHECK_INT(auth_time_of(w, &grafana, press(w, &browser, page, "continue")), WORLD_START_S + 50);
    CHECK_INT(world_count(w, CLASS_SESSION, ALICE), 1);
}

/* ---- id_token_hint ---- */

static void hint(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    const struct seen *tokens = app_token(w, &grafana, sign_in_silently(w, &alice, &grafana, NULL));
    struct slice id_token = seen_member(w, tokens, "id_token");
    char *more = slice_cstr(w->pool, pool_fmt(w->pool, "&id_token_hint=" SLICE_FMT, SLICE_ARG(id_token)));
    char *none = slice_cstr(w->pool, pool_fmt(w->pool, "%s&prompt=none", more));
    world_at(w, INT64_C(2) * 86400); /* an expired one still says who */
    CHECK(!slice_is_none(seen_param(w, ask(w, &alice, &grafana, more), "code")));
    check_error(w, ask(w, &bob, &grafana, more), &grafana, "login_required");
    CHECK(!slice_is_none(sign_in_silently(w, &bob, &grafana, NULL)));
    check_error(w, ask(w, &bob, &grafana, none), &grafana, "login_required");
    CHECK(!slice_is_none(seen_param(w, ask(w, &bob, &grafana, "&id_token_hint=nonsense"), "code")));
}

/* What HMAC says where the published key is taken for the secret (RFC 2104 2: a longer key is hashed). */
static struct slice hmac_by_public_key(struct world *w, struct slice input)
{
    const struct keyring keys = world_keys(w);
    uint8_t key[SHA256_BYTES], mac[SHA256_BYTES];

    sha256(keys.key[0].public_jwk, key);
    hmac_sha256(key, input, mac);
    return base64url_encode(w->pool, slice_bytes(mac, SHA256_BYTES));
}

/* Header, claims, signature: 0, 1, 2. */
static struct slice part_of(struct slice token, unsigned number)
{
    struct slice part = SL("");

    for (unsigned i = 0; i <= number; i++)
        CHECK(slice_cut(&token, '.', &part));
    return part;
}

/* This token under another header; signature none: by HMAC. */
static struct slice forge(struct world *w, struct slice token, struct slice header, struct slice signature)
{
    struct slice input = pool_fmt(w->pool, SLICE_FMT "." SLICE_FMT, SLICE_ARG(base64url_encode(w->pool, header)),
                                  SLICE_ARG(part_of(token, 1)));

    if (slice_is_none(signature))
        signature = hmac_by_public_key(w, input);
    return pool_fmt(w->pool, SLICE_FMT "." SLICE_FMT, SLICE_ARG(input), SLICE_ARG(signature));
}

static struct slice header_of(struct world *w, const char *alg, struct slice kid)
{
    return pool_fmt(w->pool, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"" SLICE_FMT "\"}", alg, SLICE_ARG(kid));
}

/* Whom it names counts only where we have signed it; RFC 8725 2.1. */
static void forged_hint(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &alice, &grafana, NULL);
    struct slice token = seen_member(w, app_token(w, &grafana, code), "id_token");
    struct slice signature = part_of(token, 2), kid = world_keys(w).key[0].kid;
    const struct slice hints[] = {
        slice_head(token, token.n - signature.n),
        forge(w, token, header_of(w, "none", kid), SL("")),
        forge(w, token, header_of(w, "none", kid), signature),
        forge(w, token, header_of(w, "HS256", kid), SLICE_NONE),
        forge(w, token, header_of(w, "RS256", kid), signature),
        forge(w, token, header_of(w, "ES256", SL("another")), signature),
        forge(w, token, pool_fmt(w->pool, " " SLICE_FMT, SLICE_ARG(header_of(w, "ES256", kid))), signature),
    };
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        char *more = slice_cstr(w->pool, pool_fmt(w->pool, "&id_token_hint=" SLICE_FMT, SLICE_ARG(hints[i])));
        CHECK(!slice_is_none(seen_param(w, ask(w, &bob, &grafana, more), "code")));
    }
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "prompt=none without a session: login_required", none_without_session },
        { "with a session: a code, and auth_time stays", none_with_session },
        { "where a page is due: the word for it, and no page", none_where_a_page_is_due },
        { "towards an unknown place always login_required", none_registered },
        { "none stands alone, unknown values are ignored", none_alone },
        { "signed out: nothing is silent there until Continue", signed_out },
        { "max_age: a page only past it", max_age },
        { "max_age=0 asks once each time", max_age_zero },
        { "max_age is a number", max_age_nonsense },
        { "prompt=login moves auth_time and the cookie", login },
        { "prompt=consent moves neither", consent },
        { "prompt=select_account is a fresh sign-in", select_account },
        { "prompt=login before there is a session", login_first },
        { "id_token_hint names whom the application expects", hint },
        { "one that we did not sign names nobody (security 12)", forged_hint },
    };

    return SCENARIOS_PLAY(scenarios);
}
