/* Cancel: access_denied goes back, and nobody is signed in. */
#include "harness.h"
#include "sign_in.h"

static void cancel(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    const struct seen *answer = press(w, &browser, page, "cancel");
    CHECK_INT(answer->status, 303);
    CHECK(seen_goes_to(answer, cli.redirect_uri));
    CHECK_TEXT(seen_error(w, answer), "access_denied");
    CHECK_TEXT(seen_param(w, answer, "state"), "a state, with = & and ü");
    CHECK_TEXT(seen_param(w, answer, "iss"), WORLD_URL);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_SESSION, 0), 0);
    CHECK_INT(world_count(w, CLASS_CONSENT, 0), 0);
    CHECK_INT(world_audited(w, "sign_in_cancelled"), 1);
    CHECK_INT(world_audited(w, "sign_in"), 0);
}

/* A click, so the answer may go even where the person never was (docs/decisions.md, Silence). */
static void cancel_registered(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_register(w, &argo);
    const struct seen *page = open_page(w, &browser, app_request(w, &argo, NULL));
    const struct seen *answer = press(w, &browser, page, "cancel");
    CHECK(seen_goes_to(answer, argo.redirect_uri));
    CHECK_TEXT(seen_error(w, answer), "access_denied");
}

/* RFC 6749 4.1.2.1: no state was sent, none comes back (field 18). */
static void without_state(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    struct slice target = SL("/authorize?response_type=code&client_id=cli&redirect_uri=http://127.0.0.1/callback&state="
                             "&code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&code_challenge_method=S256");
    const struct seen *answer = press(w, &browser, open_page(w, &browser, target), "cancel");
    CHECK_TEXT(seen_error(w, answer), "access_denied");
    CHECK(slice_is_none(seen_param(w, answer, "state")));
}

/* What is pressed is one of the page's buttons, or the page comes again. */
static void another_word(struct world *w)
{
    static const char *const actions[] = { "&action=", "", "&action=Continue", "&action=other", "&action=continu" };
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    struct slice flow = seen_flow(open_page(w, &browser, app_request(w, &cli, NULL)));
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        struct slice form = pool_fmt(w->pool, "flow=" SLICE_FMT "%s", SLICE_ARG(flow), actions[i]);
        const struct seen *s = world_post(w, &browser, "/decision", form);
        CHECK_INT(s->status, 303);
        CHECK(slice_starts(seen_header(s, "location"), SL("/authorize?flow=")));
    }
    struct slice twice = pool_fmt(w->pool, "flow=" SLICE_FMT "&action=cancel&action=continue", SLICE_ARG(flow));
    CHECK_INT(world_post(w, &browser, "/decision", twice)->status, 400);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "access_denied, and nobody is signed in", cancel },
        { "to a client that nobody vouches for, too", cancel_registered },
        { "no state was sent, none comes back", without_state },
        { "any other word shows the page again", another_word },
    };

    return SCENARIOS_PLAY(scenarios);
}
