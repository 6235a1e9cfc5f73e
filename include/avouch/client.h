/* A client: an application that people sign in to. RFC 7591 names its members. Added by an administrator, registered by itself (DCR) or
 * described by its own document (CIMD, not stored here). Record class CLASS_CLIENT, key: h16 of client_id. */
#ifndef AVOUCH_CLIENT_H
#define AVOUCH_CLIENT_H

#include "issuer.h"
#include "json.h"
#include "signer.h"

#define CLIENT_RECORD_VERSION 1
#define CLIENT_ID_BYTES_MAX 100
#define CLIENT_NAME_CHARACTERS_MAX 100
#define CLIENT_NAME_BYTES_MAX ((size_t)4 * CLIENT_NAME_CHARACTERS_MAX)
#define CLIENT_REDIRECT_URIS_MAX 32
#define CLIENT_URI_BYTES_MAX 2048
#define CLIENT_SECRET_BYTES_MIN 24      /* of one an operator brings; ours have 43 */
#define CLIENT_SECRET_BYTES_MAX 100
#define CLIENT_CODE_LIFETIME_S_MAX 600  /* RFC 6749 4.1.2 */
#define CLIENT_LIFETIME_S_MAX (3650 * INT64_C(86400))
#define CLIENTS_MAX 10000000

enum auth_method { AUTH_BASIC, AUTH_POST, AUTH_NONE }; /* basic and post are interchangeable in use */
#define AUTH_METHOD_COUNT 3
enum client_origin { CLIENT_ADDED, CLIENT_REGISTERED, CLIENT_DOCUMENT };
#define CLIENT_ORIGIN_COUNT 3
enum client_claims { CLAIMS_BOTH, CLAIMS_ID_TOKEN, CLAIMS_USERINFO };
#define CLIENT_CLAIMS_COUNT 3
enum client_page { PAGE_AS_DUE, PAGE_NEVER, PAGE_FIRST, PAGE_ALWAYS }; /* --page; as due: docs/decisions.md, Silence */
#define CLIENT_PAGE_COUNT 4
enum choice { CHOICE_DEFAULT, CHOICE_YES, CHOICE_NO };
#define CHOICE_COUNT 3

struct client {
    struct slice id, name;
    enum client_origin origin;
    struct slice added_by;              /* login, or none: the command line */
    bool approved, disabled;
    enum auth_method auth_method;
    uint8_t secret_hash[SHA256_BYTES];
    uint8_t old_secret_hash[SHA256_BYTES];
    int64_t old_secret_until;           /* seconds; 0: there is no old one */
    int64_t secret_at;                  /* when the secret was made */
    struct slices redirect_uris, post_logout_redirect_uris;
    enum sign_alg id_token_alg;
    enum client_claims claims;
    enum client_page page;
    enum choice require_pkce;           /* default: unless confidential and asking for openid */
    bool frames, reach_public;
    struct slice scope;                 /* the most it may get; none: any */
    struct lifetimes lifetimes;         /* 0: the issuer's */
    struct slice client_uri, logo_uri, policy_uri, tos_uri;
    int64_t created_at;
    uint32_t epoch;
};

/* False: no such client (or txn_err). A disabled one is returned: who asks decides. */
bool client_load(struct txn *t, struct slice id, struct client *ret);
bool client_unpack(struct pool *p, struct slice value, struct client *ret);
void client_put(struct txn *t, const struct client *c);
/* New: ERR_EXISTS if the id is taken; counts against CLIENTS_MAX at commit. Its epoch starts anywhere, whatever c says, so that a client
 * added again under an id that was removed inherits no grant. */
enum err client_create(struct txn *t, const struct client *c) MUST_CHECK;
void client_remove(struct txn *t, const struct client *c);      /* its grants die with it: no client, no grant */
struct slice client_key(struct txn *t, struct slice id);

/* Is this a client that may be stored? *ret_why: a sentence for the operator or the registrant, e.g. "redirect_uris[1] has a fragment". */
enum err client_check(struct pool *p, const struct client *c, struct slice *ret_why) MUST_CHECK; /* ERR_INPUT */

bool client_id_is_valid(struct slice id);                       /* [A-Za-z0-9._~-]{1,100}: survives every encoding of Basic */
struct slice client_secret_make(struct pool *p);                /* 43 characters, wiped memory */
void client_secret_set(struct client *c, struct slice secret, int64_t old_until, struct now now);
/* Constant time. c NULL or public: the same work against a hash of nothing, and false. */
bool client_secret_matches(const struct client *c, struct slice secret, struct now now);

bool client_is_confidential(const struct client *c);
bool client_needs_pkce(const struct client *c, bool asks_openid);
bool client_is_vouched_for(const struct client *c);             /* added or approved by an administrator */
struct lifetimes client_lifetimes(const struct client *c, const struct issuer *issuer);

/* Wire names ("client_secret_basic", "both", ...) both ways; false for an unknown one. */
const char *auth_method_name(enum auth_method m);
bool auth_method_parse(struct slice s, enum auth_method *ret);
const char *client_claims_name(enum client_claims c);
bool client_claims_parse(struct slice s, enum client_claims *ret);
const char *client_page_name(enum client_page p);
bool client_page_parse(struct slice s, enum client_page *ret);

/* RFC 7591 members (and ours), without secret; the caller has opened the object. */
void client_write_json(struct json_writer *w, struct pool *p, const struct client *c);

#endif
