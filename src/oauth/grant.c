/* A grant's life: issued with a code, redeemed once, revoked or expired. Who asks for a code is judged before the code
 * is, so that a stranger who replays an old one never reaches the answer that revokes what it got. */
#include "grant.h"

#include <assert.h>
#include <string.h>

#include "buf.h"
#include "pkce.h"
#include "stored.h"

#define CODE_SECRET_BYTES   32
#define CODE_DERIVATION_MAX 1024

static void put(struct txn *t, const struct grant *g)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), GRANT_RECORD_VERSION, g->expires_at);
    pack_bytes(&k, g->id, ID_BYTES);
    pack_u8(&k, (uint8_t)g->state);
    pack_i64(&k, g->user_id);
    pack_text(&k, g->stable_id);
    pack_text(&k, g->address);
    pack_text(&k, g->client_id);
    pack_text(&k, g->redirect_uri);
    pack_bool(&k, g->redirect_uri_sent);
    pack_u32(&k, g->scopes);
    pack_text(&k, g->nonce);
    pack_text(&k, g->code_challenge);
    pack_bytes(&k, g->code_hash, SHA256_BYTES);
    pack_i64(&k, g->created_at);
    pack_i64(&k, g->code_expires_at);
    pack_i64(&k, g->auth_time);
    pack_text(&k, g->sid);
    pack_bool(&k, g->auth_time_asked);
    pack_u32(&k, g->person_epoch);
    pack_u32(&k, g->client_epoch);
    pack_u32(&k, g->issuer_epoch);
    stored_put(t, stored_key(t, CLASS_GRANT, g->id), &k);
}

static bool unpack_state(struct unpacker *u, enum grant_state *ret)
{
    uint8_t state = unpack_u8(u);

    if (state >= GRANT_STATE_COUNT)
        return false;
    *ret = (enum grant_state)state;
    return true;
}

bool grant_unpack(struct pool *p, struct slice value, struct grant *ret)
{
    struct grant g;
    struct unpacker u;

    unpack_begin(&u, p, value);
    g.expires_at = u.expires_at;
    unpack_bytes(&u, g.id, ID_BYTES);
    if (!unpack_state(&u, &g.state))
        return false;
    g.user_id = unpack_i64(&u);
    g.stable_id = unpack_text(&u);
    g.address = unpack_text(&u);
    g.client_id = unpack_text(&u);
    g.redirect_uri = unpack_text(&u);
    g.redirect_uri_sent = unpack_bool(&u);
    g.scopes = unpack_u32(&u);
    g.nonce = unpack_text(&u);
    g.code_challenge = unpack_text(&u);
    unpack_bytes(&u, g.code_hash, SHA256_BYTES);
    g.created_at = unpack_i64(&u);
    g.code_expires_at = unpack_i64(&u);
    g.auth_time = unpack_i64(&u);
    g.sid = unpack_text(&u);
    g.auth_time_asked = unpack_bool(&u);
    g.person_epoch = unpack_u32(&u);
    g.client_epoch = unpack_u32(&u);
    g.issuer_epoch = unpack_u32(&u);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = g;
    return true;
}

bool grant_load(struct txn *t, const uint8_t id[static ID_BYTES], struct grant *ret)
{
    struct slice value;

    if (!txn_get(t, stored_key(t, CLASS_GRANT, id), &value))
        return false;
    if (grant_unpack(txn_pool(t), value, ret))
        return true;
    txn_fail(t, ERR_CORRUPT);
    return false;
}

/* "code" keeps this derivation apart from all others under the page key, the id the codes of one page from each other: it may be opened
 * again by somebody else. */
static void derive_secret(struct pool *p, const struct issuer *issuer, const uint8_t id[static ID_BYTES],
                          struct slice handle, uint8_t ret[static CODE_SECRET_BYTES])
{
    struct buf b;

    buf_init(&b, p, CODE_DERIVATION_MAX);
    buf_put(&b, SL("code"));
    buf_put(&b, slice_bytes(id, ID_BYTES));
    buf_put(&b, handle);
    struct slice input = buf_finish(&b);
    assert(!slice_is_none(input)); /* a handle is a credential of ours */
    hmac_sha256(issuer->page_key, input, ret);
}

/* The epochs as they are stored now; what has none stored is dead already and stays so. */
static void copy_epochs(struct txn *t, const struct client *client, struct grant *g)
{
    struct issuer_record issuer;
    struct person person;

    if (person_load(t, g->user_id, &person))
        g->person_epoch = person.epoch;
    if (issuer_load(t, &issuer))
        g->issuer_epoch = issuer.epoch;
    g->client_epoch = client->epoch;
}

struct slice grant_issue_code(struct txn *t, const struct issuer *issuer, const struct client *client,
                              struct slice handle, struct now now, struct grant *g)
{
    struct pool *p = txn_pool(t);
    uint8_t secret[CODE_SECRET_BYTES];

