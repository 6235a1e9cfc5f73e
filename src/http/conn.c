/* Accepted connections: how many, and how long one may stand still. h2o has one timer, from the end of an answer to
 * the end of the next request, and none for answers that nobody reads; once a second the sweeper looks at every
 * connection, and cuts what has not moved for its phase's limit. Where there is no place left, those that have stood still
 * for the longest make room. To cut is to shut the socket down: h2o then sees the end and cleans up. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <linux/tcp.h>

#include "http_int.h"

#define ROOM_AT_ONCE 32 /* more would keep others waiting */

/* Of the whole process, as its files are. */
static atomic_size_t connections_open;

static void pause_accepting(struct loop *l, enum accepting why)
{
    l->accepting = why;
    l->accept_again_ms = loop_clock_ms() + SWEEP_MS;
    for (struct listener *at = l->listeners; at != NULL; at = at->next)
        if (at->sock != NULL)
            h2o_socket_read_stop(at->sock);
}

static void resume_accepting(struct loop *l)
{
    l->accepting = ACCEPT_YES;
    for (struct listener *at = l->listeners; at != NULL; at = at->next)
        if (at->sock != NULL)
            h2o_socket_read_start(at->sock, conn_accept);
}

size_t conn_places(void)
{
    struct rlimit files = { 0 };

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= CONNECTIONS_MAX + FILES_RESERVED)
        return CONNECTIONS_MAX;
    return files.rlim_cur >= 2UL * FILES_RESERVED ? (size_t)files.rlim_cur - FILES_RESERVED
                                                  : (size_t)files.rlim_cur / 2;
}

static bool is_full(const struct loop *l)
{
    return atomic_load(&connections_open) >= l->places;
}

void conn_drain_end(struct loop *l)
{
    if (l->draining && l->conns == NULL)
        loop_stop(l);
}

static void append(struct loop *l, struct conn *c)
{
    c->next = NULL;
    c->link = l->conns_end;
    *l->conns_end = c;
    l->conns_end = &c->next;
}

static void take_out(struct loop *l, struct conn *c)
{
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    else
        l->conns_end = c->link;
}

void conn_count_request(struct conn *c)
{
    c->requests++;
    take_out(c->listener->loop, c);
    append(c->listener->loop, c);
}

static void on_close(void *data)
{
    struct conn *c = data;
    struct loop *l = c->listener->loop;

    take_out(l, c);
    l->conn_count--;
    atomic_fetch_sub(&connections_open, 1);
    SSL_CTX_free(c->tls);
    free(c);
    if (l->accepting == ACCEPT_FULL)
        resume_accepting(l);
    conn_drain_end(l);
}

static bool address_of_socket(h2o_socket_t *sock, socklen_t (*name)(h2o_socket_t *, struct sockaddr *),
                              struct address *ret)
{
    struct sockaddr_storage sa = { 0 };

    return name(sock, (struct sockaddr *)&sa) != 0 && address_of((struct sockaddr *)&sa, ret);
}

/* A userspace tailscaled hands its peers over on loopback; only what it opened itself can be one of them. */
static uint32_t peer_uid_of(const struct conn *c)
{
    struct address own;

    if (c->by_unix)
        return socket_peer_uid(h2o_socket_get_fd(c->sock));
    if (c->listener->class != LISTEN_TAILNET || !address_of_socket(c->sock, h2o_socket_getsockname, &own))
        return NO_UID;
    return loopback_peer_uid(&c->peer, &own);
}

static void open_conn(struct listener *from, h2o_socket_t *sock)
{
    struct loop *l = from->loop;
    struct conn *c = h2o_mem_alloc(sizeof(*c));

    *c = (struct conn){ .sock = sock, .listener = from, .tls = from->accept.ssl_ctx };
    if (c->tls != NULL)
        (void)SSL_CTX_up_ref(c->tls);
    c->seen.at_ms = loop_clock_ms();
    c->by_unix = from->by_unix || !address_of_socket(sock, h2o_socket_getpeername, &c->peer);
    c->peer_uid = peer_uid_of(c);
    append(l, c);
    l->conn_count++;
    atomic_fetch_add(&connections_open, 1);
    sock->on_close.cb = on_close;
    sock->on_close.data = c;
    h2o_accept(&from->accept, sock);
}

static void cut(struct conn *c)
{
    const struct linger at_once = { .l_onoff = 1 };

    if (h2o_socket_is_writing(c->sock)) /* else the kernel goes on holding what nobody reads */
        (void)setsockopt(h2o_socket_get_fd(c->sock), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)shutdown(h2o_socket_get_fd(c->sock), SHUT_RDWR);
}

static enum conn_phase phase_of(const struct conn *c)
{
    if (h2o_socket_is_writing(c->sock))
        return CONN_WRITING;
    if (c->exchange != NULL)
        return CONN_WAITING;
    return c->sock->input->size != 0 ? CONN_READING : CONN_IDLE;
}

