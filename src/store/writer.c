/* The thread that commits. It takes whatever is queued, so batches form by themselves while an fsync runs; and while signers are still
 * at work it waits a little for what they will send, because a commit costs much the same for one as for ten. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "fault.h"
#include "log.h"
#include "store.h"

#define GATHER_ENOUGH 64 /* a batch of this size gains little by one more */

struct writer {
    struct work_queue queue;
    struct store *store;
    size_t (*backlog)(void *);
    void *ctx;
    pthread_t thread;
};

static struct timespec gather_end(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += GATHER_US * 1000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    return t;
}

/* Until there is more than `seen`. False: time is up, or the queue is closed. */
static bool wait_for_more(struct work_queue *q, size_t seen, const struct timespec *end)
{
    int r = 0;

    (void)pthread_mutex_lock(&q->lock);
    while (r == 0 && q->n == seen && !q->closed)
        r = pthread_cond_timedwait(&q->more, &q->lock, end);
    bool more = q->n > seen && !q->closed;
    (void)pthread_mutex_unlock(&q->lock);
    return more;
}

static void gather(struct writer *w, size_t have)
{
    const struct timespec end = gather_end();

    for (size_t n = 0; w->backlog != NULL && have + n < GATHER_ENOUGH && w->backlog(w->ctx) > 0;
         n = work_queue_length(&w->queue))
        if (!wait_for_more(&w->queue, n, &end))
            return;
}

static size_t length(const struct job *list)
{
    size_t n = 0;

    for (; list != NULL; list = list->next)
        n++;
    return n;
}

static void append(struct job *list, struct job *more)
{
    while (list->next != NULL)
        list = list->next;
    list->next = more;
}

/* Commits the list's first jobs and passes them on: what was passed may be gone. The result is the rest. */
static struct job *commit_some(struct writer *w, struct job *list)
{
    struct txn *batch[STORE_BATCH_MAX];
    size_t n = 0;

    for (; list != NULL && n < STORE_BATCH_MAX; list = list->next)
        batch[n++] = txn_of_job(list);
    FAULT_POINT("settle-signed");
    store_commit(w->store, batch, n);
    for (size_t i = 0; i < n; i++)
        job_pass(txn_job(batch[i]));
    return list;
}

static void *serve(void *writer)
{
    struct writer *w = writer;
    struct job *list;

    (void)pthread_setname_np(pthread_self(), "writer");
    while ((list = work_queue_take_all(&w->queue)) != NULL) {
        gather(w, length(list));
        if (work_queue_length(&w->queue) > 0) /* nobody else takes: this does not wait */
            append(list, work_queue_take_all(&w->queue));
        while (list != NULL)
            list = commit_some(w, list);
        log_flush();
    }
    return NULL;
}

/* Signals are the main loop's. */
static bool start(struct writer *w)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    bool started = pthread_create(&w->thread, NULL, serve, w) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct writer *writer_create(struct store *s, size_t (*backlog)(void *), void *ctx)
{
    struct writer *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    work_queue_init(&w->queue);
    w->store = s;
    w->backlog = backlog;
    w->ctx = ctx;
    if (start(w))
        return w;
    work_queue_finish(&w->queue);
    free(w);
    return NULL;
}

void writer_destroy(struct writer *w)
{
    if (w == NULL)
        return;
    work_queue_close(&w->queue);
    (void)pthread_join(w->thread, NULL);
    work_queue_finish(&w->queue);
    free(w);
}

struct queue *writer_queue(struct writer *w)
{
    return &w->queue.queue;
}
