/* The table of docs/decisions.md, Silence, row by row: who sees a page, and for which reason. */
#include "silence.h"

#include "tap.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define NOW_S       1764000000

#define HTTPS    "https://app.example/cb"
#define HTTP     "http://app.example/cb"
#define LOOPBACK "http://127.0.0.1:3000/cb"
#define LOCAL2   "http://127.0.0.2/cb"
#define PRIVATE  "com.example.app:/cb"

/* ---- prompt ---- */

static void test_prompt(void)
{
    static const struct {
        struct slice text;
        bool ok;
        unsigned bits;
    } rows[] = {
        { SLICE_NONE, true, 0 },
        { SL(""), true, 0 }, /* field 04 */
        { SL("  "), true, 0 },
        { SL("none"), true, PROMPT_NONE },
        { SL(" none "), true, PROMPT_NONE },
        { SL("none none"), true, PROMPT_NONE },
        { SL("login"), true, PROMPT_LOGIN },
        { SL("consent"), true, PROMPT_CONSENT },
        { SL("select_account"), true, PROMPT_SELECT_ACCOUNT },
        { SL("login  consent"), true, PROMPT_LOGIN | PROMPT_CONSENT },
        { SL("select_account consent login"), true, PROMPT_LOGIN | PROMPT_CONSENT | PROMPT_SELECT_ACCOUNT },
        { SL("create"), true, 0 },
        { SL("login create"), true, PROMPT_LOGIN },
        { SL("LOGIN"), true, 0 },
        { SL("login,consent"), true, 0 },
        { SL("none login"), false, 0 },
        { SL("consent none"), false, 0 },
        { SL("none create"), false, 0 },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned bits = 0xa5U, before = tap_failures;
        CHECK(prompt_parse(rows[i].text, &bits) == rows[i].ok);
        CHECK_INT(bits, rows[i].ok ? rows[i].bits : 0xa5U);
        if (tap_failures != before)
            printf("# of \"" SLICE_FMT "\"\n", SLICE_ARG(rows[i].text));
    }
}

/* ---- the table ---- */

struct row {
    enum client_origin origin;
    bool approved;
    enum auth_method auth;
    enum client_page page;
    const char *uri;
    enum page_reason first, later; /* without and with a consent */
};

static enum page_reason judge(const struct row *row, bool consented)
{
    const struct client client = {
        .origin = row->origin, .approved = row->approved, .auth_method = row->auth, .page = row->page
    };
    const struct peer peer = { .kind = PEER_PERSON, .user_id = 42 };
    const struct silence s = { .client = &client,
                               .redirect_uri = slice_of(row->uri),
                               .peer = &peer,
                               .consented = consented,
                               .max_age = -1,
                               .now = { .s = NOW_S } };

    return silence_judge(&s);
}

static void check_table(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned before = tap_failures;
        CHECK_INT(judge(&rows[i], false), rows[i].first);
        CHECK_INT(judge(&rows[i], true), rows[i].later);
        if (tap_failures != before)
            printf("# in row %zu: %s\n", i, rows[i].uri);
    }
}

/* "added or approved by an administrator, and its redirect URI is https or it authenticates at /token": silent, silent */
static void test_vouched_for(void)
{
    static const struct row rows[] = {
        { CLIENT_ADDED, false, AUTH_BASIC, PAGE_AS_DUE, HTTPS, SILENT, SILENT },
        { CLIENT_ADDED, false, AUTH_POST, PAGE_AS_DUE, HTTPS, SILENT, SILENT },
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_AS_DUE, HTTPS, SILENT, SILENT },
        { CLIENT_ADDED, false, AUTH_BASIC, PAGE_AS_DUE, HTTP, SILENT, SILENT },
        { CLIENT_ADDED, false, AUTH_BASIC, PAGE_AS_DUE, LOOPBACK, SILENT, SILENT },
        { CLIENT_ADDED, false, AUTH_BASIC, PAGE_AS_DUE, PRIVATE, SILENT, SILENT },
        { CLIENT_REGISTERED, true, AUTH_BASIC, PAGE_AS_DUE, HTTPS, SILENT, SILENT },
        { CLIENT_REGISTERED, true, AUTH_NONE, PAGE_AS_DUE, HTTPS, SILENT, SILENT },
        { CLIENT_DOCUMENT, true, AUTH_NONE, PAGE_AS_DUE, HTTPS, SILENT, SILENT },
        { CLIENT_REGISTERED, true, AUTH_BASIC, PAGE_AS_DUE, LOOPBACK, SILENT, SILENT },
        /* neither https nor a secret: whoever is on the way reads the code */
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_AS_DUE, HTTP, PAGE_FIRST_TIME, SILENT },
        { CLIENT_REGISTERED, true, AUTH_NONE, PAGE_AS_DUE, HTTP, PAGE_FIRST_TIME, SILENT },
    };

    check_table(rows, COUNT(rows));
}

