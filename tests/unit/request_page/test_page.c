/* The pages as text: every variant is whole, escaped, small; the sentences are those of the design. What a browser
 * makes of them is tests/browser. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "page.h"
#include "page_variants.h"
#include "person.h"
#include "tap.h"

#define POOL_CAP       ((size_t)16 * 1024 * 1024)
#define HTML_BYTES_MAX 6144
#define STYLE_MAX      8192

/* NOLINTBEGIN(misc-misleading-bidirectional): such characters are what is tested */
static struct pool *pool;
static struct page_variant variants[PAGE_VARIANTS_MAX];
static size_t variant_count;

static bool has(struct slice text, const char *part)
{
    return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static size_t times(struct slice text, const char *part)
{
    size_t n = 0, len = strlen(part);

    for (size_t i = 0; i + len <= text.n; i++)
        n += memcmp(text.p + i, part, len) == 0;
    return n;
}

static struct slice find(const char *name)
{
    for (size_t i = 0; i < variant_count; i++)
        if (slice_eq(variants[i].name, slice_of(name)))
            return variants[i].html;
    return SLICE_NONE;
}

static void check_has(int line, struct slice html, const char *part)
{
    if (has(html, part))
        return;
    tap_failures++;
    printf("# %s:%d: \"%s\" is missing\n", __FILE__, line, part);
}

#define CHECK_HAS(html, part) check_has(__LINE__, (html), (part))

static void every_variant_is_whole(void)
{
    CHECK(variant_count > 80);
    for (size_t i = 0; i < variant_count; i++) {
        struct slice html = variants[i].html;
        unsigned before = tap_failures;

        CHECK(slice_starts(html, SL("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">")));
        CHECK(slice_ends(html, SL("</html>\n")));
        CHECK_INT(times(html, "<h1>"), 1);
        CHECK_INT(times(html, "<title></title>"), 0);
        CHECK_INT(times(html, "{{"), 0);
        CHECK(variants[i].hostile || html.n < HTML_BYTES_MAX);
        if (tap_failures != before)
            printf("# in " SLICE_FMT "\n", SLICE_ARG(variants[i].name));
    }
}

static void ids_are_unique_and_only_ours(void)
{
    static const char *const ids[] = { "continue", "cancel", "return", "signout", "error", "main" };

    for (size_t i = 0; i < variant_count; i++) {
        size_t known = 0;

        for (size_t k = 0; k < sizeof ids / sizeof ids[0]; k++) {
            const char *attribute = slice_cstr(pool, pool_fmt(pool, " id=\"%s\"", ids[k]));

            CHECK(times(variants[i].html, attribute) <= 1);
            known += times(variants[i].html, attribute);
        }
        CHECK_INT(times(variants[i].html, " id="), known);
        CHECK_INT(times(variants[i].html, "<button id"), 0);
        CHECK_INT(times(variants[i].html, "autofocus"), 0);
    }
}

static void outside_text_is_escaped_and_cannot_turn(void)
{
    for (size_t i = 0; i < variant_count; i++) {
        struct slice html = variants[i].html;

        CHECK_INT(times(html, "<script>"), 0);
        CHECK_INT(times(html, "alert(\"1\")"), 0);
        CHECK_INT(times(html, "style="), 0);
        CHECK_INT(times(html, "javascript:"), 0);
        if (has(variants[i].name, "form_post"))
            continue; /* `state` goes back byte for byte */
        CHECK_INT(times(html, "\xE2\x80\xAE"), 0);
        CHECK_INT(times(html, "\xE2\x80\x8B"), 0);
    }
    CHECK_HAS(find("continue-hostile"), "<bdi>“&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    CHECK_HAS(find("error-hostile-22"), "\\u{202e}");
}

static void a_warning_takes_the_colour_out_of_continue(void)
{
    for (size_t i = 0; i < variant_count; i++) {
        struct slice html = variants[i].html;

        if (!slice_starts(variants[i].name, SL("continue-")))
            continue;
        CHECK(times(html, "note amber") <= 1);
        CHECK_INT(times(html, "class=\"solid\""), has(html, "note amber") ? 0 : 1);
        CHECK_INT(times(html, "class=\"guard\""), has(html, "<b>Approved</b>") ? 0 : 1);
        CHECK_INT(times(html, "<h1>Continue to <bdi>“"), has(html, "<b>Approved</b>") ? 0 : 1);
        CHECK_HAS(html, "<form class=\"acts\" method=\"post\" action=\"/decision\"");
        CHECK_HAS(html, "name=\"action\" value=\"continue\"><span id=\"continue\">");
        CHECK_HAS(html, "name=\"action\" value=\"cancel\"><span id=\"cancel\">Cancel</span>");
    }
}

static void an_approved_client_says_who_and_why(void)
{
    struct slice html = find("continue-approved-1");

    CHECK_HAS(html, "<title>Continue to Grafana as alice@example.com, from laptop</title>");
    CHECK_HAS(html, "by <bdi>bob@example.com</bdi>.");
    CHECK_HAS(html, "<bdi>Grafana</bdi> asked for a fresh sign-in.");
    CHECK_HAS(html, "<bdi class=\"host\" dir=\"ltr\">grafana.example.ts.net</bdi>");
    CHECK_HAS(html, "<small>On your tailnet</small>");
    CHECK_HAS(html, "<span>Groups</span> <bdi>admins, people</bdi>");
    CHECK_HAS(html, "This sign-in only.");
    CHECK_HAS(html, "name=\"flow\" value=\"AbC-123_flow\"");
    CHECK_HAS(find("continue-approved-2"), "asked which account to use.");
    CHECK_HAS(find("continue-approved-4"), "Last time this browser was <bdi>bob@example.com</bdi>.");
    CHECK_HAS(find("continue-approved-4"), "Continue as <bdi>alice@example.com</bdi></span>");
    CHECK_HAS(find("continue-approved-5"), "Your sign-in is older than <bdi>Grafana</bdi> accepts.");
    CHECK_HAS(find("continue-approved-6"),
              "You signed out <time datetime=\"2026-11-25T12:17:48Z\">today at 12:17</time>, so we ask.");
    CHECK_HAS(find("continue-approved-7"), "also carries traffic of other devices, so we ask each time.");
    CHECK_HAS(find("continue-approved-8"), "signs you in elsewhere too, so we ask each time.");
    CHECK_HAS(find("continue-approved-loopback"),
              "Any program on <bdi>laptop</bdi> could wait there, so we ask each time.");
    CHECK_HAS(find("continue-links"), "on this server.");
    CHECK_HAS(find("continue-links"), "(<bdi dir=\"ltr\">grafana.com</bdi>, new tab)");
    CHECK_HAS(find("continue-links"), ">grafana.example.ts.net:3000</bdi>");
}

static void an_unchecked_client_is_called_its_own_words(void)
{
    struct slice html = find("continue-registered");

    CHECK_HAS(html, "<b>Nobody has checked this application.</b>");
    CHECK_HAS(html, ">29 minutes ago</time>, from a device of <bdi>carol@example.com</bdi>.");
    html = find("continue-registered-loopback");
    CHECK_HAS(html, "<b>Did you start this yourself, just now?</b>");
    CHECK_HAS(html, "from a device of yours.");
    CHECK_HAS(html, "<code dir=\"ltr\">http://127.0.0.1</code>, any port");
    CHECK_HAS(html, "A number that stands for you here, nothing else");
    CHECK_HAS(find("continue-registered-scheme"), "The app for <code dir=\"ltr\">com.example.notes:</code> links");
    CHECK_HAS(find("continue-document"),
              "<bdi dir=\"ltr\">agentdesk.app</bdi> speaks for this application; nobody here does.");
    CHECK(!has(find("continue-document"), "describes it"));
    CHECK_HAS(find("continue-document-elsewhere"),
              "describes it, but you are sent to <bdi dir=\"ltr\">agentdesk.example.org</bdi>.");
    html = find("continue-document-loopback");
    CHECK_HAS(html, "Who speaks for it");
    CHECK_HAS(html, "Did you start this yourself, just now?");
    CHECK(!has(html, "Last time this browser was"));
    CHECK_HAS(html, "Continue as");
}

static void each_error_has_its_heading_and_code(void)
{
    static const struct {
        const char *code, *heading;
    } rows[] = {
        { "invalid_redirect_uri", "<bdi>Grafana</bdi> is set up with an address we don’t know" },
        { "unknown_client", "We don’t know this application" },
        { "node_tagged", "This device is a machine, not a person" },
        { "not_on_tailnet", "We can’t tell who you are" },
        { "node_expired", "This device has to sign in to the tailnet again" },
        { "node_shared_in", "This device belongs to another tailnet" },
        { "node_unapproved", "This device is not approved yet" },
        { "node_is_ours", "This is the server\xe2\x80\x99s own device" },
        { "temporarily_unavailable", "We can’t check who you are just now" },
        { "access_denied", "<bdi>Grafana</bdi> is not open to you" },
        { "invalid_request", "<bdi>Grafana</bdi>’s request has a mistake in it" },
        { "invalid_scope", "<bdi>Grafana</bdi>’s request has a mistake in it" },
        { "page_expired", "This page is too old" },
        { "no_cookies", "Your browser did not keep our cookie" },
        { "cross_site", "That click did not come from our page" },
        { "person_blocked", "You are blocked here" },
        { "person_held", "We have to ask about you first" },
        { "too_many_requests", "Too many at once" },
        { "server_error", "Something broke on our side" },
        { "not_found", "There is no such page" },
        { "method_not_allowed", "This address is not for opening" },
        { "url_too_long", "This address is too long" },
        { "misdirected_request", "We go by another name" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice html = find(slice_cstr(pool, pool_fmt(pool, "error-%s", rows[i].code)));

        CHECK_HAS(html, slice_cstr(pool, pool_fmt(pool, "<h1>%s</h1>", rows[i].heading)));
        CHECK_HAS(html, slice_cstr(pool, pool_fmt(pool, "<code id=\"error\">%s</code>", rows[i].code)));
        CHECK_HAS(html, "25 Nov 2026, 14:31:08 UTC</time> · request <code>7Q3KX2</code>");
    }
}

static void errors_say_what_to_do(void)
{
    struct slice html = find("error-invalid_redirect_uri");

    CHECK_HAS(html, "login/generic_oauth<mark>/</mark></code>");
    CHECK_HAS(html, "A slash at the end. Addresses must be equal to the letter.");
    CHECK_HAS(html, "avouch client edit grafana --redirect-uri URI");
    CHECK(!has(find("error-redirect-unchecked"), "avouch client edit"));
    CHECK_HAS(find("error-redirect-unchecked"), ":300<mark>0</mark>/callback");
    CHECK_HAS(find("error-redirect-unchecked"), ":300<mark>1</mark>/callback");
    CHECK_HAS(find("error-redirect-unchecked"), "Port 3000 instead of 3001. Addresses must be");
    CHECK_HAS(find("error-redirect-scheme"), "http instead of https. Addresses must be");
    CHECK_HAS(find("error-redirect-none"), "It sent none. Addresses must be");
    CHECK_HAS(find("error-pkce"), "<p>It did not send a code challenge (PKCE), and we sign nobody in without one.");
    CHECK_HAS(find("error-pkce"), "avouch client edit grafana --require-pkce no");
    CHECK_HAS(find("error-pkce"), "value=\"return\"><span id=\"return\">Back to <bdi>Grafana</bdi></span>");
    CHECK_HAS(find("error-denied-return"), "Ask <bdi>Bob</bdi>. Say <bdi>“Grafana”</bdi> and the code below");
    CHECK_HAS(find("error-access_denied-bare"), "Ask <bdi>whoever runs this server</bdi>.");
    CHECK_HAS(find("error-expired-at"), "expired <time datetime=\"2026-11-24T14:31:08Z\">yesterday at 14:31</time>");
    CHECK_HAS(find("error-wait"), "Wait 20 seconds, then try again.");
    CHECK_HAS(find("error-person_held"), "avouch person confirm 4711");
    CHECK_HAS(find("error-node_tagged"), "is tagged <code>tag:server</code>");
    CHECK_HAS(find("error-not_on_tailnet"), "<code dir=\"ltr\">192.168.1.20</code>");
    CHECK_HAS(find("error-unknown_client"), "It calls itself <code dir=\"ltr\">grafana</code>.");
}

/* A mailed link must not have an administrator register what it sent: the sent URI is text alone. */
static void the_sent_uri_is_in_nothing_that_can_be_pressed(void)
{
    struct error_page e = { .code = OAUTH_INVALID_REDIRECT_URI,
                            .app = SL("Grafana"),
                            .app_vouched = true,
                            .client_id = SL("grafana"),
                            .sent_uri = SL("https://evil.example/steal"),
                            .registered_uri = SL("https://grafana.example.ts.net/"),
                            .difference = DIFFERS_ALL };
    struct slice html;

    e.frame.host = SL("idp.example.ts.net");
    e.frame.request_id = SL("1");
    html = page_error(pool, &e);
    CHECK_INT(times(html, "evil.example"), 1);
    CHECK_HAS(html, "<dd><code dir=\"ltr\">https://evil.example/steal</code></dd>");
}

static void names_lose_what_hides_or_turns(void)
{
    char name[256];
    struct slice shown;

    CHECK_TEXT(page_name(pool, SL("a\x01\tb\x7F\xC2\x85 c")), "ab c");
    CHECK_TEXT(page_name(pool, SL("x\xE2\x80\x8B\xE2\x80\xAA\xE2\x80\xAE\xE2\x81\xA6\xE2\x81\xA9\xEF\xBB\xBFy")), "xy");
    CHECK_TEXT(page_name(pool, SL("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x91")), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x91");
    CHECK_TEXT(page_name(pool, SL("\xFF\xC0\x80\xE2\x82")),
               "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK_TEXT(page_name(pool, SLICE_NONE), "");
    memset(name, 'n', sizeof name);
    shown = page_name(pool, slice_bytes(name, sizeof name));
    CHECK_INT(shown.n, PAGE_NAME_CHARS_MAX + 3);
    CHECK(slice_ends(shown, SL("n…")));
    CHECK_INT(page_name(pool, slice_bytes(name, PAGE_NAME_CHARS_MAX)).n, PAGE_NAME_CHARS_MAX);
}

static void unchecked_names_are_quoted(void)
{
    CHECK_TEXT(page_app(pool, SL("Grafana"), true, "it"), "Grafana");
    CHECK_TEXT(page_app(pool, SL("Notes"), false, "it"), "“Notes”");
    CHECK_TEXT(page_app(pool, SL("A”, approved by “B"), false, "it"), "“A\", approved by \"B”");
    CHECK_TEXT(page_app(pool, SL(" \xE2\x80\x8B "), false, "it"), "it");
    CHECK_TEXT(page_app(pool, SLICE_NONE, true, "it"), "it");
}

static void uris_are_plain_text(void)
{
    char uri[2048];

    CHECK_TEXT(page_uri(pool, SL("https://a/\xE2\x80\xAE b")), "https://a/\\u{202e}\\u{20}b");
    CHECK(slice_is_none(page_uri(pool, SLICE_NONE)));
    memset(uri, 'u', sizeof uri);
    CHECK_INT(page_uri(pool, slice_bytes(uri, sizeof uri)).n, PAGE_URI_BYTES_MAX + 3);
    CHECK_TEXT(page_host(pool, SL("https://pve.example.ts.net:8006/x?y")), "pve.example.ts.net:8006");
    CHECK_TEXT(page_host(pool, SL("https://a.example?x")), "a.example");
    CHECK_TEXT(page_host(pool, SL("com.example.app:/cb")), "com.example.app:");
}

static void places_are_told_by_suffix(void)
{
    struct page_frame f = { .tailnet_suffix = SL("example.ts.net") };

    static const struct {
        const char *uri;
        bool inside;
    } rows[] = {
        { "https://grafana.example.ts.net/x", true },
        { "https://EXAMPLE.ts.net/", true },
        { "https://evilexample.ts.net/", false },
        { "https://grafana.example.ts.net.evil.org/", false },
        { "https://net/", false },
    };

    bool inside, outside;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        page_place(&f, slice_of(rows[i].uri), &inside, &outside);
        CHECK_INT(inside, rows[i].inside);
        CHECK_INT(outside, !rows[i].inside);
    }
    f.tailnet_suffix = SLICE_NONE;
    page_place(&f, SL("https://a/"), &inside, &outside);
    CHECK(!inside && !outside);
}

static void times_are_words(void)
{
    const struct now now = { .s = 1795617068 }; /* 25 November 2026, 14:31:08 */

    CHECK_TEXT(page_when(pool, now.s - 10, now), "just now");
    CHECK_TEXT(page_when(pool, now.s - 60, now), "1 minute ago");
    CHECK_TEXT(page_when(pool, now.s - 200, now), "3 minutes ago");
    CHECK_TEXT(page_when(pool, now.s - 7200, now), "today at 12:31");
    CHECK_TEXT(page_when(pool, now.s - 86400, now), "yesterday at 14:31");
    CHECK_TEXT(page_when(pool, now.s - 22LL * 86400, now), "on 3 November");
    CHECK_TEXT(page_when(pool, now.s - 365LL * 86400, now), "on 25 November 2025");
    CHECK_TEXT(page_when(pool, now.s + 3600, now), "today at 15:31");
}

static void whom_to_ask(void)
{
    CHECK_TEXT(page_contact(pool, SL("ask Bob")), "Bob");
    CHECK_TEXT(page_contact(pool, SL("bob@example.com")), "bob@example.com");
    CHECK_TEXT(page_contact(pool, SL("")), "whoever runs this server");
    CHECK_TEXT(page_contact(pool, SLICE_NONE), "whoever runs this server");
}

static void form_post_carries_the_parameters(void)
{
    struct slice html = find("form_post");

    CHECK_HAS(html, "<form class=\"acts\" method=\"post\" action=\"https://grafana.example.ts.net/callback\">");
    CHECK_HAS(html, "<input type=\"hidden\" name=\"code\" value=\"SplxlOBeZQQYbYS6WxSbIA\">");
    CHECK_HAS(html, "name=\"state\" value=\"&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
    CHECK(!has(html, "name=\"error\""));
    CHECK_HAS(html, slice_cstr(pool, pool_fmt(pool, "<script src=\"" SLICE_FMT "\"></script>",
                                              SLICE_ARG(static_form_post_path()))));
    CHECK_HAS(html, "Continue to <bdi>Grafana</bdi></span></button>");
}

static void small_pages(void)
{
    CHECK_HAS(find("dev"), "name=\"person\" value=\"1\" checked");
    CHECK_INT(times(find("dev"), " checked"), 1);
    CHECK_HAS(find("dev"), "name=\"back\" value=\"/authorize?flow=1&amp;x=&quot;\"");
    CHECK_HAS(find("home"), "<h1>You are <bdi>alice@example.com</bdi>");
    CHECK_HAS(find("home"), "(100.64.0.2).\nThe tailnet says so; nobody typed a password.");
    CHECK_HAS(find("home-dev"), "<a href=\"/dev\">Be somebody else</a>");
    CHECK_HAS(find("home-machine"), "tagged <code>tag:server</code>");
}

static void static_files_carry_their_hash(void)
{
    const struct static_file *style = static_file_find(static_style_path()), *file;
    size_t n = 0;

    CHECK(style != NULL && style->body.n > 1000 && style->body.n < STYLE_MAX);
    CHECK(style != NULL && slice_eq(style->content_type, SL("text/css; charset=utf-8")));
    CHECK(slice_starts(static_style_path(), SL("/static/style-")));
    CHECK_INT(static_style_path().n, sizeof "/static/style-0123456789.css" - 1);
    CHECK(static_file_find(SL("/static/style.css")) == NULL);
    CHECK(static_file_find(SLICE_NONE) == NULL);
    while ((file = static_file_at(n)) != NULL) {
        CHECK(static_file_find(file->path) == file);
        n++;
    }
    CHECK_INT(n, 3);
    for (size_t i = 0; i < variant_count; i++)
        CHECK(has(variants[i].html, slice_cstr(pool, static_style_path())));
}

/* NOLINTEND(misc-misleading-bidirectional) */
int main(void)
{
    static const struct tap_test tests[] = {
        { "every variant is whole", every_variant_is_whole },
        { "ids are unique and only ours", ids_are_unique_and_only_ours },
        { "outside text is escaped and cannot turn", outside_text_is_escaped_and_cannot_turn },
        { "a warning takes the colour out of Continue", a_warning_takes_the_colour_out_of_continue },
        { "an approved client: who and why", an_approved_client_says_who_and_why },
        { "an unchecked client is called its own words", an_unchecked_client_is_called_its_own_words },
        { "each error has its heading and code", each_error_has_its_heading_and_code },
        { "errors say what to do", errors_say_what_to_do },
        { "the sent URI is in nothing that can be pressed", the_sent_uri_is_in_nothing_that_can_be_pressed },
        { "names lose what hides or turns", names_lose_what_hides_or_turns },
        { "unchecked names are quoted", unchecked_names_are_quoted },
        { "URIs are plain text", uris_are_plain_text },
        { "places are told by suffix", places_are_told_by_suffix },
        { "times are words", times_are_words },
        { "whom to ask", whom_to_ask },
        { "form_post carries the parameters", form_post_carries_the_parameters },
        { "small pages", small_pages },
        { "static files carry their hash", static_files_carry_their_hash },
    };
    int status;

    (void)setenv("TZ", "UTC", 1);
    tzset();
    pool = pool_create(POOL_CAP);
    variant_count = page_variants(pool, variants);
    status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
