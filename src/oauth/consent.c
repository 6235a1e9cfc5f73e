/* What a person has agreed to: found by person, client and redirect URI, valid for as long as the client is what it
 * was. */
#include "consent.h"

#include "redirect.h"
#include "stored.h"

#define CONSENT_ID_BYTES 16 /* half a SHA-256; the record repeats what it stands for */

/* Each step hashes a digest, whose length is fixed, and one more text: no two lists look alike. */
void client_digest(const struct client *c, uint8_t ret[static SHA256_BYTES])
{
    sha256(slice_of(auth_method_name(c->auth_method)), ret);
    for (size_t i = 0; i < c->redirect_uris.n; i++) {
        const struct slice parts[] = { slice_bytes(ret, SHA256_BYTES), c->redirect_uris.at[i] };

        sha256_parts(parts, 2, ret);
    }
}

/* client_id has no blank (client_id_is_valid), so the two texts cannot be cut elsewhere. */
static struct slice consent_key(struct txn *t, int64_t user_id, struct slice client_id, struct slice bound_uri)
{
    const struct slice parts[] = { client_id, SL(" "), bound_uri };
    struct pool *p = txn_pool(t);
    uint8_t hash[SHA256_BYTES];

    sha256_parts(parts, 3, hash);
    return key_make(p, txn_issuer(t), CLASS_CONSENT, key_user(p, user_id), slice_bytes(hash, CONSENT_ID_BYTES));
}

static bool unpack(struct pool *p, struct slice value, struct consent *ret)
{
    struct consent c;
    struct unpacker u;

    unpack_begin(&u, p, value);
    c.user_id = unpack_i64(&u);
    c.client_id = unpack_text(&u);
    c.redirect_uri = unpack_text(&u);
    c.scopes = unpack_u32(&u);
    unpack_bytes(&u, c.client_digest, SHA256_BYTES);
    c.given_at = unpack_i64(&u);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = c;
    return true;
}

static bool find(struct txn *t, struct slice key, struct consent *ret)
{
    struct slice value;

    if (!txn_get(t, key, &value))
        return false;
    if (unpack(txn_pool(t), value, ret))
        return true;
    txn_fail(t, ERR_CORRUPT);
    return false;
}

/* Is it for this client, as the client is now, and this redirect URI? */
static bool is_valid(const struct consent *given, const struct client *c, struct slice bound_uri)
{
    uint8_t digest[SHA256_BYTES];

    client_digest(c, digest);
    return slice_eq(given->client_id, c->id) && slice_eq(given->redirect_uri, bound_uri) &&
           slice_eq(slice_bytes(given->client_digest, SHA256_BYTES), slice_bytes(digest, SHA256_BYTES));
}

bool consent_covers(struct txn *t, int64_t user_id, const struct client *c, struct slice redirect_uri, unsigned scopes,
                    struct consent *ret)
{
    struct slice bound_uri = redirect_bound(txn_pool(t), redirect_uri);
    struct consent given;

    if (!find(t, consent_key(t, user_id, c->id, bound_uri), &given))
        return false;
    if (ret != NULL)
        *ret = given;
    return is_valid(&given, c, bound_uri) && (scopes & ~given.scopes) == 0;
}

void consent_put(struct txn *t, int64_t user_id, const struct client *c, struct slice redirect_uri, unsigned scopes,
                 struct now now)
{
    struct pool *p = txn_pool(t);
    struct slice bound_uri = redirect_bound(p, redirect_uri);
    struct slice key = consent_key(t, user_id, c->id, bound_uri);
    uint8_t digest[SHA256_BYTES];
    struct consent before;
    struct packer k;

    if (!find(t, key, &before))
        txn_count(t, issuer_count_key(t, CLASS_CONSENT, key_user(p, user_id)), 1, CONSENTS_PER_PERSON_MAX);
    else if (is_valid(&before, c, bound_uri))
        scopes |= before.scopes;
    client_digest(c, digest);
    pack_begin(&k, p, CONSENT_RECORD_VERSION, 0);
    pack_i64(&k, user_id);
    pack_text(&k, c->id);
    pack_text(&k, bound_uri);
    pack_u32(&k, scopes);
    pack_bytes(&k, digest, SHA256_BYTES);
    pack_i64(&k, now.s);
    stored_put(t, key, &k);
}

void consent_remove(struct txn *t, const struct consent *given)
{
    struct slice key = consent_key(t, given->user_id, given->client_id, given->redirect_uri), value;

    if (!txn_get(t, key, &value))
        return;
    txn_del(t, key);
    txn_count(t, issuer_count_key(t, CLASS_CONSENT, key_user(txn_pool(t), given->user_id)), -1,
              CONSENTS_PER_PERSON_MAX);
}
