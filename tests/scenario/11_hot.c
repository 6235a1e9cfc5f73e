/* Records that everybody reads: 64 sign-ins of one person at one client at the same moment make each other run again, but not for ever. */
#include "harness.h"
#include "sign_in.h"

#define SIGN_INS 64

static void send_all(struct world *w, struct guest browsers[static SIGN_INS], struct visit *visits[static SIGN_INS])
{
    const struct call c = { .target = app_request(w, &grafana, NULL) };

    for (unsigned i = 0; i < SIGN_INS; i++)
        visits[i] = world_send(w, &browsers[i], &c);
}

static void read_codes(struct world *w, struct visit *visits[static SIGN_INS], struct slice codes[static SIGN_INS])
{
    for (unsigned i = 0; i < SIGN_INS; i++) {
        const struct seen *s = world_answer(w, visits[i]);
        CHECK_INT(s->status, 302);
        codes[i] = seen_param(w, s, "code");
        CHECK(!slice_is_none(codes[i]));
    }
}

static void redeem_all(struct world *w, const struct slice codes[static SIGN_INS])
{
    struct guest server = program_at(MACHINE);
    struct visit *visits[SIGN_INS];

    for (unsigned i = 0; i < SIGN_INS; i++) {
        const struct call c = { .target = SL("/token"), .body = app_form(w, &grafana, codes[i]) };
        visits[i] = world_send(w, &server, &c);
    }
    world_run(w);
    for (unsigned i = 0; i < SIGN_INS; i++)
        CHECK_INT(world_answer(w, visits[i])->status, 200);
}

/* `known`: the person has been here before; else all of them meet her for the first time. */
static void sign_in_all(struct world *w, bool known)
{
    struct guest browsers[SIGN_INS], before = browser_at(ALICE_LAPTOP);
    struct visit *visits[SIGN_INS];
    struct slice codes[SIGN_INS];

    for (unsigned i = 0; i < SIGN_INS; i++)
        browsers[i] = browser_at(ALICE_LAPTOP);
    app_add(w, &grafana);
    if (known)
        (void)sign_in_silently(w, &before, &grafana, NULL);
    uint64_t again = w->machine.count.again, failed = w->machine.count.answered_503;
    send_all(w, browsers, visits);
    CHECK_INT(world_drain(w, &w->asks), SIGN_INS); /* all of them wait for their commit, in one batch */
    world_run(w);
    if (w->injection.kind == INJECT_NOTHING) {
        CHECK(w->machine.count.again - again <= 2UL * SIGN_INS);
        CHECK_INT(w->machine.count.answered_503, failed);
    }
    read_codes(w, visits, codes);
    redeem_all(w, codes);
    CHECK(world_agrees(w, world_counter(w, CLASS_GRANT, ALICE), SIGN_INS + known));
    CHECK(world_agrees(w, world_counter(w, CLASS_SESSION, ALICE), SIGN_INS + known));
    CHECK_INT(world_counter(w, CLASS_PERSON, 0), 1);
    CHECK(world_agrees(w, world_audited(w, "sign_in"), SIGN_INS + known));
}

static void known(struct world *w)
{
    sign_in_all(w, true);
    if (w->injection.kind == INJECT_NOTHING) /* nobody had to run again: nothing that all of them read is written */
        CHECK_INT(w->machine.count.again, 0);
}

static void at_first_sight(struct world *w)
{
    sign_in_all(w, false);
}

/* One browser, 64 tabs: they share a cookie and a session. */
static void one_session(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct visit *visits[SIGN_INS];
    struct slice codes[SIGN_INS];

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    world_at(w, 3600); /* the session's use is due to be noted */
    const struct call c = { .target = app_request(w, &grafana, NULL) };
    uint64_t again = w->machine.count.again;
    for (unsigned i = 0; i < SIGN_INS; i++)
        visits[i] = world_send(w, &browser, &c);
    world_run(w);
    if (w->injection.kind == INJECT_NOTHING)
        CHECK(w->machine.count.again - again <= 2UL * SIGN_INS);
    read_codes(w, visits, codes);
    redeem_all(w, codes);
    CHECK(world_agrees(w, world_counter(w, CLASS_SESSION, ALICE), 1));
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "64 sign-ins of somebody known", known, .races = true, .every = 61 },
        { "64 at first sight", at_first_sight, .races = true, .every = 61 },
        { "64 tabs of one session", one_session, .races = true, .every = 61 },
    };

    return SCENARIOS_PLAY(scenarios);
}
