/* Who is at the other end. What whois says is believed for this one request; trouble with tailscaled is never "nobody",
 * because clients throw tokens away for that. */
#include "identity.h"

#include "ask.h"
#include "cookie.h"
#include "encode.h"
#include "status.h"

/* One question, its answer judged. */
struct question {
    struct ask ask; /* first: what lands */
    struct address asked;
    bool with_port; /* a loopback address, where only the port says which peer it is; it may be unknown */
    bool running;   /* tailscaled has said so after a miss */
    step *then;
    struct peer peer;
};

static const char trouble_hint[] = "The tailnet service on this server does not answer.";

static enum next trouble(struct req *r, const char *why)
{
    return deny(r, OAUTH_TEMPORARILY_UNAVAILABLE, trouble_hint, why);
}

/* The tailnet as a whole is not what it should be (another one, or out of touch). */
static enum next refused(struct req *r)
{
    return deny(r, OAUTH_TEMPORARILY_UNAVAILABLE, r->m->refusal, "the tailnet is not to be relied on");
}

/* ---- one question ---- */

static struct question *landed(const struct req *r)
{
    return (struct question *)(void *)r->landed;
}

static enum next send(struct req *r, struct question *q, struct ask ask, step *land)
{
    q->ask = ask;
    q->ask.pool = r->pool;
    q->ask.job.at = r->m->asks;
    return req_wait(r, &q->ask.job, land);
}

static enum next whois_landed(struct req *r);

static enum next send_whois(struct req *r, struct question *q)
{
    struct ask ask = { .path = whois_path(r->pool, &q->asked, q->with_port, r->issuer->self.service),
                       .may_miss = q->with_port };

    return send(r, q, ask, whois_landed);
}

/* A tailscaled that is only starting knows nobody, and one that was made to forget its network neither. It may have begun to run
 * between the two answers, so it is asked once more; not about a port, where a miss is dear. */
static enum next status_landed(struct req *r)
{
    struct question *q = landed(r);
    struct tailnet_status status = { .running = false };

    if (q->ask.job.err != ERR_OK)
        return trouble(r, err_text(q->ask.job.err));
    bool has_none = q->ask.ret_status == 404; /* made-up people, always there */
    if (!has_none &&
        (q->ask.ret_status != 200 || status_parse(r->pool, q->ask.ret_body, &status) != ERR_OK || !status.running))
        return trouble(r, "tailscaled is not running");
    q->running = true;
    q->ask.ret_status = 404;
    return q->with_port ? q->then(r) : send_whois(r, q);
}

static enum next whois_landed(struct req *r)
{
    struct question *q = landed(r);

    if (q->ask.job.err != ERR_OK || q->ask.ret_status != 404 || q->running)
        return q->then(r);
    return send(r, q, (struct ask){ .path = SL(STATUS_PATH) }, status_landed);
}

static enum next ask_about(struct req *r, struct address asked, bool with_port, step *then)
{
    struct question *q = pool_zalloc(r->pool, sizeof(*q));

    q->asked = asked;
    q->with_port = with_port;
    q->then = then;
    return send_whois(r, q);
}

/* False: r is denied. */
static bool read_answer(struct req *r, struct question *q)
{
    q->peer = (struct peer){ .kind = PEER_NOBODY };
    if (q->ask.job.err != ERR_OK) {
        (void)trouble(r, err_text(q->ask.job.err));
        return false;
    }
    if (q->ask.ret_status == 404)
        return true;
    if (q->ask.ret_status != 200 ||
        whois_read(&r->m->whois, r->pool, q->ask.ret_body, &q->asked, &r->issuer->self, &q->peer) != ERR_OK) {
        (void)trouble(r, "tailscaled's answer to whois cannot be used");
        return false;
    }
    if (q->peer.kind == PEER_SHARED_IN && r->issuer->shared_in && q->peer.user_id > 0)
        q->peer.kind = PEER_PERSON;
    return true;
}

/* ---- the caller ---- */

static enum next caller_landed(struct req *r)
{
    struct question *q = landed(r);

    if (!read_answer(r, q))
        return DENY;
    r->caller = &q->peer;
    req_keep(r);
    return NEXT;
}

static enum next nobody(struct req *r)
{
    static const struct peer none = { .kind = PEER_NOBODY };

    r->caller = &none;
    return NEXT;
}

bool dev_choice(const struct req *r, size_t *ret_index)
{
    struct slice value = cookie_find(r->origin.cookies, SL(COOKIE_NAME_DEV));
    uint64_t index = 0;

    if (!r->issuer->dev || !slice_to_u64(value, DEV_PEOPLE_MAX, &index) || index >= r->m->dev.people.n)
        return false;
    *ret_index = (size_t)index;
    return true;
}

static enum next ask_dev(struct req *r)
{
    size_t index = 0;
    struct address asked = dev_choice(r, &index) ? dev_address(index) : r->origin.address;

    return ask_about(r, asked, true, caller_landed);
}

/* In userspace mode tailscaled hands its peers over on loopback, so whatever another user's process opened there is no peer, and is not
 * asked about either: it could have everybody wait. */
static bool may_be_handed_over(const struct req *r)
{
    if (!r->m->userspace || !address_is_loopback(&r->origin.address))
        return false;
    return r->origin.peer_uid == NO_UID || r->m->daemon_uid == NO_UID || r->origin.peer_uid == r->m->daemon_uid;
}

