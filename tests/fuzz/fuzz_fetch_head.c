/* The head of an answer, as any server may write it. The first eight bytes are the time. */
#include <assert.h>
#include <string.h>

#include "encode.h"
#include "fetch_message.h"
#include "head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *p = pool_create(1U << 20);
    struct slice rest = slice_bytes(data, size), line;
    int64_t now_s = 0;
    struct head h;

    if (size > sizeof(now_s)) {
        memcpy(&now_s, data, sizeof(now_s));
        now_s &= INT64_C(0xffffffffff);
        rest = slice_from(rest, sizeof(now_s));
    }
    head_begin(&h);
    while (slice_cut(&rest, '\n', &line) && head_line(&h, p, line))
        assert(h.bytes <= FETCH_HEAD_BYTES_MAX);
    int64_t fresh_s = head_fresh_s(&h, now_s);
    assert(fresh_s >= -1 && fresh_s <= FETCH_FRESH_S_MAX);
    assert(!h.stale || fresh_s == 0);
    assert(slice_is_none(h.type) ||
           (h.type.n <= FETCH_TYPE_BYTES_MAX && text_is_printable(h.type) && slice_has(h.type, '/')));
    assert(!head_is_json(&h) || h.type.n > 0);
    pool_destroy(p);
    return 0;
}
