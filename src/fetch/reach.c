/* A connection to an address that has been judged, made here so that the library which speaks over it has no say in where it goes.
 * Addresses of the tailnet are reached by the machine's own route where there is one. Where there is none (tailscaled without a
 * network interface) the default route would lead to whoever has that address on the provider's network, so there it is tailscaled
 * that connects. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch_int.h"

static socklen_t to_sockaddr(const struct address *a, struct sockaddr_storage *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

    memset(ret, 0, sizeof(*ret));
    if (!a->v6) {
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, sizeof(in->sin_addr));
        return sizeof(*in);
    }
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    memcpy(&in6->sin6_addr, a->ip, sizeof(in6->sin6_addr));
    return sizeof(*in6);
}

static bool local_address(int fd, struct address *ret)
{
    struct sockaddr_storage own = { 0 };
    socklen_t n = sizeof(own);

    return getsockname(fd, (struct sockaddr *)&own, &n) == 0 && address_of((struct sockaddr *)&own, ret);
}

/* The kernel chooses the source address by the route; nothing is sent. */
static bool has_route_into_tailnet(const struct address *a)
{
    struct sockaddr_storage to;
    struct address own;
    socklen_t n = to_sockaddr(a, &to);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    bool has =
        fd >= 0 && connect(fd, (struct sockaddr *)&to, n) == 0 && local_address(fd, &own) && address_is_tailnet(&own);
    if (fd >= 0)
        (void)close(fd);
    return has;
}

/* 0, or what errno would say. */
static int wait_until_connected(int fd, int64_t left_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int error = 0;
    socklen_t n = sizeof(error);

    if (poll(&p, 1, (int)left_ms) != 1)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 ? error : errno;
}

static bool connect_directly(struct fetching *f, const struct address *a, int64_t left_ms, int *ret_fd)
{
    struct slice text = address_text(f->pool, a);
    struct sockaddr_storage to;
    struct address own;
    socklen_t n = to_sockaddr(a, &to);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = fd < 0 ? errno : 0;

    if (error == 0 && connect(fd, (struct sockaddr *)&to, n) != 0)
        error = errno == EINPROGRESS ? wait_until_connected(fd, left_ms) : errno;
    if (error == 0 && local_address(fd, &own) && fcntl(fd, F_SETFL, 0) == 0) {
        fetching_step(f, FETCH_AT_WAY, true, "Directly to " SLICE_FMT ", from " SLICE_FMT ".", SLICE_ARG(text),
                      SLICE_ARG(address_ip_text(f->pool, &own)));
        *ret_fd = fd;
        return true;
    }
    fetching_step(f, FETCH_AT_WAY, false, "Directly to " SLICE_FMT ": %s.", SLICE_ARG(text), strerrordesc_np(error));
    if (fd >= 0)
        (void)close(fd);
    return false;
}

static bool dial(struct fetching *f, const struct address *a, int64_t left_ms, int *ret_fd)
{
    struct slice why = SLICE_NONE, text = address_text(f->pool, a);

    if (f->ask.settings.tailscaled.n == 0) {
        fetching_step(f, FETCH_AT_WAY, false, "This machine has no route to " SLICE_FMT " and no tailscaled.",
                      SLICE_ARG(text));
        return false;
    }
    switch (tailscaled_dial(f, a, left_ms, ret_fd, &why)) {
    case DIALLED:
        fetching_step(f, FETCH_AT_WAY, true, "Through tailscaled to " SLICE_FMT ": this machine itself has no route.",
                      SLICE_ARG(text));
        return true;
    case DIAL_NO_ROUTE:
        fetching_step(f, FETCH_AT_WAY, false, "Neither this machine nor tailscaled has a route to " SLICE_FMT ".",
                      SLICE_ARG(text));
        return false;
    case DIAL_FAILED:
        fetching_step(f, FETCH_AT_WAY, false, "Through tailscaled to " SLICE_FMT ": " SLICE_FMT ".", SLICE_ARG(text),
                      SLICE_ARG(why));
        return false;
    }
    return false;
}

bool reach(struct fetching *f, int *ret_fd)
{
    fetching_do(f, "connecting");
    for (size_t i = 0; i < f->address_n && fetching_left_ms(f) > 0; i++) {
        const struct address *a = &f->addresses[i];
        int64_t left_ms = fetching_left_ms(f) < FETCH_CONNECT_MS ? fetching_left_ms(f) : FETCH_CONNECT_MS;
        bool tailnet = address_is_tailnet(a) && !has_route_into_tailnet(a);
        bool done = tailnet ? dial(f, a, left_ms, ret_fd) : connect_directly(f, a, left_ms, ret_fd);

        if (done)
            return true;
    }
    if (fetching_left_ms(f) == 0)
        return fetching_fail(f, FETCH_TOO_SLOW, "The time was up while connecting.");
    struct slice last = address_text(f->pool, &f->addresses[f->address_n - 1]);
    return fetching_fail(f, FETCH_UNREACHABLE, "No connection to " SLICE_FMT "%s.", SLICE_ARG(last),
                         f->address_n > 1 ? " or the name's other addresses" : "");
}
