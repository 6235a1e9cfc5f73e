/* May this person use this client, now? Asked at every issue. */
#ifndef AVOUCH_POLICY_H
#define AVOUCH_POLICY_H

#include "client.h"
#include "person.h"

enum policy {
    POLICY_OK,
    POLICY_BLOCKED,         /* the person is blocked here */
    POLICY_HELD,            /* another login than before under a known id */
    POLICY_CLIENT_OFF,      /* the client is disabled */
    POLICY_NOT_FOR_YOU,     /* the tailnet's grants name other applications */
};
#define POLICY_COUNT 5

enum policy policy_allows(const struct person *person, const struct peer *peer, const struct client *client);
const char *policy_text(enum policy p); /* for the log */

#endif
