/* The fetcher, with the zygote's place taken by the test: a thread at the other end of the channel. */
#include "fetch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch_message.h"
#include "tap.h"
#include "wire.h"

#define FETCH_COUNT_MAX 100
#define TIMEOUT_MS      200
#define GRACE_MS        100

static struct pool *pool;

static const struct slice allow[] = { SL("*.example") };
static struct fetch_settings settings;

/* Answers by path: /ok, /slow (after the next ask), /never, /nonsense, /other (for somebody else first), /garbage (no frame), /die,
 * /large (more than was asked for). */
struct zygote {
    pthread_t thread;
    int fd;
    atomic_int asked;
    uint32_t held;         /* id of a /slow that waits; 0: none */
    struct fetch_ask last; /* texts in pool */
    struct pool *pool;
};

static struct zygote zygote;

static void say(uint32_t id, struct slice text)
{
    struct slice frame = fetch_frame_write(zygote.pool, id, text);

    wire_send_bytes(zygote.fd, frame.p, frame.n);
}

static void say_document(uint32_t id, struct slice body)
{
    const struct fetch_answer a = { .status = 200, .fresh_s = 60, .type = SL("application/json"), .body = body };

    say(id, fetch_answer_write(zygote.pool, &a));
}

/* False: the end. */
static bool reply(const struct fetch_frame *frame)
{
    struct slice path = slice_from(zygote.last.url, sizeof("https://app.example") - 1);

    if (zygote.held != 0 && !slice_eq(path, SL("/slow"))) {
        say_document(zygote.held, SL("\"slow\""));
        zygote.held = 0;
    }
    if (slice_eq(path, SL("/slow")))
        zygote.held = frame->id;
    else if (slice_eq(path, SL("/ok")))
        say_document(frame->id, SL("{}"));
    else if (slice_eq(path, SL("/large")))
        say_document(frame->id, SL("\"more than ten bytes\""));
    else if (slice_eq(path, SL("/nonsense")))
        say(frame->id, SL("{\"outcome\":\"ok\"}"));
    else if (slice_eq(path, SL("/refused")))
        say(frame->id,
            fetch_answer_write(zygote.pool, &(struct fetch_answer){ .outcome = FETCH_REFUSED, .why = SL("No.") }));
    else if (slice_eq(path, SL("/garbage")))
        wire_send_bytes(zygote.fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    else if (slice_eq(path, SL("/other"))) {
        say_document(frame->id + 1000, SL("\"not yours\""));
        say_document(frame->id, SL("\"yours\""));
    }
    return !slice_eq(path, SL("/die"));
}

static void *serve(void *ctx)
{
    static char in[1 << 20];
    size_t n = 0;
    struct fetch_frame frame;

    (void)ctx;
    for (ssize_t got = 1; got > 0; n += got > 0 ? (size_t)got : 0) {
        bool goes_on = true;

        while (goes_on && fetch_frame_read(slice_bytes(in, n), &frame) == FRAME_WHOLE) {
            goes_on = fetch_ask_read(zygote.pool, frame.text, &zygote.last) && reply(&frame);
            atomic_fetch_add(&zygote.asked, 1);
            n -= frame.bytes;
            memmove(in, in + frame.bytes, n);
        }
        got = goes_on ? read(zygote.fd, in + n, sizeof(in) - n) : 0;
    }
    (void)shutdown(zygote.fd, SHUT_RDWR);
    return NULL;
}

/* Several fetches, and the loop that stops when all have landed. */
static struct run {
    struct loop *loop;
    struct fetcher *fetcher;
    struct fetch fetches[FETCH_COUNT_MAX];
    int landed, wanted, order[FETCH_COUNT_MAX];
} run;

static void handle(void *ctx, const struct http_request *r, struct client_conn *c)
{
}

static void land(struct job *j)
{
    run.order[run.landed] = (int)((struct fetch *)j - run.fetches);
    if (++run.landed == run.wanted)
        loop_stop(run.loop);
}

static void open_run(void)
{
    int pair[2];

    memset(&run, 0, sizeof(run));
    zygote = (struct zygote){ .pool = pool_create(1 << 24) };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        abort();
    zygote.fd = pair[1];
    settings = (struct fetch_settings){ .ca_file = SL("/ca.pem"), .allow = { allow, 1 } };
    if (pthread_create(&zygote.thread, NULL, serve, NULL) != 0)
        abort();
    run.loop = loop_create(handle, NULL);
    run.fetcher = fetcher_create(run.loop, pair[0], &settings);
    fetcher_set_timeout(run.fetcher, 10000, GRACE_MS);
}

static void close_run(void)
{
    fetcher_destroy(run.fetcher);
    loop_destroy(run.loop);
    (void)pthread_join(zygote.thread, NULL);
    (void)close(zygote.fd);
    pool_destroy(zygote.pool);
}

static struct fetch *send_fetch(int i, const char *path)
{
    run.fetches[i] = (struct fetch){
        .job = { .at = fetcher_queue(run.fetcher), .home = loop_inbox(run.loop), .land = land },
        .pool = pool,
        .url = pool_fmt(pool, "https://app.example%s", path),
        .bytes_max = 10,
    };
    job_send(&run.fetches[i].job);
    return &run.fetches[i];
}

static void run_until(int landed)
{
    run.landed = 0;
    run.wanted = landed;
    atomic_store(&run.loop->stopped, false);
    loop_run(run.loop);
}

static void check(const struct fetch *k, enum fetch_outcome outcome, enum err err)
{
    CHECK_TEXT(slice_of(fetch_outcome_name(k->ret.outcome)), fetch_outcome_name(outcome));
    CHECK_INT(k->job.err, err);
    CHECK((outcome == FETCH_OK) == slice_is_none(k->ret.why));
    CHECK((outcome == FETCH_OK) == !slice_is_none(k->ret.body));
}

static void check_one(const char *path, enum fetch_outcome outcome, enum err err)
{
    const struct fetch *k = send_fetch(0, path);

    run_until(1);
    check(k, outcome, err);
}

static void answers(void)
{
    open_run();
    check_one("/ok", FETCH_OK, ERR_OK);
    CHECK_TEXT(run.fetches[0].ret.body, "{}");
    CHECK_TEXT(run.fetches[0].ret.type, "application/json");
    CHECK_INT(run.fetches[0].ret.fresh_s, 60);
    CHECK_TEXT(zygote.last.settings.ca_file, "/ca.pem");
    CHECK_INT(zygote.last.settings.allow.n, 1);
    CHECK(zygote.last.bytes_max == 10 && zygote.last.time_ms > 9000 && zygote.last.time_ms <= 10000);
    check_one("/refused", FETCH_REFUSED, ERR_INPUT);
    CHECK_TEXT(run.fetches[0].ret.why, "No.");
    settings = (struct fetch_settings){ .dev = true };
    check_one("/ok", FETCH_OK, ERR_OK);
    CHECK(zygote.last.settings.dev && zygote.last.settings.allow.n == 0);
    close_run();
}

static void out_of_order(void)
{
    open_run();
    (void)send_fetch(0, "/slow");
    (void)send_fetch(1, "/ok");
    run_until(2);
    CHECK_TEXT(run.fetches[0].ret.body, "\"slow\"");
    CHECK_TEXT(run.fetches[1].ret.body, "{}");
    close_run();
}

static void not_for_us(void)
{
    open_run();
    check_one("/other", FETCH_OK, ERR_OK);
    CHECK_TEXT(run.fetches[0].ret.body, "\"yours\"");
    close_run();
}

/* An answer that is none ends its fetch; the others go on. */
static void nonsense(void)
{
    open_run();
    check_one("/nonsense", FETCH_BROKEN, ERR_IO);
    check_one("/large", FETCH_BROKEN, ERR_IO);
    check_one("/ok", FETCH_OK, ERR_OK);
    close_run();
}

static void zygote_gone(const char *how)
{
    open_run();
    (void)send_fetch(0, "/never");
    (void)send_fetch(1, "/never");
    (void)send_fetch(2, how);
    run_until(3);
    for (int i = 0; i < 3; i++)
        check(&run.fetches[i], FETCH_BROKEN, ERR_IO);
    int64_t from = loop_clock_ms();
    check_one("/ok", FETCH_BROKEN, ERR_IO); /* and at once from now on */
    CHECK(loop_clock_ms() - from < 1000);
    close_run();
}

static void dead(void)
{
    zygote_gone("/die");
}

static void garbage(void)
{
    zygote_gone("/garbage");
}

static void urls(void)
{
    char longest[FETCH_URL_BYTES_MAX + 2];

    open_run();
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    check_one(longest, FETCH_BAD_URL, ERR_INPUT);
    check_one("/a\nb", FETCH_BAD_URL, ERR_INPUT);
    check_one("/\xff", FETCH_BAD_URL, ERR_INPUT);
    CHECK_INT(atomic_load(&zygote.asked), 0);
    close_run();
}

/* So many under way, so many behind them, and no more. */
static void bounded(void)
{
    enum { ALL = FETCHES_MAX + FETCHES_WAITING_MAX + 5 };

    open_run();
    fetcher_set_timeout(run.fetcher, TIMEOUT_MS, GRACE_MS);
    for (int i = 0; i < ALL; i++)
        (void)send_fetch(i, "/never");
    run_until(ALL);
    int busy = 0, slow = 0;
    for (int i = 0; i < ALL; i++) {
        busy += run.fetches[i].ret.outcome == FETCH_BUSY && run.fetches[i].job.err == ERR_LIMIT;
        slow += run.fetches[i].ret.outcome == FETCH_TOO_SLOW && run.fetches[i].job.err == ERR_TIMEOUT;
    }
    /* the first of them may have been on its way already when the last came */
    CHECK(busy >= 5 && busy <= 5 + FETCHES_MAX);
    CHECK_INT(busy + slow, ALL);
    CHECK_INT(atomic_load(&zygote.asked), FETCHES_MAX);
    fetcher_set_timeout(run.fetcher, 10000, GRACE_MS);
    check_one("/ok", FETCH_OK, ERR_OK); /* and then goes on */
    close_run();
}

static void destroyed(void)
{
    open_run();
    for (int i = 0; i < 30; i++)
        (void)send_fetch(i, "/never");
    loop_every(run.loop, 20, (void (*)(void *))loop_stop, run.loop);
    run_until(31);
    (void)send_fetch(30, "/never");
    fetcher_destroy(run.fetcher);
    run.fetcher = NULL;
    run.landed = 0;
    CHECK_INT(inbox_drain(loop_inbox(run.loop)), 31);
    for (int i = 0; i < 31; i++)
        check(&run.fetches[i], FETCH_BROKEN, ERR_IO);
    close_run();
}

static void no_zygote(void)
{
    memset(&run, 0, sizeof(run));
    run.loop = loop_create(handle, NULL);
    run.fetcher = fetcher_create(run.loop, -1, &settings);
    check_one("/ok", FETCH_BROKEN, ERR_IO);
    fetcher_destroy(run.fetcher);
    loop_destroy(run.loop);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "answers", answers },
        { "answers out of order", out_of_order },
        { "an answer that nobody waits for", not_for_us },
        { "an answer that makes no sense", nonsense },
        { "the zygote dies", dead },
        { "the zygote talks nonsense", garbage },
        { "URLs that are not asked for", urls },
        { "so many and no more", bounded },
        { "destroyed while fetches are under way", destroyed },
        { "no zygote at all", no_zygote },
    };

    pool = pool_create(1 << 24);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
