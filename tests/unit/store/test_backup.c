/* Copies made while work goes on. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "place.h"

#define GROWN_MAP   (4 * DISK_MAP_BYTES)
#define BIG_BYTES   60000
#define BIG_RECORDS 100 /* more than DISK_MAP_BYTES holds */
#define SMALL       200
#define BACKUPS     10

static struct disk disk, copy;

static const char *in_copy(const char *name)
{
    return pool_fmt(copy.pool, "%s/%s", copy.directory, name).p;
}

/* Where a copy is a database at once. */
static const char *target(void)
{
    return in_copy(PLACE_DATA_FILE);
}

static const char *temporary(void)
{
    return in_copy(PLACE_DATA_FILE ".tmp");
}

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static void forget_copy(void)
{
    disk_detach(&copy);
    (void)unlink(target());
    (void)unlink(in_copy(PLACE_LOCK_FILE));
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(fd);
}

static void put_big(struct disk *d, unsigned n)
{
    struct txn *t = disk_begin(d);

    txn_put(t, disk_key(d, pool_fmt(d->pool, "big%u", n).p), slice_bytes(pool_zalloc(d->pool, BIG_BYTES), BIG_BYTES));
    CHECK_INT(disk_commit(d, t), ERR_OK);
}

static void test_copy(void)
{
    struct stat st;
    mode_t before = umask(0);

    disk_put(&disk, "a", "1");
    for (unsigned i = 0; i < SMALL; i++)
        disk_put(&disk, pool_fmt(disk.pool, "small%u", i).p, "text");
    CHECK_INT(store_backup(disk.store, target()), ERR_OK);
    (void)umask(before);
    disk_put(&disk, "a", "2");
    CHECK(!is_there(temporary()));
    CHECK(stat(target(), &st) == 0 && (st.st_mode & 07777) == 0600);
    disk_attach(&copy);
    CHECK_TEXT(disk_get(&copy, "a"), "1");
    for (unsigned i = 0; i < SMALL; i++)
        CHECK_TEXT(disk_get(&copy, pool_fmt(disk.pool, "small%u", i).p), "text");
    disk_put(&copy, "b", "goes on from here");
    CHECK_TEXT(disk_get(&disk, "a"), "2");
    CHECK(slice_is_none(disk_get(&disk, "b")));
    forget_copy();
}

/* What lies free inside the file is left out. */
static void test_compact(void)
{
    struct stat before, after;

    for (unsigned i = 0; i < 20; i++)
        put_big(&disk, i);
    CHECK_INT(store_backup(disk.store, target()), ERR_OK);
    CHECK_INT(stat(target(), &before), 0);
    for (unsigned i = 0; i < 20; i++)
        disk_del(&disk, pool_fmt(disk.pool, "big%u", i).p);
    CHECK_INT(store_backup(disk.store, target()), ERR_OK); /* over the older one */
    CHECK_INT(stat(target(), &after), 0);
    CHECK(after.st_size < before.st_size - 15L * BIG_BYTES);
    forget_copy();
}

static void test_temporary_is_taken(void)
{
    struct stat st;

    write_file(temporary(), "another backup's");
    CHECK_INT(store_backup(disk.store, target()), ERR_EXISTS);
    CHECK(stat(temporary(), &st) == 0 && st.st_size == (off_t)strlen("another backup's"));
    CHECK(!is_there(target()));
    (void)unlink(temporary());
    CHECK_INT(symlink(in_copy("elsewhere"), temporary()), 0); /* somebody's who wants us to write there */
    CHECK_INT(store_backup(disk.store, target()), ERR_EXISTS);
    CHECK(!is_there(in_copy("elsewhere")));
    (void)unlink(temporary());
}

static void test_no_place(void)
{
    CHECK_INT(store_backup(disk.store, in_copy("absent/file")), ERR_CONFIG);
    /* what cannot be renamed leaves nothing behind */
    CHECK_INT(mkdir(target(), 0700), 0);
    CHECK(store_backup(disk.store, target()) != ERR_OK);
    CHECK(!is_there(temporary()));
    CHECK_INT(rmdir(target()), 0);
}

