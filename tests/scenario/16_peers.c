/* Who is at the other end: whois, believed for one request. What is no person gets a page; trouble with tailscaled is never "nobody". At
 * /token the grant's node is asked about again. docs/decisions.md, Identity. Security B, C, D, F, H, J, 32. */
#include <string.h>

#include "harness.h"
#include "sign_in.h"

static const struct seen *ask(struct world *w, struct guest *browser, const char *more)
{
    return world_get(w, browser, app_request(w, &grafana, more));
}

static struct slice code_at(struct world *w, const char *address)
{
    struct guest browser = browser_at(address);

    return sign_in_silently(w, &browser, &grafana, NULL);
}

/* ---- who is no person ---- */

static void refused(struct world *w)
{
    static const struct {
        const char *address, *error, *says;
    } rows[] = {
        { MACHINE, "node_tagged", "tag:server" },
        { EXPIRED, "node_expired", "old-laptop" },
        { SHARED_IN, "node_shared_in", "mallory@elsewhere.example" },
        { NOBODY, "not_on_tailnet", NOBODY },
        { "100.64.0.1", "node_is_ours", "own device" }, /* our own node: any local process may be behind it */
        { "192.168.1.5", "not_on_tailnet", "192.168.1.5" },
        { "127.0.0.1", "not_on_tailnet", "127.0.0.1" },
        { "203.0.113.7", "not_on_tailnet", "203.0.113.7" },
        { "::1", "not_on_tailnet", "::1" },
        { "fd7a:115c:a1e1::1", "not_on_tailnet", "fd7a" }, /* not of the tailnets' range */
    };

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct guest browser = browser_at(rows[i].address);
        const struct seen *s = ask(w, &browser, NULL);
        CHECK_INT(s->status, 403);
        CHECK_TEXT(seen_error(w, s), rows[i].error);
        CHECK(seen_has(s, rows[i].says));
        CHECK(slice_is_none(seen_header(s, "set-cookie")));
        s = ask(w, &browser, "&prompt=none");
        CHECK(seen_goes_to(s, grafana.redirect_uri));
        CHECK_TEXT(seen_error(w, s), "login_required");
    }
    CHECK_INT(world_count(w, CLASS_PERSON, 0), 0);
}

/* An address that cannot be a peer's is never asked about: a miss holds up tailscaled. */
static void not_asked(struct world *w)
{
    static const char *const addresses[] = { "192.168.1.5", "127.0.0.1",      "::1",        "203.0.113.7", "10.0.0.1",
                                             "fe80::1",     "100.63.255.255", "100.128.0.0" };

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct guest browser = browser_at(addresses[i]);
        CHECK_INT(ask(w, &browser, NULL)->status, 403);
    }
    CHECK_INT(w->whois_asked, 0);
}

/* Once for a request, and for none that needs nobody. */
static void asked_once(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)ask(w, &browser, NULL);
    unsigned first = w->whois_asked;
    (void)ask(w, &browser, NULL);
    if (w->injection.kind == INJECT_NOTHING) {
        CHECK_INT(first, 1);
        CHECK_INT(w->whois_asked, 2); /* nothing is kept for the next */
    }
    unsigned before = w->whois_asked;
    (void)app_userinfo(w, SL("x"));
    struct app unknown = grafana;
    unknown.client_id = "nobody";
    (void)world_get(w, &browser, app_request(w, &unknown, NULL));
    CHECK_INT(w->whois_asked, before);
}

/* An answer that does not fit the question is nobody. */
static void strange(struct world *w)
{
    static const char *const more[] = { "\"UnsignedPeerAPIOnly\":true", "\"Tags\":\"tag:x\"", "\"Expired\":1" };
    struct guest browser = browser_at(BOB_PHONE);
    struct tailnet_node *bob = world_node(w, BOB_PHONE);

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        bob->more = more[i];
        CHECK_INT(ask(w, &browser, NULL)->status, 403);
    }
    bob->more = NULL;
    bob->source = bob->address;
    bob->address = "100.64.0.33"; /* tells of another node than the one that was asked about */
    CHECK_TEXT(seen_error(w, ask(w, &browser, NULL)), "not_on_tailnet");
    bob->address = BOB_PHONE;
    bob->stable_id = "n/../x";
    CHECK_TEXT(seen_error(w, ask(w, &browser, NULL)), "not_on_tailnet");
}

