/* A silent sign-in: authorize, token, userinfo. OpenID Connect Core 3.1, RFC 6749 4.1, RFC 9207. */
#include "harness.h"
#include "id_token.h"
#include "sign_in.h"

static void check_claims(struct world *w, const struct json *claims, struct slice access_token)
{
    int64_t now = world_now(w).s;

    CHECK_TEXT(claim_text(claims, "iss"), WORLD_URL);
    CHECK_TEXT(claim_text(claims, "aud"), "grafana"); /* one string, no array */
    CHECK_TEXT(claim_text(claims, "sub"), "1");
    CHECK_INT(claim_number(claims, "iat"), now);
    CHECK_INT(claim_number(claims, "exp"), now + 3600);
    CHECK_INT(claim_number(claims, "auth_time"), now);
    CHECK_TEXT(claim_text(claims, "nonce"), "n-1");
    CHECK_TEXT(claim_text(claims, "name"), "Alice Example");
    CHECK_TEXT(claim_text(claims, "preferred_username"), "alice");
    CHECK_TEXT(claim_text(claims, "email"), "alice@example.com");
    CHECK(slice_eq(claim_text(claims, "at_hash"), id_token_at_hash(w->pool, access_token)));
    CHECK_INT(json_count(json_member(claims, "groups")), 1);
}

static void sign_in(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    const struct seen *s = world_get(w, &browser, app_request(w, &grafana, NULL));
    CHECK_INT(s->status, 302);
    CHECK(seen_goes_to(s, grafana.redirect_uri));
    CHECK_TEXT(seen_param(w, s, "state"), "a state, with = & and ü");
    CHECK_TEXT(seen_param(w, s, "iss"), WORLD_URL);
    CHECK_TEXT(seen_header(s, "referrer-policy"), "no-referrer");
    CHECK(browser.cookie[0] != '\0');

    const struct seen *tokens = app_token(w, &grafana, seen_param(w, s, "code"));
    struct slice access = seen_member(w, tokens, "access_token");
    CHECK_INT(tokens->status, 200);
    CHECK_TEXT(seen_member(w, tokens, "token_type"), "Bearer");
    CHECK_TEXT(seen_member(w, tokens, "scope"), "openid profile email groups");
    CHECK_INT(seen_number(w, tokens, "expires_in"), 600);
    check_claims(w, world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256), access);

    const struct seen *info = app_userinfo(w, access);
    CHECK_INT(info->status, 200);
    CHECK_TEXT(seen_member(w, info, "sub"), "1");
    CHECK_TEXT(seen_member(w, info, "email"), "alice@example.com");
    CHECK(world_agrees(w, world_audited(w, "sign_in"), 1));
    CHECK_INT(world_audited(w, "token_issued"), 1);
    CHECK_TEXT(world_audit_last(w, "stable_id"), "nLaptopCNTRL");
    CHECK_TEXT(world_audit_last(w, "client_id"), "grafana");
}

/* The session stays, and its auth_time with it. */
static void second_time(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    app_add(w, &argo);
    (void)app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL));
    char *cookie = slice_cstr(w->pool, slice_of(browser.cookie));
    world_at(w, 1000);
    const struct seen *s = world_get(w, &browser, app_request(w, &argo, NULL));
    CHECK(slice_is_none(seen_header(s, "set-cookie")));
    CHECK_TEXT(slice_of(browser.cookie), cookie);
    const struct seen *tokens = app_token(w, &argo, seen_param(w, s, "code"));
    const struct json *claims = world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256);
    CHECK_INT(claim_number(claims, "auth_time"), WORLD_START_S);
    CHECK_INT(claim_number(claims, "iat"), WORLD_START_S + 1000);
    CHECK(world_agrees(w, world_counter(w, CLASS_SESSION, ALICE), 1));
    CHECK_INT(world_counter(w, CLASS_PERSON, 0), 1);
}

/* OAuth without OpenID Connect: no ID token, and userinfo is not for it. */
static void without_openid(struct world *w)
{
    struct app plain = argo;
    struct guest browser = browser_at(ALICE_LAPTOP);

    plain.scope = "profile read:all"; /* unknown ones are left out */
    app_add(w, &plain);
    const struct seen *s = world_get(w, &browser, app_request(w, &plain, NULL));
    const struct seen *tokens = app_token(w, &plain, seen_param(w, s, "code"));
    CHECK_INT(tokens->status, 200);
    CHECK(slice_is_none(seen_member(w, tokens, "id_token")));
    CHECK_TEXT(seen_member(w, tokens, "scope"), "profile");
    const struct seen *info = app_userinfo(w, seen_member(w, tokens, "access_token"));
    CHECK_INT(info->status, 403);
    CHECK_TEXT(seen_error(w, info), "insufficient_scope");
}

/* RFC 6750: the token goes into the header or the body, never into the URL, and once. */
static void userinfo(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);

    app_add(w, &grafana);
    const struct seen *tokens = app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL));
    struct slice token = seen_member(w, tokens, "access_token");
    struct slice form = pool_fmt(w->pool, "access_token=" SLICE_FMT, SLICE_ARG(token));
    CHECK_INT(world_post(w, &server, "/userinfo", form)->status, 200);
    struct call in_url = { .target = pool_fmt(w->pool, "/userinfo?" SLICE_FMT, SLICE_ARG(form)) };
    CHECK_INT(world_call(w, &server, &in_url)->status, 400);
    struct call twice = { .target = SL("/userinfo"), .body = form };
    call_header(&twice, "authorization", pool_fmt(w->pool, "Bearer " SLICE_FMT, SLICE_ARG(token)));
    CHECK_INT(world_call(w, &server, &twice)->status, 400);
    const struct seen *none = world_get(w, &server, SL("/userinfo"));
    CHECK_INT(none->status, 401);
    CHECK_TEXT(seen_header(none, "www-authenticate"), "Bearer realm=\"avouch\"");
    const struct seen *wrong = app_userinfo(w, seen_member(w, tokens, "id_token"));
    CHECK_INT(wrong->status, 401);
    CHECK(slice_starts(seen_header(wrong, "www-authenticate"), SL("Bearer realm=\"avouch\", error=\"invalid_token\"")));
    CHECK_TEXT(seen_header(wrong, "access-control-allow-origin"), "*");
}

/* RFC 6749 2.3.1: by header or in the body, raw or percent-encoded. */
static void both_ways(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);
    static const char *const basic[] = {
        "Basic Z3JhZmFuYTpncmFmYW5hLXNlY3JldC13aXRoLTQzLWxldHRlcnMtb2YtaXRzLW93bi14",
        "basic Z3JhZmFuYTpncmFmYW5hJTJEc2VjcmV0JTJEd2l0aC00My1sZXR0ZXJzLW9mLWl0cy1vd24teA==", /* %2D for - */
    };

    app_add(w, &grafana);
    for (size_t i = 0; i < 2; i++) {
        struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
        struct app no_secret = grafana;
        no_secret.secret = NULL;
        struct call c = { .target = SL("/token"), .body = app_form(w, &no_secret, code) };
        call_header(&c, "authorization", slice_of(basic[i]));
        CHECK_INT(world_call(w, &server, &c)->status, 200);
    }
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "a person is signed in without a page", sign_in },
        { "a second sign-in is the same session", second_time },
        { "without openid there is no ID token", without_openid },
        { "userinfo takes a token where RFC 6750 says", userinfo },
        { "a client authenticates in header or body", both_ways },
    };

    return SCENARIOS_PLAY(scenarios);
}
