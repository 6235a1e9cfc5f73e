/* "CLASS:ADDRESS" as operators write it. */
#include <sys/un.h>

#include "listener.h"

static const char *const names[LISTENER_CLASS_COUNT] = {
    [LISTEN_TAILNET] = "tailnet", [LISTEN_SERVE] = "serve", [LISTEN_PROXY] = "proxy",
    [LISTEN_PUBLIC] = "public",   [LISTEN_OPS] = "ops",     [LISTEN_DEV] = "dev",
};

const char *listener_class_name(enum listener_class c)
{
    return names[c];
}

static bool parse_class(struct slice text, enum listener_class *ret)
{
    for (unsigned i = 0; i < LISTENER_CLASS_COUNT; i++)
        if (slice_eq(text, slice_of(names[i]))) {
            *ret = (enum listener_class)i;
            return true;
        }
    return false;
}

static bool parse_unix_path(struct slice path, struct slice *ret)
{
    struct sockaddr_un limit;

    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] < ' ' || path.p[i] == '\x7f')
            return false;
    if (!slice_starts(path, SL("/")) || slice_ends(path, SL("/")) || path.n >= sizeof(limit.sun_path))
        return false;
    *ret = path;
    return true;
}

static bool parse_port(struct slice text, uint16_t *ret)
{
    uint64_t port;

    if (text.n == 0 || (text.n > 1 && text.p[0] == '0') || !slice_to_u64(text, UINT16_MAX, &port))
        return false;
    *ret = (uint16_t)port;
    return true;
}

/* With its port, and no name but localhost: what listens must not depend on a resolver. */
static bool parse_address(struct slice text, struct address *ret)
{
    static const struct slice localhost = { "localhost:", 10 };

    if (slice_starts(text, localhost)) {
        *ret = (struct address){ .ip = { 127, 0, 0, 1 } };
        return parse_port(slice_from(text, localhost.n), &ret->port);
    }
    bool has_port = slice_starts(text, SL("[")) ||
                    (slice_has(text, '.') && slice_find(text, '.') < slice_find(text, ':') && slice_has(text, ':'));
    return has_port && address_parse(text, ret);
}

static bool parse_place(struct slice text, struct listen_spec *s)
{
    if (slice_starts(text, SL("unix:")))
        return parse_unix_path(slice_from(text, 5), &s->unix_path);
    if (s->class == LISTEN_TAILNET && parse_port(text, &s->address.port)) {
        s->any_own_address = true;
        return true;
    }
    return parse_address(text, &s->address);
}

bool listen_spec_parse(struct slice text, struct listen_spec *ret)
{
    struct listen_spec spec = { 0 };
    struct slice name;

    if (!slice_has(text, ':') || !slice_cut(&text, ':', &name) || !parse_class(name, &spec.class))
        return false;
    if (!parse_place(text, &spec))
        return false;
    *ret = spec;
    return true;
}
