/* What a commit promises: nothing that was read has changed, all or nothing, numbers within their limits, one unbroken log. */
#include <string.h>
#include <time.h>

#include "chain.h"
#include "disk.h"
#include "record.h"

#define ROWS(a) (sizeof(a) / sizeof((a)[0]))
#define MANY    (2 * STORE_BATCH_MAX + 1)

static struct disk disk;

static struct slice key(const char *id)
{
    return disk_key(&disk, id);
}

/* A transaction of its own snapshot that has read this and wants that written. */
static struct txn *reading(const char *id)
{
    struct txn *t = disk_begin(&disk);
    struct slice value;

    (void)txn_get(t, key(id), &value);
    CHECK_INT(txn_err(t), ERR_OK);
    view_rest(disk.view);
    return t;
}

static struct txn *reading_and_putting(const char *read, const char *put, const char *text)
{
    struct txn *t = reading(read);

    txn_put(t, key(put), slice_of(text));
    return t;
}

static struct txn *counting(const char *id, int delta, uint32_t max)
{
    struct txn *t = disk_begin(&disk);

    txn_count(t, key(id), delta, max);
    return t;
}

static void check_is(const char *id, const char *want)
{
    struct slice value = disk_get(&disk, id);

    if (want != NULL)
        CHECK_TEXT(value, want);
    else
        CHECK(slice_is_none(value));
}

static void test_put_and_delete(void)
{
    struct txn *t = disk_begin(&disk);

    txn_put(t, key("a"), SL("1"));
    txn_put(t, key("b"), SL(""));
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    check_is("a", "1");
    check_is("b", "");
    t = disk_begin(&disk);
    txn_put(t, key("a"), SL("2"));
    txn_del(t, key("b"));
    txn_del(t, key("was never there"));
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    check_is("a", "2");
    check_is("b", NULL);
}

static void test_changed_value(void)
{
    disk_put(&disk, "a", "1");
    disk_del(&disk, "b");
    struct txn *t = reading_and_putting("a", "b", "rests on 1");
    disk_put(&disk, "a", "2");
    CHECK_INT(disk_commit(&disk, t), ERR_CHANGED);
    check_is("b", NULL);
    t = reading_and_putting("a", "b", "rests on 2"); /* again */
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    check_is("b", "rests on 2");
}

static void test_changed_absence(void)
{
    disk_del(&disk, "a");
    struct txn *t = reading_and_putting("a", "b", "rests on nothing");
    disk_put(&disk, "a", "");
    CHECK_INT(disk_commit(&disk, t), ERR_CHANGED);
    t = reading_and_putting("a", "b", "rests on an empty one");
    disk_del(&disk, "a");
    CHECK_INT(disk_commit(&disk, t), ERR_CHANGED);
    t = reading_and_putting("a", "b", "rests on nothing again");
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
}

static void test_changed_back(void)
{
    disk_put(&disk, "a", "1");
    struct txn *t = reading_and_putting("a", "b", "fine");
    disk_put(&disk, "a", "2");
    disk_put(&disk, "a", "1");
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    check_is("b", "fine");
}

/* Each of several reads is compared, the last one too; and a longer value with the same beginning is another. */
static void test_each_read_counts(void)
{
    static const char *const ids[] = { "r0", "r1", "r2" };

    for (size_t changed = 0; changed < ROWS(ids); changed++) {
        struct txn *t = disk_begin(&disk);
        struct slice value;

        for (size_t i = 0; i < ROWS(ids); i++)
            disk_put(&disk, ids[i], "text");
        for (size_t i = 0; i < ROWS(ids); i++)
            CHECK(txn_get(t, key(ids[i]), &value));
        txn_put(t, key("b"), SL("x"));
        disk_put(&disk, ids[changed], "text and more");
        CHECK_INT(disk_commit(&disk, t), ERR_CHANGED);
    }
}

/* A request that waits reads on in a later snapshot: what it has read before is compared all the same. */
static void test_reads_of_several_snapshots(void)
{
    disk_put(&disk, "a", "1");
    struct txn *t = reading("a");
    disk_put(&disk, "a", "2");
    struct slice value;
    (void)txn_get(t, key("c"), &value);
    view_rest(disk.view);
    txn_put(t, key("b"), SL("rests on 1"));
    CHECK_INT(disk_commit(&disk, t), ERR_CHANGED);
}

