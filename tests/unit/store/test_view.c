/* Snapshots. */
#include "disk.h"
#include "record.h"

#define VIEWS_MAX 1000                 /* more than there are slots for readers */
#define MAP_BYTES (4 * DISK_MAP_BYTES) /* while one reads, no page is used again */
#define RECORDS   300

static struct disk disk;

static struct slice key(const char *id)
{
    return disk_key(&disk, id);
}

static void check_gets(struct view *v, const char *id, const char *want)
{
    struct slice value = SLICE_NONE;
    enum err err = ERR_IO;

    CHECK_INT(view_get(v, key(id), &value, &err), want != NULL);
    CHECK_INT(err, ERR_OK);
    if (want != NULL)
        CHECK_TEXT(value, want);
    else
        CHECK(slice_is_none(value));
}

static void test_stays_the_same(void)
{
    struct view *v = view_create(disk.store), *w = view_create(disk.store);

    disk_put(&disk, "a", "1");
    check_gets(v, "a", "1");
    uint64_t id = view_txn_id(v);
    for (unsigned i = 0; i < 20; i++)
        disk_put(&disk, "a", "2");
    disk_put(&disk, "b", "2");
    check_gets(v, "a", "1");
    check_gets(v, "b", NULL);
    CHECK(view_txn_id(v) == id);
    check_gets(w, "a", "2"); /* each has its own */
    view_rest(v);
    check_gets(v, "a", "2");
    check_gets(v, "b", "2");
    disk_del(&disk, "b");
    check_gets(v, "b", "2");
    view_rest(v);
    check_gets(v, "b", NULL);
    view_destroy(v);
    view_destroy(w);
    view_destroy(NULL);
}

static void test_txn_id(void)
{
    struct view *v = view_create(disk.store);
    struct txn *t = disk_begin(&disk);
    uint64_t before = view_txn_id(v);

    CHECK(before > 0);
    view_rest(v);
    CHECK(view_txn_id(v) == before);
    CHECK_INT(disk_commit(&disk, t), ERR_OK); /* of nothing */
    view_rest(v);
    CHECK(view_txn_id(v) == before);
    disk_put(&disk, "a", "1");
    CHECK(view_txn_id(v) == before);
    view_rest(v);
    CHECK(view_txn_id(v) > before);
    view_destroy(v);
}

static void test_rests_twice(void)
{
    struct view *v = view_create(disk.store);

    view_rest(v);
    view_rest(v);
    CHECK(view_txn_id(v) > 0);
    view_rest(v);
    view_rest(v);
    view_destroy(v);
}

static void check_next(struct view *v, struct slice from, const char *want)
{
    struct record r = { SLICE_NONE, SLICE_NONE };
    enum err err = ERR_IO;

    CHECK_INT(view_next(v, from, &r, &err), want != NULL);
    CHECK_INT(err, ERR_OK);
    if (want != NULL)
        CHECK_TEXT(r.value, want);
    else
        CHECK(slice_is_none(r.key) && slice_is_none(r.value));
}

static void fill(void)
{
    disk_put(&disk, "n1", "one");
    disk_put(&disk, "n3", "three");
    disk_put(&disk, "n30", "thirty");
    disk_put(&disk, "n4", "four");
}

static void test_next(void)
{
    struct view *v = view_create(disk.store);

    fill();
    check_next(v, key("n"), "one");
    check_next(v, key("n1"), "one");
    check_next(v, key("n10"), "three");
    check_next(v, key("n3"), "three");
    check_next(v, key("n3\1"), "thirty");
    check_next(v, key("n31"), "four");
    check_next(v, key("n2"), "three"); /* backwards too */
    check_next(v, SL("\xff"), NULL);
    check_next(v, key("n4"), "four"); /* after the end */
    view_destroy(v);
}

