/* Two tabs opened the sign-in page; they are finished in the other order (field 27). */
#include "harness.h"
#include "sign_in.h"

/* One tab's requests, which can be told from the other's. */
static struct app tab(const char *verifier, const char *state, const char *nonce)
{
    struct app a = cli;

    a.verifier = verifier;
    a.state = state;
    a.nonce = nonce;
    return a;
}

static void finish(struct world *w, const struct app *a, const struct seen *answer)
{
    CHECK_TEXT(seen_param(w, answer, "state"), a->state);
    const struct seen *tokens = app_token(w, a, seen_param(w, answer, "code"));
    CHECK_INT(tokens->status, 200);
    CHECK_TEXT(claim_text(world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256), "nonce"), a->nonce);
}

#define FIRST  tab("first-verifier-of-43-letters-0123456789-ABCDEF", "one", "n-a")
#define SECOND tab("second-verifier-of-43-letters-0123456789-ABCDE", "two", "n-b")

static void other_order(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    const struct app first = FIRST, second = SECOND;

    app_add(w, &cli);
    const struct seen *one = open_page(w, &browser, app_request(w, &first, NULL));
    const struct seen *two = open_page(w, &browser, app_request(w, &second, NULL));
    CHECK(!slice_eq(seen_flow(one), seen_flow(two)));
    const struct seen *answer_two = press(w, &browser, two, "continue");
    const struct seen *answer_one = press(w, &browser, one, "continue");
    finish(w, &first, answer_one);
    finish(w, &second, answer_two);
    CHECK(world_agrees(w, world_count(w, CLASS_SESSION, ALICE), 1)); /* one browser, one session */
}

/* The code of one tab with the other's verifier is refused, and works afterwards. */
static void mixed_up(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    const struct app first = FIRST, second = SECOND;

    app_add(w, &cli);
    const struct seen *one = open_page(w, &browser, app_request(w, &first, NULL));
    const struct seen *two = open_page(w, &browser, app_request(w, &second, NULL));
    const struct seen *answer_one = press(w, &browser, one, "continue");
    (void)press(w, &browser, two, "continue");
    const struct seen *refused = app_token(w, &second, seen_param(w, answer_one, "code"));
    CHECK_INT(refused->status, 400);
    CHECK_TEXT(seen_error(w, refused), "invalid_grant");
    finish(w, &first, answer_one);
}

/* Two silent sign-ins at the same moment in a browser without a cookie: both end well, and the browser has one of the sessions. */
static void without_cookie(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &argo);
    app_add(w, &grafana);
    struct visit *a = world_send(w, &browser, &(struct call){ .target = app_request(w, &argo, NULL) });
    struct visit *b = world_send(w, &browser, &(struct call){ .target = app_request(w, &grafana, NULL) });
    world_run(w);
    struct slice first = seen_param(w, world_answer(w, a), "code"), second = seen_param(w, world_answer(w, b), "code");
    CHECK_INT(app_token(w, &argo, first)->status, 200);
    CHECK_INT(app_token(w, &grafana, second)->status, 200);
    const struct seen *none = world_get(w, &browser, app_request(w, &grafana, "&prompt=none"));
    CHECK(!slice_is_none(seen_param(w, none, "code")));
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "each tab has its own state, nonce and verifier", other_order },
        { "a code with the other tab's verifier is refused, and not used up", mixed_up },
        { "two silent sign-ins at once in a new browser", without_cookie, .races = true },
    };

    return SCENARIOS_PLAY(scenarios);
}
