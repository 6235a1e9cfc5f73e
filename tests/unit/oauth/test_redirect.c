/* Redirect URIs: what may be registered, what matches, how an answer is put on one. test_redirect_corpus.c has the near spellings. */
#include "redirect.h"

#include <string.h>

#include "tap.h"

#define POOL_BYTES  (1 << 20)
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct pool *pool;

static void note(struct slice text)
{
    printf("# of " SLICE_FMT "\n", (int)text.n, text.p != NULL ? text.p : "");
}

/* ---- what may be registered ---- */

static void test_registrable(void)
{
    static const char *const good[] = {
        "https://app.example",
        "https://app.example/",
        "https://app.example:8006", /* Proxmox: a bare origin */
        "https://app.example/cb?close",
        "https://app.example/cb?",
        "https://app.example/cb?next=/app?x",
        "https://app.example/cb?x=a+b&y=a%20b&z=a%2Bb",
        "https://app.example/a@b:c;d,e!f'g(h)*i/~j",
        "HTTPS://App.Example/Cb",
        "https://xn--bcher-kva.example/",
        "https://a_b.example/",
        "https://app.example./cb",
        "https://192.0.2.1/cb",
        "https://[2001:db8::1]:8443/cb",
        "http://app.example/cb",
        "http://localhost:8080/cb",
        "http://localhost/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:0/cb",
        "http://[::1]/cb",
        "com.example.app:/oauth2redirect",
        "com.example.app://cb",
        "com.example.app:",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode://vscode.git/cb",
        "app+test-1.x:///cb",
        "smb2://not-a-file-server", /* looks like a refused one */
        "datas:x",
    };

    for (size_t i = 0; i < COUNT(good); i++) {
        const char *why = "untouched";
        CHECK(redirect_is_registrable(slice_of(good[i]), &why));
        CHECK(strcmp(why, "untouched") == 0);
        if (strcmp(why, "untouched") != 0)
            printf("# %s: %s\n", good[i], why);
    }
}

struct refusal {
    struct slice uri;
    const char *why; /* a part of the reason */
};

static void check_refusals(const struct refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *why = "";
        bool ok = redirect_is_registrable(rows[i].uri, &why);
        if (ok || strstr(why, rows[i].why) == NULL)
            printf("# " SLICE_FMT ": \"%s\", not \"%s\"\n", SLICE_ARG(rows[i].uri), why, rows[i].why);
        CHECK(!ok);
        CHECK(strstr(why, rows[i].why) != NULL);
    }
}

static void test_refused_characters(void)
{
    static const struct refusal rows[] = {
        { SLICE_NONE, "is empty" },
        { SL(""), "is empty" },
        { SL(" https://app.example/"), "outside printable ASCII" },
        { SL("https://app.example/ "), "outside printable ASCII" },
        { SL("https://app.example/\t"), "outside printable ASCII" },
        { SL("https://app.example/\r\nX: y"), "outside printable ASCII" },
        { SL("https://app.example/\0"), "outside printable ASCII" },
        { SL("https://app.example/\x7f"), "outside printable ASCII" },
        { SL("https://app.example/\x80"), "outside printable ASCII" },
        { SL("https://app.example/\xff"), "outside printable ASCII" },
        { SL("https://m\xc3\xbcnchen.example/"), "xn-- form" },
        { SL("https://app.example\\cb"), "backslash" },
        { SL("https:\\\\app.example/"), "backslash" },
        { SL("https://app.example/cb#"), "fragment" },
        { SL("https://app.example/cb#x"), "fragment" },
        { SL("https://app.example#@evil.example"), "fragment" },
        { SL("https://app.example/%"), "hexadecimal" },
        { SL("https://app.example/%2"), "hexadecimal" },
        { SL("https://app.example/%2g"), "hexadecimal" },
        { SL("https://app.example/%g2"), "hexadecimal" },
        { SL("https://app.example/%%20"), "hexadecimal" },
    };

    check_refusals(rows, COUNT(rows));
}

