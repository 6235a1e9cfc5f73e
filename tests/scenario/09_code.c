/* A code: for one client, one redirect URI, one verifier, one use. What is wrong uses nothing up; a second use by whoever had the right to
 * the first ends what that one got. RFC 6749 4.1.2, 4.1.3, RFC 7636 4.6, RFC 9700 2.1.1. Security 4, 5, 7, 9, 10. */
#include <string.h>

#include "harness.h"
#include "sign_in.h"

static const struct seen *token_with(struct world *w, struct slice form)
{
    struct guest server = program_at(MACHINE);

    return world_post(w, &server, "/token", form);
}

static void check_refused(struct world *w, const struct seen *s, unsigned status, const char *error)
{
    CHECK_INT(s->status, status);
    CHECK_TEXT(seen_error(w, s), error);
    CHECK_TEXT(seen_header(s, "content-type"), "application/json");
    CHECK_TEXT(seen_header(s, "access-control-allow-origin"), "*");
    if (status == 401)
        CHECK(slice_starts(seen_header(s, "www-authenticate"), SL("Basic ")));
}

static void check_works(struct world *w, const struct app *a, struct slice code)
{
    const struct seen *tokens = app_token(w, a, code);

    CHECK_INT(tokens->status, 200);
    CHECK_INT(app_userinfo(w, seen_member(w, tokens, "access_token"))->status, 200);
}

/* ---- replay ---- */

static void replay(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &argo);
    struct slice code = sign_in_silently(w, &browser, &argo, NULL);
    struct slice access = seen_member(w, app_token(w, &argo, code), "access_token");
    CHECK_INT(app_userinfo(w, access)->status, 200);
    check_refused(w, app_token(w, &argo, code), 400, "invalid_grant");
    const struct seen *info = app_userinfo(w, access);
    CHECK_INT(info->status, 401);
    CHECK_TEXT(seen_error(w, info), "invalid_token");
    CHECK_INT(world_audited(w, "code_replayed"), 1);
    check_refused(w, app_token(w, &argo, code), 400, "invalid_grant");
    CHECK_INT(world_audited(w, "code_replayed"), 1);
    check_works(w, &argo, sign_in_silently(w, &browser, &argo, NULL)); /* other sign-ins are not touched */
}

/* After the code's own lifetime a second use is still one. */
static void late_replay(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &argo);
    struct slice code = sign_in_silently(w, &browser, &argo, NULL);
    struct slice access = seen_member(w, app_token(w, &argo, code), "access_token");
    world_at(w, 300);
    check_refused(w, app_token(w, &argo, code), 400, "invalid_grant");
    CHECK_INT(app_userinfo(w, access)->status, 401);
}

/* Who had no right to the first use ends nothing: else an old code in a log would sign people out. */
static void strangers_replay(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct app bad_verifier = argo, bad_secret = argo, bad_uri = argo, other = grafana;

    bad_verifier.verifier = "another-verifier-of-43-letters-0123456789-AB";
    bad_secret.secret = grafana.secret;
    bad_uri.redirect_uri = grafana.redirect_uri;
    other.redirect_uri = argo.redirect_uri;
    other.verifier = argo.verifier;
    app_add(w, &argo);
    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &argo, NULL);
    struct slice access = seen_member(w, app_token(w, &argo, code), "access_token");
    check_refused(w, app_token(w, &bad_verifier, code), 400, "invalid_grant");
    check_refused(w, app_token(w, &bad_secret, code), 401, "invalid_client");
    check_refused(w, app_token(w, &bad_uri, code), 400, "invalid_grant");
    check_refused(w, app_token(w, &other, code), 400, "invalid_grant");
    CHECK_INT(app_userinfo(w, access)->status, 200);
    CHECK_INT(world_audited(w, "code_replayed"), 0);
}

/* ---- what is wrong uses nothing up ---- */

