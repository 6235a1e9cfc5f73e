/* A transaction by itself: what it sees, what it holds, when it fails. What its commit does is test_commit.c's. */
#include <string.h>

#include "disk.h"
#include "record.h"
#include "txn_int.h"

static struct disk disk;

static struct slice key(const char *id)
{
    return disk_key(&disk, id);
}

static struct slice numbered_key(unsigned n)
{
    return key(pool_fmt(disk.pool, "%03u", n).p);
}

static void check_gets(struct txn *t, struct slice k, const char *want)
{
    struct slice value = SLICE_NONE;

    CHECK_INT(txn_get(t, k, &value), want != NULL);
    if (want != NULL)
        CHECK_TEXT(value, want);
    else
        CHECK(slice_is_none(value));
}

static void test_create(void)
{
    struct pool *p = pool_create(1 << 16);
    struct txn *t = txn_create(p, disk.view, 7);

    CHECK(txn_pool(t) == p);
    CHECK_INT(txn_issuer(t), 7);
    CHECK_INT(txn_err(t), ERR_OK);
    CHECK(!txn_is_dirty(t));
    CHECK(txn_of_job(txn_job(t)) == t);
    pool_destroy(p);
}

/* It stays what it was, while others change it and after the snapshot rests. */
static void test_reads_remembered(void)
{
    disk_put(&disk, "a", "1");
    disk_del(&disk, "b");
    struct txn *t = disk_begin(&disk);
    check_gets(t, key("a"), "1");
    check_gets(t, key("b"), NULL);
    disk_put(&disk, "a", "2");
    disk_put(&disk, "b", "2");
    check_gets(t, key("a"), "1");
    check_gets(t, key("b"), NULL);
    CHECK_INT(t->read_n, 2);
    CHECK(!txn_is_dirty(t));
    check_gets(disk_begin(&disk), key("a"), "2");
}

/* The value outlives the map it was read from. */
static void test_reads_are_copies(void)
{
    struct slice value = SLICE_NONE;

    disk_put(&disk, "a", "lives on");
    struct txn *t = disk_begin(&disk);
    CHECK(txn_get(t, key("a"), &value));
    view_rest(disk.view);
    for (unsigned i = 0; i < 4; i++)
        disk_put(&disk, "a", "XXXXXXXX"); /* pages are used again */
    CHECK_TEXT(value, "lives on");
}

static void test_empty_value(void)
{
    struct slice value = SLICE_NONE;

    disk_put(&disk, "a", "");
    CHECK(txn_get(disk_begin(&disk), key("a"), &value));
    CHECK_TEXT(value, "");
}

static void test_own_writes(void)
{
    disk_put(&disk, "a", "1");
    struct txn *t = disk_begin(&disk);
    txn_put(t, key("a"), SL("2"));
    check_gets(t, key("a"), "2");
    CHECK_INT(t->read_n, 0); /* nobody has looked at what was there */
    txn_put(t, key("a"), SL("3"));
    check_gets(t, key("a"), "3");
    txn_del(t, key("a"));
    check_gets(t, key("a"), NULL);
    txn_put(t, key("a"), SL("4"));
    check_gets(t, key("a"), "4");
    CHECK_INT(t->write_n, 1);
    CHECK(txn_is_dirty(t));
    view_rest(disk.view);
    CHECK_TEXT(disk_get(&disk, "a"), "1");
}

/* A read that came before the write is still guarded, though get shows the write now. */
static void test_write_after_read(void)
{
    disk_put(&disk, "a", "1");
    struct txn *t = disk_begin(&disk);
    check_gets(t, key("a"), "1");
    txn_put(t, key("a"), SL("2"));
    check_gets(t, key("a"), "2");
    CHECK_INT(t->read_n, 1);
    CHECK_TEXT(t->read[0].value, "1");
}