static void test_refused_parts(void)
{
    static const struct refusal rows[] = {
        { SL("/cb"), "not absolute" },
        { SL("//app.example/cb"), "not absolute" },
        { SL("app.example"), "not absolute" },
        { SL("://app.example"), "not absolute" },
        { SL("1app://cb"), "not absolute" },
        { SL("https://good.example@evil.example/"), "user name" },
        { SL("https://user:word@app.example/"), "user name" },
        { SL("https://@app.example"), "user name" },
        { SL("app://user@host/cb"), "user name" },
        { SL("https://good.example:443@evil.example:444?x"), "user name" },
        { SL("https:"), "no host" },
        { SL("https:app.example/cb"), "no host" },
        { SL("https:/app.example/cb"), "no host" },
        { SL("https:///cb"), "no host" },
        { SL("HTTP://?x"), "no host" },
        { SL("https://:443/"), "no host" },
        { SL("https://app.example:/"), "host or a port" },
        { SL("https://app.example:65536/"), "host or a port" },
        { SL("https://app%2eexample/"), "host or a port" },
        { SL("https://*.example/"), "host or a port" },
        { SL("http://127.1/"), "host or a port" },
        { SL("http://2130706433/"), "host or a port" },
        { SL("http://[::1/"), "host or a port" },
        { SL("http://[fe80::1%25lo]/"), "host or a port" },
        { SL("http://[127.0.0.1:80]/"), "host or a port" },
        { SL("app://h:99999/"), "host or a port" },
    };

    check_refusals(rows, COUNT(rows));
}

/* All of those that redirect.c names: one that its search does not find would be let through. */
static const char *const schemes[] = {
    "about",
    "android-app",
    "blob",
    "brave",
    "callto",
    "chrome",
    "chrome-error",
    "chrome-extension",
    "chrome-search",
    "chrome-untrusted",
    "cid",
    "content",
    "data",
    "dav",
    "devtools",
    "dns",
    "edge",
    "facetime",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "geo",
    "git",
    "gopher",
    "hcp",
    "imap",
    "intent",
    "irc",
    "isolated-app",
    "itms-services",
    "jar",
    "javascript",
    "ldap",
    "ldaps",
    "livescript",
    "magnet",
    "mailto",
    "market",
    "mhtml",
    "mid",
    "mk",
    "mms",
    "mocha",
    "moz-extension",
    "ms-browser-extension",
    "ms-cxh",
    "ms-its",
    "ms-msdt",
    "ms-officecmd",
    "ms-search",
    "ms-settings",
    "news",
    "nfs",
    "nntp",
    "opera",
    "pop",
    "res",
    "resource",
    "rsync",
    "rtsp",
    "safari-extension",
    "safari-web-extension",
    "search",
    "search-ms",
    "sftp",
    "shell",
    "sip",
    "sips",
    "smb",
    "sms",
    "ssh",
    "steam",
    "svn",
    "tel",
    "telnet",
    "tn3270",
    "urn",
    "vbscript",
    "view-source",
    "vivaldi",
    "vnc",
    "webcal",
    "ws",
    "wss",
    "wyciwyg",
    "xmpp",
};

static void test_refused_schemes(void)
{
    for (size_t i = 0; i < COUNT(schemes); i++) {
        struct slice upper = pool_dup(pool, slice_of(schemes[i]));
        char *first = slice_cstr(pool, upper);
        if (first[0] >= 'a' && first[0] <= 'z')
            first[0] = (char)(first[0] - 'a' + 'A');
        const struct refusal rows[] = {
            { pool_fmt(pool, "%s://app.example/cb", schemes[i]), "no answer is ever sent" },
            { pool_fmt(pool, "%s:cb", schemes[i]), "no answer is ever sent" },
            { pool_fmt(pool, "%s:alert(1)", first), "no answer is ever sent" },
        };
        check_refusals(rows, COUNT(rows));
    }
}

static void test_kind(void)
{
    static const struct {
        const char *uri;
        enum redirect_kind kind;
    } rows[] = {
        { "https://app.example/cb", REDIRECT_HTTPS },
        { "HTTPS://app.example/cb", REDIRECT_HTTPS },
        { "https://localhost/cb", REDIRECT_HTTPS },
        { "http://app.example/cb", REDIRECT_HTTP },
        { "http://localhost.example/cb", REDIRECT_HTTP },
        { "http://10.0.0.1/cb", REDIRECT_HTTP },
        { "http://localhost:1/cb", REDIRECT_LOOPBACK },
        { "HTTP://LOCALHOST/cb", REDIRECT_LOOPBACK },
        { "http://app.localhost/cb", REDIRECT_LOOPBACK },
        { "http://localhost./cb", REDIRECT_LOOPBACK },
        { "http://127.0.0.1/cb", REDIRECT_LOOPBACK },
        { "http://127.0.0.2/cb", REDIRECT_LOOPBACK },
        { "http://[::1]/cb", REDIRECT_LOOPBACK },
        { "http://[::ffff:127.0.0.1]/cb", REDIRECT_LOOPBACK },
        { "http://0.0.0.0/cb", REDIRECT_LOOPBACK },
        { "com.example.app:/cb", REDIRECT_PRIVATE },
        { "httpx://app.example/cb", REDIRECT_PRIVATE },
        { "https://user@app.example/cb", REDIRECT_PRIVATE }, /* never registrable: the kind that is trusted least */
        { "nonsense", REDIRECT_PRIVATE },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (redirect_kind(slice_of(rows[i].uri)) != rows[i].kind)
            note(slice_of(rows[i].uri));
        CHECK_INT(redirect_kind(slice_of(rows[i].uri)), rows[i].kind);
    }
}

