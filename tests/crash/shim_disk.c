/* A disk that fails, preloaded into the server: SHIM_DATA names LMDB's file, SHIM_DISK the integers below, which the test
 * changes while the program runs. LMDB writes a commit in three steps: pages (pwrite, writev), fdatasync, and the page that
 * makes them count through a descriptor that is opened with O_DSYNC.
 *
 * SHIM_JOURNAL: what a power cut may undo. Before each write the bytes that it replaces are noted there; a sync forgets them
 * all, and a write through O_DSYNC its own. What is left after a SIGKILL was never synced, and the test takes some of it
 * back. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define OLD_BYTES_MAX (4 << 20)

/* libc's, under names of our own. */
ssize_t shim_pwrite(int fd, const void *data, size_t n, off_t at) __asm__("pwrite");
ssize_t shim_writev(int fd, const struct iovec *parts, int count) __asm__("writev");
int shim_fdatasync(int fd) __asm__("fdatasync");

enum point { NOWHERE, PAGE_BEFORE, PAGE_AFTER, SYNC_BEFORE, SYNC_AFTER, META_BEFORE, META_AFTER };

enum failing { FAIL_PAGES = 1, FAIL_SYNC = 2, FAIL_META = 4 };

struct control {
    _Atomic int64_t kill_at, countdown, delay_ms, fail, times, syncs;
};

/* What the journal says of one write; the old bytes follow, fewer than n where the file was shorter. */
struct entry {
    int64_t at, n, old_n, file_n;
};

static struct {
    struct control *control;
    const char *data;
    int journal;
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
    ssize_t (*writev)(int, const struct iovec *, int);
    int (*fdatasync)(int);
} shim = { .journal = -1 };

/* ISO C has no way from an object's pointer to a function's. */
static void find(const char *name, void *ret)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(ret, &found, sizeof(found));
}

__attribute__((constructor)) static void begin(void)
{
    const char *control = getenv("SHIM_DISK"), *journal = getenv("SHIM_JOURNAL");
    int fd = control != NULL ? open(control, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    find("pwrite", &shim.pwrite);
    find("writev", &shim.writev);
    find("fdatasync", &shim.fdatasync);
    if (fd >= 0)
        (void)close(fd);
    if (map == MAP_FAILED)
        abort();
    shim.control = map;
    shim.data = getenv("SHIM_DATA");
    if (journal != NULL)
        shim.journal = open(journal, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

static int is_data(int fd)
{
    struct stat data, here;

    return shim.data != NULL && fstat(fd, &here) == 0 && stat(shim.data, &data) == 0 && data.st_ino == here.st_ino &&
           data.st_dev == here.st_dev;
}

static int is_meta(int fd)
{
    return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

static void pass(enum point point)
{
    if (shim.control->kill_at == point && atomic_fetch_sub(&shim.control->countdown, 1) <= 1)
        (void)kill(getpid(), SIGKILL);
}

static int fails(enum failing what)
{
    if ((shim.control->fail & what) == 0 || shim.control->times == 0)
        return 0;
    if (shim.control->times > 0)
        atomic_fetch_sub(&shim.control->times, 1);
    return 1;
}

static void be_slow(void)
{
    int64_t ms = shim.control->delay_ms;
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    if (ms > 0)
        (void)nanosleep(&t, NULL);
}

/* The file's old bytes, before they are replaced. */
static void note(int fd, off_t at, size_t n)
{
    static char old[OLD_BYTES_MAX];
    struct stat st;

    /* the descriptor of a meta page only writes */
    int readable = open(shim.data, O_RDONLY | O_CLOEXEC);
    if (readable < 0 || n > sizeof(old) || fstat(fd, &st) != 0)
        abort();
    ssize_t got = pread(readable, old, n, at);
    (void)close(readable);
    struct entry entry = { at, (int64_t)n, got > 0 ? got : 0, st.st_size };
    const struct iovec parts[] = { { &entry, sizeof(entry) }, { old, (size_t)entry.old_n } };
    if (shim.writev(shim.journal, parts, 2) < 0)
        abort();
}

static off_t noted(void)
{
    return lseek(shim.journal, 0, SEEK_END);
}

static void forget_from(off_t at)
{
    if (ftruncate(shim.journal, at) != 0)
        abort();
}

static ssize_t put(int fd, const struct iovec *parts, int count, off_t at)
{
    return at < 0 ? shim.writev(fd, parts, count) : shim.pwrite(fd, parts[0].iov_base, parts[0].iov_len, at);
}

/* at: -1 for writev, which writes where the file stands. */
static ssize_t write_data(int fd, const struct iovec *parts, int count, off_t at)
{
    int meta = is_meta(fd);
    size_t n = 0;

    for (int i = 0; i < count; i++)
        n += parts[i].iov_len;
    pass(meta ? META_BEFORE : PAGE_BEFORE);
    if (fails(meta ? FAIL_META : FAIL_PAGES)) {
        errno = EIO;
        return -1;
    }
    off_t before = shim.journal >= 0 ? noted() : 0;
    if (shim.journal >= 0)
        note(fd, at < 0 ? lseek(fd, 0, SEEK_CUR) : at, n);
    if (meta)
        be_slow();
    ssize_t written = put(fd, parts, count, at);
    if (meta && shim.journal >= 0 && written == (ssize_t)n)
        forget_from(before);
    pass(meta ? META_AFTER : PAGE_AFTER);
    return written;
}

ssize_t shim_pwrite(int fd, const void *data, size_t n, off_t at)
{
    const struct iovec part = { (void *)(uintptr_t)data, n };

    return is_data(fd) ? write_data(fd, &part, 1, at) : shim.pwrite(fd, data, n, at);
}

ssize_t shim_writev(int fd, const struct iovec *parts, int count)
{
    return is_data(fd) ? write_data(fd, parts, count, -1) : shim.writev(fd, parts, count);
}

int shim_fdatasync(int fd)
{
    if (!is_data(fd))
        return shim.fdatasync(fd);
    pass(SYNC_BEFORE);
    be_slow();
    atomic_fetch_add(&shim.control->syncs, 1);
    if (fails(FAIL_SYNC)) {
        errno = EIO;
        return -1;
    }
    int r = shim.fdatasync(fd);
    if (r == 0 && shim.journal >= 0)
        forget_from(0);
    pass(SYNC_AFTER);
    return r;
}
