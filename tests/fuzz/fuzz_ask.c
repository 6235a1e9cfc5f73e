/* What tailscaled may send, through the LocalAPI client's own sockets: the client asks, the daemon is this file. Input: a byte that says
 * in which manner the daemon behaves, then its replies, a request each, with a byte 0x1e between them. Every ask ends exactly once, and
 * as the reply alone says it must (response.h), however it was cut into pieces; nothing is asked on a connection that is over. */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "http_int.h"
#include "response.h"
#include "scratch.h"
#include "wire.h"

/* Bits of the first byte; the letters from @ on have them all. */
#define IN_PIECES 3U  /* 0: all at once, else pieces of piece_bytes */
#define CLOSES    4U  /* the daemon closes after each reply */
#define POSTS     8U  /* the client sends a body */
#define TOGETHER  16U /* all asks are sent before the daemon looks */
#define MAY_MISS  32U /* of these asks one at a time is under way */

#define ASK_N         3
#define REPLIES_MAX   8
#define LINES_MAX     16 /* the daemon's connections */
#define TURNS         2  /* what a turn of the loop moves may move more */
#define ROUNDS_MAX    64
#define REQUEST_BYTES 512
#define SEPARATOR     '\x1e'
#define PATIENCE_MS   600000 /* nothing times out here: the daemon closes what it has not answered */
#define POOL_CAP      ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const size_t piece_bytes[] = { SIZE_MAX, 1, 16, 256 };
static const char *const paths[ASK_N] = { "/0", "/1", "/2" };

struct asked {
    struct ask ask;
    unsigned landed;
    bool replied;
    struct slice reply;
};

static struct asked asked[ASK_N];

struct line {
    int fd;    /* -1: free */
    bool over; /* its reply was the last one that may come on it */
    size_t n;
    char request[REQUEST_BYTES];
};

static struct daemon {
    struct loop *loop;
    int fd;
    unsigned manner;
    struct line line[LINES_MAX];
    struct slice reply[REPLIES_MAX];
    size_t reply_n, next;
} daemon_;

/* ---- the client ---- */

static void turn(void)
{
    for (unsigned i = 0; i < TURNS; i++)
        (void)h2o_evloop_run(daemon_.loop->evloop, 0);
}

static void land(struct job *j)
{
    ((struct asked *)j->owner)->landed++;
}

static void send_ask(struct asker *a, struct pool *p, unsigned i)
{
    asked[i] = (struct asked){
        .ask = { .job = { .at = asker_queue(a), .home = loop_inbox(daemon_.loop), .land = land, .owner = &asked[i] },
                 .pool = p,
                 .path = slice_of(paths[i]),
                 .body = daemon_.manner & POSTS ? SL("{}") : SLICE_NONE,
                 .may_miss = (daemon_.manner & MAY_MISS) != 0 },
    };
    job_send(&asked[i].ask.job);
    turn();
}

/* ---- the daemon ---- */

static void hang_up(struct line *l)
{
    (void)close(l->fd);
    l->fd = -1;
    turn();
}

static void accept_lines(void)
{
    for (unsigned i = 0; i < LINES_MAX; i++) {
        struct line *l = &daemon_.line[i];

        if (l->fd >= 0)
            continue;
        *l = (struct line){ .fd = accept4(daemon_.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) };
        if (l->fd < 0)
            return; /* that was all of them */
    }
}

/* Until all is sent or the client has what it needs: what comes after that is its next ask's. */
static void send_reply(struct line *l, struct asked *k)
{
    size_t most = piece_bytes[daemon_.manner & IN_PIECES];

    for (struct slice rest = k->reply; rest.n > 0 && k->landed == 0;) {
        size_t n = rest.n < most ? rest.n : most;

        if (send(l->fd, rest.p, n, MSG_NOSIGNAL) != (ssize_t)n)
            break;
        rest = slice_from(rest, n);
        turn();
        if (k->landed > 0 && rest.n > 0) {
            hang_up(l);
            return;
        }
    }
    if (daemon_.manner & CLOSES)
        hang_up(l);
}

static void answer(struct line *l)
{
    const char *path = memchr(l->request, '/', l->n);
    struct response r = { 0 };

    assert(path != NULL && path[1] >= '0' && path[1] < '0' + ASK_N);
    struct asked *k = &asked[path[1] - '0'];
    l->n = 0;
    if (daemon_.next == daemon_.reply_n) {
        hang_up(l);
        return;
    }
    k->replied = true;
    k->reply = daemon_.reply[daemon_.next++];
    l->over = response_read(k->reply, false, &r) == RESPONSE_DONE && !r.keep_alive;
    send_reply(l, k);
}