static void shared_in_allowed(struct world *w)
{
    app_add(w, &grafana);
    world_node(w, SHARED_IN)->grants = "[{\"groups\":[\"admins\"],\"extraClaims\":{\"policy\":\"readwrite\"}}]";
    w->issuer.shared_in = true;
    struct slice code = code_at(w, SHARED_IN);
    CHECK(!slice_is_none(code));
    const struct seen *s = app_token(w, &grafana, code);
    const struct json *claims = world_claims(w, seen_member(w, s, "id_token"), ALG_ES256);
    CHECK_TEXT(claim_text(claims, "sub"), "shared-6");
    CHECK_TEXT(claim_text(claims, "preferred_username"), "shared-mallory");
    CHECK(json_member(claims, "email") == NULL && json_member(claims, "policy") == NULL);
    CHECK_INT(json_count(json_member(claims, "groups")), 0);
}

/* ---- trouble ---- */

static void trouble(struct world *w)
{
    static const enum tailscaled troubles[] = { TAILSCALED_DOWN, TAILSCALED_HUNG, TAILSCALED_GARBAGE, TAILSCALED_ERROR,
                                                TAILSCALED_STARTING };
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
        w->tailscaled = troubles[i];
        const struct seen *s = ask(w, &browser, NULL);
        CHECK_INT(s->status, 503);
        CHECK_TEXT(seen_error(w, s), "temporarily_unavailable");
        CHECK_TEXT(seen_header(s, "retry-after"), "5");
        s = ask(w, &browser, "&prompt=none");
        CHECK(seen_goes_to(s, grafana.redirect_uri));
        CHECK_TEXT(seen_error(w, s), "temporarily_unavailable");
        s = world_get(w, &browser, SL("/"));
        CHECK_INT(s->status, 503);
    }
    w->tailscaled = TAILSCALED_UP;
    CHECK(!slice_is_none(code_at(w, ALICE_LAPTOP)));
}

/* Clients throw tokens away for invalid_grant, so trouble is something else, and uses nothing up. */
static void trouble_at_token(struct world *w)
{
    static const enum tailscaled troubles[] = { TAILSCALED_DOWN, TAILSCALED_HUNG, TAILSCALED_GARBAGE, TAILSCALED_ERROR,
                                                TAILSCALED_STARTING };

    app_add(w, &grafana);
    struct slice code = code_at(w, ALICE_LAPTOP);
    for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
        w->tailscaled = troubles[i];
        const struct seen *s = app_token(w, &grafana, code);
        CHECK_INT(s->status, 503);
        CHECK_TEXT(seen_error(w, s), "temporarily_unavailable");
        CHECK_TEXT(seen_header(s, "retry-after"), "5");
    }
    w->tailscaled = TAILSCALED_UP;
    CHECK_INT(app_token(w, &grafana, code)->status, 200);
}

/* The tailnet as a whole is not to be relied on: another one, or out of touch for too long. */
static void refusal(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    struct slice code = code_at(w, ALICE_LAPTOP), access;
    w->machine.refusal = "The tailnet is another one than before.";
    const struct seen *s = ask(w, &browser, NULL);
    CHECK_INT(s->status, 503);
    CHECK(seen_has(s, "The tailnet is another one than before."));
    s = app_token(w, &grafana, code);
    CHECK_INT(s->status, 503);
    CHECK_TEXT(seen_member(w, s, "error_description"), "The tailnet is another one than before.");
    w->machine.refusal = NULL;
    access = seen_member(w, app_token(w, &grafana, code), "access_token");
    w->machine.refusal = "The tailnet is another one than before.";
    CHECK_INT(app_userinfo(w, access)->status, 200); /* asks nobody */
}

static void not_known_yet(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    w->issuer.self.stable_id = SLICE_NONE;
    CHECK_INT(ask(w, &browser, NULL)->status, 503);
    w->issuer.self.stable_id = SL("nIdpCNTRL");
    CHECK(!slice_is_none(code_at(w, ALICE_LAPTOP)));
}

/* ---- asked about again ---- */

/* The node is gone: the person's other known ones are asked about. */
static void other_node(struct world *w)
{
    app_add(w, &grafana);
    (void)code_at(w, ALICE_PHONE);
    struct slice code = code_at(w, ALICE_LAPTOP);
    world_node(w, ALICE_LAPTOP)->gone = true;
    CHECK_INT(app_token(w, &grafana, code)->status, 200);
}

