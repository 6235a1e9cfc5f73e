/* The authorization request, link by link: who asks (client), where an answer may go (redirect URI), who is there (person),
 * what their browser knows (session), what is asked for. Each link rests on those before it. */
#include "authorization.h"

#include "audit.h"
#include "cookie.h"
#include "identity.h"
#include "pkce.h"
#include "policy.h"
#include "redirect.h"
#include "reply.h"
#include "scope.h"

#define MAX_AGE_S_MAX    (INT64_C(100) * 365 * 86400)
#define CODE_PLACEHOLDER "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
_Static_assert(sizeof(CODE_PLACEHOLDER) - 1 == CREDENTIAL_TEXT_BYTES, "as long as a code");

#define AT(member) offsetof(struct authorization_params, member)

static const struct param rows[] = {
    { "client_id", CLIENT_URI_BYTES_MAX, NULL, false, AT(client_id) },
    { "redirect_uri", CLIENT_URI_BYTES_MAX, NULL, false, AT(redirect_uri) },
    { "response_type", 64, NULL, false, AT(response_type) },
    { "response_mode", 64, NULL, false, AT(response_mode) },
    { "scope", SCOPE_BYTES_MAX, NULL, false, AT(scope) },
    { "state", STATE_BYTES_MAX, NULL, false, AT(state) },
    { "nonce", NONCE_BYTES_MAX, NULL, false, AT(nonce) },
    { "code_challenge", 256, NULL, false, AT(code_challenge) },
    { "code_challenge_method", 64, NULL, false, AT(code_challenge_method) },
    { "prompt", 256, NULL, false, AT(prompt) },
    { "max_age", 32, NULL, false, AT(max_age) },
    { "id_token_hint", ID_TOKEN_HINT_BYTES_MAX, NULL, false, AT(id_token_hint) },
    { "request", FLOW_QUERY_BYTES_MAX, NULL, false, AT(request) },
    { "request_uri", CLIENT_URI_BYTES_MAX, NULL, false, AT(request_uri) },
    { "registration", UNUSED_PARAM_BYTES_MAX, NULL, false, AT(registration) },
    { "login_hint", UNUSED_PARAM_BYTES_MAX, NULL, false, AT(login_hint) },
    { "display", UNUSED_PARAM_BYTES_MAX, NULL, false, AT(display) },
    { "ui_locales", UNUSED_PARAM_BYTES_MAX, NULL, false, AT(ui_locales) },
    { "claims_locales", UNUSED_PARAM_BYTES_MAX, NULL, false, AT(claims_locales) },
    { "acr_values", UNUSED_PARAM_BYTES_MAX, NULL, false, AT(acr_values) },
    { "claims", UNUSED_PARAM_BYTES_MAX, NULL, false, AT(claims) },
    { "resource", CLIENT_URI_BYTES_MAX, NULL, true, AT(resource) },
    { "flow", CREDENTIAL_TEXT_BYTES, NULL, false, AT(flow) },
};

const struct param_table authorization_table = { rows, sizeof(rows) / sizeof(rows[0]),
                                                 sizeof(struct authorization_params), false };

const char authorization_too_long[] =
    "The answer would be longer than 8192 bytes: a shorter state, or response_mode=form_post.";

void authorization_read_flow(struct req *r)
{
    struct authorization *a = r->state;
    struct authorization_params *params = pool_zalloc(r->pool, sizeof(*params));

    params_read(r->pool, &authorization_table, a->flow.query, SLICE_NONE, params, &a->fault);
    a->params = params;
    a->query = a->flow.query;
}

/* ---- client and redirect URI: nothing leaves this host before both are proven ---- */

enum next authorization_load_client(struct req *r)
{
    struct authorization *a = r->state;

