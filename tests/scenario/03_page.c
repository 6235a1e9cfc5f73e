/* A public client on loopback: the page, Continue, token. Any local program may wait there, so the page comes each time. */
#include <string.h>

#include "harness.h"
#include "sign_in.h"

static void check_page(const struct seen *page)
{
    struct slice policy = seen_header(page, "content-security-policy");

    CHECK_INT(page->status, 200);
    CHECK(seen_has(page, "Continue to"));
    CHECK(seen_has(page, "Command line"));
    CHECK(seen_has(page, "alice@example.com"));
    CHECK(seen_has(page, "Any program on"));
    CHECK(memmem(policy.p, policy.n, "form-action 'self' http://127.0.0.1", 34) != NULL);
    CHECK_TEXT(seen_header(page, "referrer-policy"), "same-origin");
    CHECK_TEXT(seen_action(page, "continue"), "continue");
    CHECK_TEXT(seen_action(page, "cancel"), "cancel");
}

static void sign_in(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *first = world_get(w, &browser, app_request(w, &cli, NULL));
    CHECK_INT(first->status, 302); /* the page has an address of its own: reload and back find it again */
    CHECK(slice_starts(seen_header(first, "location"), SL("/authorize?flow=")));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_SESSION, 0), 0);
    const struct seen *page = world_get(w, &browser, seen_header(first, "location"));
    check_page(page);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);

    const struct seen *answer = press(w, &browser, page, "continue");
    CHECK_INT(answer->status, 303);
    CHECK(seen_goes_to(answer, cli.redirect_uri));
    CHECK_TEXT(seen_param(w, answer, "state"), "a state, with = & and ü");
    const struct seen *tokens = app_token(w, &cli, seen_param(w, answer, "code"));
    CHECK_INT(tokens->status, 200);
    CHECK_TEXT(claim_text(world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256), "sub"), "1");
    CHECK_INT(world_audited(w, "sign_in"), 1);
    CHECK_INT(world_counter(w, CLASS_CONSENT, ALICE), 1);
}

static void each_time(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    CHECK(!slice_is_none(seen_param(w, sign_in_by_page(w, &browser, &cli, NULL), "code")));
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    check_page(page);
}

/* RFC 8252 7.3: the port is the application's, at each sign-in another one; the consent does not name it. */
static void any_port(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct app other = cli;
    struct client c = app_client(&cli);

    c.page = PAGE_FIRST;
    world_put_client(w, &c);
    CHECK(!slice_is_none(seen_param(w, sign_in_by_page(w, &browser, &cli, NULL), "code")));
    other.redirect_uri = "http://127.0.0.1:51234/callback";
    struct slice code = sign_in_silently(w, &browser, &other, NULL);
    CHECK_INT(app_token(w, &other, code)->status, 200);
    other.redirect_uri = "http://127.0.0.1:51234/callback/";
    const struct seen *s = world_get(w, &browser, app_request(w, &other, NULL));
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "invalid_redirect_uri");
}

static void never(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client c = app_client(&cli);

    c.page = PAGE_NEVER;
    world_put_client(w, &c);
    CHECK_INT(app_token(w, &cli, sign_in_silently(w, &browser, &cli, NULL))->status, 200);
}

static void always(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client c = app_client(&grafana);

    c.page = PAGE_ALWAYS;
    world_put_client(w, &c);
    for (unsigned i = 0; i < 2; i++) {
        const struct seen *answer = sign_in_by_page(w, &browser, &grafana, NULL);
        CHECK(seen_goes_to(answer, grafana.redirect_uri));
        CHECK(!slice_is_none(seen_param(w, answer, "code")));
    }
    CHECK_INT(world_counter(w, CLASS_CONSENT, ALICE), 1);
}

/* Self-registered: once, with the same consent silent; another redirect URI of the client is asked about anew. */
static void registered(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_register(w, &argo);
    const struct seen *page = open_page(w, &browser, app_request(w, &argo, NULL));
    CHECK(seen_has(page, "Nobody has checked this application"));
    CHECK(!slice_is_none(seen_param(w, press(w, &browser, page, "continue"), "code")));
    CHECK_INT(app_token(w, &argo, sign_in_silently(w, &browser, &argo, NULL))->status, 200);

    struct slice uris[] = { slice_of(argo.redirect_uri), SL("https://argo.example/other") };
    struct client c = world_client(w, "argo");
    c.redirect_uris = (struct slices){ uris, 2 };
    world_put_client(w, &c); /* the client is not what it was: the consent is void */
    const struct seen *again = open_page(w, &browser, app_request(w, &argo, NULL));
    CHECK_INT(again->status, 200);
    CHECK(!slice_is_none(seen_flow(again)));
}

/* From a node that routes for others anybody may be behind it: the page each time. */
static void router(struct world *w)
{
    struct guest browser = browser_at(ROUTER);

    app_add(w, &grafana);
    const struct seen *page = open_page(w, &browser, app_request(w, &grafana, NULL));
    CHECK_INT(page->status, 200);
    CHECK(seen_has(page, "carries traffic of other devices"));
    CHECK(!slice_is_none(seen_param(w, press(w, &browser, page, "continue"), "code")));
    CHECK(!slice_is_none(seen_flow(open_page(w, &browser, app_request(w, &grafana, NULL)))));
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "page, Continue, token", sign_in },
        { "the page comes each time", each_time },
        { "--page first: once, whatever the port", any_port },
        { "--page never: silent", never },
        { "--page always: each time, of a confidential client too", always },
        { "a self-registered client: once, until it changes", registered },
        { "from a node that routes for others: each time", router },
    };

    return SCENARIOS_PLAY(scenarios);
}