/* ---- what matches ---- */

struct match {
    const char *registered, *sent;
    bool matches;
};

static void check_matches(const struct match *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice registered = slice_of(rows[i].registered), sent = slice_of(rows[i].sent);
        if (redirect_matches(registered, sent) != rows[i].matches)
            printf("# %s and %s\n", rows[i].registered, rows[i].sent);
        CHECK(redirect_matches(registered, sent) == rows[i].matches);
    }
}

static void test_matches_bytes(void)
{
    static const struct match rows[] = {
        { "https://app.example/cb", "https://app.example/cb", true },
        { "https://app.example", "https://app.example", true },
        { "https://app.example", "https://app.example/", false },
        { "https://app.example/", "https://app.example", false },
        { "https://app.example/cb", "https://app.example:443/cb", false },
        { "https://app.example/cb", "https://APP.example/cb", false },
        { "https://app.example/cb", "https://app.example/cb?x", false },
        { "com.example.app:/cb", "com.example.app:/cb", true },
        { "com.example.app:/cb", "com.example.app://cb", false },
        /* field 07: one spelling is registered, the others get nothing */
        { "https://app.example/cb?x=a+b", "https://app.example/cb?x=a+b", true },
        { "https://app.example/cb?x=a+b", "https://app.example/cb?x=a%20b", false },
        { "https://app.example/cb?x=a+b", "https://app.example/cb?x=a%2Bb", false },
        { "https://app.example/cb?x=a+b", "https://app.example/cb?x=a b", false },
        { "https://app.example/cb?x=a%20b", "https://app.example/cb?x=a%20b", true },
        { "https://app.example/cb?x=a%20b", "https://app.example/cb?x=a+b", false },
        { "https://app.example/cb?x=a%2Bb", "https://app.example/cb?x=a%2Bb", true },
        { "https://app.example/cb?x=a%2Bb", "https://app.example/cb?x=a%2bb", false },
        { "https://app.example/cb?x=a%2Bb", "https://app.example/cb?x=a+b", false },
        { NULL, NULL, false },
        { "", NULL, false },
        { NULL, "https://app.example/cb", false },
        { "https://app.example/cb", NULL, false },
        { "https://app.example/cb", "", false },
    };

    check_matches(rows, COUNT(rows));
}

