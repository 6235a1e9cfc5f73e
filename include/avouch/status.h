/* tailscaled's status?peers=false, read. Tells "not a peer" from "cannot say just now". */
#ifndef AVOUCH_STATUS_H
#define AVOUCH_STATUS_H

#include "err.h"
#include "whois.h"

#define STATUS_PATH "/localapi/v0/status?peers=false"
#define STATUS_BYTES_MAX ((size_t)256 * 1024)

struct tailnet_status {
    struct slice backend_state;         /* Running, NoState, NeedsLogin, ... */
    bool running, userspace;            /* TUN false */
    bool online;                        /* Self.Online: connected to its control server */
    struct slice dns_name;              /* our own node's, no dot at the end */
    struct slice stable_id, suffix, tailnet_name, auth_url;
    struct slices addresses, tags, cert_domains, health;
    int64_t key_expiry;
    int64_t created_at;                 /* when the control server made our own node */
};

#define PREFS_PATH "/localapi/v0/prefs"
/* ERR_INPUT: no prefs. *ret: "https://controlplane.tailscale.com"; none where they do not say. */
enum err prefs_parse(struct pool *p, struct slice body, struct slice *ret_control_url) MUST_CHECK;

enum err status_parse(struct pool *p, struct slice body, struct tailnet_status *ret) MUST_CHECK;

#endif
