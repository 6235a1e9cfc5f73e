/* Where the database may lie, and what to tell an operator whose directory will not do. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "log.h"

#define OTHERS_MAY_WRITE (S_IWGRP | S_IWOTH)

struct place {
    struct pool *pool;
    const char *directory;
    struct statfs fs;
    struct slice why;
};

static enum err refuse(struct place *l, enum err e, struct slice why)
{
    l->why = why;
    return e;
}

static enum err refuse_errno(struct place *l, int error, const char *what)
{
    bool full = error == ENOSPC || error == EDQUOT;

    return refuse(
        l,
        full                                  ? ERR_FULL
        : error == EACCES || error == ENOTDIR ? ERR_CONFIG
                                              : ERR_IO,
        pool_fmt(l->pool, "%s %s: %s%s", l->directory, what, strerror(error),
                 full ? ": make room on that disk"
                 : error == EACCES
                     ? ": the user that avouch runs as needs search permission above it and write permission in it"
                 : error == ENOTDIR ? ": something above it is a file"
                                    : ""));
}

/* Root is told to become the owner: files that root makes there lock the service out. */
static struct slice owner_sentence(struct pool *p, const char *path, uid_t owner)
{
    uid_t me = geteuid();

    if (me == 0)
        return pool_fmt(
            p, "%s is owned by uid %u, and avouch runs as root: run it as that user (sudo -u '#%u' avouch ...)", path,
            (unsigned)owner, (unsigned)owner);
    return pool_fmt(p, "%s is owned by uid %u, and avouch runs as uid %u: run it as that user, or chown -R %u %s", path,
                    (unsigned)owner, (unsigned)me, (unsigned)me, path);
}

static struct slice path_of(struct pool *p, const char *directory, const char *file)
{
    return pool_fmt(p, "%s/%s", directory, file);
}

struct slice place_foreign_file(struct pool *p, const char *directory)
{
    static const char *const files[] = { PLACE_DATA_FILE, PLACE_LOCK_FILE };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        const char *path = slice_cstr(p, path_of(p, directory, files[i]));
        struct stat st;

        if (stat(path, &st) == 0 && st.st_uid != geteuid())
            return owner_sentence(p, path, st.st_uid);
    }
    return SLICE_NONE;
}

/* mkdir -p with 0700: under --dev nothing of ~/.local/state need exist. */
static int make_directories(struct pool *p, const char *directory)
{
    char *path = slice_cstr(p, slice_bytes(directory, strlen(directory)));

    for (char *at = path + 1; path[0] != '\0' && *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
            return errno; /* the other two are judged by what the last one says */
        *at = '/';
    }
    return mkdir(path, S_IRWXU) == 0 || errno == EEXIST ? 0 : errno;
}

static enum err find_directory(struct place *l, bool must_exist, struct stat *ret)
{
    if (stat(l->directory, ret) == 0)
        return ERR_OK;
    if (errno != ENOENT)
        return refuse_errno(l, errno, "cannot be looked at");
    if (must_exist)
        return refuse(l, ERR_NOENT,
                      pool_fmt(l->pool,
                               "%s does not exist: name the state directory with --state, or start avouch serve once",
                               l->directory));
    int error = make_directories(l->pool, l->directory);
    if (error != 0 || stat(l->directory, ret) != 0)
        return refuse_errno(l, error != 0 ? error : errno, "cannot be created");
    return ERR_OK;
}

static enum err check_owner(struct place *l, const struct stat *st)
{
    if (!S_ISDIR(st->st_mode))
        return refuse(l, ERR_CONFIG,
                      pool_fmt(l->pool, "%s is not a directory: name the state directory with --state", l->directory));
    if (st->st_uid != geteuid())
        return refuse(l, ERR_CONFIG, owner_sentence(l->pool, l->directory, st->st_uid));
    if ((st->st_mode & OTHERS_MAY_WRITE) != 0)
        return refuse(l, ERR_CONFIG,
                      pool_fmt(l->pool, "%s can be written by other users: chmod 700 %s", l->directory, l->directory));
    return ERR_OK;
}