/* A copy that fails half way, and leaves the older one. */
static void test_cut_short(void)
{
    struct rlimit all, few;

    put_big(&disk, 0);
    write_file(target(), "the older one");
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &all), 0);
    few = all;
    few.rlim_cur = BIG_BYTES;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &few), 0);
    enum err e = store_backup(disk.store, target());
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &all), 0);
    (void)signal(SIGXFSZ, before);
    CHECK_INT(e, ERR_IO);
    CHECK(!is_there(temporary()));
    struct stat st;
    CHECK(stat(target(), &st) == 0 && st.st_size == (off_t)strlen("the older one"));
    (void)unlink(target());
}

static void test_relative(void)
{
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    CHECK_INT(chdir(copy.directory), 0);
    CHECK_INT(store_backup(disk.store, PLACE_DATA_FILE), ERR_OK);
    CHECK_INT(fchdir(here), 0);
    (void)close(here);
    CHECK(is_there(target()));
    forget_copy();
}

/* Each commit writes two records that say the same. */
static atomic_bool over;

static void *keep_writing(void *ctx)
{
    struct view *v = view_create(disk.store);

    for (unsigned n = 0; !atomic_load(&over); n++) {
        struct pool *p = pool_create(1UL << 20);
        struct txn *t = txn_create(p, v, DISK_ISSUER);

        txn_put(t, key_make(p, DISK_ISSUER, CLASS_CLIENT, SL("first"), SLICE_NONE), pool_fmt(p, "%u", n));
        txn_put(t, key_make(p, DISK_ISSUER, CLASS_CLIENT, SL("last"), SLICE_NONE), pool_fmt(p, "%u", n));
        enum err e = store_commit_one(disk.store, t);
        CHECK(e == ERR_OK || e == ERR_FULL); /* while a copy is made no page is used again */
        pool_destroy(p);
    }
    view_destroy(v);
    return NULL;
}

static void test_while_work_goes_on(void)
{
    pthread_t thread;

    disk_put(&disk, "first", "");
    disk_put(&disk, "last", "");
    CHECK_INT(pthread_create(&thread, NULL, keep_writing, NULL), 0);
    for (unsigned i = 0; i < BACKUPS; i++) {
        CHECK_INT(store_backup(disk.store, target()), ERR_OK);
        disk_attach(&copy);
        struct slice first = disk_get(&copy, "first");
        CHECK(!slice_is_none(first) && slice_eq(first, disk_get(&copy, "last")));
        forget_copy();
    }
    atomic_store(&over, true);
    (void)pthread_join(thread, NULL);
}

/* Another process has written beyond our map. */
static void test_larger_map(void)
{
    CHECK_INT(disk_run_self("grow", disk.directory), 0);
    CHECK_INT(store_backup(disk.store, target()), ERR_OK);
    copy.map_bytes = GROWN_MAP;
    disk_attach(&copy);
    CHECK_INT(disk_get(&copy, pool_fmt(disk.pool, "big%d", BIG_RECORDS - 1).p).n, BIG_BYTES);
    forget_copy();
}

static int grow(const char *directory)
{
    disk_at(&disk, directory);
    disk.map_bytes = GROWN_MAP;
    disk_attach(&disk);
    for (unsigned i = 0; i < BIG_RECORDS; i++)
        put_big(&disk, i);
    disk_detach(&disk);
    pool_destroy(disk.pool);
    return tap_failures != 0;
}

int main(int argc, char **argv)
{
    static const struct tap_test tests[] = {
        { "a copy is a database", test_copy },
        { "without what lies free, over an older one", test_compact },
        { "the temporary file is another's", test_temporary_is_taken },
        { "no place for it", test_no_place },
        { "a copy that is cut short", test_cut_short },
        { "into the directory one is in", test_relative },
        { "while work goes on", test_while_work_goes_on },
        { "when another process has a larger map", test_larger_map },
    };

    if (argc == 3)
        return grow(argv[2]);
    disk_open(&disk, DISK_MAP_BYTES);
    disk_make(&copy);
    int failed = TAP_RUN(tests);
    disk_close(&copy);
    disk_close(&disk);
    return failed;
}
