/* A disk that fails under the database. LMDB's writes come through here: the pages of a commit, then the page that makes it count. */
#undef _FILE_OFFSET_BITS /* what LMDB calls is pwrite, not pwrite64 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "disk.h"

#define META_PAGES_END 8192

/* What the next writes of this kind say; 0: they are done. */
static int pages_errno, meta_errno;
static bool cut_short;

static int error_at(off_t at)
{
    return at < META_PAGES_END ? meta_errno : pages_errno;
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset)
{
    if (error_at(offset) != 0) {
        errno = error_at(offset);
        return -1;
    }
    if (cut_short && offset >= META_PAGES_END)
        n /= 2;
    return syscall(SYS_pwrite64, fd, buf, n, offset);
}

/* LMDB's way to write neighbouring pages. */
ssize_t writev(int fd, const struct iovec *iovec, int count)
{
    if (pages_errno != 0) {
        errno = pages_errno;
        return -1;
    }
    return syscall(SYS_writev, fd, iovec, cut_short ? 1 : count);
}

static struct disk disk;

static enum err try_put(const char *text)
{
    struct txn *t = disk_begin(&disk);

    txn_put(t, disk_key(&disk, "a"), slice_of(text));
    return disk_commit(&disk, t);
}

static void check_goes_on(const char *was)
{
    CHECK_TEXT(disk_get(&disk, "a"), was);
    CHECK_INT(try_put("goes on"), ERR_OK);
    CHECK_TEXT(disk_get(&disk, "a"), "goes on");
}

static void test_pages(void)
{
    disk_put(&disk, "a", "before");
    pages_errno = EIO;
    CHECK_INT(try_put("lost"), ERR_IO);
    pages_errno = ENOSPC;
    CHECK_INT(try_put("lost"), ERR_FULL);
    pages_errno = 0;
    cut_short = true;
    CHECK_INT(try_put("lost"), ERR_IO);
    cut_short = false;
    check_goes_on("before");
}

/* A commit that failed leaves its number to another process, and must not be taken for that one's. */
static void test_pages_and_another_process(void)
{
    struct slice value;

    disk_put(&disk, "a", "before");
    struct txn *t = disk_begin(&disk), *lost = disk_begin(&disk);
    CHECK(txn_get(t, disk_key(&disk, "a"), &value));
    txn_put(t, disk_key(&disk, "b"), SL("rests on what was before"));
    txn_put(lost, disk_key(&disk, "c"), SL("lost"));
    pages_errno = EIO;
    CHECK_INT(disk_commit(&disk, lost), ERR_IO);
    pages_errno = 0;
    CHECK_INT(disk_run_self("put", disk.directory), 0);
    CHECK_INT(disk_commit(&disk, t), ERR_CHANGED);
    CHECK_TEXT(disk_get(&disk, "a"), "another's");
}

/* LMDB refuses everything after this, until it is opened anew. */
static void test_meta(void)
{
    struct view *resting = view_create(disk.store), *unused = view_create(disk.store);
    struct record r;
    enum err err;

    disk_put(&disk, "a", "before");
    CHECK(view_next(resting, disk_key(&disk, "a"), &r, &err));
    view_rest(resting);
    meta_errno = EIO;
    CHECK_INT(try_put("lost"), ERR_IO);
    meta_errno = 0;
    check_goes_on("before");
    CHECK(view_next(resting, disk_key(&disk, "a"), &r, &err));
    CHECK_TEXT(r.value, "goes on");
    CHECK(view_txn_id(unused) == view_txn_id(resting));
    view_destroy(resting);
    view_destroy(unused);
    meta_errno = ENOSPC;
    CHECK_INT(try_put("lost"), ERR_FULL);
    meta_errno = 0;
    check_goes_on("goes on");
}

/* Nobody's snapshot is taken away: what must be opened anew waits until it rests. */
static void test_meta_while_one_reads(void)
{
    struct view *reading = view_create(disk.store);
    struct slice value;
    enum err err;

    disk_put(&disk, "a", "before");
    CHECK(view_txn_id(reading) > 0);
    meta_errno = EIO;
    CHECK_INT(try_put("lost"), ERR_IO);
    meta_errno = 0;
    CHECK_INT(try_put("lost too"), ERR_IO);
    CHECK(view_get(reading, disk_key(&disk, "a"), &value, &err));
    CHECK_TEXT(value, "before");
    view_rest(reading);
    check_goes_on("before");
    CHECK(view_get(reading, disk_key(&disk, "a"), &value, &err));
    CHECK_TEXT(value, "goes on");
    view_destroy(reading);
}

/* It cannot be opened anew either, for a while. */
static void test_gone(void)
{
    const char *away = pool_fmt(disk.pool, "%s.away", disk.directory).p;
    struct view *v = view_create(disk.store);
    struct store_usage usage;
    struct slice value;
    enum err err;

    disk_put(&disk, "a", "before");
    meta_errno = EIO;
    CHECK_INT(try_put("lost"), ERR_IO);
    meta_errno = 0;
    CHECK_INT(rename(disk.directory, away), 0);
    CHECK_INT(try_put("lost"), ERR_IO);
    CHECK(!view_get(v, disk_key(&disk, "a"), &value, &err));
    CHECK_INT(err, ERR_IO);
    CHECK_INT(store_usage(disk.store, &usage), ERR_IO);
    CHECK_INT(store_check_readers(disk.store), -1);
    CHECK_INT(store_backup(disk.store, pool_fmt(disk.pool, "%s/copy", away).p), ERR_IO);
    CHECK_INT(rename(away, disk.directory), 0);
    check_goes_on("before");
    view_rest(v);
    CHECK(view_get(v, disk_key(&disk, "a"), &value, &err));
    view_destroy(v);
}

static int put(const char *directory)
{
    disk_at(&disk, directory);
    disk_attach(&disk);
    disk_put(&disk, "a", "another's");
    disk_detach(&disk);
    pool_destroy(disk.pool);
    return tap_failures != 0;
}

int main(int argc, char **argv)
{
    static const struct tap_test tests[] = {
        { "pages that cannot be written", test_pages },
        { "a commit that failed is not another process's", test_pages_and_another_process },
        { "a commit that cannot be finished", test_meta },
        { "a commit that cannot be finished while another reads", test_meta_while_one_reads },
        { "a database that is gone, and back", test_gone },
    };

    if (argc == 3)
        return put(argv[2]);
    disk_open(&disk, DISK_MAP_BYTES);
    int failed = TAP_RUN(tests);
    disk_close(&disk);
    return failed;
}
