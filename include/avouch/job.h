/* Work that leaves the loop and comes back. A job is a message and its memory at once: it belongs to the request that
 * sent it, and whoever holds the job owns that request, pool and all. Nothing is allocated, nothing is cancelled. */
#ifndef AVOUCH_JOB_H
#define AVOUCH_JOB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct job;
struct inbox;

/* Where jobs are sent: a worker's queue, the loop's own LocalAPI client, or a list that a test drains. */
struct queue {
    void (*send)(struct queue *q, struct job *j); /* cannot fail, any thread */
    void (*send_list)(struct queue *q, struct job *first, struct job *last, size_t n); /* by next; NULL: knows no lists */
};

struct job {
    struct job *next;             /* the queue's, while it is queued */
    struct queue *at;             /* where job_send takes it */
    struct job *then;             /* sent instead of going home when this one ends without err; NULL: home */
    struct inbox *home;           /* the loop it belongs to */
    void (*land)(struct job *j);  /* called there */
    void *owner;                  /* the request; the worker never looks at it */
    enum err err;
};

void job_send(struct job *j);
void jobs_send(struct job *first); /* a list by next, each to where it goes: those to one queue in a row are one list there */
void job_pass(struct job *j);     /* the worker's last word: on to `then`, or home */
void jobs_pass(struct job *const jobs[], size_t n); /* the same for many: those of one home get there together */

/* The way home. push is for any thread; drain belongs to the home loop and calls each job's land, oldest first. */
struct inbox {
    pthread_mutex_t lock;
    struct job *head, **tail;
    void (*wake)(struct inbox *in); /* called once when the inbox stops being empty; NULL: nobody sleeps (tests) */
};

void inbox_init(struct inbox *in, void (*wake)(struct inbox *));
void inbox_finish(struct inbox *in);
void inbox_push(struct inbox *in, struct job *j);
size_t inbox_drain(struct inbox *in); /* how many landed; what a land pushes waits for the next drain */

/* A queue between threads. Its length is bounded by the router's tickets, not here. */
struct work_queue {
    struct queue queue;             /* first: a struct queue * to it is the work_queue */
    pthread_mutex_t lock;
    pthread_cond_t more;            /* CLOCK_MONOTONIC */
    struct job *head, **tail;
    size_t n;
    bool closed;
    /* of whoever gathers: */
    size_t enough;
    bool (*is_more_coming)(void *ctx);
    void *ctx;
};

void work_queue_init(struct work_queue *q);
void work_queue_finish(struct work_queue *q);
struct job *work_queue_take(struct work_queue *q);       /* waits; NULL once closed and empty */
struct job *work_queue_try(struct work_queue *q);        /* NULL at once if empty */
struct job *work_queue_take_all(struct work_queue *q);   /* a list by next; waits for the first; NULL as above */
/* The same for a worker to whom many cost little more than one: once there is a first, and as long as is_more_coming(ctx), it waits
 * for `enough`, at most wait_us. Asked under the queue's lock, in the threads that send. NULL: takes what is there. */
struct gathering {
    size_t enough;
    unsigned wait_us;
    bool (*is_more_coming)(void *ctx);
    void *ctx;
};
struct job *work_queue_gather(struct work_queue *q, const struct gathering *g);
size_t work_queue_length(struct work_queue *q);          /* a snapshot */
void work_queue_close(struct work_queue *q);

#endif
