/* Opaque access tokens: a record each, alive for as long as its own time and its grant last. */
#include "access_token.h"

#include <string.h>

#include "stored.h"

#define ACCESS_SECRET_BYTES 32

static bool unpack(struct pool *p, struct slice value, struct access_token *ret)
{
    struct access_token a;
    struct unpacker u;

    unpack_begin(&u, p, value);
    unpack_bytes(&u, a.id, ID_BYTES);
    unpack_bytes(&u, a.hash, SHA256_BYTES);
    unpack_bytes(&u, a.grant_id, ID_BYTES);
    a.scopes = unpack_u32(&u);
    a.issued_at = unpack_i64(&u);
    a.expires_at = unpack_i64(&u);
    a.userinfo = unpack_text(&u);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = a;
    return true;
}

struct slice access_token_issue(struct txn *t, const struct grant *g, int64_t lifetime_s, struct now now,
                                struct access_token *a)
{
    uint8_t secret[ACCESS_SECRET_BYTES];
    struct packer k;

    stored_id_make(t, CLASS_ACCESS, now, a->id);
    random_bytes(secret, sizeof(secret));
    struct slice text = credential_write(txn_pool(t), CREDENTIAL_ACCESS, a->id, secret, a->hash);
    wipe(secret, sizeof(secret));
    memcpy(a->grant_id, g->id, ID_BYTES);
    a->issued_at = now.s;
    a->expires_at = now.s + lifetime_s;
    pack_begin(&k, txn_pool(t), ACCESS_RECORD_VERSION, a->expires_at);
    pack_bytes(&k, a->id, ID_BYTES);
    pack_bytes(&k, a->hash, SHA256_BYTES);
    pack_bytes(&k, a->grant_id, ID_BYTES);
    pack_u32(&k, a->scopes);
    pack_i64(&k, a->issued_at);
    pack_i64(&k, a->expires_at);
    pack_text(&k, a->userinfo);
    stored_put(t, stored_key(t, CLASS_ACCESS, a->id), &k);
    return text;
}

static bool find(struct txn *t, struct slice text, struct access_token *ret)
{
    struct credential_parts parts;
    struct access_token a = { 0 };
    struct slice value;

    if (!credential_read(text, CREDENTIAL_ACCESS, &parts))
        return false;
    bool found = txn_get(t, stored_key(t, CLASS_ACCESS, parts.id), &value);
    if (found && !unpack(txn_pool(t), value, &a)) {
        txn_fail(t, ERR_CORRUPT);
        return false;
    }
    bool right = equal_ct(slice_bytes(parts.hash, SHA256_BYTES), slice_bytes(a.hash, SHA256_BYTES));
    if (!found || !right)
        return false;
    *ret = a;
    return true;
}

bool access_token_check(struct txn *t, struct slice text, struct now now, struct access_token *ret,
                        struct grant *ret_grant)
{
    struct access_token a;
    struct grant g;

    if (!find(t, text, &a) || now.s >= a.expires_at)
        return false;
    if (!grant_load(t, a.grant_id, &g) || !grant_is_alive(t, &g, NULL))
        return false;
    *ret = a;
    *ret_grant = g;
    return true;
}