/* Who asked last, or came last, stands last; so whoever opens more than there are places displaces himself. A request that waits for us
 * keeps its place. */
static void make_room(struct loop *l)
{
    size_t wanted = ROOM_AT_ONCE;

    for (struct conn *c = l->conns; c != NULL && wanted > 0; c = c->next)
        if (phase_of(c) != CONN_WAITING) {
            cut(c);
            wanted--;
        }
}

void conn_accept(h2o_socket_t *listening, const char *err)
{
    struct listener *from = listening->data;

    for (unsigned i = 0; i < ACCEPTS_PER_WAKE && err == NULL; i++) {
        if (is_full(from->loop)) {
            make_room(from->loop);
            pause_accepting(from->loop, ACCEPT_FULL); /* until h2o has closed what was cut */
            return;
        }
        h2o_socket_t *sock = h2o_evloop_socket_accept(listening);
        if (sock == NULL) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(from->loop, ACCEPT_NO_FILES); /* else epoll wakes us for it for ever */
            return;
        }
        open_conn(from, sock);
    }
}

/* How much of what we sent has reached the other end: of TCP a count that only grows, because what lies in the socket's queue may be as
 * much as before although all of it is new. */
static size_t taken(const struct conn *c)
{
    int fd = h2o_socket_get_fd(c->sock), unsent = 0;
    struct tcp_info info = { 0 };
    socklen_t n = sizeof(info);

    if (!c->by_unix && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0)
        return (size_t)info.tcpi_bytes_acked;
    return ioctl(fd, SIOCOUTQ, &unsent) == 0 ? (size_t)unsent : 0;
}

/* What must change for the phase to count as moving. A head has to be complete in time, however it trickles; a body
 * has to grow. */
static size_t mark_of(const struct conn *c, enum conn_phase phase)
{
    const h2o_buffer_t *in = c->sock->input;

    if (phase == CONN_WRITING)
        return taken(c);
    if (phase == CONN_READING && memmem(in->bytes, in->size, "\r\n\r\n", 4) != NULL)
        return in->size;
    return 0;
}

static bool has_moved(struct conn *c, enum conn_phase phase)
{
    size_t mark = mark_of(c, phase);
    bool moved = phase != c->seen.phase || mark != c->seen.mark || c->requests != c->seen.requests;

    c->seen.phase = phase;
    c->seen.mark = mark;
    c->seen.requests = c->requests;
    return moved;
}

/* Seconds; 0: none, a handler's own deadline counts. */
static int64_t limit_of(enum conn_phase phase)
{
    switch (phase) {
    case CONN_IDLE: return IDLE_TIMEOUT_S;
    case CONN_READING:
    case CONN_WRITING: return HEAD_TIMEOUT_S;
    case CONN_WAITING: break;
    }
    return 0;
}

/* A client that only ended its own side may still read. */
static bool has_hung_up(const struct conn *c)
{
    struct pollfd p = { .fd = h2o_socket_get_fd(c->sock) };

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void sweep_conn(struct conn *c, int64_t now_ms)
{
    enum conn_phase phase = phase_of(c);
    int64_t limit_s = limit_of(phase);

    if (has_moved(c, phase))
        c->seen.at_ms = now_ms;
    if (phase == CONN_WAITING && has_hung_up(c)) {
        cut(c);
        exchange_abandon(c->exchange);
    } else if ((limit_s != 0 && now_ms - c->seen.at_ms >= limit_s * 1000) ||
               (phase == CONN_READING && c->sock->input->size > INPUT_BYTES_MAX)) {
        cut(c);
    }
}

void conn_sweep(struct loop *l, int64_t now_ms)
{
    for (struct conn *c = l->conns, *next; c != NULL; c = next) {
        next = c->next;
        sweep_conn(c, now_ms);
    }
    if (l->accepting != ACCEPT_YES && now_ms >= l->accept_again_ms && !is_full(l))
        resume_accepting(l);
    if (l->draining && now_ms >= l->drain_until_ms) {
        conn_cut_all(l);
        loop_stop(l);
    }
}

/* One that has a request lying in the kernel is not idle. */
void conn_shut_idle(struct loop *l)
{
    for (struct conn *c = l->conns; c != NULL; c = c->next) {
        int unread = 0;

        if (phase_of(c) == CONN_IDLE && ioctl(h2o_socket_get_fd(c->sock), SIOCINQ, &unread) == 0 && unread == 0)
            cut(c);
    }
}

void conn_cut_all(struct loop *l)
{
    for (struct conn *c = l->conns; c != NULL; c = c->next) {
        cut(c);
        if (c->exchange != NULL)
            exchange_abandon(c->exchange);
    }
}
