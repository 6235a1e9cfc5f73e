/* The audit log's chain: hashing, packing, following. */
#include "chain.h"

#include <string.h>

#include "record.h"

static void put_u64(uint64_t v, uint8_t ret[static 8])
{
    for (unsigned i = 0; i < 8; i++)
        ret[i] = (uint8_t)(v >> (56 - 8 * i));
}

void chain_extend(struct chain *c, struct slice text)
{
    uint8_t sequence[8];

    c->sequence++;
    put_u64(c->sequence, sequence);
    sha256_parts(
        (const struct slice[]){ slice_bytes(c->hash, SHA256_BYTES), slice_bytes(sequence, sizeof(sequence)), text }, 3,
        c->hash);
}

struct slice chain_pack_link(struct pool *p, const struct chain *c, struct slice text)
{
    struct packer k;

    pack_begin(&k, p, CHAIN_RECORD_VERSION, 0);
    pack_text(&k, text);
    pack_bytes(&k, c->hash, SHA256_BYTES);
    return pack_end(&k);
}

struct slice chain_pack_head(struct pool *p, const struct chain *c)
{
    struct packer k;

    pack_begin(&k, p, CHAIN_RECORD_VERSION, 0);
    pack_u64(&k, c->sequence);
    pack_bytes(&k, c->hash, SHA256_BYTES);
    pack_i64(&k, c->at);
    return pack_end(&k);
}

bool chain_unpack_head(struct slice value, struct chain *ret)
{
    struct unpacker u;
    struct chain c = { 0 };

    unpack_begin(&u, NULL, value);
    c.sequence = unpack_u64(&u);
    unpack_bytes(&u, c.hash, SHA256_BYTES);
    c.at = unpack_i64(&u);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = c;
    return true;
}

enum err chain_follow(struct chain *c, uint64_t sequence, struct slice value, struct slice *ret_text)
{
    uint8_t stored[SHA256_BYTES];
    struct chain next = *c;
    struct unpacker u;

    unpack_begin(&u, NULL, value);
    struct slice text = unpack_text(&u);
    unpack_bytes(&u, stored, SHA256_BYTES);
    if (unpack_end(&u) != ERR_OK || slice_is_none(text) || sequence != c->sequence + 1)
        return ERR_CORRUPT;
    chain_extend(&next, text);
    if (memcmp(next.hash, stored, SHA256_BYTES) != 0)
        return ERR_CORRUPT;
    *c = next;
    *ret_text = text;
    return ERR_OK;
}
