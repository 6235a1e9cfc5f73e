/* Opaque access tokens, for our own userinfo (RFC 6749 1.4, RFC 6750). The record carries what userinfo will answer,
 * rendered when the token was issued: userinfo reads and compares, and builds nothing. Record class CLASS_ACCESS, key:
 * id. */
#ifndef AVOUCH_ACCESS_TOKEN_H
#define AVOUCH_ACCESS_TOKEN_H

#include "grant.h"

#define ACCESS_RECORD_VERSION 1

struct access_token {
    uint8_t id[ID_BYTES], hash[SHA256_BYTES], grant_id[ID_BYTES];
    unsigned scopes;
    int64_t issued_at, expires_at;
    struct slice userinfo;          /* a JSON object */
};

/* Puts it; the token's text is the result. a's id, hash, grant_id and times are set here, its scopes and
 * userinfo by the caller. ERR_LIMIT on the transaction: userinfo is too large for a record. */
struct slice access_token_issue(struct txn *t, const struct grant *g, int64_t lifetime_s, struct now now,
                                struct access_token *a);

/* Is it ours, unexpired, and its grant alive? */
bool access_token_check(struct txn *t, struct slice text, struct now now, struct access_token *ret,
                        struct grant *ret_grant);

#endif
