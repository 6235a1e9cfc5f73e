/* What tailscaled says: is it there, in touch, and is our own node fit to vouch for others? */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "doctor.h"
#include "encode.h"
#include "node.h"

#define COMMAND_LINE_MAX 8192
#define MINOR_MIN        70 /* of tailscaled 1.x: older ones look an unknown port up twice, for 360 ms */

/* ---- the process ---- */

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

/* None: not to be seen, as from another container. */
static struct slice read_command_line(struct doctor *d)
{
    const char *file =
        slice_cstr(d->pool, pool_fmt(d->pool, "/proc/%u/cmdline", find_daemon(d->c->config.tailscale_socket)));
    char *line = pool_alloc(d->pool, COMMAND_LINE_MAX);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, COMMAND_LINE_MAX) : -1;

    if (fd >= 0)
        (void)close(fd);
    return n > 0 ? slice_bytes(line, (size_t)n) : SLICE_NONE;
}

static bool has(struct slice line, const char *text)
{
    return line.n > 0 && memmem(line.p, line.n, text, strlen(text)) != NULL;
}

/* ---- tailscaled ---- */

/* What mends it beside a tailscaled, and with one of our own. */
static const char *either(const struct doctor *d, const char *beside, const char *own)
{
    return d->c->config.tailscale_mode == TAILSCALE_OWN ? own : beside;
}

static void judge_not_running(struct doctor *d)
{
    const struct tailnet_status *s = &d->status;
    struct slice login =
        s->auth_url.n > 0 ? pool_fmt(d->pool, " Log in at " SLICE_FMT ".", SLICE_ARG(s->auth_url)) : SL("");

    doctor_say(d, "tailscaled", FINDING_BAD,
               pool_fmt(d->pool, "It is not running (" SLICE_FMT "), so nobody can be known." SLICE_FMT,
                        SLICE_ARG(s->backend_state), SLICE_ARG(login)),
               either(d, "tailscale up",
                      s->auth_url.n > 0 ? "open that address, or set tailscale.auth_key_file and start avouch anew"
                                        : "look at avouch's log; is the control server in reach?"));
}

/* "1.102.5-t123"; one that cannot be read is not judged. */
static bool is_old(struct slice version)
{
    struct slice major, minor;
    uint64_t first = 0, second = 0;

    return slice_cut(&version, '.', &major) && slice_cut(&version, '.', &minor) && slice_to_u64(major, 99, &first) &&
           slice_to_u64(minor, 9999, &second) && first == 1 && second < MINOR_MIN;
}

static void judge_version(struct doctor *d)
{
    if (is_old(d->version))
        doctor_say(d, "version", FINDING_LOOK,
                   pool_fmt(d->pool, "tailscaled " SLICE_FMT " is older than 1.%d.", SLICE_ARG(d->version), MINOR_MIN),
                   "tailscale update, or the package manager");
}

static void judge_mode(struct doctor *d)
{
    const enum tailscale_mode set = d->c->config.tailscale_mode;
    bool userspace = d->status.userspace;

    if (set == TAILSCALE_KERNEL && userspace)
        doctor_say(
            d, "mode", FINDING_BAD,
            SL("tailscale.mode is kernel, but tailscaled has no network interface: its peers arrive on 127.0.0.1, "
               "where nobody is known."),
            "tailscale: {mode: auto}");
    else if (set == TAILSCALE_USERSPACE && !userspace)
        doctor_say(d, "mode", FINDING_BAD,
                   SL("tailscale.mode is userspace, but tailscaled has a network interface: nothing arrives on "
                      "127.0.0.1."),
                   "tailscale: {mode: auto}");
    else
        doctor_say(d, "mode", FINDING_GOOD, userspace ? SL("Userspace mode.") : SL("Kernel mode."), NULL);
}

static void judge_state(struct doctor *d)
{
    const struct tailnet_status *s = &d->status;
    struct pool *p = d->pool;

    if (!s->running) {
        judge_not_running(d);
        return;
    }
    doctor_say(d, "tailscaled", FINDING_GOOD, pool_fmt(p, "Running, version " SLICE_FMT ".", SLICE_ARG(d->version)),
               NULL);
    judge_version(d);
    judge_mode(d);
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
    struct slice body = SLICE_NONE;
    const char *why = "an answer that cannot be used";
    int status = 0;

    bool answered = doctor_ask(d, "/localapi/v0/status?peers=true", &status, &body, &why) && status == 200 &&
                    status_parse(d->pool, body, &d->status) == ERR_OK;
    if (!answered) {
        doctor_say(d, "tailscaled", FINDING_BAD,
                   pool_fmt(d->pool, "It does not answer at " SLICE_FMT " (%s), so nobody can be known.",
                            SLICE_ARG(d->c->config.tailscale_socket), why),
                   either(d, "systemctl start tailscaled, or set tailscale.socket",
                          "start avouch, which starts it; is there a tailscaled in PATH?"));
        return;
    }
    if (json_parse(d->pool, body, STATUS_BYTES_MAX, &d->status_json) == ERR_OK)
        d->version = node_text(json_member(d->status_json, "Version"));
    d->has_status = true;
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
            either(d, "tailscale up --advertise-tags=tag:idp", "join it anew with a key that has a tag"));
}

static void check_expiry(struct doctor *d)
{
    int64_t ends = d->status.key_expiry, now = d->c->now.s;
    const char *mend = "disable key expiry for this node, or tailscale up --force-reauth";

    if (ends == 0)
        doctor_say(d, "node key", FINDING_GOOD, SL("Our own node's key does not expire."), NULL);
    else if (ends <= now)
        doctor_say(d, "node key", FINDING_BAD, SL("Our own node's key has expired: nobody can reach us."), mend);
    else
        doctor_say(
            d, "node key", ends < now + SOON_S ? FINDING_LOOK : FINDING_GOOD,
            pool_fmt(d->pool, "Our own node's key expires on " SLICE_FMT ".", SLICE_ARG(time_format(d->pool, ends))),
            ends < now + SOON_S ? mend : NULL);
}

/* What only its command line tells. */
static void check_command_line(struct doctor *d)
{
    struct slice line = read_command_line(d);

    if (has(line, "mem:"))
        doctor_say(d, "ephemeral", FINDING_BAD,
                   SL("tailscaled keeps its state in memory: our own node ends with it, and its name may be the next "
                      "one's who asks."),
                   "start tailscaled with --statedir=/var/lib/tailscale");
    /* a process that goes through tailscaled's own proxy to our address arrives as our own node */
    if (has(line, "socks5-server") || has(line, "outbound-http-proxy-listen"))
        doctor_say(d, "proxies", FINDING_LOOK,
                   SL("tailscaled runs a SOCKS or HTTP proxy: whatever uses it reaches the tailnet as this node."),
                   "start tailscaled without --socks5-server and --outbound-http-proxy-listen");
}

void doctor_check_node(struct doctor *d)
{
    check_tag(d);
    check_expiry(d);
    check_command_line(d);
}
