/* The head scanner: what it accepts is what RFC 9112 describes, and its slices say where. */
#include <assert.h>
#include <string.h>

#include "scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_within(struct slice part, struct slice all)
{
    return part.p >= all.p && part.p + part.n <= all.p + all.n;
}

/* Every LF after a CR, every CR before an LF, and no other control character but the tab. */
static void check_bytes(struct slice head)
{
    for (size_t i = 0; i < head.n; i++) {
        unsigned char c = (unsigned char)head.p[i];

        if (c == '\r')
            assert(i + 1 < head.n && head.p[i + 1] == '\n');
        else if (c == '\n')
            assert(i > 0 && head.p[i - 1] == '\r');
        else
            assert((c >= ' ' && c != 0x7f) || c == '\t');
    }
}

static void check_accepted(struct slice in, const struct scan_head *h)
{
    struct slice head = slice_head(in, h->bytes);

    assert(h->bytes <= in.n && h->bytes <= HEAD_BYTES_MAX);
    assert(slice_ends(head, SL("\r\n\r\n")));
    assert(lies_within(h->method, head) && lies_within(h->target, head) && lies_within(h->host, head));
    assert(h->method.n >= 1 && h->host.n >= 1);
    assert(h->target.n >= 1 && h->target.n <= TARGET_BYTES_MAX && h->target.p[0] == '/' && !slice_has(h->target, '#'));
    assert(slice_eq(slice_bytes(h->target.p + h->target.n, 11), SL(" HTTP/1.1\r\n")));
    assert(h->has_body == (h->chunked || h->content_length != 0));
    assert(!(h->chunked && h->content_length != 0));
    check_bytes(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_bytes(data, size);
    struct scan_head h = { 0 }, again;

    enum scan s = scan_head(in, &h);
    assert((unsigned)s < SCAN_COUNT && scan_text(s) != NULL && scan_status(s) >= 200);
    if (s != SCAN_OK)
        return 0;
    check_accepted(in, &h);
    /* the same without what follows it, and nothing without its last byte */
    assert(scan_head(slice_head(in, h.bytes), &again) == SCAN_OK && again.bytes == h.bytes);
    assert(scan_head(slice_head(in, h.bytes - 1), &again) != SCAN_OK);
    return 0;
}