/* An address that cannot be a peer's is never asked about: a miss holds tailscaled's one lock for 185 ms. Without a port it does not,
 * and a tailnet address needs none. */
static enum next ask_tailnet(struct req *r)
{
    const struct address *a = &r->origin.address;
    bool loopback = may_be_handed_over(r);

    if (r->origin.by_unix || (!address_is_tailnet(a) && !loopback))
        return nobody(r);
    if (slice_is_none(r->issuer->self.stable_id))
        return trouble(r, "tailscaled has not said yet who we are");
    return ask_about(r, *a, loopback, caller_landed);
}

/* The peer that whoever stands before us names. Only an address of the tailnet can be one. */
static enum next ask_forwarded(struct req *r, struct slice text)
{
    struct address a;

    if (!address_parse(slice_trim(text), &a) || !address_is_tailnet(&a))
        return nobody(r);
    if (slice_is_none(r->issuer->self.stable_id))
        return trouble(r, "tailscaled has not said yet who we are");
    return ask_about(r, a, false, caller_landed);
}

/* `tailscale serve`: from the loopback any process could send these headers, so the socket must be tailscaled's own. */
static enum next ask_serve(struct req *r)
{
    if (r->m->daemon_uid == NO_UID || r->origin.peer_uid != r->m->daemon_uid)
        return nobody(r);
    return ask_forwarded(r, r->origin.forwarded_for);
}

/* The last hop is the one that the named proxy added itself; what stands before it came from outside. */
static enum next ask_proxy(struct req *r)
{
    struct slice rest = r->origin.forwarded_for, hop = SLICE_NONE;
    bool named = false;

    for (size_t i = 0; i < r->m->proxy_n && !r->origin.by_unix; i++)
        named = named || address_same_ip(&r->m->proxies[i], &r->origin.address);
    while (!slice_is_none(rest) && slice_cut(&rest, ',', &hop))
        continue;
    return named ? ask_forwarded(r, hop) : nobody(r);
}

enum next know_caller(struct req *r)
{
    if (r->caller != NULL)
        return NEXT;
    if (r->m->refusal != NULL && r->origin.class != LISTEN_PUBLIC)
        return refused(r);
    switch (r->origin.class) {
    case LISTEN_DEV: return ask_dev(r);
    case LISTEN_TAILNET: return ask_tailnet(r);
    case LISTEN_SERVE: return ask_serve(r);
    case LISTEN_PROXY: return ask_proxy(r);
    case LISTEN_PUBLIC:
    case LISTEN_OPS: break;
    }
    return nobody(r);
}

enum oauth_error caller_error(const struct peer *peer)
{
    switch (peer->kind) {
    case PEER_PERSON: return OAUTH_NO_ERROR;
    case PEER_MACHINE: return OAUTH_NODE_TAGGED;
    case PEER_EXPIRED: return OAUTH_NODE_EXPIRED;
    case PEER_SHARED_IN: return OAUTH_NODE_SHARED_IN;
    case PEER_UNAPPROVED: return OAUTH_NODE_UNAPPROVED;
    case PEER_OURSELVES: return OAUTH_NODE_IS_OURS;
    case PEER_NOBODY:
    case PEER_STRANGE: break;
    }
    return OAUTH_NOT_ON_TAILNET;
}

/* ---- the person of a grant ---- */

/* The grant's node, then the others that this person was seen from. */
struct recheck {
    int64_t user_id;
    struct person_pair pairs[PERSON_PAIRS_MAX + 1];
    unsigned n, at;
};

static enum next ask_next(struct req *r);

static enum next person_landed(struct req *r)
{
    struct question *q = landed(r);
    const struct recheck *c = r->recheck;
    const struct person_pair *pair = &c->pairs[c->at - 1];

    if (!read_answer(r, q))
        return DENY;
    if (q->peer.kind != PEER_PERSON || q->peer.user_id != c->user_id || !slice_eq(q->peer.stable_id, pair->stable_id))
        return ask_next(r);
    r->person = &q->peer;
    req_keep(r);
    return NEXT;
}

static enum next ask_next(struct req *r)
{
    struct recheck *c = r->recheck;
    struct address a;

    while (c->at < c->n) {
        const struct person_pair *pair = &c->pairs[c->at++];
        if (address_parse(pair->address, &a))
            return ask_about(r, a, false, person_landed);
    }
    return deny(r, OAUTH_INVALID_GRANT, "The person or the device of this sign-in is not on the tailnet any more.",
                "no node of the grant's person answers for them");
}

static void add_pair(struct recheck *c, struct person_pair pair)
{
    for (unsigned i = 0; i < c->n; i++)
        if (slice_eq(c->pairs[i].stable_id, pair.stable_id))
            return;
    c->pairs[c->n++] = pair;
}

enum next recheck_person(struct req *r, const struct grant *g)
{
    struct recheck *c = pool_zalloc(r->pool, sizeof(*c));
    struct person person;

    if (r->person != NULL && r->person->user_id == g->user_id)
        return NEXT;
    if (r->m->refusal != NULL)
        return refused(r);
    c->user_id = g->user_id;
    add_pair(c, (struct person_pair){ g->stable_id, g->address });
    if (person_load(r->txn, g->user_id, &person))
        for (unsigned i = 0; i < person.pair_count; i++)
            add_pair(c, person.pairs[i]);
    r->recheck = c;
    return ask_next(r);
}
