/* The small readers that whois and status share. */
#include "node.h"
#include "tap.h"

static struct pool *pool;

static const struct json *value(const char *text)
{
    const struct json *root = NULL;

    CHECK_INT(json_parse(pool, pool_fmt(pool, "{\"v\":%s}", text), 65536, &root), ERR_OK);
    return json_member(root, "v");
}

static void test_time(void)
{
    CHECK_INT(node_time(value("\"2026-11-25T14:31:08Z\"")), 1795617068);
    CHECK_INT(node_time(value("\"2026-11-23T08:09:12.794642404Z\"")), 1795421352);
    CHECK_INT(node_time(value("\"2026-11-25T16:31:08+02:00\"")), 1795617068);
    CHECK_INT(node_time(value("\"2026-11-25T09:01:08-05:30\"")), 1795617068);
    CHECK_INT(node_time(value("\"1970-01-01T00:00:01Z\"")), 1);
}

static void test_time_that_is_none(void)
{
    static const char *const bad[] = { "null",
                                       "0",
                                       "\"\"",
                                       "\"0001-01-01T00:00:00Z\"",
                                       "\"2026-13-25T14:31:08Z\"",
                                       "\"2026-11-25T24:31:08Z\"",
                                       "\"2026-11-25T14:31:08\"",
                                       "\"2026-11-25 14:31:08Z\"",
                                       "\"2026-11-25T14:31:08Zx\"",
                                       "\"2026-11-25T14:31:08+2:00\"",
                                       "\"+026-11-25T14:31:08Z\"",
                                       "\"2026-11-25T14:31:08+24:00\"",
                                       "\"2026-00-25T14:31:08Z\"" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_INT(node_time(value(bad[i])), 0);
    CHECK_INT(node_time(NULL), 0);
}

static void test_name(void)
{
    CHECK_TEXT(node_name(pool, value("\"Alice.Tail.test.\"")), "alice.tail.test");
    CHECK(slice_is_none(node_name(pool, value("\".\""))));
    CHECK(slice_is_none(node_name(pool, value("\"a/b.ts.net\""))));
    CHECK(slice_is_none(node_name(pool, value("\"a@b\""))));
    CHECK(slice_is_none(node_name(pool, value("7"))));
}

static void test_stable_id(void)
{
    CHECK_TEXT(node_stable_id(value("\"nK8u2jC4zQ11CNTRL\"")), "nK8u2jC4zQ11CNTRL");
    CHECK(slice_is_none(node_stable_id(value("\"a b\""))));
    CHECK(slice_is_none(node_stable_id(value("\"\""))));
    CHECK(
        slice_is_none(node_stable_id(value("\"0123456789012345678901234567890123456789012345678901234567890123x\""))));
}

static void test_texts(void)
{
    struct slices got = node_texts(pool, value("[\"a\", 1, \"\", \"b\\u0007\", \"c\"]"));

    CHECK_INT(got.n, 2);
    CHECK_TEXT(got.at[0], "a");
    CHECK_TEXT(got.at[1], "c");
    CHECK_INT(node_texts(pool, value("null")).n, 0);
    CHECK_INT(node_texts(pool, value("\"a\"")).n, 0);
}

static void test_forbids(void)
{
    CHECK(!node_forbids(pool, NULL));
    CHECK(!node_forbids(pool, value("null")));
    CHECK(!node_forbids(pool, value("false")));
    CHECK(node_forbids(pool, value("true")));
    CHECK(node_forbids(pool, value("1")));
    CHECK(node_forbids(pool, value("\"false\"")));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "RFC 3339 times, with fractions and zones", test_time }, { "times that are none", test_time_that_is_none },
        { "names lose their dot and capitals", test_name },        { "StableIDs may be part of sub", test_stable_id },
        { "lists leave out what is no text", test_texts },         { "a flag of an odd form forbids", test_forbids },
    };

    pool = pool_create(1 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