static void test_matches_loopback_port(void)
{
    static const struct match rows[] = {
        { "http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true },
        { "http://127.0.0.1:8080/cb", "http://127.0.0.1:51004/cb", true },
        { "http://127.0.0.1:8080/cb", "http://127.0.0.1/cb", true },
        { "http://[::1]:1/cb", "http://[::1]:65535/cb", true },
        { "http://localhost/cb", "http://localhost:3000/cb", true },
        { "http://localhost:3000/cb?x=1", "http://localhost:3001/cb?x=1", true },
        { "http://localhost", "http://localhost:3000", true },
        { "http://localhost?x", "http://localhost:3000?x", true },
        { "http://localhost/cb", "http://localhost:65536/cb", false },
        { "http://localhost/cb", "http://localhost:123456/cb", false },
        { "http://localhost/cb", "http://localhost:/cb", false },
        { "http://localhost/cb", "http://localhost:80x/cb", false },
        { "http://localhost/cb", "http://localhost:-1/cb", false },
        { "http://localhost/cb", "http://localhost:80:80/cb", false },
        { "http://localhost/cb", "http://localhost:80@evil.example/cb", false },
        { "http://localhost", "http://localhost:80.evil.example", false },
        { "http://localhost", "http://localhost.evil.example", false },
        { "http://localhost/cb", "http://localhost:3000/cb/", false },
        { "http://localhost/cb", "http://localhost:3000/CB", false },
        { "http://localhost/cb", "http://LOCALHOST:3000/cb", false },
        { "http://localhost/cb", "https://localhost:3000/cb", false },
        { "http://localhost/cb", "http://127.0.0.1:3000/cb", false },
        { "http://127.0.0.1/cb", "http://localhost:3000/cb", false },
        { "http://127.0.0.1/cb", "http://[::1]:3000/cb", false },
        { "http://[::1]/cb", "http://[0:0:0:0:0:0:0:1]:3000/cb", false },
        /* no exception: not http, or another way to the own machine */
        { "https://localhost:1/cb", "https://localhost:2/cb", false },
        { "https://127.0.0.1:1/cb", "https://127.0.0.1:2/cb", false },
        { "http://127.0.0.2:1/cb", "http://127.0.0.2:2/cb", false },
        { "http://app.localhost:1/cb", "http://app.localhost:2/cb", false },
        { "http://localhost.:1/cb", "http://localhost.:2/cb", false },
        { "HTTP://localhost:1/cb", "HTTP://localhost:2/cb", false },
        { "http://LOCALHOST:1/cb", "http://LOCALHOST:2/cb", false },
        { "http://app.example:1/cb", "http://app.example:2/cb", false },
        { "http://[::ffff:127.0.0.1]:1/cb", "http://[::ffff:127.0.0.1]:2/cb", false },
        { "app://localhost:1/cb", "app://localhost:2/cb", false },
    };

    check_matches(rows, COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice registered = slice_of(rows[i].registered);
        if (rows[i].matches)
            CHECK(redirect_port_is_free(registered));
    }
}

static void test_free_ports(void)
{
    CHECK(redirect_port_is_free(SL("http://127.0.0.1:1/cb")));
    CHECK(redirect_port_is_free(SL("http://[::1]")));
    CHECK(redirect_port_is_free(SL("http://localhost?x")));
    CHECK(!redirect_port_is_free(SL("https://localhost")));
    CHECK(!redirect_port_is_free(SL("http://127.0.0.2")));
    CHECK(!redirect_port_is_free(SL("http://localhost.")));
    CHECK(!redirect_port_is_free(SL("http:localhost")));
    CHECK(!redirect_port_is_free(SL("http://user@localhost")));
    CHECK(!redirect_port_is_free(SL("")));
}

/* ---- what is made of one ---- */

static void test_host(void)
{
    CHECK_TEXT(redirect_host(SL("https://app.example:8443/cb")), "app.example");
    CHECK_TEXT(redirect_host(SL("http://[::1]:9000/cb")), "[::1]");
    CHECK_TEXT(redirect_host(SL("https://app.example?x=https://evil.example")), "app.example");
    CHECK_TEXT(redirect_host(SL("com.example.app://host/cb")), "com.example.app:");
    CHECK_TEXT(redirect_host(SL("com.example.app:/cb")), "com.example.app:");
    CHECK(slice_is_none(redirect_host(SL("nonsense"))));
}

static void test_origin(void)
{
    static const struct {
        const char *uri, *origin;
    } rows[] = {
        { "https://app.example/cb?x;y,z", "https://app.example" },
        { "https://app.example:8443/cb", "https://app.example:8443" },
        { "HTTPS://App.Example/cb", "https://app.example" },
        { "http://localhost:3000/cb", "http://localhost:3000" },
        { "http://127.0.0.1/cb", "http://127.0.0.1" },
        { "https://app.example;script-src/cb", "https:" }, /* never registrable; the policy must not end there */
        { "https://app.example,evil/cb", "https:" },
        { "http://[::1]:3000/cb", "http:" }, /* CSP has no word for brackets, _ and ~ */
        { "https://a_b.example/cb", "https:" },
        { "https://a~b.example/cb", "https:" },
        { "com.example.App://host/cb", "com.example.app:" },
        { "app+x-1.y:cb", "app+x-1.y:" },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_TEXT(redirect_origin(pool, slice_of(rows[i].uri)), rows[i].origin);
    CHECK(slice_is_none(redirect_origin(pool, SL("nonsense"))));
}

static void test_bound(void)
{
    static const struct {
        const char *uri, *bound;
    } rows[] = {
        { "http://localhost:3000/cb?x=1", "http://localhost/cb?x=1" },
        { "http://127.0.0.1:3000", "http://127.0.0.1" },
        { "http://[::1]:3000/cb", "http://[::1]/cb" },
        { "http://localhost/cb:80", "http://localhost/cb:80" },
        { "https://localhost:3000/cb", "https://localhost:3000/cb" },
        { "http://127.0.0.2:3000/cb", "http://127.0.0.2:3000/cb" },
        { "https://app.example:8443/cb", "https://app.example:8443/cb" },
        { "app://localhost:1/cb", "app://localhost:1/cb" },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_TEXT(redirect_bound(pool, slice_of(rows[i].uri)), rows[i].bound);
}

static struct slice with(const char *uri, const char *a, const char *b)
{
    const struct redirect_param params[] = { { "code", slice_of(a) }, { "state", slice_of(b) } };

    return redirect_with(pool, slice_of(uri), params, COUNT(params));
}

/* Field 08 */
static void test_with(void)
{
    CHECK_TEXT(with("https://app.example", "c", "s"), "https://app.example?code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb", "c", "s"), "https://app.example/cb?code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb?close", "c", "s"), "https://app.example/cb?close&code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb?", "c", "s"), "https://app.example/cb?code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb?a=1&", "c", "s"), "https://app.example/cb?a=1&code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb?next=/app?x", "c", "s"),
               "https://app.example/cb?next=/app?x&code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb?next=/app?", "c", "s"), "https://app.example/cb?next=/app?&code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb??", "c", "s"), "https://app.example/cb??&code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb&", "c", "s"), "https://app.example/cb&?code=c&state=s");
    CHECK_TEXT(with("https://app.example/cb?x=a+b%20c%2Bd", "c", "s"),
               "https://app.example/cb?x=a+b%20c%2Bd&code=c&state=s");
    CHECK_TEXT(with("com.example.app:/cb", "c", "s"), "com.example.app:/cb?code=c&state=s");
    CHECK_TEXT(with("com.example.app:", "c", "s"), "com.example.app:?code=c&state=s");
}

