/* `avouch doctor --fetch`: one document fetched as the server would fetch it, with each step on the way. */
#include <errno.h>
#include <string.h>

#include "doctor.h"
#include "encode.h"
#include "fetch.h"
#include "fetch_zygote.h"
#include "job_wait.h"

/* What mends it, where there is a general answer. */
static const char *const mends[FETCH_OUTCOME_COUNT] = {
    [FETCH_BAD_URL] = "give an address such as https://app.example.com/client.json",
    [FETCH_NO_ADDRESS] = "look at the name and at this machine's resolver: getent ahosts NAME",
    [FETCH_REFUSED] = "if this host may be reached there, name it: outbound: {allow: [HOST]} in avouch.yaml",
    [FETCH_UNREACHABLE] = "see whether the service runs, and what a firewall lets through",
    [FETCH_BAD_TLS] =
        "let the service show a valid certificate for this name; an authority of your own goes into outbound.ca_file",
    [FETCH_GARBLED] = "see whether a service that speaks HTTP/1.1 is at that port",
    [FETCH_REDIRECTED] = "use the address that is named, if it is trusted as much",
    [FETCH_BAD_STATUS] = "see what the service has at this address",
    [FETCH_BAD_TYPE] = "let the service say Content-Type: application/json, and send UTF-8",
    [FETCH_TOO_LARGE] = "let the service serve a smaller document",
    [FETCH_TOO_SLOW] = "see why it takes so long: the resolver, the network or the service",
    [FETCH_BROKEN] = "see that avouch-fetch lies beside avouch and is of the same version",
};

static void say_freshness(struct doctor *d, int64_t fresh_s)
{
    struct slice text = fresh_s < 0    ? SL("It does not say how long it is good.")
                        : fresh_s == 0 ? SL("It says that it must be fetched anew each time.")
                                       : pool_fmt(d->pool, "It says that it is good for %lld s.", (long long)fresh_s);

    doctor_say(d, "freshness", FINDING_GOOD, text, NULL);
}

/* An address that is refused, or does not answer, is no fault where another one does. */
static void tell(struct doctor *d, const struct fetch_answer *a)
{
    bool good = a->outcome == FETCH_OK;

    for (size_t i = 0; i < a->step_n; i++)
        doctor_say(d, fetch_stage_name(a->steps[i].stage), a->steps[i].good ? FINDING_GOOD : FINDING_LOOK,
                   a->steps[i].text, NULL);
    if (good) {
        doctor_say(d, "document", FINDING_GOOD,
                   pool_fmt(d->pool, "%zu bytes of " SLICE_FMT ".", a->body.n, SLICE_ARG(a->type)), NULL);
        say_freshness(d, a->fresh_s);
    } else {
        doctor_say(d, fetch_outcome_name(a->outcome), FINDING_BAD, a->why, mends[a->outcome]);
    }
}

void doctor_check_fetch(struct doctor *d)
{
    const struct fetch_settings settings = config_outbound(&d->c->config);
    struct fetch fetch = {
        .pool = d->pool, .url = d->c->args.fetch, .bytes_max = FETCH_BODY_BYTES_MAX, .explain = true
    };
    int channel = fetch_zygote_start();

    if (channel < 0) {
        doctor_say(d, "process", FINDING_BAD, pool_fmt(d->pool, "No process is to be had: %s.", strerror(errno)), NULL);
        return;
    }
    struct loop *loop = job_wait_loop();
    struct fetcher *fetcher = fetcher_create(loop, channel, &settings);
    fetch.job.at = fetcher_queue(fetcher);
    job_wait(loop, &fetch.job);
    fetcher_destroy(fetcher);
    loop_destroy(loop);
    tell(d, &fetch.ret);
}
