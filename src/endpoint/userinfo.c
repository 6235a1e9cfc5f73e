/* /userinfo: OpenID Connect Core 5.3, RFC 6750. What it answers was rendered when the token was issued; here it is only
 * found and checked. */
#include "clock.h"
#include "endpoints.h"
#include "reply.h"

#include "access_token.h"
#include "scope.h"

#define BEARER_PREFIX "Bearer "

struct userinfo_params {
    struct slice access_token;
};

static const struct param rows[] = {
    { "access_token", 4096, NULL, false, offsetof(struct userinfo_params, access_token) },
};

/* RFC 6750 2.3: never in the URL. */
static const struct param_table table = { rows, 1, sizeof(struct userinfo_params), true };

/* None, where r is denied or nothing was sent. RFC 6750 2: one way a request. */
static struct slice sent_token(struct req *r)
{
    const struct userinfo_params *p = r->params;
    struct slice header = r->origin.authorization;

    if (slice_is_none(header))
        return p->access_token;
    if (!slice_is_none(p->access_token)) {
        (void)deny(r, OAUTH_INVALID_REQUEST, "Send the token once: in the header or in the body.", "two tokens");
        return SLICE_NONE;
    }
    if (header.n <= sizeof(BEARER_PREFIX) - 1 ||
        !slice_eq_nocase(slice_head(header, sizeof(BEARER_PREFIX) - 1), SL(BEARER_PREFIX)))
        return SLICE_NONE;
    return slice_trim(slice_from(header, sizeof(BEARER_PREFIX) - 1));
}

/* Where connections have no identity only clients that are marked for it are served. */
static bool may_reach(struct req *r, const struct grant *g)
{
    struct client client;

    return r->origin.class != LISTEN_PUBLIC || (client_load(r->txn, g->client_id, &client) && client.reach_public);
}

static enum next check_token(struct req *r)
{
    struct access_token token;
    struct grant grant;
    struct slice text;

    if (r->fault.kind != FAULT_NONE)
        return deny(r, OAUTH_INVALID_REQUEST, fault_hint(r->pool, &r->fault), "a parameter is wrong");
    text = sent_token(r);
    if (r->deny.code != OAUTH_NO_ERROR)
        return DENY;
    if (slice_is_none(text))
        return deny(r, OAUTH_INVALID_TOKEN, NULL, "no token");
    if (!access_token_check(r->txn, text, r->now, &token, &grant) || !may_reach(r, &grant))
        return clock_check(r) != NEXT ? DENY
                                      : deny(r, OAUTH_INVALID_TOKEN, "The access token is unknown, expired or revoked.",
                                             "no such live token");
    r->log_client = grant.client_id;
    if (!(token.scopes & SCOPE_OPENID))
        return deny(r, OAUTH_INSUFFICIENT_SCOPE, "The access token was not issued for the scope openid.", "no openid");
    return reply_json(r, 200, token.userinfo);
}

static const struct named_step steps[] = {
    { "check token", check_token },
    { NULL, NULL },
};

const struct endpoint userinfo_endpoint = {
    .steps = steps,
    .params = &table,
    .state_bytes = 0,
    .speech = SPEAK_BEARER,
};
