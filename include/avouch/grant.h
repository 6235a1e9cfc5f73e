/* A grant (RFC 6749's sense): one person's authorization of one client, from its code to its last token. One record,
 * one transition at a time. What kills it: revocation, expiry, an unequal epoch (person, client, issuer), a client that
 * is gone.
 *
 * A code is base64url of type (1) | id (8) | secret (32): 55 characters. Only SHA-256 of these 41 bytes is stored. The
 * secret is random, or, behind a page, HMAC(page key, id and handle), so that a second press of Continue repeats the
 * same code. Record class CLASS_GRANT, key: id. */
#ifndef AVOUCH_GRANT_H
#define AVOUCH_GRANT_H

#include "client.h"
#include "ids.h"
#include "person.h"
#include "session.h"

#define GRANT_RECORD_VERSION 1
#define GRANTS_PER_PERSON_MAX 10000
#define GRANT_KEEP_S 600            /* the record outlives code and tokens by this: a replay must still be recognised */
#define NONCE_BYTES_MAX 1024
#define CREDENTIAL_BYTES (1 + ID_BYTES + 32)
#define CREDENTIAL_TEXT_BYTES 55

enum credential { CREDENTIAL_CODE = 1, CREDENTIAL_ACCESS = 2, CREDENTIAL_REFRESH = 3, CREDENTIAL_FLOW = 4 };

/* A credential's text, read. False for anything but the one canonical spelling of that type. */
struct credential_parts {
    uint8_t id[ID_BYTES];
    uint8_t hash[SHA256_BYTES];     /* of all CREDENTIAL_BYTES */
};
bool credential_read(struct slice text, enum credential type, struct credential_parts *ret);
struct slice credential_write(struct pool *p, enum credential type, const uint8_t id[static ID_BYTES],
                              const uint8_t secret[static 32], uint8_t ret_hash[static SHA256_BYTES]);

enum grant_state { GRANT_ISSUED, GRANT_REDEEMED, GRANT_REVOKED };
#define GRANT_STATE_COUNT 3

struct grant {
    uint8_t id[ID_BYTES];
    enum grant_state state;
    int64_t user_id;
    struct slice stable_id, address;    /* the node it was given from: asked about again at every issue */
    struct slice client_id, redirect_uri;
    bool redirect_uri_sent;             /* then the token request must repeat it (RFC 6749 4.1.3) */
    unsigned scopes;
    struct slice nonce, code_challenge; /* none: not sent */
    uint8_t code_hash[SHA256_BYTES];
    int64_t created_at, code_expires_at;
    int64_t expires_at;                 /* of the record, for the sweep */
    int64_t auth_time;
    struct slice sid;
    bool auth_time_asked;               /* max_age or require_auth_time: the claim is due */
    uint32_t person_epoch, client_epoch, issuer_epoch;
};

bool grant_load(struct txn *t, const uint8_t id[static ID_BYTES], struct grant *ret);
bool grant_unpack(struct pool *p, struct slice value, struct grant *ret);

/* Puts a new grant with its code. handle: of the page (then the code is derived), or none (random). g's id, state,
 * hash, times and epochs (as they are stored now) are set here. ERR_LIMIT at commit: GRANTS_PER_PERSON_MAX. */
struct slice grant_issue_code(struct txn *t, const struct issuer *issuer, const struct client *client,
                              struct slice handle, struct now now, struct grant *g);
/* The same code again, for a second press: nothing is put. */
struct slice grant_repeat_code(struct pool *p, const struct issuer *issuer, const uint8_t id[static ID_BYTES],
                               struct slice handle);

/* Whose code is this, and may this client have it with this redirect URI and verifier? Changes nothing.
 * *ret is filled from CODE_EXPIRED, CODE_REPLAYED and CODE_REVOKED too. */
enum code_check {
    CODE_OK,
    CODE_UNKNOWN,       /* no such grant, or wrong secret: a stranger's */
    CODE_EXPIRED,
    CODE_OTHER_CLIENT,
    CODE_REDIRECT,      /* redirect_uri is not the one of the authorization request */
    CODE_VERIFIER,      /* missing, wrong, or sent without a challenge */
    CODE_REPLAYED,      /* right in all of the above, but used: the caller revokes with grant_revoke and denies */
    CODE_REVOKED,       /* by hand, by epoch, or by an earlier replay */
};
#define CODE_CHECK_COUNT 8
struct code_use {
    struct slice code, redirect_uri, verifier; /* none: not sent */
    const struct client *client;
};
enum code_check grant_check_code(struct txn *t, const struct issuer *issuer, const struct code_use *use, struct now now,
                                 struct grant *ret);
const char *code_check_text(enum code_check c);

/* Puts the new state and expiry. Only after CODE_OK of grant_check_code in the same transaction. */
void grant_redeem(struct txn *t, const struct issuer *issuer, const struct client *client, struct grant *g,
                  struct now now);
void grant_revoke(struct txn *t, struct grant *g, struct now now);

/* Not revoked and all epochs equal to what is stored now (reads person, client, issuer). ret_client may be NULL. */
bool grant_is_alive(struct txn *t, const struct grant *g, struct client *ret_client);

#endif
