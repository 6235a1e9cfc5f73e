/* Forms: whatever the bytes, pairs are clean text, each call gets on, and a pair written again reads the same. */
#include <assert.h>

#include "buf.h"
#include "encode.h"
#include "form.h"

#define POOL_CAP (1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct slice s)
{
    assert(!slice_is_none(s));
    assert(utf8_is_valid(s));
    assert(!slice_has(s, '\0'));
}

static void check_reads_back(struct pool *p, struct slice name, struct slice value)
{
    struct slice back_name = SLICE_NONE, back_value = SLICE_NONE;
    struct buf b;

    buf_init(&b, p, SIZE_MAX);
    buf_percent(&b, name);
    buf_char(&b, '=');
    buf_percent(&b, value);
    struct slice text = buf_finish(&b);
    assert(form_next(p, &text, &back_name, &back_value) == FORM_PAIR);
    assert(slice_eq(name, back_name) && slice_eq(value, back_value));
    assert(form_next(p, &text, &back_name, &back_value) == FORM_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *p = pool_create(POOL_CAP);
    struct slice rest = size == 0 ? SL("") : slice_bytes(data, size), name, value;
    size_t before = rest.n + 1;
    enum form_next got;

    while ((got = form_next(p, &rest, &name, &value)) != FORM_END) {
        assert(rest.n < before);
        before = rest.n;
        if (got == FORM_BAD)
            continue;
        check_text(name);
        check_text(value);
        check_reads_back(p, name, value);
    }
    assert(slice_is_none(rest));
    pool_destroy(p);
    return 0;
}
