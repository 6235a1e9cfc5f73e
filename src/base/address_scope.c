/* What an IP address stands for: the IANA special-purpose registries (RFC 6890), and the services that clouds and tailscaled
 * give every machine under addresses of their own. */
#include <string.h>

#include "address.h"

#define IPV4_BYTES 4

/* Of the first `bits` bits of an address; the first row that matches decides. */
struct block {
    uint8_t prefix[16];
    uint8_t bits;
    enum address_scope scope;
};

static const struct block blocks4[] = {
    { { 169, 254, 169, 254 }, 32, ADDRESS_SERVICE }, /* metadata servers: EC2, GCE, Azure, OpenStack, ... */
    { { 168, 63, 129, 16 }, 32, ADDRESS_SERVICE },   /* Azure */
    { { 192, 0, 0, 192 }, 32, ADDRESS_SERVICE },     /* Oracle */
    { { 100, 100, 100, 200 }, 32, ADDRESS_SERVICE }, /* Alibaba */
    { { 100, 100, 100, 100 }, 32, ADDRESS_SERVICE }, /* tailscaled itself: MagicDNS, its web pages */
    { { 0 }, 8, ADDRESS_RESERVED },                  /* RFC 791: this network */
    { { 10 }, 8, ADDRESS_PRIVATE },                  /* RFC 1918 */
    { { 100, 64 }, 10, ADDRESS_TAILNET },            /* RFC 6598: shared address space */
    { { 127 }, 8, ADDRESS_LOOPBACK },                /* RFC 1122 */
    { { 169, 254 }, 16, ADDRESS_LINK_LOCAL },        /* RFC 3927 */
    { { 172, 16 }, 12, ADDRESS_PRIVATE },            /* RFC 1918 */
    { { 192, 0, 0 }, 24, ADDRESS_RESERVED },         /* RFC 6890: protocol assignments */
    { { 192, 0, 2 }, 24, ADDRESS_RESERVED },         /* RFC 5737: documentation */
    { { 192, 88, 99 }, 24, ADDRESS_RESERVED },       /* RFC 7526: 6to4 relays, deprecated */
    { { 192, 168 }, 16, ADDRESS_PRIVATE },           /* RFC 1918 */
    { { 198, 18 }, 15, ADDRESS_RESERVED },           /* RFC 2544: benchmarks */
    { { 198, 51, 100 }, 24, ADDRESS_RESERVED },      /* RFC 5737 */
    { { 203, 0, 113 }, 24, ADDRESS_RESERVED },       /* RFC 5737 */
    { { 224 }, 4, ADDRESS_MULTICAST },               /* RFC 5771 */
    { { 240 }, 4, ADDRESS_RESERVED },                /* RFC 1112, and limited broadcast */
    { { 0 }, 0, ADDRESS_GLOBAL },
};

static const struct block blocks6[] = {
    { { 0xfd, 0x00, 0x0e, 0xc2 }, 112, ADDRESS_SERVICE },                          /* EC2: fd00:ec2::254 and others */
    { { 0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0, [15] = 0x53 }, 128, ADDRESS_SERVICE }, /* tailscaled itself */
    { { [15] = 1 }, 128, ADDRESS_LOOPBACK },                                       /* RFC 4291 */
    { { 0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0 }, 48, ADDRESS_TAILNET },               /* Tailscale's part of fc00::/7 */
    { { 0xfc }, 7, ADDRESS_PRIVATE },                                              /* RFC 4193 */
    { { 0xfe, 0x80 }, 10, ADDRESS_LINK_LOCAL },                                    /* RFC 4291 */
    { { 0xfe, 0xc0 }, 10, ADDRESS_PRIVATE },              /* RFC 3879: site-local, deprecated */
    { { 0xff }, 8, ADDRESS_MULTICAST },                   /* RFC 4291 */
    { { 0x20, 0x01 }, 23, ADDRESS_RESERVED },             /* RFC 2928: Teredo, ORCHID, ... */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, ADDRESS_RESERVED }, /* RFC 3849: documentation */
    { { 0x20, 0x02 }, 16, ADDRESS_RESERVED },             /* RFC 3056: 6to4 has an IPv4 address in it */
    { { 0x3f, 0xff }, 20, ADDRESS_RESERVED },             /* RFC 9637: documentation */
    { { 0x20 }, 3, ADDRESS_GLOBAL },                      /* RFC 4291: all that is assigned */
    { { 0 }, 0, ADDRESS_RESERVED },
};

static bool matches(const struct block *b, const uint8_t *ip)
{
    unsigned whole = b->bits / 8, rest = b->bits % 8;

    return memcmp(b->prefix, ip, whole) == 0 && (rest == 0 || ((b->prefix[whole] ^ ip[whole]) >> (8 - rest)) == 0);
}

static enum address_scope look_up(const struct block *blocks, const uint8_t *ip)
{
    while (!matches(blocks, ip)) /* the last one always does */
        blocks++;
    return blocks->scope;
}

/* RFC 6052: a translator sends it to the IPv4 address at its end. Networks may use other prefixes, which nobody outside can know. */
static bool is_nat64(const struct address *a)
{
    static const uint8_t prefix[12] = { 0x00, 0x64, 0xff, 0x9b };

    return a->v6 && memcmp(a->ip, prefix, sizeof(prefix)) == 0;
}

enum address_scope address_scope(const struct address *a)
{
    if (is_nat64(a))
        return look_up(blocks4, a->ip + sizeof(a->ip) - IPV4_BYTES);
    return look_up(a->v6 ? blocks6 : blocks4, a->ip);
}

const char *address_scope_name(enum address_scope s)
{
    static const char *const names[ADDRESS_SCOPE_COUNT] = {
        [ADDRESS_GLOBAL] = "global",
        [ADDRESS_LOOPBACK] = "loopback",
        [ADDRESS_PRIVATE] = "private",
        [ADDRESS_TAILNET] = "tailnet",
        [ADDRESS_LINK_LOCAL] = "link-local",
        [ADDRESS_MULTICAST] = "multicast",
        [ADDRESS_SERVICE] = "platform service",
        [ADDRESS_RESERVED] = "reserved",
    };

    return names[s];
}
