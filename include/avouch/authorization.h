/* What /authorize and /decision share: the authorization request, judged in the order that docs/decisions.md gives, and its answers. All
 * functions named authorization_* of type step are links of both lists. RFC 6749 4.1.1, OpenID Connect Core 3.1.2, RFC 7636, RFC 9207. */
#ifndef AVOUCH_AUTHORIZATION_H
#define AVOUCH_AUTHORIZATION_H

#include "flow.h"
#include "req.h"

#define STATE_BYTES_MAX 4096            /* echoed byte by byte, JSON and JWE included */
#define ID_TOKEN_HINT_BYTES_MAX 8192
#define UNUSED_PARAM_BYTES_MAX 8192     /* of parameters that are read only to see them repeated */

struct authorization_params {
    struct slice client_id, redirect_uri, response_type, response_mode, scope, state, nonce;
    struct slice code_challenge, code_challenge_method, prompt, max_age, id_token_hint;
    struct slice request, request_uri, registration;
    struct slice login_hint, display, ui_locales, claims_locales, acr_values, claims; /* allowed, and without effect */
    struct slices resource;
    struct slice flow;                  /* ours: a stored request; counts only where there is no client_id */
};
extern const struct param_table authorization_table;
extern const char authorization_too_long[]; /* the hint where no answer fits into a Location */

/* The state of both endpoints (r->state). */
struct authorization {
    const struct authorization_params *params;
    struct params_fault fault;
    struct slice query;                 /* the parameters as sent */
    struct slice handle;                /* of the flow; none: nothing is stored yet */
    struct flow flow;
    bool has_flow;
    bool knows_client, proven;          /* client is filled; redirect_uri is registered for it */
    bool page_only;                     /* this error is for people, wherever answers may go */
    bool returning;                     /* [Back] was pressed: the error may go */
    struct client client;
    struct slice redirect_uri;
    bool redirect_sent, form_post;
    struct person person;
    struct browser browser;
    struct session session;
    bool has_session, other_person, signed_out, consented;
    int64_t signed_out_at;
    struct slice previous_login;
    unsigned prompt, scopes;
    int64_t max_age;                    /* -1: none */
    enum page_reason reason;
    struct slice code;
};

/* Reads the flow's stored query in place of the request's own. */
void authorization_read_flow(struct req *r);

step authorization_load_client, authorization_check_redirect, authorization_know_person, authorization_load_session,
    authorization_check_none, authorization_check_hint, authorization_check_request, authorization_check_policy;

/* hint.c: the subject that id_token_hint names, of the stored request where there is one; none: it names nobody. */
struct slice authorization_expected(struct req *r);
/* hint.c: the parameters that are ours, with an empty id_token_hint: no token is stored, nor a secret that was sent along. */
struct slice authorization_to_store(struct pool *p, struct slice query);

/* A code or a session arises only in a document that the person sees: no frame, no prefetch. */
bool authorization_is_document(const struct req *r);
/* Would the sign-in be silent? */
enum page_reason authorization_judge(struct req *r);
/* Puts session, grant, flow and audit record; sets code. continued: a person pressed Continue. */
void authorization_issue(struct req *r, bool continued);
void authorization_set_cookie(struct req *r);
void authorization_store(struct req *r);                /* a->query as a new flow; sets a->handle */
struct slice authorization_flow_path(struct req *r);    /* "/authorize?flow=..." */

step authorization_answer_code;
void authorization_on_deny(struct req *r);              /* endpoint.on_deny */
struct slice authorization_again(struct req *r);        /* endpoint.again: the same request as a GET */

#endif
