/* /authorize: RFC 6749 4.1.1, OpenID Connect Core 3.1.2. A GET is judged and answered; a POST is stored and answered with a
 * 303 to its GET, so that the cookie comes along. Where a page is due, the request is stored too and the page has an
 * address of its own: reload, back and a second tab find it again. */
#include "authorization.h"
#include "clock.h"
#include "endpoints.h"
#include "identity.h"
#include "reply.h"

#include <string.h>

static const struct named_step store_steps[], page_steps[];

/* ---- which request ---- */

/* The request becomes a record, counted against the person who is there: strangers store nothing. */
static enum next store_request(struct req *r)
{
    struct authorization *a = r->state;

    if (a->query.n > FLOW_QUERY_BYTES_MAX) {
        a->page_only = true;
        return deny(r, OAUTH_INVALID_REQUEST, "The request is longer than 16384 bytes.", "too long to be stored");
    }
    authorization_store(r);
    r->at = store_steps;
    return NEXT;
}

static enum next store_posted(struct req *r)
{
    const struct authorization *a = r->state;

    /* one with a fault is answered here: what is stored is no longer all that was sent */
    if (!r->origin.post || a->fault.kind != FAULT_NONE)
        return NEXT;
    if (!a->has_flow)
        return store_request(r);
    r->at = store_steps;
    return NEXT;
}

static enum next load_stored(struct req *r)
{
    struct authorization *a = r->state;
    bool expired = false;

    a->handle = a->params->flow;
    if (!flow_load(r->txn, a->handle, r->now, &a->flow, &expired)) {
        a->handle = SLICE_NONE;
        if (expired && clock_check(r) != NEXT)
            return DENY;
        return deny(r, OAUTH_PAGE_EXPIRED, NULL, expired ? "the stored request is over" : "no such stored request");
    }
    a->has_flow = true;
    authorization_read_flow(r);
    return NEXT;
}

/* A POST's URL counts beside its body, so that what is repeated across the two is seen. */
static struct slice sent_text(const struct req *r)
{
    const struct origin *o = &r->origin;
    struct buf b;

    if (o->body.n == 0)
        return o->query;
    if (o->query.n == 0)
        return o->body;
    buf_init(&b, r->pool, o->query.n + 1 + o->body.n);
    buf_put(&b, o->query);
    buf_char(&b, '&');
    buf_put(&b, o->body);
    return buf_finish(&b);
}

static enum next read_request(struct req *r)
{
    struct authorization *a = r->state;

    a->params = r->params;
    a->fault = r->fault;
    a->query = sent_text(r);
    /* an application may have a parameter of that name: beside client_id it is not ours */
    if (!slice_is_none(a->params->flow) && slice_is_none(a->params->client_id))
        return load_stored(r);
    return NEXT;
}

static enum next answer_flow(struct req *r)
{
    return reply_redirect(r, authorization_flow_path(r));
}

/* ---- page or code ---- */

/* docs/decisions.md, Silence: towards a redirect URI that this person never accepted always login_required. */
static enum next refuse_silence(struct req *r, enum page_reason reason)
{
    enum oauth_error code = OAUTH_INTERACTION_REQUIRED;

    if (reason == PAGE_FIRST_TIME || reason == PAGE_CONSENT)
        code = OAUTH_CONSENT_REQUIRED;
    if (reason == PAGE_MAX_AGE || reason == PAGE_SIGNED_OUT || reason == PAGE_OTHER_PERSON || r->back != BACK_REDIRECT)
        code = OAUTH_LOGIN_REQUIRED;
    req_raise(r, BACK_REDIRECT);
    return deny(r, code, NULL, "prompt=none, and a page is due");
}

/* The page belongs to this browser and this person; both are asked again when it comes back. */
static void bind_flow(struct req *r, struct authorization *a)
{
    uint8_t hash[SHA256_BYTES];

    browser_make(&a->browser);
    browser_hash(&a->browser, hash);
    if (a->has_flow && a->flow.bound && a->flow.user_id == a->person.user_id && a->flow.reason == a->reason &&
        memcmp(hash, a->flow.browser_hash, sizeof(hash)) == 0)
        return;
    a->flow.state = FLOW_OPEN; /* the answer that it had was another browser's or another person's */
    memset(a->flow.grant_id, 0, sizeof(a->flow.grant_id));
    a->flow.bound = true;
    a->flow.user_id = a->person.user_id;
    a->flow.reason = a->reason;
    memcpy(a->flow.browser_hash, hash, sizeof(hash));
    authorization_set_cookie(r);
    if (a->has_flow)
        flow_put(r->txn, &a->flow);
}

