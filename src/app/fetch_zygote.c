/* A process for each fetch: what one stranger's document does to it, no other fetch notices; its time is bounded by killing it; and
 * there is nothing to start again after a crash, so one document cannot keep others from being fetched. */
#include "fetch_zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fetch.h"

#define PROGRAM         "avouch-fetch"
#define FRAME_MAX       (FETCH_FRAME_BYTES_MAX + 8)
#define KILL_MS         (FETCH_TIMEOUT_MS + 1000) /* it keeps time itself */
#define FETCH_NICE      10                        /* sign-ins come first */
#define SENTENCES_BYTES (1U << 20)

struct child {
    pid_t pid; /* 0: a free place */
    int fd;
    uint32_t id;
    int64_t kill_at_ms;
    char *in; /* FRAME_MAX */
    size_t n;
};

struct zygote {
    int channel;
    char program[PATH_MAX]; /* beside our own */
    char *in;               /* of the channel, FRAME_MAX */
    size_t n;
    struct child children[FETCHES_MAX];
};

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool write_all(int fd, struct slice rest)
{
    while (rest.n > 0) {
        ssize_t sent = send(fd, rest.p, rest.n, MSG_NOSIGNAL);

        if (sent < 0 && errno != EINTR)
            return false;
        rest = slice_from(rest, sent > 0 ? (size_t)sent : 0);
    }
    return true;
}

/* ---- answers ---- */

/* In avouch-fetch's stead. */
static void answer_broken(struct zygote *z, uint32_t id, enum fetch_outcome o, const char *why)
{
    struct pool *p = pool_create(SENTENCES_BYTES);
    const struct fetch_answer answer = { .outcome = o, .fresh_s = -1, .why = slice_of(why) };

    if (!write_all(z->channel, fetch_frame_write(p, id, fetch_answer_write(p, &answer))))
        _exit(0); /* nobody is there */
    pool_destroy(p);
}

static void answer_failed(struct zygote *z, const struct child *c, int how)
{
    char why[PATH_MAX + 100];

    if (WIFEXITED(how) && WEXITSTATUS(how) == 127)
        (void)snprintf(why, sizeof(why), "%s cannot be started; it belongs beside avouch.", PROGRAM);
    else if (WIFSIGNALED(how))
        (void)snprintf(why, sizeof(why), "%s was ended by signal %d.", PROGRAM, WTERMSIG(how));
    else
        (void)snprintf(why, sizeof(why), "%s ended without an answer.", PROGRAM);
    answer_broken(z, c->id, now_ms() >= c->kill_at_ms ? FETCH_TOO_SLOW : FETCH_BROKEN, why);
}

/* Its bytes go on as they are if they are one frame for this fetch: avouch reads them as strictly. */
static void end_child(struct zygote *z, struct child *c)
{
    struct fetch_frame frame;
    int how = 0;

    (void)kill(c->pid, SIGKILL);
    (void)waitpid(c->pid, &how, 0);
    bool whole =
        fetch_frame_read(slice_bytes(c->in, c->n), &frame) == FRAME_WHOLE && frame.id == c->id && frame.bytes == c->n;
    if (!whole)
        answer_failed(z, c, how);
    else if (!write_all(z->channel, slice_bytes(c->in, c->n)))
        _exit(0);
    (void)close(c->fd);
    free(c->in);
    *c = (struct child){ .pid = 0 };
}

static void read_child(struct zygote *z, struct child *c)
{
    ssize_t n = read(c->fd, c->in + c->n, FRAME_MAX - c->n);

    if (n > 0)
        c->n += (size_t)n;
    if ((n < 0 && errno != EINTR) || n == 0 || c->n == FRAME_MAX)
        end_child(z, c);
}

/* ---- starting ---- */

/* In the child: nothing but what is safe between fork and exec. Its environment is empty: no proxy, no resolver's options. */
static void become_fetch(const char *program, int fd, pid_t parent)
{
    char *const argv[] = { (char[]){ PROGRAM }, NULL };
    char *const env[] = { NULL };

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(fd, STDIN_FILENO) < 0)
        _exit(1);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)setpriority(PRIO_PROCESS, 0, FETCH_NICE);
    (void)execve(program, argv, env);
    _exit(127);
}

static struct child *find_free(struct zygote *z)
{
    for (size_t i = 0; i < FETCHES_MAX; i++)
        if (z->children[i].pid == 0)
            return &z->children[i];
    return NULL;
}