/* Its address is somebody else's now, or another node's: not believed. */
static void address_handed_on(struct world *w)
{
    struct tailnet_node *laptop = world_node(w, ALICE_LAPTOP);

    app_add(w, &grafana);
    struct slice code = code_at(w, ALICE_LAPTOP);
    laptop->user_id = BOB;
    laptop->login = "bob@example.com";
    const struct seen *s = app_token(w, &grafana, code);
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "invalid_grant");
    laptop->user_id = ALICE;
    laptop->login = "alice@example.com";
    laptop->stable_id = "nAnotherCNTRL";
    CHECK_TEXT(seen_error(w, app_token(w, &grafana, code)), "invalid_grant");
    laptop->stable_id = "nLaptopCNTRL";
    laptop->more = "\"Expired\":true";
    CHECK_TEXT(seen_error(w, app_token(w, &grafana, code)), "invalid_grant");
    laptop->more = NULL;
    laptop->tags = "[\"tag:server\"]";
    CHECK_TEXT(seen_error(w, app_token(w, &grafana, code)), "invalid_grant");
    laptop->tags = NULL;
    CHECK_INT(app_token(w, &grafana, code)->status, 200); /* nothing was used up */
}

static void gone(struct world *w)
{
    app_add(w, &grafana);
    (void)code_at(w, ALICE_PHONE);
    struct slice code = code_at(w, ALICE_LAPTOP);
    world_node(w, ALICE_LAPTOP)->gone = true;
    world_node(w, ALICE_PHONE)->gone = true;
    const struct seen *s = app_token(w, &grafana, code);
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "invalid_grant");
    CHECK_INT(world_count(w, CLASS_ACCESS, 0), 0);
}

/* The last devices are remembered, PERSON_PAIRS_MAX of them. */
static void many_nodes(struct world *w)
{
    struct tailnet_node *laptop = world_node(w, ALICE_LAPTOP);

    app_add(w, &grafana);
    for (unsigned i = 0; i < PERSON_PAIRS_MAX + 3; i++) {
        laptop->stable_id = slice_cstr(w->pool, pool_fmt(w->pool, "nDevice%uCNTRL", i));
        (void)code_at(w, ALICE_LAPTOP);
    }
    struct person alice = world_person(w, ALICE);
    CHECK_INT(alice.pair_count, PERSON_PAIRS_MAX);
    CHECK_TEXT(alice.pairs[0].stable_id, "nDevice10CNTRL");
    CHECK_TEXT(alice.pairs[PERSON_PAIRS_MAX - 1].stable_id, "nDevice3CNTRL");
}

/* ---- other listeners ---- */

static void userspace(struct world *w)
{
    struct guest browser = browser_at("127.0.0.1");

    app_add(w, &grafana);
    world_node(w, ALICE_LAPTOP)->source = "127.0.0.1";
    CHECK_INT(ask(w, &browser, NULL)->status, 403);
    w->machine.userspace = true; /* tailscaled hands its peers over on loopback */
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, NULL), "code")));
    unsigned asked = w->whois_asked;
    w->machine.daemon_uid = 42;
    browser.uid = 1000; /* another user's process: it cannot be tailscaled, and is not asked about */
    CHECK_TEXT(seen_error(w, ask(w, &browser, NULL)), "not_on_tailnet");
    CHECK_INT(w->whois_asked, asked);
    browser.uid = 42;
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, NULL), "code")));
    world_node(w, ALICE_LAPTOP)->source = NULL;
    CHECK_INT(ask(w, &browser, NULL)->status, 403);
}

/* Behind `tailscale serve`: from tailscaled's own socket alone, and the one address that it names. */
static void serve(struct world *w)
{
    struct guest browser = { .address = "127.0.0.1", .class = LISTEN_SERVE, .by_unix = true, .uid = 42 };
    struct call c = { .target = app_request(w, &grafana, NULL) }, twice, funnel;

    app_add(w, &grafana);
    call_header(&c, "x-forwarded-for", SL(ALICE_LAPTOP));
    CHECK_TEXT(seen_error(w, world_call(w, &browser, &c)), "not_on_tailnet"); /* whose socket is not known yet */
    w->machine.daemon_uid = 42;
    CHECK(!slice_is_none(seen_param(w, world_call(w, &browser, &c), "code")));
    browser.uid = 1000;
    CHECK_TEXT(seen_error(w, world_call(w, &browser, &c)), "not_on_tailnet"); /* any local process */
    browser.uid = 42;
    twice = (struct call){ .target = c.target };
    call_header(&twice, "x-forwarded-for", SL("100.64.0.3, 100.64.0.2"));
    CHECK_TEXT(seen_error(w, world_call(w, &browser, &twice)), "not_on_tailnet");
    funnel = c;
    call_header(&funnel, "tailscale-funnel-request", SL("?1"));
    CHECK_TEXT(seen_error(w, world_call(w, &browser, &funnel)), "not_on_tailnet"); /* from the internet */
    browser.is_program = true;
    CHECK_INT(world_call(w, &browser, &funnel)->status, 404); /* no such route there */
}

