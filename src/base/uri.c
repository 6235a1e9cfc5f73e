/* The strict splitter. It is ours because every lenient one has let somebody's `https://good@evil` through; browsers read
 * hosts more freely than RFC 3986, and where they do (127.1 is 127.0.0.1) the spelling is refused. */
#include "uri.h"

#include <string.h>

#include "address.h"

#define PORT_DIGITS 5
#define PORT_MAX    65535

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool has_only(struct slice s, struct slice marks)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && !slice_has(marks, s.p[i]))
            return false;
    return true;
}

bool uri_is_port(struct slice digits)
{
    uint64_t port;

    return digits.n <= PORT_DIGITS && slice_to_u64(digits, PORT_MAX, &port);
}

/* RFC 3986 3.1 */
bool uri_scheme(struct slice text, struct slice *ret)
{
    size_t n = slice_find(text, ':');

    if (n == 0 || n == text.n || n > URI_SCHEME_BYTES_MAX || !is_alpha(text.p[0]))
        return false;
    struct slice scheme = slice_head(text, n);
    if (!has_only(scheme, SL("+-.")))
        return false;
    *ret = scheme;
    return true;
}

static struct slice without_final_dot(struct slice host)
{
    return slice_ends(host, SL(".")) ? slice_head(host, host.n - 1) : host;
}

static struct slice last_label(struct slice host)
{
    struct slice name = without_final_dot(host);
    size_t at = name.n;

    while (at > 0 && name.p[at - 1] != '.')
        at--;
    return slice_from(name, at);
}

/* A last label of digits, or of 0x, makes browsers read the whole as an IPv4 address (WHATWG URL 3.5). */
static bool ends_in_number(struct slice host)
{
    struct slice label = last_label(host);
    size_t n = 0;

    while (n < label.n && is_digit(label.p[n]))
        n++;
    return label.n > 0 && (n == label.n || (label.n >= 2 && slice_eq_nocase(slice_head(label, 2), SL("0x"))));
}

static bool read_ip(struct slice host, struct address *ret)
{
    if (!slice_starts(host, SL("[")))
        return !slice_has(host, ':') && address_parse(host, ret);
    if (!slice_ends(host, SL("]")))
        return false;
    struct slice inner = slice_head(slice_from(host, 1), host.n - 2);
    /* not [192.0.2.1:80], which address_parse would take for an address and its port */
    return slice_find(inner, ':') < slice_find(inner, '.') && address_parse(inner, ret);
}

static bool is_host(struct slice host)
{
    struct address ip;

    if (host.n > URI_HOST_BYTES_MAX)
        return false;
    if (slice_starts(host, SL("[")) || ends_in_number(host))
        return read_ip(host, &ip);
    return has_only(host, SL("-._~"));
}

static bool split_authority(struct slice authority, struct uri *u)
{
    size_t host_n = slice_find(authority, ':');

    if (slice_starts(authority, SL("["))) {
        host_n = slice_find(authority, ']');
        if (host_n == authority.n)
            return false;
        host_n++;
    }
    struct slice after = slice_from(authority, host_n);
    u->host = slice_head(authority, host_n);
    u->port = after.n > 0 ? slice_from(after, 1) : SLICE_NONE;
    return is_host(u->host) && (after.n == 0 || (after.p[0] == ':' && uri_is_port(u->port)));
}

static size_t authority_length(struct slice s)
{
    size_t n = 0;

    while (n < s.n && !slice_has(SL("/?#"), s.p[n]))
        n++;
    return n;
}

bool uri_split(struct slice text, struct uri *ret)
{
    struct uri u = { .has_authority = false };

    if (!uri_scheme(text, &u.scheme))
        return false;
    size_t head_n = u.scheme.n + 1;
    u.tail = slice_from(text, head_n);
    if (slice_starts(u.tail, SL("//"))) {
        struct slice rest = slice_from(u.tail, 2);
        size_t n = authority_length(rest);
        if (!split_authority(slice_head(rest, n), &u))
            return false;
        u.has_authority = true;
        u.tail = slice_from(rest, n);
        head_n += 2 + u.host.n;
    }
    u.head = slice_head(text, head_n);
    size_t path_n = slice_find(u.tail, '?');
    u.path = slice_head(u.tail, path_n);
    if (path_n < u.tail.n)
        u.query = slice_from(u.tail, path_n + 1);
    *ret = u;
    return true;
}

bool uri_is_http(const struct uri *u)
{
    return slice_eq_nocase(u->scheme, SL("http"));
}

bool uri_is_web(const struct uri *u)
{
    return uri_is_http(u) || slice_eq_nocase(u->scheme, SL("https"));
}

bool uri_host_is_loopback(struct slice host)
{
    static const uint8_t unspecified[16];
    struct address ip;

    if (!read_ip(without_final_dot(host), &ip))
        return slice_eq_nocase(last_label(host), SL("localhost"));
    /* what is sent to 0.0.0.0 or [::] arrives on the same machine too */
    return address_is_loopback(&ip) || memcmp(ip.ip, unspecified, sizeof(unspecified)) == 0;
}
