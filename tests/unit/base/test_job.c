#include "job.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "tap.h"

#define JOBS_MAX 64

static struct job *landed[JOBS_MAX];
static size_t n_landed;
static unsigned wakes;

static void count_wake(struct inbox *in)
{
    wakes++;
}

static void land(struct job *j)
{
    landed[n_landed++] = j;
}

static void inbox_lands_in_order(void)
{
    struct job jobs[3] = { { .land = land }, { .land = land }, { .land = land } };
    struct inbox in;

    n_landed = wakes = 0;
    inbox_init(&in, count_wake);
    CHECK_INT(inbox_drain(&in), 0);
    for (size_t i = 0; i < 3; i++)
        inbox_push(&in, &jobs[i]);
    CHECK_INT(wakes, 1); /* only when it stops being empty */
    CHECK_INT(inbox_drain(&in), 3);
    for (size_t i = 0; i < 3; i++)
        CHECK(landed[i] == &jobs[i]);
    inbox_push(&in, &jobs[0]);
    CHECK_INT(wakes, 2);
    CHECK_INT(inbox_drain(&in), 1);
    CHECK_INT(inbox_drain(&in), 0);
    inbox_finish(&in);
}

static void land_again(struct job *j)
{
    land(j);
    if (n_landed < 3)
        inbox_push(j->home, j);
}

static void a_landing_that_pushes_waits_for_the_next_drain(void)
{
    struct inbox in;
    struct job j = { .home = &in, .land = land_again };

    n_landed = wakes = 0;
    inbox_init(&in, count_wake);
    inbox_push(&in, &j);
    CHECK_INT(inbox_drain(&in), 1);
    CHECK_INT(wakes, 2);
    CHECK_INT(inbox_drain(&in), 1);
    CHECK_INT(inbox_drain(&in), 1);
    CHECK_INT(inbox_drain(&in), 0);
    inbox_finish(&in);
}

static void land_and_free(struct job *j)
{
    n_landed++;
    free(j);
}

static void a_landing_may_free_the_job(void)
{
    struct inbox in;

    n_landed = 0;
    inbox_init(&in, NULL);
    for (int i = 0; i < 5; i++) {
        struct job *j = calloc(1, sizeof(*j));

        if (j == NULL)
            abort();
        j->land = land_and_free;
        inbox_push(&in, j);
    }
    CHECK_INT(inbox_drain(&in), 5);
    CHECK_INT(n_landed, 5);
    inbox_finish(&in);
}

static void queue_is_first_in_first_out(void)
{
    struct work_queue q;
    struct job jobs[4];

    work_queue_init(&q);
    CHECK(work_queue_try(&q) == NULL);
    for (size_t i = 0; i < 4; i++) {
        jobs[i] = (struct job){ .at = &q.queue };
        job_send(&jobs[i]);
    }
    CHECK_INT(work_queue_length(&q), 4);
    CHECK(work_queue_take(&q) == &jobs[0]);
    CHECK(work_queue_try(&q) == &jobs[1]);
    CHECK_INT(work_queue_length(&q), 2);
    struct job *list = work_queue_take_all(&q);
    CHECK(list == &jobs[2] && list->next == &jobs[3] && list->next->next == NULL);
    CHECK_INT(work_queue_length(&q), 0);
    CHECK(work_queue_try(&q) == NULL);
    job_send(&jobs[0]);
    CHECK(work_queue_take(&q) == &jobs[0]);
    work_queue_finish(&q);
}

static void a_closed_queue_gives_what_it_has(void)
{
    struct work_queue q;
    struct job a = { .at = &q.queue }, b = { .at = &q.queue };

    work_queue_init(&q);
    job_send(&a);
    job_send(&b);
    work_queue_close(&q);
    CHECK(work_queue_take(&q) == &a);
    CHECK(work_queue_take_all(&q) == &b);
    CHECK(work_queue_take(&q) == NULL);
    CHECK(work_queue_take_all(&q) == NULL);
    work_queue_finish(&q);
}

static void a_chain_goes_on_or_home(void)
{
    struct work_queue q;
    struct inbox home, other;
    struct job second = { .at = &q.queue, .home = &other, .land = land };
    struct job first = { .at = &q.queue, .then = &second, .home = &home, .land = land };

    n_landed = 0;
    work_queue_init(&q);
    inbox_init(&home, NULL);
    inbox_init(&other, NULL);
    job_pass(&first);
    CHECK(work_queue_try(&q) == &second);
    CHECK_INT(inbox_drain(&home), 0);
    job_pass(&second);
    CHECK_INT(inbox_drain(&other), 1); /* it is the last job's home that counts */
    CHECK(landed[0] == &second);

    first.err = ERR_CRYPTO;
    job_pass(&first);
    CHECK(work_queue_try(&q) == NULL);
    CHECK_INT(inbox_drain(&home), 1);
    CHECK(landed[1] == &first);
    inbox_finish(&other);
    inbox_finish(&home);
    work_queue_finish(&q);
}

/* With threads: loops send to signers, these pass to a writer, it passes home; under TSan in its build. */
#define SIGNERS    3
#define LOOPS      2
#define ROUNDS     2000
#define IN_FLIGHT  50
#define SIGN_FAILS 7 /* every seventh */

