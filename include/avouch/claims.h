/* Which claims say what about whom: OpenID Connect Core 5.1, 5.4. Pure. Empty values make no claim. */
#ifndef AVOUCH_CLAIMS_H
#define AVOUCH_CLAIMS_H

#include "client.h"
#include "json.h"
#include "person.h"

struct claims {
    const struct issuer *issuer;
    const struct person *person;
    const struct peer *peer;            /* groups, roles, extra claims of its grants */
    const struct client *client;
    unsigned scopes;
};

/* `sub` and the claims that the scopes give at this place. `where`: CLAIMS_ID_TOKEN or CLAIMS_USERINFO; the client's
 * --claims and origin decide whether scope claims belong there. extraClaims never overwrite one that the provider sets
 * (claims_is_reserved). */
void claims_write(struct json_writer *w, struct pool *p, const struct claims *c, enum client_claims where);
bool claims_is_reserved(struct slice name);
struct slices claims_names(void);       /* claims_supported */
struct slice claims_userinfo(struct pool *p, const struct claims *c); /* the whole userinfo object */

#endif
