/* What spares commits a look at the database may never hide a change: the filter by itself, and then commits at random, each compared
 * with what comparing every value would have said. */
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "recent.h"

#define KEYS         12
#define PENDING      24
#define STEPS        6000
#define READS        3
#define BATCH        4
#define ANOTHER_EACH 400 /* steps between the commits of another process */
#define FOREIGN      1000

static struct recent recent;

static struct slice named(char room[static 16], unsigned n)
{
    return (struct slice){ room, (size_t)snprintf(room, 16, "key %u", n) };
}

static void add(unsigned n)
{
    char room[16];

    recent_add(&recent, named(room, n));
}

static bool has(uint64_t snapshot, unsigned n)
{
    char room[16];

    return recent_has(&recent, snapshot, named(room, n));
}

/* Commits of one key each, whose number is the commit's. */
static void commit_each(uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++) {
        recent_begin(&recent, id);
        add((unsigned)id);
        recent_commit(&recent);
    }
}

static void forget(void)
{
    memset(&recent, 0, sizeof(recent));
}

static void test_has(void)
{
    forget();
    commit_each(101, 110);
    recent_begin(&recent, 111);
    add(111);
    for (uint64_t snapshot = 100; snapshot < 111; snapshot++) {
        CHECK(recent_covers(&recent, snapshot));
        for (unsigned id = 101; id <= 111; id++)
            CHECK_INT(has(snapshot, id), id > snapshot);
    }
}

static void test_covers(void)
{
    forget();
    recent_begin(&recent, 50);
    CHECK(recent_covers(&recent, 49));  /* nothing in between */
    CHECK(!recent_covers(&recent, 48)); /* committed before this process came */
    CHECK(!recent_covers(&recent, 50) && !recent_covers(&recent, 51));
    CHECK(!recent_covers(&recent, 0));
    recent_begin(&recent, 1);
    CHECK(!recent_covers(&recent, 0)); /* a read that failed */
}

static void test_as_far_as_it_goes(void)
{
    uint64_t now = 201 + 2UL * RECENT_COMMITS;

    forget();
    commit_each(201, now - 1);
    recent_begin(&recent, now);
    CHECK(recent_covers(&recent, now - RECENT_COMMITS));
    CHECK(!recent_covers(&recent, now - RECENT_COMMITS - 1));
    CHECK(!recent_covers(&recent, now - 2UL * RECENT_COMMITS)); /* in whose place there is another */
    for (uint64_t id = now - RECENT_COMMITS + 1; id < now; id++)
        CHECK(has(now - RECENT_COMMITS, (unsigned)id));
}

/* Another process has committed 303, and 305 was begun here but is another's too. */
static void test_gap(void)
{
    forget();
    commit_each(301, 302);
    commit_each(304, 304);
    recent_begin(&recent, 305);
    CHECK(recent_covers(&recent, 303) && recent_covers(&recent, 304));
    CHECK(!recent_covers(&recent, 302) && !recent_covers(&recent, 301));
    recent_begin(&recent, 306);
    CHECK(!recent_covers(&recent, 304));
    CHECK(recent_covers(&recent, 305));
}

/* What was begun and given up is begun again under the same number. */
static void test_given_up(void)
{
    forget();
    commit_each(401, 402);
    recent_begin(&recent, 403);
    add(77);
    recent_begin(&recent, 403);
    CHECK(!has(402, 77));
    add(88);
    recent_commit(&recent);
    recent_begin(&recent, 404);
    CHECK(recent_covers(&recent, 402));
    CHECK(has(402, 88) && !has(402, 77));
}

/* Keys of all lengths, and such as differ in one place. */
static void test_keys(void)
{
    char key[KEY_BYTES_MAX] = { 0 };

    for (size_t n = 0; n <= KEY_BYTES_MAX; n++) {
        forget();
        recent_begin(&recent, 1);
        recent_add(&recent, (struct slice){ key, n });
        CHECK(recent_has(&recent, 0, (struct slice){ key, n }));
        if (n > 0)
            CHECK(!recent_has(&recent, 0, (struct slice){ key, n - 1 }));
        for (size_t i = 0; i < n; i++) {
            key[i] = 1;
            CHECK(!recent_has(&recent, 0, (struct slice){ key, n }));
            key[i] = 0;
        }
    }
}

/* It is of use: what was not written is seldom taken for written. */
static void test_few_mistaken(void)
{
    unsigned mistaken = 0;

    forget();
    recent_begin(&recent, 1);
    for (unsigned i = 0; i < 256; i++)
        add(i);
    for (unsigned i = 0; i < FOREIGN; i++)
        mistaken += has(0, FOREIGN + i);
    CHECK(mistaken < FOREIGN / 50);
}

/* Commits at random */

static struct disk disk;

