/* The strict splitter: what is a part of a URI, and what is none. */
#include "uri.h"

#include <stdlib.h>

#include "tap.h"

static void note(struct slice text)
{
    printf("# of " SLICE_FMT "\n", SLICE_ARG(text));
}

static bool same(struct slice got, const char *want)
{
    return want == NULL ? slice_is_none(got) : !slice_is_none(got) && slice_eq(got, slice_of(want));
}

struct parts {
    struct slice text;
    const char *scheme, *host, *port, *path, *query; /* NULL: none */
};

static void check_parts(const struct parts *row)
{
    unsigned before = tap_failures;
    struct uri u;

    CHECK(uri_split(row->text, &u));
    if (tap_failures == before) {
        CHECK(same(u.scheme, row->scheme));
        CHECK(u.has_authority == (row->host != NULL));
        CHECK(slice_eq(u.host, slice_of(row->host)));
        CHECK(same(u.port, row->port));
        CHECK(same(u.path, row->path));
        CHECK(same(u.query, row->query));
        /* head [":" port] tail is the whole */
        size_t port_n = slice_is_none(u.port) ? 0 : 1 + u.port.n;
        CHECK_INT(u.head.n + port_n + u.tail.n, row->text.n);
        CHECK(u.head.p == row->text.p);
        CHECK(u.tail.p + u.tail.n == row->text.p + row->text.n);
    }
    if (tap_failures != before)
        note(row->text);
}

