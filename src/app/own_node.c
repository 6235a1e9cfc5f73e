/* A node of our own: a private tailscaled that we start, join to the tailnet and keep running, so that the provider appears
 * under its own name without anything else being installed. It runs in userspace mode, as our user, in our state
 * directory; its LocalAPI is a socket there. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "encode.h"
#include "serve_int.h"

#define BACKOFF_S_MAX   60
#define STEADY_S        60 /* it ran that long: the next start does not wait */
#define AUTH_KEY_MAX    512
#define JOIN_POOL_BYTES 65536
#define JOIN_AGAIN_S    30 /* it takes some seconds, and asking meanwhile begins it anew */
#define END_TRIES       30 /* tenths of a second that it gets to leave */

static const char *own_directory(struct serve *s)
{
    return slice_cstr(s->pool, pool_fmt(s->pool, SLICE_FMT "/" CONFIG_OWN_DIRECTORY, SLICE_ARG(s->config.state)));
}

bool own_node_prepare(struct serve *s)
{
    const char *directory = own_directory(s);

    if (s->config.tailscale_mode != TAILSCALE_OWN || s->config.dev)
        return true;
    if (mkdir(directory, S_IRWXU) != 0 && errno != EEXIST)
        return serve_complain("%s: %s", directory, strerrordesc_np(errno));
    s->own.directory = directory;
    return true;
}

/* ---- the process ---- */

/* In the child: nothing but what is safe between fork and exec. */
static void become_tailscaled(char *const *argv, char *const *env, pid_t parent)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);                         /* it has no purpose without us */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* port 443 is ours to bind, not its */
    if (getppid() != parent)
        _exit(1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
    }
    (void)execvpe(argv[0], argv, env);
    _exit(127);
}

static char **make_environment(struct serve *s)
{
    static const char *const kept[] = { "PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "NO_PROXY" };
    char **env = pool_zalloc(s->pool, (sizeof(kept) / sizeof(kept[0]) + 2) * sizeof(*env));
    size_t n = 0;

    env[n++] = slice_cstr(s->pool, pool_fmt(s->pool, "HOME=%s", s->own.directory));
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (getenv(kept[i]) != NULL)
            env[n++] = slice_cstr(s->pool, pool_fmt(s->pool, "%s=%s", kept[i], getenv(kept[i])));
    return env;
}

static char **make_arguments(struct serve *s)
{
    const char *d = s->own.directory;
    char **argv = pool_zalloc(s->pool, 7 * sizeof(*argv));

    argv[0] = slice_cstr(s->pool, SL("tailscaled"));
    argv[1] = slice_cstr(s->pool, SL("--tun=userspace-networking"));
    argv[2] = slice_cstr(s->pool, pool_fmt(s->pool, "--statedir=%s", d));
    argv[3] = slice_cstr(s->pool, pool_fmt(s->pool, "--socket=" SLICE_FMT, SLICE_ARG(s->config.tailscale_socket)));
    argv[4] = slice_cstr(s->pool, SL("--port=0"));
    argv[5] = slice_cstr(s->pool, SL("--no-logs-no-support"));
    return argv;
}

static void start(struct serve *s)
{
    struct own_node *own = &s->own;
    pid_t parent = getpid();

    if (own->argv == NULL) {
        own->argv = make_arguments(s);
        own->env = make_environment(s);
    }
    own->pid = fork();
    if (own->pid == 0)
        become_tailscaled(own->argv, own->env, parent);
    own->started_s = time(NULL);
    own->joining = false;
    own->join_wait_s = 0;
    if (own->pid < 0)
        LOG(LOG_ERROR, "tailscaled cannot be started", LOG_TEXT("why", slice_of(strerrordesc_np(errno))));
    else
        LOG(LOG_INFO, "our own tailscaled was started", LOG_NUM("pid", own->pid));
}

static void look_after(struct serve *s)
{
    struct own_node *own = &s->own;
    int how = 0;

    if (own->pid <= 0 || waitpid(own->pid, &how, WNOHANG) != own->pid)
        return;
    bool steady = time(NULL) - own->started_s >= STEADY_S;
    own->pid = 0;
    own->backoff_s = steady || own->backoff_s == 0 ? 1 : own->backoff_s * 2;
    own->backoff_s = own->backoff_s > BACKOFF_S_MAX ? BACKOFF_S_MAX : own->backoff_s;
    own->wait_s = own->backoff_s;
    LOG(LOG_ERROR, "our own tailscaled has ended",
        LOG_TEXT("why", WIFEXITED(how) && WEXITSTATUS(how) == 127 ? SL("there is no tailscaled in PATH")
                                                                  : SL("see its status")),
        LOG_NUM("status", how), LOG_NUM("again_in_s", own->wait_s));
}

void own_node_tick(void *serve)
{
    struct serve *s = serve;

    if (s->own.directory == NULL)
        return;
    look_after(s);
    if (s->own.join_wait_s > 0)
        s->own.join_wait_s--;
    if (s->own.pid > 0)
        return;
    if (s->own.wait_s > 0)
        s->own.wait_s--;
    else
        start(s);
}

void own_node_end(struct serve *s)
{
    const struct timespec tenth = { 0, 100000000 };
    struct own_node *own = &s->own;

    if (own->pid <= 0)
        return;
    (void)kill(own->pid, SIGTERM);
    for (unsigned i = 0; i < END_TRIES; i++) {
        if (waitpid(own->pid, NULL, WNOHANG) == own->pid) {
            own->pid = 0;
            return;
        }
        (void)nanosleep(&tenth, NULL);
    }
    (void)kill(own->pid, SIGKILL);
    (void)waitpid(own->pid, NULL, 0);
    own->pid = 0;
}

/* ---- joining the tailnet: POST start, then login-interactive ---- */

static void post(struct serve *s, const char *path, struct slice body, void (*land)(struct job *))
{
    struct ask *ask = &s->own.ask;

    *ask = (struct ask){ .pool = s->own.pool, .path = slice_of(path), .body = body };
    ask->job = (struct job){ .at = asker_queue(s->slow_asker), .home = loop_inbox(s->loop), .land = land, .owner = s };
    job_send(&ask->job);
}

static void end_join(struct serve *s, const char *why)
{
    if (why != NULL)
        LOG(LOG_ERROR, "our own node cannot join the tailnet", LOG_TEXT("why", slice_of(why)),
            LOG_NUM("status", s->own.ask.ret_status));
    pool_destroy(s->own.pool);
    s->own.pool = NULL;
    s->own.joining = false;
}

static void on_login(struct job *j)
{
    const struct serve *s = j->owner;

    end_join(j->owner, j->err != ERR_OK               ? err_text(j->err)
                       : s->own.ask.ret_status >= 300 ? "login-interactive was refused"
                                                      : NULL);
}

static void on_start(struct job *j)
{
    struct serve *s = j->owner;

    if (j->err != ERR_OK || s->own.ask.ret_status >= 300)
        end_join(s, j->err != ERR_OK ? err_text(j->err) : "start was refused");
    else if (!s->own.logs_in)
        end_join(s, NULL);
    else
        post(s, "/localapi/v0/login-interactive", SL(""), on_login);
}

/* None: no file, or nothing in it; then the login URL is shown. */
static struct slice read_auth_key(struct serve *s, struct pool *p)
{
    const struct slice file = s->config.tailscale_auth_key_file;
    char *key = pool_secret(p, AUTH_KEY_MAX);
    int fd = file.n > 0 ? open(slice_cstr(p, file), O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, key, AUTH_KEY_MAX) : 0;

    if (fd >= 0)
        (void)close(fd);
    if (file.n > 0 && n <= 0)
        LOG(LOG_ERROR, "tailscale.auth_key_file cannot be read", LOG_TEXT("file", file));
    struct slice text = slice_bytes(key, n > 0 ? (size_t)n : 0);
    return slice_trim(slice_head(text, slice_find(text, '\n')));
}

static struct slice start_body(struct serve *s, struct pool *p)
{
    const struct config *c = &s->config;
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, JOIN_POOL_BYTES / 2);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_text_if(&w, "AuthKey", read_auth_key(s, p));
    jw_object(&w, "UpdatePrefs");
    jw_text_if(&w, "ControlURL", c->tailscale_control_url);
    jw_text(&w, "Hostname", c->tailscale_hostname.n > 0 ? c->tailscale_hostname : SL("idp"));
    jw_bool(&w, "WantRunning", true);
    jw_bool(&w, "CorpDNS", false);
    jw_object_end(&w);
    jw_object_end(&w);
    return jw_finish(&w);
}

