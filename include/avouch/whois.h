/* An answer of tailscaled's whois, read and judged: who is at the other end of a connection. Text in, struct out. */
#ifndef AVOUCH_WHOIS_H
#define AVOUCH_WHOIS_H

#include "address.h"
#include "caps.h"
#include "err.h"

#define WHOIS_BYTES_MAX ((size_t)256 * 1024)

/* Set in the user id of whoever another tailnet's node belongs to: their ids are numbers of their own, which must never meet
 * ours. No control server's ids come near it. */
#define USER_ID_SHARED_IN (INT64_C(1) << 62)

/* An answer of whois is not yet a person (facts: expired nodes answer with all their grants). Only PEER_PERSON may
 * sign in, only PEER_MACHINE may be a workload. */
enum peer_kind {
    PEER_NOBODY,        /* no such peer: 404 */
    PEER_PERSON,
    PEER_MACHINE,       /* tagged */
    PEER_EXPIRED,       /* the node key has expired */
    PEER_SHARED_IN,     /* another tailnet's node (ShareeNode, or a name outside our suffix) */
    PEER_OURSELVES,     /* our own node: any local process may be behind it */
    PEER_UNAPPROVED,    /* UnsignedPeerAPIOnly (tailnet lock), or not MachineAuthorized */
    PEER_STRANGE,       /* an answer that does not fit the question: address not the node's, no StableID, no user */
};
#define PEER_KIND_COUNT 8

struct peer {
    enum peer_kind kind;
    int64_t user_id;                    /* > 0: untagged and the profile's own, of refused kinds too; else 0. See USER_ID_SHARED_IN */
    struct slice login, display_name, picture;  /* a tagged node's login is "tagged-devices"; picture: https only */
    struct slice stable_id, node;       /* node: its first label, "laptop" */
    struct slice fqdn;                  /* "laptop.tail1234.ts.net", no dot at the end */
    struct slice address;               /* the node's first address, as text: how it is asked about again */
    struct slices tags;
    bool routes_for_others;             /* AllowedIPs exceed Addresses: a subnet router, exit node or proxy */
    int64_t key_expiry;                 /* seconds; 0: none */
    struct caps caps;
};

/* What the answer is judged against: our own node and tailnet, from status (fields may be none: then not checked). */
struct tailnet_self {
    struct slice stable_id;             /* our own node's */
    struct slice suffix;                /* MagicDNSSuffix, "tail1234.ts.net" */
    struct slice service;               /* the Tailscale Service that we are; none: just our own node */
    bool tells_authorized;              /* this tailscaled says MachineAuthorized of nodes: whoever is without it is not */
};

/* An answer about our own node, which is authorized: does this tailscaled say so? (False is left out of its answers, so only that
 * tells it from one that does not say.) */
bool whois_tells_authorized(struct pool *p, struct slice body);

/* The LocalAPI path that asks about an address: "/localapi/v0/whois?addr=...&proto=tcp". service: whose grants are asked for, where we are
 * a Tailscale Service; none: our own node's. */
struct slice whois_path(struct pool *p, const struct address *a, bool with_port, struct slice service);
bool whois_service_is_valid(struct slice name); /* "svc:" and a DNS label in lower case */

/* body: of a 200. asked: the address asked about, checked to be the node's unless it is a loopback (userspace) one.
 * ERR_INPUT: not a whois answer at all (then 503, not "nobody"). */
enum err whois_parse(struct pool *p, struct slice body, const struct address *asked, const struct tailnet_self *self,
                     struct peer *ret) MUST_CHECK;

#endif
