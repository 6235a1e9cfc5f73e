/* A stored authorization request: one that came by POST, or one that waits for a person's Continue. Its handle ("flow")
 * is a credential of type CREDENTIAL_FLOW and lies in the page's URL; it is worth nothing without the browser's cookie.
 * Record class CLASS_FLOW. */
#ifndef AVOUCH_FLOW_H
#define AVOUCH_FLOW_H

#include "grant.h"
#include "silence.h"

#define FLOW_RECORD_VERSION 1
#define FLOW_LIFETIME_S 600
#define FLOW_QUERY_BYTES_MAX 16384
#define FLOWS_PER_PERSON_MAX 1000

enum flow_state { FLOW_OPEN, FLOW_CONTINUED, FLOW_CANCELLED };
#define FLOW_STATE_COUNT 3

struct flow {
    uint8_t id[ID_BYTES], hash[SHA256_BYTES];
    enum flow_state state;
    struct slice query;                     /* the request's parameters to be read again: ours, without id_token_hint */
    struct slice expected;                  /* the subject that id_token_hint named; none: anybody */
    bool bound;                             /* a page was made for somebody: */
    uint8_t browser_hash[SHA256_BYTES];
    int64_t user_id;
    enum page_reason reason;
    uint8_t grant_id[ID_BYTES];             /* once continued */
    int64_t created_at, expires_at;
    int64_t stored_by;                      /* the person it counts against, whoever it is bound to later */
};

/* Puts a new one; the handle is the result. ERR_LIMIT at commit: FLOWS_PER_PERSON_MAX of stored_by. */
struct slice flow_store(struct txn *t, struct flow *f, struct now now);
/* False: no such flow, or *ret_expired (always set): it is over, also when its record is gone already. */
bool flow_load(struct txn *t, struct slice handle, struct now now, struct flow *ret, bool *ret_expired);
void flow_put(struct txn *t, const struct flow *f);
bool flow_unpack(struct pool *p, struct slice value, struct flow *ret);

#endif
