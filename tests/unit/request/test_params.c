/* Parameters by a table. RFC 6749 3.1, 3.2: at most once, in query and body together; empty is absent; unknown ones are ignored. */
#include "params.h"

#include <string.h>

#include "buf.h"
#include "tap.h"

#define POOL_BYTES (1UL << 20)

struct fields {
    struct slice one, digits;
    struct slices many;
};

static bool are_digits(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
    return true;
}

#define AT(member) offsetof(struct fields, member)

static const struct param rows[] = {
    { "one", 8, NULL, false, AT(one) },
    { "digits", 4, are_digits, false, AT(digits) },
    { "many", 4, NULL, true, AT(many) },
};

static const struct param_table anywhere = { rows, 3, sizeof(struct fields), false },
                                body_only = { rows, 3, sizeof(struct fields), true };

static struct pool *pool;
static struct fields fields;
static struct params_fault fault;

static void read_as(const struct param_table *table, struct slice query, struct slice body)
{
    memset(&fields, 0, sizeof(fields));
    params_read(pool, table, query, body, &fields, &fault);
}

static void read_query(const char *query)
{
    read_as(&anywhere, slice_of(query), SLICE_NONE);
}

static void check_fault(enum fault_kind kind, const char *name)
{
    CHECK_INT(fault.kind, kind);
    if (name == NULL)
        CHECK(fault.name == NULL);
    else
        CHECK_TEXT(slice_of(fault.name), name);
}

static void test_values(void)
{
    read_query("one=a%20b&digits=12&many=x&other=y");
    check_fault(FAULT_NONE, NULL);
    CHECK_TEXT(fields.one, "a b");
    CHECK_TEXT(fields.digits, "12");
    CHECK_INT(fields.many.n, 1);
    CHECK_TEXT(fields.many.at[0], "x");
    read_query("on%65=1"); /* names are decoded, too */
    CHECK_TEXT(fields.one, "1");
    read_query("One=1&one%20=2&ne=3&onee=4&=5");
    check_fault(FAULT_NONE, NULL);
    CHECK(slice_is_none(fields.one));
}

static void test_absent(void)
{
    read_as(&anywhere, SLICE_NONE, SLICE_NONE);
    check_fault(FAULT_NONE, NULL);
    CHECK(slice_is_none(fields.one));
    CHECK_INT(fields.many.n, 0);
    read_query("");
    check_fault(FAULT_NONE, NULL);
    read_query("one=&digits=&many=&many=");
    check_fault(FAULT_NONE, NULL);
    CHECK(slice_is_none(fields.one));
    CHECK(slice_is_none(fields.digits)); /* the validator is not asked about nothing */
    CHECK_INT(fields.many.n, 0);
    read_query("one&digits");
    check_fault(FAULT_NONE, NULL);
    CHECK(slice_is_none(fields.one));
}

static void test_twice(void)
{
    static const char *const texts[] = { "one=a&one=b", "one=a&one=a", "one=&one=",
                                         "one=a&one=",  "one&one=a",   "one=a&digits=1&on%65=b" };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        read_query(texts[i]);
        check_fault(FAULT_TWICE, "one");
        CHECK(slice_is_none(fields.one)); /* neither: two readers might take one each */
    }
    read_query("one=a&one=b&one=c");
    CHECK(slice_is_none(fields.one));
    read_as(&anywhere, SL("one=a"), SL("one=b"));
    check_fault(FAULT_TWICE, "one");
    CHECK(slice_is_none(fields.one));
    read_query("other=1&other=2");
    check_fault(FAULT_NONE, NULL);
}

static void test_repeatable(void)
{
    struct buf b;

    buf_init(&b, pool, 1024);
    read_as(&anywhere, SL("many=a&many=b"), SL("many=c"));
    check_fault(FAULT_NONE, NULL);
    CHECK_INT(fields.many.n, 3);
    CHECK_TEXT(fields.many.at[0], "a");
    CHECK_TEXT(fields.many.at[2], "c");
    for (unsigned i = 0; i < PARAM_REPEATS_MAX; i++)
        buf_put(&b, SL("&many=x"));
    read_as(&anywhere, buf_finish(&b), SLICE_NONE);
    check_fault(FAULT_NONE, NULL);
    CHECK_INT(fields.many.n, PARAM_REPEATS_MAX);
    buf_put(&b, SL("&many=x"));
    read_as(&anywhere, buf_finish(&b), SLICE_NONE);
    check_fault(FAULT_TOO_MANY, "many");
    CHECK_INT(fields.many.n, PARAM_REPEATS_MAX);
}

