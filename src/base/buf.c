/* Text written piece by piece. It grows in place while nothing else is taken from the pool, else by doubling. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST     256
#define NUMBER_BYTES   20 /* of 2^64 - 1 */
#define FMT_ROOM_BYTES 128

void buf_init(struct buf *b, struct pool *pool, size_t max)
{
    *b = (struct buf){ .pool = pool, .max = max };
}

void buf_init_fixed(struct buf *b, char *memory, size_t n)
{
    *b = (struct buf){ .p = memory, .size = n, .max = n };
}

static void grow(struct buf *b, size_t need)
{
    size_t size = b->size < SIZE_FIRST ? SIZE_FIRST : b->size * 2;

    size = size < need ? need : size;
    size = size < b->max ? size : b->max;
    b->p = b->p == NULL ? pool_alloc(b->pool, size) : pool_resize(b->pool, b->p, b->size, size);
    b->size = size;
}

/* Room for n bytes at the end, not counted yet; NULL when they would pass max. */
static char *reserve(struct buf *b, size_t n)
{
    if (b->over || n > b->max - b->n) {
        b->over = true;
        return NULL;
    }
    if (n > b->size - b->n)
        grow(b, b->n + n);
    return b->p + b->n;
}

char *buf_extend_slowly(struct buf *b, size_t n)
{
    char *to = reserve(b, n);

    if (to != NULL)
        b->n += n;
    return to;
}

void buf_u64(struct buf *b, uint64_t v)
{
    char digits[NUMBER_BYTES];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    buf_put(b, slice_bytes(digits + at, sizeof(digits) - at));
}

void buf_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_char(b, '-');
    buf_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    char small[FMT_ROOM_BYTES];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (n < 0) {
        b->over = true;
        return;
    }
    if ((size_t)n < sizeof(small)) {
        buf_put(b, slice_bytes(small, (size_t)n));
        return;
    }
    /* not straight into the buffer: vsnprintf ends with a NUL, for which a full one has no room */
    char *text = NULL;
    va_start(args, fmt);
    n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0) {
        b->over = true;
        return;
    }
    buf_put(b, slice_bytes(text, (size_t)n));
    free(text);
}

void buf_base64url(struct buf *b, struct slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t tail = bytes.n % 3, n = bytes.n / 3 * 4 + (tail != 0 ? tail + 1 : 0);
    const unsigned char *in = (const unsigned char *)bytes.p;
    char *to = n == 0 ? NULL : reserve(b, n);

    if (to == NULL)
        return;
    b->n += n;
    for (size_t i = 0; i + 3 <= bytes.n; i += 3, in += 3, to += 4) {
        to[0] = digits[in[0] >> 2];
        to[1] = digits[(in[0] & 3) << 4 | in[1] >> 4];
        to[2] = digits[(in[1] & 15) << 2 | in[2] >> 6];
        to[3] = digits[in[2] & 63];
    }
    if (tail == 0)
        return;
    to[0] = digits[in[0] >> 2];
    to[1] = digits[(in[0] & 3) << 4 | (tail == 2 ? in[1] >> 4 : 0)];
    if (tail == 2)
        to[2] = digits[(in[1] & 15) << 2];
}

static const bool unreserved[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true,
    ['.'] = true,         ['_'] = true,         ['~'] = true,
};

void buf_percent(struct buf *b, struct slice s)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (unreserved[c])
            continue;
        buf_put(b, slice_bytes(s.p + from, i - from));
        buf_put(b, slice_bytes((const char[]){ '%', digits[c >> 4], digits[c & 15] }, 3));
        from = i + 1;
    }
    if (from < s.n)
        buf_put(b, slice_from(s, from));
}

static struct slice html_escape(char c)
{
    switch (c) {
    case '&': return SL("&amp;");
    case '<': return SL("&lt;");
    case '>': return SL("&gt;");
    case '"': return SL("&quot;");
    case '\'': return SL("&#39;");
    default: return SLICE_NONE;
    }
}

void buf_html(struct buf *b, struct slice s)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        struct slice escape = html_escape(s.p[i]);

        if (slice_is_none(escape))
            continue;
        buf_put(b, slice_bytes(s.p + from, i - from));
        buf_put(b, escape);
        from = i + 1;
    }
    buf_put(b, slice_from(s, from));
}

struct slice buf_finish(struct buf *b)
{
    if (b->over)
        return SLICE_NONE;
    if (b->n == 0)
        return SL("");
    if (b->pool != NULL && b->n < b->size) {
        b->p = pool_resize(b->pool, b->p, b->size, b->n);
        b->size = b->n;
    }
    return slice_bytes(b->p, b->n);
}
