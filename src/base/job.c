/* Jobs on their way out and home. A queue is a list under a lock: what runs between two locks is a signature or an
 * fsync, so nothing cleverer would be noticed. */
#include "job.h"

#include <assert.h>
#include <time.h>

#define WAKES_MAX 64 /* workers of one queue */

/* Our mutexes cannot fail but by a bug of ours. */
static void lock(pthread_mutex_t *m)
{
    int r = pthread_mutex_lock(m);

    assert(r == 0);
    (void)r;
}

static void unlock(pthread_mutex_t *m)
{
    int r = pthread_mutex_unlock(m);

    assert(r == 0);
    (void)r;
}

void job_send(struct job *j)
{
    j->at->send(j->at, j);
}

static void send_each(struct job *first, const struct job *rest)
{
    for (struct job *next; first != rest; first = next) {
        next = first->next;
        job_send(first);
    }
}

void jobs_send(struct job *first)
{
    while (first != NULL) {
        struct job *last = first;
        size_t n = 1;

        for (; last->next != NULL && last->next->at == first->at; n++)
            last = last->next;
        struct job *rest = last->next;
        if (first->at->send_list != NULL)
            first->at->send_list(first->at, first, last, n);
        else
            send_each(first, rest);
        first = rest;
    }
}

void job_pass(struct job *j)
{
    if (!j->err && j->then != NULL)
        job_send(j->then);
    else
        inbox_push(j->home, j);
}

void inbox_init(struct inbox *in, void (*wake)(struct inbox *))
{
    *in = (struct inbox){ .wake = wake };
    in->tail = &in->head;
    int r = pthread_mutex_init(&in->lock, NULL);
    assert(r == 0);
    (void)r;
}

void inbox_finish(struct inbox *in)
{
    (void)pthread_mutex_destroy(&in->lock);
}

static void push_home(struct inbox *in, struct job *first, struct job *last)
{
    last->next = NULL;
    lock(&in->lock);
    bool was_empty = in->head == NULL;
    *in->tail = first;
    in->tail = &last->next;
    unlock(&in->lock);
    /* the jobs may have landed and be gone by now; the inbox is still there */
    if (was_empty && in->wake != NULL)
        in->wake(in);
}

void inbox_push(struct inbox *in, struct job *j)
{
    push_home(in, j, j);
}

static bool goes_home(const struct job *j)
{
    return j->err || j->then == NULL;
}

void jobs_pass(struct job *const jobs[], size_t n)
{
    for (size_t i = 0, first = 0; i < n; first = ++i) {
        struct inbox *home = jobs[i]->home;

        if (!goes_home(jobs[i])) {
            job_send(jobs[i]->then);
            continue;
        }
        for (; i + 1 < n && goes_home(jobs[i + 1]) && jobs[i + 1]->home == home; i++)
            jobs[i]->next = jobs[i + 1];
        push_home(home, jobs[first], jobs[i]);
    }
}

size_t inbox_drain(struct inbox *in)
{
    size_t n = 0;

    lock(&in->lock);
    struct job *j = in->head;
    in->head = NULL;
    in->tail = &in->head;
    unlock(&in->lock);
    for (struct job *next; j != NULL; j = next, n++) {
        next = j->next; /* landing may end the request and free the job */
        j->land(j);
    }
    return n;
}

/* A wake for each job, as far as there are sleepers. */
static void append(struct work_queue *q, struct job *first, struct job *last, size_t n)
{
    last->next = NULL;
    *q->tail = first;
    q->tail = &last->next;
    q->n += n;
    if (q->n < q->enough && q->is_more_coming(q->ctx))
        return;
    for (size_t i = 0; i < n && i < WAKES_MAX; i++)
        (void)pthread_cond_signal(&q->more);
}

static void push_jobs(struct queue *queue, struct job *first, struct job *last, size_t n)
{
    struct work_queue *q = (struct work_queue *)queue;

    lock(&q->lock);
    append(q, first, last, n);
    unlock(&q->lock);
}

static void push(struct queue *queue, struct job *j)
{
    push_jobs(queue, j, j, 1);
}

void work_queue_init(struct work_queue *q)
{
    pthread_condattr_t attr;

    *q = (struct work_queue){ .queue = { push, push_jobs } };
    q->tail = &q->head;
    int r = pthread_mutex_init(&q->lock, NULL);
    assert(r == 0);
    r = pthread_condattr_init(&attr);
    assert(r == 0);
    r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    assert(r == 0);
    r = pthread_cond_init(&q->more, &attr);
    assert(r == 0);
    (void)r;
    (void)pthread_condattr_destroy(&attr);
}

void work_queue_finish(struct work_queue *q)
{
    (void)pthread_cond_destroy(&q->more);
    (void)pthread_mutex_destroy(&q->lock);
}

/* The three below run under the lock. */
static void wait_for_job(struct work_queue *q)
{
    while (q->head == NULL && !q->closed)
        (void)pthread_cond_wait(&q->more, &q->lock);
}

static struct job *pop(struct work_queue *q)
{
    struct job *j = q->head;

    if (j == NULL)
        return NULL;
    q->head = j->next;
    if (q->head == NULL)
        q->tail = &q->head;
    q->n--;
    j->next = NULL;
    return j;
}

static struct job *pop_all(struct work_queue *q)
{
    struct job *all = q->head;

    q->head = NULL;
    q->tail = &q->head;
    q->n = 0;
    return all;
}

struct job *work_queue_take(struct work_queue *q)
{
    lock(&q->lock);
    wait_for_job(q);
    struct job *j = pop(q);
    unlock(&q->lock);
    return j;
}

struct job *work_queue_try(struct work_queue *q)
{
    lock(&q->lock);
    struct job *j = pop(q);
    unlock(&q->lock);
    return j;
}

struct job *work_queue_take_all(struct work_queue *q)
{
    lock(&q->lock);
    wait_for_job(q);
    struct job *all = pop_all(q);
    unlock(&q->lock);
    return all;
}

static struct timespec time_after(unsigned us)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += us * 1000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    return t;
}

/* Whoever sends knows when it is worth waking us: else each job would cost a wake, only to be told to wait on. */
static void wait_for_enough(struct work_queue *q, const struct gathering *g)
{
    const struct timespec until = time_after(g->wait_us);
    int r = 0;

    q->is_more_coming = g->is_more_coming;
    q->ctx = g->ctx;
    q->enough = g->enough;
    while (r == 0 && q->n < g->enough && !q->closed && g->is_more_coming(g->ctx))
        r = pthread_cond_timedwait(&q->more, &q->lock, &until);
    q->enough = 0;
}

struct job *work_queue_gather(struct work_queue *q, const struct gathering *g)
{
    lock(&q->lock);
    wait_for_job(q);
    if (g->is_more_coming != NULL && q->head != NULL)
        wait_for_enough(q, g);
    struct job *all = pop_all(q);
    unlock(&q->lock);
    return all;
}

size_t work_queue_length(struct work_queue *q)
{
    lock(&q->lock);
    size_t n = q->n;
    unlock(&q->lock);
    return n;
}

void work_queue_close(struct work_queue *q)
{
    lock(&q->lock);
    q->closed = true;
    (void)pthread_cond_broadcast(&q->more);
    unlock(&q->lock);
}
