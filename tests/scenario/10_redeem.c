/* One code, redeemed by many at the same moment: one winner, and then it was a replay. Security 5. */
#include "harness.h"
#include "sign_in.h"

#define REQUESTS 32

static void send_all(struct world *w, struct guest *server, struct slice code, struct visit *visits[static REQUESTS])
{
    const struct call c = { .target = SL("/token"), .body = app_form(w, &argo, code) };

    for (unsigned i = 0; i < REQUESTS; i++)
        visits[i] = world_send(w, server, &c);
}

/* How many got tokens; the others were told what a replay is told. */
static unsigned winners(struct world *w, struct visit *visits[static REQUESTS], struct slice *ret_access)
{
    unsigned n = 0;

    for (unsigned i = 0; i < REQUESTS; i++) {
        const struct seen *s = world_answer(w, visits[i]);
        if (s->status == 200) {
            *ret_access = seen_member(w, s, "access_token");
            n++;
        } else {
            CHECK_INT(s->status, 400);
            CHECK_TEXT(seen_error(w, s), "invalid_grant");
        }
    }
    return n;
}

/* All of them wait for their commit before the first is committed. */
static void in_one_batch(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);
    struct visit *visits[REQUESTS];
    struct slice access = SLICE_NONE;

    app_add(w, &argo);
    send_all(w, &server, sign_in_silently(w, &browser, &argo, NULL), visits);
    CHECK_INT(world_drain(w, &w->asks), REQUESTS);
    uint64_t again = w->machine.count.again;
    world_run(w);
    CHECK_INT(winners(w, visits, &access), 1);
    if (w->injection.kind == INJECT_NOTHING)
        CHECK(w->machine.count.again - again <= 2UL * REQUESTS);
    CHECK_INT(world_audited(w, "token_issued"), 1);
    CHECK_INT(world_audited(w, "code_replayed"), 1);
    CHECK_INT(app_userinfo(w, access)->status, 401); /* revoked: it was a replay */
    CHECK_INT(world_count(w, CLASS_ACCESS, 0), 1);
}

/* Four at a time, while others are somewhere on their way. */
static void staggered(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP), server = program_at(MACHINE);
    struct visit *visits[REQUESTS];
    struct slice access = SLICE_NONE;

    app_add(w, &argo);
    struct slice code = sign_in_silently(w, &browser, &argo, NULL);
    const struct call c = { .target = SL("/token"), .body = app_form(w, &argo, code) };
    for (unsigned i = 0; i < REQUESTS; i++) {
        visits[i] = world_send(w, &server, &c);
        if (i % 4 == 3)
            (void)world_drain(w, i % 12 == 3 ? &w->asks : i % 12 == 7 ? &w->signing : &w->commit);
    }
    world_run(w);
    CHECK_INT(winners(w, visits, &access), 1);
    CHECK_INT(world_audited(w, "token_issued"), 1);
    CHECK_INT(app_userinfo(w, access)->status, 401);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "32 in one batch: one winner", in_one_batch, .races = true, .every = 7 },
        { "32 in several batches: one winner", staggered, .races = true, .every = 7 },
    };

    return SCENARIOS_PLAY(scenarios);
}
