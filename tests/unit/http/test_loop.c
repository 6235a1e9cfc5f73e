#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "wire.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void handle(void *ctx, const struct http_request *r, struct client_conn *c)
{
    c->answer(c, &(struct answer){ .status = 200, .body = SL("") });
}

struct counter {
    struct loop *loop;
    int ticks, wakes, signal;
};

static void tick(void *ctx)
{
    struct counter *c = ctx;

    if (++c->ticks == 3)
        loop_stop(c->loop);
}

static void woke(void *ctx)
{
    struct counter *c = ctx;

    c->wakes++;
}

static void timers(void)
{
    struct counter c = { .loop = loop_create(handle, NULL) };
    int64_t from = loop_clock_ms();

    loop_every(c.loop, 20, tick, &c);
    loop_after_wake(c.loop, woke, &c);
    loop_run(c.loop);
    int64_t took = loop_clock_ms() - from;
    CHECK_INT(c.ticks, 3);
    CHECK(c.wakes >= 3);
    CHECK(took >= 55 && took < 1000);
    loop_destroy(c.loop);
}

static void hang_up(void *ctx)
{
    (void)kill(getpid(), SIGHUP);
}

static void on_signal(void *ctx, int number)
{
    struct counter *c = ctx;

    c->signal = number;
    loop_stop(c->loop);
}

static void signals(void)
{
    struct counter c = { .loop = loop_create(handle, NULL) };

    loop_on_signal(c.loop, on_signal, &c);
    loop_every(c.loop, 5, hang_up, NULL);
    loop_run(c.loop);
    CHECK_INT(c.signal, SIGHUP);
    loop_destroy(c.loop);
}

static void *stop_it(void *ctx)
{
    (void)usleep(10000);
    loop_stop(ctx);
    return NULL;
}

static void stopped_from_another_thread(void)
{
    struct loop *l = loop_create(handle, NULL);
    pthread_t thread;

    CHECK_INT(pthread_create(&thread, NULL, stop_it, l), 0);
    int64_t from = loop_clock_ms();
    loop_run(l);
    CHECK(loop_clock_ms() - from < 900); /* not by the sweeper's tick */
    (void)pthread_join(thread, NULL);
    loop_destroy(l);
    loop_destroy(NULL);
}

struct hop {
    struct job job;
    struct loop *loop;
    int hops;
};

static void hop(struct job *j)
{
    struct hop *h = (struct hop *)j;

    if (++h->hops == 100)
        loop_stop(h->loop);
    else
        job_pass(j); /* home, from home */
}

static void jobs_land(void)
{
    struct hop h = { .loop = loop_create(handle, NULL) };

    h.job = (struct job){ .home = loop_inbox(h.loop), .land = hop };
    job_pass(&h.job);
    int64_t from = loop_clock_ms();
    loop_run(h.loop);
    CHECK_INT(h.hops, 100);
    CHECK(loop_clock_ms() - from < 900);
    loop_destroy(h.loop);
}

static struct server server;

static void drain_it(struct job *j)
{
    loop_drain(server.loop);
}

static void drain(void)
{
    struct job order = { .land = drain_it };
    bool ended;

    server_start(&server);
    order.home = loop_inbox(server.loop);
    int idle = wire_connect(server.port), half = wire_connect(server.port), busy = wire_connect(server.port);
    wire_send(idle, GET("/echo"));
    free(wire_read(idle, "class=dev\n", NULL));
    wire_send(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
    int before = atomic_load(&server.waiting);
    for (int i = 0; i < 4; i++) /* it keeps the worker busy for a while */
        wire_send(busy, GET("/later"));
    CHECK(wire_wait(&server.waiting, before + 1));
    job_pass(&order);
    char *text = wire_read(idle, "", &ended);
    CHECK(ended && *text == '\0');
    free(text);
    text = wire_read(busy, "", &ended);
    CHECK(ended && strstr(text, "late\n") != NULL && strstr(text, "Connection: close") != NULL);
    free(text);
    CHECK(wire_connect(server.port) < 0);
    wire_send(half, "b");
    text = wire_read(half, "", &ended);
    CHECK(ended && strstr(text, "body=2:ab") != NULL && strstr(text, "Connection: close") != NULL);
    free(text);
    server_join(&server); /* it stops by itself */
    (void)close(idle);
    (void)close(half);
    (void)close(busy);
}

static void drain_has_an_end(void)
{
    struct job order = { .land = drain_it };

    server_start(&server);
    order.home = loop_inbox(server.loop);
    int fd = wire_connect(server.port);
    wire_send(fd, GET("/never"));
    CHECK(wire_wait(&server.waiting, 1));
    job_pass(&order);
    (void)usleep(50000);
    CHECK_INT(atomic_load(&server.gone), 0);
    atomic_store(&loop_clock_skew_ms, DRAIN_MS);
    server_join(&server);
    CHECK_INT(atomic_load(&server.gone), 1);
    (void)close(fd);
}

static void drain_of_nothing(void)
{
    struct job order = { .land = drain_it };

    server_start(&server);
    order.home = loop_inbox(server.loop);
    job_pass(&order);
    server_join(&server);
    CHECK(true);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "timers tick, and each wake ends with the hook", timers },
        { "signals arrive on the loop", signals },
        { "stopped from another thread", stopped_from_another_thread },
        { "jobs land, also those sent from the loop itself", jobs_land },
        { "drain: idle connections go, requests are finished, then it stops", drain },
        { "drain does not wait for ever", drain_has_an_end },
        { "drain without connections stops at once", drain_of_nothing },
    };

    return TAP_RUN(tests);
}
