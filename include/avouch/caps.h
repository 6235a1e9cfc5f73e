/* The grants of a tailnet policy that concern us: capability "tailscale.com/cap/tsidp", as tsidp reads it plus
 * groups, roles, clients, introspect. All matching objects apply together; what none of them says is denied. An
 * object of the wrong form counts for nothing. */
#ifndef AVOUCH_CAPS_H
#define AVOUCH_CAPS_H

#include "json.h"

#define CAPS_NAME "tailscale.com/cap/tsidp"
#define CAPS_TEXTS_MAX 256              /* groups, roles, ... of one person; the rest is cut and logged by the caller */

struct caps {
    bool admin, dcr;                    /* allow_admin_ui, allow_dcr */
    struct slices groups, roles;        /* united, without doubles, in the order of the policy */
    bool clients_limited;               /* some object says `clients`, in a wrong form too: only these (client_id, *) */
    struct slices clients;
    struct slices users, resources;     /* of token exchange: united, so good for showing, not for deciding on a pair */
    struct slices introspect;
    const struct json *extra_claims[16];/* extraClaims objects, in order; the first to set a claim wins, arrays unite */
    bool extra_in_userinfo[16];
    size_t extra_count;
    bool cut;                           /* CAPS_TEXTS_MAX or 16 objects were exceeded */
};

/* cap_map: whois' CapMap (an object, null, or absent). Never fails: unreadable parts grant nothing. */
void caps_read(struct pool *p, const struct json *cap_map, struct caps *ret);

#endif