static void wrong_client(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct app wrong = argo;

    app_add(w, &argo);
    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &argo, NULL);
    wrong.secret = "argo-secret-with-43-letters-of-its-own-xxxX";
    const struct seen *secret = app_token(w, &wrong, code);
    check_refused(w, secret, 401, "invalid_client");
    wrong.secret = NULL;
    check_refused(w, app_token(w, &wrong, code), 401, "invalid_client");
    wrong = argo;
    wrong.client_id = "nobody";
    const struct seen *unknown = app_token(w, &wrong, code);
    check_refused(w, unknown, 401, "invalid_client");
    CHECK(slice_eq(secret->body, unknown->body)); /* nobody learns which clients there are */
    wrong.client_id = "grafana";
    check_refused(w, app_token(w, &wrong, code), 401, "invalid_client");
    wrong.secret = grafana.secret;
    check_refused(w, app_token(w, &wrong, code), 400, "invalid_grant");
    check_works(w, &argo, code);
}

static void wrong_redirect(struct world *w)
{
    static const char *const uris[] = { NULL,
                                        "https://argo.example/auth/callback/",
                                        "https://argo.example/auth/callbac",
                                        "HTTPS://argo.example/auth/callback",
                                        "https://argo.example/other",
                                        "https://argo.example/auth/callback?x=1" };
    struct slice registered[] = { slice_of(argo.redirect_uri), SL("https://argo.example/other") };
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client c = app_client(&argo);
    struct app wrong = argo;

    c.redirect_uris = (struct slices){ registered, 2 };
    world_put_client(w, &c);
    struct slice code = sign_in_silently(w, &browser, &argo, NULL);
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        wrong.redirect_uri = uris[i];
        check_refused(w, app_token(w, &wrong, code), 400, "invalid_grant");
    }
    check_works(w, &argo, code);
}

/* RFC 6749 4.1.3: what was not sent need not be repeated; if it is, it is the same. */
static void redirect_left_out(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct app left_out = grafana;

    app_add(w, &grafana);
    left_out.redirect_uri = NULL;
    for (unsigned i = 0; i < 2; i++) {
        const struct seen *s = world_get(w, &browser, app_request(w, &left_out, NULL));
        CHECK(seen_goes_to(s, grafana.redirect_uri));
        check_works(w, i == 0 ? &left_out : &grafana, seen_param(w, s, "code"));
    }
}

static void wrong_verifier(struct world *w)
{
    char *too_long = pool_zalloc(w->pool, 130); /* 43 to 128 */
    const char *const verifiers[] = {
        NULL,
        "argo-verifier-of-43-letters-0123456789-ABCDe",
        "argo-verifier-of-42-letters-0123456789-AB",
        "argo-verifier-of-43-letters-0123456789-ABCDE ",
        too_long,
    };
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct app wrong = argo;

    memset(too_long, 'A', 129);
    app_add(w, &argo);
    struct slice code = sign_in_silently(w, &browser, &argo, NULL);
    for (size_t i = 0; i < sizeof(verifiers) / sizeof(verifiers[0]); i++) {
        wrong.verifier = verifiers[i];
        check_refused(w, app_token(w, &wrong, code), 400, "invalid_grant");
    }
    check_works(w, &argo, code);
}

/* Security 7: a verifier where there was no challenge is a sign of somebody in between. */
static void downgrade(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct app with = grafana;

    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    with.verifier = argo.verifier;
    check_refused(w, app_token(w, &with, code), 400, "invalid_grant");
    check_works(w, &grafana, code);
}

static void not_a_code(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    char *altered = slice_cstr(w->pool, code);
    altered[30] = altered[30] == 'A' ? 'B' : 'A';
    check_refused(w, app_token(w, &grafana, slice_of(altered)), 400, "invalid_grant");
    check_refused(w, app_token(w, &grafana, slice_head(code, code.n - 1)), 400, "invalid_grant");
    check_refused(w, app_token(w, &grafana, pool_fmt(w->pool, SLICE_FMT "A", SLICE_ARG(code))), 400, "invalid_grant");
    check_refused(w, app_token(w, &grafana, SL("x")), 400, "invalid_grant");
    check_refused(w, app_token(w, &grafana, SLICE_NONE), 400, "invalid_request");
    CHECK_INT(app_userinfo(w, code)->status, 401); /* nor is it a token */
    const struct seen *tokens = app_token(w, &grafana, code);
    struct slice access = seen_member(w, tokens, "access_token");
    check_refused(w, app_token(w, &grafana, access), 400, "invalid_grant"); /* nor a token a code */
    CHECK_INT(app_userinfo(w, access)->status, 200);
}

