/* A page is answered once: every later press, reload or second tab gets the first answer again (field 30). */
#include "encode.h"
#include "grant.h"
#include "harness.h"
#include "sign_in.h"

static struct slice form_of(struct world *w, const struct seen *page, const char *action)
{
    struct slice flow = seen_flow(page);

    return pool_fmt(w->pool, "flow=" SLICE_FMT "&action=%s", SLICE_ARG(flow), action);
}

static struct visit *send_press(struct world *w, struct guest *browser, const struct seen *page, const char *action)
{
    const struct call c = { .target = SL("/decision"), .body = form_of(w, page, action) };

    return world_send(w, browser, &c);
}

static void twice(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    struct slice code = seen_param(w, press(w, &browser, page, "continue"), "code");
    struct slice second = seen_param(w, press(w, &browser, page, "continue"), "code");
    CHECK(!slice_is_none(code));
    CHECK(slice_eq(code, second));
    CHECK_INT(world_count(w, CLASS_GRANT, ALICE), 1);
    CHECK_INT(world_count(w, CLASS_SESSION, ALICE), 1);
    CHECK_INT(world_audited(w, "sign_in"), 1);
    CHECK_INT(app_token(w, &cli, code)->status, 200);
}

static void at_once(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    struct visit *a = send_press(w, &browser, page, "continue"), *b = send_press(w, &browser, page, "continue");
    world_run(w); /* both are in one batch of commits: the second meets a change, and repeats */
    const struct seen *first = world_answer(w, a), *second = world_answer(w, b);
    CHECK_INT(first->status, 303);
    CHECK(!slice_is_none(seen_param(w, first, "code")));
    CHECK(slice_eq(seen_param(w, first, "code"), seen_param(w, second, "code")));
    CHECK_INT(world_count(w, CLASS_GRANT, ALICE), 1);
    CHECK_INT(world_audited(w, "sign_in"), 1);
    CHECK_INT(app_token(w, &cli, seen_param(w, first, "code"))->status, 200);
}

static void cancel_after_continue(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    struct slice code = seen_param(w, press(w, &browser, page, "continue"), "code");
    CHECK(slice_eq(code, seen_param(w, press(w, &browser, page, "cancel"), "code")));
    CHECK_INT(world_audited(w, "sign_in_cancelled"), 0);
}

static void continue_after_cancel(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    CHECK_TEXT(seen_error(w, press(w, &browser, page, "cancel")), "access_denied");
    CHECK_TEXT(seen_error(w, press(w, &browser, page, "continue")), "access_denied");
    CHECK_INT(world_audited(w, "sign_in_cancelled"), 1);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
}

/* Whichever came first decides for both. */
static void both_at_once(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    struct visit *a = send_press(w, &browser, page, "continue"), *b = send_press(w, &browser, page, "cancel");
    world_run(w);
    const struct seen *first = world_answer(w, a), *second = world_answer(w, b);
    struct slice code = seen_param(w, first, "code");
    if (slice_is_none(code))
        CHECK_TEXT(seen_error(w, first), "access_denied");
    CHECK(slice_eq(code, seen_param(w, second, "code")));
    CHECK(slice_eq(seen_error(w, first), seen_error(w, second)));
    CHECK_INT(world_audited(w, "sign_in") + world_audited(w, "sign_in_cancelled"), 1);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), !slice_is_none(code));
}

/* Reload, the back button, a second tab: the page's address has the answer. */
static void reload(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *first = world_get(w, &browser, app_request(w, &cli, NULL));
    struct slice address = seen_header(first, "location");
    const struct seen *page = world_get(w, &browser, address);
    CHECK(slice_eq(seen_flow(page), seen_flow(world_get(w, &browser, address)))); /* open: the page again */
    struct slice code = seen_param(w, press(w, &browser, page, "continue"), "code");
    const struct seen *again = world_get(w, &browser, address);
    CHECK_INT(again->status, 302);
    CHECK(slice_eq(code, seen_param(w, again, "code")));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 1);

    const struct seen *other = open_page(w, &browser, app_request(w, &cli, NULL));
    struct slice other_address = pool_fmt(w->pool, "/authorize?flow=" SLICE_FMT, SLICE_ARG(seen_flow(other)));
    (void)press(w, &browser, other, "cancel");
    CHECK_TEXT(seen_error(w, world_get(w, &browser, other_address)), "access_denied");
}

