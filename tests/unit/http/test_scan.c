#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "tap.h"

struct row {
    const char *name;
    struct slice head;
    enum scan want;
};

/* Literals with their true length: some hold a NUL. */
#define ROW(name, text, want)                         \
    {                                                 \
        (name), { "" text, sizeof(text) - 1 }, (want) \
    }
/* One request line, one Host value, one more header or several. */
#define LINE(line)    line "\r\nHost: a\r\n\r\n"
#define NAMED(host)   "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define WITH(headers) "GET / HTTP/1.1\r\nHost: a\r\n" headers "\r\n"

static const struct row request_lines[] = {
    ROW("GET /", LINE("GET / HTTP/1.1"), SCAN_OK),
    ROW("POST", LINE("POST /token HTTP/1.1"), SCAN_OK),
    ROW("HEAD", LINE("HEAD / HTTP/1.1"), SCAN_OK),
    ROW("a method nobody knows", LINE("BREW / HTTP/1.1"), SCAN_OK),
    ROW("method in lower case", LINE("get / HTTP/1.1"), SCAN_OK),
    ROW("method with token marks", LINE("M-SEARCH / HTTP/1.1"), SCAN_OK),
    ROW("method of 16", LINE("ABCDEFGHIJKLMNOP / HTTP/1.1"), SCAN_OK),
    ROW("method of 17", LINE("ABCDEFGHIJKLMNOPQ / HTTP/1.1"), SCAN_LINE),
    ROW("no method", LINE(" / HTTP/1.1"), SCAN_LINE),
    ROW("method with a slash", LINE("GE/T / HTTP/1.1"), SCAN_LINE),
    ROW("method with a colon", LINE("GET: / HTTP/1.1"), SCAN_LINE),
    ROW("method with a high byte", LINE("G\xc3\x89T / HTTP/1.1"), SCAN_LINE),
    ROW("method with a NUL", LINE("GE\0T / HTTP/1.1"), SCAN_LINE),
    ROW("tab after the method", LINE("GET\t/ HTTP/1.1"), SCAN_LINE),
    ROW("two blanks after the method", LINE("GET  / HTTP/1.1"), SCAN_LINE),
    ROW("a blank before the method", LINE(" GET / HTTP/1.1"), SCAN_LINE),
    ROW("two blanks before the version", LINE("GET /  HTTP/1.1"), SCAN_LINE),
    ROW("a tab before the version", LINE("GET /\tHTTP/1.1"), SCAN_LINE),
    ROW("a blank at the end", LINE("GET / HTTP/1.1 "), SCAN_LINE),
    ROW("path and query", LINE("GET /authorize?a=b&c=%20d HTTP/1.1"), SCAN_OK),
    ROW("two question marks", LINE("GET /a?b?c HTTP/1.1"), SCAN_OK),
    ROW("an empty query", LINE("GET /? HTTP/1.1"), SCAN_OK),
    ROW("a path with dots", LINE("GET /a/../b HTTP/1.1"), SCAN_OK),
    ROW("a path of two slashes", LINE("GET //evil/ HTTP/1.1"), SCAN_OK),
    ROW("all printable marks", LINE("GET /!\"$%&'()*+,-.:;<=>?@[\\]^_`{|}~ HTTP/1.1"), SCAN_OK),
    ROW("a blank in the path", LINE("GET /a b HTTP/1.1"), SCAN_LINE),
    ROW("a fragment", LINE("GET /a#b HTTP/1.1"), SCAN_LINE),
    ROW("a fragment in the query", LINE("GET /a?b#c HTTP/1.1"), SCAN_LINE),
    ROW("a high byte in the path", LINE("GET /\xc3\xa4 HTTP/1.1"), SCAN_LINE),
    ROW("a NUL in the path", LINE("GET /a\0b HTTP/1.1"), SCAN_LINE),
    ROW("DEL in the path", LINE("GET /a\x7f HTTP/1.1"), SCAN_LINE),
    ROW("a control character in the path", LINE("GET /a\x1b[0m HTTP/1.1"), SCAN_LINE),
    ROW("CR in the path", LINE("GET /a\rb HTTP/1.1"), SCAN_LINE),
    ROW("LF in the path", LINE("GET /a\nb HTTP/1.1"), SCAN_LINE),
    ROW("no target", LINE("GET HTTP/1.1"), SCAN_LINE),
    ROW("an empty target", LINE("GET  HTTP/1.1"), SCAN_LINE),
    ROW("absolute-form", LINE("GET http://a/ HTTP/1.1"), SCAN_LINE),
    ROW("absolute-form, https", LINE("GET https://evil/ HTTP/1.1"), SCAN_LINE),
    ROW("authority-form", LINE("CONNECT a:443 HTTP/1.1"), SCAN_LINE),
    ROW("asterisk-form", LINE("OPTIONS * HTTP/1.1"), SCAN_LINE),
    ROW("OPTIONS of a path", LINE("OPTIONS /token HTTP/1.1"), SCAN_OK),
    ROW("a relative path", LINE("GET a HTTP/1.1"), SCAN_LINE),
    ROW("a query alone", LINE("GET ?a HTTP/1.1"), SCAN_LINE),
    ROW("HTTP/1.0", LINE("GET / HTTP/1.0"), SCAN_VERSION),
    ROW("HTTP/1.2", LINE("GET / HTTP/1.2"), SCAN_VERSION),
    ROW("HTTP/2.0", LINE("GET / HTTP/2.0"), SCAN_VERSION),
    ROW("HTTP/0.9", LINE("GET / HTTP/0.9"), SCAN_VERSION),
    ROW("the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SCAN_VERSION),
    ROW("HTTP/1.10", LINE("GET / HTTP/1.10"), SCAN_LINE),
    ROW("HTTP/1", LINE("GET / HTTP/1"), SCAN_LINE),
    ROW("HTTP/11", LINE("GET / HTTP/111"), SCAN_LINE),
    ROW("http/1.1", LINE("GET / http/1.1"), SCAN_LINE),
    ROW("HTTPS/1.1", LINE("GET / HTTPS/1.1"), SCAN_LINE),
    ROW("HTTP/1.x", LINE("GET / HTTP/1.x"), SCAN_LINE),
    ROW("no version, as in HTTP/0.9", "GET /\r\n", SCAN_LINE),
    ROW("a response", "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n", SCAN_LINE),
    ROW("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00", SCAN_LINE),
    ROW("nothing", "", SCAN_LINE),
    ROW("one empty line before", "\r\n" LINE("GET / HTTP/1.1"), SCAN_OK),
    ROW("two empty lines before", "\r\n\r\n" LINE("GET / HTTP/1.1"), SCAN_LINE),
    ROW("a bare LF before", "\n" LINE("GET / HTTP/1.1"), SCAN_LINE),
};

static const struct row line_ends[] = {
    ROW("LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", SCAN_LINE_END),
    ROW("CR ends the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n", SCAN_LINE_END),
    ROW("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", SCAN_LINE_END),
    ROW("LF ends a header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", SCAN_LINE_END),
    ROW("CR ends a header", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", SCAN_LINE_END),
    ROW("CR within a value", WITH("X: a\rb\r\n"), SCAN_LINE_END),
    ROW("LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", SCAN_LINE_END),
    ROW("CR ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\rX", SCAN_LINE_END),
    ROW("LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", SCAN_LINE_END),
    ROW("cut within a name", "GET / HTTP/1.1\r\nHo", SCAN_LINE_END),
    ROW("cut within a value", "GET / HTTP/1.1\r\nHost: a", SCAN_LINE_END),
    ROW("cut before the empty line", "GET / HTTP/1.1\r\nHost: a\r\n", SCAN_LINE_END),
    ROW("cut within the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r", SCAN_LINE_END),
    ROW("folded with a blank", WITH("X: a\r\n b\r\n"), SCAN_FOLDED),
    ROW("folded with a tab", WITH("X: a\r\n\tb\r\n"), SCAN_FOLDED),
    ROW("folded Host", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", SCAN_HOST),
    ROW("a blank before the first name", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", SCAN_FOLDED),
    ROW("a line of one blank", WITH(" \r\n"), SCAN_FOLDED),
};

static const struct row headers[] = {
    ROW("an unknown header", WITH("X-Whatever: 1\r\n"), SCAN_OK),
    ROW("no blank after the colon", WITH("X:1\r\n"), SCAN_OK),
    ROW("blanks around the value", WITH("X: \t 1 \t\r\n"), SCAN_OK),
    ROW("an empty value", WITH("X:\r\n"), SCAN_OK),
    ROW("a tab within the value", WITH("X: a\tb\r\n"), SCAN_OK),
    ROW("obs-text in the value", WITH("X: caf\xe9\r\n"), SCAN_OK),
    ROW("UTF-8 in the value", WITH("X: caf\xc3\xa9\r\n"), SCAN_OK),
    ROW("token marks in the name", WITH("!#$%&'*+-.^_`|~09az: x\r\n"), SCAN_OK),
    ROW("cookie twice", WITH("Cookie: a=1\r\nCookie: b=2\r\n"), SCAN_OK),
    ROW("accept twice", WITH("Accept: a\r\nAccept: b\r\n"), SCAN_OK),
    ROW("no name", WITH(": a\r\n"), SCAN_HEADER),
    ROW("no colon", WITH("X\r\n"), SCAN_LINE_END),
    ROW("a blank before the colon", WITH("X : a\r\n"), SCAN_HEADER),
    ROW("a tab before the colon", WITH("X\t: a\r\n"), SCAN_HEADER),
    ROW("a blank within the name", WITH("X Y: a\r\n"), SCAN_HEADER),
    ROW("a slash within the name", WITH("X/Y: a\r\n"), SCAN_HEADER),
    ROW("a high byte within the name", WITH("X\xe9: a\r\n"), SCAN_HEADER),
    ROW("a NUL within the name", WITH("X\0Y: a\r\n"), SCAN_HEADER),
    ROW("a NUL within the value", WITH("X: a\0b\r\n"), SCAN_HEADER),
    ROW("DEL within the value", WITH("X: a\x7f\r\n"), SCAN_HEADER),
    ROW("ESC within the value", WITH("X: \x1b[2J\r\n"), SCAN_HEADER),
    ROW("a vertical tab in the value", WITH("X: a\vb\r\n"), SCAN_HEADER),
    ROW("authorization once", WITH("Authorization: Bearer x\r\n"), SCAN_OK),
    ROW("authorization twice", WITH("Authorization: Bearer x\r\nauthorization: Basic y\r\n"), SCAN_TWICE),
    ROW("content-type twice", WITH("Content-Type: a/b\r\nContent-type: a/b\r\n"), SCAN_TWICE),
    ROW("origin twice", WITH("Origin: a\r\nOrigin: b\r\n"), SCAN_TWICE),
    ROW("dpop twice", WITH("DPoP: a\r\ndpop: b\r\n"), SCAN_TWICE),
    ROW("sec-fetch-site twice", WITH("Sec-Fetch-Site: none\r\nSec-Fetch-Site: none\r\n"), SCAN_TWICE),
    ROW("sec-fetch-dest twice", WITH("Sec-Fetch-Dest: a\r\nSec-Fetch-Dest: b\r\n"), SCAN_TWICE),
    ROW("sec-fetch-mode twice", WITH("Sec-Fetch-Mode: a\r\nX: y\r\nSEC-FETCH-MODE: b\r\n"), SCAN_TWICE),
    ROW("expect 100-continue", WITH("Expect: 100-continue\r\n"), SCAN_OK),
    ROW("expect in capitals", WITH("Expect: 100-Continue\r\n"), SCAN_OK),
    ROW("expect something else", WITH("Expect: tea\r\n"), SCAN_UPGRADE),
    ROW("upgrade to h2c", WITH("Connection: Upgrade\r\nUpgrade: h2c\r\n"), SCAN_UPGRADE),
    ROW("upgrade to a web socket", WITH("Upgrade: websocket\r\n"), SCAN_UPGRADE),
};

static const struct row hosts[] = {
    ROW("a name", NAMED("idp.example.ts.net"), SCAN_OK),
    ROW("name and port", NAMED("localhost:9080"), SCAN_OK),
    ROW("IPv4", NAMED("127.0.0.1:80"), SCAN_OK),
    ROW("IPv6", NAMED("[::1]"), SCAN_OK),
    ROW("IPv6 and port", NAMED("[fd7a:115c:a1e0::1]:443"), SCAN_OK),
    ROW("IPv6 with IPv4 in it", NAMED("[::ffff:127.0.0.1]:443"), SCAN_OK),
    ROW("capitals", NAMED("IDP.Example.TS.net"), SCAN_OK),
    ROW("blanks around", NAMED(" \ta\t "), SCAN_OK),
    ROW("name in lower case, as libh2o leaves it", "GET / HTTP/1.1\r\nhost: a\r\n\r\n", SCAN_OK),
    ROW("none", "GET / HTTP/1.1\r\nX: a\r\n\r\n", SCAN_HOST),
    ROW("none, no headers at all", "GET / HTTP/1.1\r\n\r\n", SCAN_HOST),
    ROW("empty", NAMED(""), SCAN_HOST),
    ROW("two", WITH("Host: b\r\n"), SCAN_HOST),
    ROW("two that are the same", WITH("host: a\r\n"), SCAN_HOST),
    ROW("two in one line", NAMED("a, b"), SCAN_HOST),
    ROW("a blank within", NAMED("a b"), SCAN_HOST),
    ROW("user information", NAMED("user@a"), SCAN_HOST),
    ROW("a scheme", NAMED("http://a"), SCAN_HOST),
    ROW("a path", NAMED("a/b"), SCAN_HOST),
    ROW("a backslash", NAMED("a\\b"), SCAN_HOST),
    ROW("an escape", NAMED("a%2eb"), SCAN_HOST),
    ROW("an underscore", NAMED("a_b"), SCAN_HOST),
    ROW("a high byte", NAMED("\xc3\xa4"), SCAN_HOST),
    ROW("an asterisk", NAMED("*.a"), SCAN_HOST),
    ROW("no port after the colon", NAMED("a:"), SCAN_HOST),
    ROW("port alone", NAMED(":80"), SCAN_HOST),
    ROW("port with letters", NAMED("a:8o"), SCAN_HOST),
    ROW("port too large", NAMED("a:65536"), SCAN_HOST),
    ROW("port too long", NAMED("a:000080"), SCAN_HOST),
    ROW("two ports", NAMED("a:80:90"), SCAN_HOST),
    ROW("IPv6 without brackets", NAMED("::1"), SCAN_HOST),
    ROW("IPv6, bracket left open", NAMED("[::1"), SCAN_HOST),
    ROW("IPv6, empty", NAMED("[]"), SCAN_HOST),
    ROW("IPv6, text after it", NAMED("[::1]x"), SCAN_HOST),
    ROW("IPv6 with a zone", NAMED("[fe80::1%25eth0]"), SCAN_HOST),
};

static const struct row bodies[] = {
    ROW("length", WITH("Content-Length: 5\r\n") "hello", SCAN_OK),
    ROW("length 0", WITH("Content-Length: 0\r\n"), SCAN_OK),
    ROW("length of 19 digits", WITH("Content-Length: 9999999999999999999\r\n"), SCAN_OK),
    ROW("length of 20 digits", WITH("Content-Length: 18446744073709551615\r\n"), SCAN_LENGTH),
    ROW("length past 64 bits", WITH("Content-Length: 18446744073709551616\r\n"), SCAN_LENGTH),
    ROW("length twice", WITH("Content-Length: 5\r\nContent-Length: 6\r\n"), SCAN_LENGTH),
    ROW("length twice, the same", WITH("Content-Length: 5\r\nContent-Length: 5\r\n"), SCAN_LENGTH),
    ROW("length twice in one line", WITH("Content-Length: 5, 5\r\n"), SCAN_LENGTH),
    ROW("length empty", WITH("Content-Length:\r\n"), SCAN_LENGTH),
    ROW("length with a sign", WITH("Content-Length: +5\r\n"), SCAN_LENGTH),
    ROW("length negative", WITH("Content-Length: -1\r\n"), SCAN_LENGTH),
    ROW("length hexadecimal", WITH("Content-Length: 0x5\r\n"), SCAN_LENGTH),
    ROW("length with a leading zero", WITH("Content-Length: 05\r\n"), SCAN_LENGTH),
    ROW("length with a fraction", WITH("Content-Length: 5.0\r\n"), SCAN_LENGTH),
    ROW("length with a blank within", WITH("Content-Length: 1 0\r\n"), SCAN_LENGTH),
    ROW("length with letters", WITH("Content-Length: 5a\r\n"), SCAN_LENGTH),
    ROW("chunked", WITH("Transfer-Encoding: chunked\r\n"), SCAN_OK),
    ROW("chunked in capitals", WITH("Transfer-Encoding: Chunked\r\n"), SCAN_OK),
    ROW("chunked twice", WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), SCAN_ENCODING),
    ROW("chunked twice in one line", WITH("Transfer-Encoding: chunked, chunked\r\n"), SCAN_ENCODING),
    ROW("gzip, chunked", WITH("Transfer-Encoding: gzip, chunked\r\n"), SCAN_ENCODING),
    ROW("identity", WITH("Transfer-Encoding: identity\r\n"), SCAN_ENCODING),
    ROW("an encoding with a parameter", WITH("Transfer-Encoding: chunked;q=1\r\n"), SCAN_ENCODING),
    ROW("an encoding nobody knows", WITH("Transfer-Encoding: xchunked\r\n"), SCAN_ENCODING),
    ROW("an empty encoding", WITH("Transfer-Encoding:\r\n"), SCAN_ENCODING),
    ROW("encoding, then length", WITH("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), SCAN_LENGTH),
    ROW("length, then encoding", WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), SCAN_LENGTH),
    ROW("length 0 beside encoding", WITH("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), SCAN_LENGTH),
    ROW("an encoding hidden by a control character", WITH("Transfer-Encoding: \vchunked\r\n"), SCAN_HEADER),
    ROW("an encoding hidden by a blank", WITH("Transfer-Encoding : chunked\r\n"), SCAN_HEADER),
    ROW("an underscore is another header", WITH("Transfer_Encoding: chunked\r\n"), SCAN_OK),
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct scan_head head;
        /* an exact copy, so that a sanitizer sees a read past its end */
        char *exact = malloc(rows[i].head.n ? rows[i].head.n : 1);

        memcpy(exact, rows[i].head.p, rows[i].head.n);
        enum scan got = scan_head(slice_bytes(exact, rows[i].head.n), &head);
        if (got != rows[i].want)
            printf("# row: %s\n", rows[i].name);
        CHECK_INT(got, rows[i].want);
        free(exact);
    }
}

#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

static void request_line(void)
{
    CHECK_ROWS(request_lines);
}

static void line_end(void)
{
    CHECK_ROWS(line_ends);
}

static void header(void)
{
    CHECK_ROWS(headers);
}

static void host(void)
{
    CHECK_ROWS(hosts);
}

static void body(void)
{
    CHECK_ROWS(bodies);
}

static void what_it_finds(void)
{
    struct slice text =
        SL("POST /token?x=y HTTP/1.1\r\nAccept: */*\r\nHost:  idp.example:8443 \r\nContent-Length: 42\r\n\r\nrest");
    struct scan_head h;

    CHECK_INT(scan_head(text, &h), SCAN_OK);
    CHECK_TEXT(h.method, "POST");
    CHECK_TEXT(h.target, "/token?x=y");
    CHECK_TEXT(h.host, "idp.example:8443");
    CHECK(h.has_body && !h.chunked);
    CHECK_INT(h.content_length, 42);
    CHECK_INT(h.bytes, text.n - 4);

    CHECK_INT(scan_head(SL("\r\n" WITH("transfer-encoding: chunked\r\n") "0\r\n"), &h), SCAN_OK);
    CHECK(h.has_body && h.chunked);
    CHECK_INT(h.content_length, 0);
    CHECK_INT(h.bytes, 2 + sizeof(WITH("transfer-encoding: chunked\r\n")) - 1);

    CHECK_INT(scan_head(SL(WITH("content-length: 0\r\n")), &h), SCAN_OK);
    CHECK(!h.has_body);
}

static void untouched_by_a_refusal(void)
{
    struct scan_head h = { .bytes = 77 };

    CHECK_INT(scan_head(SL("GET / HTTP/1.0\r\n\r\n"), &h), SCAN_VERSION);
    CHECK_INT(h.bytes, 77);
}

/* A head with a target of so many bytes, one header of so many, and so many short ones. */
static enum scan scan_sized(size_t target, size_t value, unsigned lines)
{
    size_t size = target + value + (size_t)lines * 6 + 100;
    char *text = malloc(size);
    char *at = text + sprintf(text, "GET /");
    struct scan_head h;

    memset(at, 'a', target - 1);
    at += target - 1;
    at += sprintf(at, " HTTP/1.1\r\nHost: a\r\n");
    if (value != 0) {
        at += sprintf(at, "X: ");
        memset(at, 'v', value);
        at += value;
        at += sprintf(at, "\r\n");
    }
    for (unsigned i = 0; i < lines; i++)
        at += sprintf(at, "Y: z\r\n");
    at += sprintf(at, "\r\n");
    enum scan s = scan_head(slice_bytes(text, (size_t)(at - text)), &h);
    free(text);
    return s;
}

static void limits(void)
{
    CHECK_INT(scan_sized(TARGET_BYTES_MAX, 0, 0), SCAN_OK);
    CHECK_INT(scan_sized(TARGET_BYTES_MAX + 1, 0, 0), SCAN_URL_TOO_LONG);
    CHECK_INT(scan_sized((size_t)HEAD_BYTES_MAX * 2, 0, 0), SCAN_URL_TOO_LONG);
    CHECK_INT(scan_sized(1, 0, HEAD_LINES_MAX - 1), SCAN_OK);
    CHECK_INT(scan_sized(1, 0, HEAD_LINES_MAX), SCAN_TOO_LARGE);
    /* "GET / HTTP/1.1", Host, "X: " and line ends: 16 + 9 + 5 + 2 */
    CHECK_INT(scan_sized(1, HEAD_BYTES_MAX - 32, 0), SCAN_OK);
    CHECK_INT(scan_sized(1, HEAD_BYTES_MAX - 31, 0), SCAN_TOO_LARGE);
    CHECK_INT(scan_sized(1, HEAD_BYTES_MAX - 30, 0), SCAN_TOO_LARGE);
    CHECK_INT(scan_sized(1, (size_t)HEAD_BYTES_MAX * 3, 0), SCAN_TOO_LARGE);
}

static void every_refusal_has_words_and_a_status(void)
{
    for (unsigned i = 1; i < SCAN_COUNT; i++) {
        struct slice text = slice_of(scan_text((enum scan)i));
        int status = scan_status((enum scan)i);

        CHECK(text.n > 10 && !slice_has(text, '"') && !slice_has(text, '\\'));
        CHECK(status == 400 || status == 414 || status == 431 || status == 505);
    }
    CHECK_INT(scan_status(SCAN_VERSION), 505);
    CHECK_INT(scan_status(SCAN_URL_TOO_LONG), 414);
    CHECK_INT(scan_status(SCAN_TOO_LARGE), 431);
    CHECK_INT(scan_status(SCAN_HOST), 400);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "request lines (RFC 9112 section 3)", request_line },
        { "line ends and folding (RFC 9112 sections 2.2, 5.2)", line_end },
        { "headers (RFC 9110 section 5)", header },
        { "Host (RFC 9112 section 3.2)", host },
        { "Content-Length and Transfer-Encoding (RFC 9112 section 6)", body },
        { "what it finds", what_it_finds },
        { "a refusal leaves the result alone", untouched_by_a_refusal },
        { "limits", limits },
        { "every refusal has words and a status", every_refusal_has_words_and_a_status },
    };

    return TAP_RUN(tests);
}