static void read_line(struct line *l)
{
    struct slice end = daemon_.manner & POSTS ? SL("\r\n\r\n{}") : SL("\r\n\r\n");
    ssize_t got = recv(l->fd, l->request + l->n, REQUEST_BYTES - l->n, 0);

    if (got == 0) {
        hang_up(l);
        return;
    }
    assert(got < 0 || !l->over);
    l->n += got > 0 ? (size_t)got : 0;
    if (slice_ends(slice_bytes(l->request, l->n), end))
        answer(l);
}

static void serve(void)
{
    accept_lines();
    for (unsigned i = 0; i < LINES_MAX; i++)
        if (daemon_.line[i].fd >= 0)
            read_line(&daemon_.line[i]);
    turn();
}

static void hang_up_all(void)
{
    for (unsigned i = 0; i < LINES_MAX; i++)
        if (daemon_.line[i].fd >= 0)
            hang_up(&daemon_.line[i]);
}

static bool all_landed(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (asked[i].landed == 0)
            return false;
    return true;
}

/* The daemon does what it can, and then closes: no ask is left without an end. */
static void serve_until_landed(unsigned n)
{
    for (unsigned i = 0; i < ROUNDS_MAX && !all_landed(n); i++) {
        size_t before = daemon_.next;

        serve();
        serve();
        if (daemon_.next == before && !all_landed(n))
            hang_up_all();
    }
    assert(all_landed(n));
}

/* ---- what must come of it ---- */

static enum err judge_reply(struct slice reply, struct response *ret)
{
    enum response_next n = response_read(reply, false, ret);

    if (n == RESPONSE_MORE)
        n = response_read(reply, true, ret);
    return n == RESPONSE_DONE ? ERR_OK : n == RESPONSE_BAD ? ERR_INPUT : ERR_IO;
}

static void check(struct pool *p, const struct asked *k)
{
    struct response r = { 0 };
    enum err e = k->replied && k->reply.n > 0 ? judge_reply(k->reply, &r) : ERR_IO;

    assert(k->landed == 1 && k->ask.job.err == e);
    if (e == ERR_OK)
        assert(k->ask.ret_status == r.status && slice_eq(k->ask.ret_body, response_body(p, &r)));
    else
        assert(k->ask.ret_status == 0 && slice_is_none(k->ask.ret_body));
}

static void play(struct pool *p)
{
    struct sockaddr_un at = scratch_socket("tailscaled");
    struct asker *a = asker_create(daemon_.loop, slice_of(at.sun_path));
    bool together = (daemon_.manner & TOGETHER) != 0;

    asker_set_timeout(a, PATIENCE_MS);
    for (unsigned i = 0; i < ASK_N; i++) {
        send_ask(a, p, i);
        if (!together || i == ASK_N - 1)
            serve_until_landed(i + 1);
    }
    for (unsigned i = 0; i < ASK_N; i++)
        check(p, &asked[i]);
    asker_destroy(a);
    turn();
}

static void no_requests(void *ctx, const struct http_request *r, struct client_conn *c)
{
    assert(false);
}

static void open_daemon(void)
{
    struct sockaddr_un at = scratch_socket("tailscaled");

    daemon_.loop = loop_create(no_requests, NULL);
    daemon_.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r = bind(daemon_.fd, (struct sockaddr *)&at, sizeof(at));
    assert(r == 0);
    r = listen(daemon_.fd, LINES_MAX);
    assert(r == 0);
    (void)r;
    for (unsigned i = 0; i < LINES_MAX; i++)
        daemon_.line[i].fd = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (daemon_.loop == NULL)
        open_daemon();
    struct slice rest = slice_bytes(data + 1, size - 1), one;
    daemon_.manner = data[0];
    daemon_.reply_n = daemon_.next = 0;
    while (daemon_.reply_n < REPLIES_MAX && slice_cut(&rest, SEPARATOR, &one))
        daemon_.reply[daemon_.reply_n++] = one;
    struct pool *p = pool_create(POOL_CAP);
    memset(asked, 0, sizeof(asked));
    play(p);
    hang_up_all();
    accept_lines(); /* a connection that nobody looked at */
    hang_up_all();
    pool_destroy(p);
    return 0;
}
