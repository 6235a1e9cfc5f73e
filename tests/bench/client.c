#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 256

_Noreturn void die(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(1);
}

double number(const char *text)
{
    char *end = NULL;
    double n = strtod(text, &end);

    if (end == text)
        die("%.40s is no number", text);
    return n;
}

int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- connecting ---- */

static int connect_unix(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
        die("socket %s: %s", path, strerror(errno));
    memcpy(a.sun_path, path, strlen(path));
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
        die("connect %s: %s", path, strerror(errno));
    return fd;
}

/* Another source address is another made-up person. */
static int connect_tcp(int port, unsigned source)
{
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + source) };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect 127.0.0.1:%d: %s", port, strerror(errno));
    return fd;
}

void clients_open(struct clients *all, unsigned n, const struct target *to, client_answered *answered)
{
    *all =
        (struct clients){ .epoll = epoll_create1(EPOLL_CLOEXEC), .look_us = to->look_us, .n = n, .answered = answered };
    all->at = calloc(n, sizeof(*all->at));
    if (all->at == NULL || all->epoll < 0)
        die("no memory");
    for (unsigned i = 0; i < n; i++) {
        struct client *c = &all->at[i];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

        c->index = i;
        c->fd = to->unix_path != NULL ? connect_unix(to->unix_path) : connect_tcp(to->port, i % to->sources);
        if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
            die("epoll_ctl: %s", strerror(errno));
    }
}

void clients_close(struct clients *all)
{
    for (unsigned i = 0; i < all->n; i++)
        (void)close(all->at[i].fd);
    (void)close(all->epoll);
    free(all->at);
}

/* ---- requests and answers ---- */

void client_send(struct client *c, struct clients *all, const char *request, size_t n)
{
    all->busy++;
    c->n = 0;
    c->sent_at = now_ns();
    if (write(c->fd, request, n) != (ssize_t)n)
        die("write: %s", strerror(errno));
}

/* Where the answer ends in c->in; 0: more is to come. */
static size_t answer_end(const struct client *c, size_t *ret_head)
{
    const char *end = memmem(c->in, c->n, "\r\n\r\n", 4);

    if (end == NULL)
        return 0;
    *ret_head = (size_t)(end - c->in) + 4;
    const char *length = memmem(c->in, *ret_head, "ontent-", 7);
    while (length != NULL && strncasecmp(length, "ontent-length:", 14) != 0)
        length = memmem(length + 7, *ret_head - (size_t)(length + 7 - c->in), "ontent-", 7);
    if (length == NULL)
        die("an answer without Content-Length: %.200s", c->in);
    return *ret_head + strtoul(length + 14, NULL, 10);
}

static void take(struct client *c, struct clients *all)
{
    size_t head = 0, end = answer_end(c, &head);

    if (end == 0 || c->n < end)
        return;
    if (c->n > end || strncmp(c->in, "HTTP/1.1 ", 9) != 0)
        die("not an answer: %.200s", c->in);
    c->in[head - 2] = '\0'; /* between head and body; what follows the body is there already */
    struct response r = { .status = (int)number(c->in + 9),
                          .head = c->in,
                          .body = c->in + head,
                          .body_n = end - head,
                          .ns = now_ns() - c->sent_at };
    all->busy--;
    all->answered(c, &r);
}

static void on_ready(struct client *c, struct clients *all)
{
    ssize_t got = read(c->fd, c->in + c->n, sizeof(c->in) - 1 - c->n);

    if (got <= 0)
        die("the server hung up on connection %u (%s)", c->index, got < 0 ? strerror(errno) : "end of file");
    c->n += (size_t)got;
    c->in[c->n] = '\0';
    take(c, all);
}

void clients_run(struct clients *all)
{
    struct epoll_event events[EVENTS_MAX];

    while (all->busy > 0) {
        const struct timespec pause = { 0, all->look_us * 1000 };

        /* a client that sleeps on its sockets has the server pay for waking it, the more the slower the server is */
        if (all->look_us > 0)
            (void)nanosleep(&pause, NULL);
        int n = epoll_wait(all->epoll, events, EVENTS_MAX, all->look_us > 0 ? 0 : -1);

        if (n < 0 && errno != EINTR)
            die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < n; i++)
            on_ready(events[i].data.ptr, all);
    }
}
