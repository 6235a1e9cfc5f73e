/* A person's Continue, remembered: person, client, redirect URI (without a loopback port), scopes, and a digest of what
 * the client is (redirect URIs, authentication method). A change of any of them voids it. Record class
 * CLASS_CONSENT. */
#ifndef AVOUCH_CONSENT_H
#define AVOUCH_CONSENT_H

#include "client.h"
#include "person.h"

#define CONSENT_RECORD_VERSION 1
#define CONSENTS_PER_PERSON_MAX 1000

struct consent {
    int64_t user_id;
    struct slice client_id, redirect_uri;
    unsigned scopes;
    uint8_t client_digest[SHA256_BYTES];
    int64_t given_at;
};

void client_digest(const struct client *c, uint8_t ret[static SHA256_BYTES]);
/* Is there one that covers these scopes, for the client as it is now? *ret (may be NULL) is filled whenever a record
 * exists. */
bool consent_covers(struct txn *t, int64_t user_id, const struct client *c, struct slice redirect_uri, unsigned scopes,
                    struct consent *ret);
/* Scopes of an earlier one that is still valid are kept. ERR_LIMIT at commit: CONSENTS_PER_PERSON_MAX. */
void consent_put(struct txn *t, int64_t user_id, const struct client *c, struct slice redirect_uri, unsigned scopes,
                 struct now now);
void consent_remove(struct txn *t, const struct consent *given);

#endif