/* What the database must hold: a number a key, 0 is absent. */
static unsigned model[KEYS];

static struct pending {
    struct txn *txn; /* NULL: this place is free */
    unsigned key[READS], seen[READS];
    unsigned put_key, put;
} pending[PENDING];

/* The same numbers in each run. */
static unsigned chance(unsigned below)
{
    static uint64_t state = 1;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((state >> 33) % below);
}

static struct slice key_of(unsigned n)
{
    return disk_key(&disk, pool_fmt(disk.pool, "a key of usual length %u", n).p);
}

static void write_number(struct txn *t, unsigned key, unsigned number)
{
    if (number == 0)
        txn_del(t, key_of(key));
    else
        txn_put(t, key_of(key), pool_fmt(disk.pool, "%u", number));
}

static void read_one(struct pending *p, unsigned i)
{
    struct slice value;

    p->key[i] = chance(KEYS);
    p->seen[i] = model[p->key[i]];
    for (unsigned before = 0; before < i; before++)
        if (p->key[before] == p->key[i])
            p->seen[i] = p->seen[before]; /* remembered */
    CHECK_INT(txn_get(p->txn, key_of(p->key[i]), &value), p->seen[i] != 0);
    view_rest(disk.view);
}

/* Two values and absence: often what was changed is soon changed back. */
static void begin(struct pending *p)
{
    p->txn = disk_begin(&disk);
    for (unsigned i = 0; i < READS - 1; i++)
        read_one(p, i);
}

/* The last read is of a later snapshot. */
static void end(struct pending *p)
{
    read_one(p, READS - 1);
    p->put_key = chance(KEYS);
    p->put = chance(3);
    write_number(p->txn, p->put_key, p->put);
    if (chance(8) == 0)
        txn_count(p->txn, key_of(KEYS), 1, 0); /* fails at its commit, but for what it has read */
}

/* What comparing each value says. */
static enum err expected(const struct pending *p, bool limited)
{
    for (unsigned i = 0; i < READS; i++)
        if (model[p->key[i]] != p->seen[i])
            return ERR_CHANGED;
    return limited ? ERR_LIMIT : ERR_OK;
}

static void commit_some(struct pending *const some[], size_t n)
{
    struct txn *batch[BATCH];

    for (size_t i = 0; i < n; i++) {
        end(some[i]);
        batch[i] = some[i]->txn;
    }
    store_commit(disk.store, batch, n);
    for (size_t i = 0; i < n; i++) {
        bool limited = txn_job(batch[i])->err == ERR_LIMIT;

        CHECK_INT(txn_job(batch[i])->err, expected(some[i], limited));
        if (txn_job(batch[i])->err == ERR_OK)
            model[some[i]->put_key] = some[i]->put;
        some[i]->txn = NULL;
    }
}

static void step(void)
{
    struct pending *some[BATCH];
    size_t n = 0;

    for (unsigned tries = 1 + chance(BATCH); tries > 0; tries--) {
        struct pending *p = &pending[chance(PENDING)];

        if (p->txn == NULL) {
            begin(p);
            continue;
        }
        bool twice = false;
        for (size_t i = 0; i < n; i++)
            twice |= some[i] == p;
        if (!twice)
            some[n++] = p;
    }
    if (n > 0)
        commit_some(some, n);
}

/* Another process deletes all that there is. */
static void let_another_commit(void)
{
    CHECK_INT(disk_run_self("delete", disk.directory), 0);
    memset(model, 0, sizeof(model));
}

static int delete_all(const char *directory)
{
    disk_at(&disk, directory);
    disk_attach(&disk);
    struct txn *t = disk_begin(&disk);
    for (unsigned i = 0; i < KEYS; i++)
        write_number(t, i, 0);
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    disk_detach(&disk);
    pool_destroy(disk.pool);
    return tap_failures != 0;
}

static void test_random(void)
{
    disk_open(&disk, DISK_MAP_BYTES);
    for (unsigned i = 0; i < STEPS && tap_failures == 0; i++) {
        step();
        if (i % ANOTHER_EACH == ANOTHER_EACH - 1)
            let_another_commit();
    }
    disk_close(&disk);
}

int main(int argc, char **argv)
{
    static const struct tap_test tests[] = {
        { "what was written since a snapshot is known", test_has },
        { "nothing is known of what is not covered", test_covers },
        { "older snapshots than it goes back", test_as_far_as_it_goes },
        { "another process's commits are gaps", test_gap },
        { "commits that were given up", test_given_up },
        { "keys of all lengths", test_keys },
        { "few are mistaken", test_few_mistaken },
        { "commits at random, against comparing each value", test_random },
    };

    if (argc == 3)
        return delete_all(argv[2]);
    return TAP_RUN(tests);
}
