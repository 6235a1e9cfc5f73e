/* Redirect URIs: what may be registered, what matches, and how an answer is put on one. RFC 6749 3.1.2, RFC 8252 7, RFC 9700 4.1.
 * Matching is equality of bytes; the port of a loopback URI (and of the name localhost) over http is the one exception. */
#ifndef AVOUCH_REDIRECT_H
#define AVOUCH_REDIRECT_H

#include "buf.h"

#define LOCATION_BYTES_MAX 8192     /* of the Location header we send */

enum redirect_kind { REDIRECT_HTTPS, REDIRECT_HTTP, REDIRECT_LOOPBACK, REDIRECT_PRIVATE };
#define REDIRECT_KIND_COUNT 4    /* loopback: http to whatever leads to the own machine, 127.0.0.2 and x.localhost too */

/* May it be registered? Absolute, printable ASCII, no fragment, no user info, no backslash, scheme https, http or a private-use
 * one (RFC 8252 7.1; never javascript, data, file, blob, about, vbscript, ws, ftp ...). *ret_why static. */
bool redirect_is_registrable(struct slice uri, const char **ret_why);
enum redirect_kind redirect_kind(struct slice uri);             /* of a registrable one */
bool redirect_matches(struct slice registered, struct slice sent);
bool redirect_port_is_free(struct slice uri);                   /* http on 127.0.0.1, [::1] or localhost, so spelled */

struct slice redirect_host(struct slice uri);                   /* host without port, or the private scheme with its colon */
/* For a Content-Security-Policy source, rebuilt from parsed parts: "https://h:1", "app.x:". The scheme alone ("http:") where the
 * policy's grammar has no word for the host: [::1], names with _ or ~. */
struct slice redirect_origin(struct pool *p, struct slice uri);
struct slice redirect_bound(struct pool *p, struct slice uri);  /* what a consent binds: without a loopback port */

/* Appends name=value pairs to the URI's query: '?' or '&' as due, the registered query kept. SLICE_NONE when longer than
 * LOCATION_BYTES_MAX. */
struct redirect_param {
    const char *name;
    struct slice value;             /* none: left out */
};
struct slice redirect_with(struct pool *p, struct slice uri, const struct redirect_param *params, size_t n);

/* For the error page: which registered URI is nearest, and in what they differ. */
enum redirect_difference {
    DIFFERS_SLASH,
    DIFFERS_SCHEME,
    DIFFERS_PORT,
    DIFFERS_HOST,
    DIFFERS_LOCALHOST,  /* two of the names of the own machine */
    DIFFERS_CASE,
    DIFFERS_QUERY,
    DIFFERS_PATH,
    DIFFERS_ALL,        /* more than one part, or nothing to compare with */
};
#define REDIRECT_DIFFERENCE_COUNT 9
struct slice redirect_nearest(struct slices registered, struct slice sent, enum redirect_difference *ret);
const char *redirect_difference_text(enum redirect_difference d); /* "A slash at the end." */

#endif
