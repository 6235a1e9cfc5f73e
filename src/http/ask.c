/* The LocalAPI client: HTTP/1.1 over connections to tailscaled's socket that are kept between asks. (h2o's own
 * client aborts the process on a malformed Content-Length.) Asks come from any thread through a list and an eventfd;
 * everything else happens on the loop. An ask's time runs from when it was sent, waiting included, so that nobody
 * waits longer than ASK_TIMEOUT_MS for a daemon that hangs. A kept connection may have been closed by a restarted
 * daemon, and a connect may find the daemon's backlog full: either is tried again once, which a GET allows. */
#include "ask.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "http_int.h"
#include "response.h"

#define ASK_AGAIN_MS  20 /* until the daemon's backlog is looked at again */
#define ASKS_KEPT_MAX 8  /* connections that stay between asks */

/* One under way. */
struct asking {
    struct asker *asker;
    struct ask *ask;    /* NULL: a free place */
    h2o_socket_t *sock; /* NULL: none now */
    h2o_iovec_t request;
    int64_t again_ms; /* when to connect again; 0: not waiting for that */
    bool kept, tried_again;
};

struct asker {
    struct mailbox mailbox; /* first */
    struct loop *loop;
    unsigned timeout_ms;
    struct job_list waiting, may_miss;
    struct asking places[ASKS_MAX];
    struct asking *missing; /* the one ask under way that may miss */
    h2o_socket_t *kept[ASKS_KEPT_MAX];
    size_t kept_count;
    struct sockaddr_un address;
    bool reachable, starting;
    uint32_t daemon_uid; /* of whoever listens at address, as of the last connection */
};

static void end_ask(struct ask *k, enum err err)
{
    k->job.err = err;
    if (err != ERR_OK) {
        k->ret_status = 0;
        k->ret_body = SLICE_NONE;
    }
    job_pass(&k->job);
}

static void start_more(struct asker *a);

static void end_asking(struct asking *g, enum err err)
{
    struct asker *a = g->asker;
    struct ask *k = g->ask;

    if (g->sock != NULL)
        h2o_socket_close(g->sock);
    g->sock = NULL;
    g->ask = NULL;
    g->again_ms = 0;
    if (a->missing == g)
        a->missing = NULL;
    end_ask(k, err);
    start_more(a);
}

/* A connection that nobody uses has nothing to say: it was closed, or is broken. */
static void on_kept_read(h2o_socket_t *sock, const char *err)
{
    struct asker *a = sock->data;
    size_t i = 0;

    while (a->kept[i] != sock)
        i++;
    a->kept[i] = a->kept[--a->kept_count];
    h2o_socket_close(sock);
}

static void keep(struct asking *g)
{
    struct asker *a = g->asker;

    if (a->kept_count == ASKS_KEPT_MAX)
        return;
    h2o_buffer_consume(&g->sock->input, g->sock->input->size);
    g->sock->data = a;
    h2o_socket_read_start(g->sock, on_kept_read);
    a->kept[a->kept_count++] = g->sock;
    g->sock = NULL;
}

/* Once, on a fresh connection. */
static void try_again(struct asking *g, int64_t in_ms)
{
    if (g->sock != NULL)
        h2o_socket_close(g->sock);
    g->sock = NULL;
    g->tried_again = true;
    g->again_ms = loop_clock_ms() + in_ms;
    mailbox_alarm(&g->asker->mailbox, g->again_ms);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct asking *g = sock->data;
    struct slice in = slice_bytes(sock->input->bytes, sock->input->size);
    struct response response;

    if (in.n > ASK_BYTES_MAX) {
        end_asking(g, ERR_LIMIT);
        return;
    }
    switch (response_read(in, err != NULL, &response)) {
    case RESPONSE_DONE:
        g->ask->ret_status = response.status;
        g->ask->ret_body = response_body(g->ask->pool, &response);
        if (response.keep_alive && err == NULL)
            keep(g);
        end_asking(g, ERR_OK);
        break;
    case RESPONSE_BAD: end_asking(g, ERR_INPUT); break;
    case RESPONSE_MORE:
        if (err != NULL && in.n == 0 && g->kept && !g->tried_again)
            try_again(g, 0);
        else if (err != NULL)
            end_asking(g, ERR_IO);
        break;
    }
}

