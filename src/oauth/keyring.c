/* The signing keys' records and their life. Upkeep works from a keyring that may be a commit behind, so it reads each
 * key that it changes again and leaves alone what somebody else has moved. */
#include "keyring.h"

#include "encode.h"
#include "store.h"
#include "stored.h"

#define KEY_NUMBER_TRIES  4
#define KEY_NUMBER_MAX    (UINT32_MAX - 1)
#define UPKEEP_WRITES_MAX 8 /* of TXN_WRITES_MAX; the rest is due at the next tick */
#define JWK_BYTES_MAX     4096
#define JWK_MEMBERS_MAX   4
#define JWKS_BYTES_MAX    (KEYS_MAX * (JWK_BYTES_MAX + 256UL))

const char *key_state_name(enum key_state s)
{
    static const char *const name[KEY_STATE_COUNT] = {
        [KEY_PUBLISHED] = "published",
        [KEY_ACTIVE] = "active",
        [KEY_RETIRED] = "retired",
    };

    return name[s];
}

uint64_t key_handle(uint16_t issuer, uint32_t number)
{
    return (uint64_t)issuer << 32 | number;
}

static struct slice record_key(struct pool *p, uint16_t issuer, uint32_t number)
{
    return key_make(p, issuer, CLASS_KEY, key_u32(p, number), SLICE_NONE);
}

bool signing_key_unpack(struct pool *p, struct slice value, struct signing_key *ret)
{
    struct signing_key k;
    struct unpacker u;

    unpack_begin(&u, p, value);
    k.number = unpack_u32(&u);
    uint8_t alg = unpack_u8(&u);
    uint8_t state = unpack_u8(&u);
    k.kid = unpack_text(&u);
    k.public_jwk = unpack_text(&u);
    k.sealed = unpack_text(&u);
    k.created_at = unpack_i64(&u);
    k.active_at = unpack_i64(&u);
    k.retired_at = unpack_i64(&u);
    if (unpack_end(&u) != ERR_OK || alg >= SIGN_ALG_COUNT || state >= KEY_STATE_COUNT)
        return false;
    k.alg = (enum sign_alg)alg;
    k.state = (enum key_state)state;
    *ret = k;
    return true;
}

void signing_key_put(struct txn *t, const struct signing_key *k)
{
    struct packer pk;

    pack_begin(&pk, txn_pool(t), KEY_RECORD_VERSION, 0);
    pack_u32(&pk, k->number);
    pack_u8(&pk, (uint8_t)k->alg);
    pack_u8(&pk, (uint8_t)k->state);
    pack_text(&pk, k->kid);
    pack_text(&pk, k->public_jwk);
    pack_text(&pk, k->sealed);
    pack_i64(&pk, k->created_at);
    pack_i64(&pk, k->active_at);
    pack_i64(&pk, k->retired_at);
    stored_put(t, record_key(txn_pool(t), txn_issuer(t), k->number), &pk);
}

void signing_keys_remove(struct txn *t, const uint32_t *number, size_t n)
{
    struct slice value;
    int removed = 0;

    for (size_t i = 0; i < n; i++) {
        struct slice key = record_key(txn_pool(t), txn_issuer(t), number[i]);
        if (!txn_get(t, key, &value))
            continue;
        txn_del(t, key);
        removed++;
    }
    if (removed > 0)
        txn_count(t, issuer_count_key(t, CLASS_KEY, SLICE_NONE), -removed, KEYS_MAX);
}

enum err keyring_read(struct pool *p, struct view *v, uint16_t issuer, struct keyring *ret)
{
    struct slice prefix = key_make(p, issuer, CLASS_KEY, SLICE_NONE, SLICE_NONE), from = prefix;
    struct keyring ring = { .txn_id = view_txn_id(v) };
    enum err err = ERR_OK;
    struct record r;

    while (view_next(v, from, &r, &err) && slice_starts(r.key, prefix)) {
        if (ring.n == KEYS_MAX)
            return ERR_LIMIT;
        ring.stored[ring.n].from = from;
        ring.stored[ring.n].record = (struct record){ pool_dup(p, r.key), pool_dup(p, r.value) };
        struct signing_key *k = &ring.key[ring.n];
        if (!signing_key_unpack(p, ring.stored[ring.n].record.value, k) ||
            !slice_eq(r.key, record_key(p, issuer, k->number)) || k->number > KEY_NUMBER_MAX)
            return ERR_CORRUPT;
        from = record_key(p, issuer, k->number + 1);
        ring.n++;
    }
    ring.stored[ring.n].from = from;
    if (err == ERR_OK)
        *ret = ring;
    return err;
}

bool keyring_is_current(const struct keyring *k, struct view *v, uint16_t issuer)
{
    uint16_t of = 0;
    uint8_t class = 0;
    enum err err = ERR_OK;
    struct record r;
    struct slice id;

    for (size_t i = 0; i < k->n; i++)
        if (!view_next(v, k->stored[i].from, &r, &err) || !slice_eq(r.key, k->stored[i].record.key) ||
            !slice_eq(r.value, k->stored[i].record.value))
            return false;
    if (!view_next(v, k->stored[k->n].from, &r, &err))
        return err == ERR_OK;
    return key_split(r.key, &of, &class, &id) && (of != issuer || class != CLASS_KEY);
}