    if (a->fault.kind == FAULT_MALFORMED || a->fault.kind == FAULT_TOO_MANY)
        return deny(r, OAUTH_INVALID_REQUEST, fault_hint(r->pool, &a->fault), "parameters cannot be read");
    r->log_client = a->params->client_id;
    if (!client_load(r->txn, a->params->client_id, &a->client))
        return deny(r, OAUTH_UNKNOWN_CLIENT, NULL, "unknown client_id");
    a->knows_client = true;
    if (a->client.disabled)
        return deny(r, OAUTH_UNAUTHORIZED_CLIENT, "It was turned off here.", "the client is disabled");
    return NEXT;
}

static bool is_registered(const struct client *c, struct slice sent)
{
    for (size_t i = 0; i < c->redirect_uris.n; i++)
        if (redirect_matches(c->redirect_uris.at[i], sent))
            return true;
    return false;
}

enum next authorization_check_redirect(struct req *r)
{
    struct authorization *a = r->state;
    struct slice sent = a->params->redirect_uri;

    a->redirect_sent = !slice_is_none(sent);
    a->form_post = slice_eq(a->params->response_mode, SL("form_post"));
    /* RFC 6749 3.1.2.3: it may be left out where exactly one is registered */
    if (!a->redirect_sent && a->client.redirect_uris.n == 1)
        sent = a->client.redirect_uris.at[0];
    if (slice_is_none(sent) || !is_registered(&a->client, sent))
        return deny(r, OAUTH_INVALID_REDIRECT_URI, NULL, "redirect_uri is not registered");
    a->redirect_uri = sent;
    a->proven = true;
    req_raise(r, client_is_vouched_for(&a->client) || a->returning ? BACK_REDIRECT : BACK_RETURN_PAGE);
    (void)prompt_parse(a->params->prompt, &a->prompt);
    return NEXT;
}

/* ---- person and session ---- */

/* prompt=none never shows a page: whoever asks learns that nobody can be signed in silently. */
static enum next deny_none(struct req *r, enum oauth_error code, const char *why)
{
    req_raise(r, BACK_REDIRECT);
    return deny(r, code, NULL, why);
}

static enum next deny_person(struct req *r, enum oauth_error code, const char *why)
{
    struct authorization *a = r->state;

    if (a->prompt & PROMPT_NONE)
        return deny_none(r, OAUTH_LOGIN_REQUIRED, why);
    a->page_only = true;
    return deny(r, code, NULL, why);
}

static void log_refusal(struct req *r, enum audit_event event, const char *why)
{
    const struct authorization *a = r->state;
    const struct audit audit = { .event = event,
                                 .user_id = r->caller->user_id,
                                 .login = r->caller->login,
                                 .stable_id = r->caller->stable_id,
                                 .address = r->caller->address,
                                 .client_id = a->client.id,
                                 .detail = slice_of(why),
                                 .request_id = r->id };

    audit_log(r->txn, &audit, r->now);
}

enum next authorization_know_person(struct req *r)
{
    struct authorization *a = r->state;
    enum oauth_error error = caller_error(r->caller);

    r->log_person = r->caller->login;
    if (error != OAUTH_NO_ERROR)
        return deny_person(r, error, "the caller is no person of this tailnet");
    enum err e = person_meet(r->txn, r->issuer, r->caller, r->now, &a->person);
    if (e != ERR_OK)
        return req_fail(r, e);
    if (a->person.held) {
        log_refusal(r, AUDIT_PERSON_HELD, policy_text(POLICY_HELD));
        return deny_person(r, OAUTH_PERSON_HELD, policy_text(POLICY_HELD));
    }
    return NEXT;
}

enum next authorization_load_session(struct req *r)
{
    struct authorization *a = r->state;
    const struct peer *peer = r->caller;

    browser_read(cookie_find(r->origin.cookies, session_cookie_name(r->issuer)), &a->browser);
    if (session_load(r->txn, r->issuer, &a->browser, r->now, &a->session)) {
        a->has_session = session_is_for(&a->session, peer);
        a->other_person = a->session.user_id != peer->user_id;
        a->previous_login = a->session.login;
    }
    a->signed_out = signed_out_load(r->txn, peer->user_id, peer->stable_id, &a->signed_out_at);
    /* whoever accepted this redirect URI before has chosen to be sent there */
    if (r->back != BACK_REDIRECT && consent_covers(r->txn, peer->user_id, &a->client, a->redirect_uri, 0, NULL))
        req_raise(r, BACK_REDIRECT);
    return NEXT;
}

