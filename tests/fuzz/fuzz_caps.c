/* The policy's grants: an outside JSON value as CapMap. */
#include <assert.h>

#include "caps.h"
#include "encode.h"
#include "whois.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(struct slices list)
{
    assert(list.n <= CAPS_TEXTS_MAX);
    for (size_t i = 0; i < list.n; i++) {
        assert(list.at[i].n > 0 && text_is_printable(list.at[i]));
        assert(!slices_have((struct slices){ list.at, i }, list.at[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *pool = pool_create(4 << 20);
    const struct json *root = NULL;
    struct caps caps;

    if (json_parse(pool, slice_bytes(data, size), WHOIS_BYTES_MAX, &root) == ERR_OK) {
        caps_read(pool, root, &caps);
        check_list(caps.groups);
        check_list(caps.roles);
        check_list(caps.clients);
        check_list(caps.users);
        check_list(caps.resources);
        check_list(caps.introspect);
        assert(caps.clients.n == 0 || caps.clients_limited);
        for (size_t i = 0; i < caps.extra_count; i++)
            assert(json_is_object(caps.extra_claims[i]));
    }
    pool_destroy(pool);
    return 0;
}
