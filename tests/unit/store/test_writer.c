/* The thread that commits, and many who send it transactions at once. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "disk.h"
#include "record.h"
#include "store_int.h"

#define THREADS    8
#define ROUNDS     30
#define TRIES      20
#define QUEUED     (2 * STORE_BATCH_MAX + 40)
#define ENOUGH     STORE_BATCH_MAX /* at the latest */
#define COUNT_MAX  (ROUNDS * THREADS / 2)
#define POOL_BYTES (1UL << 20)

static struct disk disk;

/* Where transactions land: one waits for each. */
struct home {
    struct inbox inbox; /* first */
    sem_t woken;
    unsigned landed;
};

static void wake(struct inbox *in)
{
    (void)sem_post(&((struct home *)in)->woken);
}

static void land(struct job *j)
{
    ((struct home *)j->home)->landed++;
}

static void home_init(struct home *h)
{
    memset(h, 0, sizeof(*h));
    inbox_init(&h->inbox, wake);
    CHECK_INT(sem_init(&h->woken, 0, 0), 0);
}

static void home_finish(struct home *h)
{
    inbox_finish(&h->inbox);
    (void)sem_destroy(&h->woken);
}

static void send(struct writer *w, struct home *h, struct txn *t)
{
    struct job *j = txn_job(t);

    j->at = writer_queue(w);
    j->home = &h->inbox;
    j->land = land;
    job_send(j);
}

/* False: they did not come in time. */
static bool wait_until_landed(struct home *h, unsigned n)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 30;
    while (h->landed < n) {
        if (sem_timedwait(&h->woken, &end) != 0)
            return false;
        (void)inbox_drain(&h->inbox);
    }
    return true;
}

static struct txn *counting(const char *id)
{
    struct txn *t = disk_begin(&disk);

    txn_count(t, disk_key(&disk, id), 1, UINT32_MAX);
    return t;
}

/* While the test has the database's one write transaction, the writer commits nothing. */
static MDB_txn *hold(void)
{
    MDB_txn *txn = NULL;

    CHECK_INT(store_enter(disk.store, 0, &txn), 0);
    return txn;
}

static void release(MDB_txn *txn)
{
    mdb_txn_abort(txn);
    store_leave(disk.store);
}

/* How many signers are at work, and how often the writer has asked. */
static atomic_size_t backlog;
static atomic_uint asked;

static size_t backlog_now(void *ctx)
{
    CHECK(ctx == &backlog);
    atomic_fetch_add(&asked, 1);
    return atomic_load(&backlog);
}

/* Sends one, and comes back when it is the writer's. */
static void send_and_see_taken(struct writer *w, struct home *h, struct txn *t)
{
    struct work_queue *q = (struct work_queue *)writer_queue(w);

    send(w, h, t);
    while (work_queue_length(q) > 0)
        (void)sched_yield();
}

static void test_commits(void)
{
    struct writer *w = writer_create(disk.store, NULL, NULL);
    struct home home;

    home_init(&home);
    disk_put(&disk, "a", "1");
    struct txn *t = disk_begin(&disk), *late = disk_begin(&disk);
    struct slice value;
    CHECK(txn_get(t, disk_key(&disk, "a"), &value) && txn_get(late, disk_key(&disk, "a"), &value));
    txn_put(t, disk_key(&disk, "a"), SL("2"));
    txn_put(late, disk_key(&disk, "a"), SL("3"));
    send(w, &home, t);
    CHECK(wait_until_landed(&home, 1));
    send(w, &home, late);
    CHECK(wait_until_landed(&home, 2));
    CHECK_INT(txn_job(t)->err, ERR_OK);
    CHECK_INT(txn_job(late)->err, ERR_CHANGED);
    CHECK_TEXT(disk_get(&disk, "a"), "2");
    writer_destroy(w);
    writer_destroy(NULL);
    home_finish(&home);
}

static void test_destroy_commits(void)
{
    struct writer *w = writer_create(disk.store, NULL, NULL);
    struct home home;

    home_init(&home);
    MDB_txn *held = hold();
    for (unsigned i = 0; i < QUEUED; i++)
        send(w, &home, counting("queued"));
    release(held);
    writer_destroy(w);
    CHECK_INT(inbox_drain(&home.inbox), QUEUED);
    CHECK_INT(disk_count(&disk, "queued"), QUEUED);
    home_finish(&home);
}

/* With so many there is no waiting for more, though signers are still at work. */
static void test_one_commit(void)
{
    struct writer *w = writer_create(disk.store, backlog_now, &backlog);
    uint64_t before = disk_txn_id(&disk);
    struct home home;

    home_init(&home);
    atomic_store(&backlog, 0);
    MDB_txn *held = hold();
    send_and_see_taken(w, &home, counting("together"));
    for (unsigned i = 0; i < ENOUGH; i++)
        send(w, &home, counting("together"));
    atomic_store(&backlog, 1);
    atomic_store(&asked, 0);
    release(held);
    CHECK(wait_until_landed(&home, 1 + ENOUGH));
    CHECK_INT(disk_txn_id(&disk), before + 2); /* the first, and all others */
    CHECK_INT(atomic_load(&asked), 0);
    writer_destroy(w);
    home_finish(&home);
}

