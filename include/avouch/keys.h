/* The issuer's keyring as requests see it: a cache valid for one LMDB transaction number, and how a request waits for a key that is still
 * being made (RSA takes the signer a moment at the very first start, and PS256 is made on first use). */
#ifndef AVOUCH_KEYS_H
#define AVOUCH_KEYS_H

#include "req.h"

#define KEYS_MADE_AT_START ((1U << ALG_RS256) | (1U << ALG_ES256))

/* Current; renders the documents anew where it changed. NULL: it cannot be read. */
const struct keyring *keys_read(struct machine *m);
/* NEXT where there is a key of this algorithm to sign with; else waits until upkeep has made one (keys_made). */
enum next keys_ensure(struct req *r, enum sign_alg alg);
/* The key to sign with, its record in the read set: a key that is rotated away meanwhile signs nothing. False: there is none now. */
bool keys_guarded(struct req *r, enum sign_alg alg, struct signing_key *ret);
void keys_init(struct machine *m);
void keys_finish(struct machine *m);
/* Those who wait go on; err: why there is none. */
void keys_made(struct machine *m, enum err err);

#endif
