/* A session or a code arises only in a document that the person sees: no frame, no prefetch. And what is pressed comes from our own page.
 * docs/decisions.md, Cookies and sites. Security 19, 22, N. */
#include "harness.h"
#include "sign_in.h"

/* How browsers mark what nobody looks at. */
static const struct mark {
    const char *name, *value;
} marks[] = {
    { "sec-fetch-dest", "iframe" }, { "sec-fetch-dest", "frame" }, { "sec-fetch-dest", "embed" },
    { "sec-fetch-dest", "object" }, { "sec-fetch-dest", "image" }, { "sec-fetch-dest", "empty" },
    { "sec-fetch-dest", "" },       { "sec-purpose", "prefetch" }, { "sec-purpose", "prefetch;prerender" },
    { "purpose", "prefetch" },      { "x-moz", "prefetch" },
};

#define MARK_COUNT (sizeof(marks) / sizeof(marks[0]))

static const struct seen *get_marked(struct world *w, struct guest *browser, struct slice target,
                                     const struct mark *mark)
{
    struct call c = { .target = target };

    call_header(&c, mark->name, slice_of(mark->value));
    return world_call(w, browser, &c);
}

static void check_nothing(struct world *w, const struct seen *s)
{
    CHECK_INT(s->status, 403);
    CHECK_TEXT(seen_error(w, s), "cross_site");
    CHECK(slice_is_none(seen_header(s, "location")));
    CHECK(slice_is_none(seen_header(s, "set-cookie")));
    CHECK(slice_is_none(seen_flow(s)));
}

static void silent(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    for (size_t i = 0; i < MARK_COUNT; i++)
        check_nothing(w, get_marked(w, &browser, app_request(w, &grafana, NULL), &marks[i]));
    CHECK_INT(world_count(w, CLASS_SESSION, 0), 0);
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    for (size_t i = 0; i < MARK_COUNT; i++)
        check_nothing(w, get_marked(w, &browser, app_request(w, &grafana, NULL), &marks[i]));
}

static void no_page_in_frames(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    for (size_t i = 0; i < MARK_COUNT; i++)
        check_nothing(w, get_marked(w, &browser, app_request(w, &cli, NULL), &marks[i]));
    CHECK_INT(world_count(w, CLASS_FLOW, 0), 0);
    struct slice address = seen_header(world_get(w, &browser, app_request(w, &cli, NULL)), "location");
    for (size_t i = 0; i < MARK_COUNT; i++)
        check_nothing(w, get_marked(w, &browser, address, &marks[i]));
    const struct seen *answer = press(w, &browser, world_get(w, &browser, address), "continue");
    CHECK(!slice_is_none(seen_param(w, answer, "code")));
    for (size_t i = 0; i < MARK_COUNT; i++) /* an answer that was given is not given there, either */
        check_nothing(w, get_marked(w, &browser, address, &marks[i]));
}

/* Without these headers it is an old browser or a program: nobody's page made it ask. */
static void unmarked(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct call c = { .target = app_request(w, &grafana, NULL) };

    app_add(w, &grafana);
    call_header(&c, "sec-fetch-dest", SLICE_NONE);
    call_header(&c, "sec-fetch-site", SLICE_NONE);
    call_header(&c, "sec-fetch-mode", SLICE_NONE);
    CHECK(!slice_is_none(seen_param(w, world_call(w, &browser, &c), "code")));
}

/* prompt=none in a frame: for clients that an administrator marked, with a session that is there already. */
static void none_in_frame(struct world *w)
{
    static const struct mark frame = { "sec-fetch-dest", "iframe" };
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client c = app_client(&argo);

    app_add(w, &grafana);
    c.frames = true;
    world_put_client(w, &c);
    struct slice unmarked_client = app_request(w, &grafana, "&prompt=none"),
                 marked_client = app_request(w, &argo, "&prompt=none");
    CHECK_TEXT(seen_error(w, get_marked(w, &browser, marked_client, &frame)), "login_required");
    (void)sign_in_silently(w, &browser, &grafana, NULL);
    CHECK_TEXT(seen_error(w, get_marked(w, &browser, unmarked_client, &frame)), "login_required");
    const struct seen *s = get_marked(w, &browser, marked_client, &frame);
    CHECK(!slice_is_none(seen_param(w, s, "code")));
    CHECK(slice_is_none(seen_header(s, "set-cookie")));
    for (size_t i = 7; i < MARK_COUNT; i++) /* a prefetch not even there */
        CHECK_TEXT(seen_error(w, get_marked(w, &browser, marked_client, &marks[i])), "login_required");
    check_nothing(w, get_marked(w, &browser, app_request(w, &argo, NULL), &frame));
}