static void test_unread_may_change(void)
{
    disk_put(&disk, "a", "1");
    struct txn *t = reading_and_putting("a", "b", "mine");
    disk_put(&disk, "b", "theirs"); /* written by both, read by nobody */
    disk_put(&disk, "c", "other");
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    check_is("b", "mine");
}

/* A value that was read and then written over is compared as it was read. */
static void test_read_then_written(void)
{
    disk_put(&disk, "a", "1");
    struct txn *t = reading_and_putting("a", "a", "2"), *late = reading_and_putting("a", "a", "3");
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    CHECK_INT(disk_commit(&disk, late), ERR_CHANGED);
    check_is("a", "2");
}

static void test_nothing_to_commit(void)
{
    disk_put(&disk, "a", "1");
    struct txn *t = reading("a");
    uint64_t before = disk_txn_id(&disk);
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    CHECK_INT(disk_txn_id(&disk), before);
    disk_put(&disk, "a", "2");
    CHECK_INT(disk_commit(&disk, t), ERR_CHANGED); /* its answer rests on the old value all the same */
}

/* What comes after a change in its batch and changes nothing does not undo it. */
static void test_readers_in_a_batch(void)
{
    disk_put(&disk, "a", "1");
    struct txn *batch[] = { reading("b"), reading_and_putting("b", "a", "2"), reading("b") };

    store_commit(disk.store, batch, ROWS(batch));
    for (size_t i = 0; i < ROWS(batch); i++)
        CHECK_INT(txn_job(batch[i])->err, ERR_OK);
    check_is("a", "2");
}

static void test_view_rests(void)
{
    struct txn *t = disk_begin(&disk);
    uint64_t before = view_txn_id(disk.view);

    txn_put(t, key("a"), SL("1"));
    CHECK_INT(store_commit_one(disk.store, t), ERR_OK);
    CHECK_INT(view_txn_id(disk.view), before + 1);
}

static void test_failed_before(void)
{
    disk_put(&disk, "a", "1");
    struct txn *t = disk_begin(&disk);
    txn_put(t, key("a"), SL("2"));
    txn_fail(t, ERR_CORRUPT);
    uint64_t before = disk_txn_id(&disk);
    CHECK_INT(disk_commit(&disk, t), ERR_CORRUPT);
    CHECK_INT(disk_txn_id(&disk), before);
    check_is("a", "1");
}

static void test_counters(void)
{
    CHECK_INT(disk_commit(&disk, counting("n", 3, 3)), ERR_OK);
    CHECK_INT(disk_count(&disk, "n"), 3);
    CHECK_INT(disk_commit(&disk, counting("n", 1, 3)), ERR_LIMIT);
    CHECK_INT(disk_count(&disk, "n"), 3);
    CHECK_INT(disk_commit(&disk, counting("n", 1, 4)), ERR_OK);
    CHECK_INT(disk_commit(&disk, counting("n", -1, 0)), ERR_OK); /* fewer is never refused, whatever the limit is now */
    CHECK_INT(disk_count(&disk, "n"), 3);
    CHECK_INT(disk_commit(&disk, counting("n", 0, 0)), ERR_OK);
    CHECK_INT(disk_commit(&disk, counting("n", -7, 9)), ERR_OK); /* not below 0 */
    CHECK_INT(disk_count(&disk, "n"), 0);
    check_is("n", NULL); /* nothing is kept for 0 */
    CHECK_INT(disk_commit(&disk, counting("n", INT32_MAX, UINT32_MAX)), ERR_OK);
    CHECK_INT(disk_commit(&disk, counting("n", INT32_MAX, UINT32_MAX)), ERR_OK);
    CHECK_INT(disk_commit(&disk, counting("n", 1, UINT32_MAX)), ERR_OK);
    CHECK_INT(disk_count(&disk, "n"), UINT32_MAX);
    CHECK_INT(disk_commit(&disk, counting("n", 1, UINT32_MAX)), ERR_LIMIT);
    disk_del(&disk, "n");
}

/* Two that count at once do not disturb each other, but the limit holds for both together. */
static void test_counters_together(void)
{
    struct txn *one = counting("n", 1, 3), *two = counting("n", 1, 3), *three = counting("n", 2, 3);

    CHECK_INT(disk_commit(&disk, two), ERR_OK);
    CHECK_INT(disk_commit(&disk, one), ERR_OK);
    CHECK_INT(disk_commit(&disk, three), ERR_LIMIT);
    CHECK_INT(disk_count(&disk, "n"), 2);
    disk_del(&disk, "n");
}

