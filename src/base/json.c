/* JSON in, over jansson, which stops here: struct json is json_t under another name. Nesting is counted before jansson
 * sees the text, as its parser, and whoever walks or dumps the value, recurses. */
#include "json.h"

#include <pthread.h>
#include <string.h>

#include <jansson.h>
#undef json_is_object
#undef json_is_array

static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void seed(void)
{
    json_object_seed(0);
}

static const json_t *inner(const struct json *v)
{
    return (const json_t *)(const void *)v;
}

static const struct json *outer(const json_t *v)
{
    return (const struct json *)(const void *)v;
}

static void drop(void *object)
{
    json_decref(object);
}

/* Right up to the first error of syntax, where jansson stops anyway. */
static bool is_too_deep(struct slice text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '"')
            in_string = !in_string;
        else if (in_string)
            i += c == '\\';
        else if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        if (depth > JSON_DEPTH_MAX)
            return true;
    }
    return false;
}

enum err json_parse(struct pool *p, struct slice text, size_t max_bytes, const struct json **ret)
{
    json_error_t error;

    if (text.n > max_bytes || is_too_deep(text))
        return ERR_LIMIT;
    (void)pthread_once(&seeded, seed);
    json_t *v =
        slice_is_none(text) ? NULL : json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (v == NULL)
        return ERR_INPUT;
    pool_defer(p, v, drop);
    *ret = outer(v);
    return ERR_OK;
}

bool json_is_object(const struct json *v)
{
    return v != NULL && json_typeof(inner(v)) == JSON_OBJECT;
}

bool json_is_array(const struct json *v)
{
    return v != NULL && json_typeof(inner(v)) == JSON_ARRAY;
}

const struct json *json_member(const struct json *object, const char *name)
{
    return outer(json_object_get(inner(object), name));
}

size_t json_count(const struct json *v)
{
    return json_is_object(v) ? json_object_size(inner(v)) : json_array_size(inner(v));
}

const struct json *json_item(const struct json *array, size_t i)
{
    return outer(json_array_get(inner(array), i));
}

const struct json *json_member_at(const struct json *object, size_t i, struct slice *ret_name)
{
    /* jansson's iterators also serve changing an object, so they want it writable */
    json_t *o = (json_t *)(uintptr_t)inner(object);
    void *at = json_object_iter(o);

    while (at != NULL && i-- > 0)
        at = json_object_iter_next(o, at);
    if (at == NULL)
        return NULL;
    *ret_name = slice_bytes(json_object_iter_key(at), json_object_iter_key_len(at));
    return outer(json_object_iter_value(at));
}

bool json_text(const struct json *v, struct slice *ret)
{
    const char *text = json_string_value(inner(v));

    if (text == NULL)
        return false;
    *ret = slice_bytes(text, json_string_length(inner(v)));
    return true;
}

bool json_int(const struct json *v, int64_t *ret)
{
    if (v == NULL || json_typeof(inner(v)) != JSON_INTEGER)
        return false;
    *ret = json_integer_value(inner(v));
    return true;
}

bool json_bool(const struct json *v, bool *ret)
{
    if (v == NULL || (json_typeof(inner(v)) != JSON_TRUE && json_typeof(inner(v)) != JSON_FALSE))
        return false;
    *ret = json_typeof(inner(v)) == JSON_TRUE;
    return true;
}

#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

struct slice json_dump(struct pool *p, const struct json *v)
{
    size_t n = v == NULL ? 0 : json_dumpb(inner(v), NULL, 0, DUMP_FLAGS);

    if (n == 0)
        return SLICE_NONE;
    char *text = pool_alloc(p, n);
    (void)json_dumpb(inner(v), text, n, DUMP_FLAGS);
    return slice_bytes(text, n);
}

static int put(const char *text, size_t n, void *buf)
{
    buf_put(buf, slice_bytes(text, n));
    return 0;
}

void json_put(struct buf *b, const struct json *v)
{
    if (v == NULL)
        buf_put(b, SL("null"));
    else if (json_dump_callback(inner(v), put, b, DUMP_FLAGS) != 0)
        b->over = true;
}

static bool is_absent(const struct json *v)
{
    return v == NULL || json_typeof(inner(v)) == JSON_NULL;
}

static enum err check_texts(const struct json *v, size_t max)
{
    struct slice text;

    if (!json_is_array(v))
        return ERR_INPUT;
    if (json_count(v) > max)
        return ERR_LIMIT;
    for (size_t i = 0; i < json_count(v); i++)
        if (!json_text(json_item(v, i), &text))
            return ERR_INPUT;
    return ERR_OK;
}

static enum err check(const struct json *v, const struct json_field *f)
{
    struct slice text;
    int64_t number;
    bool truth;

    if (is_absent(v))
        return f->required ? ERR_INPUT : ERR_OK;
    switch (f->kind) {
    case JSON_TEXT:
        if (!json_text(v, &text))
            return ERR_INPUT;
        return text.n > f->max ? ERR_LIMIT : ERR_OK;
    case JSON_INT: return json_int(v, &number) ? ERR_OK : ERR_INPUT;
    case JSON_BOOL: return json_bool(v, &truth) ? ERR_OK : ERR_INPUT;
    case JSON_TEXTS: return check_texts(v, f->max);
    case JSON_VALUE: return ERR_OK;
    }
    return ERR_INPUT;
}

static struct slices take_texts(struct pool *p, const struct json *v)
{
    size_t n = json_count(v);
    struct slice *at = pool_alloc(p, n * sizeof(*at));

    for (size_t i = 0; i < n; i++)
        (void)json_text(json_item(v, i), &at[i]);
    return (struct slices){ at, n };
}

static void take(struct pool *p, const struct json *v, enum json_kind kind, void *target)
{
    switch (kind) {
    case JSON_TEXT: (void)json_text(v, target); break;
    case JSON_INT: (void)json_int(v, target); break;
    case JSON_BOOL: (void)json_bool(v, target); break;
    case JSON_TEXTS: *(struct slices *)target = take_texts(p, v); break;
    case JSON_VALUE: *(const struct json **)target = v; break;
    }
}

enum err json_read(struct pool *p, const struct json *object, const struct json_field *fields, size_t n, void *ret,
                   const char **ret_bad)
{
    if (!json_is_object(object)) {
        *ret_bad = "";
        return ERR_INPUT;
    }
    for (size_t i = 0; i < n; i++) {
        enum err e = check(json_member(object, fields[i].name), &fields[i]);

        if (e) {
            *ret_bad = fields[i].name;
            return e;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const struct json *v = json_member(object, fields[i].name);

        if (!is_absent(v))
            take(p, v, fields[i].kind, (char *)ret + fields[i].offset);
    }
    return ERR_OK;
}
