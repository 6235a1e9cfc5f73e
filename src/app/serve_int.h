/* What the files of `avouch serve` share: the parts of the running server, in the order in which they come to life. */
#ifndef AVOUCH_SERVE_INT_H
#define AVOUCH_SERVE_INT_H

#include <sys/types.h>
#include <time.h>

#include "ask.h"
#include "command.h"
#include "config.h"
#include "endpoints.h"
#include "fetch.h"
#include "log.h"
#include "machine.h"
#include "signer.h"
#include "status.h"
#include "tls.h"
#include "upkeep.h"

#define LISTENERS_MAX    16
#define SERVE_HELPED     (-1) /* --help was asked for and given */
#define SERVE_POOL_BYTES (16U << 20)
#define RETIRED_MAX      64   /* reloads while there was never a moment without a request */
#define STATUS_EVERY_MS  1000 /* until tailscaled has told who we are */
#define STATUS_REFRESH   5    /* afterwards each so many ticks: so long another node in our place is not noticed */

struct serve {
    struct pool *pool;     /* lives as long as the process */
    struct pool *settings; /* of the settings in force and the issuer made of them; at first the same as pool */
    struct pool *retired[RETIRED_MAX]; /* of those before, until no request uses them */
    size_t retired_n;
    int argc;
    char **argv; /* kept for SIGHUP: flags win again */
    struct config config;
    struct store *store;
    int size_warning_wait; /* store checks until "nearly full" is said again */
    struct view *view;     /* the main loop's */
    struct signer *signer;
    struct writer *writer;
    struct loop *loop;
    struct asker *asker;            /* NULL under --dev */
    struct asker *slow_asker;       /* for what tailscaled may take a minute for: certificates */
    int fetch_channel;              /* of the zygote; -1: there is none */
    struct fetch_settings outbound; /* of the settings in force */
    struct fetcher *fetcher;
    struct machine machine;
    struct issuer *issuer; /* what the machine points to */
    uint8_t *secrets;      /* locked: page key, refresh key */
    struct ssl_ctx_st *tls;

    struct opened {
        struct listener *listener;
        struct address own; /* follows: the node's own address that it listens on */
        bool follows;
    } listeners[LISTENERS_MAX];

    size_t listener_n;
    bool stopping;

    struct tailnet_watch { /* what tailscaled says of our own node */
        struct ask ask;
        struct pool *pool;
        bool asking, known;
        unsigned ticks;
        struct tailnet_status status, fresh; /* fresh: while it is asked */
        int64_t online_at;   /* CLOCK_BOOTTIME, seconds: when it last had its control server; 0: never asked */
        bool foreign, stale; /* why nobody can be known: another tailnet; without control server too long */
        bool ids_for_ever;
        struct slice control_url; /* as it was told last; it lives as the pool does that was asked with */
        bool tells_authorized;    /* whois.h */
    } watch;

    struct own_node {          /* mode own: the tailscaled that we start */
        const char *directory; /* NULL: none */
        char **argv, **env;
        pid_t pid; /* 0: it does not run */
        int64_t started_s;
        int backoff_s, wait_s;
        bool joining, logs_in; /* logs_in: it is to become a node, not only to run again */
        bool on_tailnet;       /* as it said last */
        int join_wait_s;       /* until it is asked to join once more */
        struct ask ask;
        struct pool *pool; /* of ask */
        struct slice shown_url;
    } own;

    struct cert_watch { /* the certificate that tailscaled gives */
        struct ask ask;
        bool asking, plain; /* plain: without min_validity */
        int wait_s;         /* until the next question */
    } cert;

    struct cert_files { /* certificate and key of the settings */

        struct file_mark {
            dev_t device;
            ino_t inode;
            off_t size;
            struct timespec written, changed;
        } tried[2], seen[2]; /* as last loaded, whether that went well or not; as last looked at */
    } cert_files;
};

/* serve_settings.c. Speaks on standard error; the result is an exit status, or SERVE_HELPED. */
int serve_read_settings(struct serve *s, struct config *ret);

/* serve_issuer.c */
bool serve_open_keys(struct serve *s); /* seal key, signer, HMAC keys, signing keys: before threads ask for them */
bool serve_make_issuer(struct serve *s,
                       struct slice url); /* from the settings; remembers the name. Replaces s->issuer */

/* serve_listen.c */
bool serve_listen(struct serve *s);                          /* opens every listener of the settings */
void serve_follow(struct serve *s);                          /* the node's own addresses, as they are now */
void serve_set_tls(struct serve *s, struct ssl_ctx_st *tls); /* takes the reference; for connections from now on */
bool serve_wants_tls(enum listener_class c);
bool serve_waits_for_status(const struct serve *s); /* cannot listen before tailscaled has said more */
struct slice serve_dev_url(struct serve *s);

/* cert_files.c */
#define CERT_FILES_TICK_MS 2000
bool serve_load_tls(struct serve *s); /* nothing to do where no files are configured */
void cert_files_tick(void *serve);

/* tailnet_watch.c, cert_watch.c */
#define CERT_TICK_MS    2000
#define CERT_TIMEOUT_MS 120000
void tailnet_watch_tick(void *serve);
void cert_watch_tick(void *serve);
bool serve_needs_certificate(const struct serve *s);

/* tailnet_judge.c: is this the tailnet that the database belongs to? Remembers the first one. False: nothing can be said or done now (the
 * database failed); else machine.refusal says whether people may be known. */
bool tailnet_judge(struct serve *s, struct slice control_url);
/* Has it had its control server within tailscale.max_stale? Else machine.refusal says so. */
void tailnet_note_online(struct serve *s, bool was_online); /* a status has come */
void tailnet_judge_freshness(struct serve *s);              /* time has passed */

/* own_node.c */
bool own_node_prepare(struct serve *s); /* its directory and socket; before anything asks tailscaled */
void own_node_tick(void *serve);        /* starts it, and again when it has ended */
void own_node_on_status(struct serve *s, const struct tailnet_status *status); /* joins the tailnet where it has not */
void own_node_end(struct serve *s);

/* serve.c: what the watches tell */
void serve_on_status(struct serve *s);     /* status is known, or anew */
void serve_open_if_ready(struct serve *s); /* listens once all that it needs is there */

/* systemd.c: sd_notify(3) and sd_listen_fds(3), as much of them as we need. */
void systemd_notify(const char *state); /* nothing without NOTIFY_SOCKET */
unsigned systemd_listen_fds(void);      /* how many, from descriptor 3 on; they are made close-on-exec */

int serve_run(int argc, char **argv);

/* One line on standard error and in the log's stead, before the log is open. */
bool serve_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
