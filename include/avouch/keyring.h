/* The signing keys of an issuer: published, used, retired, gone. Record class CLASS_KEY, key: number. The private part
 * is sealed and only crypto/signer.c opens it. A cache of them is valid for one LMDB transaction number. Rotation: a
 * new key is published at least KEY_PUBLISH_S before use; the one it replaces stays published for KEY_RETIRE_S. */
#ifndef AVOUCH_KEYRING_H
#define AVOUCH_KEYRING_H

#include "ids.h"
#include "issuer.h"
#include "json.h"
#include "signer.h"

#define KEY_RECORD_VERSION 1
#define KEYS_MAX 32                 /* of an issuer, retired ones included; the last SIGN_ALG_COUNT are for orders that end older ones */
#define KEY_PUBLISH_S 86400
#define KEY_ROTATE_S (90 * INT64_C(86400))
#define KEY_RETIRE_S (8 * INT64_C(86400)) /* longest ID token life and the clients' caches */

enum key_state { KEY_PUBLISHED, KEY_ACTIVE, KEY_RETIRED };
#define KEY_STATE_COUNT 3
const char *key_state_name(enum key_state s);

struct signing_key {
    uint32_t number;
    enum sign_alg alg;
    enum key_state state;
    struct slice kid;               /* RFC 7638 thumbprint, base64url */
    struct slice public_jwk;        /* JSON object: kty and its members */
    struct slice sealed;
    int64_t created_at, active_at, retired_at; /* 0: not yet */
};

struct keyring {
    uint64_t txn_id;                /* of the view it was read from */
    size_t n;
    struct signing_key key[KEYS_MAX]; /* by number: the newest is last */
    struct {
        struct slice from;          /* where a look for the record began */
        struct record record;       /* the first from there on; behind the last of them nothing is left */
    } stored[KEYS_MAX + 1];
};

uint64_t key_handle(uint16_t issuer, uint32_t number);      /* the signer's name for it */
/* All of them, for a cache. ERR_CORRUPT, ERR_IO, ERR_LIMIT: more than KEYS_MAX. */
enum err keyring_read(struct pool *p, struct view *v, uint16_t issuer, struct keyring *ret) MUST_CHECK;
/* Is what was read still all there is? Then txn_id may move on. False where the view cannot read. */
bool keyring_is_current(const struct keyring *k, struct view *v, uint16_t issuer);
/* The key to sign with now: active, or published and due. NULL: there is none, make one (keyring_add after a generating
 * message). */
const struct signing_key *keyring_signing(const struct keyring *k, enum sign_alg alg, struct now now);
const struct signing_key *keyring_find(const struct keyring *k, struct slice name); /* by kid or number; NULL: none */
bool keyring_same(const struct keyring *a, const struct keyring *b);

bool signing_key_unpack(struct pool *p, struct slice value, struct signing_key *ret);
void signing_key_put(struct txn *t, const struct signing_key *k);
/* The stored key, if it is still what the keyring says. */
bool signing_key_reload(struct txn *t, const struct signing_key *cached, struct signing_key *ret);
void signing_key_activate(struct txn *t, struct signing_key *k, struct now now);
/* The signer is told to forget them by whoever commits. */
void signing_keys_remove(struct txn *t, const uint32_t *number, size_t n);
/* Puts a made key (alg, public_jwk, sealed) under its number; kid, where none, is the thumbprint. first: active at once
 * (nothing older to wait for). The number is from keyring_next_number in this same transaction, as the signer made the
 * key under it; 0: chosen here. On the transaction: ERR_CHANGED if the number was taken meanwhile, ERR_CRYPTO for a JWK
 * that is none, at commit ERR_LIMIT for KEYS_MAX. */
void keyring_add(struct txn *t, struct signing_key *k, bool first, struct now now);
uint32_t keyring_next_number(struct txn *t);    /* never one that was used before; its absence is in the read set */
struct slice jwk_thumbprint(struct pool *p, struct slice public_jwk); /* RFC 7638; none for what is no RSA or EC key */

/* What is due: activate, retire, remove (put here, some at a time), or generate. True: make one of *ret_generate, and
 * keyring_add it with first false. k is read from the same snapshot; keys that have changed since are left for the next
 * time. */
bool keyring_upkeep(struct txn *t, const struct keyring *k, struct now now, enum sign_alg *ret_generate);

/* RFC 7517 5: each with kid, use, alg; public members only. */
struct slice jwks_render(struct pool *p, const struct keyring *k);

/* What the command line asks of the server, which alone can unseal: CLASS_ORDER (order.c). ROTATE: a new key of each
 * algorithm in use, published first; none where there is no room. ROTATE_NOW: active at once, and all older keys go at
 * once. RETIRE: the key named by the argument (kid or number) goes at once, a published one takes over or a new one is
 * made first. */
enum order_kind { ORDER_ROTATE = 1, ORDER_ROTATE_NOW = 2, ORDER_RETIRE = 3 };

struct order {
    uint8_t id[ID_BYTES];
    enum order_kind kind;
    struct slice argument;
    int64_t created_at;
    uint32_t next_number;           /* keys from this number on were made since the order */
};

void order_put(struct txn *t, enum order_kind kind, struct slice argument, struct now now);
bool order_next(struct txn *t, struct order *ret);          /* the oldest; false: none */
void order_remove(struct txn *t, const struct order *o);
/* May a rotation that can wait make another key? */
bool keyring_has_room(const struct keyring *k);
/* True: a key of *ret_generate must be made first, and added with first = (o->kind != ORDER_ROTATE). */
bool keyring_order_due(const struct keyring *k, const struct order *o, enum sign_alg *ret_generate);
/* Nothing is due any more: what the order ends is removed, some at a time, and with the last of it the order. False:
 * again. */
bool keyring_order_finish(struct txn *t, const struct keyring *k, const struct order *o, struct now now);

#endif
