/* What the files of `avouch doctor` share: facts gathered once, findings made of them. */
#ifndef AVOUCH_DOCTOR_H
#define AVOUCH_DOCTOR_H

#include "command_int.h"
#include "issuer.h"
#include "loop.h"
#include "status.h"

#define FINDINGS_MAX 64
#define SOON_S       (14 * INT64_C(86400)) /* what ends within that is worth a look */

enum finding_state { FINDING_GOOD, FINDING_LOOK, FINDING_BAD };

#define FINDING_STATE_COUNT 3

struct finding {
    const char *check; /* what was looked at: "tailscaled", "certificate", ... */
    enum finding_state state;
    struct slice text; /* a sentence: what is so, and what it means */
    struct slice mend; /* the command or setting that mends it; none: nothing to mend */
};

struct doctor {
    struct command *c;
    struct pool *pool;
    struct finding finding[FINDINGS_MAX];
    size_t n;
    /* facts */
    bool has_status;
    struct tailnet_status status;
    struct slice version;
    const struct json *status_json;
    struct issuer_record issuer;
    bool has_issuer;
};

/* text, mend: in the pool or static; mend NULL: none. */
void doctor_say(struct doctor *d, const char *check, enum finding_state state, struct slice text, const char *mend);

/* An answer of tailscaled's LocalAPI. False: none came (*ret_why). */
bool doctor_ask(struct doctor *d, const char *path, int *ret_status, struct slice *ret_body, const char **ret_why);

void doctor_check_tailscaled(struct doctor *d);   /* first: it gathers status */
void doctor_check_node(struct doctor *d);         /* our own: tag, expiry, ephemeral, proxies */
void doctor_check_peers(struct doctor *d);        /* grants, routers */
void doctor_check_serve_config(struct doctor *d); /* on our ports, or on our name */
void doctor_check_neighbours(struct doctor *d);   /* other programs on our name */
void doctor_check_database(struct doctor *d);     /* owner, space, clock, whose tailnet, who waits */
void doctor_check_name(struct doctor *d);         /* issuer, DNS, certificate */

/* doctor_fetch.c: in place of all others with --fetch. */
void doctor_check_fetch(struct doctor *d);

#endif
