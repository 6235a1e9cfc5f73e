/* From a request to its endpoint: the table of route.def, the checks that every row asks for, documents answered at once. */
#ifndef AVOUCH_ROUTE_H
#define AVOUCH_ROUTE_H

#include "listener.h"

#define ON_PEOPLE (ON_TAILNET | ON_SERVE | ON_PROXY | ON_DEV)

enum route_id {
#define ROUTE(id, path, methods, classes, body, cors, guard) ROUTE_##id,
#include "route.def"
#undef ROUTE
};
#define ROUTE_COUNT 10

#define M_GET (1U << 0)
#define M_POST (1U << 1)
#define M_DELETE (1U << 2)
#define M_NO_HEAD (1U << 3) /* GET here does something: HEAD is refused */

enum route_body { BODY_NONE, BODY_FORM };
enum route_cors { CORS_NO, CORS_ANY };
enum route_guard { GUARD_NONE, GUARD_PAGE };

struct route {
    enum route_id id;
    struct slice path;
    unsigned methods, classes;
    enum route_body body;
    enum route_cors cors;
    enum route_guard guard;
};

const struct route *route_find(struct slice path);  /* NULL: none */
const struct route *route_at(enum route_id id);

/* The loop's handler (exchange_handler); ctx is the struct machine. */
void route_handle(void *ctx, const struct http_request *h, struct client_conn *c);

#endif
