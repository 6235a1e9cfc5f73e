#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "wire.h"

#define GET(path)     "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define BIG_READ      ((size_t)1 << 20)
#define SWEEPS_SETTLE 3

static struct server server;

/* The loop has read what was sent, and the sweeper has looked at it: however busy the machine is. */
static void let_sweep(void)
{
    CHECK(wire_wait(&server.sweeps, atomic_load(&server.sweeps) + SWEEPS_SETTLE));
}

static void pass_time(int seconds)
{
    let_sweep();
    atomic_fetch_add(&loop_clock_skew_ms, seconds * 1000LL);
    let_sweep();
}

static bool is_closed(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void a_head_has_ten_seconds(void)
{
    int fd = wire_connect(server.port);

    wire_send(fd, "GET /echo HTTP/1.1\r\nHost: a\r\n");
    pass_time(4);
    CHECK(!is_closed(fd));
    wire_send(fd, "X: y\r\n");
    pass_time(4);
    CHECK(!is_closed(fd));
    wire_send(fd, "Y: z\r\n"); /* trickling does not help */
    pass_time(4);
    CHECK(is_closed(fd));
    (void)close(fd);
}

static void a_body_has_to_grow(void)
{
    int fd = wire_connect(server.port), still = wire_connect(server.port);

    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    wire_send(still, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na");
    for (int i = 0; i < 4; i++) {
        wire_send(fd, "b");
        pass_time(6);
        CHECK(!is_closed(fd));
    }
    CHECK(is_closed(still));
    wire_send(fd, "c");
    char *text = wire_read(fd, "class=dev\n", NULL);
    CHECK(strstr(text, "body=5:bbbbc") != NULL);
    free(text);
    (void)close(fd);
    (void)close(still);
}

static void a_chunk_without_end_does_not_count(void)
{
    int fd = wire_connect(server.port);

    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=");
    for (int i = 0; i < 3; i++) {
        wire_send(fd, "yyyy");
        pass_time(4);
    }
    CHECK(is_closed(fd));
    (void)close(fd);
}

static void idle_connections_stay(void)
{
    int fd = wire_connect(server.port), fresh = wire_connect(server.port);

    wire_send(fd, GET("/echo"));
    free(wire_read(fd, "class=dev\n", NULL));
    pass_time(12); /* a real application reuses a connection after 12 s */
    wire_send(fd, GET("/echo"));
    char *text = wire_read(fd, "class=dev\n", NULL);
    CHECK(strstr(text, "200 OK") != NULL);
    free(text);
    pass_time(IDLE_TIMEOUT_S - 1);
    CHECK(!is_closed(fd));
    CHECK(is_closed(fresh));
    pass_time(1);
    CHECK(is_closed(fd));
    (void)close(fd);
    (void)close(fresh);
}

static void a_waiting_request_has_no_limit_here(void)
{
    int before = atomic_load(&server.waiting);
    int fd = wire_connect(server.port);

    wire_send(fd, GET("/never"));
    CHECK(wire_wait(&server.waiting, before + 1));
    pass_time(1000);
    CHECK(!is_closed(fd));
    (void)close(fd);
}

/* Reads `most` bytes, or to the end; how many came. */
static size_t read_some(int fd, char *some, size_t most)
{
    size_t got = 0;

    while (got < most) {
        ssize_t n = recv(fd, some, BIG_READ, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

/* Many large answers, and nobody who reads them. */
static void an_answer_must_be_read(void)
{
    int fd = wire_connect(server.port), reader = wire_connect(server.port), small = 4096;
    size_t got = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (int i = 0; i < 16; i++) {
        wire_send(fd, GET("/big"));
        wire_send(reader, GET("/big"));
    }
    char *some = malloc(BIG_READ);
    for (int i = 0; i < 4; i++) { /* a slow reader is not a dead one */
        pass_time(4);
        got += read_some(reader, some, 3 * BIG_READ);
    }
    CHECK(got >= 12 * BIG_READ);
    CHECK(read_some(fd, some, 1000 * BIG_READ) < 1000 * BIG_READ); /* it came to an end */
    free(some);
    (void)close(fd);
    (void)close(reader);
}

static void a_flood_is_cut(void)
{
    int fd = wire_connect(server.port);
    char *flood = malloc(INPUT_BYTES_MAX + 4096);
    bool ended;

    memset(flood, 'a', INPUT_BYTES_MAX + 4096);
    wire_send(fd, "GET /");
    wire_send_bytes(fd, flood, INPUT_BYTES_MAX + 4096);
    free(wire_read(fd, "", &ended));
    CHECK(ended);
    free(flood);
    (void)close(fd);
}

/* accept fails while the process has no file left: it must neither spin nor forget to listen again. */
static void out_of_files(void)
{
    struct rlimit before, none;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), last = dup(fd);
    clock_t spent;

    (void)getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = (rlim_t)last;
    (void)close(last);
    (void)setrlimit(RLIMIT_NOFILE, &none);
    struct sockaddr_storage to;
    socklen_t n = sizeof(to);
    (void)getsockname(h2o_socket_get_fd(server.listener->sock), (struct sockaddr *)&to, &n);
    CHECK_INT(connect(fd, (struct sockaddr *)&to, n), 0);
    wire_send(fd, GET("/echo"));
    let_sweep();
    spent = clock();
    (void)usleep(200000);
    CHECK((clock() - spent) * 1000 / CLOCKS_PER_SEC < 100);
    (void)setrlimit(RLIMIT_NOFILE, &before);
    char *text = wire_read(fd, "class=dev\n", NULL);
    CHECK(strstr(text, "200 OK") != NULL);
    free(text);
    (void)close(fd);
}

/* Who fills all places displaces himself: a newcomer is served at once, and so is who waits for an answer. */
static void room_is_made(void)
{
    struct rlimit before, few;
    struct server own;
    int fds[FILES_RESERVED], waiting, late;

    (void)getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = (rlim_t)2 * FILES_RESERVED;
    (void)setrlimit(RLIMIT_NOFILE, &few);
    server_start(&own);
    (void)setrlimit(RLIMIT_NOFILE, &before);
    CHECK_INT(own.loop->places, FILES_RESERVED);
    waiting = wire_connect(own.port);
    wire_send(waiting, GET("/never"));
    CHECK(wire_wait(&own.waiting, 1));
    for (int i = 0; i < FILES_RESERVED; i++) {
        fds[i] = wire_connect(own.port);
        wire_send(fds[i], "GET / HT");
    }
    late = wire_connect(own.port);
    wire_send(late, GET("/echo"));
    char *text = wire_read(late, "class=dev\n", NULL);
    CHECK(strstr(text, "200 OK") != NULL);
    CHECK(is_closed(fds[0]));
    CHECK(!is_closed(fds[FILES_RESERVED - 1]));
    CHECK(!is_closed(waiting));
    free(text);
    for (int i = 0; i < FILES_RESERVED; i++)
        (void)close(fds[i]);
    (void)close(late);
    (void)close(waiting);
    server_stop(&own);
}

static void count(void)
{
    struct server own;
    int fds[5];

    server_start(&own);
    for (int i = 0; i < 5; i++) {
        fds[i] = wire_connect(own.port);
        wire_send(fds[i], GET("/never"));
    }
    CHECK(wire_wait(&own.waiting, 5));
    CHECK_INT(loop_connections(own.loop), 5);
    for (int i = 0; i < 5; i++)
        (void)close(fds[i]);
    server_stop(&own);
    CHECK_INT(atomic_load(&own.gone), 5);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a head has ten seconds, however it trickles", a_head_has_ten_seconds },
        { "a body has to grow", a_body_has_to_grow },
        { "a chunk's extension without end is no growth", a_chunk_without_end_does_not_count },
        { "idle connections stay for their time", idle_connections_stay },
        { "a waiting request has no limit here", a_waiting_request_has_no_limit_here },
        { "an answer must be read", an_answer_must_be_read },
        { "a flood is cut", a_flood_is_cut },
        { "out of files: no spinning, and then it goes on", out_of_files },
        { "where all places are taken, room is made", room_is_made },
        { "connections are counted", count },
    };

    server_start(&server);
    int status = TAP_RUN(tests);
    server_stop(&server);
    return status;
}
