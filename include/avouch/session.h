/* A browser's session with us: who signed in here, when, from which node. Cookie and record; OpenID Connect Core
 * 3.1.2.1 (auth_time), Session Management's sid. Bound to user id and StableID; whois is asked again on each use by
 * whoever loads it.
 *
 * Cookie: base64url of browser (16 random bytes, for as long as the browser keeps it) | id (8) | secret (32); a browser
 * without a session has only the first 16. The secret changes whenever auth_time does. Record class CLASS_SESSION, key:
 * id. */
#ifndef AVOUCH_SESSION_H
#define AVOUCH_SESSION_H

#include "ids.h"
#include "issuer.h"
#include "person.h"

#define SESSION_RECORD_VERSION 1
#define SESSIONS_PER_PERSON_MAX 100     /* live ones; the oldest end on their own (lifetimes) */
#define SESSION_TOUCH_S 1800            /* how old `touched_at` may get before a use writes it anew */
#define BROWSER_BYTES 16

struct session {
    uint8_t id[ID_BYTES];
    uint8_t secret_hash[SHA256_BYTES];
    uint8_t browser_hash[SHA256_BYTES];
    int64_t user_id;
    struct slice login, stable_id;
    struct slice sid;                   /* 22 characters; stays for the session's life */
    int64_t created_at, auth_time, touched_at;
    uint32_t person_epoch, issuer_epoch;
};

/* What a cookie says, decoded; nothing is proven yet. */
struct browser {
    bool known;                         /* the cookie had a browser part */
    uint8_t browser[BROWSER_BYTES];
    bool has_session;
    uint8_t id[ID_BYTES];
    uint8_t secret[32];
};
void browser_read(struct slice cookie_value, struct browser *ret);  /* anything malformed: as a fresh browser */
void browser_hash(const struct browser *b, uint8_t ret[static SHA256_BYTES]);
struct slice browser_cookie(struct pool *p, const struct browser *b); /* the cookie's value */
void browser_make(struct browser *b);                               /* a fresh one, if it is not known */

/* The live session of this cookie: right secret, not past its lifetimes, epochs equal (person's and issuer's are read).
 * False: none. It may be another person's: compare user_id and stable_id with the peer. */
bool session_load(struct txn *t, const struct issuer *issuer, const struct browser *b, struct now now,
                  struct session *ret);
bool session_unpack(struct pool *p, struct slice value, struct session *ret);
/* A new one for this person and node; sets b's id and secret. Past SESSIONS_PER_PERSON_MAX *ret is good for this sign-in and not
 * kept: b has no session then. */
void session_start(struct txn *t, const struct issuer *issuer, const struct person *person, const struct peer *peer,
                   struct browser *b, struct now now, struct session *ret);
/* auth_time = now, a new secret for record and cookie; id and sid stay. */
void session_refresh_auth(struct txn *t, const struct issuer *issuer, struct session *s, struct browser *b,
                          struct now now);
/* Notes a use: a put only past SESSION_TOUCH_S. */
void session_touch(struct txn *t, const struct issuer *issuer, struct session *s, struct now now);
void session_end(struct txn *t, const struct session *s);
bool session_is_for(const struct session *s, const struct peer *peer);

/* "Signed out here": stops the silent making of a session for this person on this node, with or without cookies.
 * CLASS_SIGNED_OUT. */
bool signed_out_load(struct txn *t, int64_t user_id, struct slice stable_id, int64_t *ret_at);
void signed_out_put(struct txn *t, int64_t user_id, struct slice stable_id, struct now now);
void signed_out_clear(struct txn *t, int64_t user_id, struct slice stable_id);

#endif