enum fs_verdict place_judge_fs(uint32_t magic, const char **ret_name)
{
    static const struct {
        uint32_t magic;
        enum fs_verdict verdict;
        const char *name;
    } rows[] = {
        { NFS_SUPER_MAGIC, FS_REFUSED, "NFS" },
        { V9FS_MAGIC, FS_REFUSED, "9p" },
        { CIFS_SUPER_MAGIC, FS_REFUSED, "CIFS" },
        { SMB2_SUPER_MAGIC, FS_REFUSED, "SMB" },
        { SMB_SUPER_MAGIC, FS_REFUSED, "SMB" },
        { AFS_SUPER_MAGIC, FS_REFUSED, "AFS" },
        { AFS_FS_MAGIC, FS_REFUSED, "AFS" },
        { CEPH_SUPER_MAGIC, FS_REFUSED, "Ceph" },
        { OVERLAYFS_SUPER_MAGIC, FS_DOUBTFUL, "overlayfs" },
        { FUSE_SUPER_MAGIC, FS_DOUBTFUL, "FUSE or virtiofs" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].magic == magic) {
            *ret_name = rows[i].name;
            return rows[i].verdict;
        }
    }
    return FS_FINE;
}

static enum err check_fs(struct place *l)
{
    const char *name = "";

    if (statfs(l->directory, &l->fs) != 0)
        return refuse_errno(l, errno, "has a file system that cannot be asked");
    switch (place_judge_fs((uint32_t)l->fs.f_type, &name)) {
    case FS_FINE: break;
    case FS_DOUBTFUL:
        LOG(LOG_WARN, "the database lies on a file system that may lose it; use a volume on a local one",
            LOG_TEXT("directory", slice_of(l->directory)), LOG_TEXT("file_system", slice_of(name)));
        break;
    case FS_REFUSED:
        return refuse(l, ERR_CONFIG,
                      pool_fmt(l->pool, "%s is on %s, where a database would be lost: name a directory on a local disk",
                               l->directory, name));
    }
    return ERR_OK;
}

/* Is there room for a new one? One that exists is opened on a full disk too: deleting must be possible. */
static enum err check_room(struct place *l)
{
    if ((uint64_t)l->fs.f_bavail * (uint64_t)l->fs.f_bsize >= PLACE_ROOM_BYTES)
        return ERR_OK;
    return refuse_errno(l, ENOSPC, "is no place for a new database");
}

static enum err find_database(struct place *l, bool must_exist)
{
    const char *path = slice_cstr(l->pool, path_of(l->pool, l->directory, PLACE_DATA_FILE));
    struct stat st = { 0 };

    if (stat(path, &st) != 0 && errno != ENOENT)
        return refuse_errno(l, errno, "cannot be searched");
    bool is_new = st.st_size == 0;
    if (is_new && must_exist)
        return refuse(
            l, ERR_NOENT,
            pool_fmt(l->pool, "%s holds no database: name the state directory with --state, or start avouch serve once",
                     l->directory));
    struct slice foreign = place_foreign_file(l->pool, l->directory);
    if (!slice_is_none(foreign))
        return refuse(l, ERR_CONFIG, foreign);
    return is_new ? check_room(l) : ERR_OK;
}

enum err place_prepare(struct pool *p, const char *directory, bool must_exist, struct slice *ret_why)
{
    struct place l = { .pool = p, .directory = directory };
    struct stat st;
    enum err e;

    (void)((e = find_directory(&l, must_exist, &st)) || (e = check_owner(&l, &st)) || (e = check_fs(&l)) ||
           (e = find_database(&l, must_exist)));
    if (e != ERR_OK)
        *ret_why = l.why;
    return e;
}

static int sync_directory(int at, const char *path)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    int error = fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return error;
}

int place_sync(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    int error = sync_directory(fd, ".");
    (void)sync_directory(fd, ".."); /* which need not be ours to open */
    (void)close(fd);
    return error;
}
