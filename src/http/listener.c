/* Listening sockets: opened here or handed over by the supervisor, one h2o accept context each. What a class may
 * listen on is a rule of its own, checked whatever the specification's author believed. Unix sockets get their mode
 * between bind and listen, when nobody can connect yet, and are never unlinked on the way out: a successor may
 * already stand there. */
#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "http_int.h"

#define UNIX_MODE 0660

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
    struct sockaddr_storage storage;
};

/* What is to be opened, and where the complaints go. */
struct opening {
    const struct listen_spec *spec;
    struct pool *pool;
    struct slice place; /* for people */
    struct slice why;
    union socket_address address;
    socklen_t address_bytes;
};

static enum err complain(struct opening *o, const char *what)
{
    o->why = pool_fmt(o->pool, "cannot listen on " SLICE_FMT ": %s", SLICE_ARG(o->place), what);
    return ERR_CONFIG;
}

static const char *explain(int error)
{
    switch (error) {
    case EADDRINUSE: return "another program listens there already";
    case EACCES:
    case EPERM:
        return "not permitted (a port below 1024 needs CAP_NET_BIND_SERVICE, a socket a folder that we may write to)";
    case EADDRNOTAVAIL: return "this machine has no such address";
    case EMFILE:
    case ENFILE: return "too many open files";
    case ENOENT: return "the folder does not exist";
    default: return strerror(error);
    }
}

static bool is_wildcard(const struct address *a)
{
    static const uint8_t zeros[sizeof(a->ip)];

    return memcmp(a->ip, zeros, a->v6 ? sizeof(a->ip) : 4) == 0;
}

static bool is_ops_address(const struct address *a)
{
    static const uint8_t v4[4] = { 127, 0, 0, 1 };

    return a->v6 ? address_is_loopback(a) : memcmp(a->ip, v4, sizeof(v4)) == 0;
}

/* NULL: allowed. */
static const char *judge_class(const struct listen_spec *s)
{
    bool by_unix = !slice_is_none(s->unix_path);

    switch (s->class) {
    case LISTEN_TAILNET:
        if (by_unix || is_wildcard(&s->address))
            return "the class tailnet needs an address of this node, because its peers are identified by theirs";
        break;
    case LISTEN_SERVE:
        if (!by_unix)
            return "the class serve needs a unix socket, because only there it can be checked that tailscaled connects";
        break;
    case LISTEN_OPS:
        if (!by_unix && !is_ops_address(&s->address))
            return "the class ops needs a unix socket, [::1] or 127.0.0.1, because anybody who reaches it may read it";
        break;
    case LISTEN_DEV:
        if (by_unix || !address_is_loopback(&s->address))
            return "the class dev needs a loopback address, because its people are made up";
        break;
    case LISTEN_PROXY:
    case LISTEN_PUBLIC: break;
    }
    return NULL;
}

static enum err set_place(struct opening *o)
{
    const struct listen_spec *s = o->spec;

    if (slice_is_none(s->unix_path)) {
        o->place = address_text(o->pool, &s->address);
        return ERR_OK;
    }
    o->place = s->unix_path;
    return s->unix_path.n < sizeof(o->address.path.sun_path) ? ERR_OK
                                                             : complain(o, "the path is too long for a socket");
}

static void set_address(struct opening *o)
{
    const struct listen_spec *s = o->spec;

    if (!slice_is_none(s->unix_path)) {
        o->address.path.sun_family = AF_UNIX;
        memcpy(o->address.path.sun_path, s->unix_path.p, s->unix_path.n);
        o->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + s->unix_path.n + 1);
    } else if (s->address.v6) {
        o->address.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(s->address.port) };
        memcpy(&o->address.v6.sin6_addr, s->address.ip, sizeof(o->address.v6.sin6_addr));
        o->address_bytes = sizeof(o->address.v6);
    } else {
        o->address.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(s->address.port) };
        memcpy(&o->address.v4.sin_addr, s->address.ip, sizeof(o->address.v4.sin_addr));
        o->address_bytes = sizeof(o->address.v4);
    }
}

/* A socket file at our path: of somebody who listens, or left behind? */
static enum err clear_path(struct opening *o)
{
    struct stat at;

    if (lstat(o->address.path.sun_path, &at) != 0)
        return errno == ENOENT ? ERR_OK : complain(o, explain(errno));
    if (!S_ISSOCK(at.st_mode))
        return complain(o, "there is a file of another kind");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return complain(o, explain(errno));
    int error = connect(fd, &o->address.any, o->address_bytes) == 0 ? 0 : errno;
    (void)close(fd);
    if (error != ECONNREFUSED)
        return complain(o, explain(EADDRINUSE)); /* EAGAIN: its queue is full */
    return unlink(o->address.path.sun_path) == 0 ? ERR_OK : complain(o, explain(errno));
}

/* An address that is still on its way to its interface can be bound. */
static bool allow_early(int fd, int family)
{
    int on = 1;

    if (family == AF_INET6)
        return setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) == 0;
    return setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) == 0;
}

