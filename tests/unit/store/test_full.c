/* A database without room for more: nothing is half committed, reads go on, and deleting makes it of use again. */
#include "disk.h"
#include "record.h"

#define MAP_BYTES ((size_t)1 << 18)
#define TOGETHER  20 /* of the largest records: more than there is room for */

static struct disk disk;
static const char zeros[RECORD_BYTES_MAX];

static const char *numbered(unsigned n)
{
    return pool_fmt(disk.pool, "%06u", n).p;
}

static enum err put_bytes(unsigned n, size_t bytes)
{
    struct txn *t = disk_begin(&disk);

    txn_put(t, disk_key(&disk, numbered(n)), slice_bytes(zeros, bytes));
    return disk_commit(&disk, t);
}

/* Until there is no more room. How many there are. */
static unsigned fill(size_t bytes)
{
    unsigned n = 0;
    enum err e = ERR_OK;

    while (e == ERR_OK)
        e = put_bytes(n++, bytes);
    CHECK_INT(e, ERR_FULL);
    return n - 1;
}

static void check_full_and_emptied(size_t bytes)
{
    disk_open(&disk, MAP_BYTES);
    unsigned n = fill(bytes);
    CHECK(n > 5);
    CHECK(!slice_is_none(disk_get(&disk, numbered(n - 1)))); /* reads go on */
    CHECK(slice_is_none(disk_get(&disk, numbered(n))));
    disk_detach(&disk);
    disk_attach(&disk); /* as it is */
    for (unsigned i = 0; i < n; i++)
        disk_del(&disk, numbered(i));
    CHECK_INT(put_bytes(0, bytes), ERR_OK);
    CHECK(fill(bytes) + 1 >= n - n / 10); /* all of the room is back, but for what lies in odd places */
    disk_close(&disk);
}

static void test_full(void)
{
    check_full_and_emptied(20);
    check_full_and_emptied(500);
    check_full_and_emptied(5000); /* in pages of their own */
    check_full_and_emptied(20000);
}

/* One that does not fit takes the whole batch with it, and each is told. */
static void test_full_batch(void)
{
    disk_open(&disk, MAP_BYTES);
    disk_put(&disk, "a", "1");
    uint64_t before = disk_txn_id(&disk);
    struct txn *batch[TOGETHER];

    for (unsigned i = 0; i < TOGETHER; i++) {
        batch[i] = disk_begin(&disk);
        txn_put(batch[i], disk_key(&disk, numbered(i)), slice_bytes(zeros, sizeof(zeros)));
    }
    txn_fail(batch[1], ERR_CRYPTO);
    store_commit(disk.store, batch, TOGETHER);
    for (unsigned i = 0; i < TOGETHER; i++)
        CHECK_INT(txn_job(batch[i])->err, i == 1 ? ERR_CRYPTO : ERR_FULL);
    CHECK_INT(disk_txn_id(&disk), before);
    CHECK(slice_is_none(disk_get(&disk, numbered(0))));
    store_commit(disk.store, batch, 2);
    CHECK_INT(txn_job(batch[0])->err, ERR_OK); /* alone it fits */
    disk_close(&disk);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "full, and of use again", test_full },
        { "a batch that does not fit", test_full_batch },
    };

    return TAP_RUN(tests);
}
