/* What the process gives up before it listens to anybody, so that whoever takes it over has little: no file but those that resolving and
 * certificates need (Landlock, where the kernel has it), no program to start, no other process to look into (seccomp), bounds on memory,
 * time and descriptors. The database and the keys beside it belong to the same user; it is Landlock that keeps them away. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <seccomp.h>

#include "fetch_int.h"

#define CPU_S        20
#define FILES_MAX    32
#define MEMORY_BYTES ((rlim_t)1 << 30)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define IS_SANITIZED true
#elif defined(__has_feature)
#    define IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#    define IS_SANITIZED false
#endif

/* ---- limits ---- */

static bool limit(__rlimit_resource_t what, rlim_t most)
{
    const struct rlimit l = { most, most };

    return setrlimit(what, &l) == 0;
}

static bool set_limits(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
           limit(RLIMIT_CPU, CPU_S) && limit(RLIMIT_NOFILE, FILES_MAX) &&
           (IS_SANITIZED || limit(RLIMIT_AS, MEMORY_BYTES)); /* sanitizers map terabytes */
}

/* ---- files ---- */

/* Read, and nothing else: the resolver's settings and modules, the system's authorities. */
static const char *const readable[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/usr",
    "/lib",
    "/lib64",
    "/run/systemd/resolve",
    "/dev/null",
    "/dev/urandom",
    "/etc/pki/ca-trust/extracted",
};

#define RIGHTS_FIRST     ((UINT64_C(1) << 13) - 1) /* all of the first version: LANDLOCK_ACCESS_FS_* up to MAKE_SYM */
#define RIGHT_TRUNCATE   (UINT64_C(1) << 14)       /* since version 3 */
#define SCOPE_SIGNAL     (UINT64_C(1) << 1)        /* since version 6 */
#define VERSION_TRUNCATE 3
#define VERSION_SCOPED   6

/* Of the newest version that is used; the header may be older than the kernel. */
struct ruleset {
    uint64_t files, net, scoped;
};

static void let_read(int ruleset, const char *path)
{
    struct landlock_path_beneath_attr rule = { .allowed_access =
                                                   LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
                                               .parent_fd = open(path, O_PATH | O_CLOEXEC) };

    if (rule.parent_fd < 0)
        return; /* not every system has all of them */
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE; /* it is no folder */
        (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    (void)close(rule.parent_fd);
}

static bool fence_files(struct fetching *f)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    const struct ruleset rules = { .files = RIGHTS_FIRST | (version >= VERSION_TRUNCATE ? RIGHT_TRUNCATE : 0),
                                   .scoped = version >= VERSION_SCOPED ? SCOPE_SIGNAL : 0 };
    int ruleset = version < 1 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

    if (ruleset < 0)
        return false;
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        let_read(ruleset, readable[i]);
    if (f->ask.settings.ca_file.n > 0)
        let_read(ruleset, slice_cstr(f->pool, f->ask.settings.ca_file));
    bool done = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    (void)close(ruleset);
    return done;
}

/* ---- system calls ---- */

/* What no fetch needs and takers-over like: other programs and processes, and the parts of the kernel where its holes have been. */
static const int forbidden[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(kcmp),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(personality),
};

static bool fence_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    /* a sanitizer wants to start a program that finds the names for its report */
    const uint32_t refuse = IS_SANITIZED ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;
    /* threads are made by it; the C library falls back to clone, whose flags can be seen */
    bool done = filter != NULL && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
                seccomp_rule_add(filter, refuse, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) == 0;

    for (size_t i = 0; done && i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        done = seccomp_rule_add(filter, refuse, forbidden[i], 0) == 0;
    done = done && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

bool fence(struct fetching *f)
{
    if (!set_limits() || !fence_calls()) {
        perror("avouch-fetch: it cannot be fenced in");
        return false;
    }
    bool has_landlock = fence_files(f);
    fetching_step(f, FETCH_AT_START, has_landlock,
                  has_landlock ? "It may read the resolver's settings and certificates, and no other file."
                               : "This kernel has no Landlock: a fetch could read what the service's user can read.");
    return true;
}
