/* Who else answers under our name: a `tailscale serve` configuration, and other programs on this machine. To browsers all ports
 * of a host are one place as far as cookies go. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "listener.h"

#define PORTS_MAX       16
#define TABLE_BYTES_MAX (1 << 20)
#define STATE_LISTEN    "0A"

struct ports {
    uint16_t at[PORTS_MAX];
    size_t n;
};

static void add_port(struct ports *ports, uint16_t port)
{
    for (size_t i = 0; i < ports->n; i++)
        if (ports->at[i] == port)
            return;
    if (ports->n < PORTS_MAX)
        ports->at[ports->n++] = port;
}

/* classes: ON_... of listener.h. */
static bool is_ours(const struct doctor *d, uint16_t port, unsigned classes)
{
    struct listen_spec spec;

    for (size_t i = 0; i < d->c->config.listen.n; i++)
        if (listen_spec_parse(d->c->config.listen.at[i], &spec) && (classes & (1U << spec.class)) != 0 &&
            spec.address.port == port)
            return true;
    return false;
}

/* ---- tailscale serve ---- */

static void judge_served(struct doctor *d, struct slice port, bool behind_serve)
{
    uint64_t number = 0;

    if (!slice_to_u64(port, UINT16_MAX, &number))
        return;
    if (is_ours(d, (uint16_t)number, ON_TAILNET))
        doctor_say(d, "serve", FINDING_BAD,
                   pool_fmt(d->pool, "`tailscale serve` has port " SLICE_FMT ", which takes our connections away.",
                            SLICE_ARG(port)),
                   "tailscale serve reset, or listen: [\"serve:unix:PATH\"] behind it");
    else if (!behind_serve || number != 443)
        doctor_say(d, "cookies", FINDING_LOOK,
                   pool_fmt(d->pool,
                            "`tailscale serve` has port " SLICE_FMT
                            " of this name: browsers send our cookies there too.",
                            SLICE_ARG(port)),
                   "give the provider a node of its own");
}

static void judge_ports(struct doctor *d, const struct json *config, bool behind_serve)
{
    const struct json *tcp = json_member(config, "TCP");
    struct slice port;

    for (size_t i = 0; i < json_count(tcp); i++) {
        (void)json_member_at(tcp, i, &port);
        judge_served(d, port, behind_serve);
    }
}

/* Some handler of some host hands requests to that path. */
static bool leads_to(const struct json *config, struct slice path)
{
    const struct json *web = json_member(config, "Web");
    struct slice name, to;

    for (size_t i = 0; i < json_count(web); i++) {
        const struct json *handlers = json_member(json_member_at(web, i, &name), "Handlers");
        for (size_t j = 0; j < json_count(handlers); j++)
            if (json_text(json_member(json_member_at(handlers, j, &name), "Proxy"), &to) &&
                slice_starts(to, SL("unix:")) && slice_eq(slice_from(to, 5), path))
                return true;
    }
    return false;
}

static void judge_backend(struct doctor *d, const struct json *config, struct slice path)
{
    const struct slice service = d->c->config.tailscale_service;
    const struct json *part =
        service.n > 0 ? json_member(json_member(config, "Services"), slice_cstr(d->pool, service)) : config;
    const char *which =
        service.n > 0 ? slice_cstr(d->pool, pool_fmt(d->pool, "--service=" SLICE_FMT, SLICE_ARG(service))) : "--bg";

    if (leads_to(part, path))
        doctor_say(d, "serve", FINDING_GOOD,
                   pool_fmt(d->pool, "`tailscale serve` hands requests to " SLICE_FMT ".", SLICE_ARG(path)), NULL);
    else
        doctor_say(d, "serve", FINDING_BAD,
                   pool_fmt(d->pool, "`tailscale serve` hands nothing to " SLICE_FMT ".", SLICE_ARG(path)),
                   slice_cstr(d->pool, pool_fmt(d->pool, "sudo tailscale serve %s --https=443 unix:" SLICE_FMT, which,
                                                SLICE_ARG(path))));
}

/* False: no listener of ours is behind it. */
static bool judge_backends(struct doctor *d, const struct json *config)
{
    struct listen_spec spec;
    bool any = false;

    for (size_t i = 0; i < d->c->config.listen.n; i++) {
        if (!listen_spec_parse(d->c->config.listen.at[i], &spec) || spec.class != LISTEN_SERVE)
            continue;
        any = true;
        judge_backend(d, config, spec.unix_path);
    }
    return any;
}

