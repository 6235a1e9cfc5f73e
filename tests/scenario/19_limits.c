/* What is full: 503 with Retry-After and nothing lost, or a named answer; and it hits whoever fills it, not the others. */
#include <string.h>

#include "consent.h"
#include "flow.h"
#include "grant.h"
#include "harness.h"
#include "session.h"
#include "sign_in.h"

static const struct seen *ask(struct world *w, struct guest *browser, const struct app *a)
{
    return world_get(w, browser, app_request(w, a, NULL));
}

static void check_full(struct world *w, const struct seen *s)
{
    CHECK_INT(s->status, 503);
    CHECK_TEXT(seen_error(w, s), "temporarily_unavailable");
    CHECK_TEXT(seen_header(s, "retry-after"), "5");
    CHECK(slice_is_none(seen_header(s, "location")));
    CHECK(slice_is_none(seen_header(s, "set-cookie")));
}

static bool has_code(struct world *w, const struct seen *s)
{
    return !slice_is_none(seen_param(w, s, "code"));
}

/* ---- tickets ---- */

static void tickets(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);
    const struct call c = { .target = SL("/") };
    struct visit *visits[REQS_WAITING_MAX];

    app_add(w, &grafana);
    for (unsigned i = 0; i < REQS_WAITING_MAX; i++)
        visits[i] = world_send(w, &browser, &c);
    CHECK_INT(w->machine.waiting, REQS_WAITING_MAX);
    check_full(w, &world_send(w, &browser, &(struct call){ .target = app_request(w, &grafana, NULL) })->seen);
    struct visit *token = world_send(w, &server, &(struct call){ .target = SL("/token"), .body = SL("a=b") });
    check_full(w, &token->seen);
    CHECK_TEXT(seen_header(&token->seen, "content-type"), "application/json");
    struct visit *document = world_send(w, &server, &(struct call){ .target = SL("/.well-known/jwks.json") });
    CHECK_INT(document->seen.status, 200); /* documents need none */
    world_hang_up(visits[0]);
    CHECK_INT(w->machine.waiting, REQS_WAITING_MAX); /* its job is still out */
    world_upkeep(w);                                 /* nor is there one for upkeep: at its next tick */
    for (unsigned i = 1; i < REQS_WAITING_MAX; i++)
        CHECK_INT(visits[i]->seen.status, 200);
    CHECK_INT(visits[0]->answers, 0);
    CHECK_INT(w->machine.waiting, 0);
    CHECK(has_code(w, ask(w, &browser, &grafana)));
}

/* All of them hang up: their memory is given back when their jobs land. */
static void all_leave(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct visit *visits[REQS_WAITING_MAX];

    app_add(w, &grafana);
    for (unsigned i = 0; i < REQS_WAITING_MAX; i++)
        visits[i] = world_send(w, &browser, &(struct call){ .target = app_request(w, &grafana, NULL) });
    for (unsigned i = 0; i < REQS_WAITING_MAX; i++)
        world_hang_up(visits[i]);
    world_run(w);
    CHECK_INT(w->machine.waiting, 0);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0); /* nobody waited for them any more */
}

/* ---- counters ---- */

static void flows(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE);

    app_add(w, &cli);
    app_add(w, &grafana);
    world_set_counter(w, CLASS_FLOW, ALICE, FLOWS_PER_PERSON_MAX - 1);
    unsigned status = ask(w, &alice, &cli)->status;
    CHECK_INT(status, w->lost > 0 ? 503 : 302); /* the answer that was lost has taken the last place */
    check_full(w, ask(w, &alice, &cli));
    struct slice form = slice_from(app_request(w, &grafana, NULL), sizeof("/authorize?") - 1);
    check_full(w, world_post(w, &alice, "/authorize", form));
    CHECK(has_code(w, ask(w, &alice, &grafana))); /* what needs none goes on */
    CHECK_INT(ask(w, &bob, &cli)->status, 302);
}

static void grants(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    world_set_counter(w, CLASS_GRANT, ALICE, GRANTS_PER_PERSON_MAX - 1);
    CHECK(has_code(w, ask(w, &alice, &grafana)) != (w->lost > 0));
    check_full(w, ask(w, &alice, &grafana));
    CHECK(has_code(w, ask(w, &bob, &grafana)));
    CHECK_INT(world_counter(w, CLASS_GRANT, ALICE), GRANTS_PER_PERSON_MAX);
}

