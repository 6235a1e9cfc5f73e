/* tailscaled's whois: whatever comes, a person has all that makes one. */
#include <assert.h>

#include "encode.h"
#include "whois.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_person(const struct peer *peer, const struct tailnet_self *self)
{
    assert(peer->user_id > 0 && peer->tags.n == 0 && peer->login.n > 0);
    assert(peer->stable_id.n > 0 && !slice_eq(peer->stable_id, self->stable_id));
    assert(slice_ends(peer->fqdn, self->suffix) && !slice_is_none(peer->address));
}

static void check(const struct peer *peer, const struct tailnet_self *self)
{
    assert(peer->kind > PEER_NOBODY && (int)peer->kind < PEER_KIND_COUNT);
    if (peer->kind == PEER_PERSON)
        check_person(peer, self);
    if (peer->kind == PEER_MACHINE)
        assert(peer->tags.n > 0 && peer->stable_id.n > 0 && peer->user_id == 0);
    if (peer->kind != PEER_STRANGE)
        assert(peer->stable_id.n > 0);
    assert(peer->user_id >= 0 && peer->key_expiry >= 0);
    assert(slice_is_none(peer->picture) || slice_starts(peer->picture, SL("https://")));
    assert(slice_is_none(peer->login) || text_is_printable(peer->login));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tailnet_self self = { { "1", 1 }, { "tail.test", 9 } };
    struct pool *pool = pool_create(4 << 20);
    struct address asked;
    struct peer peer;

    bool read = address_parse(SL("100.64.0.2:5"), &asked);
    assert(read);
    if (whois_parse(pool, slice_bytes(data, size), &asked, &self, &peer) == ERR_OK)
        check(&peer, &self);
    pool_destroy(pool);
    return 0;
}
