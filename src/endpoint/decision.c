/* /decision: what a person pressed on the Continue page (continue, cancel) or on an error page (return). The stored request
 * is judged anew, person, client and policy included; the page's binding says that it was this browser and this person
 * who saw it. A second press gets the first answer. */
#include "authorization.h"
#include "clock.h"
#include "endpoints.h"
#include "identity.h"
#include "redirect.h"
#include "reply.h"

#include <string.h>

#include "audit.h"

struct decision_params {
    struct slice action, flow;
};

#define AT(member) offsetof(struct decision_params, member)

static const struct param rows[] = {
    { "action", 16, NULL, false, AT(action) },
    { "flow", CREDENTIAL_TEXT_BYTES, NULL, false, AT(flow) },
};

static const struct param_table table = { rows, sizeof(rows) / sizeof(rows[0]), sizeof(struct decision_params), true };

static const struct named_step back_steps[];

static bool pressed(const struct req *r, const char *what)
{
    const struct decision_params *p = r->params;

    return slice_eq(p->action, slice_of(what));
}

static enum next read_flow(struct req *r)
{
    const struct decision_params *p = r->params;
    struct authorization *a = r->state;
    bool expired = false;

    if (r->fault.kind != FAULT_NONE)
        return deny(r, OAUTH_INVALID_REQUEST, fault_hint(r->pool, &r->fault), "a decision with a mistake in it");
    if (!flow_load(r->txn, p->flow, r->now, &a->flow, &expired)) {
        if (expired && clock_check(r) != NEXT)
            return DENY;
        return deny(r, OAUTH_PAGE_EXPIRED, NULL, expired ? "the page is over" : "no such page");
    }
    a->has_flow = true;
    a->handle = p->flow;
    a->returning = pressed(r, "return");
    authorization_read_flow(r);
    return NEXT;
}

/* The page again, for whoever is here now: it binds itself anew. */
static enum next answer_page(struct req *r)
{
    return reply_redirect(r, authorization_flow_path(r));
}

static enum next check_binding(struct req *r)
{
    struct authorization *a = r->state;
    uint8_t hash[SHA256_BYTES];

    if (!authorization_is_document(r)) {
        a->page_only = true;
        return deny(r, OAUTH_CROSS_SITE, NULL, "a decision in a frame or a prefetch");
    }
    if (a->returning && a->flow.state == FLOW_OPEN)
        return NEXT; /* nothing goes with the error; an answer that was given already is somebody's */
    if (!a->browser.known) {
        a->page_only = true;
        return deny(r, OAUTH_NO_COOKIES, NULL, "a decision without our cookie");
    }
    browser_hash(&a->browser, hash);
    if (a->flow.bound && a->flow.user_id == r->caller->user_id && memcmp(hash, a->flow.browser_hash, sizeof(hash)) == 0)
        return NEXT;
    r->at = back_steps;
    return NEXT;
}

static enum next cancel(struct req *r, struct authorization *a)
{
    const struct audit audit = { .event = AUDIT_SIGN_IN_CANCELLED,
                                 .user_id = a->person.user_id,
                                 .login = r->caller->login,
                                 .stable_id = r->caller->stable_id,
                                 .address = r->caller->address,
                                 .client_id = a->client.id,
                                 .request_id = r->id };

    if (a->flow.state == FLOW_OPEN) {
        a->flow.state = FLOW_CANCELLED;
        flow_put(r->txn, &a->flow);
        audit_log(r->txn, &audit, r->now);
    }
    req_raise(r, BACK_REDIRECT);
    return deny(r, OAUTH_ACCESS_DENIED, "The person pressed Cancel.", "cancelled");
}

static enum next decide(struct req *r)
{
    struct authorization *a = r->state;

    if (a->flow.state == FLOW_CONTINUED) {
        a->code = grant_repeat_code(r->pool, r->issuer, a->flow.grant_id, a->handle);
        return NEXT;
    }
    if (a->flow.state == FLOW_CANCELLED || pressed(r, "cancel"))
        return cancel(r, a);
    if (!pressed(r, "continue")) {
        r->at = back_steps; /* [Back], and what was wrong is right now */
        return NEXT;
    }
    if (clock_check(r) != NEXT)
        return DENY;
    (void)authorization_judge(r);
    a->reason = a->flow.reason == SILENT ? a->reason : a->flow.reason; /* what the page asked for */
    authorization_issue(r, true);
    return NEXT;
}

static const struct named_step back_steps[] = {
    { "answer page", answer_page },
    { NULL, NULL },
};

static const struct named_step steps[] = {
    { "read flow", read_flow },
    { "load client", authorization_load_client },
    { "check redirect", authorization_check_redirect },
    { "know caller", know_caller },
    { "know person", authorization_know_person },
    { "load session", authorization_load_session },
    { "check binding", check_binding },
    { "check hint", authorization_check_hint },
    { "check request", authorization_check_request },
    { "check policy", authorization_check_policy },
    { "decide", decide },
    { "settle", settle },
    { "answer", authorization_answer_code },
    { NULL, NULL },
};

const struct endpoint decision_endpoint = {
    .steps = steps,
    .params = &table,
    .state_bytes = sizeof(struct authorization),
    .speech = SPEAK_PAGE,
    .again = authorization_again,
    .on_deny = authorization_on_deny,
};
