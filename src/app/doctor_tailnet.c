/* What tailscaled says: is it there, in touch, and is our own node fit to vouch for others? */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "doctor.h"
#include "encode.h"
#include "listener.h"
#include "node.h"
#include "whois.h"

#define PEERS_ASKED_MAX   20
#define CMDLINE_BYTES_MAX 8192

/* ---- tailscaled ---- */

/* The process behind the socket, for a look at its flags. */
static uint32_t find_daemon(struct slice path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    struct ucred peer = { 0 };
    socklen_t n = sizeof(peer);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || path.n >= sizeof(to.sun_path))
        return 0;
    memcpy(to.sun_path, path.p, path.n);
    bool known = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
                 getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0;
    (void)close(fd);
    return known ? (uint32_t)peer.pid : 0;
}

static void judge_state(struct doctor *d)
{
    const struct tailnet_status *s = &d->status;
    struct pool *p = d->pool;

    if (!s->running) {
        struct slice login =
            s->auth_url.n > 0 ? pool_fmt(p, " Log in at " SLICE_FMT ".", SLICE_ARG(s->auth_url)) : SL("");
        doctor_say(d, "tailscaled", FINDING_BAD,
                   pool_fmt(p, "It is not running (" SLICE_FMT "), so nobody can be known." SLICE_FMT,
                            SLICE_ARG(s->backend_state), SLICE_ARG(login)),
                   "tailscale up");
        return;
    }
    doctor_say(d, "tailscaled", FINDING_GOOD,
               pool_fmt(p, "Running, version " SLICE_FMT ", %s mode.", SLICE_ARG(d->version),
                        s->userspace ? "userspace" : "kernel"),
               NULL);
    if (s->online)
        doctor_say(d, "control", FINDING_GOOD, SL("The control server is in reach."), NULL);
    else
        doctor_say(d, "control", FINDING_BAD,
                   SL("The control server is out of reach: tailscaled answers from memory, and who was removed "
                      "meanwhile still looks like a member."),
                   "tailscale netcheck; look at the network and at the control server");
    for (size_t i = 0; i < s->health.n; i++)
        doctor_say(d, "health", FINDING_LOOK, pool_fmt(p, "tailscaled says: " SLICE_FMT, SLICE_ARG(s->health.at[i])),
                   NULL);
}

void doctor_check_tailscaled(struct doctor *d)
{
    const struct json *root = NULL;
    struct slice body = SLICE_NONE;
    const char *why = "an answer that cannot be used";
    int status = 0;

    bool answered = doctor_ask(d, "/localapi/v0/status?peers=true", &status, &body, &why) && status == 200 &&
                    status_parse(d->pool, body, &d->status) == ERR_OK;
    if (!answered) {
        doctor_say(d, "tailscaled", FINDING_BAD,
                   pool_fmt(d->pool, "It does not answer at " SLICE_FMT " (%s), so nobody can be known.",
                            SLICE_ARG(d->c->config.tailscale_socket), why),
                   "systemctl start tailscaled, or set tailscale.socket");
        return;
    }
    if (json_parse(d->pool, body, STATUS_BYTES_MAX, &root) == ERR_OK) {
        d->peers = json_member(root, "Peer");
        d->version = node_text(json_member(root, "Version"));
    }
    d->has_status = true;
    d->daemon_pid = find_daemon(d->c->config.tailscale_socket);
    judge_state(d);
}

/* ---- our own node ---- */

static void check_tag(struct doctor *d)
{
    const struct tailnet_status *s = &d->status;

    if (s->tags.n > 0)
        doctor_say(d, "tag", FINDING_GOOD,
                   pool_fmt(d->pool, "Our own node is tagged " SLICE_FMT ".", SLICE_ARG(s->tags.at[0])), NULL);
    else
        doctor_say(
            d, "tag", FINDING_LOOK,
            SL("Our own node belongs to a person: any program on this machine can appear on the tailnet as them. "
               "(We refuse our own node; other services do not.)"),
            "tailscale up --advertise-tags=tag:idp");
}

static void check_expiry(struct doctor *d)
{
    int64_t ends = d->status.key_expiry, now = d->c->now.s;

    if (ends == 0)
        doctor_say(d, "node key", FINDING_GOOD, SL("Our own node's key does not expire."), NULL);
    else if (ends <= now)
        doctor_say(d, "node key", FINDING_BAD, SL("Our own node's key has expired: nobody can reach us."),
                   "tailscale up --force-reauth");
    else
        doctor_say(
            d, "node key", ends < now + SOON_S ? FINDING_LOOK : FINDING_GOOD,
            pool_fmt(d->pool, "Our own node's key expires on " SLICE_FMT ".", SLICE_ARG(time_format(d->pool, ends))),
            ends < now + SOON_S ? "disable key expiry for this node, or tailscale up --force-reauth" : NULL);
}

