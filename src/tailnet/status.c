/* tailscaled's status?peers=false. Most of it is absent or null until the node has joined a tailnet. */
#include "status.h"

#include "json.h"
#include "node.h"

static void read_self(struct pool *p, const struct json *self, struct tailnet_status *ret)
{
    ret->stable_id = node_stable_id(json_member(self, "ID"));
    ret->dns_name = node_name(p, json_member(self, "DNSName"));
    ret->tags = node_texts(p, json_member(self, "Tags"));
    ret->key_expiry = node_time(json_member(self, "KeyExpiry"));
    ret->created_at = node_time(json_member(self, "Created"));
    (void)json_bool(json_member(self, "Online"), &ret->online);
}

static void read_tailnet(struct pool *p, const struct json *root, struct tailnet_status *ret)
{
    const struct json *tailnet = json_member(root, "CurrentTailnet");

    ret->tailnet_name = node_text(json_member(tailnet, "Name"));
    ret->suffix = node_name(p, json_member(tailnet, "MagicDNSSuffix"));
    if (slice_is_none(ret->suffix))
        ret->suffix = node_name(p, json_member(root, "MagicDNSSuffix"));
}

enum err status_parse(struct pool *p, struct slice body, struct tailnet_status *ret)
{
    const struct json *root = NULL;
    struct tailnet_status s = { .running = false };
    bool tun = true;

    if (json_parse(p, body, STATUS_BYTES_MAX, &root) != ERR_OK || !json_is_object(root))
        return ERR_INPUT;
    s.backend_state = node_text(json_member(root, "BackendState"));
    if (slice_is_none(s.backend_state))
        return ERR_INPUT;
    s.running = slice_eq(s.backend_state, SL("Running"));
    (void)json_bool(json_member(root, "TUN"), &tun);
    s.userspace = !tun;
    s.auth_url = node_text(json_member(root, "AuthURL"));
    s.addresses = node_texts(p, json_member(root, "TailscaleIPs"));
    s.cert_domains = node_texts(p, json_member(root, "CertDomains"));
    s.health = node_texts(p, json_member(root, "Health"));
    read_self(p, json_member(root, "Self"), &s);
    read_tailnet(p, root, &s);
    *ret = s;
    return ERR_OK;
}
