/* Redirect URIs: what may be registered, what matches, how an answer is put on one. Matching never parses what was sent. It is
 * equality of bytes; where a loopback port is free (RFC 8252 7.3) the digits of the port are stepped over first. */
#include "redirect.h"

#include "uri.h"

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static void put_lower(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_char(b, lower(s.p[i]));
}

/* Schemes that run something, show what was sent, open what is stored, or lead to no program that could finish a sign-in.
 * RFC 8252 7.1 wants reverse domain names, but real applications use short words, so what is not here is allowed. */
static const char *const forbidden[] = {
    "about",
    "android-app",
    "blob",
    "brave",
    "callto",
    "chrome",
    "chrome-error",
    "chrome-extension",
    "chrome-search",
    "chrome-untrusted",
    "cid",
    "content",
    "data",
    "dav",
    "devtools",
    "dns",
    "edge",
    "facetime",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "geo",
    "git",
    "gopher",
    "hcp",
    "imap",
    "intent",
    "irc",
    "isolated-app",
    "itms-services",
    "jar",
    "javascript",
    "ldap",
    "ldaps",
    "livescript",
    "magnet",
    "mailto",
    "market",
    "mhtml",
    "mid",
    "mk",
    "mms",
    "mocha",
    "moz-extension",
    "ms-browser-extension",
    "ms-cxh",
    "ms-its",
    "ms-msdt",
    "ms-officecmd",
    "ms-search",
    "ms-settings",
    "news",
    "nfs",
    "nntp",
    "opera",
    "pop",
    "res",
    "resource",
    "rsync",
    "rtsp",
    "safari-extension",
    "safari-web-extension",
    "search",
    "search-ms",
    "sftp",
    "shell",
    "sip",
    "sips",
    "smb",
    "sms",
    "ssh",
    "steam",
    "svn",
    "tel",
    "telnet",
    "tn3270",
    "urn",
    "vbscript",
    "view-source",
    "vivaldi",
    "vnc",
    "webcal",
    "ws",
    "wss",
    "wyciwyg",
    "xmpp",
};

static bool is_forbidden(struct slice scheme)
{
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        if (slice_eq_nocase(scheme, slice_of(forbidden[i])))
            return true;
    return false;
}

/* NULL: nothing is wrong with any of its characters. */
static const char *judge_characters(struct slice uri)
{
    for (size_t i = 0; i < uri.n; i++) {
        char c = uri.p[i];
        if (c <= ' ' || c > '~')
            return "has a character outside printable ASCII (write a host in its xn-- form, the rest percent-encoded)";
        if (c == '\\')
            return "has a backslash";
        if (c == '#')
            return "has a fragment (RFC 6749 section 3.1.2)";
        if (c == '%' && (uri.n - i < 3 || !is_hex(uri.p[i + 1]) || !is_hex(uri.p[i + 2])))
            return "has a % without two hexadecimal digits after it";
    }
    return NULL;
}

/* RFC 3986 3.2.1: what stands before an @ ahead of the first / or ?. */
static bool has_user_info(struct slice after_scheme)
{
    struct slice rest = slice_starts(after_scheme, SL("//")) ? slice_from(after_scheme, 2) : SL("");
    size_t at = slice_find(rest, '@');

    return at < rest.n && at < slice_find(rest, '/') && at < slice_find(rest, '?');
}

static const char *judge_parts(struct slice text)
{
    struct slice scheme;
    struct uri u;

    if (!uri_scheme(text, &scheme))
        return "is not absolute: it must begin with a scheme, such as https:";
    if (is_forbidden(scheme))
        return "has a scheme that no answer is ever sent to";
    if (has_user_info(slice_from(text, scheme.n + 1)))
        return "has a user name before its host";
    if (!uri_split(text, &u))
        return "has a host or a port that cannot be one";
    if (uri_is_web(&u) && u.host.n == 0)
        return "has no host";
    return NULL;
}

bool redirect_is_registrable(struct slice uri, const char **ret_why)
{
    const char *why = uri.n == 0 ? "is empty" : judge_characters(uri);

    if (why == NULL)
        why = judge_parts(uri);
    if (why == NULL)
        return true;
    *ret_why = why;
    return false;
}

enum redirect_kind redirect_kind(struct slice uri)
{
    struct uri u;