static void test_too_long(void)
{
    read_query("one=12345678");
    check_fault(FAULT_NONE, NULL);
    CHECK_INT(fields.one.n, 8);
    read_query("one=123456789");
    check_fault(FAULT_TOO_LONG, "one");
    CHECK(slice_is_none(fields.one));
    read_query("one=%31%32%33%34%35%36%37%38"); /* what counts is what it says */
    check_fault(FAULT_NONE, NULL);
    read_query("many=1&many=12345&many=2");
    check_fault(FAULT_TOO_LONG, "many");
    CHECK_INT(fields.many.n, 2);
}

static void test_invalid(void)
{
    read_query("digits=1a");
    check_fault(FAULT_INVALID, "digits");
    CHECK(slice_is_none(fields.digits));
    read_query("digits=12345"); /* its length comes first */
    check_fault(FAULT_TOO_LONG, "digits");
}

/* RFC 6749 3.2: what is secret never stands in a URL. */
static void test_body_only(void)
{
    read_as(&body_only, SL("one=a"), SL("digits=1"));
    check_fault(FAULT_IN_QUERY, "one");
    CHECK(slice_is_none(fields.one));
    CHECK_TEXT(fields.digits, "1");
    read_as(&body_only, SL("one=a"), SL("one=b"));
    check_fault(FAULT_IN_QUERY, "one");
    CHECK(slice_is_none(fields.one));
    read_as(&body_only, SL("one="), SL("digits=1"));
    check_fault(FAULT_IN_QUERY, "one");
    read_as(&body_only, SL("other=a"), SL("one=b"));
    check_fault(FAULT_NONE, NULL);
    CHECK_TEXT(fields.one, "b");
}

static void test_malformed(void)
{
    static const char *const texts[] = { "one=%",   "one=%4", "one=%zz",  "one=%00",
                                         "one=%ff", "%zz=1",  "one=\xc3", "other=%" };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        read_query(texts[i]);
        check_fault(FAULT_MALFORMED, NULL);
        CHECK(slice_is_none(fields.one));
    }
    read_query("one=%C3%BC");
    check_fault(FAULT_NONE, NULL);
    CHECK_TEXT(fields.one, "\xc3\xbc");
}

static void test_too_many(void)
{
    struct buf b;

    buf_init(&b, pool, 4096);
    for (unsigned i = 0; i + 1 < PARAM_PAIRS_MAX; i++)
        buf_put(&b, SL("a=b&"));
    struct slice text = buf_finish(&b);
    read_as(&anywhere, text, SL("one=x"));
    check_fault(FAULT_NONE, NULL);
    CHECK_TEXT(fields.one, "x");
    read_as(&anywhere, text, SL("a=b&one=x"));
    check_fault(FAULT_TOO_MANY, NULL);
    CHECK(slice_is_none(fields.one));
}

static void test_first_fault(void)
{
    read_query("digits=a&one=123456789&digits=b");
    check_fault(FAULT_INVALID, "digits");
    read_query("one=123456789&digits=a&x=%");
    check_fault(FAULT_TOO_LONG, "one");
}

/* One sentence each, for people. */
static void test_hints(void)
{
    static const struct params_fault faults[] = {
        { FAULT_MALFORMED, NULL }, { FAULT_TOO_MANY, NULL },    { FAULT_TOO_MANY, "many" }, { FAULT_TWICE, "one" },
        { FAULT_TOO_LONG, "one" }, { FAULT_INVALID, "digits" }, { FAULT_IN_QUERY, "one" },
    };

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        const char *hint = fault_hint(pool, &faults[i]);
        CHECK(slice_starts(slice_of(hint), SL("T")) && slice_ends(slice_of(hint), SL(".")));
        if (hint != NULL && faults[i].name != NULL)
            CHECK(strstr(hint, faults[i].name) != NULL);
    }
    CHECK_TEXT(slice_of(fault_hint(pool, &faults[3])), "The parameter one is repeated.");
    for (unsigned k = 0; k < FAULT_COUNT; k++)
        CHECK(fault_text((enum fault_kind)k) != NULL);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "values are decoded, others ignored", test_values },
        { "empty is absent", test_absent },
        { "a parameter comes once, in query and body together", test_twice },
        { "but for repeatable ones", test_repeatable },
        { "too long", test_too_long },
        { "not of the required form", test_invalid },
        { "in the body alone", test_body_only },
        { "broken escapes, NUL, no UTF-8", test_malformed },
        { "too many", test_too_many },
        { "the first fault stays", test_first_fault },
        { "hints are sentences", test_hints },
    };

    pool = pool_create(POOL_BYTES);
    int failed = TAP_RUN(tests);
    pool_destroy(pool);
    return failed;
}
