/* An event loop: one thread, h2o's evloop inside (http/ alone knows it). Runs listeners, timers and an inbox. */
#ifndef AVOUCH_LOOP_H
#define AVOUCH_LOOP_H

#include "exchange.h"
#include "job.h"

struct loop;

/* Ignores SIGPIPE for the process. */
struct loop *loop_create(exchange_handler *handler, void *ctx);
/* After its threads' and its asker's end. Closes listeners and connections; a request that still waits is told
 * on_gone. NULL is fine. */
void loop_destroy(struct loop *l);
struct inbox *loop_inbox(struct loop *l);           /* jobs land here */

/* fn(ctx) every `every_ms` from now on, until the loop ends. One per purpose; at most LOOP_TIMERS_MAX. */
#define LOOP_TIMERS_MAX 8
void loop_every(struct loop *l, unsigned every_ms, void (*fn)(void *), void *ctx);

/* fn(ctx) at the end of each wake of the loop: flushing logs. One. It must not answer, ask or close anything: h2o
 * polls next. */
void loop_after_wake(struct loop *l, void (*fn)(void *), void *ctx);

/* fn(ctx, signal) on the loop when one of the process's signals arrives (SIGTERM, SIGINT, SIGHUP are blocked in the
 * calling thread and read by signalfd). Once, before any other thread exists, because threads inherit what is
 * blocked. */
void loop_on_signal(struct loop *l, void (*fn)(void *, int), void *ctx);

void loop_run(struct loop *l);                      /* until loop_stop */
void loop_stop(struct loop *l);                     /* any thread */

/* No new connections or requests; answers under way are finished and say Connection: close. Calls loop_stop itself
 * when all are done or after DRAIN_MS. */
#define DRAIN_MS 10000
void loop_drain(struct loop *l);
size_t loop_connections(const struct loop *l);

#endif
