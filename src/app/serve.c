/* `avouch serve`: the phases of a server's life, one line each in serve_run. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "fetch_zygote.h"
#include "serve_int.h"

#define CLOCK_READ_MS      1000
#define STORE_CHECK_MS     (60 * 1000)
#define SIZE_WARNING_EVERY 60   /* store checks */
#define SETTLE_TRIES       2000 /* milliseconds that requests may take to end after the loop has */

/* ---- doors ---- */

static int64_t milliseconds(clockid_t clock)
{
    struct timespec t = { 0 };

    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Both clocks at one time: a process that was stopped between the two would have seen a jump. */
static struct now read_clock(void *ctx)
{
    int64_t before, wall, after;

    (void)ctx;
    do {
        before = milliseconds(CLOCK_BOOTTIME);
        wall = milliseconds(CLOCK_REALTIME);
        after = milliseconds(CLOCK_BOOTTIME);
    } while (after - before > CLOCK_READ_MS);
    return (struct now){ .s = wall / 1000, .ms = wall, .boot_ms = after };
}

static bool is_synchronised(void *ctx)
{
    struct timex t = { 0 };

    (void)ctx;
    int state = adjtimex(&t);
    return state >= 0 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
}

static size_t backlog(void *signer)
{
    return signer_backlog(signer);
}

static void after_wake(void *ctx)
{
    struct serve *s = ctx;

    machine_send(&s->machine);
    log_flush();
}

/* What requests may still point to goes once there are none; caches that compare addresses forget them first, as what comes next may lie
 * at the same place. */
static void drop_retired(struct serve *s)
{
    if (s->retired_n == 0 || s->machine.waiting > 0)
        return;
    machine_forget(&s->machine);
    while (s->retired_n > 0)
        pool_destroy(s->retired[--s->retired_n]);
}

static void on_upkeep(void *ctx)
{
    struct serve *s = ctx;

    drop_retired(s);
    if (s->issuer == NULL)
        return;
    upkeep_keys(&s->machine);
    upkeep_sweep(&s->machine);
}

static void warn_of_size(struct serve *s)
{
    struct store_usage usage;

    if (store_usage(s->store, &usage) != ERR_OK || usage.percent < STORE_ALARM_PERCENT || s->size_warning_wait-- > 0)
        return;
    s->size_warning_wait = SIZE_WARNING_EVERY;
    LOG(LOG_WARN, "the database is nearly full: set database_max higher and restart", LOG_NUM("percent", usage.percent),
        LOG_NUM("of_mib", (int64_t)(usage.map_bytes >> 20)));
}

static void on_store_check(void *ctx)
{
    struct serve *s = ctx;

    if (store_check_readers(s->store) < 0)
        LOG(LOG_WARN, "the slots of dead readers cannot be freed");
    warn_of_size(s);
}

/* ---- phases ---- */

/* Nothing of ours may be read out of a core or by a neighbour of the same user. */
static void harden(void)
{
    const struct rlimit none = { 0, 0 };
    struct rlimit files = { 0 };

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < CONNECTIONS_MAX + FILES_RESERVED) {
        files.rlim_cur =
            files.rlim_max < CONNECTIONS_MAX + FILES_RESERVED ? files.rlim_max : CONNECTIONS_MAX + FILES_RESERVED;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* a service begins with 1024 */
    }
    (void)umask(S_IRWXG | S_IRWXO);
}

static enum log_level log_level_of(struct slice name)
{
    static const char *const names[LOG_LEVEL_COUNT] = { "error", "warn", "info", "debug" };

    for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++)
        if (slice_eq(name, slice_of(names[i])))
            return (enum log_level)i;
    return LOG_INFO;
}

/* Before there is anything that it could inherit. */
static void start_zygote(struct serve *s)
{
    s->fetch_channel = fetch_zygote_start();
    if (s->fetch_channel < 0)
        LOG(LOG_ERROR, "nothing can be fetched: no process is to be had",
            LOG_TEXT("why", slice_of(strerrordesc_np(errno))));
}

static bool open_store(struct serve *s)
{
    struct slice why = SLICE_NONE;
    const struct store_options o = { .directory = slice_cstr(s->pool, s->config.state),
                                     .map_bytes = (size_t)s->config.database_max };
    enum err e = store_open(s->pool, &o, &s->store, &why);

    if (e != ERR_OK)
        return serve_complain(SLICE_FMT, SLICE_ARG(slice_is_none(why) ? slice_of(err_text(e)) : why));
    s->view = view_create(s->store);
    return true;
}

static void on_signal(void *ctx, int signal);

static bool start_loop(struct serve *s)
{
    struct machine *m = &s->machine;

    s->loop = loop_create(route_handle, m);
    loop_on_signal(s->loop, on_signal, s); /* before any other thread: they inherit what is blocked */
    loop_after_wake(s->loop, after_wake, s);
    return true;
}