/* Whoever may log our node in finds the address in the log, once each time it changes. */
static void show_login(struct serve *s, struct slice url)
{
    if (url.n == 0 || slice_eq(url, s->own.shown_url))
        return;
    s->own.shown_url = pool_dup(s->pool, url);
    LOG(LOG_WARN, "open this address to let our own node join the tailnet", LOG_TEXT("url", url));
    systemd_notify(
        "STATUS=waiting for somebody to log our own node in; the address is in the log, and in avouch doctor");
}

static void join(struct serve *s, bool log_in)
{
    struct own_node *own = &s->own;

    own->joining = true;
    own->logs_in = log_in;
    own->join_wait_s = JOIN_AGAIN_S;
    if (log_in)
        LOG(LOG_INFO, "our own node joins the tailnet",
            LOG_TEXT("with", s->config.tailscale_auth_key_file.n > 0 ? SL("the auth key") : SL("somebody's login")));
    own->pool = pool_create(JOIN_POOL_BYTES);
    post(s, "/localapi/v0/start", start_body(s, own->pool), on_start);
}

static void say_progress(struct serve *s, const struct tailnet_status *status)
{
    if (status->running == s->own.on_tailnet)
        return;
    s->own.on_tailnet = status->running;
    if (!status->running)
        return;
    s->own.shown_url = SLICE_NONE;
    LOG(LOG_INFO, "our own node is on the tailnet", LOG_TEXT("name", status->dns_name),
        LOG_TEXT("address", status->addresses.n > 0 ? status->addresses.at[0] : SLICE_NONE));
    systemd_notify("STATUS=our own node is on the tailnet");
}

/* One that says NoState waits for its control server: it is a node already, and logging in would make it another. */
void own_node_on_status(struct serve *s, const struct tailnet_status *status)
{
    struct own_node *own = &s->own;
    bool stopped = slice_eq(status->backend_state, SL("Stopped"));
    bool no_node = slice_eq(status->backend_state, SL("NeedsLogin")) && status->auth_url.n == 0;

    if (own->directory == NULL)
        return;
    say_progress(s, status);
    if (status->running)
        return;
    show_login(s, status->auth_url);
    if ((no_node || stopped) && !own->joining && own->join_wait_s == 0)
        join(s, no_node);
}
