/* The tailnet's other nodes: what the policy grants them, as this node sees it, and who of them stands for others. */
#include "doctor.h"
#include "node.h"
#include "whois.h"

#define PEERS_ASKED_MAX 20

/* Of the people's devices that were asked about. */
struct census {
    size_t asked, granted, admins;
};

static bool is_tagged(const struct json *peer)
{
    return json_count(json_member(peer, "Tags")) > 0;
}

/* A person's node that others' traffic comes out of: they look like that person. */
static void check_router(struct doctor *d, const struct json *peer)
{
    struct slice name = node_name(d->pool, json_member(peer, "DNSName"));

    if (is_tagged(peer) || json_count(json_member(peer, "PrimaryRoutes")) == 0)
        return;
    doctor_say(d, "router", FINDING_LOOK,
               pool_fmt(d->pool,
                        SLICE_FMT " belongs to a person and routes for others: devices behind it look like that "
                                  "person. We ask each time.",
                        SLICE_ARG(name)),
               "tag the router: tailscale up --advertise-tags=tag:router");
}

static void take_grants(struct doctor *d, const struct json *peer, struct census *ret)
{
    const struct json *root = NULL;
    struct slice address = SLICE_NONE, body = SLICE_NONE;
    struct address a;
    struct caps caps;
    const char *why = "";
    int status = 0;

    if (!json_text(json_item(json_member(peer, "TailscaleIPs"), 0), &address) || !address_parse(address, &a))
        return;
    const char *path = slice_cstr(d->pool, whois_path(d->pool, &a, false, d->c->config.tailscale_service));
    if (!doctor_ask(d, path, &status, &body, &why) || status != 200 ||
        json_parse(d->pool, body, WHOIS_BYTES_MAX, &root) != ERR_OK)
        return;
    const struct json *map = json_member(root, "CapMap");
    caps_read(d->pool, map, &caps);
    ret->asked++;
    ret->granted += json_count(json_member(map, CAPS_NAME)) > 0;
    ret->admins += caps.admin;
}

void doctor_check_peers(struct doctor *d)
{
    const struct json *peers = json_member(d->status_json, "Peer");
    struct census c = { .asked = 0 };
    struct slice key;

    for (size_t i = 0; i < json_count(peers); i++) {
        const struct json *peer = json_member_at(peers, i, &key);
        check_router(d, peer);
        if (c.asked < PEERS_ASKED_MAX && !is_tagged(peer))
            take_grants(d, peer, &c);
    }
    if (c.asked == 0)
        return;
    struct slice text = pool_fmt(
        d->pool,
        "%zu of %zu people's devices have a grant with %s to this node, %zu of them administer; groups come from "
        "there alone.",
        c.granted, c.asked, CAPS_NAME, c.admins);
    doctor_say(d, "grants", c.granted > 0 ? FINDING_GOOD : FINDING_LOOK, text,
               c.granted > 0 ? NULL
                             : "in the tailnet's policy: {\"src\": [\"autogroup:member\"], \"dst\": [\"tag:idp\"], "
                               "\"app\": {\"" CAPS_NAME "\": [{\"groups\": [\"people\"]}]}}");
}