/* RFC 6749 3.2: once each, in the body alone. */
static void twice_or_in_url(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);

    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL), form = app_form(w, &grafana, code);
    const char *const more[] = { "code=x", "grant_type=authorization_code", "client_id=grafana", "redirect_uri=x" };
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        struct slice twice = pool_fmt(w->pool, SLICE_FMT "&%s", SLICE_ARG(form), more[i]);
        check_refused(w, token_with(w, twice), 400, "invalid_request");
        const struct call in_url = { .target = pool_fmt(w->pool, "/token?%s", more[i]), .body = form };
        check_refused(w, world_call(w, &server, &in_url), 400, "invalid_request");
    }
    struct slice malformed = pool_fmt(w->pool, SLICE_FMT "&x=%%zz", SLICE_ARG(form));
    check_refused(w, token_with(w, malformed), 400, "invalid_request");
    struct slice unknown = pool_fmt(w->pool, SLICE_FMT "&x=1&x=2&scope=", SLICE_ARG(form));
    CHECK_INT(token_with(w, unknown)->status, 200); /* what is not ours is ignored */
}

static void other_grants(struct world *w)
{
    static const struct {
        const char *form, *error;
    } rows[] = {
        { "", "invalid_request" },
        { "&grant_type=", "invalid_request" },
        { "&grant_type=password&username=a&password=b", "unsupported_grant_type" },
        { "&grant_type=implicit", "unsupported_grant_type" },
        { "&grant_type=refresh_token&refresh_token=x", "unsupported_grant_type" },
        { "&grant_type=client_credentials", "unsupported_grant_type" },
        { "&grant_type=authorization_code", "invalid_request" },
        { "&grant_type=authorization_code&code=x&resource=https://a.example", "invalid_target" },
    };

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice form = pool_fmt(w->pool, "client_id=grafana&client_secret=%s%s", grafana.secret, rows[i].form);
        check_refused(w, token_with(w, form), 400, rows[i].error);
    }
    check_refused(w, token_with(w, SL("client_id=grafana&client_assertion=x&grant_type=authorization_code")), 401,
                  "invalid_client");
}

/* RFC 6749 2.3: one way to authenticate. */
static void two_ways(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);

    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    const struct call calls[] = {
        { .target = SL("/token"), .body = app_form(w, &grafana, code) },
        { .target = SL("/token"), .body = SL("client_id=argo&grant_type=authorization_code&code=x") },
    };
    for (size_t i = 0; i < 2; i++) {
        struct call c = calls[i];
        call_header(&c, "authorization",
                    SL("Basic Z3JhZmFuYTpncmFmYW5hLXNlY3JldC13aXRoLTQzLWxldHRlcnMtb2YtaXRzLW93bi14"));
        check_refused(w, world_call(w, &server, &c), 400, "invalid_request");
    }
    static const char *const headers[] = { "Basic", "Basic ", "Basic !!!", "Basic Z3JhZmFuYQ==", "Bearer x", "" };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct call c = { .target = SL("/token"), .body = SL("grant_type=authorization_code&code=x") };
        call_header(&c, "authorization", slice_of(headers[i]));
        check_refused(w, world_call(w, &server, &c), 401, "invalid_client");
    }
    check_works(w, &grafana, code);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "a second use ends what the first one got", replay },
        { "long after the code's own lifetime, too", late_replay },
        { "a stranger's second use ends nothing", strangers_replay },
        { "wrong client or secret: one answer, and the code works afterwards", wrong_client },
        { "another redirect URI", wrong_redirect },
        { "redirect_uri left out in the authorization request", redirect_left_out },
        { "another verifier, or none", wrong_verifier },
        { "a verifier without a challenge", downgrade },
        { "what is no code, and a code that is no token", not_a_code },
        { "repeated parameters, or in the URL", twice_or_in_url },
        { "other grant types", other_grants },
        { "two ways to authenticate, or a broken one", two_ways },
    };

    return SCENARIOS_PLAY(scenarios);
}
