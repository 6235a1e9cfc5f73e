/* The authorization request: POST, form_post, the order in which it is judged, and where an error may go. RFC 6749 3.1, 4.1.1,
 * 4.1.2.1, OAuth 2.0 Form Post Response Mode. Security 1, 2, 3. */
#include <string.h>

#include "authorization.h"
#include "harness.h"
#include "sign_in.h"

static const struct seen *ask(struct world *w, struct guest *browser, const struct app *a, const char *more)
{
    return world_get(w, browser, app_request(w, a, more));
}

static void check_page(struct world *w, const struct seen *s, unsigned status, const char *error)
{
    CHECK_INT(s->status, status);
    CHECK_TEXT(seen_error(w, s), error);
    CHECK(slice_is_none(seen_header(s, "location")));
    CHECK(!seen_has(s, "http-equiv"));
}

static void check_sent(struct world *w, const struct seen *s, const struct app *a, const char *error)
{
    CHECK(s->status == 302 || s->status == 303);
    CHECK(seen_goes_to(s, a->redirect_uri));
    CHECK_TEXT(seen_error(w, s), error);
    CHECK_TEXT(seen_param(w, s, "iss"), WORLD_URL);
}

/* ---- POST ---- */

static const struct seen *post_request(struct world *w, struct guest *browser, const struct app *a, const char *more)
{
    struct slice target = app_request(w, a, more);

    return world_post(w, browser, "/authorize", slice_from(target, sizeof("/authorize?") - 1));
}

/* Stored, and answered with a GET: with SameSite=Lax the cookie comes along only there. */
static void posted(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    const struct seen *s = post_request(w, &browser, &grafana, NULL);
    CHECK_INT(s->status, 303);
    CHECK(slice_starts(seen_header(s, "location"), SL("/authorize?flow=")));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    const struct seen *answer = world_get(w, &browser, seen_header(s, "location"));
    CHECK_INT(answer->status, 302);
    CHECK_TEXT(seen_param(w, answer, "state"), "a state, with = & and ü");
    const struct seen *again = world_get(w, &browser, seen_header(s, "location"));
    CHECK(slice_eq(seen_param(w, answer, "code"), seen_param(w, again, "code"))); /* reload */
    CHECK_INT(app_token(w, &grafana, seen_param(w, answer, "code"))->status, 200);
}

/* A stored request is bound to nobody until it is answered: then only where it was answered. */
static void posted_by_another(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    struct slice address = seen_header(post_request(w, &alice, &grafana, NULL), "location");
    struct slice hers = seen_param(w, world_get(w, &alice, address), "code");
    struct slice his = seen_param(w, world_get(w, &bob, address), "code");
    CHECK(!slice_is_none(hers) && !slice_is_none(his) && !slice_eq(hers, his));
    const struct seen *tokens = app_token(w, &grafana, his);
    CHECK_TEXT(claim_text(world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256), "sub"), "2");
}

/* RFC 6749 3.1: what stands in query and body is there twice. */
static void posted_with_query(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct slice query = app_request(w, &grafana, NULL);
    struct call c = { .target = query, .body = SL("state=other") };

    app_add(w, &grafana);
    const struct seen *s = world_call(w, &browser, &c);
    check_sent(w, s, &grafana, "invalid_request");
    CHECK_INT(s->status, 303);
    CHECK_INT(world_count(w, CLASS_FLOW, 0), 0); /* what has a fault is answered at once */
    c.body = SL("display=page");
    s = world_get(w, &browser, seen_header(world_call(w, &browser, &c), "location"));
    CHECK(!slice_is_none(seen_param(w, s, "code")));
}

/* Who is nobody here stores nothing, and neither does a request that could not be answered anyway. */
static void posted_by_strangers(struct world *w)
{
    static const char *const addresses[] = { NOBODY, MACHINE, EXPIRED, SHARED_IN };
    struct app unknown = grafana;

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct guest browser = browser_at(addresses[i]);
        CHECK_INT(post_request(w, &browser, &grafana, NULL)->status, 403);
    }
    struct guest browser = browser_at(ALICE_LAPTOP);
    unknown.client_id = "nobody";
    check_page(w, post_request(w, &browser, &unknown, NULL), 400, "unknown_client");
    unknown = grafana;
    unknown.redirect_uri = "https://evil.example/cb";
    check_page(w, post_request(w, &browser, &unknown, NULL), 400, "invalid_redirect_uri");
    CHECK_INT(world_count(w, CLASS_FLOW, 0), 0);
}