/* ---- the page's POST ---- */

static void foreign_press(struct world *w)
{
    static const struct {
        const char *origin, *site;
    } rows[] = {
        { WORLD_URL, "cross-site" },
        { WORLD_URL, "same-site" }, /* every host of a tailnet is one site */
        { WORLD_URL, "none" },
        { "null", "same-origin" },
        { "null", NULL },
        { "https://grafana.example", NULL },
        { "https://other.tail1234.ts.net", "same-site" },
        { "http://idp.example.ts.net", NULL },
        { WORLD_URL ":8443", NULL },
        { WORLD_URL "/", NULL },
        { "", "same-origin" },
        { NULL, "same-site" },
        { NULL, "cross-site" },
    };
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    const struct seen *page = open_page(w, &browser, app_request(w, &cli, NULL));
    struct slice flow = seen_flow(page);
    struct slice form = pool_fmt(w->pool, "action=continue&flow=" SLICE_FMT, SLICE_ARG(flow));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call c = { .target = SL("/decision"), .body = form };
        call_header(&c, "origin", slice_of(rows[i].origin));
        call_header(&c, "sec-fetch-site", slice_of(rows[i].site));
        check_nothing(w, world_call(w, &browser, &c));
    }
    for (size_t i = 0; i < MARK_COUNT; i++) { /* clickjacking */
        struct call c = { .target = SL("/decision"), .body = form };
        call_header(&c, marks[i].name, slice_of(marks[i].value));
        check_nothing(w, world_call(w, &browser, &c));
    }
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK(!slice_is_none(seen_param(w, press(w, &browser, page, "continue"), "code")));
}

/* An old browser sends neither header; the form's handle and the cookie are still asked for. */
static void unmarked_press(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &cli);
    struct slice flow = seen_flow(open_page(w, &browser, app_request(w, &cli, NULL)));
    struct call c = { .target = SL("/decision"),
                      .body = pool_fmt(w->pool, "action=continue&flow=" SLICE_FMT, SLICE_ARG(flow)) };
    call_header(&c, "origin", SLICE_NONE);
    call_header(&c, "sec-fetch-site", SLICE_NONE);
    call_header(&c, "sec-fetch-dest", SLICE_NONE);
    CHECK(!slice_is_none(seen_param(w, world_call(w, &browser, &c), "code")));
}

static void methods(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct call head = { .method = "HEAD", .target = app_request(w, &grafana, NULL) };

    app_add(w, &grafana);
    const struct seen *s = world_get(w, &browser, SL("/decision?action=continue"));
    CHECK_INT(s->status, 405);
    CHECK_TEXT(seen_header(s, "allow"), "POST");
    CHECK_INT(world_call(w, &browser, &head)->status, 405); /* nobody sees its answer */
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    head.method = "DELETE";
    CHECK_INT(world_call(w, &browser, &head)->status, 405);
    CHECK_INT(world_get(w, &browser, SL("/token"))->status, 405);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "neither code nor session nor cookie in a frame or a prefetch", silent },
        { "nor a page, nor its answer", no_page_in_frames },
        { "without a browser's marks it is a document", unmarked },
        { "prompt=none in a frame, for marked clients", none_in_frame },
        { "a press that is not our page's own is refused", foreign_press },
        { "a press of an old browser is not", unmarked_press },
        { "other methods", methods },
    };

    return SCENARIOS_PLAY(scenarios);
}