static void test_reads_max(void)
{
    struct txn *t = disk_begin(&disk);
    struct slice value;

    for (unsigned i = 0; i < TXN_READS_MAX; i++)
        check_gets(t, numbered_key(i), NULL);
    check_gets(t, numbered_key(0), NULL); /* one that it has */
    CHECK_INT(txn_err(t), ERR_OK);
    CHECK(!txn_get(t, numbered_key(TXN_READS_MAX), &value));
    CHECK_INT(txn_err(t), ERR_LIMIT);
}

static void test_writes_max(void)
{
    struct txn *t = disk_begin(&disk);

    for (unsigned i = 0; i < TXN_WRITES_MAX; i++)
        txn_put(t, numbered_key(i), SL("x"));
    txn_del(t, numbered_key(0));
    CHECK_INT(txn_err(t), ERR_OK);
    txn_del(t, numbered_key(TXN_WRITES_MAX));
    CHECK_INT(txn_err(t), ERR_LIMIT);
}

static void test_counts_max(void)
{
    struct txn *t = disk_begin(&disk);

    for (unsigned i = 0; i < TXN_COUNTS_MAX; i++)
        txn_count(t, numbered_key(i), 1, 10);
    txn_count(t, numbered_key(0), 1, 10);
    CHECK_INT(txn_err(t), ERR_OK);
    txn_count(t, numbered_key(TXN_COUNTS_MAX), 1, 10);
    CHECK_INT(txn_err(t), ERR_LIMIT);
}

static void test_value_sizes(void)
{
    const char *bytes = pool_zalloc(disk.pool, RECORD_BYTES_MAX + 1);
    struct txn *t = disk_begin(&disk);

    txn_put(t, key("a"), slice_bytes(bytes, RECORD_BYTES_MAX));
    CHECK_INT(txn_err(t), ERR_OK);
    txn_put(t, key("a"), slice_bytes(bytes, RECORD_BYTES_MAX + 1));
    CHECK_INT(txn_err(t), ERR_LIMIT);
    t = disk_begin(&disk);
    txn_put(t, key("a"), SLICE_NONE); /* what pack_end gives for what is too large: no deletion */
    CHECK_INT(txn_err(t), ERR_LIMIT);
    CHECK(!txn_is_dirty(t));
}

static void test_log_sizes(void)
{
    const char *bytes = pool_zalloc(disk.pool, TXN_LOG_BYTES_MAX + 1);
    struct txn *t = disk_begin(&disk);

    txn_log(t, slice_bytes(bytes, TXN_LOG_BYTES_MAX));
    CHECK_INT(txn_err(t), ERR_OK);
    CHECK(txn_is_dirty(t));
    t = disk_begin(&disk);
    txn_log(t, slice_bytes(bytes, TXN_LOG_BYTES_MAX + 1));
    CHECK_INT(txn_err(t), ERR_LIMIT);
    CHECK(!txn_is_dirty(t));
    t = disk_begin(&disk);
    txn_log(t, SLICE_NONE);
    CHECK_INT(txn_err(t), ERR_LIMIT);
}

/* A failed one shows nothing and takes nothing, so a rule cannot act on half of the truth. */
static void test_sticky(void)
{
    struct slice value = SLICE_NONE;
    struct record record;

    disk_put(&disk, "a", "1");
    struct txn *t = disk_begin(&disk);
    check_gets(t, key("a"), "1");
    txn_fail(t, ERR_CORRUPT);
    txn_fail(t, ERR_IO);
    CHECK_INT(txn_err(t), ERR_CORRUPT);
    CHECK(!txn_get(t, key("a"), &value));
    txn_put(t, key("b"), SL("2"));
    txn_del(t, key("a"));
    txn_count(t, key("c"), 1, 10);
    txn_log(t, SL("audit"));
    CHECK(!txn_is_dirty(t));
    CHECK_INT(txn_scan(t, SL(""), SL(""), 1, &record), 0);
    CHECK_INT(txn_count_now(t, key("a")), 0);
    CHECK_INT(txn_err(t), ERR_CORRUPT);
}