static void media_type(struct world *w)
{
    static const char *const types[] = { "application/json", "text/plain", "multipart/form-data; boundary=x", "" };
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct call c = { .target = SL("/authorize"), .body = SL("client_id=grafana") };
        call_header(&c, "content-type", slice_of(types[i]));
        check_page(w, world_call(w, &browser, &c), 415, "unsupported_media_type");
        c.target = SL("/token");
        CHECK_INT(world_call(w, &server, &c)->status, 415);
    }
    /* field 02: with a charset and odd capitals it is the same */
    struct call c = { .target = SL("/token"), .body = app_form(w, &grafana, SL("x")) };
    call_header(&c, "content-type", SL("Application/X-WWW-Form-URLencoded ; charset=\"UTF-8\""));
    CHECK_INT(world_call(w, &server, &c)->status, 400);
}

/* ---- form_post ---- */

static void form_post(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    const struct seen *s = ask(w, &browser, &grafana, "&response_mode=form_post");
    CHECK_INT(s->status, 200);
    CHECK(slice_is_none(seen_header(s, "location")));
    CHECK(seen_has(s, "method=\"post\" action=\"https://grafana.example/cb\""));
    CHECK(seen_has(s, "name=\"state\" value=\"a state, with = &amp; and ü\""));
    CHECK(seen_has(s, "name=\"iss\" value=\"" WORLD_URL "\""));
    struct slice policy = seen_header(s, "content-security-policy");
    CHECK(memmem(policy.p, policy.n, "form-action 'self' https://grafana.example", 42) != NULL);
    CHECK(memmem(policy.p, policy.n, "script-src 'self'", 17) != NULL);
    const char *at = memmem(s->body.p, s->body.n, "name=\"code\" value=\"", 19);
    CHECK(at != NULL);
    if (at == NULL)
        return;
    struct slice code = { at + 19, CREDENTIAL_TEXT_BYTES };
    world_keep_secret(w, code);
    CHECK_INT(app_token(w, &grafana, code)->status, 200);
}

static void form_post_error(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    const struct seen *s = ask(w, &browser, &grafana, "&response_mode=form_post&prompt=none");
    CHECK_INT(s->status, 200);
    CHECK(seen_has(s, "name=\"error\" value=\"login_required\""));
    CHECK(!seen_has(s, "name=\"code\""));
}

/* ---- the order ---- */

/* Each row is wrong in everything that follows it, too: the first one decides. */
static void order(struct world *w)
{
    static const struct {
        const char *client_id, *redirect_uri, *address, *more, *error;
        bool sent;
    } rows[] = {
        { "nobody", "https://evil.example/", NOBODY, "&prompt=none&response_type=x", "unknown_client", false },
        { "grafana", "https://evil.example/", NOBODY, "&prompt=none&response_type=x", "invalid_redirect_uri", false },
        { "grafana", NULL, NOBODY, "&request=x", "not_on_tailnet", false },
        { "grafana", NULL, NOBODY, "&prompt=none&request=x", "login_required", true },
        { "grafana", NULL, ALICE_LAPTOP, "&prompt=none&request=x", "login_required", true },
        { "grafana", NULL, ALICE_LAPTOP, "&request=x", "request_not_supported", true },
        { "grafana", NULL, BOB_PHONE, "&request=x", "request_not_supported", true },
        { "grafana", NULL, BOB_PHONE, "", "access_denied", false },
        { "grafana", NULL, BOB_PHONE, "&prompt=login", "access_denied", false },
    };

    world_node(w, BOB_PHONE)->grants = "[{\"clients\":[\"another\"]}]";
    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct app a = grafana;
        struct guest browser = browser_at(rows[i].address);
        a.client_id = rows[i].client_id;
        if (rows[i].redirect_uri != NULL)
            a.redirect_uri = rows[i].redirect_uri;
        const struct seen *s = ask(w, &browser, &a, rows[i].more);
        CHECK_TEXT(seen_error(w, s), rows[i].error);
        CHECK_INT(!slice_is_none(seen_header(s, "location")), rows[i].sent);
    }
}

