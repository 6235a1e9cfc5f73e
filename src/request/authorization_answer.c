/* The answers to an authorization request: the code, the error, or a page that says what is wrong. Which of them it is
 * depends on r->back alone, so that no `if` elsewhere can send anybody anywhere. */
#include "authorization.h"

#include <assert.h>
#include <string.h>

#include "audit.h"
#include "cookie.h"
#include "redirect.h"
#include "reply.h"

enum page_reason authorization_judge(struct req *r)
{
    struct authorization *a = r->state;

    a->consented = consent_covers(r->txn, r->caller->user_id, &a->client, a->redirect_uri, a->scopes, NULL);
    const struct silence s = { .client = &a->client,
                               .redirect_uri = a->redirect_uri,
                               .peer = r->caller,
                               .session = a->has_session ? &a->session : NULL,
                               .other_person = a->other_person,
                               .signed_out = a->signed_out,
                               .consented = a->consented,
                               .prompt = a->prompt,
                               .max_age = a->max_age,
                               .now = r->now };
    a->reason = silence_judge(&s);
    return a->reason;
}

/* ---- the code ---- */

/* Continue is presence: where a fresh sign-in was asked for, auth_time moves and the cookie with it. */
static void renew_session(struct req *r, struct authorization *a)
{
    bool fresh = a->reason == PAGE_LOGIN || a->reason == PAGE_MAX_AGE || a->reason == PAGE_SIGNED_OUT ||
                 a->reason == PAGE_ACCOUNT;

    if (a->signed_out)
        signed_out_clear(r->txn, a->person.user_id, r->caller->stable_id);
    if (a->has_session && !fresh) {
        session_touch(r->txn, r->issuer, &a->session, r->now);
        return;
    }
    if (a->has_session)
        session_refresh_auth(r->txn, r->issuer, &a->session, &a->browser, r->now);
    else
        session_start(r->txn, r->issuer, &a->person, r->caller, &a->browser, r->now, &a->session);
    authorization_set_cookie(r);
}

static void ensure_session(struct req *r, struct authorization *a)
{
    if (a->has_session) {
        session_touch(r->txn, r->issuer, &a->session, r->now);
        return;
    }
    session_start(r->txn, r->issuer, &a->person, r->caller, &a->browser, r->now, &a->session);
    authorization_set_cookie(r);
}

static void mark_flow(struct req *r, struct authorization *a, const struct grant *g)
{
    if (!a->has_flow)
        return;
    a->flow.state = FLOW_CONTINUED;
    a->flow.bound = true;
    a->flow.user_id = a->person.user_id;
    browser_hash(&a->browser, a->flow.browser_hash);
    memcpy(a->flow.grant_id, g->id, ID_BYTES);
    flow_put(r->txn, &a->flow);
}

static struct slice how(const struct authorization *a, bool continued)
{
    if (a->person.login_changed)
        return continued ? SL("after a page, under a new login") : SL("silent, under a new login");
    return continued ? SL("after a page") : SL("silent");
}

void authorization_issue(struct req *r, bool continued)
{
    struct authorization *a = r->state;
    const struct authorization_params *p = a->params;

    if (continued) {
        renew_session(r, a);
        if (!a->consented)
            consent_put(r->txn, a->person.user_id, &a->client, a->redirect_uri, a->scopes, r->now);
    } else {
        ensure_session(r, a);
    }
    struct grant g = { .user_id = a->person.user_id,
                       .stable_id = r->caller->stable_id,
                       .address = r->caller->address,
                       .client_id = a->client.id,
                       .redirect_uri = a->redirect_uri,
                       .redirect_uri_sent = a->redirect_sent,
                       .scopes = a->scopes,
                       .nonce = p->nonce,
                       .code_challenge = p->code_challenge,
                       .auth_time = a->session.auth_time,
                       .sid = a->session.sid,
                       .auth_time_asked = a->max_age >= 0 };
    a->code = grant_issue_code(r->txn, r->issuer, &a->client, a->has_flow ? a->handle : SLICE_NONE, r->now, &g);
    mark_flow(r, a, &g);
    const struct audit audit = { .event = AUDIT_SIGN_IN,
                                 .user_id = a->person.user_id,
                                 .login = r->caller->login,
                                 .stable_id = g.stable_id,
                                 .address = g.address,
                                 .client_id = a->client.id,
                                 .detail = how(a, continued),
                                 .request_id = r->id };
    audit_log(r->txn, &audit, r->now);
}

void authorization_set_cookie(struct req *r)
{
    struct authorization *a = r->state;

    reply_cookie(r, cookie_make(r->pool, r->issuer, session_cookie_name(r->issuer),
                                browser_cookie(r->pool, &a->browser), r->issuer->lifetimes.session));
}

void authorization_store(struct req *r)
{
    struct authorization *a = r->state;

    a->flow.query = authorization_to_store(r->pool, a->query);
    a->flow.expected = authorization_expected(r);
    a->flow.stored_by = a->person.user_id;
    a->handle = flow_store(r->txn, &a->flow, r->now);
}

struct slice authorization_flow_path(struct req *r)
{
    const struct authorization *a = r->state;

    return pool_fmt(r->pool, SLICE_FMT "?flow=" SLICE_FMT, SLICE_ARG(route_at(ROUTE_AUTHORIZE)->path),
                    SLICE_ARG(a->handle));
}

