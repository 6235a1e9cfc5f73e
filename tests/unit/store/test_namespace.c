/* Two PID namespaces number their processes alike, and LMDB knows readers by that number: the second to come is refused, and told why.
 * Making a namespace takes privileges; without them this is passed over. */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"

#define FIRST       "first"
#define SECOND      "second"
#define PASSED_OVER 77
#define POLL_US     500
#define POLLS_MAX   20000

static struct disk disk;

/* How the two tell each other how far they are: a file. */
static const char *path_of(const char *name)
{
    return pool_fmt(disk.pool, "%s/%s", disk.directory, name).p;
}

static void tell(const char *name)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    (void)close(fd);
}

static bool is_told(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

static void read_until_told(void)
{
    disk_attach(&disk);
    CHECK(view_txn_id(disk.view) > 0);
    tell("reads");
    for (unsigned i = 0; i < POLLS_MAX && !is_told("enough"); i++)
        (void)usleep(POLL_US);
    disk_detach(&disk);
}

static void be_refused(void)
{
    const struct store_options o = { .directory = disk.directory, .map_bytes = DISK_MAP_BYTES, .no_sync = true };
    struct slice why = SL("");
    struct store *s = NULL;

    CHECK_INT(store_open(disk.pool, &o, &s, &why), ERR_CONFIG);
    CHECK(strstr(slice_cstr(disk.pool, why), "another PID namespace") != NULL);
    store_close(s);
}

/* As the first process of a new namespace. Neither looks for leaks at its end: a sanitizer cannot read /proc from there. */
static void play(void (*role)(void))
{
    if (unshare(CLONE_NEWPID) != 0)
        _exit(PASSED_OVER);
    pid_t child = fork();
    if (child != 0)
        _exit(disk_wait_for(child));
    role();
    (void)fflush(stdout);
    _exit(tap_failures != 0 ? 1 : 0);
}

static void test_refused(void)
{
    pid_t first = disk_start_self(FIRST, disk.directory);
    int status = 0;

    while (!is_told("reads") && waitpid(first, &status, WNOHANG) == 0)
        (void)usleep(POLL_US);
    if (!is_told("reads")) {
        CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, PASSED_OVER);
        printf("# passed over: no PID namespace to be had\n");
        return;
    }
    CHECK_INT(disk_run_self(SECOND, disk.directory), 0);
    tell("enough");
    CHECK_INT(disk_wait_for(first), 0);
}

int main(int argc, char **argv)
{
    static const struct tap_test tests[] = {
        { "another PID namespace is refused", test_refused },
    };

    if (argc == 3) {
        disk_at(&disk, argv[2]);
        play(strcmp(argv[1], FIRST) == 0 ? read_until_told : be_refused);
    }
    disk_make(&disk);
    int failed = TAP_RUN(tests);
    disk_close(&disk);
    return failed;
}