static bool start_threads(struct serve *s)
{
    s->writer = writer_create(s->store, backlog, s->signer);
    return s->writer != NULL || serve_complain("no thread to be had for the writer");
}

static void fill_machine(struct serve *s)
{
    struct machine *m = &s->machine;

    s->outbound = config_outbound(&s->config);
    s->fetcher = fetcher_create(s->loop, s->fetch_channel, &s->outbound);
    m->endpoints = endpoints;
    m->view = s->view;
    m->inbox = loop_inbox(s->loop);
    m->fetches = fetcher_queue(s->fetcher);
    m->signer = signer_queue(s->signer);
    m->commit = writer_queue(s->writer);
    m->clock = read_clock;
    m->clock_is_synchronised = is_synchronised;
    m->daemon_uid = NO_UID;
    m->log_documents = s->config.log_documents;
    machine_init(m);
    m->leaving.holds = true;
    if (s->config.dev) {
        dev_init(&m->dev, s->config.dev_users);
        m->asks = &m->dev.queue;
        return;
    }
    s->asker = asker_create(s->loop, s->config.tailscale_socket);
    s->slow_asker = asker_create(s->loop, s->config.tailscale_socket);
    asker_set_timeout(s->slow_asker, CERT_TIMEOUT_MS);
    m->asks = asker_queue(s->asker);
}

static void say_ready(struct serve *s)
{
    if (FAULTS_BUILT)
        LOG(LOG_WARN, "this program was built to fail on purpose (-Dfaults=true): never use it for anything but tests",
            LOG_TEXT("version", SL(AVOUCH_VERSION)));
    LOG(LOG_INFO, "serving", LOG_TEXT("issuer", s->issuer->url), LOG_TEXT("version", SL(AVOUCH_VERSION)));
    for (size_t i = 0; i < s->listener_n; i++)
        LOG(LOG_INFO, "listening",
            LOG_TEXT("class", slice_of(listener_class_name(listener_class(s->listeners[i].listener)))),
            LOG_NUM("port", listener_port(s->listeners[i].listener)));
    systemd_notify("READY=1");
    on_upkeep(s);
}

static bool open_for_business(struct serve *s)
{
    struct slice url = s->config.issuer;

    if (!serve_load_tls(s))
        return false;
    if (s->config.dev) {
        if (!serve_listen(s) || !serve_make_issuer(s, slice_is_none(url) ? serve_dev_url(s) : url))
            return false;
    } else {
        if (slice_is_none(url))
            url = pool_fmt(s->pool, "https://" SLICE_FMT, SLICE_ARG(s->watch.status.dns_name));
        if (!serve_make_issuer(s, url) || !serve_listen(s))
            return false;
    }
    say_ready(s);
    return true;
}

void serve_open_if_ready(struct serve *s)
{
    bool ready = !serve_waits_for_status(s) && (!serve_needs_certificate(s) || s->tls != NULL);

    if (s->issuer == NULL && ready && !open_for_business(s))
        loop_stop(s->loop);
}

void serve_on_status(struct serve *s)
{
    if (s->issuer == NULL) {
        cert_watch_tick(s); /* its name may be known only now */
        serve_open_if_ready(s);
        return;
    }
    /* our own node may have become another one: requests from now on judge by it */
    bool changed = !slice_eq(s->issuer->self.stable_id, s->watch.status.stable_id) ||
                   s->issuer->self.tells_authorized != s->watch.tells_authorized;
    if (changed && !serve_make_issuer(s, s->issuer->url))
        LOG(LOG_ERROR, "our own node has changed, and the issuer cannot be renewed");
    s->machine.userspace = s->config.tailscale_mode == TAILSCALE_USERSPACE || s->watch.status.userspace;
    serve_follow(s);
}

/* ---- while it runs ---- */

static bool take_settings(struct serve *s)
{
    struct config fresh;

    if (serve_read_settings(s, &fresh) != COMMAND_DONE)
        return false;
    fresh.listen = s->config.listen;
    fresh.state = s->config.state;
    fresh.issuer = s->config.issuer;
    fresh.dev_users = s->config.dev_users;
    s->config = fresh;
    s->cert.wait_s = 0; /* tailscaled's certificate is asked for with the next tick */
    return serve_load_tls(s) && s->issuer != NULL && serve_make_issuer(s, s->issuer->url);
}

/* What can change without a new start; the old settings stay where the new ones are wrong. */
static void reload(struct serve *s)
{
    const struct config old = s->config;
    struct pool *before = s->settings;

    drop_retired(s);
    if (s->retired_n == RETIRED_MAX) {
        LOG(LOG_WARN, "not reloaded: requests still use what earlier reloads replaced; try again");
        return;
    }
    systemd_notify("RELOADING=1");
    s->settings = pool_create(SERVE_POOL_BYTES);
    if (take_settings(s)) {
        if (before != s->pool)
            s->retired[s->retired_n++] = before;
        s->machine.log_documents = s->config.log_documents;
        s->outbound = config_outbound(&s->config);
        LOG(LOG_INFO, "reloaded: certificate and settings; listen, state and issuer need a new start");
    } else {
        pool_destroy(s->settings);
        s->settings = before;
        s->config = old;
        LOG(LOG_ERROR, "not reloaded: the old settings stay");
    }
    systemd_notify("READY=1");
}