/* ---- whoever else has the page's address ---- */

static void check_sub(struct world *w, const struct seen *answer, const char *sub)
{
    const struct seen *tokens = app_token(w, &cli, seen_param(w, answer, "code"));

    CHECK_INT(tokens->status, 200);
    CHECK_TEXT(claim_text(world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256), "sub"), sub);
}

/* Without type and id: nobody can make another's code of their own. */
static struct slice secret_of(struct world *w, const struct seen *answer)
{
    struct slice bytes = SLICE_NONE;

    CHECK(base64url_decode(w->pool, seen_param(w, answer, "code"), &bytes));
    return bytes.n == CREDENTIAL_BYTES ? slice_from(bytes, 1 + ID_BYTES) : SLICE_NONE;
}

/* The page is made anew for them, and what they press is their own answer, not the first one's. */
static void another_person(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &alice, app_request(w, &cli, NULL));
    struct slice address = pool_fmt(w->pool, "/authorize?flow=" SLICE_FMT, SLICE_ARG(seen_flow(page)));
    const struct seen *answer = press(w, &alice, page, "continue");
    const struct seen *his = world_get(w, &bob, address);
    CHECK_INT(his->status, 200);
    CHECK(seen_has(his, "bob@example.com"));
    const struct seen *his_answer = press(w, &bob, his, "continue");
    CHECK(!slice_eq(secret_of(w, answer), secret_of(w, his_answer)));
    check_sub(w, his_answer, "2");
    check_sub(w, answer, "1");
}

static void another_browser(struct world *w)
{
    struct guest first = browser_at(ALICE_LAPTOP), second = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &first, app_request(w, &cli, NULL));
    struct slice address = pool_fmt(w->pool, "/authorize?flow=" SLICE_FMT, SLICE_ARG(seen_flow(page)));
    check_sub(w, press(w, &first, page, "continue"), "1");
    const struct seen *answer = press(w, &second, world_get(w, &second, address), "continue");
    check_sub(w, answer, "1"); /* a code of its own: the first one is used up */
    CHECK_INT(world_audited(w, "code_replayed"), 0);
}

/* [Back] is bound to nobody, because nothing goes with it: so it never gets an answer that was somebody's. */
static void back_on_answered(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), bob = browser_at(BOB_PHONE), program = program_at(BOB_PHONE);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &alice, app_request(w, &cli, NULL));
    struct slice code = seen_param(w, press(w, &alice, page, "continue"), "code"), form = form_of(w, page, "return");
    CHECK(slice_eq(code, seen_param(w, world_post(w, &alice, "/decision", form), "code")));
    const struct seen *his = world_post(w, &bob, "/decision", form);
    CHECK(slice_is_none(seen_param(w, his, "code")));
    const struct seen *its = world_post(w, &program, "/decision", form);
    CHECK(slice_is_none(seen_param(w, its, "code")));
    CHECK_TEXT(seen_error(w, its), "no_cookies");
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "a second press gets the same code", twice },
        { "and at the same moment", at_once, .races = true },
        { "Cancel after Continue repeats the code", cancel_after_continue },
        { "Continue after Cancel repeats access_denied", continue_after_cancel },
        { "both at the same moment: one answer", both_at_once, .races = true },
        { "reload and back find the answer", reload },
        { "another person with the page's address gets a page of their own", another_person },
        { "and another browser of the same person", another_browser },
        { "[Back] never gets somebody's answer", back_on_answered },
    };

    return SCENARIOS_PLAY(scenarios);
}
