#include <stdlib.h>
#include <string.h>

#include "response.h"
#include "tap.h"

#define HEAD "HTTP/1.1 200 OK\r\n"

static struct pool *results;

struct row {
    const char *text;
    bool ended;
    enum response_next want;
};

static enum response_next read_exact(const char *text, size_t n, bool ended, struct response *ret,
                                     struct slice *ret_body)
{
    struct pool *p = pool_create(1 << 20);
    char *exact = malloc(n ? n : 1); /* so that a sanitizer sees a read past its end */
    struct response r;

    memcpy(exact, text, n);
    enum response_next next = response_read(slice_bytes(exact, n), ended, &r);
    if (next == RESPONSE_DONE) {
        struct slice body = response_body(p, &r);
        *ret_body = pool_dup(results, body);
        *ret = r;
    }
    free(exact);
    pool_destroy(p);
    return next;
}

static void check_body(const char *text, bool ended, const char *want, bool keep_alive)
{
    struct response r = { 0 };
    struct slice body = SLICE_NONE;

    CHECK_INT(read_exact(text, strlen(text), ended, &r, &body), RESPONSE_DONE);
    CHECK_TEXT(body, want);
    CHECK_INT(r.keep_alive, keep_alive);
    if (r.framed.p == NULL)
        printf("# %s\n", text);
}

static void bodies(void)
{
    check_body(HEAD "Content-Length: 5\r\n\r\nhello", false, "hello", true);
    check_body(HEAD "content-length:5\r\n\r\nhello", false, "hello", true);
    check_body(HEAD "Content-Length: 0\r\n\r\n", false, "", true);
    check_body("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, "", true);
    check_body("HTTP/1.1 204 No Content\r\n\r\n", false, "", true);
    check_body("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false, "", true);
    check_body("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", false, "no", true);
    check_body(HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", false,
               "abc0123456789", true);
    check_body(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, "", true);
    check_body(HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n000\r\nTrailer: x\r\n\r\n", false, "a", true);
    check_body(HEAD "\r\nall there is", true, "all there is", false);
    check_body(HEAD "Content-Length: 5\r\nConnection: close\r\n\r\nhello", false, "hello", false);
    check_body(HEAD "Content-Length: 5\r\nConnection: x, Close\r\n\r\nhello", false, "hello", false);
    check_body(HEAD "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", false, "hello", true);
    check_body(HEAD "Content-Length: 5\r\n\r\nhelloHTTP/1.1", false, "hello", false);
}

static void others(void)
{
    static const struct row rows[] = {
        { "", false, RESPONSE_MORE },
        { "", true, RESPONSE_MORE },
        { "HTT", false, RESPONSE_MORE },
        { HEAD, false, RESPONSE_MORE },
        { HEAD "Content-Length: 5\r\n\r\nhell", false, RESPONSE_MORE },
        { HEAD "Content-Length: 5\r\n\r\nhell", true, RESPONSE_MORE },
        { HEAD "\r\nhello", false, RESPONSE_MORE },
        { HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nab", false, RESPONSE_MORE },
        { HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", false, RESPONSE_MORE },
        { HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", true, RESPONSE_MORE },
        { "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false, RESPONSE_BAD },
        { "HTTP/1.1 100 Continue\r\n\r\n", false, RESPONSE_BAD },
        { "HTTP/1.1 20 OK\r\n\r\n", false, RESPONSE_BAD },
        { "HTTP/1.1 2000 OK\r\n\r\n", false, RESPONSE_BAD },
        { "HTTP/1.1 2x0 OK\r\n\r\n", false, RESPONSE_BAD },
        { "HTTP/1.1 200 OK\nContent-Length: 0\n\n", false, RESPONSE_BAD },
        { "220 mail.example ESMTP\r\n", false, RESPONSE_BAD },
        { "\n", false, RESPONSE_BAD },
        { HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", false, RESPONSE_BAD },
        { HEAD "Content-Length: -5\r\n\r\nhello", false, RESPONSE_BAD },
        { HEAD "Content-Length: many\r\n\r\n", false, RESPONSE_BAD },
        { HEAD "Content-Length: 99999999999999999999\r\n\r\n", false, RESPONSE_BAD },
        { HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, RESPONSE_BAD },
        { HEAD "Transfer-Encoding: gzip\r\n\r\n", false, RESPONSE_BAD },
        { HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, RESPONSE_BAD },
        { HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", false, RESPONSE_BAD },
        { HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n", false, RESPONSE_BAD },
        { HEAD "Transfer-Encoding: chunked\r\n\r\n123456789\r\n", false, RESPONSE_BAD },
        { HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", false, RESPONSE_BAD },
        { HEAD "No colon\r\n\r\n", false, RESPONSE_BAD },
        { HEAD ": no name\r\n\r\n", false, RESPONSE_BAD },
        { HEAD "Content-Length : 5\r\n\r\nhello", false, RESPONSE_BAD },
        { HEAD " folded\r\n\r\n", false, RESPONSE_BAD },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct response r;
        struct slice body;
        enum response_next got = read_exact(rows[i].text, strlen(rows[i].text), rows[i].ended, &r, &body);

        if (got != rows[i].want)
            printf("# row %zu: %s\n", i, rows[i].text);
        CHECK_INT(got, rows[i].want);
    }
}

static void a_head_has_a_limit(void)
{
    char *text = malloc(RESPONSE_HEAD_BYTES_MAX + 1);
    int n = sprintf(text, HEAD "X: ");
    struct response r;
    struct slice body;

    memset(text + n, 'x', RESPONSE_HEAD_BYTES_MAX + 1 - (size_t)n);
    CHECK_INT(read_exact(text, RESPONSE_HEAD_BYTES_MAX - 1, false, &r, &body), RESPONSE_MORE);
    CHECK_INT(read_exact(text, RESPONSE_HEAD_BYTES_MAX + 1, false, &r, &body), RESPONSE_BAD);
    free(text);
}

/* Whatever way it is cut, what came before is never mistaken for the whole. */
static void pieces(void)
{
    static const char text[] = HEAD "Date: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
    struct response r;
    struct slice body;

    for (size_t n = 0; n < sizeof(text) - 1; n++)
        CHECK_INT(read_exact(text, n, false, &r, &body), RESPONSE_MORE);
    check_body(text, false, "abcdef", true);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "bodies by length, chunks and end (RFC 9112 section 6.3)", bodies },
        { "what is not complete, and what is wrong", others },
        { "a head has a limit", a_head_has_a_limit },
        { "pieces", pieces },
    };

    results = pool_create(1 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(results);
    return status;
}
