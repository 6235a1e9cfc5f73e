#include "json.h"

#include <string.h>

#include "tap.h"

static struct pool *pool;

static const struct json *parsed(struct slice text)
{
    const struct json *v = NULL;

    CHECK_INT(json_parse(pool, text, 100000, &v), ERR_OK);
    return v;
}

static void reads_values(void)
{
    const struct json *v = parsed(
        SL(" {\"t\":\"a\\u00e9\\n\",\"i\":-9223372036854775808,\"b\":true,\"l\":[1,\"x\"],\"n\":null,\"r\":1.0} "));
    struct slice text = SLICE_NONE;
    int64_t number = 0;
    bool truth = false;

    CHECK(json_is_object(v) && !json_is_array(v));
    CHECK_INT(json_count(v), 6);
    CHECK(json_text(json_member(v, "t"), &text));
    CHECK_TEXT(text, "a\xc3\xa9\n");
    CHECK(json_int(json_member(v, "i"), &number));
    CHECK(number == INT64_MIN);
    CHECK(json_bool(json_member(v, "b"), &truth) && truth);
    CHECK(!json_int(json_member(v, "r"), &number)); /* a real, though a whole one */
    CHECK(number == INT64_MIN);
    const struct json *list = json_member(v, "l");
    CHECK(json_is_array(list));
    CHECK_INT(json_count(list), 2);
    CHECK(json_text(json_item(list, 1), &text));
    CHECK_TEXT(text, "x");
    CHECK(json_item(list, 2) == NULL);
    CHECK(json_member(v, "none") == NULL);
}

static void other_kinds_answer_nothing(void)
{
    const struct json *v = parsed(SL("\"text\""));
    struct slice text = SL("kept");
    int64_t number = 7;
    bool truth = true;

    CHECK(!json_is_object(v) && !json_is_array(v));
    CHECK(!json_is_object(NULL) && !json_is_array(NULL));
    CHECK(json_member(v, "a") == NULL && json_member(NULL, "a") == NULL);
    CHECK(json_item(v, 0) == NULL && json_item(NULL, 0) == NULL);
    CHECK(json_member_at(v, 0, &text) == NULL && json_member_at(NULL, 0, &text) == NULL);
    CHECK_INT(json_count(v), 0);
    CHECK_INT(json_count(NULL), 0);
    CHECK(!json_int(v, &number) && !json_int(NULL, &number));
    CHECK(!json_bool(v, &truth) && !json_bool(NULL, &truth));
    CHECK(!json_text(NULL, &text) && !json_text(parsed(SL("1")), &text));
    CHECK(!json_bool(parsed(SL("1")), &truth) && !json_bool(parsed(SL("null")), &truth));
    CHECK_TEXT(text, "kept");
    CHECK_INT(number, 7);
    CHECK(truth);
}

static void members_keep_their_order(void)
{
    const struct json *v = parsed(SL("{\"z\":1,\"a\":2,\"m\":3}"));
    struct slice name = SLICE_NONE;
    int64_t number = 0;

    CHECK(json_int(json_member_at(v, 0, &name), &number));
    CHECK_TEXT(name, "z");
    CHECK(json_int(json_member_at(v, 2, &name), &number));
    CHECK_TEXT(name, "m");
    CHECK_INT(number, 3);
    CHECK(json_member_at(v, 3, &name) == NULL);
}

static void refuses(void)
{
    static const struct slice wrong[] = {
        SL(""),
        SL(" "),
        SL("{"),
        SL("{}x"),
        SL("{}{}"),
        SL("[1,]"),
        SL("{\"a\":1,}"),
        SL("{\"a\":1,\"a\":1}"),
        SL("{\"a\":1,\"\\u0061\":1}"),
        SL("\"\\u0000\""),
        SL("{\"\\u0000\":1}"),
        SL("\"a\nb\""),
        SL("\"\xff\""),
        SL("\"\\ud800\""),
        SL("'a'"),
        SL("{a:1}"),
        SL("NaN"),
        SL("01"),
        SL("+1"),
        SL("1."),
        SL("9223372036854775808"),
        SL("1e999"),
        SL("{}\0"),
        SL("\0"),
        SL("\xef\xbb\xbf{}"),
        SL("// c\n1"),
        SL("nul"),
    };
    const struct json *v = NULL;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK_TEXT(json_parse(pool, wrong[i], 1000, &v) == ERR_INPUT ? SL("refused") : wrong[i], "refused");
    CHECK_INT(json_parse(pool, SLICE_NONE, 1000, &v), ERR_INPUT);
    CHECK(v == NULL);
}

static struct slice nested(size_t depth, char open, const char *inside)
{
    struct buf b;

    buf_init(&b, pool, SIZE_MAX);
    for (size_t i = 0; i < depth; i++)
        buf_put(&b, open == '[' ? SL("[") : SL("{\"a\":"));
    buf_put(&b, slice_of(inside));
    for (size_t i = 0; i < depth; i++)
        buf_char(&b, open == '[' ? ']' : '}');
    return buf_finish(&b);
}

