/* Several people, several browsers: a page belongs to the one and the other who saw it. */
#include <string.h>

#include "harness.h"
#include "sign_in.h"

static const char *sub_of(struct world *w, const struct app *a, const struct seen *answer)
{
    const struct seen *tokens = app_token(w, a, seen_param(w, answer, "code"));

    CHECK_INT(tokens->status, 200);
    return slice_cstr(w->pool, claim_text(world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256), "sub"));
}

/* Somebody else at the same browser: asked once, and then it is theirs. */
static void same_browser(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    char *cookie = slice_cstr(w->pool, slice_of(browser.cookie));
    browser.address = BOB_PHONE;
    const struct seen *none = world_get(w, &browser, app_request(w, &grafana, "&prompt=none"));
    CHECK_TEXT(seen_error(w, none), "login_required");
    const struct seen *page = open_page(w, &browser, app_request(w, &grafana, NULL));
    CHECK_INT(page->status, 200);
    CHECK(seen_has(page, "Last time this browser was <bdi>alice@example.com</bdi>"));
    CHECK(seen_has(page, "bob@example.com"));
    const struct seen *answer = press(w, &browser, page, "continue");
    CHECK_TEXT(slice_of(sub_of(w, &grafana, answer)), "2");
    if (w->lost > 0)
        return;
    CHECK(!slice_eq(slice_of(browser.cookie), slice_of(cookie)));
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL)));
    CHECK_INT(world_count(w, CLASS_SESSION, BOB), 1);
}

/* The same person on another node: their session stays where it was made, and another one is made. */
static void same_person(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    browser.address = ALICE_PHONE; /* a synchronised cookie jar */
    const struct seen *none = world_get(w, &browser, app_request(w, &grafana, "&prompt=none"));
    CHECK_TEXT(seen_error(w, none), "login_required");
    CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL)));
    CHECK(world_agrees(w, world_count(w, CLASS_SESSION, ALICE), 2));
    CHECK_INT(world_person(w, ALICE).pair_count, 2);
}

/* The page was made for Alice; who presses is Bob. */
static void pressed_by_another(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    browser.address = BOB_PHONE;
    const struct seen *again = press(w, &browser, page, "continue");
    CHECK_INT(again->status, 303);
    CHECK(slice_starts(seen_header(again, "location"), SL("/authorize?flow=")));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    const struct seen *his = world_get(w, &browser, seen_header(again, "location"));
    CHECK(seen_has(his, "bob@example.com"));
    CHECK_TEXT(slice_of(sub_of(w, &cli, press(w, &browser, his, "continue"))), "2");
}

static void pressed_in_another(struct world *w)
{
    struct guest first = browser_at(ALICE_LAPTOP), second = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    app_add(w, &grafana);
    (void)sign_in_silently(w, &second, &grafana, NULL);
    unsigned grants = world_count(w, CLASS_GRANT, 0);
    const struct seen *page = open_page(w, &first, app_request(w, &cli, NULL));
    const struct seen *again = press(w, &second, page, "continue");
    CHECK_INT(again->status, 303);
    CHECK(slice_starts(seen_header(again, "location"), SL("/authorize?flow=")));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), grants);
    const struct seen *cancelled = press(w, &second, page, "cancel"); /* nor does it cancel */
    CHECK(slice_starts(seen_header(cancelled, "location"), SL("/authorize?flow=")));
    CHECK_TEXT(slice_of(sub_of(w, &cli, press(w, &first, page, "continue"))), "1");
}

static void no_cookies(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    browser.drops_cookies = true;
    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    const struct seen *s = press(w, &browser, page, "continue");
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "no_cookies");
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    s = press(w, &browser, page, "cancel");
    CHECK_TEXT(seen_error(w, s), "no_cookies");
}