bool authorization_is_document(const struct req *r)
{
    const struct slice dest = r->origin.fetch_dest;

    return !r->origin.prefetch && (slice_is_none(dest) || slice_eq(dest, SL("document")));
}

enum next authorization_check_none(struct req *r)
{
    const struct authorization *a = r->state;

    if (!(a->prompt & PROMPT_NONE))
        return NEXT;
    if (!authorization_is_document(r) && !(a->client.frames && !r->origin.prefetch))
        return deny_none(r, OAUTH_LOGIN_REQUIRED, "prompt=none in a frame");
    if (!a->has_session || a->signed_out)
        return deny_none(r, OAUTH_LOGIN_REQUIRED, "prompt=none without a session");
    return NEXT;
}

enum next authorization_check_hint(struct req *r)
{
    const struct authorization *a = r->state;
    struct slice expected = authorization_expected(r);

    if (slice_is_none(expected) || slice_eq(expected, person_subject(r->pool, r->issuer, a->person.user_id)))
        return NEXT;
    if (a->prompt & PROMPT_NONE)
        return deny_none(r, OAUTH_LOGIN_REQUIRED, "id_token_hint is about another person");
    return deny(r, OAUTH_LOGIN_REQUIRED, "It asked for somebody else than the person at this device.",
                "id_token_hint is about another person");
}

/* ---- the rest of the request ---- */

static enum next bad_request(struct req *r, enum oauth_error code, const char *hint)
{
    return deny(r, code, hint, "the authorization request has a mistake in it");
}

static enum next check_response(struct req *r, const struct authorization *a)
{
    const struct authorization_params *p = a->params;

    if (!slice_is_none(p->request))
        return bad_request(r, OAUTH_REQUEST_NOT_SUPPORTED, "Request objects are not supported.");
    if (!slice_is_none(p->request_uri))
        return bad_request(r, OAUTH_REQUEST_URI_NOT_SUPPORTED, "request_uri is not supported.");
    if (!slice_is_none(p->registration))
        return bad_request(r, OAUTH_REGISTRATION_NOT_SUPPORTED, "The registration parameter is not supported.");
    if (slice_is_none(p->response_type))
        return bad_request(r, OAUTH_INVALID_REQUEST, "It did not send response_type.");
    if (!slice_eq(p->response_type, SL("code")))
        return bad_request(r, OAUTH_UNSUPPORTED_RESPONSE_TYPE, "The only response_type here is code.");
    if (!slice_is_none(p->response_mode) && !a->form_post && !slice_eq(p->response_mode, SL("query")))
        return bad_request(r, OAUTH_INVALID_REQUEST, "response_mode is query or form_post.");
    if (p->resource.n > 0)
        return bad_request(r, OAUTH_INVALID_TARGET, "Tokens for a resource are not issued here.");
    return NEXT;
}

static enum next check_prompt(struct req *r, struct authorization *a)
{
    uint64_t max_age = 0;

    a->max_age = -1;
    if (!prompt_parse(a->params->prompt, &a->prompt))
        return bad_request(r, OAUTH_INVALID_REQUEST, "prompt=none stands alone.");
    if (slice_is_none(a->params->max_age))
        return NEXT;
    if (!slice_to_u64(a->params->max_age, MAX_AGE_S_MAX, &max_age))
        return bad_request(r, OAUTH_INVALID_REQUEST, "max_age is a number of seconds.");
    a->max_age = (int64_t)max_age;
    return NEXT;
}

static enum next check_scope(struct req *r, struct authorization *a)
{
    unsigned most = 0;