/* What is wrong with the rest, each with its own word. */
static void mistakes(struct world *w)
{
    static const struct {
        const char *more, *error;
    } rows[] = {
        { "&response_mode=fragment", "invalid_request" },
        { "&response_mode=query&response_mode=query", "invalid_request" },
        { "&request_uri=urn:x", "request_uri_not_supported" },
        { "&registration={}", "registration_not_supported" },
        { "&resource=https://api.example", "invalid_target" },
        { "&code_challenge_method=S256", "invalid_request" },
        { "&code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "invalid_request" },
        { "&code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&code_challenge_method=plain",
          "invalid_request" },
        { "&code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D&code_challenge_method=S256",
          "invalid_request" },
        { "&nonce=a", "invalid_request" },
        { "&state=a", "invalid_request" },
        { "&id_token_hint=a&id_token_hint=b", "invalid_request" },
        { "&ui_locales=de&ui_locales=en", "invalid_request" },
    };
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_sent(w, ask(w, &browser, &grafana, rows[i].more), &grafana, rows[i].error);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    check_page(w, ask(w, &browser, &grafana, "&x=%zz"), 400, "invalid_request"); /* cannot be read: nothing is proven */
    check_page(w, ask(w, &browser, &grafana, "&client_id=grafana"), 400, "unknown_client");
    /* the only registered one is what it would be without */
    check_sent(w, ask(w, &browser, &grafana, "&redirect_uri=https://evil.example/"), &grafana, "invalid_request");
}

static void types_and_scopes(struct world *w)
{
    static const struct {
        const char *query, *error;
    } rows[] = {
        { "", "invalid_request" },
        { "&response_type=token", "unsupported_response_type" },
        { "&response_type=id_token", "unsupported_response_type" },
        { "&response_type=code%20id_token", "unsupported_response_type" },
        { "&response_type=code&scope=openid,profile", "invalid_scope" },
        { "&response_type=code&scope=openid%09profile", "invalid_scope" },
        { "&response_type=code&scope=openid%22", "invalid_scope" },
        { "&response_type=code&scope=profile", "invalid_request" }, /* without openid PKCE is due */
    };
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice target =
            pool_fmt(w->pool, "/authorize?client_id=grafana&redirect_uri=%s%s", grafana.redirect_uri, rows[i].query);
        check_sent(w, world_get(w, &browser, target), &grafana, rows[i].error);
    }
    /* field 04: blank is absent */
    struct slice blank =
        SL("/authorize?client_id=grafana&response_type=code&redirect_uri=&scope=&prompt=&state=&nonce="
           "&max_age=&code_challenge=&code_challenge_method=&resource=&request=&response_mode=&claims=");
    CHECK(!slice_is_none(seen_param(w, world_get(w, &browser, blank), "code")));
}

static void pkce_is_due(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct app no_pkce = cli;
    struct client c = app_client(&cli);

    no_pkce.verifier = NULL;
    c.page = PAGE_NEVER;
    world_put_client(w, &c);
    check_sent(w, ask(w, &browser, &no_pkce, NULL), &cli, "invalid_request");
    c = app_client(&grafana);
    c.require_pkce = CHOICE_YES;
    world_put_client(w, &c);
    check_sent(w, ask(w, &browser, &grafana, NULL), &grafana, "invalid_request");
    c = app_client(&cli);
    c.page = PAGE_NEVER;
    c.require_pkce = CHOICE_NO;
    world_put_client(w, &c);
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &no_pkce, NULL), "code")));
}

/* ---- where an error may go ---- */