/* The empty key is one that the database refuses. */
static void test_failed_read(void)
{
    struct slice value;
    struct txn *t = disk_begin(&disk);

    CHECK(!txn_get(t, SL(""), &value));
    CHECK_INT(txn_err(t), ERR_IO);
    t = disk_begin(&disk);
    CHECK_INT(txn_count_now(t, SL("")), 0);
    CHECK_INT(txn_err(t), ERR_IO);
    view_rest(disk.view);
}

static void test_dirty(void)
{
    struct txn *t = disk_begin(&disk);

    check_gets(t, key("none"), NULL);
    txn_rest_on_clock(t, 1);
    CHECK(!txn_is_dirty(t));
    txn_count(t, key("c"), 0, 1);
    CHECK(txn_is_dirty(t));
    t = disk_begin(&disk);
    txn_del(t, key("none"));
    CHECK(txn_is_dirty(t));
    t = disk_begin(&disk);
    txn_accept_clock(t, 1);
    CHECK(txn_is_dirty(t));
}

static void put_into_another_issuer(void)
{
    txn_put(disk_begin(&disk), key_make(disk.pool, DISK_ISSUER + 1, CLASS_CLIENT, SL("a"), SLICE_NONE), SL("1"));
}

static void del_what_is_no_key(void)
{
    txn_del(disk_begin(&disk), SL("ab"));
}

static void count_in_another_issuer(void)
{
    txn_count(disk_begin(&disk), key_make(disk.pool, DISK_ISSUER + 1, CLASS_COUNT, SL("a"), SLICE_NONE), 1, 1);
}

static void put_within_the_issuer(void)
{
    txn_put(disk_begin(&disk), key("a"), SL("1"));
}

static void test_one_issuer(void)
{
    CHECK(disk_aborts(put_into_another_issuer));
    CHECK(disk_aborts(del_what_is_no_key));
    CHECK(disk_aborts(count_in_another_issuer));
    CHECK(!disk_aborts(put_within_the_issuer));
}

static void fill_for_scans(void)
{
    struct txn *t = disk_begin(&disk);

    txn_put(t, key("s1"), SL("one"));
    txn_put(t, key("s2"), SL("two"));
    txn_put(t, key_make(disk.pool, DISK_ISSUER, CLASS_CLIENT, SL("s2\0"), SLICE_NONE), SL("right after two"));
    txn_put(t, key("s3"), SL("three"));
    txn_put(t, key("t"), SL("beyond"));
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
}

static size_t scan(struct slice prefix, struct slice from, size_t max, struct record *ret)
{
    struct txn *t = disk_begin(&disk);
    size_t n = txn_scan(t, prefix, from, max, ret);

    CHECK_INT(txn_err(t), ERR_OK);
    CHECK_INT(t->read_n, 0); /* guards nothing */
    view_rest(disk.view);
    return n;
}

static void test_scan(void)
{
    struct record found[8];

    fill_for_scans();
    CHECK_INT(scan(key("s"), SLICE_NONE, 8, found), 4);
    CHECK_TEXT(found[0].value, "one");
    CHECK_TEXT(found[1].value, "two");
    CHECK_TEXT(found[2].value, "right after two");
    CHECK_TEXT(found[3].value, "three");
    CHECK(slice_eq(found[3].key, key("s3")));
    CHECK_INT(scan(key("s"), SLICE_NONE, 2, found), 2);
    CHECK_INT(scan(key("s"), SLICE_NONE, 0, found), 0);
    CHECK_INT(scan(key("s"), key("s2"), 8, found), 3); /* from itself is in it */
    CHECK_TEXT(found[0].value, "two");
    CHECK_INT(scan(key("s"), key("r"), 8, found), 4); /* before the prefix */
    CHECK_INT(scan(key("s"), key("t"), 8, found), 0);
    CHECK_INT(scan(key("x"), SLICE_NONE, 8, found), 0);
    CHECK(scan(SLICE_NONE, SLICE_NONE, 8, found) > 0); /* of all issuers */
    CHECK_INT(scan(key("s3"), SLICE_NONE, 8, found), 1);
}

