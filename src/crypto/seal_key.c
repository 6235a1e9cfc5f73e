/* The file that holds the sealing key. Whoever reads it and the database has every private key: so its owner and
 * mode are checked as ssh checks a private key. A systemd credential is root's, and on a tmpfs its mode shows the
 * mask of the access list that lets our user read it: hence group-readable is accepted where owner and group are
 * both root. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "signer.h"

#define SEAL_PATH_MAX 4096

static enum err say(const char **ret_why, enum err e, const char *why)
{
    *ret_why = why;
    return e;
}

static enum err judge(const struct stat *st, const char **ret_why)
{
    unsigned allowed = st->st_uid == 0 && st->st_gid == 0 ? 0640 : 0600;

    if (!S_ISREG(st->st_mode))
        return say(ret_why, ERR_CONFIG, "is not a regular file");
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return say(ret_why, ERR_CONFIG, "belongs to another user: it must be this user's or root's");
    if ((st->st_mode & 07777 & ~allowed) != 0)
        return say(ret_why, ERR_CONFIG, "is accessible to others: its mode must be 0600 or stricter");
    if (st->st_size != SEAL_KEY_BYTES)
        return say(ret_why, ERR_CONFIG, "is not a sealing key: it must hold exactly 32 bytes");
    return ERR_OK;
}

static enum err read_key(int fd, uint8_t *ret, const char **ret_why)
{
    uint8_t key[SEAL_KEY_BYTES];
    struct stat st;

    if (fstat(fd, &st) != 0)
        return say(ret_why, ERR_IO, "cannot be examined");
    enum err e = judge(&st, ret_why);
    if (e != ERR_OK)
        return e;
    if (read(fd, key, sizeof(key)) != (ssize_t)sizeof(key)) {
        wipe(key, sizeof(key));
        return say(ret_why, ERR_IO, "cannot be read in full");
    }
    memcpy(ret, key, sizeof(key));
    wipe(key, sizeof(key));
    return ERR_OK;
}

/* The new name must outlast a power cut as surely as what will be sealed with the key. */
static bool sync_folder(const char *file)
{
    char path[SEAL_PATH_MAX];

    if (strlen(file) >= sizeof(path))
        return false;
    memcpy(path, file, strlen(file) + 1);
    int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    (void)close(fd);
    return synced;
}

/* A kill in between leaves one behind; nobody has sealed anything with it. */
static int open_new(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST && unlink(name) == 0)
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd;
}

/* Under another name first: nobody finds half a key, and none takes the place of another. */
static enum err make_key(const char *file, uint8_t *ret, const char **ret_why)
{
    char name[SEAL_PATH_MAX];
    uint8_t key[SEAL_KEY_BYTES];

    if (snprintf(name, sizeof(name), "%s.new", file) >= (int)sizeof(name))
        return say(ret_why, ERR_CONFIG, "has a name that is too long");
    int fd = open_new(name);
    if (fd < 0)
        return say(ret_why, ERR_IO, errno == EACCES ? "cannot be made: permission denied" : "cannot be made");
    random_bytes(key, sizeof(key));
    bool written = write(fd, key, sizeof(key)) == (ssize_t)sizeof(key) && fsync(fd) == 0;
    written = close(fd) == 0 && written && link(name, file) == 0;
    (void)unlink(name);
    written = written && sync_folder(file);
    if (written)
        memcpy(ret, key, sizeof(key));
    wipe(key, sizeof(key));
    return written ? ERR_OK : say(ret_why, ERR_IO, "cannot be written");
}

enum err seal_key_load(const char *file, bool create, uint8_t ret[static SEAL_KEY_BYTES], const char **ret_why)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* not to hang on a FIFO before it is judged */

    if (fd < 0 && errno == ENOENT)
        return create ? make_key(file, ret, ret_why) : say(ret_why, ERR_CONFIG, "does not exist");
    if (fd < 0)
        return say(ret_why, ERR_CONFIG, errno == EACCES ? "cannot be read: permission denied" : "cannot be opened");
    enum err e = read_key(fd, ret, ret_why);
    (void)close(fd);
    return e;
}
