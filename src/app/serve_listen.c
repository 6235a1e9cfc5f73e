/* Listeners: from the settings, or handed over by the supervisor in the settings' order. */
#include "serve_int.h"

#define LISTEN_FDS_START 3

bool serve_load_tls(struct serve *s)
{
    struct ssl_ctx_st *tls = NULL;
    struct slice why = SLICE_NONE;

    if (slice_is_none(s->config.tls_certificate))
        return true;
    if (tls_load(s->pool, s->config.tls_certificate, s->config.tls_key, &tls, &why) != ERR_OK)
        return serve_complain(SLICE_FMT, SLICE_ARG(why));
    serve_set_tls(s, tls);
    return true;
}

void serve_set_tls(struct serve *s, struct ssl_ctx_st *tls)
{
    tls_unref(s->tls);
    s->tls = tls;
    for (size_t i = 0; i < s->listener_n; i++)
        if (listener_has_tls(s->listeners[i]))
            listener_set_tls(s->listeners[i], tls);
}

bool serve_wants_tls(enum listener_class c)
{
    return c == LISTEN_TAILNET || c == LISTEN_PUBLIC;
}

static bool open_one(struct serve *s, const struct listen_spec *spec, int fd)
{
    struct slice why = SLICE_NONE;

    if (s->listener_n == LISTENERS_MAX)
        return serve_complain("there are more than %d listeners", LISTENERS_MAX);
    if (serve_wants_tls(spec->class) && s->tls == NULL)
        return serve_complain("a %s listener needs a certificate: set tls.certificate and tls.key",
                              listener_class_name(spec->class));
    if (listener_open(s->loop, spec, fd, serve_wants_tls(spec->class) ? s->tls : NULL, s->pool,
                      &s->listeners[s->listener_n], &why) != ERR_OK)
        return serve_complain(SLICE_FMT, SLICE_ARG(why));
    s->listener_n++;
    return true;
}

static bool is_userspace(const struct serve *s)
{
    return s->config.tailscale_mode == TAILSCALE_USERSPACE || (s->watch.known && s->watch.status.userspace);
}

/* "tailnet:443": in userspace mode tailscaled hands its peers over on loopback, else each address of the node's own. */
static bool open_own_addresses(struct serve *s, struct listen_spec spec, int fd)
{
    uint16_t port = spec.address.port;
    const struct slices own = s->watch.status.addresses;

    if (is_userspace(s)) {
        spec.address = (struct address){ .ip = { 127, 0, 0, 1 }, .port = port };
        return open_one(s, &spec, fd);
    }
    for (size_t i = 0; i < own.n; i++) {
        if (!address_parse(own.at[i], &spec.address))
            continue;
        spec.address.port = port;
        if (!open_one(s, &spec, fd))
            return false;
    }
    return s->listener_n > 0 || serve_complain("this node has no tailnet address yet");
}

bool serve_needs_status(const struct serve *s)
{
    struct listen_spec spec;

    if (s->config.dev)
        return false;
    if (slice_is_none(s->config.issuer))
        return true;
    for (size_t i = 0; i < s->config.listen.n; i++)
        if (listen_spec_parse(s->config.listen.at[i], &spec) && spec.any_own_address && !is_userspace(s))
            return true;
    return false;
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
        if (spec.class == LISTEN_DEV && !s->config.dev)
            return serve_complain("a dev listener is for --dev");
        if (!(spec.any_own_address ? open_own_addresses(s, spec, fd) : open_one(s, &spec, fd)))
            return false;
    }
    return true;
}

/* The first dev listener's port, which the kernel may have chosen. */
struct slice serve_dev_url(struct serve *s)
{
    for (size_t i = 0; i < s->listener_n; i++)
        if (listener_class(s->listeners[i]) == LISTEN_DEV)
            return pool_fmt(s->pool, "http://localhost:%u", (unsigned)listener_port(s->listeners[i]));
    return SL("http://localhost:9080");
}