/* Nobody vouches for the client: a page, whose [Back] takes the error along. */
static void back(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_register(w, &argo);
    const struct seen *page = ask(w, &browser, &argo, "&response_mode=fragment");
    check_page(w, page, 400, "invalid_request");
    CHECK(seen_has(page, "argo.example"));
    CHECK_TEXT(seen_action(page, "return"), "return");
    const struct seen *answer = press(w, &browser, page, "return");
    CHECK_INT(answer->status, 303);
    check_sent(w, answer, &argo, "invalid_request");
    CHECK_TEXT(seen_param(w, answer, "state"), "a state, with = & and ü");
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_CONSENT, 0), 0);
}

/* The application expects somebody else than the person at this device. */
static void back_from_hint(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    app_register(w, &argo);
    const struct seen *tokens = app_token(w, &grafana, sign_in_silently(w, &alice, &grafana, NULL));
    struct slice hint = seen_member(w, tokens, "id_token");
    char *more = slice_cstr(w->pool, pool_fmt(w->pool, "&id_token_hint=" SLICE_FMT, SLICE_ARG(hint)));
    const struct seen *page = ask(w, &bob, &argo, more);
    check_page(w, page, 400, "login_required");
    check_sent(w, press(w, &bob, page, "return"), &argo, "login_required");
}

/* Some clients send all they have. What is no parameter of an authorization request is not kept (world_inspect looks), and what is, is:
 * a page has it stored, and so has a POST. */
static void secret_sent_along(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    char *more = slice_cstr(
        w->pool, pool_fmt(w->pool, "&&client_secret=%s&client%%5Fsecret=%s&ui_locales=de", argo.secret, argo.secret));

    app_register(w, &argo);
    const struct seen *sent = sign_in_by_page(w, &browser, &argo, more);
    CHECK_TEXT(seen_param(w, sent, "state"), "a state, with = & and ü");
    CHECK_INT(app_token(w, &argo, seen_param(w, sent, "code"))->status, 200);
    struct slice query = slice_from(app_request(w, &argo, more), sizeof("/authorize?") - 1);
    const struct seen *stored = world_post(w, &browser, "/authorize", query);
    CHECK_INT(stored->status, 303);
    CHECK(seen_goes_to(world_get(w, &browser, seen_header(stored, "location")), argo.redirect_uri));
}

/* Where the person has been before, the error goes at once. */
static void accepted_before(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), other = browser_at(BOB_PHONE);

    app_register(w, &argo);
    (void)sign_in_by_page(w, &browser, &argo, NULL);
    check_sent(w, ask(w, &browser, &argo, "&response_mode=fragment"), &argo, "invalid_request");
    check_page(w, ask(w, &other, &argo, "&response_mode=fragment"), 400, "invalid_request"); /* but hers alone */
}

/* An administrator has approved it: as if they had added it. */
static void approved(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_register(w, &argo);
    struct client c = world_client(w, "argo");
    c.approved = true;
    world_put_client(w, &c);
    check_sent(w, ask(w, &browser, &argo, "&response_mode=fragment"), &argo, "invalid_request");
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &argo, NULL), "code")));
}

/* No [Back] where nothing is proven, or where nothing could be sent. */
static void no_back(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct app wrong = argo;

    app_register(w, &argo);
    wrong.redirect_uri = "https://evil.example/cb";
    const struct seen *s = ask(w, &browser, &wrong, NULL);
    check_page(w, s, 400, "invalid_redirect_uri");
    CHECK(slice_is_none(seen_flow(s)));
    CHECK(seen_has(s, "https://argo.example/auth/callback")); /* what is registered is shown, as text */
    wrong.client_id = "nobody";
    s = ask(w, &browser, &wrong, NULL);
    check_page(w, s, 400, "unknown_client");
    CHECK(slice_is_none(seen_flow(s)));
}

/* What was wrong is right by the time [Back] is pressed: the page again, and no answer by mistake. */
static void back_when_right(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);

    world_node(w, BOB_PHONE)->grants = "[{\"clients\":[\"another\"]}]";
    app_register(w, &argo);
    const struct seen *page = ask(w, &browser, &argo, NULL);
    check_page(w, page, 403, "access_denied");
    world_node(w, BOB_PHONE)->grants = NULL;
    const struct seen *s = press(w, &browser, page, "return");
    CHECK_INT(s->status, 303);
    CHECK(slice_starts(seen_header(s, "location"), SL("/authorize?flow=")));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
}

