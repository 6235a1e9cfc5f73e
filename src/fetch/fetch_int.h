/* What the files of avouch-fetch share: one fetch, in the order of its stages. Each stage is true when the next may begin; else it
 * has called fetching_fail. A process does one fetch and ends. */
#ifndef AVOUCH_FETCH_INT_H
#define AVOUCH_FETCH_INT_H

#include <pthread.h>

#include "address.h"
#include "fetch_message.h"
#include "uri.h"

#define FETCH_ADDRESSES_MAX 16   /* of a name that are looked at */
#define FETCH_CONNECT_MS    4000 /* for one address */

struct fetching {
    struct pool *pool; /* the worker's: at the deadline another thread answers in its stead */
    struct fetch_ask ask;
    int64_t deadline_ms;
    pthread_mutex_t lock; /* of what follows, up to the next comment of a file */
    pthread_cond_t ended;
    bool has_ended;
    struct fetch_answer answer;
    struct fetch_step steps[FETCH_STEPS_MAX];
    char why[FETCH_TEXT_BYTES_MAX + 1];
    const char *doing; /* what is waited for */
    /* url.c */
    struct slice host; /* without brackets */
    uint16_t port;
    bool http;    /* plain: to loopback addresses, under dev */
    bool allowed; /* outbound.allow names the host */
    /* resolve.c */
    struct address addresses[FETCH_ADDRESSES_MAX]; /* that may be gone to, in the order to try */
    size_t address_n;
};

/* fetching.c */
void fetching_init(struct fetching *f, struct pool *p);
/* The first failure stays. Always false. */
bool fetching_fail(struct fetching *f, enum fetch_outcome o, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void fetching_step(struct fetching *f, enum fetch_stage stage, bool good, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void fetching_do(struct fetching *f, const char *doing); /* static text: "resolving the name" */
int64_t fetching_left_ms(const struct fetching *f);      /* 0: the time is up */
void fetching_status(struct fetching *f, int status);
void fetching_document(struct fetching *f, struct slice type, struct slice body, int64_t fresh_s);
void fetching_end(struct fetching *f);  /* the worker's last word */
void fetching_wait(struct fetching *f); /* for it, or for the end of the time, which is a failure */
/* The answer, from what is there by now; the worker may still run. In a pool of its own. */
struct slice fetching_answer(struct fetching *f, struct pool *p);

bool url_read(struct fetching *f); /* url.c: what may be asked for at all */
bool resolve(struct fetching *f);  /* resolve.c: where it leads, and which of that is gone to */
bool resolve_is_permitted(const struct fetching *f, const struct address *a, bool is_own);
bool reach(struct fetching *f, int *ret_fd); /* reach.c: a connection to one of those addresses */
/* relay.c: a unix socket (an abstract name, without its NUL) that leads to the connection, once; owns it. */
bool relay_start(struct fetching *f, int outside, const char **ret_name);
bool transfer(struct fetching *f, int fd); /* transfer.c: TLS and HTTP; owns fd */
/* The same file: GET of the LocalAPI, the body of a 200. */
bool transfer_local(struct fetching *f, const char *path, size_t bytes_max, struct slice *ret);
/* tailscaled.c: the LocalAPI. */
bool tailscaled_lookup(struct fetching *f); /* addresses of the node that has this name; false: there is none */

enum dialled { DIALLED, DIAL_NO_ROUTE, DIAL_FAILED };
enum dialled tailscaled_dial(struct fetching *f, const struct address *a, int64_t left_ms, int *ret_fd,
                             struct slice *ret_why);

/* fence.c: what this process gives up for good, before it listens to anybody and has a second thread. False: the reason is on
 * standard error. */
bool fence(struct fetching *f);

#endif
