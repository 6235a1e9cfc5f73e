/* What avouch-fetch asks of tailscaled's LocalAPI: which node has a name, and a connection to a node. Addresses are dialled, never
 * names: for a name that its resolver cannot settle tailscaled does not answer at all. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fetch_int.h"
#include "json.h"

#define STATUS_BYTES_MAX (4U << 20) /* of a large tailnet */
#define REPLY_BYTES_MAX  2048
#define WHY_MS           200 /* for the words after a refusal */

/* ---- names ---- */

static bool has_name(const struct json *node, struct slice host)
{
    struct slice name = SLICE_NONE;

    if (!json_text(json_member(node, "DNSName"), &name))
        return false;
    return slice_eq_nocase(slice_ends(name, SL(".")) ? slice_head(name, name.n - 1) : name, host);
}

static const struct json *find_node(const struct json *status, struct slice host)
{
    const struct json *self = json_member(status, "Self"), *peers = json_member(status, "Peer");
    struct slice key;

    if (has_name(self, host))
        return self;
    for (size_t i = 0; i < json_count(peers); i++)
        if (has_name(json_member_at(peers, i, &key), host))
            return json_member_at(peers, i, &key);
    return NULL;
}

static void take_addresses(struct fetching *f, const struct json *texts)
{
    struct slice text;

    for (size_t i = 0; i < json_count(texts) && f->address_n < FETCH_ADDRESSES_MAX; i++) {
        struct address *a = &f->addresses[f->address_n];
        bool good = json_text(json_item(texts, i), &text) && address_parse(text, a);
        a->port = f->port;
        f->address_n += good;
    }
}

bool tailscaled_lookup(struct fetching *f)
{
    const struct json *status = NULL;
    struct slice body = SLICE_NONE;

    if (!transfer_local(f, "/localapi/v0/status?peers=true", STATUS_BYTES_MAX, &body) ||
        json_parse(f->pool, body, STATUS_BYTES_MAX, &status) != ERR_OK) {
        fetching_step(f, FETCH_AT_NAME, false, "tailscaled does not say who has the name: no answer at " SLICE_FMT ".",
                      SLICE_ARG(f->ask.settings.tailscaled));
        return false;
    }
    const struct json *node = find_node(status, f->host);
    take_addresses(f, node != NULL ? json_member(node, "TailscaleIPs") : NULL);
    if (f->address_n > 0)
        fetching_step(f, FETCH_AT_NAME, true, "A node of the tailnet has this name.");
    return f->address_n > 0;
}

/* ---- dial ---- */

static int connect_to_daemon(struct slice path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = path.n < sizeof(to.sun_path) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

    if (fd < 0)
        return -1;
    memcpy(to.sun_path, path.p, path.n);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static bool send_dial(struct fetching *f, int fd, const struct address *a)
{
    struct slice request =
        pool_fmt(f->pool,
                 "POST /localapi/v0/dial HTTP/1.1\r\nHost: local-tailscaled.sock\r\nConnection: upgrade\r\n"
                 "Upgrade: ts-dial\r\nDial-Host: " SLICE_FMT "\r\nDial-Port: %u\r\nDial-Network: tcp\r\n"
                 "Content-Length: 0\r\n\r\n",
                 SLICE_ARG(address_ip_text(f->pool, a)), a->port);

    return send(fd, request.p, request.n, MSG_NOSIGNAL) == (ssize_t)request.n;
}

/* Byte by byte: what follows the head is the connection's, and not to be read here. */
static bool read_head(const struct fetching *f, int fd, int64_t spare_ms, char ret[static REPLY_BYTES_MAX],
                      size_t *ret_n)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    size_t n = 0;

    while (n < 4 || memcmp(ret + n - 4, "\r\n\r\n", 4) != 0) {
        int64_t left_ms = fetching_left_ms(f) - spare_ms;

        if (n == REPLY_BYTES_MAX || left_ms <= 0 || poll(&p, 1, (int)left_ms) != 1 || recv(fd, ret + n, 1, 0) != 1)
            return false;
        n++;
    }
    *ret_n = n;
    return true;
}

/* Has the head this line? */
static bool has_line(struct slice head, struct slice line)
{
    struct slice one;

    while (slice_cut(&head, '\n', &one))
        if (slice_eq_nocase(slice_trim(slice_head(one, slice_find(one, '\r'))), line))
            return true;
    return false;
}

/* The first line behind the head, without its end. */
static struct slice read_why(struct fetching *f, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char text[REPLY_BYTES_MAX];
    ssize_t n = poll(&p, 1, WHY_MS) == 1 ? recv(fd, text, sizeof(text), 0) : 0;
    struct slice all = slice_bytes(text, n > 0 ? (size_t)n : 0);

    return all.n > 0 ? pool_dup(f->pool, slice_head(all, slice_find(all, '\n'))) : SL("refused");
}

static enum dialled judge(struct fetching *f, int fd, struct slice head, struct slice *ret_why)
{
    if (slice_starts(head, SL("HTTP/1.1 101 ")))
        return DIALLED;
    if (slice_starts(head, SL("HTTP/1.1 200 ")) && has_line(head, SL("Dial-Self: true")))
        return DIAL_NO_ROUTE;
    *ret_why = slice_starts(head, SL("HTTP/1.1 ")) ? read_why(f, fd) : SL("it does not speak HTTP/1.1");
    return DIAL_FAILED;
}

enum dialled tailscaled_dial(struct fetching *f, const struct address *a, int64_t left_ms, int *ret_fd,
                             struct slice *ret_why)
{
    int64_t spare_ms = fetching_left_ms(f) - left_ms; /* of the fetch's time, for the other addresses */
    int fd = connect_to_daemon(f->ask.settings.tailscaled);
    enum dialled d = DIAL_FAILED;
    char head[REPLY_BYTES_MAX];
    size_t n = 0;

    *ret_why = SL("it does not answer");
    if (fd < 0)
        return DIAL_FAILED;
    if (send_dial(f, fd, a) && read_head(f, fd, spare_ms, head, &n))
        d = judge(f, fd, slice_bytes(head, n), ret_why);
    if (d == DIALLED)
        *ret_fd = fd;
    else
        (void)close(fd);
    return d;
}
