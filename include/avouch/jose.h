/* Foreign JWTs and JWKs (cjose stops here). Nothing reaches cjose that has not passed the gate: cjose and its base64
 * assert and over-read on malformed input (it has no mercy and no maintainer). Algorithms are rows of one table;
 * none and HS* have no row. RFC 7515, 7517, 7518. Our own tokens are signed in signer.c. */
#ifndef AVOUCH_JOSE_H
#define AVOUCH_JOSE_H

#include "json.h"
#include "signer.h"

#define JWS_BYTES_MAX 8192
#define JWK_BYTES_MAX 8192

/* A public key to verify with, from a JWK that passed the gate (RSA 2048-4096 with e 65537; P-256). Lives as long as
 * the pool. */
struct jwk;

enum err jwk_parse(struct pool *p, struct slice json, struct jwk **ret) MUST_CHECK; /* ERR_INPUT, ERR_LIMIT */
struct slice jwk_kid(const struct jwk *k); /* none where it has none */

/* A compact JWS that passed the gate, signature not yet checked. header and claims are JSON objects. */
struct jws {
    struct slice text, kid, typ;
    enum sign_alg alg;
    const struct json *header, *claims;
};

/* The gate: exactly two dots, strict base64url, header without duplicates, crit, b64, jku, x5u, x5c, jwk; alg has a
 * row; signature length of that algorithm (RSA: 256-512). */
enum err jws_parse(struct pool *p, struct slice text, struct jws *ret) MUST_CHECK;  /* ERR_INPUT, ERR_LIMIT */

/* True only if the key's type fits the algorithm and the signature holds. */
bool jws_verify(struct pool *p, const struct jws *jws, const struct jwk *key);

#endif
