/* What requests run on: one machine per loop. Everything a request may wait for is a door here (four queues, the inbox, a
 * clock), so tests own the doors and need neither sockets nor threads. Nothing in it is shared between threads. */
#ifndef AVOUCH_MACHINE_H
#define AVOUCH_MACHINE_H

#include "dev.h"
#include "document.h"
#include "exchange.h"
#include "keyring.h"
#include "store.h"
#include "sweep.h"
#include "whois_memo.h"

#define REQS_WAITING_MAX 1024   /* tickets: past it 503 and Retry-After */
#define RETRY_AFTER_S 5         /* what a 503 asks for */

struct endpoint;
struct req;

struct machine {
    const struct issuer *issuer;            /* app replaces it between requests (SIGHUP); a request keeps what it began with */
    const struct endpoint *const *endpoints;/* by route, endpoint/endpoints.c */
    struct view *view;
    struct inbox *inbox;
    struct queue *asks, *fetches, *signer, *commit; /* LocalAPI, fetch.h, signer.h, writer */
    struct now (*clock)(void *ctx);
    bool (*clock_is_synchronised)(void *ctx); /* by the kernel's word; NULL: it never says so */
    void *clock_ctx;
    struct clock_guard {                    /* clock.h's: what it saw last */
        bool known, held;                   /* held: a jump that nothing has confirmed */
        int64_t offset_ms;                  /* wall time less the time since start */
        int64_t seen_ms, jumped_at_ms;      /* since the machine started */
        int told;                           /* enum clock_state: what the log was told */
    } clock_guard;
    const struct address *proxies;          /* whose X-Forwarded-For is believed on listeners of the class proxy */
    size_t proxy_n;
    uint32_t daemon_uid;                    /* tailscaled's: who may connect to listeners of the class serve (NO_UID: nobody), and who hands
                                             * peers over in userspace mode (NO_UID: not known) */
    const char *refusal;                    /* why nobody can be known just now, a public sentence; NULL: no reason */
    bool userspace;                         /* tailscaled hands its peers over on loopback */
    bool log_documents;
    struct dev dev;                         /* made-up people; none outside --dev */
    struct documents documents;
    struct whois_memo whois;
    struct keys {                           /* the keyring as of view_txn_id, see keys.h */
        struct pool *pool[2];
        struct keyring *ring[2];
        unsigned at;
        struct parked {                     /* where those who wait for a key are sent */
            struct queue queue;             /* first */
            struct job *waiting;            /* by next */
        } parked;
        unsigned wanted;                    /* bit per sign_alg that somebody waits for */
        uint64_t made;                      /* handle of a key that the signer has and the store not yet; 0: none */
        bool running;                       /* the upkeep of keys is under way */
    } keys;
    struct {
        struct sweep_cursor cursor;
        size_t budget;                      /* deletions left in this tick */
        bool running;
    } sweep;
    unsigned waiting;                       /* tickets out */
    struct leaving {                        /* jobs for threads, sent together by machine_send: else each would wake one */
        bool holds;                         /* set by the caller who calls it; false: each is sent at once */
        struct job *head, **tail;           /* by next */
    } leaving;
    struct counters {
        uint64_t requests, documents, again, answered_503, audit_dropped;
    } count;
};

/* The pools and caches; the doors and the issuer are set by the caller before or after, the rest is zero. */
void machine_init(struct machine *m);
void machine_send(struct machine *m);       /* after each wake of the loop */
void machine_forget(struct machine *m);     /* the caches: the issuer they were made for is about to go */
void machine_finish(struct machine *m);     /* all requests must be gone */

#endif
