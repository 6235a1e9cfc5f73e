/* Whose process is at the other end of a loopback connection. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "wire.h"

#define STRANGER 12345

struct pair {
    int listening, client;
    struct address peer, own; /* as the server sees them */
};

static struct address name_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage sa = { 0 };
    socklen_t n = sizeof(sa);
    struct address a = { .v6 = false };

    CHECK(name(fd, (struct sockaddr *)&sa, &n) == 0 && address_of((struct sockaddr *)&sa, &a));
    return a;
}

static struct pair connect_pair(int family)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr *at = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t n = family == AF_INET ? sizeof(v4) : sizeof(v6);
    struct pair p = { .listening = socket(family, SOCK_STREAM, 0), .client = socket(family, SOCK_STREAM, 0) };

    CHECK(bind(p.listening, at, n) == 0 && listen(p.listening, 4) == 0 && getsockname(p.listening, at, &n) == 0);
    CHECK(connect(p.client, at, n) == 0);
    p.own = name_of(p.client, getpeername);
    p.peer = name_of(p.client, getsockname);
    return p;
}

static void end(const struct pair *p)
{
    (void)close(p->client);
    (void)close(p->listening);
}

static void test_ourselves(void)
{
    const int families[] = { AF_INET, AF_INET6 };

    for (size_t i = 0; i < 2; i++) {
        struct pair p = connect_pair(families[i]);
        CHECK_INT(loopback_peer_uid(&p.peer, &p.own), getuid());
        end(&p);
    }
}

/* Its socket is another user's: of a child that has given its rights away. */
static void test_another_user(void)
{
    int go[2];
    struct pair p;

    if (getuid() != 0) {
        printf("# not root: no other user to be had\n");
        return;
    }
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, go) == 0);
    pid_t child = fork();
    if (child == 0) {
        if (setuid(STRANGER) == 0)
            p = connect_pair(AF_INET);
        bool sent = write(go[1], &p, sizeof(p)) == (ssize_t)sizeof(p);
        _exit(sent && read(go[1], &p, sizeof(p)) > 0 ? 0 : 1);
    }
    CHECK(read(go[0], &p, sizeof(p)) == (ssize_t)sizeof(p));
    CHECK_INT(loopback_peer_uid(&p.peer, &p.own), STRANGER);
    CHECK(write(go[0], "", 1) == 1 && waitpid(child, NULL, 0) == child);
    (void)close(go[0]);
    (void)close(go[1]);
}

/* The kernel says 0 of a socket that nobody holds any more, which must not pass for root. */
static void test_closed(void)
{
    struct pair p = connect_pair(AF_INET);

    (void)close(p.client);
    CHECK_INT(loopback_peer_uid(&p.peer, &p.own), GONE_UID);
    int accepted = accept(p.listening, NULL, NULL);
    CHECK_INT(loopback_peer_uid(&p.peer, &p.own), GONE_UID);
    (void)close(accepted);
    (void)close(p.listening);
}

static void test_half_closed(void)
{
    struct pair p = connect_pair(AF_INET);

    CHECK(shutdown(p.client, SHUT_WR) == 0);
    CHECK_INT(loopback_peer_uid(&p.peer, &p.own), getuid());
    end(&p);
}

static void test_not_of_this_machine(void)
{
    struct address far = { .ip = { 100, 64, 0, 2 }, .port = 4711 };
    struct pair p = connect_pair(AF_INET);

    CHECK_INT(loopback_peer_uid(&far, &p.own), NO_UID);
    CHECK_INT(loopback_peer_uid(&p.peer, &far), NO_UID);
    end(&p);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "ourselves, by IPv4 and IPv6", test_ourselves },       { "another user's process", test_another_user },
        { "closed: nobody's, and not root's", test_closed },     { "half closed", test_half_closed },
        { "what is not on loopback", test_not_of_this_machine },
    };

    return TAP_RUN(tests);
}
