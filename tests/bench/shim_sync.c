/* A disk whose sync takes SHIM_SYNC_MS, preloaded into the server: fsync, fdatasync, msync, and a write through a descriptor
 * that syncs by itself (LMDB's meta page), which the disk makes wait as long. */
#undef _FILE_OFFSET_BITS /* else pwrite is another name for pwrite64, and which of them LMDB calls is Debian's affair */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct {
    long ms;
    int (*fsync)(int);
    int (*fdatasync)(int);
    int (*msync)(void *, size_t, int);
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
} shim;

/* ISO C has no way from an object's pointer to a function's. */
static void find(const char *name, void *ret)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(ret, &found, sizeof(found));
}

__attribute__((constructor)) static void begin(void)
{
    const char *ms = getenv("SHIM_SYNC_MS");

    shim.ms = ms != NULL ? atol(ms) : 0;
    find("fsync", &shim.fsync);
    find("fdatasync", &shim.fdatasync);
    find("msync", &shim.msync);
    find("pwrite", &shim.pwrite);
}

static void be_slow(void)
{
    const struct timespec t = { shim.ms / 1000, shim.ms % 1000 * 1000000 };

    (void)nanosleep(&t, NULL);
}

int fsync(int fd)
{
    be_slow();
    return shim.fsync(fd);
}

int fdatasync(int fd)
{
    be_slow();
    return shim.fdatasync(fd);
}

int msync(void *at, size_t n, int flags)
{
    be_slow();
    return shim.msync(at, n, flags);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    if ((fcntl(fd, F_GETFL) & O_DSYNC) != 0)
        be_slow();
    return shim.pwrite(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    return pwrite(fd, data, n, at);
}
