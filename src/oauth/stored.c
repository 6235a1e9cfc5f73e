/* Keys, fresh ids and puts for the records whose ids are time-ordered. An id has only 16 random bits beside its
 * millisecond, so it is unique because its absence was read, not because it is unlikely. */
#include "stored.h"

void stored_id_make(struct txn *t, enum key_class class, struct now now, uint8_t ret[static ID_BYTES])
{
    struct slice taken;

    for (unsigned i = 0; i < STORED_ID_TRIES; i++) {
        id_make(now, ret);
        if (!txn_get(t, stored_key(t, class, ret), &taken))
            return;
    }
    txn_fail(t, ERR_LIMIT);
}

struct slice stored_key(struct txn *t, enum key_class class, const uint8_t id[static ID_BYTES])
{
    return key_make(txn_pool(t), txn_issuer(t), class, slice_bytes(id, ID_BYTES), SLICE_NONE);
}

void stored_put(struct txn *t, struct slice key, struct packer *k)
{
    struct slice value = pack_end(k);

    if (slice_is_none(value))
        txn_fail(t, ERR_LIMIT);
    else
        txn_put(t, key, value);
}
