/* Where a name leads, and which of that may be gone to. The names of strangers lead wherever they like, so it is the address that is
 * judged, and the connection is made to the very address that was judged. */
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fetch_int.h"

/* A packet to an address of our own interfaces never leaves the machine: it is another spelling of loopback, past every filter that
 * stands before the interface. */
static bool is_own(const struct ifaddrs *own, const struct address *a)
{
    struct address b;

    for (; own != NULL; own = own->ifa_next)
        if (own->ifa_addr != NULL && address_of(own->ifa_addr, &b) && address_same_ip(a, &b))
            return true;
    return false;
}

bool resolve_is_permitted(const struct fetching *f, const struct address *a, bool own)
{
    enum address_scope scope = address_scope(a);

    if (f->http)
        return scope == ADDRESS_LOOPBACK && f->ask.settings.dev;
    switch (scope) {
    case ADDRESS_GLOBAL: return !own || f->allowed;
    case ADDRESS_LOOPBACK: return f->allowed || f->ask.settings.dev;
    case ADDRESS_PRIVATE:
    case ADDRESS_TAILNET: return f->allowed;
    case ADDRESS_LINK_LOCAL:
    case ADDRESS_MULTICAST:
    case ADDRESS_SERVICE:
    case ADDRESS_RESERVED: return false;
    }
    return false;
}

/* Whether the operator could allow it. */
static const char *refusal(const struct fetching *f, const struct address *a)
{
    struct fetching if_allowed = { .allowed = true, .http = f->http, .ask.settings.dev = f->ask.settings.dev };

    if (f->http)
        return "by http only this machine is gone to";
    return resolve_is_permitted(&if_allowed, a, true) ? "not gone to unless outbound.allow names the host"
                                                      : "never gone to";
}

static void judge(struct fetching *f, const struct address *a, const struct ifaddrs *interfaces)
{
    struct slice text = address_ip_text(f->pool, a);
    bool own = is_own(interfaces, a), good = resolve_is_permitted(f, a, own);
    const char *scope = address_scope_name(address_scope(a)), *mine = own ? ", this machine's own" : "";

    if (good)
        fetching_step(f, FETCH_AT_ADDRESS, true, SLICE_FMT " (%s%s) may be gone to.", SLICE_ARG(text), scope, mine);
    else
        fetching_step(f, FETCH_AT_ADDRESS, false, SLICE_FMT " (%s%s) is %s.", SLICE_ARG(text), scope, mine,
                      refusal(f, a));
    if (good)
        f->addresses[f->address_n++] = *a;
}

/* Those in f->addresses that may be gone to stay. */
static bool judge_all(struct fetching *f, size_t n)
{
    struct address found[FETCH_ADDRESSES_MAX];
    struct ifaddrs *interfaces = NULL;

    memcpy(found, f->addresses, n * sizeof(*found));
    if (getifaddrs(&interfaces) != 0)
        return fetching_fail(f, FETCH_BROKEN, "The machine's own addresses cannot be read.");
    f->address_n = 0;
    for (size_t i = 0; i < n; i++)
        judge(f, &found[i], interfaces);
    freeifaddrs(interfaces);
    if (f->address_n > 0)
        return true;
    return fetching_fail(f, FETCH_REFUSED,
                         "The host leads only to addresses that are not gone to, such as " SLICE_FMT " (%s).",
                         SLICE_ARG(address_ip_text(f->pool, &found[0])), address_scope_name(address_scope(&found[0])));
}

static bool ask_resolver(struct fetching *f)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char service[8];

    (void)snprintf(service, sizeof(service), "%u", f->port);
    int rc = getaddrinfo(slice_cstr(f->pool, f->host), service, &hints, &found);
    if (rc != 0)
        return fetching_fail(f, FETCH_NO_ADDRESS, "The name leads nowhere: %s.", gai_strerror(rc));
    for (const struct addrinfo *i = found; i != NULL && f->address_n < FETCH_ADDRESSES_MAX; i = i->ai_next)
        f->address_n += address_of(i->ai_addr, &f->addresses[f->address_n]);
    freeaddrinfo(found);
    return f->address_n > 0 || fetching_fail(f, FETCH_NO_ADDRESS, "The name leads nowhere.");
}

/* Names of the tailnet: without a network interface of tailscaled the machine's resolver does not know them. Asked only about hosts
 * that may be reached there. */
static bool find(struct fetching *f)
{
    struct address literal;

    if (address_parse(f->host, &literal)) {
        literal.port = f->port;
        f->addresses[f->address_n++] = literal;
        return true;
    }
    if (f->allowed && f->ask.settings.tailscaled.n > 0) {
        fetching_do(f, "asking tailscaled about the name");
        if (tailscaled_lookup(f))
            return true;
    }
    fetching_do(f, "resolving the name");
    if (!ask_resolver(f))
        return false;
    fetching_step(f, FETCH_AT_NAME, true, "It leads to %zu address%s.", f->address_n, f->address_n == 1 ? "" : "es");
    return true;
}

bool resolve(struct fetching *f)
{
    return find(f) && judge_all(f, f->address_n);
}
