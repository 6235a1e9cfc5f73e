/* The codecs of encode.h: what decodes is the one spelling of its bytes, and all bytes survive encoding. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "encode.h"

#define POOL_CAP (1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text_is_canonical(struct pool *p, struct slice text)
{
    struct slice bytes;

    if (base64url_decode(p, text, &bytes))
        assert(slice_eq(base64url_encode(p, bytes), text));
    if (hex_decode(p, text, &bytes))
        assert(slice_eq(hex_encode(p, bytes), text));
    if (!base64_decode(p, text, &bytes))
        return;
    /* the other alphabet, and padded */
    struct slice url = base64url_encode(p, bytes);
    assert(text.n == (url.n + 3) / 4 * 4);
    for (size_t i = 0; i < text.n; i++) {
        char c = i < url.n ? url.p[i] : '=';

        assert(text.p[i] == (c == '-' ? '+' : c == '_' ? '/' : c));
    }
}

static void check_bytes_survive(struct pool *p, struct slice bytes)
{
    struct slice back;
    struct buf b;

    assert(base64url_decode(p, base64url_encode(p, bytes), &back) && slice_eq(back, bytes));
    assert(hex_decode(p, hex_encode(p, bytes), &back) && slice_eq(back, bytes));
    buf_init(&b, p, SIZE_MAX);
    buf_percent(&b, bytes);
    struct slice text = buf_finish(&b);
    assert(text_is_printable(text));
    assert(percent_decode(p, text, true, &back) && slice_eq(back, bytes));
    assert(percent_decode(p, text, false, &back) && slice_eq(back, bytes));
}

static void check_percent(struct pool *p, struct slice text)
{
    struct slice plain = SLICE_NONE, form = SLICE_NONE;
    bool ok = percent_decode(p, text, false, &plain);

    assert(percent_decode(p, text, true, &form) == ok);
    assert(!ok || (plain.n == form.n && plain.n <= text.n));
    assert(ok || slice_has(text, '%'));
}

static void check_utf8(struct slice text)
{
    struct slice rest = text;
    bool printable = true;

    while (rest.n > 0) {
        size_t n = utf8_first(rest);
        unsigned char c = (unsigned char)rest.p[0];

        if (n == 0)
            break;
        assert(n <= 4 && n <= rest.n && (n == 1) == (c < 0x80));
        printable = printable && !(c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)rest.p[1] < 0xa0));
        rest = slice_from(rest, n);
    }
    assert(utf8_is_valid(text) == (rest.n == 0));
    assert(text_is_printable(text) == (rest.n == 0 && printable));
}

/* As the system writes it, in the years that have four digits. */
static void check_time(struct pool *p, const uint8_t *data, size_t size)
{
    static const int64_t first_s = -62167219200, last_s = 253402300799;
    char theirs[96];
    struct tm tm;
    int64_t s;

    if (size < sizeof(s))
        return;
    memcpy(&s, data, sizeof(s));
    struct slice ours = time_format(p, s);
    time_t t = (time_t)(s < first_s ? first_s : s > last_s ? last_s : s);
    struct tm *ok = gmtime_r(&t, &tm);
    assert(ok != NULL);
    (void)ok;
    int n = snprintf(theirs, sizeof(theirs), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    assert(n > 0 && slice_eq(ours, slice_of(theirs)));
    (void)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *p = pool_create(POOL_CAP);
    struct slice input = size == 0 ? SL("") : slice_bytes(data, size);

    check_text_is_canonical(p, input);
    check_bytes_survive(p, input);
    check_percent(p, input);
    check_utf8(input);
    check_time(p, data, size);
    assert(slice_eq_nocase(ascii_lower(p, input), input));
    pool_destroy(p);
    return 0;
}
