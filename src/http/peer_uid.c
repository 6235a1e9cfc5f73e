/* Whose process is at the other end of a connection on this machine. A unix socket tells by itself; of a TCP connection on loopback the
 * kernel's socket diagnosis (sock_diag(7)) knows the socket at the other end, and who opened it. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "http_int.h"

#define OVERFLOW_UID 65534 /* every user that a user namespace does not map */

static uint32_t mapped(uint32_t uid)
{
    return uid == OVERFLOW_UID ? NO_UID : uid;
}

uint32_t socket_peer_uid(int fd)
{
    struct ucred peer = { 0 };
    socklen_t n = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 ? mapped(peer.uid) : NO_UID;
}

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 about;
};

/* About the one socket whose own address is `from` and whose other end is `to`. */
static void fill(struct question *q, const struct address *from, const struct address *to)
{
    *q = (struct question){
        .head = { .nlmsg_len = sizeof(*q), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
        .about = { .sdiag_family = from->v6 ? AF_INET6 : AF_INET,
                   .sdiag_protocol = IPPROTO_TCP,
                   .idiag_states = UINT32_MAX,
                   .id = { .idiag_sport = htons(from->port),
                           .idiag_dport = htons(to->port),
                           .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
    };
    memcpy(q->about.id.idiag_src, from->ip, from->v6 ? 16 : 4);
    memcpy(q->about.id.idiag_dst, to->ip, to->v6 ? 16 : 4);
}

/* The kernel has answered when send returns. */
static bool ask(const struct question *q, struct inet_diag_msg *ret)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_msg body;
        char attributes[4096];
    } answer;

    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);

    if (fd < 0)
        return false;
    bool sent = send(fd, q, sizeof(*q), 0) == (ssize_t)sizeof(*q);
    ssize_t n = sent ? recv(fd, &answer, sizeof(answer), 0) : -1;
    (void)close(fd);
    if (n < (ssize_t)(sizeof(answer.head) + sizeof(answer.body)) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    *ret = answer.body;
    return true;
}

uint32_t loopback_peer_uid(const struct address *peer, const struct address *own)
{
    struct question q;
    struct inet_diag_msg found;

    if (!address_is_loopback(peer) || !address_is_loopback(own))
        return NO_UID;
    fill(&q, peer, own);
    if (ask(&q, &found))
        return found.idiag_inode != 0 ? mapped(found.idiag_uid) : GONE_UID; /* without an inode no process holds it */
    fill(&q, own, peer); /* "no such socket" and "no socket diagnosis here" are one error; ours is there */
    return ask(&q, &found) ? GONE_UID : NO_UID;
}
