/* Orders of the command line about keys, carried out by the server's upkeep: make what has to be made first
 * (keyring_order_due), then finish. "Made since" is told by the key's number, which the order noted, and not by a
 * clock. */
#include "keyring.h"
#include "stored.h"

#define ORDER_RECORD_VERSION 1
#define ORDER_WRITES_MAX     8 /* keys changed in one transaction; the rest at the next tick */

void order_put(struct txn *t, enum order_kind kind, struct slice argument, struct now now)
{
    uint8_t id[ID_BYTES];
    struct packer k;

    stored_id_make(t, CLASS_ORDER, now, id);
    pack_begin(&k, txn_pool(t), ORDER_RECORD_VERSION, 0);
    pack_bytes(&k, id, ID_BYTES);
    pack_u8(&k, (uint8_t)kind);
    pack_text(&k, argument);
    pack_i64(&k, now.s);
    pack_u32(&k, keyring_next_number(t));
    stored_put(t, stored_key(t, CLASS_ORDER, id), &k);
}

static bool unpack(struct pool *p, struct slice value, struct order *ret)
{
    struct order o;
    struct unpacker u;

    unpack_begin(&u, p, value);
    unpack_bytes(&u, o.id, ID_BYTES);
    uint8_t kind = unpack_u8(&u);
    o.argument = unpack_text(&u);
    o.created_at = unpack_i64(&u);
    o.next_number = unpack_u32(&u);
    if (unpack_end(&u) != ERR_OK || kind < ORDER_ROTATE || kind > ORDER_RETIRE)
        return false;
    o.kind = (enum order_kind)kind;
    *ret = o;
    return true;
}

bool order_next(struct txn *t, struct order *ret)
{
    struct slice prefix = key_make(txn_pool(t), txn_issuer(t), CLASS_ORDER, SLICE_NONE, SLICE_NONE), value;
    struct record oldest;

    /* the scan finds it, the get guards it */
    if (txn_scan(t, prefix, prefix, 1, &oldest) == 0 || !txn_get(t, oldest.key, &value))
        return false;
    if (unpack(txn_pool(t), value, ret))
        return true;
    txn_fail(t, ERR_CORRUPT);
    return false;
}

void order_remove(struct txn *t, const struct order *o)
{
    txn_del(t, stored_key(t, CLASS_ORDER, o->id));
}

static bool is_in_use(const struct signing_key *k)
{
    return k->state != KEY_RETIRED;
}

static bool has_since(const struct keyring *k, const struct order *o, enum sign_alg alg)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->key[i].alg == alg && k->key[i].number >= o->next_number)
            return true;
    return false;
}

static bool rotation_needs(const struct keyring *k, const struct order *o, enum sign_alg *ret_generate)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct signing_key *old = &k->key[i];
        if (is_in_use(old) && old->number < o->next_number && !has_since(k, o, old->alg)) {
            *ret_generate = old->alg;
            return true;
        }
    }
    return false;
}

const struct signing_key *keyring_find(const struct keyring *k, struct slice name)
{
    uint64_t number = 0;
    bool is_number = slice_to_u64(name, UINT32_MAX, &number);

    for (size_t i = 0; i < k->n; i++)
        if (slice_eq(k->key[i].kid, name) || (is_number && k->key[i].number == number))
            return &k->key[i];
    return NULL;
}

/* Another key of its algorithm that signs, or else the newest one that soon could. */
static const struct signing_key *find_successor(const struct keyring *k, const struct signing_key *of)
{
    const struct signing_key *best = NULL;

    for (size_t i = 0; i < k->n; i++) {
        const struct signing_key *other = &k->key[i];
        if (other == of || other->alg != of->alg || !is_in_use(other))
            continue;
        if (best == NULL || best->state != KEY_ACTIVE)
            best = other;
    }
    return best;
}

bool keyring_order_due(const struct keyring *k, const struct order *o, enum sign_alg *ret_generate)
{
    if (o->kind == ORDER_ROTATE && !keyring_has_room(k))
        return false; /* or it would wait for ever, and all later ones with it */
    if (o->kind != ORDER_RETIRE)
        return rotation_needs(k, o, ret_generate);
    const struct signing_key *key = keyring_find(k, o->argument);
    if (key == NULL || !is_in_use(key) || find_successor(k, key) != NULL)
        return false;
    *ret_generate = key->alg;
    return true;
}

/* Keys that are thought stolen: nothing they signed may be verified any longer. */
static bool remove_older(struct txn *t, const struct keyring *k, const struct order *o)
{
    uint32_t older[ORDER_WRITES_MAX];
    size_t n = 0, i = 0;

    for (; i < k->n && k->key[i].number < o->next_number && n < ORDER_WRITES_MAX; i++)
        older[n++] = k->key[i].number;
    signing_keys_remove(t, older, n);
    return i == k->n || k->key[i].number >= o->next_number;
}

static void retire(struct txn *t, const struct keyring *k, const struct order *o, struct now now)
{
    const struct signing_key *key = keyring_find(k, o->argument);
    struct signing_key heir;

    if (key == NULL)
        return;
    const struct signing_key *successor = key->state == KEY_ACTIVE ? find_successor(k, key) : NULL;
    if (successor != NULL && successor->state == KEY_PUBLISHED && signing_key_reload(t, successor, &heir))
        signing_key_activate(t, &heir, now);
    signing_keys_remove(t, &key->number, 1);
}

bool keyring_order_finish(struct txn *t, const struct keyring *k, const struct order *o, struct now now)
{
    enum sign_alg missing;

    if (keyring_order_due(k, o, &missing))
        return false;
    if (o->kind == ORDER_RETIRE)
        retire(t, k, o, now);
    else if (o->kind == ORDER_ROTATE_NOW && !remove_older(t, k, o))
        return false;
    order_remove(t, o);
    return true;
}
