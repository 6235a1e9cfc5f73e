/* Directories that will not do, and what the operator is told. Some of it only root can set up: as another user it is passed over. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "place.h"

#define SOMEBODY 65534

static struct disk disk;

static const char *in_directory(const char *name)
{
    return pool_fmt(disk.pool, "%s/%s", disk.directory, name).p;
}

static void refuses(const char *directory, bool must_exist, enum err want, const char *words)
{
    struct slice why = SLICE_NONE;

    CHECK_INT(place_prepare(disk.pool, directory, must_exist, &why), want);
    CHECK(slice_starts(why, slice_of(directory)));
    if (strstr(slice_cstr(disk.pool, why), words) == NULL)
        CHECK_TEXT(why, words);
}

static void takes(const char *directory, bool must_exist)
{
    struct slice why = SLICE_NONE;

    CHECK_INT(place_prepare(disk.pool, directory, must_exist, &why), ERR_OK);
    CHECK(slice_is_none(why));
}

static void make_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(fd);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void test_makes_directories(void)
{
    mode_t before = umask(0);

    takes(in_directory("a/b"), false);
    CHECK_INT(mode_of(in_directory("a")), 0700);
    CHECK_INT(mode_of(in_directory("a/b")), 0700);
    takes(in_directory("a/b"), false); /* as it is */
    (void)umask(before);
    (void)rmdir(in_directory("a/b"));
    (void)rmdir(in_directory("a"));
}

static void test_must_exist(void)
{
    refuses(in_directory("absent"), true, ERR_NOENT, "does not exist");
    CHECK_INT(access(in_directory("absent"), F_OK), -1);
    refuses(disk.directory, true, ERR_NOENT, "holds no database");
    make_file(in_directory(PLACE_DATA_FILE), "");
    refuses(disk.directory, true, ERR_NOENT, "holds no database");
    make_file(in_directory(PLACE_DATA_FILE), "something");
    takes(disk.directory, true);
    (void)unlink(in_directory(PLACE_DATA_FILE));
}

static void test_no_directory(void)
{
    make_file(in_directory("file"), "");
    refuses(in_directory("file"), false, ERR_CONFIG, "is not a directory");
    refuses(in_directory("file/below"), false, ERR_CONFIG, "something above it is a file");
    refuses("", true, ERR_NOENT, "does not exist");
    CHECK(place_prepare(disk.pool, "", false, &(struct slice){ NULL, 0 }) != ERR_OK);
    (void)unlink(in_directory("file"));
}

static void test_others_may_write(void)
{
    static const mode_t refused[] = { 0720, 0702, 0777 }, taken[] = { 0700, 0755, 0750 };

    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(chmod(disk.directory, refused[i]), 0);
        refuses(disk.directory, false, ERR_CONFIG, "chmod 700");
        CHECK_INT(chmod(disk.directory, taken[i]), 0);
        takes(disk.directory, false);
    }
    CHECK_INT(chmod(disk.directory, 0700), 0);
}

static void test_owner(void)
{
    if (geteuid() != 0) {
        refuses("/", false, ERR_CONFIG, "is owned by uid 0"); /* root's */
        return;
    }
    CHECK_INT(chown(disk.directory, SOMEBODY, SOMEBODY), 0);
    refuses(disk.directory, false, ERR_CONFIG, "sudo -u '#65534'");
    CHECK_INT(chown(disk.directory, 0, 0), 0);
    takes(disk.directory, false);
}

/* What a subcommand that root ran has left behind. */
static void test_foreign_file(void)
{
    static const char *const files[] = { PLACE_DATA_FILE, PLACE_LOCK_FILE };

    for (size_t i = 0; i < 2; i++) {
        make_file(in_directory(files[i]), "something");
        CHECK(slice_is_none(place_foreign_file(disk.pool, disk.directory)));
        if (geteuid() == 0) {
            CHECK_INT(chown(in_directory(files[i]), SOMEBODY, SOMEBODY), 0);
            refuses(disk.directory, false, ERR_CONFIG, files[i]);
            CHECK(!slice_is_none(place_foreign_file(disk.pool, disk.directory)));
        }
        (void)unlink(in_directory(files[i]));
    }
}

static void test_file_systems(void)
{
    const char *name = "untouched";

    CHECK_INT(place_judge_fs(EXT4_SUPER_MAGIC, &name), FS_FINE);
    CHECK_INT(place_judge_fs(BTRFS_SUPER_MAGIC, &name), FS_FINE);
    CHECK_INT(place_judge_fs(TMPFS_MAGIC, &name), FS_FINE);
    CHECK_TEXT(slice_of(name), "untouched");
    CHECK_INT(place_judge_fs(NFS_SUPER_MAGIC, &name), FS_REFUSED);
    CHECK_TEXT(slice_of(name), "NFS");
    CHECK_INT(place_judge_fs(SMB2_SUPER_MAGIC, &name), FS_REFUSED); /* its top bit is set */
    CHECK_TEXT(slice_of(name), "SMB");
    CHECK_INT(place_judge_fs(V9FS_MAGIC, &name), FS_REFUSED);
    CHECK_INT(place_judge_fs(OVERLAYFS_SUPER_MAGIC, &name), FS_DOUBTFUL);
    CHECK_INT(place_judge_fs(FUSE_SUPER_MAGIC, &name), FS_DOUBTFUL);
}

static void test_sync(void)
{
    CHECK_INT(place_sync(disk.directory), 0);
    CHECK_INT(place_sync(in_directory("absent")), ENOENT);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "directories are made, for us alone", test_makes_directories },
        { "nothing is made where something must exist", test_must_exist },
        { "a file is no directory", test_no_directory },
        { "a directory that others may write", test_others_may_write },
        { "somebody else's directory", test_owner },
        { "somebody else's files", test_foreign_file },
        { "file systems", test_file_systems },
        { "names are made durable", test_sync },
    };

    disk_make(&disk);
    int failed = TAP_RUN(tests);
    disk_close(&disk);
    return failed;
}
