/* The operator's settings: /etc/avouch/avouch.yaml (read over libyaml's document nodes by a table), then AVOUCH_*
 * variables, then flags. Every error names file, line and column: an unknown key, a duplicate, a second document, a
 * wrong type or unit. All are ERR_CONFIG. */
#ifndef AVOUCH_CONFIG_H
#define AVOUCH_CONFIG_H

#include "err.h"
#include "fetch_message.h"
#include "issuer.h"

#define CONFIG_FILE "/etc/avouch/avouch.yaml"
#define CONFIG_BYTES_MAX 65536
#define CONFIG_LIST_MAX 64
#define CONFIG_OWN_DIRECTORY "tailscale"    /* in the state directory: of mode own's tailscaled */
#define CONFIG_OWN_SOCKET CONFIG_OWN_DIRECTORY "/tailscaled.sock"

enum tailscale_mode { TAILSCALE_AUTO, TAILSCALE_KERNEL, TAILSCALE_USERSPACE, TAILSCALE_OWN };
#define TAILSCALE_MODE_COUNT 4

struct config {
    struct slice issuer;                /* none: the node's own name */
    struct slices proxies;              /* addresses whose X-Forwarded-For is believed on listeners of the class proxy */
    struct slices listen;               /* "CLASS:ADDRESS"; empty: not given, see config_complete */
    struct slice tls_certificate, tls_key;
    struct slice state;                 /* directory; none: not given, see config_complete */
    int64_t database_max;               /* bytes that the database may grow to; 0: STORE_MAP_BYTES */
    struct slice seal_key_file;
    struct slice contact;
    enum tailscale_mode tailscale_mode;
    struct slice tailscale_socket;
    int64_t tailscale_max_stale;        /* seconds without its control server that our node may be believed */
    struct slice tailscale_service;     /* none, or the Tailscale Service that we are: svc:idp */
    struct slice tailscale_hostname, tailscale_control_url, tailscale_auth_key_file; /* mode own */
    struct slice outbound_ca_file;
    struct slices outbound_allow;       /* fetch_allow.h */
    bool shared_in;                     /* shared_in: allow */
    bool subject_is_tsidp;              /* subject: userid */
    bool email_verified;
    struct lifetimes lifetimes;
    struct slice log_level;             /* error | warn | info | debug */
    bool log_documents;                 /* log.documents */
    /* flags only */
    bool dev;
    struct slices dev_users;
    uint32_t lists_begun;               /* bit per key: config_set has begun this list, the next value is added */
};

/* Why the settings are refused and where, as one sentence: "avouch.yaml:3:7: `lifetimes.code` is a duration such as
 * 60s, not `1 minute`". */
struct config_error {
    struct slice text;
};

void config_defaults(struct config *c);
enum err config_read_yaml(struct pool *p, struct slice file_name, struct slice text, struct config *c,
                          struct config_error *ret) MUST_CHECK;
enum err config_read_file(struct pool *p, const char *file, bool must_exist, struct config *c,
                          struct config_error *ret) MUST_CHECK;
enum err config_read_environment(struct pool *p, char *const *environment, struct config *c,
                                 struct config_error *ret) MUST_CHECK;
/* One setting by its dotted name, as flags do: config_set(p, "listen", ...) adds to lists that the same source
 * already began. */
enum err config_set(struct pool *p, struct config *c, const char *name, struct slice value,
                    struct config_error *ret) MUST_CHECK;

/* What depends on `dev` and was not given: listen, state (the XDG state directory and port 9080 under --dev). Last,
 * after the flags. */
void config_complete(struct pool *p, struct config *c);

/* What fetches need of it; borrowed from c. */
struct fetch_settings config_outbound(const struct config *c);

bool duration_parse(struct slice text, int64_t *ret_s);     /* "0s", "60s", "10m", "12h", "30d"; at most 10 years */
/* All keys by their dotted names: the documentation must have them all, and no others. */
size_t config_keys(const char *const **ret_names);

#endif
