/* Cookies twice: the input as a header, in which ours is looked for, and as the value of ours. What is read is written again as the same
 * text; anything else is as a fresh browser. */
#include <assert.h>
#include <string.h>

#include "buf.h"
#include "cookie.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge_value(struct slice text)
{
    static const struct browser fresh;
    struct browser b;

    memset(&b, 0xa5, sizeof(b));
    browser_read(text, &b);
    if (!b.known) {
        assert(memcmp(&b, &fresh, sizeof(b)) == 0);
        return;
    }
    struct pool *p = pool_create(1 << 16);
    assert(slice_eq(browser_cookie(p, &b), text));
    if (!b.has_session)
        assert(memcmp(b.id, fresh.id, sizeof(b.id)) == 0 && memcmp(b.secret, fresh.secret, sizeof(b.secret)) == 0);
    pool_destroy(p);
}

/* What is found stands in the header behind its name and an equals sign, and is one piece of it. */
static struct slice judge_header(struct slice header, struct slice name)
{
    struct slice found = cookie_find(header, name);

    if (slice_is_none(found))
        return found;
    assert(found.p >= header.p + name.n + 1 && found.p + found.n <= header.p + header.n);
    assert(memcmp(found.p - name.n - 1, name.p, name.n) == 0 && found.p[-1] == '=');
    assert(found.n <= COOKIE_VALUE_BYTES_MAX && !slice_has(found, ';'));
    assert(slice_eq(slice_trim(found), found) || found.p[0] == ' ' || found.p[0] == '\t');
    return found;
}

/* Whatever other applications have written before, ours is found behind it. */
static void judge_behind(struct slice header, struct slice before)
{
    struct pool *p = pool_create(1 << 20);
    struct buf b;

    buf_init(&b, p, header.n + 64);
    buf_put(&b, header);
    buf_put(&b, SL("; " COOKIE_NAME "=abc"));
    struct slice found = cookie_find(buf_finish(&b), SL(COOKIE_NAME));
    assert(slice_is_none(before) ? slice_eq(found, SL("abc")) : slice_eq(found, before));
    pool_destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_bytes(data, size);

    if (size > 65536)
        return 0;
    judge_value(text);
    judge_behind(text, judge_header(text, SL(COOKIE_NAME)));
    (void)judge_header(text, SL(COOKIE_NAME_HTTP));
    (void)judge_header(text, SL(COOKIE_NAME_DEV));
    return 0;
}