static int64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The shortest of some: others use the machine too. */
static int64_t fastest_us(struct writer *w)
{
    int64_t fastest = INT64_MAX;
    struct home home;

    home_init(&home);
    for (unsigned i = 0; i < TRIES; i++) {
        int64_t start = now_us();

        send(w, &home, counting("alone"));
        CHECK(wait_until_landed(&home, i + 1));
        int64_t took = now_us() - start;
        fastest = took < fastest ? took : fastest;
    }
    home_finish(&home);
    return fastest;
}

/* Signers that never send anything hold a batch up for GATHER_US and no longer. */
static void test_waits_for_signers(void)
{
    struct writer *with = writer_create(disk.store, backlog_now, &backlog);
    struct writer *without = writer_create(disk.store, NULL, NULL);

    atomic_store(&backlog, 1);
    CHECK(fastest_us(with) >= GATHER_US);
    atomic_store(&backlog, 0);
    CHECK(fastest_us(with) < GATHER_US);
    CHECK(fastest_us(without) < GATHER_US);
    writer_destroy(with);
    writer_destroy(without);
}

/* Many threads, as loops are: each has a view and a home of its own, and all start each round together. */
struct crowd {
    struct writer *writer;
    pthread_barrier_t barrier;
    atomic_uint won[ROUNDS], counted;
};

static struct crowd crowd;

/* ERR_TIMEOUT: nothing came. */
static enum err settle(struct home *h, struct txn *t, unsigned n)
{
    send(crowd.writer, h, t);
    return wait_until_landed(h, n) ? txn_job(t)->err : ERR_TIMEOUT;
}

/* All have read the same value before the first of them is sent. */
static enum err race(struct pool *p, struct view *v, struct home *h, unsigned round, uint64_t self)
{
    struct txn *t = txn_create(p, v, DISK_ISSUER);
    struct slice key = key_make(p, DISK_ISSUER, CLASS_CLIENT, SL("raced"), SLICE_NONE), value;
    struct packer k;

    (void)txn_get(t, key, &value);
    pack_begin(&k, p, 1, 0);
    pack_u64(&k, round);
    pack_u64(&k, self);
    txn_put(t, key, pack_end(&k));
    txn_log(t, SL("won"));
    view_rest(v);
    (void)pthread_barrier_wait(&crowd.barrier);
    return settle(h, t, 2 * round + 1);
}

static enum err count(struct pool *p, struct view *v, struct home *h, unsigned round)
{
    struct txn *t = txn_create(p, v, DISK_ISSUER);

    txn_count(t, key_make(p, DISK_ISSUER, CLASS_CLIENT, SL("counted"), SLICE_NONE), 1, COUNT_MAX);
    return settle(h, t, 2 * round + 2);
}

static void *take_part(void *number)
{
    struct view *v = view_create(disk.store);
    struct home home;
    enum err e;

    home_init(&home);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct pool *p = pool_create(POOL_BYTES);

        (void)pthread_barrier_wait(&crowd.barrier);
        e = race(p, v, &home, round, *(const unsigned *)number);
        CHECK(e == ERR_OK || e == ERR_CHANGED);
        atomic_fetch_add(&crowd.won[round], e == ERR_OK);
        e = count(p, v, &home, round);
        CHECK(e == ERR_OK || e == ERR_LIMIT);
        atomic_fetch_add(&crowd.counted, e == ERR_OK);
        pool_destroy(p);
    }
    home_finish(&home);
    view_destroy(v);
    return NULL;
}

static void test_crowd(void)
{
    static unsigned numbers[THREADS];
    pthread_t thread[THREADS];

    crowd.writer = writer_create(disk.store, NULL, NULL);
    CHECK_INT(pthread_barrier_init(&crowd.barrier, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK_INT(pthread_create(&thread[i], NULL, take_part, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(thread[i], NULL);
    writer_destroy(crowd.writer);
    (void)pthread_barrier_destroy(&crowd.barrier);
    for (unsigned round = 0; round < ROUNDS; round++)
        CHECK_INT(atomic_load(&crowd.won[round]), 1);
    CHECK_INT(atomic_load(&crowd.counted), COUNT_MAX);
    CHECK_INT(disk_count(&disk, "counted"), COUNT_MAX);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "commits what is sent, and says how it went", test_commits },
        { "what is queued at the end is committed", test_destroy_commits },
        { "what is queued together is one commit", test_one_commit },
        { "waits for signers at work, not for idle ones", test_waits_for_signers },
        { "of many threads one wins each round, and the limit holds", test_crowd },
    };

    disk_open(&disk, DISK_MAP_BYTES);
    int failed = TAP_RUN(tests);
    disk_close(&disk);
    return failed;
}