/* "public or not approved, redirect URI on loopback or a private-use scheme": the page, the page */
static void test_local(void)
{
    static const struct row rows[] = {
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_AS_DUE, LOOPBACK, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_AS_DUE, LOCAL2, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_AS_DUE, "http://app.localhost/cb", PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_AS_DUE, "http://[::1]/cb", PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_AS_DUE, PRIVATE, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_REGISTERED, true, AUTH_NONE, PAGE_AS_DUE, LOOPBACK, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_REGISTERED, false, AUTH_NONE, PAGE_AS_DUE, LOOPBACK, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_REGISTERED, false, AUTH_BASIC, PAGE_AS_DUE, LOOPBACK, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_REGISTERED, false, AUTH_BASIC, PAGE_AS_DUE, PRIVATE, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_DOCUMENT, false, AUTH_NONE, PAGE_AS_DUE, LOOPBACK, PAGE_LOCAL, PAGE_LOCAL },
        /* `--page first` or `never` undoes it for an approved one, */
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_FIRST, LOOPBACK, PAGE_LOCAL, SILENT },
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_NEVER, LOOPBACK, SILENT, SILENT },
        { CLIENT_REGISTERED, true, AUTH_NONE, PAGE_NEVER, PRIVATE, SILENT, SILENT },
        /* and for no other */
        { CLIENT_REGISTERED, false, AUTH_NONE, PAGE_FIRST, LOOPBACK, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_REGISTERED, false, AUTH_NONE, PAGE_NEVER, LOOPBACK, PAGE_LOCAL, PAGE_LOCAL },
        { CLIENT_REGISTERED, false, AUTH_BASIC, PAGE_NEVER, PRIVATE, PAGE_LOCAL, PAGE_LOCAL },
    };

    check_table(rows, COUNT(rows));
}

/* "registered itself or described by a metadata document, https redirect URI": the page, then silent */
static void test_self_registered(void)
{
    static const struct row rows[] = {
        { CLIENT_REGISTERED, false, AUTH_NONE, PAGE_AS_DUE, HTTPS, PAGE_FIRST_TIME, SILENT },
        { CLIENT_REGISTERED, false, AUTH_BASIC, PAGE_AS_DUE, HTTPS, PAGE_FIRST_TIME, SILENT },
        { CLIENT_REGISTERED, false, AUTH_BASIC, PAGE_AS_DUE, HTTP, PAGE_FIRST_TIME, SILENT },
        { CLIENT_DOCUMENT, false, AUTH_NONE, PAGE_AS_DUE, HTTPS, PAGE_FIRST_TIME, SILENT },
        { CLIENT_REGISTERED, false, AUTH_NONE, PAGE_NEVER, HTTPS, PAGE_FIRST_TIME,
          SILENT }, /* no administrator said so */
        { CLIENT_REGISTERED, false, AUTH_NONE, PAGE_FIRST, HTTPS, PAGE_FIRST_TIME, SILENT },
    };

    check_table(rows, COUNT(rows));
}

static void test_page_option(void)
{
    static const struct row rows[] = {
        { CLIENT_ADDED, false, AUTH_BASIC, PAGE_ALWAYS, HTTPS, PAGE_EVERY_TIME, PAGE_EVERY_TIME },
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_ALWAYS, LOOPBACK, PAGE_EVERY_TIME, PAGE_EVERY_TIME },
        { CLIENT_REGISTERED, false, AUTH_NONE, PAGE_ALWAYS, HTTPS, PAGE_EVERY_TIME, PAGE_EVERY_TIME },
        { CLIENT_ADDED, false, AUTH_BASIC, PAGE_FIRST, HTTPS, PAGE_FIRST_TIME, SILENT },
        { CLIENT_ADDED, false, AUTH_BASIC, PAGE_FIRST, LOOPBACK, PAGE_FIRST_TIME, SILENT },
        { CLIENT_REGISTERED, true, AUTH_BASIC, PAGE_FIRST, HTTPS, PAGE_FIRST_TIME, SILENT },
        { CLIENT_ADDED, false, AUTH_BASIC, PAGE_NEVER, HTTPS, SILENT, SILENT },
        { CLIENT_ADDED, false, AUTH_NONE, PAGE_NEVER, HTTP, SILENT, SILENT },
    };

    check_table(rows, COUNT(rows));
}

/* ---- what is asked, and by whom ---- */

static struct client quiet = { .origin = CLIENT_ADDED, .auth_method = AUTH_BASIC };
static struct peer laptop = { .kind = PEER_PERSON, .user_id = 42 };
static struct session session = { .user_id = 42, .auth_time = NOW_S - 100 };

static struct silence silent(void)
{
    return (struct silence){ .client = &quiet,
                             .redirect_uri = SL(HTTPS),
                             .peer = &laptop,
                             .session = &session,
                             .consented = true,
                             .max_age = -1,
                             .now = { .s = NOW_S } };
}

