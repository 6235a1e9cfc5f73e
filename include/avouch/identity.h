/* Who is at the other end, and is a grant's person still who it was. Steps that ask the tailnet (whois), once each. */
#ifndef AVOUCH_IDENTITY_H
#define AVOUCH_IDENTITY_H

#include "grant.h"
#include "req.h"

/* Sets r->caller, of whatever kind. Only trouble with tailscaled denies (temporarily_unavailable). */
step know_caller;

/* The error for a caller who is no person; OAUTH_NO_ERROR: is one. */
enum oauth_error caller_error(const struct peer *peer);

/* Asks about the grant's node, then about the person's other known ones; sets r->person. Denies with invalid_grant where nobody answers
 * for this person any more. */
enum next recheck_person(struct req *r, const struct grant *g);

/* Development mode: whom this browser wants to be (cookie avouch-dev); false: by its address. */
bool dev_choice(const struct req *r, size_t *ret_index);

#endif
