/* Client authentication at /token: RFC 6749 2.3.1, OpenID Connect Core 9. Basic and post are both accepted of every confidential client;
 * Basic raw or percent-encoded. Unknown client and wrong secret take the same road. Consumes nothing. */
#ifndef AVOUCH_CLIENT_AUTH_H
#define AVOUCH_CLIENT_AUTH_H

#include "client.h"
#include "req.h"

struct client_credentials {
    struct slice client_id, client_secret, client_assertion, client_assertion_type; /* of the body; none: absent */
};

/* NEXT with *ret filled, or DENY with invalid_client or invalid_request. */
enum next authenticate(struct req *r, const struct client_credentials *sent, struct client *ret);

#endif
