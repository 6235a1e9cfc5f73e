#include "wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* libh2o never frees these: a queue for each context, and the chunks that a thread keeps for reuse. */
const char *__lsan_default_suppressions(void); /* NOLINT(readability-identifier-naming): the sanitizer's name */

const char *__lsan_default_suppressions(void) /* NOLINT(readability-identifier-naming) */
{
    return "leak:h2o_multithread_create_queue\nleak:h2o_mem_alloc_recycle\n";
}

/* One request that waits. */
struct pending {
    struct job job;
    struct server *server;
    struct client_conn *client;
};

static void note_gone(void *ctx)
{
    struct pending *w = ctx;

    w->client = NULL;
    atomic_fetch_add(&w->server->gone, 1);
    if (w->job.land == NULL)
        free(w); /* nobody else has it */
}

static void land(struct job *j)
{
    struct pending *w = (struct pending *)j;
    struct answer a = { .status = 200, .body = SL("late\n") };

    if (w->client != NULL)
        w->client->answer(w->client, &a);
    free(w);
}

static void wait_for(struct server *s, struct client_conn *c, bool with_worker)
{
    struct pending *w = calloc(1, sizeof(*w));

    w->server = s;
    w->client = c;
    c->on_gone = note_gone;
    c->ctx = w;
    atomic_fetch_add(&s->waiting, 1);
    if (!with_worker)
        return;
    w->job = (struct job){ .at = &s->work.queue, .home = loop_inbox(s->loop), .land = land };
    job_send(&w->job);
}

static void *work(void *ctx)
{
    struct server *s = ctx;

    for (struct job *j; (j = work_queue_take(&s->work)) != NULL;) {
        (void)usleep(5000);
        job_pass(j);
    }
    return NULL;
}

static void echo(const struct http_request *r, struct client_conn *c)
{
    struct pool *p = pool_create(1 << 20);
    struct answer a = { .status = 200, .head_only = slice_eq(r->method, SL("HEAD")) };

    a.body = pool_fmt(p,
                      "method=" SLICE_FMT " path=" SLICE_FMT " query=" SLICE_FMT " host=" SLICE_FMT " x-test=" SLICE_FMT
                      " headers=%zu body=%zu:" SLICE_FMT " tls=%d unix=%d loopback=%d class=%s\n",
                      SLICE_ARG(r->method), SLICE_ARG(r->path), SLICE_ARG(r->query), SLICE_ARG(r->host),
                      SLICE_ARG(http_header(r, "x-test")), r->header_count, r->body.n,
                      SLICE_ARG(slice_head(r->body, r->body.n < 100 ? r->body.n : 100)), r->tls, r->by_unix,
                      address_is_loopback(&r->peer), listener_class_name(listener_class(r->listener)));
    answer_header(&a, "content-type", SL("text/plain"));
    answer_header(&a, "x-made-of", pool_fmt(p, "pool"));
    c->answer(c, &a);
    pool_destroy(p);
}

static void send_big(struct client_conn *c)
{
    char *body = malloc(1 << 20);

    memset(body, 'x', 1 << 20);
    c->answer(c, &(struct answer){ .status = 200, .body = slice_bytes(body, 1 << 20) });
    free(body);
}

static bool is_clean(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == '\x7f')
            return false;
    return true;
}

/* What a handler may rely on, whatever was sent. */
static void check_request(const struct http_request *r)
{
    assert(r->method.n > 0 && r->method.n <= 16 && r->path.n > 0 && r->path.p[0] == '/' && r->host.n > 0);
    assert(is_clean(r->method) && is_clean(r->path) && is_clean(r->query) && is_clean(r->host));
    assert(!slice_has(r->path, '?') && !slice_has(r->path, ' ') && r->body.n <= BODY_BYTES_MAX);
    for (size_t i = 0; i < r->header_count; i++) {
        assert(r->headers[i].name.n > 0 && is_clean(r->headers[i].name) && is_clean(r->headers[i].value));
        assert(slice_eq(r->headers[i].value, slice_trim(r->headers[i].value)));
    }
}

