/* Authenticated encryption of what lies in the database: AES-256-GCM, random nonce.
 * Layout: version 1 (1) | nonce (12) | ciphertext (n) | tag (16). The label is authenticated, so no blob can pose as
 * another kind. */
#ifndef AVOUCH_SEAL_H
#define AVOUCH_SEAL_H

#include "err.h"
#include "pool.h"

#define SEAL_OVERHEAD 29

/* None: crypto failed. */
struct slice seal(struct pool *p, const uint8_t key[static 32], struct slice label, struct slice plain);
/* ret_plain: memory that is wiped with the pool. False: another key or label, or altered. */
bool unseal(struct pool *p, const uint8_t key[static 32], struct slice label, struct slice sealed,
            struct slice *ret_plain);

#endif
