/* Hashes, randomness, constant-time comparison (openssl's EVP; prefetched, any thread). */
#ifndef AVOUCH_DIGEST_H
#define AVOUCH_DIGEST_H

#include "slice.h"

#define SHA256_BYTES 32

void sha256(struct slice input, uint8_t ret[static SHA256_BYTES]);
void sha256_parts(const struct slice *parts, size_t n, uint8_t ret[static SHA256_BYTES]); /* of the concatenation */
/* RFC 2104 with a key of the digest's length. */
void hmac_sha256(const uint8_t key[static SHA256_BYTES], struct slice input, uint8_t ret[static SHA256_BYTES]);

/* Cryptographically random bytes from a per-thread stock, wiped as it is used. Cannot fail (the process ends). */
void random_bytes(void *ret, size_t n);

/* Time depends on the lengths alone. None equals nothing, not even none. */
bool equal_ct(struct slice a, struct slice b);
void wipe(void *p, size_t n);

#endif