static enum next send_back(struct req *r, const struct redirect_param *params, size_t n)
{
    const struct authorization *a = r->state;
    const struct form_post_page page = { .frame = reply_frame(r),
                                         .app = a->client.name,
                                         .redirect_uri = a->redirect_uri,
                                         .params = params,
                                         .param_count = n };

    if (a->form_post)
        return reply_form_post(r, &page);
    return reply_redirect(r, redirect_with(r->pool, a->redirect_uri, params, n));
}

enum next authorization_answer_code(struct req *r)
{
    const struct authorization *a = r->state;
    const struct redirect_param params[] = { { "code", a->code },
                                             { "state", a->params->state },
                                             { "iss", r->issuer->url } };

    return send_back(r, params, sizeof(params) / sizeof(params[0]));
}

/* ---- the error ---- */

#define ERROR_PARAMS 4

static void error_params(const struct req *r, struct redirect_param ret[static ERROR_PARAMS])
{
    const struct authorization *a = r->state;

    assert(a->params != NULL); /* nothing is proven without them */
    ret[0] = (struct redirect_param){ "error", slice_of(oauth_error_code(r->deny.code)) };
    ret[1] = (struct redirect_param){ "error_description", slice_of(r->deny.hint) };
    ret[2] = (struct redirect_param){ "state", a->params->state };
    ret[3] = (struct redirect_param){ "iss", r->issuer->url };
}

/* Without its description where only that makes it too long: then it is shorter than the code would have been. None: the state alone is
 * too long. */
static struct slice error_location(struct req *r)
{
    const struct authorization *a = r->state;
    struct redirect_param params[ERROR_PARAMS];

    error_params(r, params);
    struct slice location = redirect_with(r->pool, a->redirect_uri, params, ERROR_PARAMS);
    if (!slice_is_none(location))
        return location;
    params[1].value = SLICE_NONE;
    return redirect_with(r->pool, a->redirect_uri, params, ERROR_PARAMS);
}

/* Trouble of our own is for the person, who can try again; an application would only show it as its own failure. */
static bool is_for_person(const struct req *r, const struct authorization *a)
{
    return a->page_only || (r->deny.code == OAUTH_TEMPORARILY_UNAVAILABLE && !(a->prompt & PROMPT_NONE));
}

static bool goes_back(const struct req *r, const struct authorization *a)
{
    return a->proven && r->back == BACK_REDIRECT && oauth_error_may_redirect(r->deny.code) && !is_for_person(r, a);
}

/* False: it cannot be sent, and there is nothing but a page. */
static bool send_error(struct req *r, const struct authorization *a)
{
    struct redirect_param params[ERROR_PARAMS];

    if (a->form_post) {
        error_params(r, params);
        (void)send_back(r, params, ERROR_PARAMS);
        return true;
    }
    struct slice location = error_location(r);
    if (slice_is_none(location))
        return false;
    (void)reply_redirect(r, location);
    return true;
}

/* [Back] needs a stored request: pressed, it is judged again and its error may go. */
static bool can_return(struct req *r, struct authorization *a)
{
    if (!a->proven || !oauth_error_may_redirect(r->deny.code) || r->deny.code == OAUTH_TEMPORARILY_UNAVAILABLE)
        return false;
    if (!a->form_post && slice_is_none(error_location(r)))
        return false;
    if (slice_is_none(a->handle) && a->query.n <= FLOW_QUERY_BYTES_MAX) {
        authorization_store(r);
    }
    return !slice_is_none(a->handle);
}

static void describe_redirect(struct req *r, const struct authorization *a, struct error_page *e)
{
    if (r->deny.code != OAUTH_INVALID_REDIRECT_URI)
        return;
    assert(a->params != NULL);
    e->sent_uri = a->params->redirect_uri;
    e->registered_uri = redirect_nearest(a->client.redirect_uris, e->sent_uri, &e->difference);
}

void authorization_on_deny(struct req *r)
{
    struct authorization *a = r->state;
    struct error_page e = { .client_id = a->params != NULL ? a->params->client_id : SLICE_NONE };

    if (goes_back(r, a)) {
        if (send_error(r, a))
            return;
        r->deny = (struct deny){ OAUTH_INVALID_REQUEST, authorization_too_long, "the answer would be too long" };
    }
    if (a->knows_client) {
        e.app = a->client.name;
        e.app_vouched = client_is_vouched_for(&a->client);
        e.client_id = a->client.id;
        describe_redirect(r, a, &e);
    }
    if (can_return(r, a)) {
        e.return_host = redirect_host(a->redirect_uri);
        e.return_uri = a->redirect_uri;
        e.return_flow = a->handle;
    }
    reply_error_page(r, &e);
}

struct slice authorization_again(struct req *r)
{
    const struct authorization *a = r->state;

    if (a->has_flow)
        return authorization_flow_path(r);
    if (a->query.n == 0 || a->query.n > FLOW_QUERY_BYTES_MAX)
        return SLICE_NONE;
    return pool_fmt(r->pool, SLICE_FMT "?" SLICE_FMT, SLICE_ARG(route_at(ROUTE_AUTHORIZE)->path), SLICE_ARG(a->query));
}
