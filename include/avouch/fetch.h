/* Documents from the outside, by https. Same shape as any job: fill, job_send(&fetch->job), WAIT, land. Each fetch runs in a process of
 * its own, avouch-fetch, so what strangers serve is parsed away from keys and database. Bounded: FETCHES_MAX under way,
 * FETCHES_WAITING_MAX behind them, FETCH_TIMEOUT_MS each from when it was sent. Nothing is kept: who wants a cache has ret.fresh_s. */
#ifndef AVOUCH_FETCH_H
#define AVOUCH_FETCH_H

#include "fetch_message.h"
#include "job.h"

#define FETCHES_MAX 16
#define FETCHES_WAITING_MAX 64

struct fetch {
    struct job job;             /* first; job.at: fetcher_queue() */
    struct pool *pool;          /* the answer's memory */
    struct slice url;
    size_t bytes_max;           /* of the document, 1 to FETCH_BODY_BYTES_MAX */
    bool explain;               /* ret has steps */
    /* By its outcome job.err is ERR_OK, ERR_LIMIT (busy), ERR_TIMEOUT, ERR_IO (nobody there, or broken here) or ERR_INPUT (the URL or
     * the document is no good). */
    struct fetch_answer ret;
    int64_t deadline_ms;        /* the fetcher's */
};

enum err fetch_err(enum fetch_outcome o);

struct loop;
struct fetcher;
/* The fetcher of a loop, in the loop's thread. channel: of fetch_zygote_start, owned by it from now on; -1: every fetch is
 * FETCH_BROKEN. settings: read at each fetch, so they may change in between. */
struct fetcher *fetcher_create(struct loop *l, int channel, const struct fetch_settings *settings);
void fetcher_destroy(struct fetcher *f);    /* before its loop; what is not answered yet ends as FETCH_BROKEN. NULL is fine */
struct queue *fetcher_queue(struct fetcher *f);
/* In place of FETCH_TIMEOUT_MS, and of how long past it avouch-fetch's answer is waited for: tests. */
void fetcher_set_timeout(struct fetcher *f, unsigned ms, unsigned grace_ms);

#endif
