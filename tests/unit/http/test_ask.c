#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ask.h"
#include "tap.h"
#include "wire.h"

#define ASK_COUNT_MAX 100
#define TIMEOUT_MS    150

static char folder[] = "/tmp/avouch-ask-XXXXXX", path[64];
static struct pool *pool;

/* A tailscaled that answers by path, one thread, several connections. */
struct daemon {
    pthread_t thread;
    int fd, stop[2], conns[64];
    size_t conn_count;
    atomic_int accepted, asked, at_once, most_at_once, hang_up; /* hang_up: drop each connection at its next request */
    char last[512];
};

static struct daemon daemon_;

static void say(int fd, const char *text)
{
    wire_send(fd, text);
}

static void say_large(int fd)
{
    char block[4096];

    memset(block, 'x', sizeof(block));
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
    for (int i = 0; i < 256; i++)
        wire_send_bytes(fd, block, sizeof(block));
}

/* False: close the connection. */
static bool reply(struct daemon *d, int fd, const char *request)
{
    static const struct {
        const char *path, *answer;
    } rows[] = {
        { "GET /ok ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
        { "GET /empty ", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
        { "GET /none ", "HTTP/1.1 204 No Content\r\n\r\n" },
        { "GET /missing ", "HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nno match" },
        { "GET /chunked ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n" },
        { "GET /garbage ", "220 mail.example ESMTP\r\n\r\n" },
        { "GET /badlength ", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" },
        { "GET /badchunk ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" },
        { "GET /hang ", "" },
        { "GET /half ", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello" },
    };

    if (strncmp(request, "GET /slow ", 10) == 0) {
        (void)usleep(2000);
        say(fd, rows[0].answer);
        return true;
    }
    if (strncmp(request, "GET /large ", 11) == 0)
        say_large(fd);
    if (strncmp(request, "GET /cut ", 9) == 0)
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strncmp(request, rows[i].path, strlen(rows[i].path)) == 0) {
            say(fd, rows[i].answer);
            return true;
        }
    return false;
}

static void serve_one(struct daemon *d, size_t i)
{
    char *request = d->last;
    ssize_t n = recv(d->conns[i], request, sizeof(d->last) - 1, 0);

    if (n > 0) {
        request[n] = '\0';
        atomic_fetch_add(&d->asked, 1);
    }
    if (n > 0 && !atomic_load(&d->hang_up) && reply(d, d->conns[i], request))
        return;
    (void)close(d->conns[i]);
    d->conns[i] = d->conns[--d->conn_count];
}

static void *serve(void *ctx)
{
    struct daemon *d = ctx;

    for (;;) {
        struct pollfd p[66] = { { .fd = d->stop[0], .events = POLLIN }, { .fd = d->fd, .events = POLLIN } };
        size_t n = d->conn_count;

        for (size_t i = 0; i < n; i++)
            p[i + 2] = (struct pollfd){ .fd = d->conns[i], .events = POLLIN };
        (void)poll(p, n + 2, -1);
        if (p[0].revents != 0)
            return NULL;
        int waiting = 0;
        for (size_t i = n; i-- > 0;) {
            waiting += p[i + 2].revents != 0;
            if (p[i + 2].revents != 0)
                serve_one(d, i);
        }
        if (waiting > atomic_load(&d->most_at_once))
            atomic_store(&d->most_at_once, waiting);
        if (p[1].revents != 0 && d->conn_count < 64) {
            d->conns[d->conn_count++] = accept(d->fd, NULL, NULL);
            atomic_fetch_add(&d->accepted, 1);
        }
    }
}

static void daemon_start(struct daemon *d, int backlog)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    memset(d, 0, sizeof(*d));
    memcpy(at.sun_path, path, strlen(path));
    (void)unlink(path);
    d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(d->fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(d->fd, backlog) != 0 || pipe(d->stop) != 0 ||
        pthread_create(&d->thread, NULL, serve, d) != 0)
        abort();
}

static void daemon_stop(struct daemon *d)
{
    (void)!write(d->stop[1], "x", 1);
    (void)pthread_join(d->thread, NULL);
    for (size_t i = 0; i < d->conn_count; i++)
        (void)close(d->conns[i]);
    (void)close(d->fd);
    (void)close(d->stop[0]);
    (void)close(d->stop[1]);
    (void)unlink(path);
}

/* Several asks and the loop that stops when all have landed. */
struct run {
    struct loop *loop;
    struct asker *asker;
    struct ask asks[ASK_COUNT_MAX];
    int landed, wanted, order[ASK_COUNT_MAX];
};

static struct run run;

static void handle(void *ctx, const struct http_request *r, struct client_conn *c)
{
}

static void land(struct job *j)
{
    run.order[run.landed] = (int)((struct ask *)j - run.asks);
    if (++run.landed == run.wanted)
        loop_stop(run.loop);
}

static void open_run(void)
{
    memset(&run, 0, sizeof(run));
    run.loop = loop_create(handle, NULL);
    run.asker = asker_create(run.loop, slice_of(path));
    asker_set_timeout(run.asker, TIMEOUT_MS);
}

static void close_run(void)
{
    asker_destroy(run.asker);
    loop_destroy(run.loop);
}

static struct ask *send_ask(int i, const char *what, bool may_miss)
{
    run.asks[i] = (struct ask){
        .job = { .at = asker_queue(run.asker), .home = loop_inbox(run.loop), .land = land },
        .pool = pool,
        .path = slice_of(what),
        .may_miss = may_miss,
        .ret_status = -1,
    };
    job_send(&run.asks[i].job);
    return &run.asks[i];
}

static void run_until(int landed)
{
    run.landed = 0;
    run.wanted = landed;
    atomic_store(&run.loop->stopped, false);
    loop_run(run.loop);
}

static void check_one(const char *what, enum err err, int status, const char *body)
{
    const struct ask *k = send_ask(0, what, false);

    run_until(1);
    if (k->job.err != err || k->ret_status != status)
        printf("# %s\n", what);
    CHECK_INT(k->job.err, err);
    CHECK_INT(k->ret_status, status);
    if (body != NULL)
        CHECK_TEXT(k->ret_body, body);
    else
        CHECK(slice_is_none(k->ret_body));
}

static void answers(void)
{
    daemon_start(&daemon_, 64);
    open_run();
    check_one("/ok", ERR_OK, 200, "hello");
    check_one("/missing", ERR_OK, 404, "no match");
    check_one("/chunked", ERR_OK, 200, "abcdef");
    check_one("/empty", ERR_OK, 200, "");
    check_one("/none", ERR_OK, 204, "");
    check_one("/ok", ERR_OK, 200, "hello");
    CHECK_INT(atomic_load(&daemon_.accepted), 1); /* one connection for all */
    close_run();
    daemon_stop(&daemon_);
    CHECK_TEXT(slice_of(daemon_.last),
               "GET /ok HTTP/1.1\r\nHost: local-tailscaled.sock\r\nConnection: keep-alive\r\n\r\n");
}

static void failures(void)
{
    daemon_start(&daemon_, 64);
    open_run();
    check_one("/garbage", ERR_INPUT, 0, NULL);
    check_one("/badlength", ERR_INPUT, 0, NULL);
    check_one("/badchunk", ERR_INPUT, 0, NULL);
    check_one("/large", ERR_LIMIT, 0, NULL);
    check_one("/cut", ERR_IO, 0, NULL);
    check_one("/unknown", ERR_IO, 0, NULL);
    check_one("/hang", ERR_TIMEOUT, 0, NULL);
    check_one("/half", ERR_TIMEOUT, 0, NULL);
    check_one("/a b", ERR_INPUT, 0, NULL);
    check_one("/a\r\nX: y", ERR_INPUT, 0, NULL);
    check_one("relative", ERR_INPUT, 0, NULL);
    check_one("", ERR_INPUT, 0, NULL);
    check_one("/ok", ERR_OK, 200, "hello");
    close_run();
    daemon_stop(&daemon_);
}

static void no_daemon(void)
{
    open_run();
    int64_t from = loop_clock_ms();
    check_one("/ok", ERR_IO, 0, NULL);
    CHECK(loop_clock_ms() - from < TIMEOUT_MS);
    daemon_start(&daemon_, 64);
    check_one("/ok", ERR_OK, 200, "hello"); /* and then it comes */
    daemon_stop(&daemon_);
    close_run();

    open_run();
    asker_destroy(run.asker);
    run.asker = asker_create(
        run.loop,
        SL("/this/path/is/much/too/long/for/a/socket/0123456789012345678901234567890123456789012345678901234567"));
    check_one("/ok", ERR_IO, 0, NULL);
    close_run();
}

static void restarted(void)
{
    daemon_start(&daemon_, 64);
    open_run();
    for (int i = 0; i < 3; i++)
        (void)send_ask(i, "/ok", false);
    run_until(3);
    daemon_stop(&daemon_);
    daemon_start(&daemon_, 64);
    for (int i = 0; i < 3; i++) /* the pooled connections are all dead */
        check_one("/ok", ERR_OK, 200, "hello");
    /* one that dies between the look at it and the request */
    atomic_store(&daemon_.hang_up, 1);
    int before = atomic_load(&daemon_.asked);
    check_one("/ok", ERR_IO, 0, NULL);
    CHECK_INT(atomic_load(&daemon_.asked) - before, 2); /* once more, on a fresh connection, and no third time */
    check_one("/ok", ERR_IO, 0, NULL);
    CHECK_INT(atomic_load(&daemon_.asked) - before, 3); /* a fresh one that dies is not tried again */
    close_run();
    daemon_stop(&daemon_);
}

static void many(void)
{
    daemon_start(&daemon_, 64);
    open_run();
    asker_set_timeout(run.asker, ASK_TIMEOUT_MS);
    for (int i = 0; i < ASK_COUNT_MAX; i++)
        (void)send_ask(i, "/ok", false);
    run_until(ASK_COUNT_MAX);
    for (int i = 0; i < ASK_COUNT_MAX; i++)
        CHECK_INT(run.asks[i].job.err, ERR_OK);
    CHECK(atomic_load(&daemon_.accepted) <= ASKS_MAX);
    close_run();
    daemon_stop(&daemon_);
}

static void misses_one_at_a_time(void)
{
    daemon_start(&daemon_, 64);
    open_run();
    asker_set_timeout(run.asker, ASK_TIMEOUT_MS);
    for (int i = 0; i < 10; i++)
        (void)send_ask(i, "/slow", true);
    (void)send_ask(10, "/ok", false);
    run_until(11);
    CHECK(run.order[10] != 10); /* others overtake */
    int last = -1;
    for (int i = 0; i < 11; i++) {
        CHECK_INT(run.asks[i].job.err, ERR_OK);
        if (run.order[i] == 10)
            continue;
        CHECK(run.order[i] > last);
        last = run.order[i];
    }
    CHECK(atomic_load(&daemon_.most_at_once) <= 2);
    close_run();
    daemon_stop(&daemon_);
}

/* A daemon that hangs: nobody waits longer than the limit, whoever stands in the queue included. */
static void hung(void)
{
    daemon_start(&daemon_, 64);
    open_run();
    int64_t from = loop_clock_ms();
    for (int i = 0; i < ASK_COUNT_MAX; i++)
        (void)send_ask(i, i % 10 == 0 ? "/ok" : "/hang", i % 3 == 0);
    run_until(ASK_COUNT_MAX);
    CHECK(loop_clock_ms() - from < INT64_C(3) * TIMEOUT_MS);
    int timeouts = 0;
    for (int i = 0; i < ASK_COUNT_MAX; i++) {
        CHECK(run.asks[i].job.err == ERR_TIMEOUT || (run.asks[i].job.err == ERR_OK && i % 10 == 0));
        timeouts += run.asks[i].job.err == ERR_TIMEOUT;
    }
    CHECK(timeouts >= 90);
    check_one("/ok", ERR_OK, 200, "hello");
    close_run();
    daemon_stop(&daemon_);
}

/* Nobody accepts, and the backlog is full. */
static void backlog_full(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[4];

    memcpy(at.sun_path, path, strlen(path));
    (void)unlink(path);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 0) == 0);
    for (int i = 0; i < 4; i++) {
        fill[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&at, sizeof(at));
    }
    open_run();
    check_one("/ok", ERR_IO, 0, NULL);
    close_run();
    for (int i = 0; i < 4; i++)
        (void)close(fill[i]);
    (void)close(fd);
    (void)unlink(path);
}

static void destroyed_while_asking(void)
{
    daemon_start(&daemon_, 64);
    open_run();
    for (int i = 0; i < 50; i++)
        (void)send_ask(i, "/hang", i % 2 == 0);
    loop_every(run.loop, 20, (void (*)(void *))loop_stop, run.loop);
    run_until(51);
    (void)send_ask(50, "/hang", false);
    asker_destroy(run.asker);
    run.asker = NULL;
    run.landed = 0;
    CHECK_INT(inbox_drain(loop_inbox(run.loop)), 51);
    for (int i = 0; i < 51; i++)
        CHECK_INT(run.asks[i].job.err, ERR_IO);
    close_run();
    daemon_stop(&daemon_);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "answers, over one connection", answers },
        { "failures have their names", failures },
        { "no daemon", no_daemon },
        { "a restarted daemon is not noticed", restarted },
        { "many at once", many },
        { "what may miss is asked one at a time, in order", misses_one_at_a_time },
        { "a daemon that hangs", hung },
        { "a daemon whose backlog is full", backlog_full },
        { "destroyed while asks are under way", destroyed_while_asking },
    };

    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof(path), "%s/sock", folder);
    pool = pool_create(1 << 24);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    (void)rmdir(folder);
    return status;
}
