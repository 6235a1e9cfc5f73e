/* The issuer's name: is it the one that applications know, does it lead here, and is there a certificate for it? */
#include <netdb.h>
#include <sys/socket.h>

#include "digest.h"
#include "doctor.h"
#include "encode.h"
#include "tls.h"

static struct slice issuer_host(const struct doctor *d)
{
    struct slice url = d->has_issuer && d->issuer.url.n > 0 ? d->issuer.url : d->c->config.issuer, host;
    const char *why = "";
    bool https = false;

    if (!issuer_url_check(url, false, &host, &https, &why))
        return d->has_status ? d->status.dns_name : SLICE_NONE;
    return slice_head(host, slice_find(host, ':'));
}

static void check_issuer(struct doctor *d)
{
    const struct slice configured = d->c->config.issuer, remembered = d->has_issuer ? d->issuer.url : SLICE_NONE;

    if (configured.n > 0 && remembered.n > 0 && !slice_eq(configured, remembered))
        doctor_say(d, "issuer", FINDING_BAD,
                   pool_fmt(d->pool, "The configuration says " SLICE_FMT ", applications know " SLICE_FMT ".",
                            SLICE_ARG(configured), SLICE_ARG(remembered)),
                   "put the old name back, or move deliberately: avouch issuer rename URL");
    else if (remembered.n > 0)
        doctor_say(d, "issuer", FINDING_GOOD, remembered, NULL);
}

/* Does the name lead to this node? Only its tailnet addresses count: a loopback entry in /etc/hosts helps nobody else. */
static bool leads_here(struct doctor *d, const struct addrinfo *found)
{
    struct address a, own;

    /* a Tailscale Service has addresses of its own, which only its hosts' tailscaled knows */
    if (d->c->config.tailscale_service.n > 0)
        return address_of(found->ai_addr, &a) && address_is_tailnet(&a);
    for (; found != NULL; found = found->ai_next)
        for (size_t i = 0; address_of(found->ai_addr, &a) && i < d->status.addresses.n; i++)
            if (address_parse(d->status.addresses.at[i], &own) && address_same_ip(&a, &own))
                return true;
    return false;
}

static void check_dns(struct doctor *d, struct slice host)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(slice_cstr(d->pool, host), NULL, &hints, &found);

    if (rc != 0)
        doctor_say(d, "dns", FINDING_LOOK,
                   pool_fmt(d->pool, "This machine cannot resolve " SLICE_FMT " (%s); devices with MagicDNS may.",
                            SLICE_ARG(host), gai_strerror(rc)),
                   "turn MagicDNS on for the tailnet");
    else if (d->has_status && !leads_here(d, found))
        doctor_say(d, "dns", FINDING_BAD, pool_fmt(d->pool, SLICE_FMT " does not lead to this node.", SLICE_ARG(host)),
                   "let the name's A and AAAA records be this node's tailnet addresses: tailscale ip");
    else
        doctor_say(d, "dns", FINDING_GOOD, pool_fmt(d->pool, SLICE_FMT " leads here.", SLICE_ARG(host)), NULL);
    if (found != NULL)
        freeaddrinfo(found);
}

static void judge_certificate(struct doctor *d, struct ssl_ctx_st *tls)
{
    int64_t ends = tls_expires_at(tls);
    bool soon = ends < d->c->now.s + SOON_S;

    doctor_say(d, "certificate", soon ? FINDING_LOOK : FINDING_GOOD,
               pool_fmt(d->pool, "Good until " SLICE_FMT ".", SLICE_ARG(time_format(d->pool, ends))),
               soon ? "renew it; SIGHUP makes the server read files anew" : NULL);
    tls_unref(tls);
}

static void check_files(struct doctor *d)
{
    struct ssl_ctx_st *tls = NULL;
    struct slice why = SLICE_NONE;

    if (tls_load(d->pool, d->c->config.tls_certificate, d->c->config.tls_key, &tls, &why) == ERR_OK)
        judge_certificate(d, tls);
    else
        doctor_say(d, "certificate", FINDING_BAD, why, "set tls.certificate and tls.key to files that belong together");
}

static void check_daemon_certificate(struct doctor *d, struct slice host)
{
    const char *path =
        slice_cstr(d->pool, pool_fmt(d->pool, "/localapi/v0/cert/" SLICE_FMT "?type=pair", SLICE_ARG(host)));
    struct slice body = SLICE_NONE, why = SLICE_NONE;
    struct ssl_ctx_st *tls = NULL;
    const char *trouble = "";
    int status = 0;

    if (!doctor_ask(d, path, &status, &body, &trouble))
        return; /* said of tailscaled itself */
    if (status == 200 && tls_load_pem(d->pool, "tailscaled's certificate", body, &tls, &why) == ERR_OK) {
        wipe((void *)(uintptr_t)body.p, body.n); /* the private key was in it */
        judge_certificate(d, tls);
        doctor_say(d, "public", FINDING_GOOD,
                   SL("The certificate has put the node's and the tailnet's name into public logs, for ever."), NULL);
        return;
    }
    doctor_say(d, "certificate", FINDING_BAD,
               pool_fmt(d->pool, "tailscaled gives none (%d): " SLICE_FMT, status,
                        SLICE_ARG(status == 200 ? why : slice_head(body, slice_find(body, '\n')))),
               status == 403
                   ? "TS_PERMIT_CERT_UID=avouch in tailscaled's environment, or tailscale set --operator=avouch"
                   : "turn HTTPS on for the tailnet, or set tls.certificate and tls.key");
}

void doctor_check_name(struct doctor *d)
{
    struct slice host = issuer_host(d);

    check_issuer(d);
    if (slice_is_none(host))
        return;
    check_dns(d, host);
    if (!slice_is_none(d->c->config.tls_certificate))
        check_files(d);
    else if (d->has_status)
        check_daemon_certificate(d, host);
}
