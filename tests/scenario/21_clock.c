/* A clock that jumps, or is behind: nothing is issued by it, and what has expired by it is not told so, because clients throw tokens away
 * for that. clock.h */
#include "clock.h"
#include "harness.h"
#include "sign_in.h"

#define DAY INT64_C(86400)

static const struct seen *ask(struct world *w, struct guest *browser, const struct app *a, const char *more)
{
    return world_get(w, browser, app_request(w, a, more));
}

static void check_not_now(struct world *w, const struct seen *s)
{
    CHECK_INT(s->status, 503);
    CHECK_TEXT(seen_error(w, s), "temporarily_unavailable");
    CHECK_TEXT(seen_header(s, "retry-after"), "5");
    CHECK(slice_is_none(seen_header(s, "set-cookie")));
}

/* Until the kernel says that the time is synchronised. */
static void jumped(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    world_watch_clock(w);
    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    unsigned grants = world_count(w, CLASS_GRANT, 0);
    world_jump(w, 20);
    check_not_now(w, ask(w, &browser, &grafana, NULL));
    const struct seen *none = ask(w, &browser, &grafana, "&prompt=none");
    CHECK(seen_goes_to(none, grafana.redirect_uri));
    CHECK_TEXT(seen_error(w, none), "temporarily_unavailable");
    check_not_now(w, app_token(w, &grafana, code));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), grants);
    w->synchronised = true;
    CHECK_INT(app_token(w, &grafana, code)->status, 200); /* nothing was used up */
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL)));
}

/* Or for a minute, where it never says so. */
static void jumped_alone(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    world_watch_clock(w);
    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    world_jump(w, DAY);
    check_not_now(w, ask(w, &browser, &grafana, NULL));
    world_pass(w, 30);
    check_not_now(w, ask(w, &browser, &grafana, NULL));
    world_pass(w, 31);
    CHECK(!slice_is_none(seen_param(w, ask(w, &browser, &grafana, NULL), "code")));
}

static void behind(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    world_watch_clock(w);
    app_add(w, &grafana);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    w->synchronised = true;
    world_jump(w, -DAY);
    check_not_now(w, ask(w, &browser, &grafana, NULL)); /* whatever the kernel says */
    check_not_now(w, app_token(w, &grafana, code));
    world_pass(w, 100);
    check_not_now(w, app_token(w, &grafana, code));
    world_jump(w, DAY - 100); /* somebody has set it right */
    CHECK_INT(app_token(w, &grafana, code)->status, 200);
}

/* By the wrong clock it is over. */
static void not_told(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    world_watch_clock(w);
    app_add(w, &grafana);
    app_add(w, &cli);
    struct slice access =
        seen_member(w, app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL)), "access_token");
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    struct slice flow = seen_flow(page), address = pool_fmt(w->pool, "/authorize?flow=" SLICE_FMT, SLICE_ARG(flow));
    world_jump(w, DAY);
    check_not_now(w, app_userinfo(w, access));
    check_not_now(w, press(w, &browser, page, "continue"));
    check_not_now(w, world_get(w, &browser, address));
    world_jump(w, -DAY);
    w->synchronised = true;
    CHECK_INT(app_userinfo(w, access)->status, 200);
    CHECK(!slice_is_none(seen_param(w, press(w, &browser, page, "continue"), "code")));
}

/* What the sweep has removed by a wrong clock, nobody can bring back. */
static void not_swept(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    world_watch_clock(w);
    app_add(w, &grafana);
    (void)app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL));
    world_upkeep(w);
    size_t keys = world_keys(w).n;
    unsigned grants = world_count(w, CLASS_GRANT, 0);
    world_jump(w, 89 * DAY);
    for (unsigned i = 0; i < 3; i++) {
        world_upkeep(w);
        world_pass(w, 600);
    }
    CHECK_INT(world_keys(w).n, keys);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), grants);
    CHECK(world_count(w, CLASS_SESSION, 0) >= 1);
    world_pass(w, CLOCK_SWEEP_HOLD_MS / 1000); /* for so long nobody denied it */
    world_upkeep(w);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_SESSION, 0), 0);
}

/* The page that was open when the clock jumped: nothing was lost. */
static void on_page(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    world_watch_clock(w);
    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    world_jump(w, 20);
    check_not_now(w, press(w, &browser, page, "continue"));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_CONSENT, 0), 0);
    world_pass(w, CLOCK_HOLD_MS / 1000 + 1);
    CHECK(!slice_is_none(seen_param(w, press(w, &browser, page, "continue"), "code")));
}

int main(void)
{
    /* races: the time is the machine's, and stands in the answers */
    static const struct scenario scenarios[] = {
        { "after a jump nothing is issued until the time is synchronised", jumped, .races = true },
        { "or for a minute", jumped_alone, .races = true },
        { "behind what was issued nothing is issued", behind, .races = true },
        { "what has expired by such a clock is not told so", not_told, .races = true },
        { "nor is it swept, nor are keys rotated", not_swept, .races = true },
        { "a page that was open works afterwards", on_page, .races = true },
    };

    return SCENARIOS_PLAY(scenarios);
}