static void on_sent(h2o_socket_t *sock, const char *err)
{
    struct asking *g = sock->data;

    if (err == NULL)
        h2o_socket_read_start(sock, on_read);
    else if (g->kept && !g->tried_again)
        try_again(g, 0);
    else
        end_asking(g, ERR_IO);
}

static void send_request(struct asking *g)
{
    g->sock->data = g;
    h2o_socket_write(g->sock, &g->request, 1, on_sent);
}

static void on_connected(h2o_socket_t *sock, const char *err)
{
    struct asking *g = sock->data;

    if (err == NULL) {
        g->asker->daemon_uid = socket_peer_uid(h2o_socket_get_fd(sock));
        send_request(g);
    } else {
        end_asking(g, ERR_IO);
    }
}

static void connect_asking(struct asking *g)
{
    struct asker *a = g->asker;

    g->again_ms = 0;
    g->kept = a->kept_count > 0 && !g->tried_again;
    if (g->kept) {
        g->sock = a->kept[--a->kept_count];
        h2o_socket_read_stop(g->sock);
        send_request(g);
        return;
    }
    g->sock = h2o_socket_connect(a->loop->evloop, (struct sockaddr *)&a->address, sizeof(a->address), on_connected);
    if (g->sock != NULL)
        g->sock->data = g;
    else if (errno == EAGAIN && !g->tried_again)
        try_again(g, ASK_AGAIN_MS);
    else
        end_asking(g, ERR_IO);
}

static bool path_is_safe(struct slice path)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] <= ' ' || path.p[i] > '~')
            return false;
    return slice_starts(path, SL("/"));
}

static struct slice write_request(const struct ask *k)
{
    bool post = !slice_is_none(k->body);
    struct slice length =
        post ? pool_fmt(k->pool, "Content-Type: application/json\r\nContent-Length: %zu\r\n", k->body.n) : SL("");

    return pool_fmt(k->pool,
                    "%s " SLICE_FMT " HTTP/1.1\r\nHost: local-tailscaled.sock\r\nConnection: keep-alive\r\n" SLICE_FMT
                    "\r\n" SLICE_FMT,
                    post ? "POST" : "GET", SLICE_ARG(k->path), SLICE_ARG(length), SLICE_ARG(k->body));
}

static void start(struct asking *g, struct ask *k)
{
    struct asker *a = g->asker;

    g->ask = k;
    g->tried_again = false;
    if (k->may_miss)
        a->missing = g;
    if (!a->reachable || !path_is_safe(k->path)) {
        end_asking(g, a->reachable ? ERR_INPUT : ERR_IO);
        return;
    }
    struct slice request = write_request(k);
    g->request = h2o_iovec_init(request.p, request.n);
    connect_asking(g);
}

static struct asking *find_place(struct asker *a)
{
    for (size_t i = 0; i < ASKS_MAX; i++)
        if (a->places[i].ask == NULL)
            return &a->places[i];
    return NULL;
}

static struct ask *take_next(struct asker *a)
{
    struct job *j = a->missing == NULL ? job_list_take(&a->may_miss) : NULL;

    return (struct ask *)(j != NULL ? j : job_list_take(&a->waiting));
}

/* An ask may end while it starts: then this loop, and not a deeper one, starts the next. */
static void start_more(struct asker *a)
{
    struct asking *place;
    struct ask *k;

    if (a->starting)
        return;
    a->starting = true;
    while ((place = find_place(a)) != NULL && (k = take_next(a)) != NULL)
        start(place, k);
    a->starting = false;
}

static void on_jobs(struct mailbox *m, struct job *j)
{
    struct asker *a = (struct asker *)m;
    int64_t deadline_ms = loop_clock_ms() + a->timeout_ms;

    if (j != NULL)
        mailbox_alarm(m, deadline_ms);
    for (struct job *next; j != NULL; j = next) {
        struct ask *k = (struct ask *)j;

        next = j->next;
        k->deadline_ms = deadline_ms;
        job_list_add(k->may_miss ? &a->may_miss : &a->waiting, j);
    }
    start_more(a);
}

