/* What ends by itself: to the second, and its record after that. Time moves between requests alone. */
#include <string.h>

#include "flow.h"
#include "grant.h"
#include "harness.h"
#include "session.h"
#include "sign_in.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

static const struct seen *none(struct world *w, struct guest *browser)
{
    return world_get(w, browser, app_request(w, &grafana, "&prompt=none"));
}

static void code_lifetime(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    struct slice in_time = sign_in_silently(w, &browser, &grafana, NULL),
                 late = sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, 59);
    CHECK_INT(app_token(w, &grafana, in_time)->status, 200);
    world_at(w, 60);
    const struct seen *s = app_token(w, &grafana, late);
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "invalid_grant");
    CHECK_INT(world_audited(w, "code_replayed"), 0);
}

static void own_lifetimes(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client c = app_client(&grafana);

    c.lifetimes = (struct lifetimes){ .code = 300, .access = 60, .id = 120 };
    world_put_client(w, &c);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, 299);
    const struct seen *tokens = app_token(w, &grafana, code);
    CHECK_INT(seen_number(w, tokens, "expires_in"), 60);
    const struct json *claims = world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256);
    CHECK_INT(claim_number(claims, "exp") - claim_number(claims, "iat"), 120);
}

static void access_token(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    struct slice access =
        seen_member(w, app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL)), "access_token");
    world_at(w, 599);
    CHECK_INT(app_userinfo(w, access)->status, 200);
    world_at(w, 600);
    CHECK_INT(app_userinfo(w, access)->status, 401);
}

/* ---- sessions ---- */

static void idle(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, 12 * HOUR - 1);
    CHECK(!slice_is_none(seen_param(w, none(w, &browser), "code"))); /* a use, which is noted */
    world_at(w, 23 * HOUR);
    CHECK(!slice_is_none(seen_param(w, none(w, &browser), "code")));
    world_at(w, 35 * HOUR);
    CHECK_TEXT(seen_error(w, none(w, &browser)), "login_required");
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL))); /* another session */
    CHECK(world_agrees(w, world_count(w, CLASS_SESSION, ALICE), 2));
}

static void absolute(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    for (int64_t at = 10 * HOUR; at < 7 * DAY; at += 10 * HOUR) {
        world_at(w, at);
        CHECK(!slice_is_none(seen_param(w, none(w, &browser), "code")));
    }
    world_at(w, 7 * DAY - 1);
    CHECK(!slice_is_none(seen_param(w, none(w, &browser), "code")));
    world_at(w, 7 * DAY);
    CHECK_TEXT(seen_error(w, none(w, &browser)), "login_required");
}

/* A use within SESSION_TOUCH_S of the last one noted is not noted: the record must not be hot. */
static void touches(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, SESSION_TOUCH_S - 1);
    (void)none(w, &browser);
    world_at(w, 12 * HOUR); /* so it still ends by the first use */
    CHECK_TEXT(seen_error(w, none(w, &browser)), "login_required");
}

/* ---- pages ---- */

static void page_lifetime(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *in_time = open_page(w, &browser, app_request(w, &cli, NULL));
    const struct seen *late = open_page(w, &browser, app_request(w, &cli, NULL));
    world_at(w, FLOW_LIFETIME_S - 1);
    CHECK(!slice_is_none(seen_param(w, press(w, &browser, in_time, "continue"), "code")));
    world_at(w, FLOW_LIFETIME_S);
    const struct seen *s = press(w, &browser, late, "continue");
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "page_expired");
    struct slice flow = seen_flow(late), address = pool_fmt(w->pool, "/authorize?flow=" SLICE_FMT, SLICE_ARG(flow));
    CHECK_TEXT(seen_error(w, world_get(w, &browser, address)), "page_expired");
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 1);
    world_at(w, DAY);
    world_upkeep(w);
    CHECK_INT(world_count(w, CLASS_FLOW, 0), 0);
    s = press(w, &browser, late, "continue"); /* told from its handle, when the record is gone */
    CHECK_TEXT(seen_error(w, s), "page_expired");
    CHECK_TEXT(seen_error(w, world_get(w, &browser, SL("/authorize?flow=nonsense"))), "page_expired");
}

/* ---- the sweep ---- */

static void sweep(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    app_add(w, &cli);
    (void)app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL));
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    (void)open_page(w, &browser, app_request(w, &cli, NULL));
    world_upkeep(w);
    CHECK(world_agrees(w, world_count(w, CLASS_GRANT, ALICE), 2)); /* nothing is over */
    CHECK_INT(world_count(w, CLASS_ACCESS, 0), 1);
    world_at(w, 60 + GRANT_KEEP_S);
    world_upkeep(w);
    CHECK(world_agrees(w, world_count(w, CLASS_GRANT, ALICE), 1)); /* the unused one is */
    CHECK_INT(world_count(w, CLASS_ACCESS, 0), 0);
    CHECK_INT(world_count(w, CLASS_FLOW, 0), 0);
    CHECK(world_agrees(w, world_count(w, CLASS_SESSION, ALICE), 1));
    world_at(w, DAY);
    world_upkeep(w);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_SESSION, 0), 0);
    CHECK_INT(world_counter(w, CLASS_GRANT, ALICE), 0);
    CHECK_INT(world_counter(w, CLASS_SESSION, ALICE), 0);
    CHECK_INT(world_counter(w, CLASS_FLOW, ALICE), 0);
    CHECK_INT(world_counter(w, CLASS_PERSON, 0), 1); /* people stay */
}

/* More than one transaction's worth. */
static void sweep_many(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    for (unsigned i = 0; i < 3 * TXN_WRITES_MAX + 1; i++)
        (void)sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, DAY);
    world_upkeep(w);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_SESSION, 0), 0);
}

/* A record that is used while it is swept: the use wins, or comes too late. */
static void sweep_in_use(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);

    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, 59);
    const struct call c = { .target = SL("/token"), .body = app_form(w, &grafana, code) };
    struct visit *v = world_send(w, &server, &c);
    (void)world_drain(w, &w->asks);
    (void)world_drain(w, &w->signing);
    world_at(w, DAY); /* everything is over by now, but this request began in time */
    world_upkeep(w);
    const struct seen *s = world_answer(w, v);
    CHECK(s->status == 200 || s->status == 400);
    CHECK_INT(world_counter(w, CLASS_GRANT, ALICE), world_count(w, CLASS_GRANT, ALICE));
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "a code: 60 seconds", code_lifetime },
        { "a client's own lifetimes", own_lifetimes },
        { "an access token: 10 minutes", access_token },
        { "a session: 12 hours after its last use", idle },
        { "and 7 days in all", absolute, .every = 9 },
        { "uses are noted every half hour", touches },
        { "a page: 10 minutes", page_lifetime },
        { "the sweep removes what is over, and counters go down", sweep },
        { "the sweep of many", sweep_many, .every = 23 },
        { "the sweep of what is in use", sweep_in_use, .races = true },
    };

    return SCENARIOS_PLAY(scenarios);
}
