/* A URI in its parts, read strictly (RFC 3986 3): what a lenient reader would guess at is refused. For judging what may be
 * registered and for describing differences; what is sent is compared byte by byte (redirect.h). */
#ifndef AVOUCH_URI_H
#define AVOUCH_URI_H

#include "slice.h"

#define URI_SCHEME_BYTES_MAX 64
#define URI_HOST_BYTES_MAX 253      /* RFC 1035 2.3.4, as text */

/* All borrowed from the URI. */
struct uri {
    struct slice scheme;            /* without the colon */
    bool has_authority;             /* "//" */
    struct slice host;              /* with its brackets, if it has any; may be empty */
    struct slice port;              /* 1 to 5 digits, at most 65535; none: no colon */
    struct slice head, tail;        /* up to the port's colon; from the path on: head [":" port] tail is the whole */
    struct slice path, query;       /* query none: no question mark */
};

/* False: no scheme, user info, an empty or impossible port, a host with a character that no name has, or one that browsers read
 * as an address although it is not written as one (127.1). Characters of path and query are not looked at. */
bool uri_split(struct slice text, struct uri *ret);
bool uri_scheme(struct slice text, struct slice *ret);          /* the scheme alone */
bool uri_is_web(const struct uri *u);                           /* http or https */
bool uri_is_http(const struct uri *u);
bool uri_is_port(struct slice digits);                          /* 1 to 5 digits, at most 65535 */

/* Does this host lead to the machine that follows the link? Addresses in any spelling, localhost and the names below it (RFC 6761 6.3). */
bool uri_host_is_loopback(struct slice host);

#endif