static void on_signal(void *ctx, int signal)
{
    struct serve *s = ctx;

    if (signal == SIGHUP) {
        reload(s);
        return;
    }
    LOG(LOG_INFO, "stopping", LOG_NUM("signal", signal));
    systemd_notify("STOPPING=1");
    s->stopping = true;
    loop_drain(s->loop);
}

/* Upkeep and requests whose client has left may still be with a worker. */
static void settle_down(struct serve *s)
{
    const struct timespec millisecond = { 0, 1000000 };

    for (unsigned i = 0; s->machine.waiting > 0 && i < SETTLE_TRIES; i++) {
        machine_send(&s->machine);
        (void)inbox_drain(s->machine.inbox);
        (void)nanosleep(&millisecond, NULL);
    }
}

static int end(struct serve *s, int status)
{
    if (s->machine.waiting > 0)
        settle_down(s);
    own_node_end(s);
    asker_destroy(s->asker);
    asker_destroy(s->slow_asker);
    fetcher_destroy(s->fetcher);
    signer_destroy(s->signer);
    writer_destroy(s->writer);
    if (s->machine.waiting == 0 && s->machine.endpoints != NULL)
        machine_finish(&s->machine);
    loop_destroy(s->loop);
    view_destroy(s->view);
    store_close(s->store);
    tls_unref(s->tls);
    pool_destroy(s->watch.pool);
    if (s->settings != s->pool)
        pool_destroy(s->settings);
    while (s->retired_n > 0)
        pool_destroy(s->retired[--s->retired_n]);
    pool_destroy(s->pool);
    log_flush();
    return status;
}

static void set_timers(struct serve *s)
{
    loop_every(s->loop, UPKEEP_EVERY_MS, on_upkeep, s);
    loop_every(s->loop, STORE_CHECK_MS, on_store_check, s);
    loop_every(s->loop, CERT_FILES_TICK_MS, cert_files_tick, s);
    if (s->asker == NULL)
        return;
    loop_every(s->loop, STATUS_EVERY_MS, tailnet_watch_tick, s);
    if (s->own.directory != NULL)
        loop_every(s->loop, 1000, own_node_tick, s);
    loop_every(s->loop, CERT_TICK_MS, cert_watch_tick, s);
}

static bool open_or_wait(struct serve *s)
{
    if (s->asker != NULL) {
        own_node_tick(s);
        tailnet_watch_tick(s);
        cert_watch_tick(s);
    }
    if (!serve_waits_for_status(s) && !serve_needs_certificate(s))
        return open_for_business(s);
    LOG(LOG_INFO, "waiting for tailscaled", LOG_TEXT("socket", s->config.tailscale_socket));
    return true;
}

/* Stopped before it could sign anybody in: the last words say what it was waiting for. */
static void say_what_was_missing(const struct serve *s)
{
    log_flush();
    if (s->own.shown_url.n > 0)
        (void)serve_complain("our own node never joined the tailnet. Open " SLICE_FMT
                             " to log it in, or set tailscale.auth_key_file; then start this again",
                             SLICE_ARG(s->own.shown_url));
    else if (s->issuer == NULL && serve_waits_for_status(s))
        (void)serve_complain("tailscaled never said who we are; `avouch doctor` finds out why");
    else if (s->issuer == NULL && serve_needs_certificate(s) && s->tls == NULL)
        (void)serve_complain("there never was a certificate; `avouch doctor` finds out why");
}

int serve_run(int argc, char **argv)
{
    static struct serve serve;
    struct serve *s = &serve;

    *s = (struct serve){ .pool = pool_create(SERVE_POOL_BYTES), .argc = argc, .argv = argv };
    s->settings = s->pool;
    int status = serve_read_settings(s, &s->config);
    if (status != COMMAND_DONE)
        return end(s, status == SERVE_HELPED ? COMMAND_DONE : status);
    harden();
    log_open(STDERR_FILENO, log_level_of(s->config.log_level), isatty(STDERR_FILENO) == 1);
    start_zygote(s);
    if (!open_store(s) || !own_node_prepare(s) || !start_loop(s) || !serve_open_keys(s) || !start_threads(s))
        return end(s, COMMAND_FAILED);
    fill_machine(s);
    set_timers(s);
    on_store_check(s);
    if (!open_or_wait(s))
        return end(s, COMMAND_FAILED);
    log_flush();
    loop_run(s->loop);
    if (s->stopping)
        say_what_was_missing(s);
    return end(s, s->issuer != NULL ? COMMAND_DONE : COMMAND_FAILED);
}
