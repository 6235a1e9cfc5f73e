/* /token: RFC 6749 4.1.3, OpenID Connect Core 3.1.3. The client is proven first and for nothing: a failed authentication
 * consumes no code. Then one list per grant_type. */
#include "client_auth.h"
#include "clock.h"
#include "endpoints.h"
#include "identity.h"
#include "keys.h"
#include "reply.h"

#include "access_token.h"
#include "audit.h"
#include "id_token.h"
#include "policy.h"
#include "scope.h"

#define TOKENS_BYTES_MAX 131072UL

struct token_params {
    struct slice grant_type, code, redirect_uri, code_verifier;
    struct client_credentials credentials;
    struct slices resource;
};

#define AT(member) offsetof(struct token_params, member)

static const struct param rows[] = {
    { "grant_type", 256, NULL, false, AT(grant_type) },
    { "code", 4096, NULL, false, AT(code) },
    { "redirect_uri", CLIENT_URI_BYTES_MAX, NULL, false, AT(redirect_uri) },
    { "code_verifier", 1024, NULL, false, AT(code_verifier) },
    { "client_id", CLIENT_URI_BYTES_MAX, NULL, false, AT(credentials.client_id) },
    { "client_secret", 1024, NULL, false, AT(credentials.client_secret) },
    { "client_assertion", 8192, NULL, false, AT(credentials.client_assertion) },
    { "client_assertion_type", 256, NULL, false, AT(credentials.client_assertion_type) },
    { "resource", CLIENT_URI_BYTES_MAX, NULL, true, AT(resource) },
};

static const struct param_table table = { rows, sizeof(rows) / sizeof(rows[0]), sizeof(struct token_params), true };

struct tokens {
    struct client client;
    struct grant grant;
    struct person person;
    struct slice access_token;
    struct access_token access;
    bool has_id_token;
};

static const struct named_step code_steps[];

static enum next check_params(struct req *r)
{
    if (r->fault.kind != FAULT_NONE)
        return deny(r, OAUTH_INVALID_REQUEST, fault_hint(r->pool, &r->fault), "a parameter is wrong");
    return NEXT;
}

static enum next authenticate_client(struct req *r)
{
    const struct token_params *p = r->params;
    struct tokens *t = r->state;

    return authenticate(r, &p->credentials, &t->client);
}

static enum next choose_grant_type(struct req *r)
{
    const struct token_params *p = r->params;

    if (slice_is_none(p->grant_type))
        return deny(r, OAUTH_INVALID_REQUEST, "grant_type is missing.", "no grant_type");
    if (!slice_eq(p->grant_type, SL("authorization_code")))
        return deny(r, OAUTH_UNSUPPORTED_GRANT_TYPE, "The grant types here are: authorization_code.",
                    "unsupported grant_type");
    if (p->resource.n > 0)
        return deny(r, OAUTH_INVALID_TARGET, "Tokens for a resource are not issued here.", "resource sent");
    r->at = code_steps;
    return NEXT;
}

/* ---- grant_type=authorization_code ---- */

static void log_act(struct req *r, enum audit_event event)
{
    const struct tokens *t = r->state;
    const struct audit audit = { .event = event,
                                 .user_id = t->grant.user_id,
                                 .stable_id = t->grant.stable_id,
                                 .address = t->grant.address,
                                 .client_id = t->client.id,
                                 .request_id = r->id };

    audit_log(r->txn, &audit, r->now);
}

/* RFC 6749 4.1.2: what a replayed code had got is revoked. Only the right client with the right verifier comes this far. */
static enum next refuse_code(struct req *r, enum code_check check)
{
    struct tokens *t = r->state;

    if (check == CODE_REPLAYED) {
        grant_revoke(r->txn, &t->grant, r->now);
        log_act(r, AUDIT_CODE_REPLAYED);
    }
    return deny(r, OAUTH_INVALID_GRANT, "The code is unknown, used, expired, or was issued for another request.",
                code_check_text(check));
}

static enum next find_code(struct req *r)
{
    const struct token_params *p = r->params;
    struct tokens *t = r->state;
    const struct code_use use = {
        .code = p->code, .redirect_uri = p->redirect_uri, .verifier = p->code_verifier, .client = &t->client
    };

