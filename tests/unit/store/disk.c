#include "disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISK_POOL_BYTES (64UL << 20)

static void require(bool holds, const char *what, struct slice why)
{
    if (holds)
        return;
    printf("Bail out! %s: " SLICE_FMT "\n", what, SLICE_ARG(why));
    exit(1);
}

void disk_at(struct disk *d, const char *directory)
{
    memset(d, 0, sizeof(*d));
    (void)snprintf(d->directory, sizeof(d->directory), "%s", directory);
    d->map_bytes = DISK_MAP_BYTES;
    d->pool = pool_create(DISK_POOL_BYTES);
}

void disk_make(struct disk *d)
{
    disk_at(d, "/tmp/avouch-test-XXXXXX");
    require(mkdtemp(d->directory) != NULL, "mkdtemp", SL("no directory for a database"));
}

void disk_attach(struct disk *d)
{
    const struct store_options options = { .directory = d->directory, .map_bytes = d->map_bytes, .no_sync = true };
    struct slice why = SLICE_NONE;

    require(store_open(d->pool, &options, &d->store, &why) == ERR_OK, "store_open", why);
    d->view = view_create(d->store);
}

void disk_detach(struct disk *d)
{
    view_destroy(d->view);
    store_close(d->store);
    d->view = NULL;
    d->store = NULL;
}

void disk_open(struct disk *d, size_t map_bytes)
{
    disk_make(d);
    d->map_bytes = map_bytes;
    disk_attach(d);
}

static void remove_directory(const char *directory)
{
    DIR *dir = opendir(directory);

    for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(directory);
}

void disk_close(struct disk *d)
{
    disk_detach(d);
    pool_destroy(d->pool);
    remove_directory(d->directory);
}

struct slice disk_key(struct disk *d, const char *id)
{
    return key_make(d->pool, DISK_ISSUER, CLASS_CLIENT, slice_of(id), SLICE_NONE);
}

struct txn *disk_begin(struct disk *d)
{
    view_rest(d->view);
    return txn_create(d->pool, d->view, DISK_ISSUER);
}

enum err disk_commit(struct disk *d, struct txn *t)
{
    return store_commit_one(d->store, t);
}

void disk_put(struct disk *d, const char *id, const char *text)
{
    struct txn *t = disk_begin(d);

    txn_put(t, disk_key(d, id), slice_of(text));
    CHECK_INT(disk_commit(d, t), ERR_OK);
}

void disk_del(struct disk *d, const char *id)
{
    struct txn *t = disk_begin(d);

    txn_del(t, disk_key(d, id));
    CHECK_INT(disk_commit(d, t), ERR_OK);
}

struct slice disk_get(struct disk *d, const char *id)
{
    struct txn *t = disk_begin(d);
    struct slice value = SLICE_NONE;

    (void)txn_get(t, disk_key(d, id), &value);
    CHECK_INT(txn_err(t), ERR_OK);
    view_rest(d->view);
    return value;
}

uint32_t disk_count(struct disk *d, const char *id)
{
    struct txn *t = disk_begin(d);
    uint32_t number = txn_count_now(t, disk_key(d, id));

    CHECK_INT(txn_err(t), ERR_OK);
    view_rest(d->view);
    return number;
}

uint64_t disk_txn_id(struct disk *d)
{
    view_rest(d->view);
    uint64_t id = view_txn_id(d->view);

    view_rest(d->view);
    return id;
}

/* By its path: valgrind knows what this program's is, and would itself be /proc/self/exe. */
static void find_self(char *ret, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", ret, size - 1);

    require(n > 0, "readlink", SL("/proc/self/exe"));
    ret[n] = '\0';
}

pid_t disk_start_self(const char *role, const char *directory)
{
    char program[PATH_MAX];
    char *const arguments[] = { strdup("self"), strdup(role), strdup(directory), NULL };
    pid_t child = -1;

    (void)fflush(stdout);
    find_self(program, sizeof(program));
    int rc = posix_spawn(&child, program, NULL, NULL, arguments, environ);
    for (size_t i = 0; arguments[i] != NULL; i++)
        free(arguments[i]);
    require(rc == 0, "posix_spawn", slice_of(strerror(rc)));
    return child;
}

int disk_wait_for(pid_t child)
{
    int status = 0;

    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int disk_run_self(const char *role, const char *directory)
{
    return disk_wait_for(disk_start_self(role, directory));
}

/* Quietly, and without a core. */
static void run_and_exit(void (*fn)(void))
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    if (null >= 0)
        (void)dup2(null, STDERR_FILENO);
    fn();
    _exit(0);
}

bool disk_aborts(void (*fn)(void))
{
    int status = 0;

    (void)fflush(stdout);
    pid_t child = fork();

    require(child >= 0, "fork", SL("no process to be had"));
    if (child == 0)
        run_and_exit(fn);
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