static void test_corrupt_counter(void)
{
    disk_put(&disk, "n", "no number");
    CHECK_INT(disk_commit(&disk, counting("n", 1, 3)), ERR_CORRUPT);
    CHECK_INT(disk_commit(&disk, counting("n", -1, 3)), ERR_CORRUPT);
    check_is("n", "no number");
    disk_del(&disk, "n");
}

static void test_all_or_nothing(void)
{
    disk_put(&disk, "a", "1");
    disk_put(&disk, "b", "1");
    disk_del(&disk, "c");
    struct txn *t = disk_begin(&disk);
    txn_put(t, key("a"), SL("2"));
    txn_put(t, key("c"), SL("2"));
    txn_del(t, key("b"));
    txn_log(t, SL("was not"));
    txn_count(t, key("m"), 1, 9);
    txn_count(t, key("n"), 1, 0);
    uint64_t before = disk_txn_id(&disk);
    CHECK_INT(disk_commit(&disk, t), ERR_LIMIT);
    CHECK_INT(disk_txn_id(&disk), before);
    check_is("a", "1");
    check_is("b", "1");
    check_is("c", NULL);
    CHECK_INT(disk_count(&disk, "m"), 0);
}

static void test_batch(void)
{
    disk_put(&disk, "a", "1");
    struct txn *changed = reading_and_putting("a", "loser", "x"), *failed = disk_begin(&disk);
    struct txn *limited = counting("n", 1, 0);
    disk_put(&disk, "a", "2");
    struct txn *first = reading_and_putting("a", "first", "x"), *last = reading_and_putting("a", "last", "x");
    struct txn *batch[] = { first, changed, failed, limited, last };

    txn_put(failed, key("failed"), SL("x"));
    txn_fail(failed, ERR_IO);
    txn_put(limited, key("limited"), SL("x"));
    uint64_t before = disk_txn_id(&disk);
    store_commit(disk.store, batch, ROWS(batch));
    CHECK_INT(disk_txn_id(&disk), before + 1); /* one commit for all */
    CHECK_INT(txn_job(first)->err, ERR_OK);
    CHECK_INT(txn_job(changed)->err, ERR_CHANGED);
    CHECK_INT(txn_job(failed)->err, ERR_IO);
    CHECK_INT(txn_job(limited)->err, ERR_LIMIT);
    CHECK_INT(txn_job(last)->err, ERR_OK);
    check_is("first", "x");
    check_is("last", "x");
    check_is("loser", NULL);
    check_is("failed", NULL);
    check_is("limited", NULL);
}

/* Within a batch one comes after the other, as if each had been alone. */
static void test_batch_is_in_order(void)
{
    disk_put(&disk, "a", "1");
    struct txn *winner = reading_and_putting("a", "a", "winner"), *loser = reading_and_putting("a", "a", "loser");
    struct txn *one = counting("n", 1, 2), *two = counting("n", 1, 2), *three = counting("n", 1, 2);
    struct txn *batch[] = { winner, loser, one, two, three };

    store_commit(disk.store, batch, ROWS(batch));
    CHECK_INT(txn_job(winner)->err, ERR_OK);
    CHECK_INT(txn_job(loser)->err, ERR_CHANGED);
    CHECK_INT(txn_job(one)->err, ERR_OK);
    CHECK_INT(txn_job(two)->err, ERR_OK);
    CHECK_INT(txn_job(three)->err, ERR_LIMIT);
    check_is("a", "winner");
    CHECK_INT(disk_count(&disk, "n"), 2);
    disk_del(&disk, "n");
}

static void test_many(void)
{
    static struct txn *batch[MANY];
    uint64_t before = disk_txn_id(&disk);

    for (unsigned i = 0; i < MANY; i++) {
        batch[i] = counting("n", 1, MANY);
        txn_job(batch[i])->err = ERR_TIMEOUT; /* not told yet */
    }
    store_commit(disk.store, batch, MANY);
    for (unsigned i = 0; i < MANY; i++)
        CHECK_INT(txn_job(batch[i])->err, ERR_OK);
    CHECK_INT(disk_count(&disk, "n"), MANY);
    CHECK_INT(disk_txn_id(&disk), before + 3);
    store_commit(disk.store, batch, 0);
    disk_del(&disk, "n");
}

/* The audit log */

static struct txn *logging(uint16_t issuer, const char *text)
{
    view_rest(disk.view);
    struct txn *t = txn_create(disk.pool, disk.view, issuer);

    txn_log(t, slice_of(text));
    return t;
}

