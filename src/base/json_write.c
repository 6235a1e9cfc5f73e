/* JSON out. Whatever bytes come in, valid JSON in valid UTF-8 goes out, on one line and without a control character. */
#include <assert.h>

#include "encode.h"
#include "json.h"

#define LEVELS_MAX 63 /* a bit each */

/* Bytes that stand for themselves in a string: ASCII but controls, quote and backslash. */
static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Is one of these eight bytes c? Exact as long as none of them has its high bit set. */
static uint64_t has_byte(uint64_t word, unsigned char c)
{
    uint64_t zero_where_c = word ^ EACH(c);

    return (zero_where_c - EACH(0x01)) & EACH(0x80);
}

static bool is_all_plain(uint64_t word)
{
    uint64_t high = word & EACH(0x80), low = (word - EACH(0x20)) & EACH(0x80);

    return (high | low | has_byte(word, '"') | has_byte(word, '\\') | has_byte(word, 0x7f)) == 0;
}

static uint64_t load8(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

static uint64_t load4(const char *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

/* Most texts are plain from end to end, and short: eight bytes at a time, the last eight overlapping. May say no for
 * one that is. */
static bool looks_plain(struct slice s)
{
    if (s.n < 4) {
        for (size_t i = 0; i < s.n; i++)
            if (!is_plain(s.p[i]))
                return false;
        return true;
    }
    if (s.n < 8)
        return is_all_plain(load4(s.p) | load4(s.p + s.n - 4) << 32);
    for (size_t at = 0; at + 8 < s.n; at += 8)
        if (!is_all_plain(load8(s.p + at)))
            return false;
    return is_all_plain(load8(s.p + s.n - 8));
}

static void put_control(struct buf *b, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    switch (c) {
    case '\n': buf_put(b, SL("\\n")); break;
    case '\r': buf_put(b, SL("\\r")); break;
    case '\t': buf_put(b, SL("\\t")); break;
    default: buf_put(b, slice_bytes((const char[]){ '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] }, 6)); break;
    }
}

/* Writes the character at the front of s, which is not plain; how many bytes it was. */
static size_t put_special(struct buf *b, struct slice s)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = utf8_first(s);

    if (n == 0) {
        buf_put(b, SL("\xef\xbf\xbd"));
        return 1;
    }
    if (c == '"' || c == '\\') {
        buf_put(b, slice_bytes((const char[]){ '\\', (char)c }, 2));
    } else if (n == 1) {
        put_control(b, c);
    } else if (c == 0xc2 && (unsigned char)s.p[1] < 0xa0) {
        put_control(b, (unsigned char)s.p[1]); /* C1: U+0080 to U+009F */
    } else {
        buf_put(b, slice_head(s, n));
    }
    return n;
}

static void put_escaped(struct buf *b, struct slice s)
{
    buf_char(b, '"');
    while (s.n > 0) {
        size_t n = 0;

        while (n < s.n && is_plain(s.p[n]))
            n++;
        buf_put(b, slice_head(s, n));
        s = slice_from(s, n);
        if (s.n > 0)
            s = slice_from(s, put_special(b, s));
    }
    buf_char(b, '"');
}

static void put_string(struct buf *b, struct slice s)
{
    char *to;

    if (!looks_plain(s)) {
        put_escaped(b, s);
        return;
    }
    to = buf_extend(b, s.n + 2);
    if (to == NULL)
        return;
    to[0] = '"';
    if (s.n > 0)
        memcpy(to + 1, s.p, s.n);
    to[s.n + 1] = '"';
}

/* What precedes a value: the comma and, in an object, the name. */
static void begin(struct json_writer *w, struct slice name)
{
    uint64_t level = UINT64_C(1) << w->depth;

    assert(slice_is_none(name) == ((w->object & level) == 0));
    if (w->any & level)
        buf_char(w->buf, ',');
    w->any |= level;
    if (slice_is_none(name))
        return;
    put_string(w->buf, name);
    buf_char(w->buf, ':');
}

static void enter(struct json_writer *w, const char *name, bool object)
{
    begin(w, slice_of(name));
    assert(w->depth < LEVELS_MAX);
    w->depth++;
    uint64_t level = UINT64_C(1) << w->depth;
    w->any &= ~level;
    w->object = object ? w->object | level : w->object & ~level;
    buf_char(w->buf, object ? '{' : '[');
}

static void leave(struct json_writer *w, bool object)
{
    assert(w->depth > 0 && object == ((w->object >> w->depth & 1) != 0));
    w->depth--;
    buf_char(w->buf, object ? '}' : ']');
}

void jw_init(struct json_writer *w, struct buf *buf)
{
    *w = (struct json_writer){ .buf = buf };
}

void jw_object(struct json_writer *w, const char *name)
{
    enter(w, name, true);
}

void jw_object_end(struct json_writer *w)
{
    leave(w, true);
}

void jw_array(struct json_writer *w, const char *name)
{
    enter(w, name, false);
}

void jw_array_end(struct json_writer *w)
{
    leave(w, false);
}

void jw_text(struct json_writer *w, const char *name, struct slice value)
{
    begin(w, slice_of(name));
    put_string(w->buf, value);
}

void jw_text_if(struct json_writer *w, const char *name, struct slice value)
{
    if (value.n > 0)
        jw_text(w, name, value);
}

void jw_texts(struct json_writer *w, const char *name, struct slices values)
{
    jw_array(w, name);
    for (size_t i = 0; i < values.n; i++)
        jw_text(w, NULL, values.at[i]);
    jw_array_end(w);
}

void jw_int(struct json_writer *w, const char *name, int64_t value)
{
    begin(w, slice_of(name));
    buf_i64(w->buf, value);
}

void jw_bool(struct json_writer *w, const char *name, bool value)
{
    begin(w, slice_of(name));
    buf_put(w->buf, value ? SL("true") : SL("false"));
}

void jw_null(struct json_writer *w, const char *name)
{
    begin(w, slice_of(name));
    buf_put(w->buf, SL("null"));
}

void jw_json(struct json_writer *w, struct slice name, const struct json *value)
{
    begin(w, name);
    json_put(w->buf, value);
}

struct slice jw_finish(struct json_writer *w)
{
    assert(w->depth == 0);
    return buf_finish(w->buf);
}
