/* Addresses: what parses prints and parses to the same, and none stays IPv4-mapped. */
#include <assert.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"

#define POOL_CAP (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct pool *p, const struct address *a)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct slice ip = address_ip_text(p, a), whole = address_text(p, a);
    struct address back;

    assert(!a->v6 || memcmp(a->ip, mapped, sizeof(mapped)) != 0);
    assert(!(address_is_loopback(a) && address_is_tailnet(a)));
    assert(address_parse(ip, &back) && address_same_ip(a, &back) && back.port == 0);
    assert(address_parse(whole, &back) && address_same_ip(a, &back) && back.port == a->port);
    assert(slice_eq(address_text(p, &back), whole));
}

static void check_socket_address(struct pool *p, const uint8_t *data, size_t size)
{
    struct sockaddr_storage storage = { 0 };
    struct address a;

    if (size == 0 || size > sizeof(struct sockaddr_in6))
        return;
    memcpy(&storage, data, size);
    storage.ss_family = data[0] & 1 ? AF_INET6 : AF_INET;
    assert(address_of((struct sockaddr *)&storage, &a));
    check(p, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *p = pool_create(POOL_CAP);
    struct slice input = size == 0 ? SL("") : slice_bytes(data, size);
    struct address a;

    if (address_parse(input, &a)) {
        assert(!slice_has(input, '\0') && !slice_has(input, '%') && !slice_has(input, ' '));
        check(p, &a);
    }
    check_socket_address(p, data, size);
    pool_destroy(p);
    return 0;
}
