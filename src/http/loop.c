/* The event loop. Everything that wakes it is a file: sockets, an eventfd for the inbox, a signalfd, a timerfd for
 * each timer (h2o's own timers follow the wall clock and would stand still when it is set back). h2o runs callbacks
 * and then polls, so whatever uses a connection must run inside a callback: the inbox is drained in the eventfd's,
 * never between two polls. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "http_int.h"

#define ENDING_ROUNDS  50 /* of the loop, for connections to be closed in loop_destroy */
#define ENDING_WAIT_MS 10

atomic_llong loop_clock_skew_ms;

int64_t loop_clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + atomic_load(&loop_clock_skew_ms);
}

h2o_socket_t *loop_watch(struct loop *l, int fd, h2o_socket_cb cb, void *data)
{
    h2o_socket_t *sock = h2o_evloop_socket_create(l->evloop, fd, H2O_SOCKET_FLAG_DONT_READ);

    sock->data = data;
    h2o_socket_read_start(sock, cb);
    return sock;
}

/* Without the file there is no server: out of files at start is as good as no memory. */
static int must_be_open(int fd)
{
    if (fd < 0)
        h2o_fatal("no more files");
    return fd;
}

bool loop_read_count(h2o_socket_t *sock)
{
    uint64_t count;

    return read(h2o_socket_get_fd(sock), &count, sizeof(count)) == (ssize_t)sizeof(count);
}

static void ring(struct loop *l)
{
    uint64_t one = 1;

    while (write(l->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

static void wake_inbox(struct inbox *in)
{
    ring(H2O_STRUCT_FROM_MEMBER(struct loop, inbox, (void *)in));
}

static void on_wake(h2o_socket_t *sock, const char *err)
{
    struct loop *l = sock->data;

    if (loop_read_count(sock))
        (void)inbox_drain(&l->inbox);
}

static void on_sweep(void *ctx)
{
    conn_sweep(ctx, loop_clock_ms());
}

/* HTTP/1.1 only: Debian's libh2o has unfixed HTTP/2 reset floods. */
static void configure(struct loop *l)
{
    h2o_config_init(&l->config);
    l->config.server_name = h2o_iovec_init(NULL, 0);
    l->config.max_request_entity_size = BODY_BYTES_MAX + 1; /* h2o is one off for chunked bodies; exchange.c is exact */
    l->config.handshake_timeout = HEAD_TIMEOUT_S * UINT64_C(1000);
    l->config.http1.req_timeout = IDLE_TIMEOUT_S * UINT64_C(1000);
    l->config.http1.upgrade_to_http2 = 0;
    l->config.http2.callbacks = (h2o_protocol_callbacks_t){ 0 };
    h2o_hostconf_t *host = h2o_config_register_host(&l->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    exchange_register(l, h2o_config_register_path(host, "/", 0));
    h2o_context_init(&l->context, l->evloop, &l->config);
}

struct loop *loop_create(exchange_handler *handler, void *ctx)
{
    struct loop *l = h2o_mem_alloc(sizeof(*l));

    memset(l, 0, sizeof(*l));
    l->handler = handler;
    l->handler_ctx = ctx;
    l->conns_end = &l->conns;
    l->places = conn_places();
    (void)signal(SIGPIPE, SIG_IGN);
    l->evloop = h2o_evloop_create();
    configure(l);
    inbox_init(&l->inbox, wake_inbox);
    l->wake_fd = must_be_open(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    l->wake_sock = loop_watch(l, l->wake_fd, on_wake, l);
    loop_every(l, SWEEP_MS, on_sweep, l);
    return l;
}

struct inbox *loop_inbox(struct loop *l)
{
    return &l->inbox;
}

static void on_timer(h2o_socket_t *sock, const char *err)
{
    const struct timer *t = sock->data;

    if (loop_read_count(sock))
        t->fn(t->ctx);
}

void loop_every(struct loop *l, unsigned every_ms, void (*fn)(void *), void *ctx)
{
    const struct timespec every = { every_ms / 1000, every_ms % 1000 * 1000000L };
    const struct itimerspec when = { .it_interval = every, .it_value = every };

    assert(l->timer_count < sizeof(l->timers) / sizeof(l->timers[0]) && every_ms > 0);
    int fd = must_be_open(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    (void)timerfd_settime(fd, 0, &when, NULL);
    struct timer *t = &l->timers[l->timer_count++];
    *t = (struct timer){ loop_watch(l, fd, on_timer, t), fn, ctx };
}

void loop_after_wake(struct loop *l, void (*fn)(void *), void *ctx)
{
    l->after_wake = fn;
    l->after_wake_ctx = ctx;
}

static void on_signal(h2o_socket_t *sock, const char *err)
{
    struct loop *l = sock->data;
    struct signalfd_siginfo info;

    while (read(h2o_socket_get_fd(sock), &info, sizeof(info)) == (ssize_t)sizeof(info))
        l->on_signal(l->on_signal_ctx, (int)info.ssi_signo);
}

void loop_on_signal(struct loop *l, void (*fn)(void *, int), void *ctx)
{
    sigset_t set;

    assert(l->signal_sock == NULL);
    l->on_signal = fn;
    l->on_signal_ctx = ctx;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    l->signal_sock = loop_watch(l, must_be_open(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)), on_signal, l);
}

void loop_run(struct loop *l)
{
    while (!atomic_load(&l->stopped)) {
        (void)h2o_evloop_run(l->evloop, INT32_MAX); /* -1 is EINTR */
        if (l->after_wake != NULL)
            l->after_wake(l->after_wake_ctx);
    }
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stopped, true);
    ring(l);
}

static void close_listeners(struct loop *l)
{
    for (struct listener *at = l->listeners; at != NULL; at = at->next) {
        if (at->sock != NULL)
            h2o_socket_close(at->sock);
        at->sock = NULL;
    }
}

void loop_drain(struct loop *l)
{
    if (l->draining)
        return;
    l->draining = true;
    l->drain_until_ms = loop_clock_ms() + DRAIN_MS;
    close_listeners(l);
    h2o_context_request_shutdown(&l->context);
    conn_shut_idle(l);
    conn_drain_end(l);
}

size_t loop_connections(const struct loop *l)
{
    return l->conn_count;
}

static void close_watches(struct loop *l)
{
    for (size_t i = 0; i < l->timer_count; i++)
        h2o_socket_close(l->timers[i].sock);
    if (l->signal_sock != NULL)
        h2o_socket_close(l->signal_sock);
    h2o_socket_close(l->wake_sock);
}

static void free_listeners(struct loop *l)
{
    for (struct listener *at = l->listeners, *next; at != NULL; at = next) {
        next = at->next;
        SSL_CTX_free(at->accept.ssl_ctx);
        free(at);
    }
}

void loop_destroy(struct loop *l)
{
    if (l == NULL)
        return;
    close_listeners(l);
    close_watches(l);
    for (unsigned i = 0; i < ENDING_ROUNDS && (i == 0 || l->conns != NULL); i++) {
        conn_cut_all(l);
        (void)h2o_evloop_run(l->evloop, l->conns != NULL ? ENDING_WAIT_MS : 0);
    }
    inbox_finish(&l->inbox);
    if (l->conns != NULL)
        return; /* h2o asserts that its timers are idle: better a leak at the end */
    h2o_context_dispose(&l->context);
    h2o_config_dispose(&l->config);
    h2o_evloop_destroy(l->evloop);
    free_listeners(l);
    free(l);
}
