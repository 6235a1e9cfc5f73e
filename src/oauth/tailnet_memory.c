/* The tailnet as it was accepted, and as it was last seen where that is another one. */
#include "tailnet.h"

#include "stored.h"

static const struct slice hosted[] = { SL("https://controlplane.tailscale.com"), SL("https://login.tailscale.com") };

static struct slice slot_key(struct txn *t, enum tailnet_slot slot)
{
    return key_make(txn_pool(t), txn_issuer(t), CLASS_TAILNET, slot == TAILNET_ACCEPTED ? SL("accepted") : SL("seen"),
                    SLICE_NONE);
}

bool tailnet_load(struct txn *t, enum tailnet_slot slot, struct tailnet *ret)
{
    struct tailnet tailnet = { .at = 0 };
    struct slice value;
    struct unpacker u;

    if (!txn_get(t, slot_key(t, slot), &value))
        return false;
    unpack_begin(&u, txn_pool(t), value);
    tailnet.control_url = unpack_text(&u);
    tailnet.name = unpack_text(&u);
    tailnet.stable_id = unpack_text(&u);
    tailnet.node_created_at = unpack_i64(&u);
    tailnet.at = unpack_i64(&u);
    if (unpack_end(&u) != ERR_OK) {
        txn_fail(t, ERR_CORRUPT);
        return false;
    }
    *ret = tailnet;
    return true;
}

void tailnet_put(struct txn *t, enum tailnet_slot slot, const struct tailnet *tailnet)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), TAILNET_RECORD_VERSION, 0);
    pack_text(&k, tailnet->control_url);
    pack_text(&k, tailnet->name);
    pack_text(&k, tailnet->stable_id);
    pack_i64(&k, tailnet->node_created_at);
    pack_i64(&k, tailnet->at);
    stored_put(t, slot_key(t, slot), &k);
}

void tailnet_remove(struct txn *t, enum tailnet_slot slot)
{
    txn_del(t, slot_key(t, slot));
}

bool tailnet_ids_are_for_ever(const struct tailnet *tailnet)
{
    for (size_t i = 0; i < sizeof(hosted) / sizeof(hosted[0]); i++)
        if (slice_eq(tailnet->control_url, hosted[i]))
            return true;
    return false;
}

/* What could not be read says nothing. */
static bool differs(struct slice a, struct slice b)
{
    return a.n > 0 && b.n > 0 && !slice_eq(a, b);
}

enum tailnet_change tailnet_compare(const struct tailnet *accepted, const struct tailnet *seen)
{
    bool made_anew = accepted->node_created_at != 0 && seen->node_created_at != 0 &&
                     accepted->node_created_at != seen->node_created_at;

    if (differs(accepted->control_url, seen->control_url) || differs(accepted->name, seen->name))
        return TAILNET_OTHER;
    return made_anew || differs(accepted->stable_id, seen->stable_id) ? TAILNET_NODE : TAILNET_SAME;
}

bool tailnet_is_acceptable(const struct tailnet *accepted, const struct tailnet *seen)
{
    switch (tailnet_compare(accepted, seen)) {
    case TAILNET_SAME: return true;
    case TAILNET_NODE: return tailnet_ids_are_for_ever(seen);
    case TAILNET_OTHER: break;
    }
    return false;
}

const char *tailnet_change_text(enum tailnet_change c)
{
    static const char *const text[TAILNET_CHANGE_COUNT] = {
        [TAILNET_SAME] = "the same tailnet",
        [TAILNET_NODE] = "our own node was made anew, and with it perhaps the control server and its user ids",
        [TAILNET_OTHER] = "another tailnet",
    };

    return text[c];
}
