/* What is left to a process behind the fence. Each attempt is made in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fetch_int.h"
#include "tap.h"

enum end { DONE, REFUSED, KILLED, NO_FENCE };

static char own_file[] = "/tmp/avouch-fence-XXXXXX", ca_file[] = "/tmp/avouch-fence-XXXXXX";

/* What became of it: true is DONE, false REFUSED. */
static enum end attempt(bool (*what)(void))
{
    static struct fetching f;
    int how = 0;
    pid_t pid = fork();

    if (pid == 0) {
        fetching_init(&f, pool_create(1 << 20));
        f.ask.settings.ca_file = slice_of(ca_file);
        _exit(!fence(&f) ? NO_FENCE : what() ? DONE : REFUSED);
    }
    (void)waitpid(pid, &how, 0);
    return WIFSIGNALED(how) ? KILLED : (enum end)WEXITSTATUS(how);
}

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    return fd >= 0 && close(fd) == 0;
}

static bool reads_certificates(void)
{
    return opens("/etc/ssl/certs", O_RDONLY | O_DIRECTORY) && opens("/etc/resolv.conf", O_RDONLY) &&
           opens(ca_file, O_RDONLY);
}

static bool resolves(void)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;

    if (getaddrinfo("localhost", "443", &hints, &found) != 0)
        return false;
    freeaddrinfo(found);
    return true;
}

static bool connects(void)
{
    int inet = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return inet >= 0 && local >= 0 && close(inet) == 0 && close(local) == 0;
}

static void *nothing(void *ctx)
{
    return ctx;
}

static bool has_threads(void)
{
    pthread_t t;

    return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static bool reads_own_file(void)
{
    return opens(own_file, O_RDONLY);
}

static bool reads_passwords(void)
{
    return opens("/etc/passwd", O_RDONLY);
}

static bool reads_other_processes(void)
{
    return opens("/proc/1/environ", O_RDONLY) || opens("/proc/self/environ", O_RDONLY);
}

static bool lists_the_root(void)
{
    return opens("/", O_RDONLY | O_DIRECTORY) || opens("/etc", O_RDONLY | O_DIRECTORY) ||
           opens("/tmp", O_RDONLY | O_DIRECTORY);
}

static bool writes(void)
{
    return opens(own_file, O_WRONLY) || opens(ca_file, O_WRONLY) ||
           opens("/tmp/avouch-fence-new", O_WRONLY | O_CREAT) || unlink(own_file) == 0 ||
           rename(own_file, "/tmp/avouch-fence-moved") == 0 || mkdir("/tmp/avouch-fence-dir", 0700) == 0;
}

static bool truncates(void)
{
    return truncate(own_file, 0) == 0;
}

static bool gains_descriptors(void)
{
    const struct rlimit l = { 1024, 1024 };
    int fd = 0;

    for (unsigned i = 0; i < 64 && fd >= 0; i++)
        fd = dup(STDERR_FILENO);
    return fd >= 0 || (geteuid() != 0 && setrlimit(RLIMIT_NOFILE, &l) == 0);
}

static bool executes(void)
{
    return execl("/bin/true", "true", NULL) == 0;
}

static bool forks(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool traces(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool signals(void)
{
    return kill(getppid(), 0) == 0;
}

static bool leaves_namespaces(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool uses_keyrings(void)
{
    return syscall(SYS_keyctl, 0, -3, 0) >= 0;
}

static void what_it_needs(void)
{
    CHECK_INT(attempt(reads_certificates), DONE);
    CHECK_INT(attempt(resolves), DONE);
    CHECK_INT(attempt(connects), DONE);
    CHECK_INT(attempt(has_threads), DONE);
}

static long landlock_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static void files(void)
{
    if (landlock_version() < 1) {
        printf("# not tested: this kernel has no Landlock\n");
        return;
    }
    CHECK_INT(attempt(reads_own_file), REFUSED);
    CHECK_INT(attempt(reads_passwords), REFUSED);
    CHECK_INT(attempt(reads_other_processes), REFUSED);
    CHECK_INT(attempt(lists_the_root), REFUSED);
    CHECK_INT(attempt(writes), REFUSED);
    if (landlock_version() >= 3)
        CHECK_INT(attempt(truncates), REFUSED);
}

static void limits(void)
{
    CHECK_INT(attempt(gains_descriptors), REFUSED);
}

/* A sanitizer's own needs turn the kill into a refusal. */
static void check_stopped(bool (*what)(void))
{
    enum end e = attempt(what);

    CHECK(e == KILLED || e == REFUSED);
}

static void processes(void)
{
    check_stopped(executes);
    check_stopped(forks);
    check_stopped(traces);
    check_stopped(signals);
}

static void kernel(void)
{
    check_stopped(leaves_namespaces);
    check_stopped(uses_keyrings);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "what a fetch needs works", what_it_needs },
        { "files are out of reach", files },
        { "descriptors are few", limits },
        { "other programs and processes are out of reach", processes },
        { "and much of the kernel", kernel },
    };
    const int fds[] = { mkstemp(own_file), mkstemp(ca_file) };

    if (fds[0] < 0 || fds[1] < 0)
        return 1;
    int status = TAP_RUN(tests);
    (void)unlink(own_file);
    (void)unlink(ca_file);
    return status;
}
