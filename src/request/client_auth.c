/* Client authentication. One road for everybody: credentials are gathered, the record is looked for, the secret is compared
 * (against a hash of nothing where there is none), and only then anything is said. */
#include "client_auth.h"

#include "encode.h"

#define BASIC_PREFIX "Basic "

static const char bad_client[] =
    "Client authentication failed: the client is unknown or disabled, or its secret is wrong.";

/* As sent, and percent-decoded where that differs (RFC 6749 2.3.1 demands the encoding, many clients leave it out). */
struct given {
    struct slice id[2], secret[2];
    unsigned n;
    bool by_header;
};

static enum next refuse(struct req *r, const char *why)
{
    return deny(r, OAUTH_INVALID_CLIENT, bad_client, why);
}

/* False: not "Basic base64(id:secret)". */
static bool read_basic(struct pool *p, struct slice header, struct given *ret)
{
    struct slice text, id, secret;

    if (header.n < sizeof(BASIC_PREFIX) ||
        !slice_eq_nocase(slice_head(header, sizeof(BASIC_PREFIX) - 1), SL(BASIC_PREFIX)))
        return false;
    if (!base64_decode(p, slice_trim(slice_from(header, sizeof(BASIC_PREFIX) - 1)), &text))
        return false;
    size_t colon = slice_find(text, ':');
    if (colon == text.n)
        return false;
    ret->id[0] = slice_head(text, colon);
    ret->secret[0] = slice_from(text, colon + 1);
    ret->n = 1;
    ret->by_header = true;
    if (percent_decode(p, ret->id[0], true, &id) && percent_decode(p, ret->secret[0], true, &secret) &&
        !(slice_eq(id, ret->id[0]) && slice_eq(secret, ret->secret[0]))) {
        ret->id[1] = id;
        ret->secret[1] = secret;
        ret->n = 2;
    }
    return true;
}

/* RFC 6749 2.3: one method a request. A client_id in the body beside Basic is common, and harmless while it is the same. */
static enum next gather(struct req *r, const struct client_credentials *sent, struct given *ret)
{
    struct slice header = r->origin.authorization;

    *ret = (struct given){ .n = 0 };
    if (!slice_is_none(sent->client_assertion) || !slice_is_none(sent->client_assertion_type))
        return deny(r, OAUTH_INVALID_CLIENT,
                    "Client assertions are not accepted here: use client_secret_basic, client_secret_post or none.",
                    "client_assertion sent");
    if (slice_is_none(header)) {
        ret->id[0] = sent->client_id;
        ret->secret[0] = sent->client_secret;
        ret->n = slice_is_none(sent->client_id) ? 0 : 1;
        return NEXT;
    }
    if (!read_basic(r->pool, header, ret))
        return refuse(r, "the Authorization header is not Basic");
    if (!slice_is_none(sent->client_secret))
        return deny(r, OAUTH_INVALID_REQUEST, "Use one way to authenticate the client: header or body.",
                    "a secret in header and body");
    if (!slice_is_none(sent->client_id) && !slice_eq(sent->client_id, ret->id[0]) &&
        !(ret->n == 2 && slice_eq(sent->client_id, ret->id[1])))
        return deny(r, OAUTH_INVALID_REQUEST, "client_id in header and body differ.", "two client ids");
    return NEXT;
}

/* A public client has no secret to be wrong: an empty one, as some libraries send, is none. */
static bool secret_holds(const struct client *c, struct slice secret, struct now now)
{
    bool matches = client_secret_matches(c, secret, now);

    if (c != NULL && !client_is_confidential(c))
        return secret.n == 0;
    return matches;
}

static bool may_reach(const struct req *r, const struct client *c)
{
    return r->origin.class != LISTEN_PUBLIC || c->reach_public;
}

static bool try_one(struct req *r, struct slice id, struct slice secret, struct client *ret)
{
    bool found = client_load(r->txn, id, ret);

    return secret_holds(found ? ret : NULL, secret, r->now) && found && !ret->disabled && may_reach(r, ret);
}

enum next authenticate(struct req *r, const struct client_credentials *sent, struct client *ret)
{
    struct given given;
    enum next n = gather(r, sent, &given);

    if (n != NEXT)
        return n;
    if (given.n == 0)
        return refuse(r, "no client_id");
    for (unsigned i = 0; i < given.n; i++) {
        r->log_client = given.id[i];
        if (try_one(r, given.id[i], given.secret[i], ret))
            return NEXT;
    }
    return refuse(r, "unknown or disabled client, or wrong secret");
}