static void start(struct zygote *z, struct child *c, const struct fetch_frame *ask)
{
    struct slice whole = slice_bytes(ask->text.p - (ask->bytes - ask->text.n), ask->bytes);
    int pair[2] = { -1, -1 };
    pid_t self = getpid(), pid = -1;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0)
        pid = fork();
    if (pid == 0)
        become_fetch(z->program, pair[1], self);
    if (pid < 0) {
        answer_broken(z, ask->id, FETCH_BROKEN, "There is no process to be had for " PROGRAM ".");
        (void)close(pair[0]);
        (void)close(pair[1]);
        return;
    }
    (void)close(pair[1]);
    *c = (struct child){ pid, pair[0], ask->id, now_ms() + KILL_MS, malloc(FRAME_MAX), 0 };
    if (c->in == NULL || !write_all(c->fd, whole)) /* it fits into the socket, whether or not anybody reads */
        end_child(z, c);
}

/* As many asks as there are places for; avouch sends no more than that. */
static void read_channel(struct zygote *z)
{
    enum fetch_frame_state state = FRAME_MORE;
    struct fetch_frame ask;
    struct child *c;

    ssize_t n = read(z->channel, z->in + z->n, FRAME_MAX - z->n);
    if (n == 0 || (n < 0 && errno != EINTR))
        _exit(0); /* the children are killed with us */
    z->n += n > 0 ? (size_t)n : 0;
    while ((c = find_free(z)) != NULL && (state = fetch_frame_read(slice_bytes(z->in, z->n), &ask)) == FRAME_WHOLE) {
        start(z, c, &ask);
        z->n -= ask.bytes;
        memmove(z->in, z->in + ask.bytes, z->n);
    }
    if (state == FRAME_BAD)
        _exit(1);
}

/* ---- life ---- */

static int until_next_kill(const struct zygote *z)
{
    int64_t left_ms = INT_MAX, now = now_ms();

    for (size_t i = 0; i < FETCHES_MAX; i++)
        if (z->children[i].pid != 0 && z->children[i].kill_at_ms - now < left_ms)
            left_ms = z->children[i].kill_at_ms - now;
    return left_ms == INT_MAX ? -1 : left_ms < 0 ? 0 : (int)left_ms;
}

static void run(struct zygote *z)
{
    struct pollfd p[FETCHES_MAX + 1];

    for (;;) {
        p[FETCHES_MAX] = (struct pollfd){ .fd = find_free(z) != NULL ? z->channel : -1, .events = POLLIN };
        for (size_t i = 0; i < FETCHES_MAX; i++)
            p[i] = (struct pollfd){ .fd = z->children[i].pid != 0 ? z->children[i].fd : -1, .events = POLLIN };
        (void)poll(p, FETCHES_MAX + 1, until_next_kill(z));
        for (size_t i = 0; i < FETCHES_MAX; i++)
            if (p[i].fd >= 0 && p[i].revents != 0)
                read_child(z, &z->children[i]);
            else if (z->children[i].pid != 0 && z->children[i].kill_at_ms <= now_ms())
                end_child(z, &z->children[i]);
        if (p[FETCHES_MAX].fd >= 0 && p[FETCHES_MAX].revents != 0)
            read_channel(z);
    }
}

/* What avouch does not need of its parent's files, nor of signals that are meant for avouch. A child inherits both. */
static void leave_the_rest(int channel)
{
    static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
    int null = open("/dev/null", O_RDWR);

    (void)prctl(PR_SET_NAME, "avouch-zygote");
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)dup2(channel, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)fcntl(STDIN_FILENO, F_SETFD, FD_CLOEXEC);
}

static bool find_program(char ret[static PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - sizeof(PROGRAM));

    while (n > 0 && ret[n - 1] != '/')
        n--;
    if (n <= 0)
        return false;
    memcpy(ret + n, PROGRAM, sizeof(PROGRAM));
    return true;
}

static void be_zygote(int channel, pid_t parent)
{
    struct zygote z = { .channel = STDIN_FILENO, .in = malloc(FRAME_MAX) };

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || z.in == NULL || !find_program(z.program))
        _exit(1);
    leave_the_rest(channel);
    run(&z);
}

int fetch_zygote_start(void)
{
    int pair[2] = { -1, -1 };
    pid_t self = getpid();

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        be_zygote(pair[1], self);
    (void)close(pair[1]);
    if (pid > 0)
        return pair[0];
    (void)close(pair[0]);
    return -1;
}
