#include "buf.h"

#include <string.h>

#include "tap.h"

#define CAP (1 << 20)

static struct pool *pool;
static struct buf b;

static void start(size_t max)
{
    pool_destroy(pool);
    pool = pool_create(CAP);
    buf_init(&b, pool, max);
}

static void writes_pieces(void)
{
    start(1000);
    buf_put(&b, SL("ab"));
    buf_put(&b, SLICE_NONE);
    buf_put(&b, SL(""));
    buf_char(&b, '\0');
    buf_u64(&b, 0);
    buf_u64(&b, UINT64_MAX);
    buf_char(&b, ' ');
    buf_i64(&b, INT64_MIN);
    buf_i64(&b, INT64_MAX);
    buf_i64(&b, -1);
    struct slice got = buf_finish(&b);
    CHECK(slice_eq(got, SL("ab\0"
                           "018446744073709551615 -92233720368547758089223372036854775807-1")));
}

static void writes_nothing(void)
{
    start(0);
    CHECK_TEXT(buf_finish(&b), "");
    buf_char(&b, 'a');
    CHECK(slice_is_none(buf_finish(&b)));
}

static void grows(void)
{
    start(SIZE_MAX);
    for (unsigned i = 0; i < 100000; i++) {
        buf_char(&b, (char)('a' + i % 26));
        if (i % 1000 == 0)
            (void)pool_alloc(pool, 1); /* not the newest block now and then */
    }
    struct slice got = buf_finish(&b);
    CHECK_INT(got.n, 100000);
    bool same = true;
    for (unsigned i = 0; i < got.n; i++)
        same = same && got.p[i] == (char)('a' + i % 26);
    CHECK(same);
    CHECK(pool_used(pool) < 500000); /* amortised, not copied for each byte */
}

static void gives_back_what_is_spare(void)
{
    start(SIZE_MAX);
    buf_put(&b, SL("abc"));
    (void)buf_finish(&b);
    CHECK_INT(pool_used(pool), 16);
    (void)pool_alloc(pool, 16);
    buf_put(&b, SL("defghijklmnopqrst"));
    CHECK_TEXT(buf_finish(&b), "abcdefghijklmnopqrst");
}

static void takes_no_more_than_max(void)
{
    start(10);
    buf_char(&b, 'a');
    CHECK_INT(pool_used(pool), 16);
    start(768);
    buf_fmt(&b, "%*d", 256, 1);
    CHECK_INT(pool_used(pool), 256);
    buf_char(&b, 'a');
    CHECK_INT(pool_used(pool), 512); /* doubled */
    buf_fmt(&b, "%*d", 256, 1);
    CHECK_INT(pool_used(pool), 768);
    start(SIZE_MAX);
    buf_fmt(&b, "%*d", 3000, 1);
    CHECK_INT(buf_finish(&b).n, 3000);
}

static void overflow_is_sticky(void)
{
    start(5);
    buf_put(&b, SL("abc"));
    buf_put(&b, SL("def"));
    buf_char(&b, 'x'); /* would fit */
    CHECK(b.over);
    CHECK(slice_is_none(buf_finish(&b)));

    start(5);
    buf_put(&b, SL("abcde"));
    CHECK_TEXT(buf_finish(&b), "abcde");

    start(300); /* past the first size, short of its double */
    for (int i = 0; i < 300; i++)
        buf_char(&b, 'a');
    CHECK_INT(buf_finish(&b).n, 300);
    buf_char(&b, 'a');
    CHECK(slice_is_none(buf_finish(&b)));
}

static void writes_into_fixed_memory(void)
{
    char memory[4];

    buf_init_fixed(&b, memory, sizeof(memory));
    buf_put(&b, SL("abcd"));
    CHECK_TEXT(buf_finish(&b), "abcd");
    CHECK(b.p == memory);
    buf_char(&b, 'e');
    CHECK(slice_is_none(buf_finish(&b)));
}

static void formats(void)
{
    start(400);
    buf_fmt(&b, "%d-%s", 5, "x");
    CHECK_TEXT(buf_finish(&b), "5-x");
    for (int n = 120; n < 135; n++) {
        start(400);
        buf_char(&b, '<');
        buf_fmt(&b, "%*d", n, 7);
        buf_char(&b, '>');
        struct slice got = buf_finish(&b);
        CHECK_INT(got.n, n + 2);
        CHECK(got.p[n] == '7' && got.p[n + 1] == '>');
    }
    start(200);
    buf_fmt(&b, "%*d", 200, 7); /* exactly max: the NUL that vsnprintf writes does not count */
    CHECK_INT(buf_finish(&b).n, 200);
    start(199);
    buf_fmt(&b, "%*d", 200, 7);
    CHECK(slice_is_none(buf_finish(&b)));
}

static struct slice base64url(struct slice bytes)
{
    start(1000);
    buf_base64url(&b, bytes);
    return buf_finish(&b);
}

static void base64url_is_rfc4648(void)
{
    CHECK_TEXT(base64url(SL("")), "");
    CHECK_TEXT(base64url(SL("f")), "Zg"); /* RFC 4648 section 10 */
    CHECK_TEXT(base64url(SL("fo")), "Zm8");
    CHECK_TEXT(base64url(SL("foo")), "Zm9v");
    CHECK_TEXT(base64url(SL("foob")), "Zm9vYg");
    CHECK_TEXT(base64url(SL("fooba")), "Zm9vYmE");
    CHECK_TEXT(base64url(SL("foobar")), "Zm9vYmFy");
    CHECK_TEXT(base64url(SL("\xfb\xff\xbf\x00")), "-_-_AA");
    start(3);
    buf_base64url(&b, SL("foo"));
    CHECK(slice_is_none(buf_finish(&b)));
}

static void percent_keeps_unreserved(void)
{
    start(1000);
    buf_percent(&b, SL("aZ09-._~ +/%&=?#\"\xc3\xa9\0"));
    CHECK_TEXT(buf_finish(&b), "aZ09-._~%20%2B%2F%25%26%3D%3F%23%22%C3%A9%00");
}

static void html_is_escaped(void)
{
    start(1000);
    buf_html(&b, SL("<a href=\"x\">'&amp;' \xc3\xa9</a>"));
    CHECK_TEXT(buf_finish(&b), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39; \xc3\xa9&lt;/a&gt;");
    start(1000);
    buf_html(&b, SLICE_NONE);
    CHECK_TEXT(buf_finish(&b), "");
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "writes pieces and numbers", writes_pieces },
        { "an untouched buffer is empty, not absent", writes_nothing },
        { "grows amortised", grows },
        { "gives back what is spare and can go on", gives_back_what_is_spare },
        { "takes no more than it needs or max", takes_no_more_than_max },
        { "overflow is sticky", overflow_is_sticky },
        { "writes into fixed memory", writes_into_fixed_memory },
        { "formats", formats },
        { "base64url is that of RFC 4648", base64url_is_rfc4648 },
        { "percent encoding keeps unreserved characters (RFC 3986 section 2.3)", percent_keeps_unreserved },
        { "HTML is escaped", html_is_escaped },
    };
    int r = TAP_RUN(tests);

    pool_destroy(pool);
    return r;
}
