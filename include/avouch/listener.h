/* Where connections come in. Its class says what they may be believed and which routes exist there (route.def). */
#ifndef AVOUCH_LISTENER_H
#define AVOUCH_LISTENER_H

#include "err.h"
#include "loop.h"
#include "pool.h"

#define CONNECTIONS_MAX 4096        /* of a process; above it those that stand still for the longest are cut */
#define FILES_RESERVED 128          /* of RLIMIT_NOFILE: what connections leave for the database, tailscaled and others */
#define HEAD_TIMEOUT_S 10           /* a head or a body that makes no progress, an answer nobody reads */
#define IDLE_TIMEOUT_S 75           /* a kept-alive connection */

enum listener_class { LISTEN_TAILNET, LISTEN_SERVE, LISTEN_PROXY, LISTEN_PUBLIC, LISTEN_OPS, LISTEN_DEV };
#define LISTENER_CLASS_COUNT 6

/* Bits of the route table's column. */
#define ON_TAILNET (1U << LISTEN_TAILNET)
#define ON_SERVE (1U << LISTEN_SERVE)
#define ON_PROXY (1U << LISTEN_PROXY)
#define ON_PUBLIC (1U << LISTEN_PUBLIC)
#define ON_OPS (1U << LISTEN_OPS)
#define ON_DEV (1U << LISTEN_DEV)

const char *listener_class_name(enum listener_class c);

struct ssl_ctx_st;

/* Parsed "CLASS:ADDRESS": text of the operator, e.g. "tailnet:443", "ops:[::1]:9090", "ops:unix:/run/x",
 * "dev:127.0.0.1:9080". */
struct listen_spec {
    enum listener_class class;
    struct address address;         /* port 0 asks the kernel for one (tests) */
    struct slice unix_path;         /* none: TCP */
    bool any_own_address;           /* "tailnet:443": the node's own addresses, which tailscaled may know before the
                                     * interface has them; 127.0.0.1 in userspace mode */
};
bool listen_spec_parse(struct slice text, struct listen_spec *ret);

/* Opens one socket and serves it on the loop. fd >= 0: an already listening socket handed over by the supervisor.
 * tls may be NULL. ERR_CONFIG with a sentence in *ret_why: port in use, no permission, no such address. */
enum err listener_open(struct loop *l, const struct listen_spec *spec, int fd, struct ssl_ctx_st *tls, struct pool *p,
                       struct listener **ret, struct slice *ret_why) MUST_CHECK;
/* Nobody connects any more; connections stay. Inside one of the loop's callbacks; the listener is not touched again. */
void listener_close(struct listener *l);
/* For connections from now on; takes its own reference. */
void listener_set_tls(struct listener *l, struct ssl_ctx_st *tls);
enum listener_class listener_class(const struct listener *l);
uint16_t listener_port(const struct listener *l);
bool listener_has_tls(const struct listener *l);

/* For tests of the layers above: a listener without a socket. */
struct listener *listener_fake(struct pool *p, enum listener_class class, bool tls);

#endif
