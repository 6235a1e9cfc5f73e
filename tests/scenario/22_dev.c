/* Development mode: http on loopback, made-up people, and a browser that becomes another of them. */
#include "cookie.h"
#include "harness.h"
#include "jose.h"
#include "sign_in.h"

static const struct slice people[] = { SL("alice@example.com"), SL("bob@example.com") };

/* From now on the server is one of `avouch serve --dev`. */
static void develop(struct world *w)
{
    w->issuer.dev = true;
    w->issuer.https = false;
    w->issuer.url = SL("http://localhost:9080");
    w->issuer.host = SL("localhost:9080");
    w->issuer.self = (struct tailnet_self){ .stable_id = SLICE_NONE };
    dev_init(&w->machine.dev, (struct slices){ people, 2 });
    w->machine.asks = &w->machine.dev.queue;
    app_add(w, &grafana);
}

static struct guest dev_browser(const char *address)
{
    return (struct guest){ .address = address, .class = LISTEN_DEV };
}

static const char *sub_of(struct world *w, struct guest *browser)
{
    const struct seen *s = open_page(w, browser, app_request(w, &grafana, NULL));
    struct guest server = { .address = "127.0.0.1", .class = LISTEN_DEV, .is_program = true };

    if (s->status == 200)
        s = press(w, browser, s, "continue");
    struct slice form = app_form(w, &grafana, seen_param(w, s, "code"));
    const struct seen *tokens = world_post(w, &server, "/token", form);
    CHECK_INT(tokens->status, 200);
    struct jws token = { .claims = NULL };
    CHECK_INT(jws_parse(w->pool, seen_member(w, tokens, "id_token"), &token), ERR_OK);
    CHECK_TEXT(claim_text(token.claims, "iss"), "http://localhost:9080");
    return slice_cstr(w->pool, claim_text(token.claims, "sub"));
}

/* Where somebody comes from is who they are. */
static void by_address(struct world *w)
{
    struct guest first = dev_browser("127.0.0.1"), second = dev_browser("127.0.0.2"), third = dev_browser("127.0.0.3"),
                 same = dev_browser("::1");

    develop(w);
    CHECK_TEXT(slice_of(sub_of(w, &first)), "1");
    CHECK_TEXT(slice_of(sub_of(w, &second)), "2");
    CHECK_TEXT(slice_of(sub_of(w, &same)), "1");
    CHECK_INT(world_get(w, &third, app_request(w, &grafana, NULL))->status, 403);
}

static struct slice become(struct world *w, struct guest *browser, const char *form)
{
    const struct seen *s = world_post(w, browser, "/dev", slice_of(form));

    CHECK_INT(s->status, 303);
    return seen_header(s, "location");
}

/* A browser comes from 127.0.0.1 always. */
static void another(struct world *w)
{
    struct guest browser = dev_browser("127.0.0.1");

    develop(w);
    CHECK_TEXT(slice_of(sub_of(w, &browser)), "1");
    const struct seen *page = world_get(w, &browser, SL("/dev"));
    CHECK_INT(page->status, 200);
    CHECK(seen_has(page, "alice@example.com") && seen_has(page, "bob@example.com"));
    CHECK_TEXT(become(w, &browser, "person=1"), "/");
    CHECK(seen_has(world_get(w, &browser, SL("/")), "bob@example.com"));
    CHECK_TEXT(slice_of(sub_of(w, &browser)), "2");
    CHECK_TEXT(become(w, &browser, "person=0"), "/");
    CHECK_TEXT(slice_of(sub_of(w, &browser)), "1");
}

/* Back to where they were, on this server and nowhere else. */
static void back(struct world *w)
{
    static const char *const own[] = { "/", "/authorize?flow=x", "/a//b", "/?x=https://evil.example" };
    static const char *const foreign[] = { "https://evil.example/",
                                           "//evil.example",
                                           "/%5Cevil.example",
                                           "/%09/evil.example",
                                           "%0a/",
                                           "evil",
                                           "javascript:alert(1)",
                                           "/a%0d%0ab",
                                           "/%5C%5Cevil.example",
                                           "",
                                           "/%20/",
                                           "/%C3%BC" };
    struct guest browser = dev_browser("127.0.0.1");

    develop(w);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        CHECK_TEXT(become(w, &browser, slice_cstr(w->pool, pool_fmt(w->pool, "person=1&back=%s", own[i]))), own[i]);
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        CHECK_TEXT(become(w, &browser, slice_cstr(w->pool, pool_fmt(w->pool, "person=1&back=%s", foreign[i]))), "/");
}

static void wrong(struct world *w)
{
    static const char *const forms[] = { "",         "person=2",          "person=-1",
                                         "person=x", "person=0&person=1", "person=000000000" };
    struct guest browser = dev_browser("127.0.0.1"), elsewhere = browser_at(ALICE_LAPTOP);
    struct call foreign = { .target = SL("/dev"), .body = SL("person=1") };

    develop(w);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        CHECK_INT(world_post(w, &browser, "/dev", slice_of(forms[i]))->status, 400);
    call_header(&foreign, "origin", SL("https://evil.example"));
    CHECK_INT(world_call(w, &browser, &foreign)->status, 403);
    CHECK_TEXT(slice_of(browser.dev_cookie), "");
    CHECK_INT(world_get(w, &elsewhere, SL("/dev"))->status, 404); /* on other listeners there is no such thing */
}

/* Elsewhere the cookie says nothing. */
static void not_elsewhere(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct call c = { .target = app_request(w, &grafana, NULL) };

    app_add(w, &grafana);
    call_header(&c, "cookie", SL(COOKIE_NAME_DEV "=1"));
    CHECK(!slice_is_none(seen_param(w, world_call(w, &browser, &c), "code")));
    CHECK_INT(world_count(w, CLASS_PERSON, ALICE), 1);
    CHECK_INT(world_count(w, CLASS_PERSON, BOB), 0);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "made-up people by their address", by_address },
        { "a browser becomes another", another },
        { "and goes back to a page of ours", back },
        { "no such person, or not our page", wrong },
        { "its cookie says nothing elsewhere", not_elsewhere },
    };

    return SCENARIOS_PLAY(scenarios);
}
