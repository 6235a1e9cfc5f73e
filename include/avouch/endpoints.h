/* Every endpoint by its route: what machine.endpoints points to. Rows without one are documents, which the router answers. */
#ifndef AVOUCH_ENDPOINTS_H
#define AVOUCH_ENDPOINTS_H

#include "req.h"

extern const struct endpoint *const endpoints[ROUTE_COUNT];

extern const struct endpoint authorize_endpoint, decision_endpoint, token_endpoint, userinfo_endpoint, home_endpoint, become_endpoint,
    healthz_endpoint;

#endif
