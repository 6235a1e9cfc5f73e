/* Stored authorization requests. The handle is a secret with an id in time order, so that even after the sweep an old
 * one can be told from nonsense: "this page has expired" instead of "no such page". */
#include "flow.h"

#include "stored.h"

#define FLOW_SECRET_BYTES 32

void flow_put(struct txn *t, const struct flow *f)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), FLOW_RECORD_VERSION, f->expires_at);
    pack_bytes(&k, f->id, ID_BYTES);
    pack_bytes(&k, f->hash, SHA256_BYTES);
    pack_u8(&k, (uint8_t)f->state);
    pack_text(&k, f->query);
    pack_bool(&k, f->bound);
    pack_bytes(&k, f->browser_hash, SHA256_BYTES);
    pack_i64(&k, f->user_id);
    pack_u8(&k, (uint8_t)f->reason);
    pack_bytes(&k, f->grant_id, ID_BYTES);
    pack_i64(&k, f->created_at);
    pack_i64(&k, f->expires_at);
    pack_i64(&k, f->stored_by);
    pack_text(&k, f->expected);
    stored_put(t, stored_key(t, CLASS_FLOW, f->id), &k);
}

bool flow_unpack(struct pool *p, struct slice value, struct flow *ret)
{
    struct flow f;
    struct unpacker u;

    unpack_begin(&u, p, value);
    unpack_bytes(&u, f.id, ID_BYTES);
    unpack_bytes(&u, f.hash, SHA256_BYTES);
    uint8_t state = unpack_u8(&u);
    f.query = unpack_text(&u);
    f.bound = unpack_bool(&u);
    unpack_bytes(&u, f.browser_hash, SHA256_BYTES);
    f.user_id = unpack_i64(&u);
    uint8_t reason = unpack_u8(&u);
    unpack_bytes(&u, f.grant_id, ID_BYTES);
    f.created_at = unpack_i64(&u);
    f.expires_at = unpack_i64(&u);
    f.stored_by = unpack_more(&u) ? unpack_i64(&u) : 0;
    f.expected = unpack_more(&u) ? unpack_text(&u) : SLICE_NONE;
    if (unpack_end(&u) != ERR_OK || state >= FLOW_STATE_COUNT || reason >= PAGE_REASON_COUNT)
        return false;
    f.state = (enum flow_state)state;
    f.reason = (enum page_reason)reason;
    *ret = f;
    return true;
}

struct slice flow_store(struct txn *t, struct flow *f, struct now now)
{
    uint8_t secret[FLOW_SECRET_BYTES];

    if (f->query.n > FLOW_QUERY_BYTES_MAX)
        txn_fail(t, ERR_LIMIT);
    stored_id_make(t, CLASS_FLOW, now, f->id);
    random_bytes(secret, sizeof(secret));
    struct slice handle = credential_write(txn_pool(t), CREDENTIAL_FLOW, f->id, secret, f->hash);
    wipe(secret, sizeof(secret));
    f->state = FLOW_OPEN;
    f->created_at = now.s;
    f->expires_at = now.s + FLOW_LIFETIME_S;
    flow_put(t, f);
    txn_count(t, issuer_count_key(t, CLASS_FLOW, key_user(txn_pool(t), f->stored_by)), 1, FLOWS_PER_PERSON_MAX);
    return handle;
}

static bool find(struct txn *t, const struct credential_parts *parts, struct flow *ret)
{
    struct slice value;
    struct flow f = { 0 };

    bool found = txn_get(t, stored_key(t, CLASS_FLOW, parts->id), &value);
    if (found && !flow_unpack(txn_pool(t), value, &f)) {
        txn_fail(t, ERR_CORRUPT);
        return false;
    }
    bool right = equal_ct(slice_bytes(parts->hash, SHA256_BYTES), slice_bytes(f.hash, SHA256_BYTES));
    if (!found || !right)
        return false;
    *ret = f;
    return true;
}

bool flow_load(struct txn *t, struct slice handle, struct now now, struct flow *ret, bool *ret_expired)
{
    struct credential_parts parts;
    struct flow f;

    *ret_expired = false;
    if (!credential_read(handle, CREDENTIAL_FLOW, &parts))
        return false;
    bool found = find(t, &parts, &f);
    *ret_expired = found ? now.s >= f.expires_at : now.ms >= id_time_ms(parts.id) + FLOW_LIFETIME_S * INT64_C(1000);
    if (!found || *ret_expired)
        return false;
    *ret = f;
    return true;
}