struct home {
    struct inbox inbox; /* first */
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool awake;
    unsigned started, ended, failed; /* by its own thread only */
};

struct trip {
    struct job sign, commit;
    unsigned n, signed_n, committed_n; /* plain: whoever holds the job owns the trip */
};

static struct work_queue to_sign, to_commit;

static void wake_home(struct inbox *in)
{
    struct home *h = (struct home *)in;

    (void)pthread_mutex_lock(&h->lock);
    h->awake = true;
    (void)pthread_cond_signal(&h->woken);
    (void)pthread_mutex_unlock(&h->lock);
}

static void start_trip(struct home *h, struct trip *t)
{
    t->n = ++h->started;
    t->sign.err = t->commit.err = ERR_OK;
    job_send(&t->sign);
}

static void land_trip(struct job *j)
{
    struct trip *t = j->owner;
    struct home *h = (struct home *)j->home;
    bool fails = t->n % SIGN_FAILS == 0;

    h->ended++;
    h->failed += j->err != ERR_OK;
    if (t->signed_n != t->n || (j == &t->sign) != fails || (!fails && t->committed_n != t->n))
        abort();
    if (h->started < ROUNDS)
        start_trip(h, t);
}

static void *sign(void *unused)
{
    for (struct job *j = work_queue_take(&to_sign); j != NULL; j = work_queue_take(&to_sign)) {
        struct trip *t = j->owner;

        t->signed_n = t->n;
        j->err = t->n % SIGN_FAILS == 0 ? ERR_CRYPTO : ERR_OK;
        job_pass(j);
    }
    return NULL;
}

static void *commit(void *unused)
{
    for (struct job *j = work_queue_take_all(&to_commit); j != NULL; j = work_queue_take_all(&to_commit)) {
        for (struct job *next; j != NULL; j = next) {
            struct trip *t = j->owner;

            next = j->next;
            t->committed_n = t->n;
            job_pass(j);
        }
    }
    return NULL;
}

static void *run_home(void *object)
{
    struct home *h = object;
    struct trip trips[IN_FLIGHT] = { 0 };

    for (size_t i = 0; i < IN_FLIGHT; i++) {
        struct trip *t = &trips[i];

        t->commit = (struct job){ .at = &to_commit.queue, .home = &h->inbox, .land = land_trip, .owner = t };
        t->sign =
            (struct job){ .at = &to_sign.queue, .then = &t->commit, .home = &h->inbox, .land = land_trip, .owner = t };
        start_trip(h, t);
    }
    while (h->ended < ROUNDS) {
        (void)pthread_mutex_lock(&h->lock);
        while (!h->awake)
            (void)pthread_cond_wait(&h->woken, &h->lock);
        h->awake = false;
        (void)pthread_mutex_unlock(&h->lock);
        (void)inbox_drain(&h->inbox);
    }
    return NULL;
}

static void threads_lose_nothing(void)
{
    static struct home homes[LOOPS];
    pthread_t signers[SIGNERS], loops[LOOPS], writer;

    work_queue_init(&to_sign);
    work_queue_init(&to_commit);
    for (size_t i = 0; i < SIGNERS; i++)
        CHECK_INT(pthread_create(&signers[i], NULL, sign, NULL), 0);
    CHECK_INT(pthread_create(&writer, NULL, commit, NULL), 0);
    for (size_t i = 0; i < LOOPS; i++) {
        inbox_init(&homes[i].inbox, wake_home);
        (void)pthread_mutex_init(&homes[i].lock, NULL);
        (void)pthread_cond_init(&homes[i].woken, NULL);
        CHECK_INT(pthread_create(&loops[i], NULL, run_home, &homes[i]), 0);
    }
    for (size_t i = 0; i < LOOPS; i++)
        (void)pthread_join(loops[i], NULL);
    work_queue_close(&to_sign);
    work_queue_close(&to_commit);
    for (size_t i = 0; i < SIGNERS; i++)
        (void)pthread_join(signers[i], NULL);
    (void)pthread_join(writer, NULL);
    for (size_t i = 0; i < LOOPS; i++) {
        CHECK_INT(homes[i].ended, ROUNDS);
        CHECK_INT(homes[i].failed, ROUNDS / SIGN_FAILS);
        (void)pthread_cond_destroy(&homes[i].woken);
        (void)pthread_mutex_destroy(&homes[i].lock);
        inbox_finish(&homes[i].inbox);
    }
    work_queue_finish(&to_commit);
    work_queue_finish(&to_sign);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "an inbox lands jobs in order and wakes once", inbox_lands_in_order },
        { "a landing that pushes waits for the next drain", a_landing_that_pushes_waits_for_the_next_drain },
        { "a landing may free the job", a_landing_may_free_the_job },
        { "a queue is first in, first out", queue_is_first_in_first_out },
        { "a closed queue gives what it has", a_closed_queue_gives_what_it_has },
        { "a chain goes on, or home on err", a_chain_goes_on_or_home },
        { "threads lose nothing", threads_lose_nothing },
    };

    return TAP_RUN(tests);
}
