/* Listeners: from the settings, or handed over by the supervisor in the settings' order. Those of the node's own addresses follow
 * them: a node that is made anew has others. */
#include "job_wait.h"
#include "serve_int.h"

#define LISTEN_FDS_START  3
#define OWN_ADDRESSES_MAX 8
#define FOLLOW_POOL_BYTES (1U << 20)
#define DEV_ASK_MS        1000

void serve_set_tls(struct serve *s, struct ssl_ctx_st *tls)
{
    tls_unref(s->tls);
    s->tls = tls;
    for (size_t i = 0; i < s->listener_n; i++)
        if (listener_has_tls(s->listeners[i].listener))
            listener_set_tls(s->listeners[i].listener, tls);
}

bool serve_wants_tls(enum listener_class c)
{
    return c == LISTEN_TAILNET || c == LISTEN_PUBLIC;
}

/* False: *ret_why, in p's memory. */
static bool try_open(struct serve *s, const struct listen_spec *spec, int fd, struct pool *p, struct slice *ret_why)
{
    struct opened *o = &s->listeners[s->listener_n];
    struct ssl_ctx_st *tls = serve_wants_tls(spec->class) ? s->tls : NULL;

    if (s->listener_n == LISTENERS_MAX) {
        *ret_why = pool_fmt(p, "there are more than %d listeners", LISTENERS_MAX);
        return false;
    }
    if (listener_open(s->loop, spec, fd, tls, p, &o->listener, ret_why) != ERR_OK)
        return false;
    o->own = spec->address;
    o->follows = spec->any_own_address;
    s->listener_n++;
    return true;
}

static bool open_one(struct serve *s, const struct listen_spec *spec, int fd)
{
    struct slice why = SLICE_NONE;

    if (serve_wants_tls(spec->class) && s->tls == NULL)
        return serve_complain("a %s listener needs a certificate: set tls.certificate and tls.key",
                              listener_class_name(spec->class));
    return try_open(s, spec, fd, s->pool, &why) || serve_complain(SLICE_FMT, SLICE_ARG(why));
}

static bool is_userspace(const struct serve *s)
{
    return s->config.tailscale_mode == TAILSCALE_USERSPACE || s->config.tailscale_mode == TAILSCALE_OWN ||
           (s->watch.known && s->watch.status.userspace);
}

/* "tailnet:443": in userspace mode tailscaled hands its peers over on loopback, else each address of the node's own. */
static size_t own_addresses(const struct serve *s, uint16_t port, struct address ret[static OWN_ADDRESSES_MAX])
{
    const struct slices own = s->watch.status.addresses;
    size_t n = 0;

    if (is_userspace(s)) {
        ret[0] = (struct address){ .ip = { 127, 0, 0, 1 }, .port = port };
        return 1;
    }
    for (size_t i = 0; i < own.n && n < OWN_ADDRESSES_MAX; i++)
        if (address_parse(own.at[i], &ret[n]))
            ret[n++].port = port;
    return n;
}

static bool open_own_addresses(struct serve *s, struct listen_spec spec, int fd)
{
    struct address own[OWN_ADDRESSES_MAX];
    size_t n = own_addresses(s, spec.address.port, own);

    if (fd >= 0 && !is_userspace(s))
        return serve_complain("listen: tailnet:%u follows the node's addresses, so no supervisor can open it",
                              (unsigned)spec.address.port);
    for (size_t i = 0; i < n; i++) {
        spec.address = own[i];
        if (!open_one(s, &spec, fd))
            return false;
    }
    return true;
}

/* ---- following ---- */

static bool same(const struct address *a, const struct address *b)
{
    return a->port == b->port && address_same_ip(a, b);
}

static bool is_open(const struct serve *s, const struct address *own)
{
    for (size_t i = 0; i < s->listener_n; i++)
        if (s->listeners[i].follows && same(&s->listeners[i].own, own))
            return true;
    return false;
}

static bool is_own(const struct serve *s, const struct address *a)
{
    struct address own[OWN_ADDRESSES_MAX];
    size_t n = own_addresses(s, a->port, own);

    for (size_t i = 0; i < n; i++)
        if (same(&own[i], a))
            return true;
    return false;
}

static void close_gone(struct serve *s, struct pool *p)
{
    size_t n = 0;

    for (size_t i = 0; i < s->listener_n; i++) {
        const struct opened *o = &s->listeners[i];
        if (!o->follows || is_own(s, &o->own)) {
            s->listeners[n++] = *o;
            continue;
        }
        LOG(LOG_INFO, "no longer listening: not our address any more", LOG_TEXT("address", address_text(p, &o->own)));
        listener_close(o->listener);
    }
    s->listener_n = n;
}

