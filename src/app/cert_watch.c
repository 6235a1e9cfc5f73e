/* The node's certificate, from tailscaled's cert API where no files are configured. Asked for again long before it ends; what
 * is asked again without min_validity is a renewal that failed, as the old certificate is still good then. */
#include "encode.h"
#include "serve_int.h"

#define CERT_POOL_BYTES (1U << 20)
#define CERT_AGAIN_S    30         /* after a failure */
#define CERT_RENEW_S    (6 * 3600) /* how often a good one is looked at */
#define CERT_SAYS_MAX   200        /* of tailscaled's own words in the log */

bool serve_needs_certificate(const struct serve *s)
{
    struct listen_spec spec;

    if (s->config.dev || !slice_is_none(s->config.tls_certificate))
        return false;
    for (size_t i = 0; i < s->config.listen.n; i++)
        if (listen_spec_parse(s->config.listen.at[i], &spec) && serve_wants_tls(spec.class))
            return true;
    return false;
}

/* The host of the issuer, which is the node's own name unless one is configured. */
static struct slice certificate_name(const struct serve *s)
{
    struct slice host = SLICE_NONE;
    const char *why = "";
    bool https = false;

    if (slice_is_none(s->config.issuer))
        return s->watch.status.dns_name;
    if (!issuer_url_check(s->config.issuer, false, &host, &https, &why))
        return SLICE_NONE;
    return slice_head(host, slice_find(host, ':'));
}

static void ask(struct serve *s);

static void complain(struct serve *s, struct slice why)
{
    struct slice line = slice_head(why, slice_find(why, '\n'));
    struct slice says = slice_head(line, line.n < CERT_SAYS_MAX ? line.n : CERT_SAYS_MAX);

    LOG(s->tls != NULL ? LOG_WARN : LOG_ERROR,
        "tailscaled gives no certificate: HTTPS must be on for the tailnet, and this user allowed to ask "
        "(TS_PERMIT_CERT_UID or --operator), or set tls.certificate and tls.key",
        LOG_TEXT("name", certificate_name(s)), LOG_NUM("status", s->cert.ask.ret_status), LOG_TEXT("why", says));
}

static void take(struct serve *s, struct slice pem)
{
    struct ssl_ctx_st *tls = NULL;
    struct slice why = SLICE_NONE;

    if (tls_load_pem(s->cert.ask.pool, "tailscaled's certificate", pem, &tls, &why) != ERR_OK) {
        complain(s, why);
        return;
    }
    serve_set_tls(s, tls);
    LOG(LOG_INFO, "certificate", LOG_TEXT("name", certificate_name(s)),
        LOG_TEXT("until", time_format(s->cert.ask.pool, tls_expires_at(tls))));
}

static void on_answer(struct job *j)
{
    struct serve *s = j->owner;
    struct cert_watch *w = &s->cert;
    bool good = j->err == ERR_OK && w->ask.ret_status == 200;
    bool again = !good && !w->plain && j->err == ERR_OK;

    w->asking = false;
    w->plain = again;
    w->wait_s = good ? CERT_RENEW_S : again ? 0 : CERT_AGAIN_S;
    if (good)
        take(s, w->ask.ret_body);
    else if (!again)
        complain(s, j->err != ERR_OK ? slice_of(err_text(j->err)) : w->ask.ret_body);
    if (good) /* the private key was in it */
        wipe((void *)(uintptr_t)w->ask.ret_body.p, w->ask.ret_body.n);
    pool_destroy(w->ask.pool);
    if (again)
        ask(s);
    else
        serve_open_if_ready(s);
}

static void ask(struct serve *s)
{
    struct cert_watch *w = &s->cert;
    struct pool *p = pool_create(CERT_POOL_BYTES);
    struct slice name = certificate_name(s);

    w->ask = (struct ask){ .pool = p,
                           .path = pool_fmt(p, "/localapi/v0/cert/" SLICE_FMT "?type=pair%s", SLICE_ARG(name),
                                            w->plain ? "" : "&min_validity=720h") };
    w->ask.job =
        (struct job){ .at = asker_queue(s->slow_asker), .home = loop_inbox(s->loop), .land = on_answer, .owner = s };
    w->asking = true;
    job_send(&w->ask.job);
}

void cert_watch_tick(void *serve)
{
    struct serve *s = serve;
    struct cert_watch *w = &s->cert;

    /* one that is only starting refuses */
    if (w->asking || !s->watch.known || !serve_needs_certificate(s) || slice_is_none(certificate_name(s)))
        return;
    if (w->wait_s > 0) {
        w->wait_s -= CERT_TICK_MS / 1000;
        return;
    }
    ask(s);
}
