/* The thread that commits. It takes whatever is queued, so batches form by themselves while an fsync runs; and while signers are still
 * at work it waits a little for what they will send, because a commit costs much the same for one as for ten. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "fault.h"
#include "log.h"
#include "store.h"

#define GATHER_ENOUGH 128 /* a batch of this size gains little by one more */

struct writer {
    struct work_queue queue;
    struct store *store;
    size_t (*backlog)(void *);
    void *ctx;
    pthread_t thread;
};

/* Commits the list's first jobs and passes them on: what was passed may be gone. The result is the rest. */
static struct job *commit_some(struct writer *w, struct job *list)
{
    struct txn *batch[STORE_BATCH_MAX];
    struct job *done[STORE_BATCH_MAX];
    size_t n = 0;

    for (; list != NULL && n < STORE_BATCH_MAX; list = list->next)
        batch[n++] = txn_of_job(list);
    FAULT_POINT("settle-signed");
    store_commit(w->store, batch, n);
    for (size_t i = 0; i < n; i++)
        done[i] = txn_job(batch[i]);
    jobs_pass(done, n);
    return list;
}

static bool have_signers_work(void *writer)
{
    const struct writer *w = writer;

    return w->backlog != NULL && w->backlog(w->ctx) > 0;
}

static void *serve(void *writer)
{
    struct writer *w = writer;
    const struct gathering gathering = { GATHER_ENOUGH, GATHER_US, have_signers_work, w };
    struct job *list;

    (void)pthread_setname_np(pthread_self(), "writer");
    while ((list = work_queue_gather(&w->queue, &gathering)) != NULL) {
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
