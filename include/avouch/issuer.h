/* Everything an issuer owns hangs from here; every database key starts with its number. There is one today, and nothing assumes so.
 * Filled at start by app/, replaced whole on SIGHUP; read-only for requests. */
#ifndef AVOUCH_ISSUER_H
#define AVOUCH_ISSUER_H

#include "digest.h"
#include "now.h"
#include "txn.h"
#include "whois.h"

/* Seconds. A client may have its own (client.h). */
struct lifetimes {
    int64_t code, access, id, refresh_idle, refresh, session_idle, session;
};
#define LIFETIMES_DEFAULT                                     \
    ((struct lifetimes){ .code = 60,                          \
                         .access = 600,                       \
                         .id = 3600,                          \
                         .refresh_idle = INT64_C(30) * 86400, \
                         .refresh = INT64_C(180) * 86400,     \
                         .session_idle = INT64_C(12) * 3600,  \
                         .session = INT64_C(7) * 86400 })

struct issuer {
    uint16_t number;
    struct slice url;           /* "https://idp.example.ts.net", no slash at the end; `iss`, byte for byte */
    struct slice host;          /* what the Host header must be: "idp.example.ts.net", with the port if it is not the scheme's */
    bool https;
    bool dev;                   /* made-up people (app/dev) */
    struct lifetimes lifetimes;
    struct slice contact;       /* whom pages name; "whoever runs this server" where unset */
    struct tailnet_self self;   /* our own node and the tailnet's suffix */
    bool subject_is_tsidp;      /* `sub` is "userid:N" (subject: userid) */
    bool email_verified;        /* what the claim says of a login or an operator's mapping */
    bool ids_for_ever;          /* the control plane never hands a user id on: a new login under a known one is the same person */
    bool shared_in;             /* people of other tailnets may sign in (shared_in: allow) */
    const uint8_t *page_key;    /* SHA256_BYTES each, in locked memory: answers given twice are derived from them */
    const uint8_t *refresh_key;
};

#define ISSUER_RECORD_VERSION 1
struct issuer_record {
    struct slice url;           /* remembered once chosen (not under --dev) */
    uint32_t epoch;             /* ends everything of this issuer: copied by grants and sessions, unequal is revoked */
    struct slice sealed_page_key, sealed_refresh_key;
};

/* False: there is none yet. txn_err(t) is ERR_CORRUPT where it cannot be read. */
bool issuer_load(struct txn *t, struct issuer_record *ret);
void issuer_put(struct txn *t, const struct issuer_record *rec);

/* The key of a counter (txn_count) of this issuer: of all records of a class, or of those of one person (key_user), ... */
struct slice issuer_count_key(struct txn *t, enum key_class counted, struct slice whose);

/* "https://host[:port]" without path, query, fragment, user or final slash; lower-case host, no port that the scheme implies. With
 * allow_http also http to localhost and loopback addresses. *ret_host: what Host must be. *ret_why: a sentence, static. */
bool issuer_url_check(struct slice url, bool allow_http, struct slice *ret_host, bool *ret_https, const char **ret_why);

#endif