/* Behind a named proxy: its last hop, and nobody else's word (security F). */
static void proxy(struct world *w)
{
    static const struct address proxies[] = { { .ip = { 10, 0, 0, 7 } } };
    struct guest browser = { .address = "10.0.0.7", .class = LISTEN_PROXY };
    struct call c = { .target = app_request(w, &grafana, NULL) };

    app_add(w, &grafana);
    call_header(&c, "x-forwarded-for", SL(BOB_PHONE ", " ALICE_LAPTOP));
    CHECK_TEXT(seen_error(w, world_call(w, &browser, &c)), "not_on_tailnet");
    w->machine.proxies = proxies;
    w->machine.proxy_n = 1;
    CHECK(!slice_is_none(seen_param(w, world_call(w, &browser, &c), "code")));
    CHECK_INT(world_count(w, CLASS_PERSON, ALICE), 1);
    CHECK_INT(world_count(w, CLASS_PERSON, BOB), 0);
    browser.address = "10.0.0.8";
    CHECK_TEXT(seen_error(w, world_call(w, &browser, &c)), "not_on_tailnet");
    browser.address = ALICE_LAPTOP; /* on its own listener a header says nothing */
    browser.class = LISTEN_TAILNET;
    c.headers[0].value = SL(BOB_PHONE);
    CHECK(!slice_is_none(seen_param(w, world_call(w, &browser, &c), "code")));
    CHECK_INT(world_count(w, CLASS_PERSON, BOB), 0);
}

/* Where connections have no identity: marked clients alone, and the grant's person is asked about as everywhere. */
static void public_listener(struct world *w)
{
    struct guest server = { .address = "203.0.113.7", .class = LISTEN_PUBLIC, .is_program = true };
    struct client c = app_client(&grafana);

    app_add(w, &grafana);
    struct slice code = code_at(w, ALICE_LAPTOP), form = app_form(w, &grafana, code);
    const struct seen *s = world_post(w, &server, "/token", form);
    CHECK_INT(s->status, 401);
    c.reach_public = true;
    world_put_client(w, &c);
    world_node(w, ALICE_LAPTOP)->gone = true;
    CHECK_TEXT(seen_error(w, world_post(w, &server, "/token", form)), "invalid_grant");
    world_node(w, ALICE_LAPTOP)->gone = false;
    s = world_post(w, &server, "/token", form);
    CHECK_INT(s->status, 200);
    struct slice access = seen_member(w, s, "access_token"),
                 info = pool_fmt(w->pool, "access_token=" SLICE_FMT, SLICE_ARG(access));
    CHECK_INT(world_post(w, &server, "/userinfo", info)->status, 200);
    c.reach_public = false;
    world_put_client(w, &c);
    CHECK_INT(world_post(w, &server, "/userinfo", info)->status, 401);
    CHECK_INT(app_userinfo(w, access)->status, 200);
}

/* ---- "/" ---- */

static void home(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), machine = browser_at(MACHINE), nobody = browser_at(NOBODY);

    CHECK(seen_has(world_get(w, &alice, SL("/")), "alice@example.com"));
    CHECK_INT(world_get(w, &machine, SL("/"))->status, 200);
    CHECK_INT(world_get(w, &nobody, SL("/"))->status, 403);
    CHECK_INT(world_count(w, CLASS_PERSON, 0), 0); /* looking makes nobody */
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "who is no person gets a page that says so", refused },
        { "who cannot be a peer is not asked about", not_asked },
        { "whois is asked once for a request", asked_once },
        { "an answer that does not fit is nobody", strange },
        { "people of other tailnets, where they are let in", shared_in_allowed },
        { "trouble with tailscaled is 503", trouble },
        { "at /token, too, and the code works afterwards", trouble_at_token },
        { "a tailnet that is not to be relied on", refusal },
        { "before tailscaled has said who we are", not_known_yet },
        { "the person's other node answers for the grant", other_node },
        { "a node that is somebody else's now does not", address_handed_on },
        { "a person who is gone gets no tokens", gone },
        { "the last devices are remembered", many_nodes },
        { "userspace mode: loopback ports are peers", userspace },
        { "behind tailscale serve", serve },
        { "behind a proxy", proxy },
        { "the public listener", public_listener },
        { "the first page says who you are", home },
    };

    return SCENARIOS_PLAY(scenarios);
}