static void test_with_values(void)
{
    CHECK_TEXT(with("https://a/cb", NULL, "s"), "https://a/cb?state=s"); /* none: left out */
    CHECK_TEXT(with("https://a/cb", "c", NULL), "https://a/cb?code=c");
    CHECK_TEXT(with("https://a/cb?x", NULL, "s"), "https://a/cb?x&state=s");
    CHECK_TEXT(with("https://a/cb?x", NULL, NULL), "https://a/cb?x");
    CHECK_TEXT(with("https://a/cb", "", ""), "https://a/cb?code=&state=");
    CHECK_TEXT(redirect_with(pool, SL("https://a/cb"), NULL, 0), "https://a/cb");
    CHECK_TEXT(with("https://a/cb", "a b+c&d=e#f?g%h", "\r\nLocation: x"),
               "https://a/cb?code=a%20b%2Bc%26d%3De%23f%3Fg%25h&state=%0D%0ALocation%3A%20x");
    CHECK_TEXT(with("https://a/cb", "{\"a\":1}", "\xc3\xbc"), "https://a/cb?code=%7B%22a%22%3A1%7D&state=%C3%BC");
    const struct redirect_param nul = { "state", SL("a\0b") };
    CHECK_TEXT(redirect_with(pool, SL("https://a/cb"), &nul, 1), "https://a/cb?state=a%00b");
}

static void test_with_limit(void)
{
    static const char head[] = "https://a/cb?state=";
    const size_t room = LOCATION_BYTES_MAX - (sizeof(head) - 1);
    char *value = pool_alloc(pool, room + 1);

    memset(value, 'x', room + 1);
    struct redirect_param state = { "state", slice_bytes(value, room) };
    CHECK_INT(redirect_with(pool, SL("https://a/cb"), &state, 1).n, LOCATION_BYTES_MAX);
    state.value = slice_bytes(value, room + 1);
    CHECK(slice_is_none(redirect_with(pool, SL("https://a/cb"), &state, 1)));
    value[0] = '&'; /* three bytes once it is escaped */
    state.value = slice_bytes(value, room - 2);
    CHECK_INT(redirect_with(pool, SL("https://a/cb"), &state, 1).n, LOCATION_BYTES_MAX);
    state.value = slice_bytes(value, room - 1);
    CHECK(slice_is_none(redirect_with(pool, SL("https://a/cb"), &state, 1)));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "what may be registered", test_registrable },
        { "refused: characters", test_refused_characters },
        { "refused: parts (RFC 6749 3.1.2)", test_refused_parts },
        { "refused: schemes that run, show or open something (security 18)", test_refused_schemes },
        { "kinds", test_kind },
        { "matching is equality of bytes (field 07, RFC 9700 4.1.3)", test_matches_bytes },
        { "the port of a loopback URI is free, and nothing else (RFC 8252 7.3)", test_matches_loopback_port },
        { "whose port is free", test_free_ports },
        { "the host, as a page names it", test_host },
        { "the origin, as a Content-Security-Policy names it", test_origin },
        { "what a consent binds", test_bound },
        { "the registered query is kept, with one separator (field 08)", test_with },
        { "values are escaped, none are left out", test_with_values },
        { "LOCATION_BYTES_MAX", test_with_limit },
    };

    pool = pool_create(POOL_BYTES);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
