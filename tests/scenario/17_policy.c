/* People who may not: blocked, held, or kept from this client by the tailnet's grants. Asked at every issue. Security 32, H, T. */
#include <string.h>

#include "harness.h"
#include "sign_in.h"

static const struct seen *ask(struct world *w, struct guest *browser, const char *more)
{
    return world_get(w, browser, app_request(w, &grafana, more));
}

static void check_page(struct world *w, const struct seen *s, const char *error)
{
    CHECK_INT(s->status, 403);
    CHECK_TEXT(seen_error(w, s), error);
    CHECK(slice_is_none(seen_header(s, "location")));
}

static void block(struct world *w, bool blocked)
{
    struct person person = world_person(w, ALICE);
    struct txn *t = world_begin(w);

    person_block(t, &person, blocked);
    world_commit(w, t);
}

/* ---- blocked ---- */

static void blocked(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    struct slice access = seen_member(w, app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL)),
                                      "access_token"),
                 code = sign_in_silently(w, &browser, &grafana, NULL);
    block(w, true);
    CHECK_INT(app_userinfo(w, access)->status, 401); /* everywhere at once */
    CHECK_TEXT(seen_error(w, app_token(w, &grafana, code)), "invalid_grant");
    check_page(w, ask(w, &browser, NULL), "person_blocked");
    CHECK_TEXT(seen_error(w, ask(w, &browser, "&prompt=none")), "login_required");
    CHECK(world_agrees(w, world_audited(w, "sign_in_refused"), 1));
    CHECK_TEXT(world_audit_last(w, "login"), "alice@example.com");
    block(w, false);
    CHECK_INT(app_userinfo(w, access)->status, 401); /* what ended does not come back */
    CHECK_TEXT(seen_error(w, ask(w, &browser, "&prompt=none")), "login_required");
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL)));
}

/* Between the page and Continue. */
static void blocked_on_page(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    block(w, true);
    check_page(w, press(w, &browser, page, "continue"), "person_blocked");
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
}

/* ---- held: a known id with another login ---- */

static void held(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);
    struct tailnet_node *phone = world_node(w, BOB_PHONE);

    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    phone->login = "robert@example.com";
    const struct seen *s = ask(w, &browser, NULL);
    check_page(w, s, "person_held");
    CHECK(seen_has(s, "avouch person confirm 2"));
    CHECK_TEXT(seen_error(w, ask(w, &browser, "&prompt=none")), "login_required");
    CHECK(world_audited(w, "person_held") >= 1);
    CHECK_TEXT(seen_error(w, app_token(w, &grafana, code)), "invalid_grant");
    struct person bob = world_person(w, BOB);
    CHECK(bob.held);
    CHECK_TEXT(bob.login, "bob@example.com"); /* nothing was taken over */

    struct txn *t = world_begin(w);
    person_confirm(t, &bob);
    world_commit(w, t);
    const struct seen *tokens = app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL));
    const struct json *claims = world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256);
    CHECK_TEXT(claim_text(claims, "sub"), "2");
    CHECK_TEXT(claim_text(claims, "preferred_username"), "bob"); /* for ever */
    CHECK_TEXT(claim_text(claims, "email"), "robert@example.com");
}

/* The old login is back: it was a mistake, and nobody need confirm. */
static void held_and_back(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);
    struct tailnet_node *phone = world_node(w, BOB_PHONE);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    phone->login = "robert@example.com";
    check_page(w, ask(w, &browser, NULL), "person_held");
    phone->login = "Bob@Example.COM"; /* capitals are none of anybody's business */
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL)));
    CHECK(!world_person(w, BOB).held);
}

/* The hosted control plane never hands an id on: the same person under another login. */
static void ids_for_ever(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    w->issuer.ids_for_ever = true;
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    world_node(w, BOB_PHONE)->login = "robert@example.com";
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL)));
    if (w->lost == 0)
        CHECK_TEXT(world_audit_last(w, "detail"), "silent, under a new login");
    CHECK_TEXT(world_person(w, BOB).login, "robert@example.com");
}