/* Follows an issuer's log to its end and compares that with the head. */
static struct chain follow(uint16_t issuer)
{
    struct txn *t = disk_begin(&disk);
    struct chain c = { 0 }, head = { 0 };
    struct slice value, text;

    for (uint64_t n = 1;
         txn_get(t, key_make(disk.pool, issuer, CLASS_AUDIT, key_u64(disk.pool, n), SLICE_NONE), &value); n++)
        CHECK_INT(chain_follow(&c, n, value, &text), ERR_OK);
    CHECK(txn_get(t, key_make(disk.pool, issuer, CLASS_AUDIT_HEAD, SLICE_NONE, SLICE_NONE), &value));
    CHECK(chain_unpack_head(value, &head));
    CHECK_INT(head.sequence, c.sequence);
    CHECK(memcmp(head.hash, c.hash, SHA256_BYTES) == 0);
    CHECK(head.at <= time(NULL) && head.at > time(NULL) - 60);
    view_rest(disk.view);
    return head;
}

static void check_text_of(uint16_t issuer, uint64_t sequence, const char *want)
{
    struct txn *t = disk_begin(&disk);
    struct unpacker u;
    struct slice value = SLICE_NONE;

    CHECK(txn_get(t, key_make(disk.pool, issuer, CLASS_AUDIT, key_u64(disk.pool, sequence), SLICE_NONE), &value));
    unpack_begin(&u, NULL, value);
    CHECK_TEXT(unpack_text(&u), want);
    view_rest(disk.view);
}

static void test_log(void)
{
    CHECK_INT(disk_commit(&disk, logging(1, "one")), ERR_OK);
    CHECK_INT(follow(1).sequence, 1);
    struct txn *batch[] = { logging(1, "two"), logging(2, "another issuer's"), logging(1, "three") };
    store_commit(disk.store, batch, ROWS(batch));
    CHECK_INT(follow(1).sequence, 3);
    CHECK_INT(follow(2).sequence, 1);
    disk_detach(&disk);
    disk_attach(&disk);
    CHECK_INT(disk_commit(&disk, logging(1, "four")), ERR_OK);
    CHECK_INT(disk_commit(&disk, logging(2, "another issuer's second")), ERR_OK);
    CHECK_INT(follow(1).sequence, 4);
    CHECK_INT(follow(2).sequence, 2);
    check_text_of(1, 1, "one");
    check_text_of(1, 2, "two");
    check_text_of(1, 3, "three");
    check_text_of(1, 4, "four");
    check_text_of(2, 1, "another issuer's");
}

static bool has_head(uint16_t issuer)
{
    struct slice value;

    return txn_get(disk_begin(&disk), key_make(disk.pool, issuer, CLASS_AUDIT_HEAD, SLICE_NONE, SLICE_NONE), &value);
}

/* What is not committed leaves no gap, and no chain of its own. */
static void test_log_of_losers(void)
{
    uint64_t before = follow(1).sequence;
    struct txn *changed = reading("a"), *limited = counting("n", 1, 0), *nowhere = logging(4, "was not");
    struct slice value;

    (void)txn_get(nowhere, key("a"), &value);
    disk_put(&disk, "a", "changed for these");
    txn_log(changed, SL("was not"));
    txn_log(limited, SL("was not either"));
    struct txn *batch[] = { changed, nowhere, logging(1, "was"), limited, logging(1, "was too") };
    store_commit(disk.store, batch, ROWS(batch));
    CHECK_INT(txn_job(nowhere)->err, ERR_CHANGED);
    CHECK(has_head(1) && !has_head(4));
    CHECK_INT(txn_job(changed)->err, ERR_CHANGED);
    CHECK_INT(txn_job(limited)->err, ERR_LIMIT);
    CHECK_INT(follow(1).sequence, before + 2);
    check_text_of(1, before + 1, "was");
    check_text_of(1, before + 2, "was too");
}