/* The lists are in the order of their deadlines. The earliest that is left; INT64_MAX: none. */
static int64_t expire_list(struct job_list *l, int64_t now_ms)
{
    while (l->head != NULL && ((struct ask *)l->head)->deadline_ms <= now_ms)
        end_ask((struct ask *)job_list_take(l), ERR_TIMEOUT);
    return l->head != NULL ? ((struct ask *)l->head)->deadline_ms : INT64_MAX;
}

static int64_t expire_asking(struct asking *g, int64_t now_ms)
{
    if (g->ask == NULL)
        return INT64_MAX;
    if (g->ask->deadline_ms <= now_ms)
        end_asking(g, ERR_TIMEOUT);
    else if (g->again_ms != 0 && g->again_ms <= now_ms)
        connect_asking(g);
    if (g->ask == NULL)
        return INT64_MAX;
    return g->again_ms != 0 && g->again_ms < g->ask->deadline_ms ? g->again_ms : g->ask->deadline_ms;
}

static void on_alarm(struct mailbox *m)
{
    struct asker *a = (struct asker *)m;
    int64_t now_ms = loop_clock_ms(), next_ms, earliest_ms;

    earliest_ms = expire_list(&a->waiting, now_ms);
    next_ms = expire_list(&a->may_miss, now_ms);
    if (next_ms < earliest_ms)
        earliest_ms = next_ms;
    for (size_t i = 0; i < ASKS_MAX; i++) {
        next_ms = expire_asking(&a->places[i], now_ms);
        if (next_ms < earliest_ms)
            earliest_ms = next_ms;
    }
    if (earliest_ms != INT64_MAX)
        mailbox_alarm(&a->mailbox, earliest_ms);
}

static void set_path(struct asker *a, struct slice path)
{
    a->reachable = path.n > 0 && path.n < sizeof(a->address.sun_path) && !slice_has(path, '\0');
    a->address.sun_family = AF_UNIX;
    if (a->reachable)
        memcpy(a->address.sun_path, path.p, path.n);
}

struct asker *asker_create(struct loop *l, struct slice socket_path)
{
    struct asker *a = h2o_mem_alloc(sizeof(*a));

    memset(a, 0, sizeof(*a));
    mailbox_init(&a->mailbox, l, on_jobs, on_alarm);
    a->loop = l;
    a->timeout_ms = ASK_TIMEOUT_MS;
    a->daemon_uid = NO_UID;
    job_list_init(&a->waiting);
    job_list_init(&a->may_miss);
    for (size_t i = 0; i < ASKS_MAX; i++)
        a->places[i].asker = a;
    set_path(a, socket_path);
    return a;
}

void asker_set_timeout(struct asker *a, unsigned ms)
{
    a->timeout_ms = ms;
}

void asker_destroy(struct asker *a)
{
    struct job *j;

    if (a == NULL)
        return;
    a->starting = true; /* nothing starts any more */
    for (size_t i = 0; i < ASKS_MAX; i++)
        if (a->places[i].ask != NULL)
            end_asking(&a->places[i], ERR_IO);
    while ((j = job_list_take(&a->may_miss)) != NULL || (j = job_list_take(&a->waiting)) != NULL)
        end_ask((struct ask *)j, ERR_IO);
    j = mailbox_take_all(&a->mailbox);
    for (struct job *next; j != NULL; j = next) {
        next = j->next;
        end_ask((struct ask *)j, ERR_IO);
    }
    for (size_t i = 0; i < a->kept_count; i++)
        h2o_socket_close(a->kept[i]);
    mailbox_finish(&a->mailbox);
    free(a);
}

uint32_t asker_daemon_uid(const struct asker *a)
{
    return a->daemon_uid;
}

struct queue *asker_queue(struct asker *a)
{
    return &a->mailbox.queue;
}
