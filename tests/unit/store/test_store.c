/* Opening: what will not do, and why; and several processes on one database. The other processes are this program again, see roles. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "place.h"
#include "record.h"
#include "store_int.h"

#define ADDITIONS      200
#define GROWN_MAP      (4 * DISK_MAP_BYTES)
#define BIG_BYTES      60000
#define BIG_RECORDS    100 /* more than DISK_MAP_BYTES holds */
#define PAGE_BYTES     4096
#define VERSION_OFFSET 20 /* in LMDB's two first pages */

static struct disk disk;

static const char *in_directory(const char *name)
{
    return pool_fmt(disk.pool, "%s/%s", disk.directory, name).p;
}

/* Opens and closes. */
static enum err try_open(const struct store_options *o, struct slice *ret_why)
{
    struct store *s = NULL;
    enum err e = store_open(disk.pool, o, &s, ret_why);

    CHECK_INT(s != NULL, e == ERR_OK);
    store_close(s);
    return e;
}

static void refuses(enum err want, const char *words)
{
    const struct store_options o = { .directory = disk.directory, .map_bytes = DISK_MAP_BYTES, .no_sync = true };
    struct slice why = SLICE_NONE;

    CHECK_INT(try_open(&o, &why), want);
    CHECK(slice_starts(why, slice_of(disk.directory)));
    if (strstr(slice_cstr(disk.pool, why), words) == NULL)
        CHECK_TEXT(why, words);
}

static void takes(void)
{
    const struct store_options o = { .directory = disk.directory, .map_bytes = DISK_MAP_BYTES, .no_sync = true };
    struct slice why = SLICE_NONE;

    CHECK_INT(try_open(&o, &why), ERR_OK);
    CHECK(slice_is_none(why));
}

static void write_file(const char *path, const void *bytes, size_t n, off_t at)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n);
    (void)close(fd);
}