/* Nothing is logged behind a head that cannot be read; what logs nothing goes on. */
static void test_log_corrupt_head(void)
{
    struct slice head = key_make(disk.pool, 3, CLASS_AUDIT_HEAD, SLICE_NONE, SLICE_NONE);

    view_rest(disk.view);
    struct txn *t = txn_create(disk.pool, disk.view, 3);
    txn_put(t, head, SL("no head"));
    CHECK_INT(disk_commit(&disk, t), ERR_OK);
    struct txn *batch[] = { logging(3, "nowhere"), counting("n", 1, 9), logging(3, "nowhere again"), logging(1, "x") };
    store_commit(disk.store, batch, ROWS(batch));
    CHECK_INT(txn_job(batch[0])->err, ERR_CORRUPT);
    CHECK_INT(txn_job(batch[1])->err, ERR_OK);
    CHECK_INT(txn_job(batch[2])->err, ERR_CORRUPT);
    CHECK_INT(txn_job(batch[3])->err, ERR_OK);
    (void)follow(1);
    t = disk_begin(&disk);
    struct slice value = SLICE_NONE;
    CHECK(txn_get(t, head, &value));
    CHECK_TEXT(value, "no head");
    disk_del(&disk, "n");
}

/* The clocks */

static struct store_clock clock_now(void)
{
    struct store_clock c = { 0 };

    view_rest(disk.view);
    CHECK_INT(view_clock(disk.view, &c), ERR_OK);
    view_rest(disk.view);
    return c;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_clocks(void)
{
    int64_t wall = clock_ms(CLOCK_REALTIME), boot = clock_ms(CLOCK_BOOTTIME);

    disk_put(&disk, "a", "1");
    struct store_clock c = clock_now();
    CHECK(c.wall_ms >= wall && c.wall_ms <= clock_ms(CLOCK_REALTIME));
    CHECK(c.boot_ms >= boot && c.boot_ms <= clock_ms(CLOCK_BOOTTIME));
}

static enum err put_at(int64_t wall_ms, bool accept)
{
    struct txn *t = disk_begin(&disk);

    txn_put(t, key("a"), SL("1"));
    if (accept)
        txn_accept_clock(t, wall_ms);
    else
        txn_rest_on_clock(t, wall_ms);
    return disk_commit(&disk, t);
}

static void test_latest_clock(void)
{
    int64_t base = clock_now().latest_ms;

    CHECK_INT(put_at(base + 5000, false), ERR_OK);
    CHECK_INT(clock_now().latest_ms, base + 5000);
    CHECK_INT(put_at(base + 2000, false), ERR_OK); /* the latest stays */
    disk_put(&disk, "a", "2");                     /* does not rest on it */
    CHECK_INT(clock_now().latest_ms, base + 5000);
    CHECK_INT(put_at(base + 1000, true), ERR_OK); /* until the operator knows better */
    CHECK_INT(clock_now().latest_ms, base + 1000);
    disk_detach(&disk);
    disk_attach(&disk);
    CHECK_INT(clock_now().latest_ms, base + 1000);
}

static void test_clock_of_losers(void)
{
    int64_t base = clock_now().latest_ms;

    disk_put(&disk, "a", "1");
    struct txn *t = reading("a");
    txn_rest_on_clock(t, base + 9000);
    disk_put(&disk, "a", "2");
    struct txn *batch[] = { t, reading_and_putting("a", "b", "1") };
    store_commit(disk.store, batch, ROWS(batch));
    CHECK_INT(txn_job(t)->err, ERR_CHANGED);
    CHECK_INT(clock_now().latest_ms, base);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "puts and deletes", test_put_and_delete },
        { "a value that was read has changed", test_changed_value },
        { "absence that was read has changed", test_changed_absence },
        { "changed and changed back is no change", test_changed_back },
        { "each read is compared", test_each_read_counts },
        { "reads before and after a wait", test_reads_of_several_snapshots },
        { "what was not read may change", test_unread_may_change },
        { "what was read and written over is compared", test_read_then_written },
        { "nothing to commit", test_nothing_to_commit },
        { "a batch that one of it changes", test_readers_in_a_batch },
        { "the view rests", test_view_rests },
        { "a transaction that failed before", test_failed_before },
        { "counters and their limits", test_counters },
        { "counters are in nobody's way", test_counters_together },
        { "a counter that is none", test_corrupt_counter },
        { "all or nothing", test_all_or_nothing },
        { "a batch with losers", test_batch },
        { "a batch is in order", test_batch_is_in_order },
        { "more than one batch", test_many },
        { "the log goes on over batches, issuers and restarts", test_log },
        { "losers leave no gap in the log", test_log_of_losers },
        { "a log whose head is corrupt", test_log_corrupt_head },
        { "the clocks of the last commit", test_clocks },
        { "the latest time that something rests on", test_latest_clock },
        { "losers do not move it", test_clock_of_losers },
    };

    disk_open(&disk, DISK_MAP_BYTES);
    int failed = TAP_RUN(tests);
    disk_close(&disk);
    return failed;
}
