/* An answer of whois, judged. One complication: tailscaled answers for expired nodes, for nodes of other tailnets
 * and for our own node as readily as for a person, grants and all, so every answer passes the whole row of checks in
 * judge() before it is anybody. */
#include "whois.h"

#include "json.h"
#include "node.h"

struct slice whois_path(struct pool *p, const struct address *a, bool with_port, struct slice service)
{
    struct buf b;

    buf_init(&b, p, 256);
    buf_put(&b, SL("/localapi/v0/whois?addr="));
    buf_percent(&b, with_port ? address_text(p, a) : address_ip_text(p, a));
    buf_put(&b, SL("&proto=tcp"));
    if (service.n > 0) {
        buf_put(&b, SL("&svc_name="));
        buf_percent(&b, service);
    }
    return buf_finish(&b);
}

bool whois_service_is_valid(struct slice name)
{
    struct slice label = slice_starts(name, SL("svc:")) ? slice_from(name, 4) : SLICE_NONE;

    if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++)
        if (!(label.p[i] >= 'a' && label.p[i] <= 'z') && !(label.p[i] >= '0' && label.p[i] <= '9') && label.p[i] != '-')
            return false;
    return true;
}

/* "100.64.0.2/32": an address of the node's own, which a wider prefix is not. */
static bool own_address(struct slice cidr, struct address *ret)
{
    struct slice ip = SLICE_NONE;

    if (!slice_cut(&cidr, '/', &ip) || !address_parse(ip, ret) || ret->port != 0)
        return false;
    return slice_eq(cidr, ret->v6 ? SL("128") : SL("32"));
}

static bool has_address(struct slices addresses, const struct address *asked)
{
    struct address a;

    for (size_t i = 0; i < addresses.n; i++)
        if (own_address(addresses.at[i], &a) && address_same_ip(&a, asked))
            return true;
    return false;
}

static struct slice first_address(struct pool *p, struct slices addresses)
{
    struct address a;

    for (size_t i = 0; i < addresses.n; i++)
        if (own_address(addresses.at[i], &a))
            return address_ip_text(p, &a);
    return SLICE_NONE;
}

/* Newer control servers leave AllowedIPs out where it would equal Addresses. */
static bool routes_for_others(const struct json *allowed, struct slices addresses)
{
    for (size_t i = 0; i < json_count(allowed); i++) {
        struct slice one = SLICE_NONE;
        if (!json_text(json_item(allowed, i), &one) || !slices_have(addresses, one))
            return true;
    }
    return false;
}

static bool within(struct slice fqdn, struct slice suffix)
{
    return fqdn.n > suffix.n + 1 && slice_ends(fqdn, suffix) && fqdn.p[fqdn.n - suffix.n - 1] == '.';
}

static struct slice https_only(struct slice url)
{
    return slice_starts(url, SL("https://")) ? url : SLICE_NONE;
}

/* The owner, if the node has one: a tagged node's profile is a pseudo-user that all of them share. */
static void read_owner(const struct json *node, const struct json *profile, struct peer *ret)
{
    int64_t owner = 0, id = 0;

    ret->login = node_text(json_member(profile, "LoginName"));
    ret->display_name = node_text(json_member(profile, "DisplayName"));
    ret->picture = https_only(node_text(json_member(profile, "ProfilePicURL")));
    if (ret->tags.n == 0 && json_int(json_member(node, "User"), &owner) && json_int(json_member(profile, "ID"), &id) &&
        owner == id && id > 0 && id < USER_ID_SHARED_IN && !slice_is_none(ret->login))
        ret->user_id = id;
}

static void read_node(struct pool *p, const struct json *node, struct peer *ret)
{
    struct slice rest = SLICE_NONE;

    ret->stable_id = node_stable_id(json_member(node, "StableID"));
    ret->fqdn = node_name(p, json_member(node, "Name"));
    rest = slice_is_none(ret->fqdn) ? node_name(p, json_member(node, "ComputedName")) : ret->fqdn;
    (void)slice_cut(&rest, '.', &ret->node);
    ret->tags = node_texts(p, json_member(node, "Tags"));
    ret->key_expiry = node_time(json_member(node, "KeyExpiry"));
}