static bool is_due(const struct signing_key *k, struct now now)
{
    return k->state == KEY_PUBLISHED && now.s >= k->created_at + KEY_PUBLISH_S;
}

/* The last made, by number and not by time: a clock that was set back must not bring an old key into use again. */
static const struct signing_key *newest_active(const struct keyring *k, enum sign_alg alg)
{
    const struct signing_key *best = NULL;

    for (size_t i = 0; i < k->n; i++)
        if (k->key[i].alg == alg && k->key[i].state == KEY_ACTIVE)
            best = &k->key[i];
    return best;
}

const struct signing_key *keyring_signing(const struct keyring *k, enum sign_alg alg, struct now now)
{
    const struct signing_key *best = newest_active(k, alg);

    for (size_t i = 0; best == NULL && i < k->n; i++)
        if (k->key[i].alg == alg && is_due(&k->key[i], now))
            best = &k->key[i];
    return best;
}

static bool key_same(const struct signing_key *a, const struct signing_key *b)
{
    return a->number == b->number && a->alg == b->alg && a->state == b->state && a->created_at == b->created_at &&
           a->active_at == b->active_at && a->retired_at == b->retired_at && slice_eq(a->kid, b->kid);
}

bool keyring_same(const struct keyring *a, const struct keyring *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!key_same(&a->key[i], &b->key[i]))
            return false;
    return true;
}

/* Numbers are never used again, as the signer knows keys by them: so beside the keys that are there, those ever made
 * count. */
static struct slice made_count_key(struct txn *t)
{
    return issuer_count_key(t, CLASS_KEY, SL("made"));
}

uint32_t keyring_next_number(struct txn *t)
{
    struct pool *p = txn_pool(t);
    struct slice prefix = key_make(p, txn_issuer(t), CLASS_KEY, SLICE_NONE, SLICE_NONE), value;
    struct record *there = pool_alloc(p, KEYS_MAX * sizeof(*there));
    struct signing_key last = { 0 };
    size_t n = txn_scan(t, prefix, prefix, KEYS_MAX, there);

    if (n > 0 && !signing_key_unpack(p, there[n - 1].value, &last))
        txn_fail(t, ERR_CORRUPT);
    uint32_t made = txn_count_now(t, made_count_key(t));
    uint32_t number = (last.number > made ? last.number : made) + 1;
    for (unsigned i = 0; i < KEY_NUMBER_TRIES && txn_get(t, record_key(p, txn_issuer(t), number), &value); i++)
        number++;
    return number;
}

void keyring_add(struct txn *t, struct signing_key *k, bool first, struct now now)
{
    struct slice taken;

    if (k->number == 0)
        k->number = keyring_next_number(t);
    if (slice_is_none(k->kid))
        k->kid = jwk_thumbprint(txn_pool(t), k->public_jwk);
    if (slice_is_none(k->kid))
        txn_fail(t, ERR_CRYPTO);
    if (txn_get(t, record_key(txn_pool(t), txn_issuer(t), k->number), &taken))
        txn_fail(t, ERR_CHANGED); /* somebody has added one since the number was chosen */
    k->state = first ? KEY_ACTIVE : KEY_PUBLISHED;
    k->created_at = now.s;
    k->active_at = first ? now.s : 0;
    k->retired_at = 0;
    signing_key_put(t, k);
    txn_count(t, issuer_count_key(t, CLASS_KEY, SLICE_NONE), 1, KEYS_MAX);
    txn_count(t, made_count_key(t), 1, KEY_NUMBER_MAX);
}

bool signing_key_reload(struct txn *t, const struct signing_key *cached, struct signing_key *ret)
{
    struct signing_key k;
    struct slice value;

    if (!txn_get(t, record_key(txn_pool(t), txn_issuer(t), cached->number), &value))
        return false;
    if (!signing_key_unpack(txn_pool(t), value, &k)) {
        txn_fail(t, ERR_CORRUPT);
        return false;
    }
    if (!key_same(&k, cached))
        return false;
    *ret = k;
    return true;
}

void signing_key_activate(struct txn *t, struct signing_key *k, struct now now)
{
    k->state = KEY_ACTIVE;
    k->active_at = now.s;
    signing_key_put(t, k);
}

/* One step a tick: the key that takes over is active before the one it replaces retires. True if something was put. */
static bool move_on(struct txn *t, const struct keyring *ring, const struct signing_key *cached, struct now now)
{
    bool superseded = cached->state == KEY_ACTIVE && newest_active(ring, cached->alg) != cached;
    struct signing_key k;

    if (!superseded && !is_due(cached, now))
        return false;
    if (!signing_key_reload(t, cached, &k))
        return false;
    if (!superseded) {
        signing_key_activate(t, &k, now);
        return true;
    }
    k.state = KEY_RETIRED;
    k.retired_at = now.s;
    signing_key_put(t, &k);
    return true;
}