void doctor_check_serve_config(struct doctor *d)
{
    const struct json *root = NULL;
    struct slice body = SLICE_NONE, session;
    const char *why = "";
    int status = 0;

    if (!doctor_ask(d, "/localapi/v0/serve-config", &status, &body, &why) || status != 200 ||
        json_parse(d->pool, body, STATUS_BYTES_MAX, &root) != ERR_OK)
        return;
    bool behind_serve = judge_backends(d, root);
    const struct json *foreground = json_member(root, "Foreground");
    judge_ports(d, root, behind_serve);
    for (size_t i = 0; i < json_count(foreground); i++)
        judge_ports(d, json_member_at(foreground, i, &session), behind_serve);
}

/* ---- other programs ---- */

static struct slice read_table(struct doctor *d, const char *file)
{
    char *text = pool_alloc(d->pool, TABLE_BYTES_MAX);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t got = 0;

    if (fd < 0)
        return SLICE_NONE;
    while (n < TABLE_BYTES_MAX && (got = read(fd, text + n, TABLE_BYTES_MAX - n)) > 0)
        n += (size_t)got;
    (void)close(fd);
    return slice_bytes(text, n);
}

/* "0100007F:1F90": each 32 bits in the machine's own order. */
static bool read_socket(struct slice hex, struct address *ret)
{
    size_t digits = slice_find(hex, ':');
    char word[9] = "";

    if ((digits != 8 && digits != 32) || hex.n != digits + 5)
        return false;
    *ret = (struct address){ .v6 = digits == 32 };
    for (size_t i = 0; i < digits / 8; i++) {
        memcpy(word, hex.p + 8 * i, 8);
        uint32_t value = (uint32_t)strtoul(word, NULL, 16);
        memcpy(ret->ip + 4 * i, &value, 4);
    }
    memcpy(word, hex.p + digits + 1, 4);
    word[4] = '\0';
    ret->port = (uint16_t)strtoul(word, NULL, 16);
    return true;
}

static bool is_any(const struct address *a)
{
    static const uint8_t zeros[sizeof(a->ip)];

    return memcmp(a->ip, zeros, sizeof(zeros)) == 0;
}

/* Can a device on the tailnet reach it? */
static bool is_in_reach(const struct doctor *d, const struct address *a)
{
    struct address own;

    if (is_any(a))
        return true;
    if (d->status.userspace)
        return !a->v6 && address_is_loopback(a); /* tailscaled forwards there */
    for (size_t i = 0; i < d->status.addresses.n; i++)
        if (address_parse(d->status.addresses.at[i], &own) && address_same_ip(&own, a))
            return true;
    return false;
}

/* tailscaled's own, where nodes speak to each other. */
static bool is_peer_api(const struct doctor *d, uint16_t port)
{
    const struct json *urls = json_member(json_member(d->status_json, "Self"), "PeerAPIURL");
    const struct slice end = pool_fmt(d->pool, ":%u", (unsigned)port);
    struct slice url;

    for (size_t i = 0; i < json_count(urls); i++)
        if (json_text(json_item(urls, i), &url) && slice_ends(url, end))
            return true;
    return false;
}

/* "  0: 0100007F:1F90 00000000:0000 0A ..." */
static void read_row(const struct doctor *d, struct slice row, struct ports *ret)
{
    struct slice field[4] = { SLICE_NONE };
    struct address a;
    size_t n = 0;

    while (n < 4 && slice_cut(&row, ' ', &field[n]))
        n += field[n].n > 0;
    if (n == 4 && slice_eq(field[3], SL(STATE_LISTEN)) && read_socket(field[1], &a) && is_in_reach(d, &a) &&
        !is_ours(d, a.port, UINT_MAX) && !is_peer_api(d, a.port))
        add_port(ret, a.port);
}

void doctor_check_neighbours(struct doctor *d)
{
    static const char *const tables[] = { "/proc/net/tcp", "/proc/net/tcp6" };
    struct ports found = { .n = 0 };
    struct slice rest, row, list = SL("");

    for (size_t i = 0; i < 2; i++) {
        rest = read_table(d, tables[i]);
        while (slice_cut(&rest, '\n', &row))
            read_row(d, row, &found);
    }
    for (size_t i = 0; i < found.n; i++)
        list = pool_fmt(d->pool, SLICE_FMT "%s%u", SLICE_ARG(list), i > 0 ? ", " : "", (unsigned)found.at[i]);
    if (found.n > 0)
        doctor_say(d, "neighbours", FINDING_LOOK,
                   pool_fmt(d->pool,
                            "Other programs of this machine can be reached under our name, at port " SLICE_FMT
                            ": browsers send our cookies to each that speaks https.",
                            SLICE_ARG(list)),
                   "give the provider a machine or a node of its own, or have them listen on ::1");
}