static enum next prepare_page(struct req *r, struct authorization *a)
{
    bind_flow(r, a);
    if (a->has_flow) {
        r->at = page_steps;
        return NEXT;
    }
    return store_request(r);
}

/* Reload, back button, second tab: the page was answered already, and its answer is the same again. */
static bool is_answered(const struct req *r, const struct authorization *a)
{
    uint8_t hash[SHA256_BYTES];

    if (!a->has_flow || a->flow.state == FLOW_OPEN || !a->browser.known || a->flow.user_id != r->caller->user_id)
        return false;
    browser_hash(&a->browser, hash);
    return memcmp(hash, a->flow.browser_hash, sizeof(hash)) == 0;
}

static enum next repeat_answer(struct req *r, struct authorization *a)
{
    if (a->flow.state == FLOW_CANCELLED) {
        req_raise(r, BACK_REDIRECT);
        return deny(r, OAUTH_ACCESS_DENIED, NULL, "cancelled before");
    }
    a->code = grant_repeat_code(r->pool, r->issuer, a->flow.grant_id, a->handle);
    return NEXT;
}

static enum next require_consent(struct req *r)
{
    struct authorization *a = r->state;
    enum page_reason reason = authorization_judge(r);

    if (!(a->prompt & PROMPT_NONE) && !authorization_is_document(r)) {
        a->page_only = true;
        return deny(r, OAUTH_CROSS_SITE, NULL, "neither page nor code in a frame or a prefetch");
    }
    if (is_answered(r, a))
        return repeat_answer(r, a);
    if (a->prompt & PROMPT_NONE)
        return reason == SILENT ? NEXT : refuse_silence(r, reason);
    return reason == SILENT ? NEXT : prepare_page(r, a);
}

static enum next issue_code(struct req *r)
{
    const struct authorization *a = r->state;

    if (slice_is_none(a->code))
        authorization_issue(r, false);
    return NEXT;
}

static enum next show_page(struct req *r)
{
    const struct authorization *a = r->state;
    const struct continue_page page = { .frame = reply_frame(r),
                                        .client = &a->client,
                                        .redirect_uri = a->redirect_uri,
                                        .person = &a->person,
                                        .peer = r->caller,
                                        .reason = a->reason,
                                        .signed_out_at = a->signed_out_at,
                                        .previous_login = a->previous_login,
                                        .scopes = a->scopes,
                                        .flow = a->handle };

    return reply_page(r, 200, page_continue(r->pool, &page), a->redirect_uri);
}

static const struct named_step store_steps[] = {
    { "settle", settle },
    { "answer flow", answer_flow },
    { NULL, NULL },
};

static const struct named_step page_steps[] = {
    { "settle", settle },
    { "show page", show_page },
    { NULL, NULL },
};

static const struct named_step steps[] = {
    { "read request", read_request },
    { "load client", authorization_load_client },
    { "check redirect", authorization_check_redirect },
    { "know caller", know_caller },
    { "know person", authorization_know_person },
    { "store posted", store_posted },
    { "load session", authorization_load_session },
    { "check none", authorization_check_none },
    { "check hint", authorization_check_hint },
    { "check request", authorization_check_request },
    { "check policy", authorization_check_policy },
    { "check clock", clock_check },
    { "require consent", require_consent },
    { "issue code", issue_code },
    { "settle", settle },
    { "answer", authorization_answer_code },
    { NULL, NULL },
};

const struct endpoint authorize_endpoint = {
    .steps = steps,
    .params = &authorization_table,
    .state_bytes = sizeof(struct authorization),
    .speech = SPEAK_PAGE,
    .again = authorization_again,
    .on_deny = authorization_on_deny,
};