/* ---- kept from this client ---- */

static void limited(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    app_add(w, &argo);
    world_node(w, BOB_PHONE)->grants = "[{\"clients\":[\"argo\"]},{\"groups\":[\"ops\"]}]";
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &argo, NULL)));
    const struct seen *page = ask(w, &browser, NULL);
    check_page(w, page, "access_denied");
    CHECK(seen_has(page, "bob@example.com"));
    CHECK_TEXT(seen_action(page, "return"), "return");
    CHECK(world_agrees(w, world_audited(w, "sign_in_refused"), 1));
    CHECK_TEXT(world_audit_last(w, "client_id"), "grafana");
    const struct seen *answer = press(w, &browser, page, "return");
    CHECK_INT(answer->status, 303);
    CHECK(seen_goes_to(answer, grafana.redirect_uri));
    CHECK_TEXT(seen_error(w, answer), "access_denied");
    const struct seen *none = ask(w, &browser, "&prompt=none");
    CHECK(seen_goes_to(none, grafana.redirect_uri));
    CHECK_TEXT(seen_error(w, none), "access_denied");
}

/* A typing error in the policy must not open what it meant to close. */
static void limited_by_mistake(struct world *w)
{
    static const char *const grants[] = { "[{\"clients\":[]}]", "[{\"clients\":\"grafana\"}]", "[{\"clients\":null}]",
                                          "[{\"clients\":[\"Grafana\"]}]", "[{\"clients\":[\"grafana \"]}]" };
    struct guest browser = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
        world_node(w, BOB_PHONE)->grants = grants[i];
        check_page(w, ask(w, &browser, NULL), "access_denied");
    }
    world_node(w, BOB_PHONE)->grants = "[{\"clients\":[\"*\"]}]";
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL)));
}

/* Asked again where the code becomes tokens: what the tailnet says then counts, in both directions. */
static void limited_meanwhile(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    world_node(w, BOB_PHONE)->grants = "[{\"clients\":[\"argo\"]}]";
    const struct seen *s = app_token(w, &grafana, code);
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "invalid_grant");
    world_node(w, BOB_PHONE)->grants = "[{\"groups\":[\"ops\"]}]";
    s = app_token(w, &grafana, code);
    CHECK_INT(s->status, 200);
    const struct json *groups = json_member(world_claims(w, seen_member(w, s, "id_token"), ALG_ES256), "groups");
    struct slice group = SLICE_NONE;
    CHECK(json_text(json_item(groups, 0), &group) && slice_eq(group, SL("ops")));
}

/* The page was open while the policy changed. */
static void limited_on_page(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    world_node(w, BOB_PHONE)->grants = "[{\"clients\":[\"argo\"]}]";
    check_page(w, press(w, &browser, page, "continue"), "access_denied");
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_CONSENT, 0), 0);
}

/* ---- the most that a client may have ---- */

static void scope_limit(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client c = app_client(&grafana);

    c.scope = SL("openid profile");
    world_put_client(w, &c);
    const struct seen *tokens = app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL));
    CHECK_TEXT(seen_member(w, tokens, "scope"), "openid profile");
    const struct json *claims = world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256);
    CHECK(slice_is_none(claim_text(claims, "email")));
    CHECK(json_member(claims, "groups") == NULL);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "blocked: everything ends at once, and stays ended", blocked },
        { "blocked while the page is open", blocked_on_page },
        { "a known id with another login is held until it is confirmed", held },
        { "or until the old login is back", held_and_back },
        { "where ids are for ever it is the same person", ids_for_ever },
        { "the tailnet's grants name other clients: access_denied, and [Back]", limited },
        { "a mistake in the grants closes", limited_by_mistake },
        { "the policy is asked again at /token", limited_meanwhile },
        { "and when Continue is pressed", limited_on_page },
        { "a client's scope is the most it gets", scope_limit },
    };

    return SCENARIOS_PLAY(scenarios);
}
