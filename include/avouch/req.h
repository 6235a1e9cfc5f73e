/* One request: a list of named steps over one pool and one transaction, owned by exactly one thread at any time.
 *
 * A step returns NEXT, WAIT (it has sent r->out and must not touch r any more), AGAIN, DENY (through deny()) or DONE (an answer is
 * prepared). The driver settles what the transaction holds before the answer leaves, for DENY too; only r->err drops it. A commit that
 * meets a change runs the list again from its first step: parameters and outside answers stay, everything else is forgotten. */
#ifndef AVOUCH_REQ_H
#define AVOUCH_REQ_H

#include "listener.h"
#include "machine.h"
#include "oauth_error.h"
#include "params.h"
#include "route.h"

#define REQ_POOL_BYTES ((size_t)4 << 20)    /* of one request; past it 503 */
#define REQ_TRIES_MAX 8                     /* commits that met a change; then 503 */

enum next { NEXT, WAIT, AGAIN, DENY, DONE };
typedef enum next step(struct req *r);
struct named_step {
    const char *name;
    step *run;                              /* NULL ends a list; nobody runs past it */
};

/* Where an error may go: rises, never falls (docs/decisions.md, Silence). */
enum back { BACK_PAGE, BACK_RETURN_PAGE, BACK_REDIRECT };

/* How an endpoint speaks of errors when they do not go elsewhere. */
enum speech { SPEAK_PAGE, SPEAK_JSON, SPEAK_BEARER, SPEAK_NOBODY };

struct endpoint {
    const struct named_step *steps;
    const struct param_table *params;       /* NULL: takes none */
    size_t state_bytes;                     /* r->state: zero at the first step */
    enum speech speech;
    struct slice (*again)(struct req *r);   /* what [Try again] opens where the request was a POST; NULL or none: nothing */
    void (*on_deny)(struct req *r);         /* may prepare an answer of its own; NULL: reply_deny's */
};

struct deny {
    enum oauth_error code;
    const char *hint;                       /* public, from a fixed list; NULL: none */
    const char *why;                        /* log only */
};

/* What the connection and its head say; copied, as the head is gone once the handler returns. */
struct origin {
    struct address address;
    bool by_unix;
    uint32_t peer_uid;
    struct slice forwarded_for;             /* X-Forwarded-For, where the listener's class may believe it; none: absent or twice */
    enum listener_class class;
    bool post, head;                        /* method */
    bool wants_html;                        /* Accept names text/html */
    struct slice query, body;               /* none: absent */
    struct slice authorization, cookies, sent_origin, fetch_site, fetch_dest;
    bool prefetch;                          /* Sec-Purpose, Purpose or X-Moz say so */
};

struct req {
    const struct route *route;
    const struct endpoint *endpoint;
    struct machine *m;
    const struct issuer *issuer;
    struct pool *pool;
    struct now now;
    int64_t began_ms;                       /* monotonic, for the log line */
    struct slice id;                        /* of the request: in logs and on error pages */
    struct client_conn *client;             /* NULL: hung up, or nobody asked (upkeep). Home loop only */
    bool unasked;                           /* upkeep */
    struct job *out;                        /* the job that owns the request now; NULL: the loop does */
    step *land;                             /* judges what out brought back: */
    struct job *landed;
    /* from outside: survive AGAIN */
    struct origin origin;
    void *params;
    struct params_fault fault;              /* the first thing wrong with them; judged by the steps */
    const struct peer *caller;              /* who is at the other end; NULL: not asked yet */
    const struct peer *person;              /* token: the grant's person, asked about again */
    struct pool_mark kept;                  /* what AGAIN rewinds to */
    /* ours: cleared by AGAIN */
    const struct named_step *at;
    void *state;
    struct txn *txn;
    struct recheck *recheck;                /* identity.c's, while it asks */
    struct signing signing;
    enum back back;
    struct deny deny;
    enum err err;
    enum next end;
    bool settled;
    unsigned tries;                         /* but for this one */
    struct answer answer;
    struct slice log_client, log_person;    /* for the log line */
    void (*done)(struct req *r);            /* upkeep: called before the request is freed */
};

/* With a ticket; NULL: none is left. client NULL: upkeep. */
struct req *req_create(struct machine *m, const struct route *route, const struct endpoint *endpoint, struct client_conn *client);
void req_begin(struct req *r);              /* marks what survives, then runs the first step */
void req_run(struct req *r, enum next n);

/* Hands the request to this job; the caller returns what this returns. job->at (and then) are set by the caller. */
enum next req_wait(struct req *r, struct job *job, step *land);
/* What landed is from outside and outlives AGAIN. */
void req_keep(struct req *r);

/* Records the outcome; the result is DENY. The first one stays. */
enum next deny(struct req *r, enum oauth_error code, const char *hint, const char *why);
/* Something broke here: nothing is kept. */
enum next req_fail(struct req *r, enum err e);
void req_raise(struct req *r, enum back to);

/* settle.c: signs what r->signing holds, commits what r->txn holds, in one suspension. Already settled or nothing to do: NEXT. */
enum next settle(struct req *r);
/* The index of the token's signature in r->signing. */
unsigned req_sign(struct req *r, uint64_t key, struct slice input);

#endif
