/* tailscaled's status. */
#include <assert.h>

#include "encode.h"
#include "status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *pool = pool_create(4 << 20);
    struct tailnet_status s;

    if (status_parse(pool, slice_bytes(data, size), &s) == ERR_OK) {
        assert(s.running == slice_eq(s.backend_state, SL("Running")));
        assert(s.key_expiry >= 0);
        assert(slice_is_none(s.dns_name) || (s.dns_name.n > 0 && !slice_has(s.dns_name, '/')));
        for (size_t i = 0; i < s.health.n; i++)
            assert(text_is_printable(s.health.at[i]));
    }
    pool_destroy(pool);
    return 0;
}
