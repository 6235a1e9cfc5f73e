/* Mutated requests at the raw port: the server must outlive them and go on answering. libh2o's asserts are compiled
 * in, so whatever reaches one ends this program. `test_raw_port COUNT SEED` for a longer run than the test suite's. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "wire.h"

#define COUNT_DEFAULT  3000
#define INPUT_MAX      4096
#define REQUESTS_MAX   4 /* on a connection */
#define MUTATIONS_MAX  4 /* of a request */
#define ANSWER_WAIT_MS 300
#define GET_ECHO       "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"

static struct server server;
static unsigned long count = COUNT_DEFAULT, seed = 1;
static uint64_t state;

static const char *const seeds[] = {
    GET_ECHO,
    "GET /authorize?client_id=x&redirect_uri=https%3A%2F%2Fa HTTP/1.1\r\n"
    "Host: idp.example:8443\r\nCookie: a=1\r\nAccept: */*\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello=world",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n6;x=y\r\n=world\r\n0\r\nT: u\r\n\r\n",
    "POST /later HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n",
    "GET /later HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    "DELETE /close HTTP/1.1\r\nHost: a\r\nDPoP: x\r\nOrigin: https://a\r\n\r\n",
    "GET /empty HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nConnection: Upgrade\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
};

static const char *const pieces[] = {
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "Content-Length: 5\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Content-Length: -1\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Expect: 100-continue\r\n",
    "Expect: x\r\n",
    "Host: b\r\n",
    "Connection: close\r\n",
    "Connection: upgrade\r\n",
    "HTTP/1.0",
    "HTTP/1.1",
    "FFFFFFFFFFFFFFFF\r\n",
    "FFFFFFFFFFFFFFFFF\r\n",
    "0\r\n\r\n",
    "\r\n\r\n",
    "?",
    "#",
    "/../",
    "%00",
    "GET / HTTP/1.1\r\n",
    "http://a",
    "*",
};
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* xorshift64*: the same sequence for the same seed, everywhere. */
static uint32_t dice(uint32_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return below == 0 ? 0 : (uint32_t)((state * UINT64_C(2685821657736338717)) >> 33) % below;
}

struct input {
    char bytes[INPUT_MAX];
    size_t n;
};

static void insert(struct input *in, size_t at, const char *bytes, size_t n)
{
    if (in->n + n > INPUT_MAX)
        return;
    memmove(in->bytes + at + n, in->bytes + at, in->n - at);
    memcpy(in->bytes + at, bytes, n);
    in->n += n;
}

static void mutate(struct input *in, size_t from)
{
    char copy[64];
    size_t at = from + dice((uint32_t)(in->n - from)), n = dice(sizeof(copy));
    const char *piece = pieces[dice(COUNT_OF(pieces))];

    switch (dice(6)) {
    case 0: in->bytes[at] = (char)dice(256); break;
    case 1: in->bytes[at] = (char)(in->bytes[at] ^ (1 << dice(8))); break;
    case 2: insert(in, at, piece, strlen(piece)); break;
    case 3: /* remove */
        n = n < in->n - at - 1 ? n : 0;
        memmove(in->bytes + at, in->bytes + at + n, in->n - at - n);
        in->n -= n;
        break;
    case 4: /* copy from elsewhere */
        n = n < in->n - at ? n : in->n - at;
        memcpy(copy, in->bytes + at, n);
        insert(in, from + dice((uint32_t)(in->n - from)), copy, n);
        break;
    default: /* cut short */ in->n = dice(4) == 0 ? at + 1 : in->n; break;
    }
}

static unsigned make_input(struct input *in)
{
    unsigned requests = 1 + dice(REQUESTS_MAX);

    in->n = 0;
    for (unsigned i = 0; i < requests; i++) {
        const char *text = seeds[dice(COUNT_OF(seeds))];
        size_t from = in->n;

        insert(in, in->n, text, strlen(text));
        if (in->n == from)
            break;
        for (unsigned m = dice(MUTATIONS_MAX + 1); m > 0; m--)
            mutate(in, from);
    }
    return requests;
}

static void hang_up(int fd)
{
    struct linger now = { 1, 0 }; /* also spares the ports that would wait */

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)close(fd);
}

/* Answers, or nothing; anything else would be memory that is none of the client's business. */
static bool answers_are_answers(int fd)
{
    static char text[1 << 16];
    size_t n = 0;

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (poll(&p, 1, ANSWER_WAIT_MS) != 1)
            break;
        ssize_t got = recv(fd, text + n, sizeof(text) - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    return n == 0 || (n > 9 && memcmp(text, "HTTP/1.1 ", 9) == 0);
}

static bool throw_one(const struct input *in)
{
    int fd = wire_connect(server.port);
    size_t first = dice(4) == 0 ? dice((uint32_t)in->n) : in->n;
    bool ok = true;

    if (fd < 0)
        return false;
    wire_send_bytes(fd, in->bytes, first);
    wire_send_bytes(fd, in->bytes + first, in->n - first);
    if (dice(16) != 0) {
        (void)shutdown(fd, SHUT_WR);
        ok = answers_are_answers(fd);
    }
    hang_up(fd);
    return ok;
}

static void mutations(void)
{
    static struct input in;

    state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (unsigned long done = 0; done < count;) {
        done += make_input(&in);
        bool ok = throw_one(&in);

        CHECK(ok);
        if (!ok)
            break;
    }
    printf("# %d requests reached the handler\n", atomic_load(&server.calls));
    CHECK(atomic_load(&server.calls) > 0);
    int fd = wire_connect(server.port);
    wire_send(fd, GET_ECHO);
    char *text = wire_read(fd, "class=dev\n", NULL);
    CHECK(strncmp(text, "HTTP/1.1 200", 12) == 0);
    free(text);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    static const struct tap_test tests[] = {
        { "mutated requests", mutations },
    };

    if (argc > 1)
        count = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        seed = strtoul(argv[2], NULL, 10);
    server_start(&server);
    int status = TAP_RUN(tests);
    server_stop(&server);
    return status;
}
