/* An HTTP/1.1 response as tailscaled's LocalAPI sends it, read from the bytes that have come so far. Pure: ask.c has
 * the sockets. */
#ifndef AVOUCH_RESPONSE_H
#define AVOUCH_RESPONSE_H

#include "pool.h"

#define RESPONSE_HEAD_BYTES_MAX 16384

enum response_next {
    RESPONSE_MORE, /* not all of it is there */
    RESPONSE_DONE,
    RESPONSE_BAD,  /* this is no HTTP/1.1 response, or its length is unclear (RFC 9112 section 6.3) */
};

struct response {
    int status;
    bool chunked;
    bool keep_alive;     /* another request may follow on the connection */
    struct slice framed; /* the body as sent: with its chunks' framing where chunked */
    size_t bytes;        /* of the whole response */
};

/* in: all that came on the connection since the request; ended: no more will come. Points into in. */
enum response_next response_read(struct slice in, bool ended, struct response *ret);
struct slice response_body(struct pool *p, const struct response *r); /* without framing; in the pool */

#endif
