/* Raw bytes into the real listener: a connection for each input, the server's whole loop in this thread. The first byte says in which
 * manner the client behaves, the rest is what it sends. Whatever that is, the handler sees clean requests (wire.c looks at them), only
 * answers come back, and no connection outlives its client. The sockets are unix's: there a byte has arrived when it is sent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "http_int.h"
#include "scratch.h"
#include "wire.h"

/* Bits of the first byte; the letters from @ on have them all. */
#define IN_PIECES 3U  /* 0: all at once, else pieces of piece_bytes */
#define ENDS      4U  /* the client ends its side and still reads */
#define BY_PROXY  8U  /* the listener's class is proxy: one request a connection */
#define LASTS     16U /* the client stays until the server has had enough of it */
#define DEAF      32U /* it reads nothing until it has sent everything */

#define LATER_MS    (1000LL * (IDLE_TIMEOUT_S + 1))
#define QUIET_TURNS 2
#define TURNS_MAX   100000
#define ANSWERS_MAX ((size_t)4 << 20) /* bytes, what the client reads at most */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const size_t piece_bytes[] = { SIZE_MAX, 1, 16, 256 };

static struct server server;
static struct sockaddr_un addresses[2]; /* of its listeners: public, proxy */
static struct job *waiting;             /* what /later has sent, by next */

struct client {
    int fd;
    char *answers; /* ANSWERS_MAX */
    size_t n;
    bool ended; /* by the server */
};

/* ---- the server ---- */

static void gather(struct queue *q, struct job *j)
{
    (void)q;
    j->next = waiting;
    waiting = j;
}

static void open_server(void)
{
    struct listen_spec spec = { .class = LISTEN_PROXY };
    struct slice why = SLICE_NONE;
    struct listener *proxy;
    char text[sizeof(addresses[0].sun_path) + 16];

    addresses[0] = scratch_socket("public");
    addresses[1] = scratch_socket("proxy");
    (void)snprintf(text, sizeof(text), "public:unix:%s", addresses[0].sun_path);
    server_open(&server, text, NULL);
    server.work.queue = (struct queue){ .send = gather };
    spec.unix_path = slice_of(addresses[1].sun_path);
    enum err e = listener_open(server.loop, &spec, -1, NULL, server.pool, &proxy, &why);
    assert(e == ERR_OK);
    (void)e;
}

static void land_sweep(struct job *j)
{
    (void)j;
    conn_sweep(server.loop, loop_clock_ms());
}

/* As the sweeper's timer would, but now. */
static void send_sweep(void)
{
    static struct job job;

    job = (struct job){ .home = loop_inbox(server.loop), .land = land_sweep };
    job_pass(&job);
}

/* ---- turns of the loop ---- */

static void read_answers(struct client *c)
{
    while (!c->ended && c->n < ANSWERS_MAX) {
        ssize_t got = recv(c->fd, c->answers + c->n, ANSWERS_MAX - c->n, MSG_DONTWAIT);

        if (got < 0 && errno == EAGAIN)
            return;
        c->ended = got <= 0;
        c->n += c->ended ? 0 : (size_t)got;
    }
}

struct state {
    size_t answers, connections;
    int calls, unread;
    bool has_waiting;
};

static bool is_same(const struct state *a, const struct state *b)
{
    return a->answers == b->answers && a->connections == b->connections && a->calls == b->calls &&
           a->unread == b->unread && !a->has_waiting && !b->has_waiting;
}

static struct state turn(struct client *c, bool reads)
{
    struct state s = { .has_waiting = waiting != NULL };

    while (waiting != NULL) {
        struct job *j = waiting;

        waiting = j->next;
        job_pass(j);
    }
    (void)h2o_evloop_run(server.loop->evloop, 0);
    if (c->fd >= 0 && reads)
        read_answers(c);
    if (c->fd >= 0)
        (void)ioctl(c->fd, SIOCOUTQ, &s.unread);
    s.answers = c->n;
    s.connections = loop_connections(server.loop);
    s.calls = atomic_load(&server.calls);
    return s;
}

/* Until nothing moves any more. */
static void run(struct client *c, bool reads)
{
    struct state before = turn(c, reads);

    for (unsigned quiet = 0, n = 0; quiet < QUIET_TURNS && n < TURNS_MAX; n++) {
        struct state now = turn(c, reads);

        quiet = is_same(&before, &now) ? quiet + 1 : 0;
        before = now;
    }
}