static void has_limits(void)
{
    const struct json *v = NULL;

    CHECK_INT(json_parse(pool, SL("[1]"), 3, &v), ERR_OK);
    CHECK_INT(json_parse(pool, SL("[1]"), 2, &v), ERR_LIMIT);
    CHECK_INT(json_parse(pool, nested(JSON_DEPTH_MAX, '[', "1"), 1000, &v), ERR_OK);
    CHECK_INT(json_parse(pool, nested(JSON_DEPTH_MAX + 1, '[', "1"), 1000, &v), ERR_LIMIT);
    CHECK_INT(json_parse(pool, nested(JSON_DEPTH_MAX, '{', "1"), 1000, &v), ERR_OK);
    CHECK_INT(json_parse(pool, nested(JSON_DEPTH_MAX + 1, '{', "1"), 1000, &v), ERR_LIMIT);
    CHECK_INT(json_parse(pool, nested(500000, '[', "1"), SIZE_MAX, &v), ERR_LIMIT);
    /* brackets in strings are no levels, and an escaped quote does not end one */
    CHECK_INT(json_parse(pool, nested(JSON_DEPTH_MAX, '[', "\"[[\\\"[[\\\\\""), 1000, &v), ERR_OK);
    CHECK_INT(json_parse(pool, nested(JSON_DEPTH_MAX, '[', "\"\\\\\",[1]"), 1000, &v), ERR_LIMIT);
}

static void dumps(void)
{
    static const struct slice texts[] = { SL("{\"z\":1,\"a\":[true,null,\"x\\\"y\"]}"), SL("\"a\""), SL("12"), SL("[]"),
                                          SL("1.5") };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK(slice_eq(json_dump(pool, parsed(texts[i])), texts[i]));
    CHECK(slice_is_none(json_dump(pool, NULL)));
}

struct record {
    struct slice name;
    int64_t age;
    bool ok;
    struct slices tags;
    const struct json *more;
};

static const struct json_field fields[] = {
    { "name", JSON_TEXT, true, 5, offsetof(struct record, name) },
    { "age", JSON_INT, false, 0, offsetof(struct record, age) },
    { "ok", JSON_BOOL, false, 0, offsetof(struct record, ok) },
    { "tags", JSON_TEXTS, false, 2, offsetof(struct record, tags) },
    { "more", JSON_VALUE, false, 0, offsetof(struct record, more) },
};

static enum err read_record(struct slice text, struct record *ret, const char **ret_bad)
{
    return json_read(pool, parsed(text), fields, sizeof(fields) / sizeof(fields[0]), ret, ret_bad);
}

static void reads_by_table(void)
{
    struct record r = { .age = 5, .ok = true };
    const char *bad = NULL;

    CHECK_INT(read_record(SL("{\"name\":\"bob\",\"tags\":[\"a\",\"b\"],\"more\":{\"x\":[]},\"age\":null,\"other\":1}"),
                          &r, &bad),
              ERR_OK);
    CHECK_TEXT(r.name, "bob");
    CHECK_INT(r.age, 5);
    CHECK(r.ok);
    CHECK_INT(r.tags.n, 2);
    CHECK_TEXT(r.tags.at[1], "b");
    CHECK(json_is_object(r.more));
    CHECK_INT(read_record(SL("{\"name\":\"abcde\",\"tags\":[]}"), &r, &bad), ERR_OK); /* just max */
    CHECK_TEXT(r.name, "abcde");
    CHECK_INT(read_record(SL("{\"name\":\"\",\"ok\":false,\"age\":9,\"tags\":[]}"), &r, &bad), ERR_OK);
    CHECK_TEXT(r.name, "");
    CHECK_INT(r.age, 9);
    CHECK(!r.ok);
    CHECK_INT(r.tags.n, 0);
    CHECK(bad == NULL);
}

static void names_what_is_bad(void)
{
    static const struct {
        struct slice text;
        enum err err;
        const char *bad;
    } rows[] = {
        { SL("[]"), ERR_INPUT, "" },
        { SL("{}"), ERR_INPUT, "name" },
        { SL("{\"name\":null}"), ERR_INPUT, "name" },
        { SL("{\"name\":1}"), ERR_INPUT, "name" },
        { SL("{\"name\":\"abcdef\"}"), ERR_LIMIT, "name" },
        { SL("{\"name\":\"a\",\"age\":1.5}"), ERR_INPUT, "age" },
        { SL("{\"name\":\"a\",\"age\":\"1\"}"), ERR_INPUT, "age" },
        { SL("{\"name\":\"a\",\"ok\":0}"), ERR_INPUT, "ok" },
        { SL("{\"name\":\"a\",\"tags\":\"a\"}"), ERR_INPUT, "tags" },
        { SL("{\"name\":\"a\",\"tags\":[1]}"), ERR_INPUT, "tags" },
        { SL("{\"name\":\"a\",\"tags\":[\"a\",\"b\",\"c\"]}"), ERR_LIMIT, "tags" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct record r = { .name = SL("kept"), .age = 5 };
        const char *bad = NULL;

        CHECK_INT(read_record(rows[i].text, &r, &bad), rows[i].err);
        CHECK_TEXT(slice_of(bad), rows[i].bad);
        CHECK_TEXT(r.name, "kept");
        CHECK_INT(r.age, 5);
    }
}

static void values_go_with_the_pool(void)
{
    struct pool_mark mark = pool_mark(pool);
    const struct json *v = NULL;

    /* a leak or a double free shows under ASan */
    for (int i = 0; i < 3; i++) {
        CHECK_INT(json_parse(pool, SL("{\"a\":[1,2,3]}"), 100, &v), ERR_OK);
        pool_rewind(pool, mark);
    }
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "reads values", reads_values },
        { "NULL and other kinds answer nothing", other_kinds_answer_nothing },
        { "members keep their order", members_keep_their_order },
        { "refuses what is not one JSON text, duplicates and U+0000 (RFC 8259)", refuses },
        { "has limits of size and depth", has_limits },
        { "dumps compact text", dumps },
        { "reads an object by a table", reads_by_table },
        { "names the bad member and leaves the target alone", names_what_is_bad },
        { "values go with the pool", values_go_with_the_pool },
    };

    pool = pool_create(1 << 20);
    int r = TAP_RUN(tests);
    pool_destroy(pool);
    return r;
}