/* From nowhere: the first record of all, which is the database's own. */
static void test_next_from_the_beginning(void)
{
    struct view *v = view_create(disk.store);
    struct record first, same;
    enum err err;

    CHECK(view_next(v, SLICE_NONE, &first, &err) && err == ERR_OK);
    CHECK(slice_eq(first.key, key_make(disk.pool, 0, CLASS_META, SLICE_NONE, SLICE_NONE)));
    CHECK(view_next(v, SL(""), &same, &err) && slice_eq(first.key, same.key));
    view_destroy(v);
}

/* The cursor goes with the snapshot. */
static void test_next_after_rest(void)
{
    struct view *v = view_create(disk.store);

    fill();
    check_next(v, key("n30"), "thirty");
    disk_del(&disk, "n30");
    disk_put(&disk, "n31", "thirty-one");
    check_next(v, key("n30"), "thirty");
    check_next(v, key("n31"), "four");
    view_rest(v);
    check_next(v, key("n30"), "thirty-one");
    view_rest(v);
    view_rest(v);
    check_next(v, key("n1"), "one");
    view_destroy(v);
}

/* Enough records that pages split, and the reader's stay. */
static void test_next_over_many(void)
{
    struct view *v = view_create(disk.store);
    struct slice from = key("m");
    enum err err = ERR_OK;
    struct record r;
    unsigned n = 0;

    for (unsigned i = 0; i < RECORDS; i++)
        disk_put(&disk, pool_fmt(disk.pool, "m%03u", i).p, "some text that takes some room in a page");
    while (view_next(v, from, &r, &err) && slice_starts(r.key, key("m"))) {
        CHECK(slice_eq(r.key, key(pool_fmt(disk.pool, "m%03u", n).p)));
        from = key(pool_fmt(disk.pool, "m%03u\1", n).p);
        disk_del(&disk, pool_fmt(disk.pool, "m%03u", RECORDS - 1 - n).p);
        n++;
    }
    CHECK_INT(n, RECORDS);
    view_destroy(v);
}

/* An error stays until the view rests: nothing is taken for absent meanwhile. */
static void test_sticky_error(void)
{
    struct view *v = view_create(disk.store);
    struct slice value;
    struct record r;
    enum err err = ERR_OK;

    disk_put(&disk, "a", "1");
    CHECK(!view_get(v, SL(""), &value, &err));
    CHECK_INT(err, ERR_IO);
    err = ERR_OK;
    CHECK(!view_get(v, key("a"), &value, &err));
    CHECK_INT(err, ERR_IO);
    err = ERR_OK;
    CHECK(!view_next(v, key("a"), &r, &err));
    CHECK_INT(err, ERR_IO);
    CHECK(view_txn_id(v) == 0);
    CHECK_INT(view_clock(v, &(struct store_clock){ 0 }), ERR_IO);
    view_rest(v);
    check_gets(v, "a", "1");
    view_destroy(v);
}

static void test_too_many(void)
{
    static struct view *v[VIEWS_MAX];
    struct slice value;
    enum err err = ERR_OK;
    unsigned n = 0;

    disk_put(&disk, "a", "1");
    for (; n < VIEWS_MAX && err == ERR_OK; n++) {
        v[n] = view_create(disk.store);
        bool got = view_get(v[n], key("a"), &value, &err);
        CHECK_INT(got, err == ERR_OK);
    }
    CHECK_INT(err, ERR_LIMIT);
    CHECK(n > 100);
    view_destroy(v[0]);
    view_rest(v[n - 1]);
    check_gets(v[n - 1], "a", "1"); /* in the slot that is free now */
    for (unsigned i = 1; i < n; i++)
        view_destroy(v[i]);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a snapshot stays the same until it rests", test_stays_the_same },
        { "its number changes with each commit", test_txn_id },
        { "resting is idle twice", test_rests_twice },
        { "the next record at or after a key", test_next },
        { "the first of all", test_next_from_the_beginning },
        { "walking goes with the snapshot", test_next_after_rest },
        { "a walk while others delete", test_next_over_many },
        { "an error stays until it rests", test_sticky_error },
        { "more readers than there is room for", test_too_many },
    };

    disk_open(&disk, MAP_BYTES);
    int failed = TAP_RUN(tests);
    disk_close(&disk);
    return failed;
}
