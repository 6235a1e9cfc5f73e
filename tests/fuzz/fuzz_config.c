/* avouch.yaml: what is accepted lies within its bounds, what is refused is one printable sentence with a place. */
#include <assert.h>

#include "config.h"
#include "encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct slice s)
{
    assert(slice_is_none(s) || (s.n > 0 && text_is_printable(s)));
}

static void check(const struct config *c)
{
    const struct lifetimes *l = &c->lifetimes;
    const int64_t lifetimes[] = { l->code, l->access, l->id, l->refresh_idle, l->refresh, l->session_idle, l->session };

    for (size_t i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++)
        assert(lifetimes[i] > 0 && lifetimes[i] <= INT64_C(3650) * 86400);
    assert(c->listen.n <= CONFIG_LIST_MAX && (int)c->tailscale_mode < TAILSCALE_MODE_COUNT);
    for (size_t i = 0; i < c->listen.n; i++)
        check_text(c->listen.at[i]);
    check_text(c->issuer);
    check_text(c->contact);
    check_text(c->state);
    assert(slice_is_none(c->state) || c->state.p[0] == '/');
    assert(c->tailscale_socket.p[0] == '/' && c->log_level.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *pool = pool_create(8 << 20);
    struct config_error error = { SLICE_NONE };
    struct config config;

    config_defaults(&config);
    if (config_read_yaml(pool, SL("f"), slice_bytes(data, size), &config, &error) == ERR_OK) {
        assert(slice_is_none(error.text));
        check(&config);
    } else {
        assert(slice_starts(error.text, SL("f:")) && text_is_printable(error.text));
    }
    pool_destroy(pool);
    return 0;
}
