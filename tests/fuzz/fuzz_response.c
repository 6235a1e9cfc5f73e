/* Responses of the LocalAPI: a body is never more than what came, and what is complete stays what it is when more
 * comes. */
#include <assert.h>

#include "response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_done(struct slice in, bool ended, const struct response *r)
{
    struct pool *p = pool_create(1 << 20);
    struct slice body = response_body(p, r);
    struct response again;

    assert(r->status >= 200 && r->status <= 999);
    assert(r->bytes <= in.n && r->framed.p >= in.p && r->framed.p + r->framed.n == in.p + r->bytes);
    assert(r->chunked ? body.n <= r->framed.n : slice_eq(body, r->framed));
    assert(!r->keep_alive || r->bytes == in.n);
    if (!ended) {
        assert(response_read(slice_head(in, r->bytes), false, &again) == RESPONSE_DONE);
        assert(again.status == r->status && again.bytes == r->bytes && again.framed.n == r->framed.n);
        assert(response_read(slice_head(in, r->bytes - 1), false, &again) == RESPONSE_MORE);
    }
    pool_destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_bytes(data, size);
    struct response r = { 0 };

    enum response_next n = response_read(in, false, &r);
    if (n == RESPONSE_DONE)
        check_done(in, false, &r);
    enum response_next last = response_read(in, true, &r);
    assert(n == RESPONSE_MORE || last == n);
    if (last == RESPONSE_DONE)
        check_done(in, true, &r);
    return 0;
}