static void remove_database(void)
{
    (void)unlink(in_directory(PLACE_DATA_FILE));
    (void)unlink(in_directory(PLACE_LOCK_FILE));
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

/* Records put past the store, as another program would. The database must not be open in this process. */
static void put_raw(const char *directory, struct slice key, struct slice value)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    MDB_val k = val_of(key), v = val_of(value);

    CHECK_INT(mdb_env_create(&env), 0);
    CHECK_INT(mdb_env_open(env, directory, MDB_NOSYNC, 0600), 0);
    CHECK_INT(mdb_txn_begin(env, NULL, 0, &txn), 0);
    CHECK_INT(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    CHECK_INT(mdb_put(txn, dbi, &k, &v, 0), 0);
    CHECK_INT(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static struct slice meta_of(uint32_t schema, const uint8_t boot_id[static BOOT_ID_BYTES])
{
    struct packer k;

    pack_begin(&k, disk.pool, 1, 0);
    pack_u32(&k, schema);
    pack_i64(&k, 1000);
    pack_i64(&k, 2000);
    pack_bytes(&k, boot_id, BOOT_ID_BYTES);
    return pack_end(&k);
}

static void put_meta(const char *directory, struct slice value)
{
    put_raw(directory, key_make(disk.pool, 0, CLASS_META, SLICE_NONE, SLICE_NONE), value);
}

static void put_schema(const char *directory, uint32_t schema)
{
    static const uint8_t unknown[BOOT_ID_BYTES];

    put_meta(directory, meta_of(schema, unknown));
}

static void test_new(void)
{
    mode_t before = umask(0);
    const struct store_options o = { .directory = disk.directory, .map_bytes = DISK_MAP_BYTES };
    struct slice why = SLICE_NONE;

    CHECK_INT(try_open(&o, &why), ERR_OK); /* with all its syncing */
    (void)umask(before);
    CHECK_INT(mode_of(in_directory(PLACE_DATA_FILE)), 0600);
    CHECK_INT(mode_of(in_directory(PLACE_LOCK_FILE)), 0600);
    remove_database();
}

static void test_must_exist(void)
{
    const struct store_options o = { .directory = disk.directory, .must_exist = true };
    struct slice why = SLICE_NONE;

    CHECK_INT(try_open(&o, &why), ERR_NOENT);
    CHECK(!slice_is_none(why));
    CHECK_INT(access(in_directory(PLACE_DATA_FILE), F_OK), -1);
    takes();
    CHECK_INT(try_open(&o, &why), ERR_OK);
    remove_database();
}

static void test_keeps(void)
{
    disk_attach(&disk);
    disk_put(&disk, "a", "1");
    uint64_t id = disk_txn_id(&disk);
    disk_detach(&disk);
    disk_attach(&disk);
    CHECK_TEXT(disk_get(&disk, "a"), "1");
    CHECK(disk_txn_id(&disk) == id); /* opening writes nothing */
    disk_detach(&disk);
    remove_database();
    store_close(NULL);
}

static void test_not_a_directory(void)
{
    const struct store_options o = { .directory = in_directory("file") };
    struct slice why = SLICE_NONE;

    write_file(in_directory("file"), "", 0, 0);
    CHECK_INT(try_open(&o, &why), ERR_CONFIG);
    CHECK(strstr(slice_cstr(disk.pool, why), "is not a directory") != NULL);
    (void)unlink(in_directory("file"));
}

static void test_no_database(void)
{
    static const char nonsense[3 * PAGE_BYTES] = "SQLite format 3";

    write_file(in_directory(PLACE_DATA_FILE), nonsense, sizeof(nonsense), 0);
    refuses(ERR_CORRUPT, "no database of avouch");
    CHECK_INT(truncate(in_directory(PLACE_DATA_FILE), 1), 0);
    refuses(ERR_CORRUPT, "no database of avouch");
    CHECK_INT(truncate(in_directory(PLACE_DATA_FILE), 0), 0);
    takes(); /* made by a process that got no further */
    remove_database();
}

static void test_another_programs(void)
{
    put_raw(disk.directory, SL("some key"), SL("of another program"));
    refuses(ERR_CORRUPT, "no database of avouch");
    remove_database();
    takes();
    put_meta(disk.directory, SL("no record"));
    refuses(ERR_CORRUPT, "no database of avouch");
    put_schema(disk.directory, 0);
    refuses(ERR_CORRUPT, "no database of avouch");
    remove_database();
}

static void test_another_lmdb(void)
{
    static const uint8_t version[] = { 2, 0, 0, 0 };

    takes();
    write_file(in_directory(PLACE_DATA_FILE), version, sizeof(version), VERSION_OFFSET);
    write_file(in_directory(PLACE_DATA_FILE), version, sizeof(version), PAGE_BYTES + VERSION_OFFSET);
    refuses(ERR_CORRUPT, "another version of LMDB");
    remove_database();
}

static void test_newer_schema(void)
{
    takes();
    put_schema(disk.directory, STORE_SCHEMA);
    takes();
    put_schema(disk.directory, STORE_SCHEMA + 1);
    refuses(ERR_CONFIG, "newer avouch");
    remove_database();
}

/* A newer avouch takes the database over while we have it open: nothing is written any more. */
static void test_newer_schema_meanwhile(void)
{
    disk_attach(&disk);
    disk_put(&disk, "a", "1");
    CHECK_INT(disk_run_self("newer schema", disk.directory), 0);
    struct txn *t = disk_begin(&disk);
    txn_put(t, disk_key(&disk, "a"), SL("2"));
    CHECK_INT(disk_commit(&disk, t), ERR_IO);
    CHECK_TEXT(disk_get(&disk, "a"), "1");
    CHECK_INT(disk_run_self("known schema", disk.directory), 0);
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    disk_detach(&disk);
    remove_database();
}

static struct store_clock clock_of(const struct slice *meta)
{
    struct store_clock c = { 0 };

    if (meta != NULL)
        put_meta(disk.directory, *meta);
    disk_attach(&disk);
    CHECK_INT(view_clock(disk.view, &c), ERR_OK);
    disk_detach(&disk);
    return c;
}

static void test_clock(void)
{
    static const uint8_t unknown[BOOT_ID_BYTES], other[BOOT_ID_BYTES] = { 1 };
    uint8_t ours[BOOT_ID_BYTES];
    struct store_clock c = clock_of(NULL); /* as store_open leaves it */

    CHECK(c.same_boot);
    CHECK(c.latest_ms == c.wall_ms && c.wall_ms > 0 && c.boot_ms > 0);
    struct slice meta = meta_of(STORE_SCHEMA, other);
    c = clock_of(&meta);
    CHECK(!c.same_boot);
    CHECK_INT(c.wall_ms, 1000);
    CHECK_INT(c.boot_ms, 2000);
    CHECK_INT(c.latest_ms, 1000); /* not stored by an older avouch */
    disk_attach(&disk);
    memcpy(ours, disk.store->boot_id, sizeof(ours));
    disk_detach(&disk);
    meta = meta_of(STORE_SCHEMA, ours);
    CHECK(clock_of(&meta).same_boot);
    /* where the kernel does not tell, no two are the same */
    put_meta(disk.directory, meta_of(STORE_SCHEMA, unknown));
    disk_attach(&disk);
    memset(disk.store->boot_id, 0, BOOT_ID_BYTES);
    CHECK_INT(view_clock(disk.view, &c), ERR_OK);
    CHECK(!c.same_boot);
    disk_detach(&disk);
    remove_database();
}

static void put_big(struct disk *d, unsigned n)
{
    struct txn *t = disk_begin(d);

    txn_put(t, disk_key(d, pool_fmt(d->pool, "big%u", n).p), slice_bytes(pool_zalloc(d->pool, BIG_BYTES), BIG_BYTES));
    CHECK_INT(disk_commit(d, t), ERR_OK);
}

static struct store_usage usage(void)
{
    struct store_usage u = { 0 };

    CHECK_INT(store_usage(disk.store, &u), ERR_OK);
    CHECK(u.last_txn == disk_txn_id(&disk));
    CHECK_INT(u.map_bytes, DISK_MAP_BYTES);
    CHECK_INT(u.percent, u.used_bytes * 100 / u.map_bytes);
    return u;
}

static void test_usage(void)
{
    disk_attach(&disk);
    struct store_usage fresh = usage();
    CHECK_INT(fresh.entries, 1); /* the database's own */
    CHECK(fresh.used_bytes > 0 && fresh.used_bytes < 16UL * PAGE_BYTES);
    CHECK(fresh.readers > 0);
    for (unsigned i = 0; i < 10; i++)
        put_big(&disk, i);
    struct store_usage filled = usage();
    CHECK_INT(filled.entries, 11);
    CHECK(filled.used_bytes > fresh.used_bytes + 10UL * BIG_BYTES);
    CHECK(filled.used_bytes < fresh.used_bytes + 12UL * BIG_BYTES);
    for (unsigned i = 0; i < 10; i++)
        disk_del(&disk, pool_fmt(disk.pool, "big%u", i).p);
    struct store_usage emptied = usage();
    CHECK_INT(emptied.entries, 1);
    CHECK(emptied.used_bytes < fresh.used_bytes + BIG_BYTES); /* the file is as large as before */
    disk_detach(&disk);
    remove_database();
}

/* Several processes */

static void test_seen(void)
{
    disk_attach(&disk);
    disk_put(&disk, "question", "what else?");
    uint64_t before = view_txn_id(disk.view);
    CHECK_INT(disk_run_self("answer", disk.directory), 0);
    CHECK(view_txn_id(disk.view) == before); /* our snapshot */
    view_rest(disk.view);
    CHECK(view_txn_id(disk.view) == before + 1);
    CHECK_TEXT(disk_get(&disk, "answer"), "what else?");
    disk_detach(&disk);
    remove_database();
}

/* What another process changes is compared like everything else. */
static void test_changed_by_another(void)
{
    struct slice value;

    disk_attach(&disk);
    disk_put(&disk, "question", "what else?");
    struct txn *t = disk_begin(&disk);
    CHECK(!txn_get(t, disk_key(&disk, "answer"), &value));
    txn_put(t, disk_key(&disk, "b"), SL("rests on there being no answer"));
    view_rest(disk.view);
    CHECK_INT(disk_run_self("answer", disk.directory), 0);
    CHECK_INT(disk_commit(&disk, t), ERR_CHANGED);
    disk_detach(&disk);
    remove_database();
}

/* One to the number at "sum", by reading and writing. */
static enum err add_one(struct disk *d)
{
    struct txn *t = disk_begin(d);
    struct slice value = SL("0");
    uint64_t number = 0;

    (void)txn_get(t, disk_key(d, "sum"), &value);
    CHECK(slice_to_u64(value, UINT32_MAX, &number));
    txn_put(t, disk_key(d, "sum"), pool_fmt(d->pool, "%u", (unsigned)number + 1));
    txn_count(t, disk_key(d, "count"), 1, UINT32_MAX);
    view_rest(d->view);
    return disk_commit(d, t);
}

static void add_many(struct disk *d)
{
    for (unsigned i = 0; i < ADDITIONS; i++) {
        enum err e = ERR_CHANGED;

        while (e == ERR_CHANGED)
            e = add_one(d);
        CHECK_INT(e, ERR_OK);
    }
}

static void test_two_writers(void)
{
    disk_attach(&disk);
    pid_t child = disk_start_self("add", disk.directory);
    add_many(&disk);
    CHECK_INT(disk_wait_for(child), 0);
    CHECK_TEXT(disk_get(&disk, "sum"), pool_fmt(disk.pool, "%d", 2 * ADDITIONS).p);
    CHECK_INT(disk_count(&disk, "count"), 2 * ADDITIONS);
    disk_detach(&disk);
    remove_database();
}

/* Another process has a larger map, and fills it beyond ours. */
static void test_larger_map(void)
{
    disk_attach(&disk);
    struct view *other = view_create(disk.store);
    disk_put(&disk, "a", "1");
    CHECK(view_txn_id(other) > 0);
    view_rest(other);
    CHECK_INT(disk_run_self("grow", disk.directory), 0);
    struct txn *t = disk_begin(&disk);
    txn_put(t, disk_key(&disk, "a"), SL("2"));
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    CHECK_TEXT(disk_get(&disk, "a"), "2");
    CHECK_INT(disk_get(&disk, pool_fmt(disk.pool, "big%d", BIG_RECORDS - 1).p).n, BIG_BYTES);
    CHECK(view_txn_id(other) > 0);
    view_destroy(other);
    disk_detach(&disk);
    remove_database();
}

static void test_larger_map_read(void)
{
    disk_attach(&disk);
    disk_put(&disk, "a", "1");
    CHECK_INT(disk_run_self("grow", disk.directory), 0);
    CHECK_INT(disk_get(&disk, pool_fmt(disk.pool, "big%d", BIG_RECORDS - 1).p).n, BIG_BYTES);
    disk_detach(&disk);
    remove_database();
}

/* A process that died while it read holds pages back until its slot is freed. */
static void test_dead_reader(void)
{
    disk_attach(&disk);
    disk_put(&disk, "a", "1");
    CHECK_INT(store_check_readers(disk.store), 0);
    CHECK_INT(disk_run_self("die reading", disk.directory), 0);
    CHECK_INT(store_check_readers(disk.store), 1);
    CHECK_INT(store_check_readers(disk.store), 0);
    CHECK_INT(disk_run_self("die reading", disk.directory), 0);
    CHECK_INT(disk_run_self("answer", disk.directory), 0); /* whoever opens does it too */
    CHECK_INT(store_check_readers(disk.store), 0);
    disk_detach(&disk);
    remove_database();
}

/* What the other processes do. */

static void newer_schema(void)
{
    put_schema(disk.directory, STORE_SCHEMA + 1);
}

static void known_schema(void)
{
    put_schema(disk.directory, STORE_SCHEMA);
}

static void answer(void)
{
    disk_attach(&disk);
    disk_put(&disk, "answer", slice_cstr(disk.pool, disk_get(&disk, "question")));
    disk_detach(&disk);
}

static void add(void)
{
    disk_attach(&disk);
    add_many(&disk);
    disk_detach(&disk);
}

static void grow(void)
{
    disk.map_bytes = GROWN_MAP;
    disk_attach(&disk);
    for (unsigned i = 0; i < BIG_RECORDS; i++)
        put_big(&disk, i);
    disk_detach(&disk);
}

static void die_reading(void)
{
    disk_attach(&disk);
    CHECK(view_txn_id(disk.view) > 0);
    _exit(tap_failures != 0 ? 1 : 0);
}

static int play(const char *role, const char *directory)
{
    static const struct {
        const char *name;
        void (*play)(void);
    } roles[] = {
        { "newer schema", newer_schema },
        { "known schema", known_schema },
        { "answer", answer },
        { "add", add },
        { "grow", grow },
        { "die reading", die_reading },
    };

    disk_at(&disk, directory);
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(roles[i].name, role) == 0)
            roles[i].play();
    pool_destroy(disk.pool);
    return tap_failures != 0;
}

int main(int argc, char **argv)
{
    static const struct tap_test tests[] = {
        { "a new one is for us alone", test_new },
        { "one that must exist", test_must_exist },
        { "what was put is there again", test_keeps },
        { "no directory", test_not_a_directory },
        { "files that are no database", test_no_database },
        { "another program's database", test_another_programs },
        { "another LMDB's database", test_another_lmdb },
        { "a newer avouch's database", test_newer_schema },
        { "a newer avouch takes it over", test_newer_schema_meanwhile },
        { "the clocks that were stored", test_clock },
        { "use of space", test_usage },
        { "another process sees and is seen", test_seen },
        { "what another process changes is a change", test_changed_by_another },
        { "two processes that write", test_two_writers },
        { "another process's larger map, at a commit", test_larger_map },
        { "another process's larger map, at a read", test_larger_map_read },
        { "a process that died while it read", test_dead_reader },
    };

    if (argc == 3)
        return play(argv[1], argv[2]);
    disk_make(&disk);
    int failed = TAP_RUN(tests);
    disk_close(&disk);
    return failed;
}
