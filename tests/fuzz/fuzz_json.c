/* The JSON reader and writer: what is read is shallow and clean, its text reads the same again, and whatever is
 * written is JSON. */
#include <assert.h>

#include "encode.h"
#include "json.h"

#define POOL_CAP   (1 << 24)
#define TEXT_BYTES 4096
#define NAME_BYTES 5
#define TAGS_MAX   3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct record {
    struct slice name;
    int64_t age;
    struct slices tags;
    const struct json *more;
    bool ok;
};

static const struct json_field fields[] = {
    { "a", JSON_TEXT, true, NAME_BYTES, offsetof(struct record, name) },
    { "b", JSON_INT, false, 0, offsetof(struct record, age) },
    { "c", JSON_BOOL, false, 0, offsetof(struct record, ok) },
    { "d", JSON_TEXTS, false, TAGS_MAX, offsetof(struct record, tags) },
    { "e", JSON_VALUE, false, 0, offsetof(struct record, more) },
};

static void check_text(struct slice s)
{
    assert(utf8_is_valid(s) && !slice_has(s, '\0'));
}

static void walk(const struct json *v, unsigned depth)
{
    struct slice text = SLICE_NONE, name = SL("");
    int64_t number;
    bool truth;

    assert(depth <= JSON_DEPTH_MAX);
    if (json_text(v, &text))
        check_text(text);
    (void)json_int(v, &number);
    (void)json_bool(v, &truth);
    for (size_t i = 0; i < json_count(v); i++) {
        const struct json *inner = json_is_array(v) ? json_item(v, i) : json_member_at(v, i, &name);

        assert(inner != NULL);
        check_text(name);
        walk(inner, depth + 1);
    }
}

static void check_table(struct pool *p, const struct json *v)
{
    struct record r = { .age = 7 };
    const char *bad = NULL;
    enum err e = json_read(p, v, fields, sizeof(fields) / sizeof(fields[0]), &r, &bad);

    if (e) {
        assert(bad != NULL && slice_is_none(r.name) && r.age == 7 && r.more == NULL);
        return;
    }
    assert(!slice_is_none(r.name) && r.name.n <= NAME_BYTES);
    assert(r.tags.n <= TAGS_MAX);
    for (size_t i = 0; i < r.tags.n; i++)
        check_text(r.tags.at[i]);
}

static void check_reads_back(struct pool *p, const struct json *v)
{
    struct slice text = json_dump(p, v);
    const struct json *again = NULL;
    struct json_writer w;
    struct buf b;

    assert(json_parse(p, text, SIZE_MAX, &again) == ERR_OK);
    assert(slice_eq(json_dump(p, again), text));
    buf_init(&b, p, SIZE_MAX);
    jw_init(&w, &b);
    jw_json(&w, SLICE_NONE, v);
    assert(slice_eq(jw_finish(&w), text));
}

/* Any bytes, as a name and as a value. */
static void check_writer(struct pool *p, struct slice bytes)
{
    const struct json *v = NULL;
    struct slice name = SLICE_NONE, value = SLICE_NONE;
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, SIZE_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_json(&w, bytes, NULL);
    jw_text(&w, "text of the same", bytes);
    jw_object_end(&w);
    struct slice text = jw_finish(&w);
    assert(text_is_printable(text));
    if (slice_has(bytes, '\0') || slice_eq(bytes, SL("text of the same")))
        return; /* U+0000 is written, but our reader refuses it */
    assert(json_parse(p, text, SIZE_MAX, &v) == ERR_OK);
    (void)json_member_at(v, 0, &name);
    assert(json_text(json_member(v, "text of the same"), &value));
    assert(slice_eq(name, value));
    assert(!utf8_is_valid(bytes) || slice_eq(value, bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *p = pool_create(POOL_CAP);
    struct slice input = size == 0 ? SL("") : slice_bytes(data, size);
    const struct json *v = NULL;
    enum err e = json_parse(p, input, TEXT_BYTES, &v);

    assert(e == ERR_OK || e == ERR_INPUT || e == ERR_LIMIT);
    assert((e == ERR_OK) == (v != NULL));
    if (e == ERR_OK) {
        walk(v, 0);
        check_table(p, v);
        check_reads_back(p, v);
    }
    check_writer(p, input);
    pool_destroy(p);
    return 0;
}
