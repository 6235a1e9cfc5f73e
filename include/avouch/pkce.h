/* Proof Key for Code Exchange, S256 only. RFC 7636. */
#ifndef AVOUCH_PKCE_H
#define AVOUCH_PKCE_H

#include "slice.h"

bool pkce_challenge_is_valid(struct slice challenge);   /* exactly 43 base64url characters (4.2) */
bool pkce_verifier_is_valid(struct slice verifier);     /* 43 to 128 unreserved characters (4.1) */
bool pkce_matches(struct slice verifier, struct slice challenge); /* constant time */

#endif
