/* The endpoints. A new one is a row of route.def, a file here, and a line in this table. */
#include "endpoints.h"

const struct endpoint *const endpoints[ROUTE_COUNT] = {
    [ROUTE_AUTHORIZE] = &authorize_endpoint, [ROUTE_DECISION] = &decision_endpoint, [ROUTE_TOKEN] = &token_endpoint,
    [ROUTE_USERINFO] = &userinfo_endpoint,   [ROUTE_HOME] = &home_endpoint,         [ROUTE_DEV] = &become_endpoint,
    [ROUTE_HEALTHZ] = &healthz_endpoint,
};
