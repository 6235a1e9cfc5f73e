/* Between the library that speaks TLS and HTTP and a connection that is there already. The library wants to connect somewhere itself
 * (handing it a connected socket does not work with libcurl 7.88), so it is given a unix socket in this process: whatever a URL or a
 * redirect says, it has no way to the network. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fetch_int.h"

#define PIECE_BYTES 16384

struct relay {
    int listener, outside;
};

/* Anybody on the machine may connect to such a socket. */
static bool is_ours(int fd)
{
    struct ucred peer = { 0 };
    socklen_t n = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid == getpid();
}

static int accept_ours(int listener)
{
    int fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0 && !is_ours(fd))
        (void)close(fd);
    (void)close(listener);
    return fd;
}

/* What there is; false: the end. */
static bool pass_on(int from, int to)
{
    char piece[PIECE_BYTES];
    ssize_t n = recv(from, piece, sizeof(piece), MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t at = 0, sent = 0; at < n; at += sent) {
        sent = send(to, piece + at, (size_t)(n - at), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
    }
    return n > 0;
}

static void *run(void *relay)
{
    struct relay *r = relay;
    int inside = accept_ours(r->listener);
    struct pollfd p[2] = { { .fd = inside, .events = POLLIN }, { .fd = r->outside, .events = POLLIN } };

    while (inside >= 0 && (p[0].fd >= 0 || p[1].fd >= 0) && poll(p, 2, -1) > 0)
        for (unsigned i = 0; i < 2; i++) {
            int other = i == 0 ? r->outside : inside;

            if (p[i].fd < 0 || p[i].revents == 0 || pass_on(p[i].fd, other))
                continue;
            (void)shutdown(other, SHUT_WR);
            p[i].fd = -1;
        }
    return NULL; /* the descriptors are closed with the process */
}

static bool listen_somewhere(int *ret_fd, struct sockaddr_un *ret_at, socklen_t *ret_n)
{
    const struct sockaddr_un any = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret_n = sizeof(*ret_at);
    /* without a name the kernel makes one: a NUL and five digits */
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) == 0 && listen(fd, 1) == 0 &&
        getsockname(fd, (struct sockaddr *)ret_at, ret_n) == 0) {
        *ret_fd = fd;
        return true;
    }
    if (fd >= 0)
        (void)close(fd);
    return false;
}

bool relay_start(struct fetching *f, int outside, const char **ret_name)
{
    static struct relay relay; /* of the one fetch of this process */
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    socklen_t n = 0;
    pthread_t thread;

    relay.outside = outside;
    if (!listen_somewhere(&relay.listener, &at, &n) || pthread_create(&thread, NULL, run, &relay) != 0)
        return false;
    (void)pthread_detach(thread);
    size_t skip = offsetof(struct sockaddr_un, sun_path) + 1;
    *ret_name = slice_cstr(f->pool, slice_bytes(at.sun_path + 1, n - skip));
    return true;
}