/* The snapshot's, with what this transaction wants written left out. */
static void test_scan_shows_the_snapshot(void)
{
    struct record found[8];

    fill_for_scans();
    struct txn *t = disk_begin(&disk);
    txn_put(t, key("s0"), SL("new"));
    txn_del(t, key("s1"));
    CHECK_INT(txn_scan(t, key("s"), SLICE_NONE, 8, found), 4);
    CHECK_TEXT(found[0].value, "one");
    view_rest(disk.view);
    for (unsigned i = 0; i < 4; i++)
        disk_put(&disk, "s1", "new"); /* pages are used again */
    CHECK_TEXT(found[0].value, "one");
    CHECK(slice_eq(found[0].key, key("s1")));
}

static void test_scan_longest_key(void)
{
    char bytes[KEY_BYTES_MAX] = { 0, DISK_ISSUER, CLASS_CLIENT, 'z' };
    struct record found[2];
    struct txn *t = disk_begin(&disk);

    txn_put(t, slice_bytes(bytes, KEY_BYTES_MAX), SL("long"));
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    CHECK_INT(scan(key("z"), SLICE_NONE, 2, found), 1);
    CHECK_INT(found[0].key.n, KEY_BYTES_MAX);
}

static void test_counts_merge(void)
{
    struct txn *t = disk_begin(&disk);

    txn_count(t, key("c"), 2, 10);
    txn_count(t, key("c"), -5, 7);
    txn_count(t, key("c"), 1, 9);
    CHECK_INT(t->count_n, 1);
    CHECK_INT(t->count[0].delta, -2);
    CHECK_INT(t->count[0].max, 7); /* the strictest */
}

static void test_count_now(void)
{
    struct txn *t = disk_begin(&disk);

    txn_del(t, key("c"));
    txn_count(t, key("d"), 3, 10);
    CHECK_INT(txn_count_now(t, key("d")), 0); /* the snapshot's */
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    t = disk_begin(&disk);
    CHECK_INT(txn_count_now(t, key("d")), 3);
    CHECK_INT(txn_count_now(t, key("c")), 0);
    CHECK_INT(t->read_n, 0);
    disk_put(&disk, "c", "no number");
    t = disk_begin(&disk);
    CHECK_INT(txn_count_now(t, key("c")), 0);
    CHECK_INT(txn_err(t), ERR_CORRUPT);
    view_rest(disk.view);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a new one", test_create },
        { "reads are remembered, absence too", test_reads_remembered },
        { "reads are copies", test_reads_are_copies },
        { "an empty value is there", test_empty_value },
        { "own writes are seen", test_own_writes },
        { "a read stays guarded when it is written over", test_write_after_read },
        { "no more than TXN_READS_MAX", test_reads_max },
        { "no more than TXN_WRITES_MAX", test_writes_max },
        { "no more than TXN_COUNTS_MAX", test_counts_max },
        { "values that cannot be stored", test_value_sizes },
        { "audit records that cannot be stored", test_log_sizes },
        { "the first error stays, and ends everything", test_sticky },
        { "a read that fails is no absence", test_failed_read },
        { "what there is to commit", test_dirty },
        { "keys of the issuer alone", test_one_issuer },
        { "scans: prefix, beginning, number", test_scan },
        { "a scan shows the snapshot", test_scan_shows_the_snapshot },
        { "a scan comes past the longest key", test_scan_longest_key },
        { "counts of one key are one", test_counts_merge },
        { "a number as the snapshot has it", test_count_now },
    };

    disk_open(&disk, DISK_MAP_BYTES);
    int failed = TAP_RUN(tests);
    disk_close(&disk);
    return failed;
}
