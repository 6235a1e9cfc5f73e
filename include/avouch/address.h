/* An IP address and port. IPv4-mapped IPv6 is folded to IPv4 when it is made. */
#ifndef AVOUCH_ADDRESS_H
#define AVOUCH_ADDRESS_H

#include "pool.h"

struct sockaddr;

struct address {
    bool v6;
    uint8_t ip[16];  /* the first four for IPv4 */
    uint16_t port;
};

bool address_of(const struct sockaddr *sa, struct address *ret); /* false: not IP (a unix socket) */
bool address_parse(struct slice text, struct address *ret);      /* "1.2.3.4", "1.2.3.4:5", "[::1]:5", "::1" */
bool address_same_ip(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *a);
bool address_is_tailnet(const struct address *a);                /* 100.64.0.0/10, fd7a:115c:a1e0::/48 */

/* What the address stands for, by the IANA special-purpose registries (RFC 6890). Of a NAT64 address (RFC 6052, 64:ff9b::/96):
 * what the IPv4 address in it stands for. */
enum address_scope {
    ADDRESS_GLOBAL,
    ADDRESS_LOOPBACK,
    ADDRESS_PRIVATE,
    ADDRESS_TAILNET,        /* as above; on other networks carriers use 100.64.0.0/10 */
    ADDRESS_LINK_LOCAL,
    ADDRESS_MULTICAST,
    ADDRESS_SERVICE,        /* of the platform, for every machine: a cloud's metadata, tailscaled's own 100.100.100.100 */
    ADDRESS_RESERVED,       /* everything else: documentation, benchmarks, tunnels with an address inside, unassigned */
};
#define ADDRESS_SCOPE_COUNT 8
enum address_scope address_scope(const struct address *a);
const char *address_scope_name(enum address_scope s);   /* "link-local" */

struct slice address_ip_text(struct pool *p, const struct address *a);
struct slice address_text(struct pool *p, const struct address *a); /* with port; [v6]:port */

#endif