static bool set_options(int fd, int family)
{
    int on = 1, receive = RECEIVE_BUFFER_BYTES;

    if (family == AF_UNIX)
        return true;
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
        return false;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive)) == 0;
}

static bool bind_and_listen(int fd, const struct opening *o)
{
    int family = o->address.any.sa_family;

    if (o->spec->any_own_address && !allow_early(fd, family))
        return false;
    return set_options(fd, family) && bind(fd, &o->address.any, o->address_bytes) == 0 &&
           (family != AF_UNIX || chmod(o->address.path.sun_path, UNIX_MODE) == 0) && listen(fd, LISTEN_BACKLOG) == 0;
}

static enum err open_socket(struct opening *o, int *ret_fd)
{
    set_address(o);
    int family = o->address.any.sa_family;
    enum err e = family == AF_UNIX ? clear_path(o) : ERR_OK;
    if (e != ERR_OK)
        return e;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return complain(o, explain(errno));
    if (!bind_and_listen(fd, o)) {
        int error = errno;

        (void)close(fd);
        return complain(o, explain(error));
    }
    *ret_fd = fd;
    return ERR_OK;
}

/* Handed over: is it what the specification says? */
static enum err check_socket(struct opening *o, int fd)
{
    union socket_address own = { 0 };
    socklen_t n = sizeof(own), flag_bytes = sizeof(int);
    struct address address;
    int listens = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag_bytes) != 0 || !listens ||
        getsockname(fd, &own.any, &n) != 0)
        return complain(o, "what the supervisor handed over is not a listening socket");
    bool is_ip = address_of(&own.any, &address);
    if (is_ip == slice_is_none(o->spec->unix_path) &&
        (!is_ip || (address_same_ip(&address, &o->spec->address) && address.port == o->spec->address.port)))
        return ERR_OK;
    return complain(o, "the socket that the supervisor handed over listens elsewhere");
}

static uint16_t port_of(int fd)
{
    union socket_address own = { 0 };
    socklen_t n = sizeof(own);
    struct address address = { 0 };

    if (getsockname(fd, &own.any, &n) != 0 || !address_of(&own.any, &address))
        return 0;
    return address.port;
}

static bool has_connections(const struct loop *l, const struct listener *listener)
{
    for (const struct conn *c = l->conns; c != NULL; c = c->next)
        if (c->listener == listener)
            return true;
    return false;
}

/* One that was closed and whose connections are over, else a new one. */
static struct listener *find_place(struct loop *l)
{
    for (struct listener *at = l->listeners; at != NULL; at = at->next) {
        if (at->sock != NULL || has_connections(l, at))
            continue;
        SSL_CTX_free(at->accept.ssl_ctx);
        return at;
    }
    struct listener *made = h2o_mem_alloc(sizeof(*made));
    made->next = l->listeners;
    l->listeners = made;
    return made;
}

static struct listener *create(struct loop *l, const struct listen_spec *spec, int fd, SSL_CTX *tls)
{
    struct listener *made = find_place(l);

    *made = (struct listener){
        .next = made->next,
        .loop = l,
        .class = spec->class,
        .accept = { .ctx = &l->context, .hosts = l->config.hosts },
        .port = port_of(fd),
        .by_unix = !slice_is_none(spec->unix_path),
    };
    listener_set_tls(made, tls);
    made->sock = loop_watch(l, fd, conn_accept, made);
    return made;
}

/* NOLINTNEXTLINE(readability-function-size): the seventh is the sentence for what failed; no two of one type can be mistaken */
enum err listener_open(struct loop *l, const struct listen_spec *spec, int fd, struct ssl_ctx_st *tls, struct pool *p,
                       struct listener **ret, struct slice *ret_why)
{
    struct opening o = { .spec = spec, .pool = p };
    enum err e = set_place(&o);

    const char *refused = judge_class(spec);
    if (e == ERR_OK && refused != NULL)
        e = complain(&o, refused);
    if (e == ERR_OK)
        e = fd >= 0 ? check_socket(&o, fd) : open_socket(&o, &fd);
    if (e != ERR_OK) {
        *ret_why = o.why;
        return e;
    }
    *ret = create(l, spec, fd, tls);
    return ERR_OK;
}

void listener_close(struct listener *l)
{
    if (l->sock != NULL)
        h2o_socket_close(l->sock);
    l->sock = NULL;
}

void listener_set_tls(struct listener *l, struct ssl_ctx_st *tls)
{
    SSL_CTX *old = l->accept.ssl_ctx;

    if (tls != NULL)
        (void)SSL_CTX_up_ref(tls);
    l->accept.ssl_ctx = tls;
    l->tls = tls != NULL;
    SSL_CTX_free(old); /* connections hold their own reference */
}

enum listener_class listener_class(const struct listener *l)
{
    return l->class;
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

bool listener_has_tls(const struct listener *l)
{
    return l->tls;
}

struct listener *listener_fake(struct pool *p, enum listener_class class, bool tls)
{
    struct listener *l = pool_zalloc(p, sizeof(*l));

    l->class = class;
    l->tls = tls;
    return l;
}
