/* One HTTP request and its answer, without a server's types: what route.c sees, and what tests make up.
 * http/exchange.c fills it from h2o; the request is borrowed memory, gone when the handler returns, so
 * params.c copies. */
#ifndef AVOUCH_EXCHANGE_H
#define AVOUCH_EXCHANGE_H

#include "address.h"
#include "slice.h"

#define BODY_BYTES_MAX 65536
#define ANSWER_HEADERS_MAX 24
#define NO_UID UINT32_MAX
#define GONE_UID (UINT32_MAX - 1)       /* the other end of a loopback connection is closed: whoever it was does not listen any more */

struct http_header {
    struct slice name, value;           /* name in lower case */
};

struct http_request {
    struct slice method, path, query;   /* as sent; query: none without '?' */
    struct slice host;                  /* of the Host header, as sent */
    const struct http_header *headers;
    size_t header_count;
    struct slice body;
    struct address peer;                /* of the socket; meaningless where by_unix */
    bool by_unix, tls;
    uint32_t peer_uid;                  /* of a unix socket's peer, or of one on loopback in the class tailnet (or GONE_UID); NO_UID: not
                                         * known, or not told apart in this user namespace */
    struct listener *listener;          /* which one it came in by */
};

struct slice http_header(const struct http_request *r, const char *name); /* first of that name; none: absent */
struct slice http_header_only(const struct http_request *r, const char *name); /* none: absent, or there are several */

/* Of a body that many answers send and none copies: its owner counts as a user, and so does each answer under way. Home loop only. */
struct kept {
    unsigned users;
    void (*unused)(struct kept *k);     /* the last user is gone; NULL: it is there for ever, and nobody counts */
};

struct answer {
    uint16_t status;
    struct http_header headers[ANSWER_HEADERS_MAX]; /* content-length is the server's */
    size_t header_count;
    struct slice body;
    struct kept *kept;                  /* of the body; NULL: it is copied */
    bool close;                         /* end the connection after this answer */
    bool head_only;                     /* HEAD: length of the body, no body */
};

void answer_header(struct answer *a, const char *name, struct slice value); /* asserts on ANSWER_HEADERS_MAX */

/* The other end of one request. Home loop only. */
struct client_conn {
    void (*answer)(struct client_conn *c, const struct answer *a); /* copies all it needs; at most once */
    void (*on_gone)(void *ctx);         /* set by the request: the client hung up, and this struct is gone with it;
                                         * called at most once, not after answer */
    void *ctx;
};

/* What a server calls for each request that passed the scanner: exactly one answer follows, now or later. */
typedef void exchange_handler(void *ctx, const struct http_request *r, struct client_conn *c);

#endif