/* Tags in another form than an array of texts: the node is not a person's, and whose it is cannot be said. */
static bool has_odd_tags(struct pool *p, const struct json *tags, const struct peer *peer)
{
    return json_is_array(tags) ? json_count(tags) > 0 && peer->tags.n == 0 : node_forbids(p, tags);
}

/* What is left once the node is alive, signed and not ours. An answer about another address than the asked one is
 * strange whoever it names, so that comes first; in userspace mode the asked one is a loopback port and proves
 * nothing. */
static enum peer_kind judge_owner(struct pool *p, const struct json *node, bool fits, struct slice suffix,
                                  const struct peer *peer)
{
    if (!fits)
        return PEER_STRANGE;
    if (node_forbids(p, json_member(json_member(node, "Hostinfo"), "ShareeNode")))
        return PEER_SHARED_IN;
    if (suffix.n > 0 && !within(peer->fqdn, suffix))
        return PEER_SHARED_IN;
    if (has_odd_tags(p, json_member(node, "Tags"), peer))
        return PEER_STRANGE;
    if (peer->tags.n > 0)
        return PEER_MACHINE;
    return peer->user_id == 0 ? PEER_STRANGE : PEER_PERSON;
}

static bool is_authorized(const struct json *node)
{
    bool authorized = false;

    return json_bool(json_member(node, "MachineAuthorized"), &authorized) && authorized;
}

bool whois_tells_authorized(struct pool *p, struct slice body)
{
    const struct json *root = NULL;

    return json_parse(p, body, WHOIS_BYTES_MAX, &root) == ERR_OK && is_authorized(json_member(root, "Node"));
}

static enum peer_kind judge(struct pool *p, const struct json *node, bool fits, const struct tailnet_self *self,
                            const struct peer *peer)
{
    if (slice_is_none(peer->stable_id))
        return PEER_STRANGE;
    if (self->stable_id.n > 0 && slice_eq(peer->stable_id, self->stable_id))
        return PEER_OURSELVES;
    /* before the next: headscale takes MachineAuthorized away from an expired node too */
    if (node_forbids(p, json_member(node, "Expired")))
        return PEER_EXPIRED;
    if (node_forbids(p, json_member(node, "UnsignedPeerAPIOnly")) || (self->tells_authorized && !is_authorized(node)))
        return PEER_UNAPPROVED;
    return judge_owner(p, node, fits, self->suffix, peer);
}

/* A policy that is generous to everybody is not meant for other tailnets: what it gives is dropped, what it limits stays. */
static void become_outsider(struct peer *peer)
{
    if (peer->user_id > 0)
        peer->user_id |= USER_ID_SHARED_IN;
    peer->caps = (struct caps){ .clients_limited = peer->caps.clients_limited, .clients = peer->caps.clients };
}

enum err whois_parse(struct pool *p, struct slice body, const struct address *asked, const struct tailnet_self *self,
                     struct peer *ret)
{
    const struct json *root = NULL;
    struct peer peer = { .kind = PEER_STRANGE };

    if (json_parse(p, body, WHOIS_BYTES_MAX, &root) != ERR_OK)
        return ERR_INPUT;
    const struct json *node = json_member(root, "Node");
    if (!json_is_object(node))
        return ERR_INPUT;
    struct slices addresses = node_texts(p, json_member(node, "Addresses"));
    read_node(p, node, &peer);
    read_owner(node, json_member(root, "UserProfile"), &peer);
    peer.address = first_address(p, addresses);
    peer.routes_for_others = routes_for_others(json_member(node, "AllowedIPs"), addresses);
    bool fits = address_is_loopback(asked) || has_address(addresses, asked);
    peer.kind = judge(p, node, fits, self, &peer);
    caps_read(p, json_member(root, "CapMap"), &peer.caps);
    if (peer.kind == PEER_SHARED_IN)
        become_outsider(&peer);
    *ret = peer;
    return ERR_OK;
}