static bool is_over(const struct signing_key *k, struct now now)
{
    return k->state == KEY_RETIRED && now.s >= k->retired_at + KEY_RETIRE_S;
}

static bool has_published(const struct keyring *k, enum sign_alg alg)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->key[i].alg == alg && k->key[i].state == KEY_PUBLISHED)
            return true;
    return false;
}

bool keyring_has_room(const struct keyring *k)
{
    return k->n < KEYS_MAX - SIGN_ALG_COUNT;
}

/* The successor is made early enough to be published for KEY_PUBLISH_S when its time comes. */
static bool needs_successor(const struct keyring *k, enum sign_alg alg, struct now now)
{
    const struct signing_key *active = newest_active(k, alg);

    return active != NULL && now.s >= active->active_at + KEY_ROTATE_S - KEY_PUBLISH_S && !has_published(k, alg);
}

bool keyring_upkeep(struct txn *t, const struct keyring *k, struct now now, enum sign_alg *ret_generate)
{
    uint32_t over[UPKEEP_WRITES_MAX];
    size_t writes = 0, over_n = 0;

    for (size_t i = 0; i < k->n && writes + over_n < UPKEEP_WRITES_MAX; i++) {
        if (is_over(&k->key[i], now))
            over[over_n++] = k->key[i].number;
        else
            writes += move_on(t, k, &k->key[i], now);
    }
    signing_keys_remove(t, over, over_n);
    for (unsigned alg = 0; alg < SIGN_ALG_COUNT && keyring_has_room(k); alg++) {
        if (needs_successor(k, (enum sign_alg)alg, now)) {
            *ret_generate = (enum sign_alg)alg;
            return true;
        }
    }
    return false;
}

/* The members that make up a public key, in the order that RFC 7638 3.2 and 3.3 hash them in. No other member leaves
 * us. */
static const struct {
    const char *kty, *member[JWK_MEMBERS_MAX];
} jwk_kinds[] = {
    { "RSA", { "e", "kty", "n" } },
    { "EC", { "crv", "kty", "x", "y" } },
};

/* The members and their values in that order; how many, 0: not a public key that we know. */
static size_t read_jwk(struct pool *p, struct slice public_jwk, const char *ret_name[static JWK_MEMBERS_MAX],
                       struct slice ret_value[static JWK_MEMBERS_MAX])
{
    const struct json *jwk;
    struct slice kty;
    size_t kind = 0, n = 0;

    if (json_parse(p, public_jwk, JWK_BYTES_MAX, &jwk) != ERR_OK || !json_text(json_member(jwk, "kty"), &kty))
        return 0;
    while (kind < sizeof(jwk_kinds) / sizeof(jwk_kinds[0]) && !slice_eq(kty, slice_of(jwk_kinds[kind].kty)))
        kind++;
    if (kind == sizeof(jwk_kinds) / sizeof(jwk_kinds[0]))
        return 0;
    for (; n < JWK_MEMBERS_MAX && jwk_kinds[kind].member[n] != NULL; n++) {
        ret_name[n] = jwk_kinds[kind].member[n];
        if (!json_text(json_member(jwk, ret_name[n]), &ret_value[n]))
            return 0;
    }
    return n;
}

struct slice jwk_thumbprint(struct pool *p, struct slice public_jwk)
{
    const char *name[JWK_MEMBERS_MAX];
    struct slice value[JWK_MEMBERS_MAX];
    size_t n = read_jwk(p, public_jwk, name, value);
    uint8_t hash[SHA256_BYTES];
    struct json_writer w;
    struct buf b;

    if (n == 0)
        return SLICE_NONE;
    buf_init(&b, p, JWK_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    for (size_t i = 0; i < n; i++)
        jw_text(&w, name[i], value[i]);
    jw_object_end(&w);
    struct slice canonical = jw_finish(&w);
    if (slice_is_none(canonical))
        return SLICE_NONE;
    sha256(canonical, hash);
    return base64url_encode(p, slice_bytes(hash, SHA256_BYTES));
}

static void write_jwk(struct json_writer *w, struct pool *p, const struct signing_key *k)
{
    const char *name[JWK_MEMBERS_MAX];
    struct slice value[JWK_MEMBERS_MAX];
    size_t n = read_jwk(p, k->public_jwk, name, value);

    if (n == 0)
        return;
    jw_object(w, NULL);
    for (size_t i = 0; i < n; i++)
        jw_text(w, name[i], value[i]);
    jw_text(w, "use", SL("sig"));
    jw_text(w, "alg", slice_of(sign_alg_name(k->alg)));
    jw_text(w, "kid", k->kid);
    jw_object_end(w);
}

struct slice jwks_render(struct pool *p, const struct keyring *k)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, JWKS_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_array(&w, "keys");
    for (size_t i = 0; i < k->n; i++)
        write_jwk(&w, p, &k->key[i]);
    jw_array_end(&w);
    jw_object_end(&w);
    return jw_finish(&w);
}
