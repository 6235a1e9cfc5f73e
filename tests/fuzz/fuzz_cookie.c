/* The session cookie's value. What is read is written again as the same text; anything else is as a fresh browser. */
#include <assert.h>
#include <string.h>

#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct browser fresh;
    struct slice text = slice_bytes(data, size);
    struct browser b;

    memset(&b, 0xa5, sizeof(b));
    browser_read(text, &b);
    if (!b.known) {
        assert(memcmp(&b, &fresh, sizeof(b)) == 0);
        return 0;
    }
    struct pool *p = pool_create(1 << 16);
    assert(slice_eq(browser_cookie(p, &b), text));
    if (!b.has_session)
        assert(memcmp(b.id, fresh.id, sizeof(b.id)) == 0 && memcmp(b.secret, fresh.secret, sizeof(b.secret)) == 0);
    pool_destroy(p);
    return 0;
}