    stored_id_make(t, CLASS_GRANT, now, g->id);
    if (slice_is_none(handle))
        random_bytes(secret, sizeof(secret));
    else
        derive_secret(p, issuer, g->id, handle, secret);
    struct slice code = credential_write(p, CREDENTIAL_CODE, g->id, secret, g->code_hash);
    wipe(secret, sizeof(secret));
    g->state = GRANT_ISSUED;
    g->created_at = now.s;
    g->code_expires_at = now.s + client_lifetimes(client, issuer).code;
    g->expires_at = g->code_expires_at + GRANT_KEEP_S;
    copy_epochs(t, client, g);
    put(t, g);
    txn_count(t, issuer_count_key(t, CLASS_GRANT, key_user(p, g->user_id)), 1, GRANTS_PER_PERSON_MAX);
    return code;
}

struct slice grant_repeat_code(struct pool *p, const struct issuer *issuer, const uint8_t id[static ID_BYTES],
                               struct slice handle)
{
    uint8_t secret[CODE_SECRET_BYTES], hash[SHA256_BYTES];

    derive_secret(p, issuer, id, handle, secret);
    struct slice code = credential_write(p, CREDENTIAL_CODE, id, secret, hash);
    wipe(secret, sizeof(secret));
    return code;
}

static bool find_by_code(struct txn *t, struct slice code, struct grant *ret)
{
    struct credential_parts parts;
    struct grant g = { 0 };

    if (!credential_read(code, CREDENTIAL_CODE, &parts))
        return false;
    /* an id that nobody has takes the road of a wrong secret */
    bool found = grant_load(t, parts.id, &g);
    bool right = equal_ct(slice_bytes(parts.hash, SHA256_BYTES), slice_bytes(g.code_hash, SHA256_BYTES));
    if (!found || !right)
        return false;
    *ret = g;
    return true;
}

/* RFC 6749 4.1.3: identical if it was in the authorization request; else it may be left out, being the only registered
 * one. */
static bool redirect_holds(const struct grant *g, struct slice sent)
{
    if (sent.n == 0)
        return !g->redirect_uri_sent;
    return slice_eq(sent, g->redirect_uri);
}

/* RFC 9700 4.8.2: a verifier without a challenge is as wrong as a challenge without a verifier (downgrade). */
static bool verifier_holds(const struct grant *g, struct slice verifier)
{
    if (g->code_challenge.n == 0)
        return verifier.n == 0;
    return pkce_verifier_is_valid(verifier) && pkce_matches(verifier, g->code_challenge);
}

enum code_check grant_check_code(struct txn *t, const struct issuer *issuer, const struct code_use *use, struct now now,
                                 struct grant *ret)
{
    struct grant g;

    if (!find_by_code(t, use->code, &g))
        return CODE_UNKNOWN;
    if (!slice_eq(g.client_id, use->client->id))
        return CODE_OTHER_CLIENT;
    if (!redirect_holds(&g, use->redirect_uri))
        return CODE_REDIRECT;
    if (!verifier_holds(&g, use->verifier))
        return CODE_VERIFIER;
    *ret = g;
    if (!grant_is_alive(t, &g, NULL))
        return CODE_REVOKED;
    if (g.state == GRANT_REDEEMED)
        return CODE_REPLAYED;
    return now.s < g.code_expires_at ? CODE_OK : CODE_EXPIRED;
}

const char *code_check_text(enum code_check c)
{
    static const char *const text[CODE_CHECK_COUNT] = {
        [CODE_OK] = "the code is good",
        [CODE_UNKNOWN] = "no such code",
        [CODE_EXPIRED] = "the code has expired",
        [CODE_OTHER_CLIENT] = "the code is another client's",
        [CODE_REDIRECT] = "redirect_uri differs from the authorization request's",
        [CODE_VERIFIER] = "code_verifier is missing, wrong, or without a challenge",
        [CODE_REPLAYED] = "the code was used before",
        [CODE_REVOKED] = "the grant is revoked",
    };

    return text[c];
}

void grant_redeem(struct txn *t, const struct issuer *issuer, const struct client *client, struct grant *g,
                  struct now now)
{
    struct lifetimes l = client_lifetimes(client, issuer);
    int64_t tokens_end = now.s + (l.access > l.id ? l.access : l.id);

    assert(g->state == GRANT_ISSUED);
    g->state = GRANT_REDEEMED;
    if (g->expires_at < tokens_end + GRANT_KEEP_S)
        g->expires_at = tokens_end + GRANT_KEEP_S;
    put(t, g);
}

void grant_revoke(struct txn *t, struct grant *g, struct now now)
{
    if (g->state == GRANT_REVOKED)
        return;
    g->state = GRANT_REVOKED;
    if (g->expires_at < now.s + GRANT_KEEP_S)
        g->expires_at = now.s + GRANT_KEEP_S;
    put(t, g);
}

bool grant_is_alive(struct txn *t, const struct grant *g, struct client *ret_client)
{
    struct client client;
    struct person person;
    struct issuer_record issuer;

    if (g->state == GRANT_REVOKED)
        return false;
    if (!person_load(t, g->user_id, &person) || person.blocked || person.epoch != g->person_epoch)
        return false;
    if (!client_load(t, g->client_id, &client) || client.disabled || client.epoch != g->client_epoch)
        return false;
    if (!issuer_load(t, &issuer) || issuer.epoch != g->issuer_epoch)
        return false;
    if (ret_client != NULL)
        *ret_client = client;
    return true;
}