    if (slice_is_none(p->code))
        return deny(r, OAUTH_INVALID_REQUEST, "code is missing.", "no code");
    enum code_check check = grant_check_code(r->txn, r->issuer, &use, r->now, &t->grant);
    return check == CODE_OK ? NEXT : refuse_code(r, check);
}

static enum next recheck(struct req *r)
{
    const struct tokens *t = r->state;

    return recheck_person(r, &t->grant);
}

static enum next check_policy(struct req *r)
{
    struct tokens *t = r->state;

    if (!person_load(r->txn, t->grant.user_id, &t->person))
        return deny(r, OAUTH_INVALID_GRANT, "The person of this sign-in is not known any more.", "no such person");
    r->log_person = t->person.login;
    enum policy policy = policy_allows(&t->person, r->person, &t->client);
    if (policy == POLICY_OK)
        return NEXT;
    return deny(r, OAUTH_INVALID_GRANT, "The person may not use this application any more.", policy_text(policy));
}

static enum next redeem_code(struct req *r)
{
    struct tokens *t = r->state;

    grant_redeem(r->txn, r->issuer, &t->client, &t->grant, r->now);
    log_act(r, AUDIT_TOKEN_ISSUED);
    return NEXT;
}

/* Before anything is redeemed: a key that is still being made is waited for. */
static enum next ensure_key(struct req *r)
{
    const struct tokens *t = r->state;

    return (t->grant.scopes & SCOPE_OPENID) != 0 ? keys_ensure(r, t->client.id_token_alg) : NEXT;
}

static enum next sign_id_token(struct req *r, const struct claims *claims)
{
    struct tokens *t = r->state;
    struct signing_key key;

    if (!keys_guarded(r, t->client.id_token_alg, &key))
        return AGAIN; /* rotated away this very moment */
    const struct id_token token = { .claims = *claims,
                                    .grant = &t->grant,
                                    .key = &key,
                                    .access_token = t->access_token,
                                    .lifetime_s = client_lifetimes(&t->client, r->issuer).id,
                                    .now = r->now };
    struct slice input = id_token_input(r->pool, &token);
    if (slice_is_none(input))
        return req_fail(r, ERR_LIMIT);
    (void)req_sign(r, key_handle(r->issuer->number, key.number), input);
    t->has_id_token = true;
    return NEXT;
}

static enum next prepare_tokens(struct req *r)
{
    struct tokens *t = r->state;
    const struct claims claims = { r->issuer, &t->person, r->person, &t->client, t->grant.scopes };

    t->access.scopes = t->grant.scopes;
    t->access.userinfo = claims_userinfo(r->pool, &claims);
    if (slice_is_none(t->access.userinfo))
        return req_fail(r, ERR_LIMIT);
    t->access_token =
        access_token_issue(r->txn, &t->grant, client_lifetimes(&t->client, r->issuer).access, r->now, &t->access);
    return (t->grant.scopes & SCOPE_OPENID) != 0 ? sign_id_token(r, &claims) : NEXT;
}

static enum next answer_tokens(struct req *r)
{
    const struct tokens *t = r->state;
    struct json_writer w;
    struct buf b;

    buf_init(&b, r->pool, TOKENS_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_text(&w, "access_token", t->access_token);
    jw_text(&w, "token_type", SL("Bearer"));
    jw_int(&w, "expires_in", t->access.expires_at - t->access.issued_at);
    jw_text(&w, "scope", scope_text(r->pool, t->grant.scopes));
    if (t->has_id_token)
        jw_text(&w, "id_token", r->signing.token[0].ret_jwt);
    jw_object_end(&w);
    return reply_json(r, 200, jw_finish(&w));
}

static const struct named_step code_steps[] = {
    { "check clock", clock_check },       { "find code", find_code },
    { "recheck person", recheck },        { "check policy", check_policy },
    { "ensure key", ensure_key },         { "redeem code", redeem_code },
    { "prepare tokens", prepare_tokens }, { "settle", settle },
    { "answer", answer_tokens },          { NULL, NULL },
};

static const struct named_step steps[] = {
    { "check params", check_params },
    { "authenticate client", authenticate_client },
    { "choose grant type", choose_grant_type },
    { NULL, NULL },
};

const struct endpoint token_endpoint = {
    .steps = steps,
    .params = &table,
    .state_bytes = sizeof(struct tokens),
    .speech = SPEAK_JSON,
};
