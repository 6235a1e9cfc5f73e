/* What may be asked for at all. The host has passed the strict splitter and is of so few characters that the library which
 * connects and checks the certificate cannot read another one. */
#include <string.h>

#include "fetch_allow.h"
#include "fetch_int.h"

#define HTTP_PORT  80
#define HTTPS_PORT 443

/* RFC 3986: ASCII that a URI may have, without a fragment. */
static bool has_url_characters(struct slice url)
{
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] > '~' || slice_has(SL("\"<>\\^`{|}#"), url.p[i]))
            return false;
    return true;
}

static struct slice without_brackets(struct slice host)
{
    return slice_starts(host, SL("[")) ? slice_head(slice_from(host, 1), host.n - 2) : host;
}

bool url_read(struct fetching *f)
{
    const struct slice url = f->ask.url;
    const struct fetch_settings *s = &f->ask.settings;
    uint64_t port = 0;
    struct uri u;

    if (!has_url_characters(url))
        return fetching_fail(f, FETCH_BAD_URL, "The URL has a character that no URL has, or a fragment.");
    if (!uri_split(url, &u) || !u.has_authority || u.host.n == 0 || !uri_is_web(&u))
        return fetching_fail(f, FETCH_BAD_URL, "This is no https URL with a host, or it has a user name.");
    if (slice_ends(u.host, SL(".")) || slice_has(u.host, '~'))
        return fetching_fail(f, FETCH_BAD_URL, "The host is not written as a name or an address.");
    if (!slice_is_none(u.port) && (!slice_to_u64(u.port, UINT16_MAX, &port) || port == 0))
        return fetching_fail(f, FETCH_BAD_URL, "The port is none.");
    f->http = uri_is_http(&u);
    if (f->http && !s->dev)
        return fetching_fail(f, FETCH_BAD_URL, "Nothing is fetched by http: what comes could be anybody's.");
    f->host = without_brackets(u.host);
    f->port = port != 0 ? (uint16_t)port : f->http ? HTTP_PORT : HTTPS_PORT;
    f->allowed = fetch_allow_names(s->allow, f->host);
    fetching_step(f, FETCH_AT_URL, true, "Host " SLICE_FMT ", port %u%s.", SLICE_ARG(f->host), f->port,
                  f->allowed ? "; outbound.allow names it" : "");
    return true;
}