/* Field 32: cookies of an earlier life, cut, turned round, somebody else's words: as a fresh browser, and replaced. */
static void odd_cookies(struct world *w)
{
    static const char *const odd[] = { "x",
                                       "\"quoted\"",
                                       "AAAAAAAAAAAAAAAAAAAAAB",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "%41%41",
                                       "=",
                                       "a=b=c" };
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        (void)snprintf(browser.cookie, sizeof(browser.cookie), "%s", odd[i]);
        CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, NULL)));
        CHECK(!slice_eq(slice_of(browser.cookie), slice_of(odd[i])));
        CHECK(!slice_is_none(sign_in_silently(w, &browser, &grafana, "&prompt=none")));
    }
}

/* Field 47: other applications on the host have filled the header. */
static void many_cookies(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct call c;
    struct buf b;

    app_add(w, &grafana);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    buf_init(&b, w->pool, 20000);
    for (unsigned i = 0; i < 60; i++)
        buf_fmt(&b, "%sc%u=%0200u", i > 0 ? "; " : "", i, i);
    buf_fmt(&b, ";;  =; \";x; __Host-avouch=%s; __Host-avouch", browser.cookie);
    c = (struct call){ .target = app_request(w, &grafana, "&prompt=none") };
    call_header(&c, "cookie", buf_finish(&b));
    CHECK(!slice_is_none(seen_param(w, world_call(w, &browser, &c), "code")));
}

/* Two with the same name before the @ (security E): two accounts. */
static void same_name(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), other = browser_at(BOB_PHONE);

    world_node(w, BOB_PHONE)->login = "alice@corp.example";
    app_add(w, &grafana);
    for (unsigned i = 0; i < 2; i++) {
        const struct seen *one = app_token(w, &grafana, sign_in_silently(w, &alice, &grafana, NULL));
        const struct seen *two = app_token(w, &grafana, sign_in_silently(w, &other, &grafana, NULL));
        const struct json *hers = world_claims(w, seen_member(w, one, "id_token"), ALG_ES256);
        const struct json *his = world_claims(w, seen_member(w, two, "id_token"), ALG_ES256);
        CHECK_TEXT(claim_text(hers, "preferred_username"), "alice");
        CHECK_TEXT(claim_text(his, "preferred_username"), "alice-2");
        CHECK_TEXT(claim_text(his, "email"), "alice@corp.example");
        CHECK_TEXT(claim_text(his, "sub"), "2");
    }
}

/* Both for the first time at the same moment: the name is given to one of them. */
static void same_name_at_once(struct world *w)
{
    struct guest alice = browser_at(ALICE_LAPTOP), other = browser_at(BOB_PHONE);

    world_node(w, BOB_PHONE)->login = "alice@corp.example";
    app_add(w, &grafana);
    struct visit *a = world_send(w, &alice, &(struct call){ .target = app_request(w, &grafana, NULL) });
    struct visit *b = world_send(w, &other, &(struct call){ .target = app_request(w, &grafana, NULL) });
    world_run(w);
    CHECK_INT(world_answer(w, a)->status, 302);
    CHECK_INT(world_answer(w, b)->status, 302);
    struct slice one = world_person(w, ALICE).username, two = world_person(w, BOB).username;
    CHECK(slice_eq(one, SL("alice")) != slice_eq(two, SL("alice")));
    CHECK(slice_eq(one, SL("alice-2")) != slice_eq(two, SL("alice-2")));
    CHECK_INT(world_counter(w, CLASS_PERSON, 0), 2);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "another person at the same browser is asked", same_browser },
        { "a session does not follow its person to another node", same_person },
        { "a page pressed by another person is shown to them", pressed_by_another },
        { "a page pressed in another browser is shown there", pressed_in_another },
        { "without our cookie a page cannot be answered", no_cookies },
        { "cookies of an earlier life are replaced", odd_cookies },
        { "our cookie is found among many", many_cookies },
        { "two people of one name have two accounts", same_name },
        { "and when they come at the same moment", same_name_at_once, .races = true },
    };

    return SCENARIOS_PLAY(scenarios);
}