    /* what cannot be split was never registrable; the kind that is trusted least */
    if (!uri_split(uri, &u) || !uri_is_web(&u))
        return REDIRECT_PRIVATE;
    if (!uri_is_http(&u))
        return REDIRECT_HTTPS;
    return uri_host_is_loopback(u.host) ? REDIRECT_LOOPBACK : REDIRECT_HTTP;
}

/* RFC 8252 7.3; the name localhost too, since command-line clients use it in spite of 8.3. */
static bool has_free_port(const struct uri *u)
{
    return slice_eq(u->scheme, SL("http")) &&
           (slice_eq(u->host, SL("127.0.0.1")) || slice_eq(u->host, SL("[::1]")) || slice_eq(u->host, SL("localhost")));
}

bool redirect_port_is_free(struct slice uri)
{
    struct uri u;

    return uri_split(uri, &u) && has_free_port(&u);
}

/* ":8080/cb" becomes "/cb"; without a colon all stays. */
static bool skip_port(struct slice after_host, struct slice *ret_tail)
{
    size_t n = 1;

    if (!slice_starts(after_host, SL(":"))) {
        *ret_tail = after_host;
        return true;
    }
    while (n < after_host.n && after_host.p[n] >= '0' && after_host.p[n] <= '9')
        n++;
    *ret_tail = slice_from(after_host, n);
    return uri_is_port(slice_from(slice_head(after_host, n), 1));
}

bool redirect_matches(struct slice registered, struct slice sent)
{
    struct slice tail;
    struct uri u;

    if (slice_is_none(registered) || slice_is_none(sent))
        return false;
    if (slice_eq(registered, sent))
        return true;
    return uri_split(registered, &u) && has_free_port(&u) && slice_starts(sent, u.head) &&
           skip_port(slice_from(sent, u.head.n), &tail) && slice_eq(tail, u.tail);
}

struct slice redirect_host(struct slice uri)
{
    struct slice scheme;
    struct uri u;

    if (uri_split(uri, &u) && uri_is_web(&u))
        return u.host;
    return uri_scheme(uri, &scheme) ? slice_head(uri, scheme.n + 1) : SLICE_NONE;
}

struct slice redirect_origin(struct pool *p, struct slice uri)
{
    struct slice scheme;
    struct uri u;
    struct buf b;

    if (!uri_scheme(uri, &scheme))
        return SLICE_NONE;
    buf_init(&b, p, LOCATION_BYTES_MAX);
    put_lower(&b, scheme);
    buf_char(&b, ':');
    /* CSP Level 3 2.3.1: host-part has neither brackets nor ~ and _; then the scheme alone is the source that works */
    if (!uri_split(uri, &u) || !uri_is_web(&u) || slice_has(u.host, '[') || slice_has(u.host, '_') ||
        slice_has(u.host, '~'))
        return buf_finish(&b);
    buf_put(&b, SL("//"));
    put_lower(&b, u.host);
    if (!slice_is_none(u.port)) {
        buf_char(&b, ':');
        buf_put(&b, u.port);
    }
    return buf_finish(&b);
}

struct slice redirect_bound(struct pool *p, struct slice uri)
{
    struct uri u;

    if (!uri_split(uri, &u) || !has_free_port(&u))
        return pool_dup(p, uri);
    return pool_fmt(p, SLICE_FMT SLICE_FMT, SLICE_ARG(u.head), SLICE_ARG(u.tail));
}

struct slice redirect_with(struct pool *p, struct slice uri, const struct redirect_param *params, size_t n)
{
    struct buf b;
    size_t at = slice_find(uri, '?'); /* the first: a later one is a byte of the query (RFC 3986 3.4) */
    bool has_query = at < uri.n;
    bool is_open = has_query && (at + 1 == uri.n || slice_ends(uri, SL("&")));

    buf_init(&b, p, LOCATION_BYTES_MAX);
    buf_put(&b, uri);
    for (size_t i = 0; i < n; i++) {
        if (slice_is_none(params[i].value))
            continue;
        if (!is_open)
            buf_char(&b, has_query ? '&' : '?');
        has_query = true;
        is_open = false;
        buf_put(&b, slice_of(params[i].name));
        buf_char(&b, '=');
        buf_percent(&b, params[i].value);
    }
    return buf_finish(&b);
}
