/* Every class of record in one enum, and the one function that builds a key.
 *
 *   key:  issuer (2, big-endian) | class (1) | id (as below)
 *
 * An id is what the class's row says: "t8" is 8 time-ordered bytes (ids.h), "u8" a user id, big-endian with the sign bit
 * flipped, "h16" the first half of a SHA-256. Classes are never renumbered and never reused. */
#ifndef AVOUCH_SCHEMA_H
#define AVOUCH_SCHEMA_H

#include "pool.h"

enum key_class {
    CLASS_META = 1,     /* "" : schema version, boot and wall time of the last commit; issuer 0; see view_clock */
    CLASS_ISSUER = 2,   /* "" : name, epoch, sealed HMAC keys, tailnet remembered */
    CLASS_COUNT = 3,    /* class counted (1) | whose id : a number, see txn_count */
    CLASS_AUDIT = 4,    /* sequence (8, big-endian), from 1 : chain.h */
    CLASS_AUDIT_HEAD = 5, /* "" : sequence and hash of the newest, chain.h */
    CLASS_KEY = 6,      /* key number (4) : a signing key */
    CLASS_ORDER = 7,    /* t8 : what the command line asks the server to do */
    CLASS_TAILNET = 8,  /* "accepted" or "seen" : whose tailnet it is, tailnet.h */
    CLASS_CLIENT = 16,  /* h16 of client_id */
    CLASS_PERSON = 17,  /* u8 */
    CLASS_USERNAME = 18, /* preferred_username in lower case : u8 */
    CLASS_EMAIL = 19,   /* address in lower case : u8 */
    CLASS_SESSION = 20, /* t8 */
    CLASS_CONSENT = 21, /* u8 | h16 of client and redirect URI */
    CLASS_GRANT = 22,   /* t8 */
    CLASS_ACCESS = 23,  /* t8 : an opaque access token */
    CLASS_FLOW = 24,    /* t8 : a stored authorization request */
    CLASS_SIGNED_OUT = 25, /* u8 | StableID */
    CLASS_CLIENT_NAME = 26, /* client name, folded : h16, for confusable names */
    CLASS_NODE = 27,    /* StableID : epoch of a machine */
};

#define KEY_BYTES_MAX 256 /* LMDB takes 511 */

/* A key in the pool, of up to 3 parts. Asserts on KEY_BYTES_MAX: callers bound their parts. */
struct slice key_make(struct pool *p, uint16_t issuer, enum key_class class, struct slice a, struct slice b);
bool key_split(struct slice key, uint16_t *ret_issuer, uint8_t *ret_class, struct slice *ret_id);

struct slice key_u32(struct pool *p, uint32_t v);   /* 4 bytes, big-endian */
struct slice key_u64(struct pool *p, uint64_t v);   /* 8 bytes, big-endian */
struct slice key_user(struct pool *p, int64_t user_id);

#endif
