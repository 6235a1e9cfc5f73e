/* The LocalAPI client: HTTP/1.1 over tailscaled's unix socket, on the loop itself: it answers
 * from memory, and waiting for it is no work. Same shape as any job: fill, job_send(&ask->job), WAIT, land. Bounded: ASKS_MAX under way
 * (more wait in order), ASK_TIMEOUT_MS each from when it was sent, ASK_BYTES_MAX an answer. Misses of whois hold
 * tailscaled's lock for 180 ms, so an ask with `may_miss` is asked one at a time. */
#ifndef AVOUCH_ASK_H
#define AVOUCH_ASK_H

#include "job.h"
#include "pool.h"

#define ASKS_MAX 32
#define ASK_TIMEOUT_MS 2000
#define ASK_BYTES_MAX 262144

struct ask {
    struct job job;             /* first; job.at: asker_queue() */
    struct pool *pool;          /* the answer's memory */
    struct slice path;          /* of the GET, with query */
    struct slice body;          /* none: a GET; else a POST of this JSON, one that may come twice without harm */
    bool may_miss;              /* a loopback or LAN address that tailscaled may not know */
    int ret_status;             /* 0 where job.err is set: ERR_IO (no tailscaled), ERR_TIMEOUT, ERR_LIMIT, ERR_INPUT */
    struct slice ret_body;
    int64_t deadline_ms;        /* the asker's */
};

struct loop;
struct asker;
/* The client of a loop, in the loop's thread. socket_path: copied; if no socket can have it, every ask ends with ERR_IO. */
struct asker *asker_create(struct loop *l, struct slice socket_path);
void asker_destroy(struct asker *a);    /* before its loop; what is not answered yet ends with ERR_IO. NULL is fine */
void asker_set_timeout(struct asker *a, unsigned ms); /* instead of ASK_TIMEOUT_MS, for asks sent from now on: tests */
struct queue *asker_queue(struct asker *a);
uint32_t asker_daemon_uid(const struct asker *a);   /* whose process listens there (exchange.h); NO_UID: not known yet */

#endif
