/* The ID token: OpenID Connect Core 2, 3.1.3.6. One audience, as a string; no members of the header beyond alg, typ,
 * kid. */
#ifndef AVOUCH_ID_TOKEN_H
#define AVOUCH_ID_TOKEN_H

#include "claims.h"
#include "grant.h"
#include "keyring.h"

/* Presence at a device that the tailnet authenticated; docs/protocol.md. */
#define ID_TOKEN_ACR "urn:avouch:acr:tailnet-device"

struct id_token {
    struct claims claims;
    const struct grant *grant;
    const struct signing_key *key;
    struct slice access_token;      /* opaque: at_hash is its; none: no at_hash */
    int64_t lifetime_s;
    struct now now;
};

struct slice id_token_at_hash(struct pool *p, struct slice access_token);

/* "header.claims", both base64url: the input of a signature. None: larger than a token may be. */
struct slice id_token_input(struct pool *p, const struct id_token *t);

#endif