/* A process that goes through tailscaled's own proxy to our address arrives as our own node. */
static void check_proxies(struct doctor *d)
{
    char line[CMDLINE_BYTES_MAX];
    const char *file = slice_cstr(d->pool, pool_fmt(d->pool, "/proc/%u/cmdline", d->daemon_pid));
    int fd = d->daemon_pid != 0 ? open(file, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    ssize_t n = read(fd, line, sizeof(line));
    (void)close(fd);
    bool has = n > 0 && (memmem(line, (size_t)n, "socks5-server", 13) != NULL ||
                         memmem(line, (size_t)n, "outbound-http-proxy-listen", 26) != NULL);
    if (has)
        doctor_say(d, "proxies", FINDING_LOOK,
                   SL("tailscaled runs a SOCKS or HTTP proxy: whatever uses it reaches the tailnet as this node."),
                   "start tailscaled without --socks5-server and --outbound-http-proxy-listen");
}

/* ---- the others ---- */

static bool routes_for_others(const struct json *peer)
{
    return json_count(json_member(peer, "PrimaryRoutes")) > 0 || json_count(json_member(peer, "Tags")) > 0;
}

/* A person's node that others' traffic comes out of: they look like that person. */
static void check_router(struct doctor *d, const struct json *peer)
{
    struct slice name = node_name(d->pool, json_member(peer, "DNSName"));

    if (json_count(json_member(peer, "Tags")) > 0 || json_count(json_member(peer, "PrimaryRoutes")) == 0)
        return;
    doctor_say(d, "router", FINDING_LOOK,
               pool_fmt(d->pool,
                        SLICE_FMT " belongs to a person and routes for others: devices behind it look like that "
                                  "person. We ask each time.",
                        SLICE_ARG(name)),
               "tag the router: tailscale up --advertise-tags=tag:router");
}

static bool has_grant(struct doctor *d, const struct json *peer)
{
    const struct json *root = NULL;
    struct slice address = SLICE_NONE, body = SLICE_NONE;
    struct address a;
    const char *why = "";
    int status = 0;

    if (!json_text(json_item(json_member(peer, "TailscaleIPs"), 0), &address) || !address_parse(address, &a))
        return false;
    const char *path = slice_cstr(d->pool, whois_path(d->pool, &a, false));
    if (!doctor_ask(d, path, &status, &body, &why) || status != 200 ||
        json_parse(d->pool, body, WHOIS_BYTES_MAX, &root) != ERR_OK)
        return false;
    return json_count(json_member(json_member(root, "CapMap"), CAPS_NAME)) > 0;
}

static void check_peers(struct doctor *d)
{
    struct slice name;
    size_t asked = 0, granted = 0;

    for (size_t i = 0; i < json_count(d->peers); i++) {
        const struct json *peer = json_member_at(d->peers, i, &name);
        check_router(d, peer);
        if (asked >= PEERS_ASKED_MAX || routes_for_others(peer))
            continue;
        asked++;
        granted += has_grant(d, peer);
    }
    if (asked > 0)
        doctor_say(d, "grants", FINDING_GOOD,
                   pool_fmt(d->pool,
                            "%zu of %zu people's devices have a grant with %s; groups and administration come "
                            "from there alone.",
                            granted, asked, CAPS_NAME),
                   NULL);
}

void doctor_check_node(struct doctor *d)
{
    if (!d->status.running)
        return;
    check_tag(d);
    check_expiry(d);
    check_proxies(d);
    check_peers(d);
}

/* ---- tailscale serve ---- */

static bool is_our_port(const struct doctor *d, struct slice port)
{
    struct listen_spec spec;
    uint64_t number = 0;

    if (!slice_to_u64(port, UINT16_MAX, &number))
        return false;
    for (size_t i = 0; i < d->c->config.listen.n; i++)
        if (listen_spec_parse(d->c->config.listen.at[i], &spec) && spec.class == LISTEN_TAILNET &&
            spec.address.port == number)
            return true;
    return false;
}

void doctor_check_serve_config(struct doctor *d)
{
    const struct json *root = NULL;
    struct slice body = SLICE_NONE, port = SLICE_NONE;
    const char *why = "";
    int status = 0;

    if (!doctor_ask(d, "/localapi/v0/serve-config", &status, &body, &why) || status != 200 ||
        json_parse(d->pool, body, STATUS_BYTES_MAX, &root) != ERR_OK)
        return;
    const struct json *tcp = json_member(root, "TCP");
    for (size_t i = 0; i < json_count(tcp); i++) {
        (void)json_member_at(tcp, i, &port);
        if (is_our_port(d, port))
            doctor_say(d, "serve", FINDING_BAD,
                       pool_fmt(d->pool, "`tailscale serve` has port " SLICE_FMT ", which takes our connections away.",
                                SLICE_ARG(port)),
                       "tailscale serve reset, or listen: [\"serve:unix:PATH\"] behind it");
        else
            doctor_say(d, "cookies", FINDING_LOOK,
                       pool_fmt(d->pool,
                                "`tailscale serve` has port " SLICE_FMT " of this name: browsers send our cookies "
                                "there too.",
                                SLICE_ARG(port)),
                       "give the provider a node of its own");
    }
}