static void handle(void *ctx, const struct http_request *r, struct client_conn *c)
{
    struct server *s = ctx;
    struct answer a = { .status = 404, .body = SL("not here\n") };

    check_request(r);
    atomic_fetch_add(&s->calls, 1);
    if (slice_eq(r->path, SL("/echo"))) {
        echo(r, c);
    } else if (slice_eq(r->path, SL("/later"))) {
        wait_for(s, c, true);
    } else if (slice_eq(r->path, SL("/never"))) {
        wait_for(s, c, false);
    } else if (slice_eq(r->path, SL("/big"))) {
        send_big(c);
    } else {
        a.close = slice_eq(r->path, SL("/close"));
        if (slice_eq(r->path, SL("/empty")))
            a = (struct answer){ .status = 204, .body = SL("") };
        if (slice_eq(r->path, SL("/split")))
            answer_header(&a, "location", SL("/a\r\nset-cookie: b"));
        c->answer(c, &a);
    }
}

static void sweep(void *ctx)
{
    struct server *s = ctx;

    conn_sweep(s->loop, loop_clock_ms());
    atomic_fetch_add(&s->sweeps, 1);
}

void server_open(struct server *s, const char *spec, struct ssl_ctx_st *tls)
{
    struct listen_spec parsed;
    struct slice why = SLICE_NONE;

    *s = (struct server){ .pool = pool_create(1 << 20) };
    s->loop = loop_create(handle, s);
    bool ok = listen_spec_parse(slice_of(spec), &parsed);
    assert(ok);
    if (listener_open(s->loop, &parsed, -1, tls, s->pool, &s->listener, &why) != ERR_OK) {
        printf("Bail out! " SLICE_FMT "\n", SLICE_ARG(why));
        exit(1);
    }
    s->port = listener_port(s->listener);
    loop_every(s->loop, 10, sweep, s);
}

static void *run_loop(void *ctx)
{
    struct server *s = ctx;

    loop_run(s->loop);
    return NULL;
}

void server_run(struct server *s)
{
    work_queue_init(&s->work);
    if (pthread_create(&s->worker, NULL, work, s) != 0 || pthread_create(&s->thread, NULL, run_loop, s) != 0)
        abort();
}

void server_start(struct server *s)
{
    server_open(s, "dev:127.0.0.1:0", NULL);
    server_run(s);
}

void server_join(struct server *s)
{
    (void)pthread_join(s->thread, NULL);
    work_queue_close(&s->work);
    (void)pthread_join(s->worker, NULL);
    (void)inbox_drain(loop_inbox(s->loop));
    loop_destroy(s->loop);
    work_queue_finish(&s->work);
    pool_destroy(s->pool);
}

void server_stop(struct server *s)
{
    loop_stop(s->loop);
    server_join(s);
}

int wire_connect(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void wire_send_bytes(int fd, const void *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        bytes = (const char *)bytes + sent;
        n -= (size_t)sent;
    }
}

void wire_send(int fd, const char *text)
{
    wire_send_bytes(fd, text, strlen(text));
}

char *wire_read(int fd, const char *until, bool *ret_ended)
{
    char *text = calloc(1, WIRE_BYTES_MAX);
    size_t n = 0;
    bool ended = false;

    while (!ended && (*until == '\0' || strstr(text, until) == NULL) && n + 1 < WIRE_BYTES_MAX) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (poll(&p, 1, WIRE_WAIT_MS) != 1)
            break;
        ssize_t got = recv(fd, text + n, WIRE_BYTES_MAX - 1 - n, 0);
        ended = got <= 0;
        n += ended ? 0 : (size_t)got;
    }
    if (ret_ended != NULL)
        *ret_ended = ended;
    return text;
}

char *wire_ask(uint16_t port, const char *request, bool *ret_closed)
{
    int fd = wire_connect(port);

    wire_send(fd, request);
    char *text = wire_read(fd, "", ret_closed);
    (void)close(fd);
    return text;
}

bool wire_wait(atomic_int *value, int at_least)
{
    for (int i = 0; i < WIRE_PATIENCE_MS && atomic_load(value) < at_least; i++)
        (void)usleep(1000);
    return atomic_load(value) >= at_least;
}
