/* IP addresses, one spelling each: what a rule compares must not depend on how the kernel or a header wrote it. */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "buf.h"

#define IPV4_BYTES       4
#define IPV6_BYTES       16
#define PORT_DIGITS      5
#define PORT_MAX         65535
#define ADDRESS_TEXT_MAX 64

static void fold(struct address *a)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (!a->v6 || memcmp(a->ip, mapped, sizeof(mapped)) != 0)
        return;
    memmove(a->ip, a->ip + sizeof(mapped), IPV4_BYTES);
    memset(a->ip + IPV4_BYTES, 0, IPV6_BYTES - IPV4_BYTES);
    a->v6 = false;
}

bool address_of(const struct sockaddr *sa, struct address *ret)
{
    struct address a = { 0 };

    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, sa, sizeof(in));
        memcpy(a.ip, &in.sin_addr, IPV4_BYTES);
        a.port = ntohs(in.sin_port);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, sa, sizeof(in6));
        memcpy(a.ip, &in6.sin6_addr, IPV6_BYTES);
        a.port = ntohs(in6.sin6_port);
        a.v6 = true;
        fold(&a);
    } else {
        return false;
    }
    *ret = a;
    return true;
}

/* inet_pton is strict (no short forms, no leading zeros, no zones) but reads up to a NUL. */
static bool parse_ip(struct slice text, bool v6, struct address *ret)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.n == 0 || text.n >= sizeof(copy) || slice_has(text, '\0'))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    ret->v6 = v6;
    return inet_pton(v6 ? AF_INET6 : AF_INET, copy, ret->ip) == 1;
}

static bool parse_port(struct slice text, uint16_t *ret)
{
    uint64_t port;

    if (text.n > PORT_DIGITS || (text.n > 1 && text.p[0] == '0') || !slice_to_u64(text, PORT_MAX, &port))
        return false;
    *ret = (uint16_t)port;
    return true;
}

static bool parse_bracketed(struct slice text, struct address *ret)
{
    size_t end = slice_find(text, ']');

    if (end == text.n || !parse_ip(slice_head(slice_from(text, 1), end - 1), true, ret))
        return false;
    struct slice after = slice_from(text, end + 1);
    return slice_starts(after, SL(":")) && parse_port(slice_from(after, 1), &ret->port);
}

static bool parse_ipv4(struct slice text, struct address *ret)
{
    size_t colon = slice_find(text, ':');

    return parse_ip(slice_head(text, colon), false, ret) &&
           (colon == text.n || parse_port(slice_from(text, colon + 1), &ret->port));
}

bool address_parse(struct slice text, struct address *ret)
{
    struct address a = { 0 };
    bool ok;

    if (slice_starts(text, SL("[")))
        ok = parse_bracketed(text, &a);
    else if (slice_has(text, '.') && slice_find(text, '.') < slice_find(text, ':'))
        ok = parse_ipv4(text, &a);
    else
        ok = parse_ip(text, true, &a);
    if (!ok)
        return false;
    fold(&a);
    *ret = a;
    return true;
}

bool address_same_ip(const struct address *a, const struct address *b)
{
    return a->v6 == b->v6 && memcmp(a->ip, b->ip, a->v6 ? IPV6_BYTES : IPV4_BYTES) == 0;
}

bool address_is_loopback(const struct address *a)
{
    static const uint8_t one[IPV6_BYTES] = { [15] = 1 };

    return a->v6 ? memcmp(a->ip, one, IPV6_BYTES) == 0 : a->ip[0] == 127;
}

bool address_is_tailnet(const struct address *a)
{
    static const uint8_t ula[] = { 0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0 };

    return a->v6 ? memcmp(a->ip, ula, sizeof(ula)) == 0 : a->ip[0] == 100 && (a->ip[1] & 0xc0) == 64;
}

static void write_ip(struct buf *b, const struct address *a)
{
    char text[INET6_ADDRSTRLEN];

    if (a->v6) {
        buf_put(b, slice_of(inet_ntop(AF_INET6, a->ip, text, sizeof(text))));
        return;
    }
    for (unsigned i = 0; i < IPV4_BYTES; i++) {
        if (i > 0)
            buf_char(b, '.');
        buf_u64(b, a->ip[i]);
    }
}

struct slice address_ip_text(struct pool *p, const struct address *a)
{
    struct buf b;

    buf_init(&b, p, ADDRESS_TEXT_MAX);
    write_ip(&b, a);
    return buf_finish(&b);
}

struct slice address_text(struct pool *p, const struct address *a)
{
    struct buf b;

    buf_init(&b, p, ADDRESS_TEXT_MAX);
    buf_put(&b, a->v6 ? SL("[") : SL(""));
    write_ip(&b, a);
    buf_put(&b, a->v6 ? SL("]:") : SL(":"));
    buf_u64(&b, a->port);
    return buf_finish(&b);
}
