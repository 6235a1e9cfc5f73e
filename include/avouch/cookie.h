/* Our cookies, found among everybody else's on the host (RFC 6265 5.4; RFC 6265 6.1: up to 50 of 4 KB). */
#ifndef AVOUCH_COOKIE_H
#define AVOUCH_COOKIE_H

#include "issuer.h"

#define COOKIE_NAME "__Host-avouch"         /* where the issuer is https */
#define COOKIE_NAME_HTTP "avouch"
#define COOKIE_NAME_DEV "avouch-dev"        /* development mode: which made-up person */
#define COOKIE_VALUE_BYTES_MAX 256

/* The value of the first cookie of that name; none: absent. Borrowed. */
struct slice cookie_find(struct slice cookies, struct slice name);
struct slice session_cookie_name(const struct issuer *issuer);
/* A Set-Cookie: Path=/, HttpOnly, SameSite=Lax, Secure over https; for max_age_s seconds. */
struct slice cookie_make(struct pool *p, const struct issuer *issuer, struct slice name, struct slice value, int64_t max_age_s);

#endif
