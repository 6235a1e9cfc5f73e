#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer.h"
#include "tap.h"

static char folder[] = "/tmp/avouch-test-seal-key-XXXXXX";
static char file[64];

static void write_file(size_t n, mode_t mode)
{
    static const uint8_t bytes[64] = { 9, 8, 7 };

    (void)unlink(file);
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0 && write(fd, bytes, n) == (ssize_t)n && fchmod(fd, mode) == 0 && close(fd) == 0);
}

static void check_refused(const char *want_why)
{
    uint8_t key[SEAL_KEY_BYTES] = { 42 };
    const char *why = NULL;

    CHECK_INT(seal_key_load(file, true, key, &why), ERR_CONFIG);
    CHECK_TEXT(slice_of(why), want_why);
    CHECK_INT(key[0], 42);
}

static void test_make(void)
{
    uint8_t key[SEAL_KEY_BYTES] = { 0 }, again[SEAL_KEY_BYTES] = { 0 };
    const char *why = NULL;
    struct stat st;

    (void)unlink(file);
    CHECK_INT(seal_key_load(file, false, key, &why), ERR_CONFIG);
    CHECK_TEXT(slice_of(why), "does not exist");
    CHECK(access(file, F_OK) != 0);
    CHECK_INT(seal_key_load(file, true, key, &why), ERR_OK);
    CHECK(memcmp(key, again, sizeof(key)) != 0);
    CHECK(stat(file, &st) == 0 && st.st_size == SEAL_KEY_BYTES);
    CHECK_INT(st.st_mode & 07777, 0600);
    CHECK_INT(seal_key_load(file, true, again, &why), ERR_OK);
    CHECK(memcmp(key, again, sizeof(key)) == 0);
}

/* A start that was killed while it wrote the key: found by tests/crash. */
static void test_left_behind(void)
{
    uint8_t key[SEAL_KEY_BYTES] = { 0 };
    char name[sizeof(file) + 4];
    const char *why = NULL;

    (void)unlink(file);
    (void)snprintf(name, sizeof(name), "%s.new", file);
    int fd = open(name, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && write(fd, "half", 4) == 4 && close(fd) == 0);
    CHECK_INT(seal_key_load(file, true, key, &why), ERR_OK);
    CHECK(access(name, F_OK) != 0);
    CHECK(access(file, F_OK) == 0);
}

static void test_accepted_modes(void)
{
    uint8_t key[SEAL_KEY_BYTES];
    const char *why = NULL;

    write_file(SEAL_KEY_BYTES, 0400);
    CHECK_INT(seal_key_load(file, false, key, &why), ERR_OK);
    CHECK_INT(key[0], 9);
    write_file(SEAL_KEY_BYTES, 0600);
    CHECK_INT(seal_key_load(file, false, key, &why), ERR_OK);
}

static void test_refused_modes(void)
{
    static const mode_t modes[] = { 0604, 0602, 0620, 0660, 0644, 0700, 04600, 0777 };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        write_file(SEAL_KEY_BYTES, modes[i]);
        check_refused("is accessible to others: its mode must be 0600 or stricter");
    }
}

/* A systemd credential: root:root, and the mask of its access list shows as group-readable. */
static void test_group_readable(void)
{
    uint8_t key[SEAL_KEY_BYTES];
    const char *why = NULL;

    write_file(SEAL_KEY_BYTES, 0440);
    if (geteuid() == 0 && chown(file, 0, 0) == 0)
        CHECK_INT(seal_key_load(file, false, key, &why), ERR_OK);
    if (geteuid() == 0 && chown(file, 0, 1) != 0)
        return;
    (void)chmod(file, 0440);
    check_refused("is accessible to others: its mode must be 0600 or stricter");
}

static void test_refused_owner(void)
{
    write_file(SEAL_KEY_BYTES, 0600);
    if (geteuid() != 0 || chown(file, 1, 1) != 0)
        return; /* only root can make the case */
    check_refused("belongs to another user: it must be this user's or root's");
}

static void test_refused_sizes(void)
{
    static const size_t sizes[] = { 0, 31, 33, 64 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        write_file(sizes[i], 0600);
        check_refused("is not a sealing key: it must hold exactly 32 bytes");
    }
}

static void test_refused_kinds(void)
{
    (void)unlink(file);
    CHECK_INT(mkdir(file, 0700), 0);
    check_refused("is not a regular file");
    CHECK_INT(rmdir(file), 0);
    CHECK_INT(mkfifo(file, 0600), 0);
    check_refused("is not a regular file");
    CHECK_INT(unlink(file), 0);
}

static void test_no_folder(void)
{
    uint8_t key[SEAL_KEY_BYTES];
    const char *why = NULL;

    CHECK_INT(seal_key_load("/nonexistent/seal.key", true, key, &why), ERR_IO);
    CHECK_TEXT(slice_of(why), "cannot be made");
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "made on request, with mode 0600, and read again", test_make },
        { "half a key that a killed start has left is made anew", test_left_behind },
        { "0400 and 0600 are accepted", test_accepted_modes },
        { "modes open to others are refused", test_refused_modes },
        { "group-readable only where all is root's", test_group_readable },
        { "another user's file is refused", test_refused_owner },
        { "other sizes are refused", test_refused_sizes },
        { "what is not a file is refused without hanging", test_refused_kinds },
        { "a missing folder is said", test_no_folder },
    };

    if (mkdtemp(folder) == NULL)
        return 2;
    (void)snprintf(file, sizeof(file), "%s/seal.key", folder);
    int failed = TAP_RUN(tests);
    (void)unlink(file);
    (void)rmdir(folder);
    return failed;
}
