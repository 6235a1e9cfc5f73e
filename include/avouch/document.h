/* Discovery and JWKS: bytes rendered in advance, answered without a request or a transaction. Rendered anew when the keyring
 * changed. OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2, RFC 7517 section 5. */
#ifndef AVOUCH_DOCUMENT_H
#define AVOUCH_DOCUMENT_H

#include "exchange.h"
#include "issuer.h"
#include "keyring.h"

#define DOCUMENT_MAX_AGE_TEXT "3600" /* seconds; of discovery and JWKS */
#define DOCUMENT_ETAG_BYTES 24

struct document {
    struct slice body;
    char etag[DOCUMENT_ETAG_BYTES]; /* quoted, of its bytes */
    size_t etag_n;
};

/* One rendering of both. It goes when there is another and no answer sends it any more. */
struct rendering {
    struct kept kept;               /* first */
    struct pool *pool;              /* of this and all it points to */
    struct document discovery, jwks;
};

struct documents {
    struct rendering *now;          /* NULL: not yet */
    const struct issuer *issuer;    /* what they were rendered for; NULL: not yet */
};

void documents_render(struct documents *d, const struct issuer *issuer, const struct keyring *keys);
void documents_finish(struct documents *d);
struct slice discovery_render(struct pool *p, const struct issuer *issuer);

#endif