static void test_max_age(void)
{
    struct silence s = silent();

    CHECK_INT(silence_judge(&s), SILENT);
    s.max_age = 100;
    CHECK_INT(silence_judge(&s), SILENT);
    s.max_age = 99;
    CHECK_INT(silence_judge(&s), PAGE_MAX_AGE);
    s.max_age = 1;
    CHECK_INT(silence_judge(&s), PAGE_MAX_AGE);
    s.max_age = INT64_MAX;
    CHECK_INT(silence_judge(&s), SILENT);
    s.session = NULL; /* one is made now: it cannot be too old, */
    s.max_age = 1;
    CHECK_INT(silence_judge(&s), SILENT);
    s.max_age = 0; /* but this asks for the person in any case (field 36) */
    CHECK_INT(silence_judge(&s), PAGE_MAX_AGE);
    s = silent();
    s.max_age = 0;
    s.now.s = session.auth_time;
    CHECK_INT(silence_judge(&s), PAGE_MAX_AGE);
    s.max_age = 1; /* a clock that went back makes nothing old */
    s.now.s = session.auth_time - 1000;
    CHECK_INT(silence_judge(&s), SILENT);
}

static void test_prompts_win(void)
{
    struct silence s = silent();

    s.prompt = PROMPT_LOGIN;
    CHECK_INT(silence_judge(&s), PAGE_LOGIN);
    s.prompt = PROMPT_SELECT_ACCOUNT;
    CHECK_INT(silence_judge(&s), PAGE_ACCOUNT);
    s.prompt = PROMPT_CONSENT;
    CHECK_INT(silence_judge(&s), PAGE_CONSENT);
    s.prompt = PROMPT_NONE; /* no page is a matter of whoever asks; the judgement is the same */
    CHECK_INT(silence_judge(&s), SILENT);
    quiet.page = PAGE_NEVER; /* nothing undoes what the application asked for */
    s.prompt = PROMPT_CONSENT;
    CHECK_INT(silence_judge(&s), PAGE_CONSENT);
    s = silent();
    s.signed_out = true;
    CHECK_INT(silence_judge(&s), PAGE_SIGNED_OUT);
    s.max_age = 1;
    CHECK_INT(silence_judge(&s), PAGE_MAX_AGE);
    quiet.page = PAGE_AS_DUE;
}

/* With every reason at once, each taken away in turn: the enum's order is the order in which they are told. */
static void test_order(void)
{
    struct client client = { .origin = CLIENT_REGISTERED, .auth_method = AUTH_NONE, .page = PAGE_ALWAYS };
    struct peer router = { .kind = PEER_PERSON, .user_id = 42, .routes_for_others = true };
    struct silence s = { .client = &client,
                         .redirect_uri = SL(LOOPBACK),
                         .peer = &router,
                         .session = &session,
                         .other_person = true,
                         .signed_out = true,
                         .prompt = PROMPT_LOGIN | PROMPT_CONSENT | PROMPT_SELECT_ACCOUNT,
                         .max_age = 1,
                         .now = { .s = NOW_S } };

    CHECK_INT(silence_judge(&s), PAGE_LOGIN);
    s.prompt &= ~PROMPT_LOGIN;
    CHECK_INT(silence_judge(&s), PAGE_ACCOUNT);
    s.prompt &= ~PROMPT_SELECT_ACCOUNT;
    CHECK_INT(silence_judge(&s), PAGE_CONSENT);
    s.prompt = 0;
    CHECK_INT(silence_judge(&s), PAGE_OTHER_PERSON);
    s.other_person = false;
    CHECK_INT(silence_judge(&s), PAGE_MAX_AGE);
    s.max_age = -1;
    CHECK_INT(silence_judge(&s), PAGE_SIGNED_OUT);
    s.signed_out = false;
    CHECK_INT(silence_judge(&s), PAGE_ROUTER);
    router.routes_for_others = false;
    CHECK_INT(silence_judge(&s), PAGE_EVERY_TIME);
    client.page = PAGE_AS_DUE;
    CHECK_INT(silence_judge(&s), PAGE_LOCAL);
    s.redirect_uri = SL(HTTPS);
    CHECK_INT(silence_judge(&s), PAGE_FIRST_TIME);
    s.consented = true;
    CHECK_INT(silence_judge(&s), SILENT);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "prompt is a list (OpenID Connect Core 3.1.2.1)", test_prompt },
        { "an administrator vouches for it", test_vouched_for },
        { "any local program may wait there", test_local },
        { "registered itself (security A, 21)", test_self_registered },
        { "--page", test_page_option },
        { "max_age (OpenID Connect Core 3.1.2.1, field 36)", test_max_age },
        { "nothing undoes what was asked for", test_prompts_win },
        { "the order of reasons", test_order },
    };

    return TAP_RUN(tests);
}