/* What cannot be opened is tried again with the next status. */
static void open_new(struct serve *s, struct listen_spec spec, struct pool *p)
{
    struct address own[OWN_ADDRESSES_MAX];
    size_t n = own_addresses(s, spec.address.port, own);
    struct slice why = SLICE_NONE;

    for (size_t i = 0; i < n; i++) {
        spec.address = own[i];
        if (is_open(s, &own[i]))
            continue;
        if (try_open(s, &spec, -1, p, &why))
            LOG(LOG_INFO, "listening", LOG_TEXT("class", slice_of(listener_class_name(spec.class))),
                LOG_TEXT("address", address_text(p, &own[i])));
        else
            LOG(LOG_ERROR, "an address of ours is not served", LOG_TEXT("why", why));
    }
}

/* A status without addresses says nothing: tailscaled is between two states. */
void serve_follow(struct serve *s)
{
    struct listen_spec spec;

    if (s->stopping || (s->watch.status.addresses.n == 0 && !is_userspace(s)))
        return;
    struct pool *p = pool_create(FOLLOW_POOL_BYTES);
    close_gone(s, p);
    for (size_t i = 0; i < s->config.listen.n; i++)
        if (listen_spec_parse(s->config.listen.at[i], &spec) && spec.any_own_address)
            open_new(s, spec, p);
    pool_destroy(p);
}

/* ---- at start ---- */

static bool listens_on_own_addresses(const struct serve *s)
{
    struct listen_spec spec;

    for (size_t i = 0; i < s->config.listen.n; i++)
        if (listen_spec_parse(s->config.listen.at[i], &spec) && spec.any_own_address && !is_userspace(s))
            return true;
    return false;
}

bool serve_waits_for_status(const struct serve *s)
{
    if (s->config.dev)
        return false;
    if (slice_is_none(s->config.issuer) && !s->watch.known)
        return true;
    return listens_on_own_addresses(s) && (!s->watch.known || s->watch.status.addresses.n == 0);
}

/* Whom the listeners of the class proxy believe. */
static bool read_proxies(struct serve *s)
{
    const struct slices names = s->config.proxies;
    struct address *at = pool_zalloc(s->pool, (names.n + 1) * sizeof(*at));

    for (size_t i = 0; i < names.n; i++)
        if (!address_parse(names.at[i], &at[i]))
            return serve_complain("proxies: " SLICE_FMT " is no IP address", SLICE_ARG(names.at[i]));
    s->machine.proxies = at;
    s->machine.proxy_n = names.n;
    return true;
}

/* A userspace tailscaled hands everybody of its tailnet over on 127.0.0.1: there each of them would be one of the made-up people. */
static bool meets_a_tailnet(const struct serve *s, const struct listen_spec *spec)
{
    struct ask ask = { .pool = s->pool, .path = SL("/localapi/v0/status?peers=false") };
    struct address first;

    if (!address_parse(SL("127.0.0.1"), &first) || !address_same_ip(&first, &spec->address))
        return false;
    job_wait_ask(s->config.tailscale_socket, DEV_ASK_MS, &ask);
    struct tailnet_status status;
    return ask.job.err == ERR_OK && status_parse(s->pool, ask.ret_body, &status) == ERR_OK && status.userspace;
}

static bool may_listen(const struct serve *s, const struct listen_spec *spec)
{
    if (spec->class != LISTEN_DEV)
        return true;
    if (!s->config.dev)
        return serve_complain("a dev listener is for --dev");
    if (meets_a_tailnet(s, spec))
        return serve_complain(
            "a tailscaled without a network interface runs here, and everybody of its tailnet would come "
            "to 127.0.0.1 as one of the made-up people: --listen '[::1]:9080' is for this machine alone");
    return true;
}

bool serve_listen(struct serve *s)
{
    unsigned handed = systemd_listen_fds();
    struct listen_spec spec;

    if (!read_proxies(s))
        return false;

    s->machine.userspace = is_userspace(s);
    for (size_t i = 0; i < s->config.listen.n; i++) {
        int fd = i < handed ? LISTEN_FDS_START + (int)i : -1;
        if (!listen_spec_parse(s->config.listen.at[i], &spec))
            return serve_complain("listen: " SLICE_FMT " is not CLASS:ADDRESS", SLICE_ARG(s->config.listen.at[i]));
        if (!may_listen(s, &spec))
            return false;
        if (!(spec.any_own_address ? open_own_addresses(s, spec, fd) : open_one(s, &spec, fd)))
            return false;
    }
    return true;
}

/* The first dev listener's port, which the kernel may have chosen. */
struct slice serve_dev_url(struct serve *s)
{
    for (size_t i = 0; i < s->listener_n; i++)
        if (listener_class(s->listeners[i].listener) == LISTEN_DEV)
            return pool_fmt(s->pool, "http://localhost:%u", (unsigned)listener_port(s->listeners[i].listener));
    return SL("http://localhost:9080");
}
