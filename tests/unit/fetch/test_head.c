/* Media types and freshness as servers write them. */
#include "head.h"

#include <string.h>

#include "fetch_message.h"
#include "tap.h"

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static struct pool *pool;
static struct head head;

static void read_lines(const char *const *lines)
{
    head_begin(&head);
    for (; *lines != NULL; lines++)
        CHECK(head_line(&head, pool, slice_of(*lines)));
}

#define READ(...) read_lines((const char *const[]){ "HTTP/1.1 200 OK\r\n", __VA_ARGS__, "\r\n", NULL })

static void types(void)
{
    static const struct {
        const char *value, *type;
        bool json;
    } rows[] = {
        { "application/json", "application/json", true },
        { " Application/JSON ; charset=utf-8", "application/json", true },
        { "application/jwk-set+json", "application/jwk-set+json", true },
        { "application/cimd+JSON;x", "application/cimd+json", true },
        { "text/html", "text/html", false },
        { "application/jsonp", "application/jsonp", false },
        { "application/json-seq", "application/json-seq", false },
        { "text/json", "text/json", false },
        { "application", NULL, false },
        { "application/", NULL, false },
        { "/json", NULL, false },
        { "application/json, text/html", NULL, false },
        { "application/json/x", NULL, false },
        { "", NULL, false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        READ(slice_cstr(pool, pool_fmt(pool, "content-TYPE:%s\r\n", rows[i].value)));
        if (rows[i].type != NULL)
            CHECK_TEXT(head.type, rows[i].type);
        else
            CHECK(slice_is_none(head.type));
        CHECK_INT(head_is_json(&head), rows[i].json);
    }
    READ("Content-Type: application/json\r\n", "Content-Type: application/json\r\n");
    CHECK(slice_is_none(head.type)); /* two are none */
    READ("X: y\r\n");
    CHECK(!head_is_json(&head));
}

static void fresh(int64_t want, const char *const *lines)
{
    read_lines(lines);
    CHECK_INT(head_fresh_s(&head, NOW), want);
}

#define FRESH(want, ...) fresh((want), (const char *const[]){ "HTTP/1.1 200 OK", __VA_ARGS__, NULL })

static void freshness(void)
{
    FRESH(-1, "X: y");
    FRESH(300, "Cache-Control: max-age=300");
    FRESH(300, "cache-control: public, MAX-AGE=\"300\" , immutable");
    FRESH(200, "Cache-Control: max-age=300", "Age: 100");
    FRESH(0, "Cache-Control: max-age=300", "Age: 400");
    FRESH(60, "Cache-Control: max-age=300", "Cache-Control: max-age=60");
    FRESH(0, "Cache-Control: max-age=300, no-store");
    FRESH(0, "Cache-Control: no-cache");
    FRESH(0, "Cache-Control: no-cache=\"x\"");
    FRESH(0, "Cache-Control: max-age=many");
    FRESH(0, "Cache-Control: max-age");
    FRESH(0, "Cache-Control: max-age=-1");
    FRESH(0, "Cache-Control: max-age=300", "Age: old");
    FRESH(-1, "Cache-Control: private, max-stale=5, xmax-age=5");
    FRESH(FETCH_FRESH_S_MAX, "Cache-Control: max-age=99999999999999999999999999");
}

static void expires(void)
{
    FRESH(60, "Expires: Sun, 06 Nov 1994 08:50:37 GMT");
    FRESH(120, "Expires: Sun, 06 Nov 1994 08:50:37 GMT", "Date: Sun, 06 Nov 1994 08:48:37 GMT");
    FRESH(0, "Expires: Sun, 06 Nov 1994 08:48:37 GMT");
    FRESH(0, "Expires: 0");
    FRESH(0, "Expires: Sunday, 06-Nov-94 08:50:37 GMT");
    FRESH(0, "Expires: Sun, 06 Nov 1994 08:50:37 CET");
    FRESH(5, "Expires: 0", "Cache-Control: max-age=5"); /* RFC 9111 5.3: max-age wins */
}

/* An interim answer says nothing of the document. */
static void interim(void)
{
    static const char *const lines[] = { "HTTP/1.1 103 Early Hints\r\n",
                                         "Content-Type: text/html\r\n",
                                         "Cache-Control: no-store\r\n",
                                         "\r\n",
                                         "HTTP/1.1 200 OK\r\n",
                                         "Content-Type: application/json\r\n",
                                         "\r\n",
                                         NULL };

    read_lines(lines);
    CHECK_TEXT(head.type, "application/json");
    CHECK_INT(head_fresh_s(&head, NOW), -1);
}

static void location(void)
{
    READ("Location:  https://other.example/x \r\n");
    CHECK_TEXT(head.location, "https://other.example/x");
}

static void too_large(void)
{
    char line[1024];
    unsigned n = 0;

    memset(line, 'x', sizeof(line));
    head_begin(&head);
    while (head_line(&head, pool, slice_bytes(line, sizeof(line))))
        CHECK(++n <= FETCH_HEAD_BYTES_MAX / sizeof(line));
    CHECK_INT(n, FETCH_HEAD_BYTES_MAX / sizeof(line));
    CHECK(!head_line(&head, pool, SL("HTTP/1.1 200 OK\r\n"))); /* all heads together */
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "media types", types }, { "how long it is good", freshness },
        { "Expires", expires },   { "an interim answer", interim },
        { "Location", location }, { "heads that are too large", too_large },
    };

    pool = pool_create(1 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