/* Who signs in again and again without a cookie locks nobody out: one more is signed in, and not remembered. */
static void sessions(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    world_set_counter(w, CLASS_SESSION, ALICE, SESSIONS_PER_PERSON_MAX);
    const struct seen *s = ask(w, &browser, &grafana);
    CHECK(has_code(w, s));
    const struct seen *tokens = app_token(w, &grafana, seen_param(w, s, "code"));
    CHECK_INT(tokens->status, 200);
    CHECK_INT(claim_number(world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256), "auth_time"),
              world_now(w).s);
    CHECK_INT(world_count(w, CLASS_SESSION, ALICE), 0);
    CHECK_INT(world_counter(w, CLASS_SESSION, ALICE), SESSIONS_PER_PERSON_MAX);
    s = world_get(w, &browser, app_request(w, &grafana, "&prompt=none"));
    CHECK_TEXT(seen_error(w, s), "login_required");
    world_set_counter(w, CLASS_SESSION, ALICE, SESSIONS_PER_PERSON_MAX - 1);
    CHECK(has_code(w, ask(w, &browser, &grafana)));
    if (w->lost == 0)
        CHECK(has_code(w, world_get(w, &browser, app_request(w, &grafana, "&prompt=none"))));
}

static void consents(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_register(w, &argo);
    const struct seen *page = open_page(w, &browser, app_request(w, &argo, NULL));
    world_set_counter(w, CLASS_CONSENT, ALICE, CONSENTS_PER_PERSON_MAX);
    const struct seen *s = press(w, &browser, page, "continue");
    CHECK_INT(s->status, 503);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    world_set_counter(w, CLASS_CONSENT, ALICE, CONSENTS_PER_PERSON_MAX - 1);
    CHECK(has_code(w, press(w, &browser, page, "continue"))); /* nothing was lost */
}

static void persons(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    CHECK(has_code(w, ask(w, &alice, &grafana)));
    world_set_counter(w, CLASS_PERSON, 0, PERSONS_MAX);
    check_full(w, ask(w, &bob, &grafana));
    CHECK(has_code(w, ask(w, &alice, &grafana)));
    world_set_counter(w, CLASS_PERSON, 0, 1);
}

/* ---- names ---- */

static void names(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);
    struct tailnet_node *node = world_node(w, BOB_PHONE);

    app_add(w, &grafana);
    for (unsigned i = 0; i < USERNAME_TRIES_MAX + 2; i++) {
        browser.cookie[0] = '\0';
        node->user_id = 100 + i;
        node->login = slice_cstr(w->pool, pool_fmt(w->pool, "kim@corp-%u.example", i));
        node->stable_id = slice_cstr(w->pool, pool_fmt(w->pool, "nKim%uCNTRL", i));
        CHECK(has_code(w, ask(w, &browser, &grafana)));
    }
    CHECK_TEXT(world_person(w, 100).username, "kim");
    CHECK_TEXT(world_person(w, 101).username, "kim-2");
    CHECK_TEXT(world_person(w, 100 + USERNAME_TRIES_MAX - 1).username, "kim-10");
    CHECK_TEXT(world_person(w, 100 + USERNAME_TRIES_MAX).username, "user-110");
    node->user_id = 200;
    node->login = "root@corp.example";
    browser.cookie[0] = '\0';
    CHECK(has_code(w, ask(w, &browser, &grafana)));
    CHECK_TEXT(world_person(w, 200).username, "root-2"); /* reserved */
}

/* ---- what the tailnet says is too much ---- */

static char *big_grant(struct world *w, size_t n)
{
    char *text = pool_zalloc(w->pool, n + 128), *at = text;

    at += snprintf(at, 64, "[{\"includeInUserInfo\":true,\"extraClaims\":{\"big\":\"");
    memset(at, 'x', n);
    (void)snprintf(at + n, 32, "\"}}]");
    return text;
}

static void big_claims(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    world_node(w, BOB_PHONE)->grants = big_grant(w, 40000);
    const struct seen *tokens = app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL));
    CHECK_INT(tokens->status, 200);
    CHECK_INT(seen_member(w, app_userinfo(w, seen_member(w, tokens, "access_token")), "big").n, 40000);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    world_node(w, BOB_PHONE)->grants = big_grant(w, 60000);
    check_full(w, app_token(w, &grafana, code));
    world_node(w, BOB_PHONE)->grants = NULL;
    CHECK_INT(app_token(w, &grafana, code)->status, 200);
}

/* A whois as large as it may be, of which little is read. */
static void big_whois(struct world *w)
{
    struct guest browser = browser_at(BOB_PHONE);

    app_add(w, &grafana);
    world_node(w, BOB_PHONE)->grants = big_grant(w, WHOIS_BYTES_MAX - 2048);
    CHECK(has_code(w, ask(w, &browser, &grafana)));
    world_node(w, BOB_PHONE)->grants = big_grant(w, WHOIS_BYTES_MAX);
    check_full(w, ask(w, &browser, &grafana));
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "as many requests as may wait", tickets, .calm = true },
        { "and all of them leave", all_leave, .calm = true },
        { "stored requests of a person", flows },
        { "sign-ins of a person", grants },
        { "sessions of a person", sessions },
        { "consents of a person", consents },
        { "people", persons },
        { "people of one name", names, .every = 7 },
        { "claims too large for a record", big_claims },
        { "an answer of whois that is too large", big_whois },
    };

    return SCENARIOS_PLAY(scenarios);
}