    switch (scope_parse(a->params->scope, &a->scopes)) {
    case SCOPE_BAD:
        return bad_request(r, OAUTH_INVALID_SCOPE, "The scope has a character that no scope may have, or is too long.");
    case SCOPE_COMMAS: return bad_request(r, OAUTH_INVALID_SCOPE, "Scopes are separated by blanks, not by commas.");
    case SCOPE_OK: break;
    }
    if (!slice_is_none(a->client.scope) && scope_parse(a->client.scope, &most) == SCOPE_OK)
        a->scopes &= most;
    return NEXT;
}

static enum next check_pkce(struct req *r, const struct authorization *a)
{
    const struct authorization_params *p = a->params;

    if (slice_is_none(p->code_challenge)) {
        if (!slice_is_none(p->code_challenge_method))
            return bad_request(r, OAUTH_INVALID_REQUEST, "It sent code_challenge_method without code_challenge.");
        if (client_needs_pkce(&a->client, (a->scopes & SCOPE_OPENID) != 0))
            return bad_request(r, OAUTH_INVALID_REQUEST,
                               "It did not send a code challenge (PKCE), and we sign nobody in without one.");
        return NEXT;
    }
    if (!slice_eq(p->code_challenge_method, SL("S256")))
        return bad_request(r, OAUTH_INVALID_REQUEST, "The only code_challenge_method (PKCE) here is S256.");
    if (!pkce_challenge_is_valid(p->code_challenge))
        return bad_request(r, OAUTH_INVALID_REQUEST,
                           "Its code_challenge (PKCE) is not 43 characters of base64url without padding.");
    return NEXT;
}

/* Said before a code exists, not when it cannot be delivered. */
static enum next check_location(struct req *r, struct authorization *a)
{
    const struct redirect_param params[] = { { "code", SL(CODE_PLACEHOLDER) },
                                             { "state", a->params->state },
                                             { "iss", r->issuer->url } };

    /* three characters for each, at worst, and the names */
    if (a->redirect_uri.n + 3 * (a->params->state.n + r->issuer->url.n) + sizeof(CODE_PLACEHOLDER) + 64 <
        LOCATION_BYTES_MAX)
        return NEXT;
    if (a->form_post || !slice_is_none(redirect_with(r->pool, a->redirect_uri, params, 3)))
        return NEXT;
    a->page_only = true;
    return bad_request(r, OAUTH_INVALID_REQUEST, authorization_too_long);
}

enum next authorization_check_request(struct req *r)
{
    struct authorization *a = r->state;
    enum next n = NEXT;

    if (a->fault.kind != FAULT_NONE)
        return bad_request(r, OAUTH_INVALID_REQUEST, fault_hint(r->pool, &a->fault));
    (void)((n = check_response(r, a)) || (n = check_prompt(r, a)) || (n = check_scope(r, a)) ||
           (n = check_pkce(r, a)) || (n = check_location(r, a)));
    return n;
}

enum next authorization_check_policy(struct req *r)
{
    struct authorization *a = r->state;
    enum policy p = policy_allows(&a->person, r->caller, &a->client);

    switch (p) {
    case POLICY_OK: return NEXT;
    case POLICY_BLOCKED:
        log_refusal(r, AUDIT_SIGN_IN_REFUSED, policy_text(p));
        return deny_person(r, OAUTH_PERSON_BLOCKED, policy_text(p));
    case POLICY_HELD: return deny_person(r, OAUTH_PERSON_HELD, policy_text(p));
    case POLICY_CLIENT_OFF: return deny(r, OAUTH_UNAUTHORIZED_CLIENT, NULL, policy_text(p));
    case POLICY_NOT_FOR_YOU: break;
    }
    log_refusal(r, AUDIT_SIGN_IN_REFUSED, policy_text(p));
    a->page_only = !(a->prompt & PROMPT_NONE) && !a->returning;
    return deny(r, OAUTH_ACCESS_DENIED, NULL, policy_text(p));
}
