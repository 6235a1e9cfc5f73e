/* What comes over the channel from avouch-fetch: frames and, in them, answers and asks. What was read means the same when it is written
 * and read again. */
#include <assert.h>

#include "encode.h"
#include "fetch_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(struct pool *p, struct slice text)
{
    struct fetch_answer a, b;

    if (!fetch_answer_read(p, text, &a))
        return;
    assert((a.outcome == FETCH_OK) == (a.body.p != NULL) && (a.outcome == FETCH_OK) == (a.why.p == NULL));
    assert(a.body.n <= FETCH_BODY_BYTES_MAX && a.step_n <= FETCH_STEPS_MAX && utf8_is_valid(a.body));
    for (size_t i = 0; i < a.step_n; i++)
        assert(text_is_printable(a.steps[i].text) && fetch_stage_name(a.steps[i].stage) != NULL);
    assert(fetch_answer_read(p, fetch_answer_write(p, &a), &b));
    assert(a.outcome == b.outcome && a.status == b.status && a.fresh_s == b.fresh_s && a.step_n == b.step_n);
    assert(slice_eq(a.body, b.body) && slice_eq(a.type, b.type) && slice_eq(a.why, b.why));
}

static void check_ask(struct pool *p, struct slice text)
{
    struct fetch_ask a, b;

    if (!fetch_ask_read(p, text, &a))
        return;
    assert(a.url.n <= FETCH_URL_BYTES_MAX && a.bytes_max >= 1 && a.bytes_max <= FETCH_BODY_BYTES_MAX);
    assert(fetch_ask_read(p, fetch_ask_write(p, &a), &b));
    assert(slice_eq(a.url, b.url) && a.time_ms == b.time_ms && a.settings.allow.n == b.settings.allow.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_bytes(data, size);
    struct pool *p = pool_create(16U << 20);
    struct fetch_frame frame;

    while (fetch_frame_read(in, &frame) == FRAME_WHOLE) {
        assert(frame.text.p >= in.p && frame.text.p + frame.text.n == in.p + frame.bytes && frame.bytes >= 8);
        check_answer(p, frame.text);
        check_ask(p, frame.text);
        in = slice_from(in, frame.bytes);
    }
    /* without a frame's length in the way */
    check_answer(p, slice_bytes(data, size));
    pool_destroy(p);
    return 0;
}