static void test_parts(void)
{
    static const struct parts rows[] = {
        { SL("https://app.example/cb"), "https", "app.example", NULL, "/cb", NULL },
        { SL("https://app.example"), "https", "app.example", NULL, "", NULL },
        { SL("https://app.example:8006"), "https", "app.example", "8006", "", NULL },
        { SL("https://app.example?a=b?c"), "https", "app.example", NULL, "", "a=b?c" },
        { SL("https://app.example/?"), "https", "app.example", NULL, "/", "" },
        { SL("HTTP://App.Example:1/a:b@c//d"), "HTTP", "App.Example", "1", "/a:b@c//d", NULL },
        { SL("http://[::1]:9000/cb?x"), "http", "[::1]", "9000", "/cb", "x" },
        { SL("http://[2001:db8::192.0.2.1]"), "http", "[2001:db8::192.0.2.1]", NULL, "", NULL },
        { SL("http://[::ffff:127.0.0.1]/"), "http", "[::ffff:127.0.0.1]", NULL, "/", NULL },
        { SL("http://127.0.0.1:0/"), "http", "127.0.0.1", "0", "/", NULL },
        { SL("https://a:65535"), "https", "a", "65535", "", NULL },
        { SL("https://a:00443"), "https", "a", "00443", "", NULL },
        { SL("https://a_b.c~d-e.example./"), "https", "a_b.c~d-e.example.", NULL, "/", NULL },
        { SL("https://3com.example/"), "https", "3com.example", NULL, "/", NULL },
        { SL("com.example.app:/cb"), "com.example.app", NULL, NULL, "/cb", NULL },
        { SL("com.example.app:cb?x"), "com.example.app", NULL, NULL, "cb", "x" },
        { SL("com.example.app:"), "com.example.app", NULL, NULL, "", NULL },
        { SL("app:///cb"), "app", "", NULL, "/cb", NULL },
        { SL("https:app.example"), "https", NULL, NULL, "app.example", NULL },
        { SL("a+b-c.1://h"), "a+b-c.1", "h", NULL, "", NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_parts(&rows[i]);
}

static void check_refused(const struct slice *rows, size_t n)
{
    struct uri u;

    for (size_t i = 0; i < n; i++) {
        unsigned before = tap_failures;
        CHECK(!uri_split(rows[i], &u));
        if (tap_failures != before)
            note(rows[i]);
    }
}

static void test_refused_authorities(void)
{
    static const struct slice rows[] = {
        SL("https://user@app.example/"),
        SL("https://user:word@app.example/"),
        SL("https://@app.example/"),
        SL("https://app.example@/"),
        SL("https://app.example:/"),
        SL("https://app.example:65536/"),
        SL("https://app.example:000443/"),
        SL("https://app.example:+443/"),
        SL("https://app.example:80a/"),
        SL("https://app.example: 80/"),
        SL("https://app.example:80:80/"),
        SL("https://app.example\\evil/"),
        SL("https://app.example\0.evil/"),
        SL("https://app%2eexample/"),
        SL("https://app.example%00/"),
        SL("https://app example/"),
        SL("https://app.example,evil/"),
        SL("https://app.example;evil/"),
        SL("https://app.example*/"),
        SL("https://m\xc3\xbcnchen.example/"),
        SL("https://::1/"),
        SL("https://[::1/"),
        SL("https://[::1]x/"),
        SL("https://[]/"),
        SL("https://[app.example]/"),
        SL("https://[fe80::1%25eth0]/"),
        SL("https://[fe80::1%eth0]/"),
        SL("https://[127.0.0.1]/"),
        SL("https://[127.0.0.1:80]/"), /* an address with a port, not an IPv6 address */
        SL("https://[[::1]:80]/"),
        SL("https://[::1:]/"),
    };

    check_refused(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_refused_numbers(void)
{
    static const struct slice rows[] = {
        SL("http://127.1/"),       SL("http://2130706433/"), SL("http://0x7f000001/"),
        SL("http://0177.0.0.1/"),  SL("http://127.0.0.01/"), SL("http://127.0.0.1./"),
        SL("http://0x7f.1/"),      SL("http://app.0X1/"),    SL("http://app.example.1/"),
        SL("http://127.0.0.256/"), SL("http://1.2.3/"),      SL("http://1.2.3.4.5/"),
        SL("http://0x/"),          SL("http://1/"),          SL("http://1./"),
    };

    check_refused(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_refused_schemes(void)
{
    static const struct slice rows[] = {
        SLICE_NONE,
        SL(""),
        SL(":"),
        SL("://app.example"),
        SL("app.example"),
        SL("/cb"),
        SL("//app.example/cb"),
        SL("1http://app.example"),
        SL("+http://app.example"),
        SL("ht_tp://app.example"),
        SL("ht tp://app.example"),
        SL(" http://app.example"),
        SL("ht\0tp://app.example"),
        SL("http\xef\xbc\x9a//app.example"),
        SL("%68ttp://app.example"),
        SL("a/b:c"),
        SL("a?b:c"),
    };

    check_refused(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_lengths(void)
{
    static const struct slice scheme_only = SL("x://");
    static char text[400];
    struct slice scheme;
    struct uri u;

    memset(text, 'a', sizeof(text));
    text[URI_SCHEME_BYTES_MAX] = ':';
    CHECK(uri_scheme(slice_bytes(text, URI_SCHEME_BYTES_MAX + 1), &scheme));
    CHECK_INT(scheme.n, URI_SCHEME_BYTES_MAX);
    text[URI_SCHEME_BYTES_MAX] = 'a';
    text[URI_SCHEME_BYTES_MAX + 1] = ':';
    CHECK(!uri_scheme(slice_bytes(text, URI_SCHEME_BYTES_MAX + 2), &scheme));
    memset(text, 'a', sizeof(text));
    memcpy(text, scheme_only.p, scheme_only.n);
    CHECK(uri_split(slice_bytes(text, 4 + URI_HOST_BYTES_MAX), &u));
    CHECK_INT(u.host.n, URI_HOST_BYTES_MAX);
    CHECK(!uri_split(slice_bytes(text, 4 + URI_HOST_BYTES_MAX + 1), &u));
}

/* Each in memory of its own length, so that a sanitizer sees a look past the end. */
static void test_every_cut(void)
{
    static const struct slice whole = SL("https://[2001:db8::1]:8443/a/b?c=d#e");
    struct uri u;

    for (size_t n = 0; n <= whole.n; n++) {
        char *exact = malloc(n + 1);
        if (exact == NULL)
            return;
        memcpy(exact + 1, whole.p, n);
        if (uri_split(slice_bytes(exact + 1, n), &u))
            CHECK_INT(u.scheme.n, 5);
        free(exact);
    }
}

static void test_web(void)
{
    struct uri u;

    CHECK(uri_split(SL("HtTp://h"), &u));
    CHECK(uri_is_http(&u) && uri_is_web(&u));
    CHECK(uri_split(SL("HTTPS://h"), &u));
    CHECK(!uri_is_http(&u) && uri_is_web(&u));
    CHECK(uri_split(SL("httpss://h"), &u));
    CHECK(!uri_is_http(&u) && !uri_is_web(&u));
}

static void test_ports(void)
{
    CHECK(uri_is_port(SL("0")));
    CHECK(uri_is_port(SL("65535")));
    CHECK(uri_is_port(SL("00080")));
    CHECK(!uri_is_port(SLICE_NONE));
    CHECK(!uri_is_port(SL("")));
    CHECK(!uri_is_port(SL("65536")));
    CHECK(!uri_is_port(SL("000080")));
    CHECK(!uri_is_port(SL("8 0")));
    CHECK(!uri_is_port(SL("-1")));
    CHECK(!uri_is_port(SL("8\0")));
}

static void check_hosts(const char *const *hosts, size_t n, bool is_loopback)
{
    for (size_t i = 0; i < n; i++) {
        if (uri_host_is_loopback(slice_of(hosts[i])) != is_loopback)
            note(slice_of(hosts[i]));
        CHECK(uri_host_is_loopback(slice_of(hosts[i])) == is_loopback);
    }
}

static void test_loopback(void)
{
    static const char *const loopback[] = {
        "localhost",       "LocalHost", "localhost.",        "app.localhost", "127.0.0.1", "127.0.0.1.",
        "127.255.255.254", "[::1]",     "[0:0:0:0:0:0:0:1]", "0.0.0.0",       "[::]",      "[::ffff:127.0.0.1]",
    };
    static const char *const remote[] = {
        "app.example", "localhost.example", "notlocalhost",      "128.0.0.1", "10.0.0.1", "100.64.0.1",
        "[::2]",       "[fe80::1]",         "127.0.0.1.example", "",          ".",        "::1",
        "127.1",
    };

    check_hosts(loopback, sizeof(loopback) / sizeof(loopback[0]), true);
    check_hosts(remote, sizeof(remote) / sizeof(remote[0]), false);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a URI comes apart into its parts", test_parts },
        { "user info, ports and hosts that are none", test_refused_authorities },
        { "hosts that browsers would read as an address", test_refused_numbers },
        { "no scheme (RFC 3986 3.1)", test_refused_schemes },
        { "URI_SCHEME_BYTES_MAX, URI_HOST_BYTES_MAX", test_lengths },
        { "cut anywhere", test_every_cut },
        { "http and https in any case", test_web },
        { "ports", test_ports },
        { "hosts that lead to the own machine (RFC 6761 6.3)", test_loopback },
    };

    return TAP_RUN(tests);
}
