/* A copy of the whole database while work goes on. It is one long reading transaction: meanwhile the file grows. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_int.h"

#define PATHS_POOL_BYTES 16384

static enum err err_of_errno(int error)
{
    return error == EEXIST ? ERR_EXISTS : error == EACCES || error == ENOENT ? ERR_CONFIG : store_err(error);
}

/* The new name survives a crash. errno or 0. */
static int sync_directory_of(struct pool *p, const char *file)
{
    int fd = open(dirname(slice_cstr(p, slice_of(file))), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    int error = fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return error;
}

/* Entered so that the map is as large as the database has become; it must not move under the copying. */
static enum err write_copy(struct store *s, int fd)
{
    MDB_txn *txn = NULL;
    int rc = store_enter(s, MDB_RDONLY, &txn);

    if (rc != 0)
        return store_err(rc);
    mdb_txn_abort(txn);
    rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
    store_leave(s);
    return store_err(rc == 0 && fsync(fd) != 0 ? errno : rc);
}

enum err store_backup(struct store *s, const char *file)
{
    struct pool *p = pool_create(PATHS_POOL_BYTES);
    const char *tmp = pool_fmt(p, "%s.tmp", file).p;
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    enum err e = fd < 0 ? err_of_errno(errno) : write_copy(s, fd);

    if (fd >= 0) {
        (void)close(fd);
        if (e == ERR_OK && rename(tmp, file) != 0)
            e = err_of_errno(errno);
        if (e != ERR_OK)
            (void)unlink(tmp);
        else
            e = err_of_errno(sync_directory_of(p, file));
    }
    pool_destroy(p);
    return e;
}