static void disabled(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client c = app_client(&grafana);

    c.disabled = true;
    world_put_client(w, &c);
    check_page(w, ask(w, &browser, &grafana, "&prompt=none"), 400, "unauthorized_client");
}

/* ---- too long ---- */

static struct slice of_length(struct world *w, const char *name, size_t n)
{
    char *text = pool_zalloc(w->pool, n + 64);

    (void)snprintf(text, 64, "&%s=", name);
    memset(text + strlen(text), 'x', n);
    return slice_of(text);
}

static void too_long(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &argo);
    struct slice target =
                     SL("/authorize?response_type=code&client_id=argo&redirect_uri=https://argo.example/auth/callback"
                        "&scope=openid"),
                 state = of_length(w, "state", STATE_BYTES_MAX), more = of_length(w, "state", STATE_BYTES_MAX + 1);
    struct slice fits = pool_fmt(w->pool, SLICE_FMT SLICE_FMT, SLICE_ARG(target), SLICE_ARG(state));
    CHECK(!slice_is_none(seen_param(w, world_get(w, &browser, fits), "code")));
    struct slice over = pool_fmt(w->pool, SLICE_FMT SLICE_FMT, SLICE_ARG(target), SLICE_ARG(more));
    check_sent(w, world_get(w, &browser, over), &argo, "invalid_request");
    struct slice nonce = of_length(w, "nonce", NONCE_BYTES_MAX + 1);
    over = pool_fmt(w->pool, SLICE_FMT SLICE_FMT, SLICE_ARG(target), SLICE_ARG(nonce));
    check_sent(w, world_get(w, &browser, over), &argo, "invalid_request");
    struct buf many;
    buf_init(&many, w->pool, 65536);
    buf_put(&many, target);
    for (unsigned i = 0; i <= PARAM_PAIRS_MAX; i++)
        buf_put(&many, SL("&a=b"));
    over = buf_finish(&many);
    check_page(w, world_get(w, &browser, over), 400, "invalid_request");
}

/* A state that fits, but not into our Location once it is escaped: said before there is a code. */
static void location_too_long(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    struct buf b;
    buf_init(&b, w->pool, 65536);
    buf_put(&b, SL("/authorize?response_type=code&client_id=grafana&scope=openid&state="));
    for (unsigned i = 0; i < STATE_BYTES_MAX; i++)
        buf_put(&b, SL("%3D"));
    struct slice target = buf_finish(&b);
    check_page(w, world_get(w, &browser, target), 400, "invalid_request");
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    struct slice as_form = pool_fmt(w->pool, SLICE_FMT "&response_mode=form_post", SLICE_ARG(target));
    CHECK(seen_has(world_get(w, &browser, as_form), "name=\"code\""));
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "a POST is stored and answered by its GET", posted },
        { "a stored request is answered to each for themselves", posted_by_another },
        { "query and body are one list of parameters", posted_with_query },
        { "strangers store nothing", posted_by_strangers },
        { "a body is a form", media_type },
        { "response_mode=form_post", form_post },
        { "an error by form_post", form_post_error },
        { "client, redirect URI, person, prompt=none, the rest, policy", order },
        { "each mistake has its word", mistakes },
        { "response types and scopes", types_and_scopes },
        { "PKCE where it is due", pkce_is_due },
        { "nobody vouches: a page, and [Back] takes the error along", back },
        { "[Back] from an id_token_hint about somebody else", back_from_hint },
        { "a secret that was sent along is not stored", secret_sent_along },
        { "where the person was before it goes at once", accepted_before },
        { "approved is as good as added", approved },
        { "nothing proven: no [Back]", no_back },
        { "[Back] when all is right again", back_when_right },
        { "a disabled client gets nobody anything", disabled },
        { "too long", too_long },
        { "an answer that would be too long", location_too_long },
    };

    return SCENARIOS_PLAY(scenarios);
}