/* ---- the client ---- */

static void connect_client(struct client *c, unsigned which)
{
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = connect(c->fd, (struct sockaddr *)&addresses[which], sizeof(addresses[which]));
    assert(r == 0);
    (void)r;
}

static void send_all(struct client *c, struct slice bytes, unsigned manner)
{
    size_t most = piece_bytes[manner & IN_PIECES];
    bool reads = (manner & DEAF) == 0;

    while (bytes.n > 0 && !c->ended) {
        size_t n = bytes.n < most ? bytes.n : most;
        ssize_t sent = send(c->fd, bytes.p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        run(c, reads || sent < 0);
        if (sent < 0 && errno != EAGAIN)
            return; /* the server has closed already */
        if (sent > 0)
            bytes = slice_from(bytes, (size_t)sent);
        else if (c->n == ANSWERS_MAX)
            return;
    }
}

static void behave(struct client *c, struct slice bytes, unsigned manner)
{
    run(c, true);
    send_all(c, bytes, manner);
    if (manner & ENDS)
        (void)shutdown(c->fd, SHUT_WR);
    run(c, true);
    if (manner & LASTS) {
        atomic_store(&loop_clock_skew_ms, 0);
        send_sweep(); /* it notes where the connection stands */
        run(c, true);
        atomic_store(&loop_clock_skew_ms, LATER_MS);
        send_sweep();
        run(c, true);
    }
}

static void hang_up(struct client *c)
{
    (void)close(c->fd);
    c->fd = -1;
    run(c, false);
    send_sweep(); /* who waits for an answer is looked at once a second */
    run(c, false);
    atomic_store(&loop_clock_skew_ms, 0);
    assert(loop_connections(server.loop) == 0);
}

/* ---- what came back ---- */

/* h2o writes its own refusals in capitals. */
static size_t length_of(struct slice head)
{
    static const struct slice name = SL("content-length: ");
    uint64_t length = 0;

    for (struct slice line; slice_cut(&head, '\n', &line);) {
        if (line.n <= name.n || !slice_eq_nocase(slice_head(line, name.n), name))
            continue;
        bool is_number =
            slice_to_u64(slice_trim(slice_head(slice_from(line, name.n), line.n - name.n - 1)), UINT32_MAX, &length);
        assert(is_number);
        (void)is_number;
    }
    return (size_t)length;
}

static void judge_head(struct slice head)
{
    uint64_t status = 0;

    assert(slice_starts(head, SL("HTTP/1.1 ")) && head.n > 13);
    bool is_number = slice_to_u64(slice_head(slice_from(head, 9), 3), 999, &status);
    /* and h2o's own, to Expect */
    assert(is_number && (status == 100 || status == 417 || *answer_reason((int)status) != '\0'));
    (void)is_number;
    for (size_t i = 0; i < head.n; i++)
        assert((unsigned char)head.p[i] >= ' ' || head.p[i] == '\r' || head.p[i] == '\n');
}

/* Nothing but answers, the last one perhaps cut short. That of a HEAD has a length and no body: then the next one follows at once. */
static void judge_answers(struct slice rest)
{
    while (rest.n > 0) {
        const char *end = memmem(rest.p, rest.n, "\r\n\r\n", 4);

        if (end == NULL) {
            size_t n = rest.n < 9 ? rest.n : 9;
            assert(memcmp(rest.p, "HTTP/1.1 ", n) == 0);
            return;
        }
        struct slice head = slice_head(rest, (size_t)(end - rest.p) + 4);
        judge_head(head);
        rest = slice_from(rest, head.n);
        size_t length = length_of(head);
        if (!slice_starts(rest, SL("HTTP/1.1 ")))
            rest = slice_from(rest, length < rest.n ? length : rest.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client client;

    if (size == 0)
        return 0;
    if (client.answers == NULL) {
        client.answers = malloc(ANSWERS_MAX);
        open_server();
    }
    client.n = 0;
    client.ended = false;
    connect_client(&client, data[0] & BY_PROXY ? 1 : 0);
    behave(&client, slice_bytes(data + 1, size - 1), data[0]);
    hang_up(&client);
    judge_answers(slice_bytes(client.answers, client.n));
    return 0;
}
