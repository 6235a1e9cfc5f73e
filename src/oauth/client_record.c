/* How a client is stored. The key is half a hash of its id, so the id in the record decides: two ids with one key are one slot,
 * and whoever is not in it is unknown. Two numbers of one enum are never exchanged, they are on disk. */
#include "client.h"

#include "stored.h"

#define CLIENT_KEY_BYTES 16

struct slice client_key(struct txn *t, struct slice id)
{
    uint8_t hash[SHA256_BYTES];

    sha256(id, hash);
    return key_make(txn_pool(t), txn_issuer(t), CLASS_CLIENT, slice_bytes(hash, CLIENT_KEY_BYTES), SLICE_NONE);
}

static struct slice count_key(struct txn *t)
{
    return issuer_count_key(t, CLASS_CLIENT, SLICE_NONE);
}

static void pack_lifetimes(struct packer *k, const struct lifetimes *l)
{
    pack_i64(k, l->code);
    pack_i64(k, l->access);
    pack_i64(k, l->id);
    pack_i64(k, l->refresh_idle);
    pack_i64(k, l->refresh);
    pack_i64(k, l->session_idle);
    pack_i64(k, l->session);
}

static struct lifetimes unpack_lifetimes(struct unpacker *u)
{
    struct lifetimes l;

    l.code = unpack_i64(u);
    l.access = unpack_i64(u);
    l.id = unpack_i64(u);
    l.refresh_idle = unpack_i64(u);
    l.refresh = unpack_i64(u);
    l.session_idle = unpack_i64(u);
    l.session = unpack_i64(u);
    return l;
}

static void pack_secret(struct packer *k, const struct client *c)
{
    pack_u8(k, (uint8_t)c->auth_method);
    pack_bytes(k, c->secret_hash, SHA256_BYTES);
    pack_bytes(k, c->old_secret_hash, SHA256_BYTES);
    pack_i64(k, c->old_secret_until);
    pack_i64(k, c->secret_at);
}

static void pack_client(struct packer *k, const struct client *c)
{
    pack_text(k, c->id);
    pack_text(k, c->name);
    pack_u8(k, (uint8_t)c->origin);
    pack_text(k, c->added_by);
    pack_bool(k, c->approved);
    pack_bool(k, c->disabled);
    pack_secret(k, c);
    pack_texts(k, c->redirect_uris);
    pack_texts(k, c->post_logout_redirect_uris);
    pack_u8(k, (uint8_t)c->id_token_alg);
    pack_u8(k, (uint8_t)c->claims);
    pack_u8(k, (uint8_t)c->page);
    pack_u8(k, (uint8_t)c->require_pkce);
    pack_bool(k, c->frames);
    pack_bool(k, c->reach_public);
    pack_text(k, c->scope);
    pack_lifetimes(k, &c->lifetimes);
    pack_text(k, c->client_uri);
    pack_text(k, c->logo_uri);
    pack_text(k, c->policy_uri);
    pack_text(k, c->tos_uri);
    pack_i64(k, c->created_at);
    pack_u32(k, c->epoch);
}

void client_put(struct txn *t, const struct client *c)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), CLIENT_RECORD_VERSION, 0);
    pack_client(&k, c);
    stored_put(t, client_key(t, c->id), &k);
}

/* A number that no enumerator has makes the whole record bad: a newer avouch wrote it, and guessing would be a default. */
static unsigned unpack_enum(struct unpacker *u, unsigned count)
{
    unsigned v = unpack_u8(u);

    if (v < count)
        return v;
    u->bad = true;
    return 0;
}

static void unpack_secret(struct unpacker *u, struct client *c)
{
    c->auth_method = (enum auth_method)unpack_enum(u, AUTH_METHOD_COUNT);
    unpack_bytes(u, c->secret_hash, SHA256_BYTES);
    unpack_bytes(u, c->old_secret_hash, SHA256_BYTES);
    c->old_secret_until = unpack_i64(u);
    c->secret_at = unpack_i64(u);
}

bool client_unpack(struct pool *p, struct slice value, struct client *ret)
{
    struct client c;
    struct unpacker u;

    unpack_begin(&u, p, value);
    c.id = unpack_text(&u);
    c.name = unpack_text(&u);
    c.origin = (enum client_origin)unpack_enum(&u, CLIENT_ORIGIN_COUNT);
    c.added_by = unpack_text(&u);
    c.approved = unpack_bool(&u);
    c.disabled = unpack_bool(&u);
    unpack_secret(&u, &c);
    c.redirect_uris = unpack_texts(&u);
    c.post_logout_redirect_uris = unpack_texts(&u);
    c.id_token_alg = (enum sign_alg)unpack_enum(&u, SIGN_ALG_COUNT);
    c.claims = (enum client_claims)unpack_enum(&u, CLIENT_CLAIMS_COUNT);
    c.page = (enum client_page)unpack_enum(&u, CLIENT_PAGE_COUNT);
    c.require_pkce = (enum choice)unpack_enum(&u, CHOICE_COUNT);
    c.frames = unpack_bool(&u);
    c.reach_public = unpack_bool(&u);
    c.scope = unpack_text(&u);
    c.lifetimes = unpack_lifetimes(&u);
    c.client_uri = unpack_text(&u);
    c.logo_uri = unpack_text(&u);
    c.policy_uri = unpack_text(&u);
    c.tos_uri = unpack_text(&u);
    c.created_at = unpack_i64(&u);
    c.epoch = unpack_u32(&u);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = c;
    return true;
}

/* Writing a record costs what finding and reading one does: else the time of an answer would tell who has a client here
 * (tests/strain/timing.py). */
static void imagine(struct pool *p, struct slice id)
{
    const struct client nobody = { .id = id, .name = id };
    struct packer k;

    pack_begin(&k, p, CLIENT_RECORD_VERSION, 0);
    pack_client(&k, &nobody);
    (void)pack_end(&k);
}

bool client_load(struct txn *t, struct slice id, struct client *ret)
{
    struct slice value;
    struct client c;

    if (!txn_get(t, client_key(t, id), &value)) {
        imagine(txn_pool(t), id);
        return false;
    }
    if (!client_unpack(txn_pool(t), value, &c)) {
        txn_fail(t, ERR_CORRUPT);
        return false;
    }
    if (!slice_eq(c.id, id))
        return false;
    *ret = c;
    return true;
}

enum err client_create(struct txn *t, const struct client *c)
{
    struct client created = *c;
    struct slice value;

    if (txn_get(t, client_key(t, c->id), &value))
        return ERR_EXISTS;
    /* an id that was given up and is taken again must not bring the old grants back to life */
    random_bytes(&created.epoch, sizeof(created.epoch));
    client_put(t, &created);
    txn_count(t, count_key(t), 1, CLIENTS_MAX);
    return txn_err(t);
}

/* Nothing without a get first: two who remove one client at the same time must not both take it off the count. */
void client_remove(struct txn *t, const struct client *c)
{
    struct client stored;

    if (!client_load(t, c->id, &stored))
        return;
    txn_del(t, client_key(t, c->id));
    txn_count(t, count_key(t), -1, CLIENTS_MAX);
}
