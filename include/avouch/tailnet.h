/* Whose tailnet this database belongs to. User ids are unique within one tailnet only, and a control server that was set up
 * anew counts from 1 again under the same name; so the first tailnet is remembered, and another one is refused until an
 * operator accepts it. Record class CLASS_TAILNET, id "accepted" or "seen". */
#ifndef AVOUCH_TAILNET_H
#define AVOUCH_TAILNET_H

#include "txn.h"

#define TAILNET_RECORD_VERSION 1

struct tailnet {
    struct slice control_url;       /* none: could not be read */
    struct slice name;              /* CurrentTailnet.Name */
    struct slice stable_id;         /* our own node's */
    int64_t node_created_at;        /* and when the control server made it; 0: not said */
    int64_t at;                     /* accepted, or first seen like this */
};

enum tailnet_slot { TAILNET_ACCEPTED, TAILNET_SEEN };
bool tailnet_load(struct txn *t, enum tailnet_slot slot, struct tailnet *ret);
void tailnet_put(struct txn *t, enum tailnet_slot slot, const struct tailnet *tailnet);
void tailnet_remove(struct txn *t, enum tailnet_slot slot);

/* The hosted control plane never gives an id to a second person; other control servers may have been set up anew. */
bool tailnet_ids_are_for_ever(const struct tailnet *tailnet);

enum tailnet_change {
    TAILNET_SAME,
    TAILNET_NODE,       /* the same name, and our own node is another one: accepted where ids are for ever */
    TAILNET_OTHER,      /* another control server or another name */
};
#define TAILNET_CHANGE_COUNT 3
enum tailnet_change tailnet_compare(const struct tailnet *accepted, const struct tailnet *seen);
bool tailnet_is_acceptable(const struct tailnet *accepted, const struct tailnet *seen);
const char *tailnet_change_text(enum tailnet_change c);

#endif
