/* What is written down for ever: who did what, when, from where. In the transaction of the act itself (txn_log); sequence and chain are the
 * engine's. A JSON object; members: at, event, and what the event's row has. audit_event.def lists the events. */
#ifndef AVOUCH_AUDIT_H
#define AVOUCH_AUDIT_H

#include "now.h"
#include "txn.h"

enum audit_event {
#define AUDIT_EVENT(id, name) AUDIT_##id,
#include "audit_event.def"
#undef AUDIT_EVENT
};

struct audit {
    enum audit_event event;
    int64_t user_id;                /* 0: nobody */
    struct slice login, stable_id, address;
    struct slice client_id;
    struct slice detail;            /* from a fixed list, or an operator's argument; never a secret */
    struct slice request_id;
};

const char *audit_event_name(enum audit_event e);
void audit_log(struct txn *t, const struct audit *a, struct now now);

#endif
