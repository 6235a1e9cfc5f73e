/* What the files of http/ share. h2o's types stop here. */
#ifndef AVOUCH_HTTP_INT_H
#define AVOUCH_HTTP_INT_H

#include <h2o.h>

#include <stdatomic.h>

#include "exchange.h"
#include "job.h"
#include "listener.h"
#include "loop.h"

#define ACCEPTS_PER_WAKE 16
#define LISTEN_BACKLOG   1024
#define SWEEP_MS         1000
/* What a connection may have sent that is not answered yet: head, body and some pipelined requests. Past it, it is
 * cut. */
#define INPUT_BYTES_MAX 262144
/* Of the kernel, for each connection: h2o reads as long as reads come back full, so this bounds what one wake can
 * pile up. */
#define RECEIVE_BUFFER_BYTES 65536

struct listener {
    struct listener *next;
    struct loop *loop; /* NULL: a fake */
    enum listener_class class;
    h2o_accept_ctx_t accept;
    h2o_socket_t *sock; /* NULL once closed */
    uint16_t port;
    bool by_unix, tls;
};

enum conn_phase { CONN_IDLE, CONN_READING, CONN_WAITING, CONN_WRITING };

/* One accepted connection; the socket's on_close hook frees it. */
struct conn {
    struct conn *next, **link; /* in the loop's list */
    h2o_socket_t *sock;
    struct listener *listener;
    SSL_CTX *tls; /* a reference: h2o has a bare pointer until the first bytes, and a reload may come before */
    struct exchange *exchange; /* the request that a handler has; NULL: none */
    struct address peer;
    bool by_unix;
    uint32_t peer_uid; /* by_unix, or on loopback in the class tailnet; else NO_UID */
    uint64_t requests; /* so far */

    struct { /* the sweeper's notes: what it saw when something last moved */
        int64_t at_ms;
        enum conn_phase phase;
        size_t mark;
        uint64_t requests;
    } seen;
};

struct timer {
    h2o_socket_t *sock;
    void (*fn)(void *);
    void *ctx;
};

/* First in, first out, by next. */
struct job_list {
    struct job *head, **tail;
};

/* What comes to somebody who lives on the loop: jobs from any thread, and the time. */
struct mailbox {
    struct queue queue; /* first */
    pthread_mutex_t lock;
    struct job_list sent; /* under the lock */
    h2o_socket_t *wake_sock, *timer_sock;
    int64_t alarm_ms;                                     /* when it rings; 0: it does not */
    void (*on_jobs)(struct mailbox *, struct job *first); /* a list by next, or NULL */
    void (*on_alarm)(struct mailbox *);
};

enum accepting { ACCEPT_YES, ACCEPT_FULL, ACCEPT_NO_FILES };

struct loop {
    h2o_evloop_t *evloop;
    h2o_globalconf_t config;
    h2o_context_t context;
    exchange_handler *handler;
    void *handler_ctx;

    struct inbox inbox;
    int wake_fd; /* an eventfd; wake_sock closes it */
    h2o_socket_t *wake_sock, *signal_sock;
    struct timer timers[LOOP_TIMERS_MAX + 1]; /* and the sweeper's */
    size_t timer_count;
    void (*after_wake)(void *);
    void *after_wake_ctx;
    void (*on_signal)(void *, int);
    void *on_signal_ctx;

    struct listener *listeners;
    struct conn *conns, **conns_end; /* who asked last, or came last, stands last */
    size_t conn_count, places;       /* places: of the whole process */
    enum accepting accepting;
    int64_t accept_again_ms; /* ACCEPT_NO_FILES: not before */

    atomic_bool stopped;
    bool draining;
    int64_t drain_until_ms;
};

/* peer_uid.c: whose the other end is, of a unix socket, and of a TCP connection on loopback (between these two addresses, own being
 * ours; GONE_UID too). NO_UID: cannot be told, as for users that this user namespace does not map. */
uint32_t socket_peer_uid(int fd);
uint32_t loopback_peer_uid(const struct address *peer, const struct address *own);
int64_t loop_clock_ms(void);            /* monotonic: h2o's own time is the wall's and jumps with it */
extern atomic_llong loop_clock_skew_ms; /* added to it: tests let time pass, for all but h2o */
/* Calls back on the loop while fd can be read; h2o reads nothing itself and closes fd with the socket. */
h2o_socket_t *loop_watch(struct loop *l, int fd, h2o_socket_cb cb, void *data);
bool loop_read_count(h2o_socket_t *sock); /* makes a watched eventfd or timerfd quiet again; false: it was */

void job_list_init(struct job_list *l);
void job_list_add(struct job_list *l, struct job *j);
struct job *job_list_take(struct job_list *l); /* NULL: it is empty */

void mailbox_init(struct mailbox *m, struct loop *l, void (*on_jobs)(struct mailbox *, struct job *),
                  void (*on_alarm)(struct mailbox *));
void mailbox_finish(struct mailbox *m);
struct job *mailbox_take_all(struct mailbox *m);      /* what was sent and not yet handed over, a list by next */
void mailbox_alarm(struct mailbox *m, int64_t at_ms); /* at the latest then; it rings once */

void conn_accept(h2o_socket_t *listening,
                 const char *err); /* the read callback of a listening socket: data is its listener */
size_t conn_places(void);          /* how many connections the process may hold */
void conn_sweep(struct loop *l, int64_t now_ms);
void conn_count_request(struct conn *c); /* one begins */
void conn_shut_idle(struct loop *l);
void conn_cut_all(struct loop *l);
void conn_drain_end(struct loop *l); /* stops a draining loop that has no connections left */

void exchange_register(struct loop *l, h2o_pathconf_t *path);
/* The client is gone, or the loop ends: tells the request, and has h2o close the connection. */
void exchange_abandon(struct exchange *x);

const char *answer_reason(int status);

#endif
