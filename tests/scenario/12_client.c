/* A client, a person or the issuer is changed by another process while a request is between what it found and its commit: what is true at
 * the commit wins. Security 26. */
#include <string.h>

#include "harness.h"
#include "sign_in.h"

typedef void change(struct world *w);

/* ---- what another process does ---- */

static void disable(struct world *w)
{
    struct client c = world_client(w, "argo");

    c.disabled = true;
    c.epoch++;
    world_put_client(w, &c);
}

static void remove_it(struct world *w)
{
    struct client c = world_client(w, "argo");
    struct txn *t = world_begin(w);

    client_remove(t, &c);
    world_commit(w, t);
}

static void rotate_secret(struct world *w)
{
    struct client c = world_client(w, "argo");

    client_secret_set(&c, SL("another-secret-with-43-letters-of-its-own-xx"), 0, world_now(w));
    world_put_client(w, &c);
}

static void shorten(struct world *w)
{
    struct client c = world_client(w, "argo");

    c.lifetimes.access = 77;
    c.claims = CLAIMS_USERINFO;
    world_put_client(w, &c);
}

static void move(struct world *w)
{
    static const struct slice uris[] = { SL("https://argo.example/moved") };
    struct client c = world_client(w, "argo");

    c.redirect_uris = (struct slices){ uris, 1 };
    world_put_client(w, &c);
}

static void demand_a_page(struct world *w)
{
    struct client c = world_client(w, "argo");

    c.page = PAGE_ALWAYS;
    world_put_client(w, &c);
}

static void block(struct world *w)
{
    struct person person = world_person(w, ALICE);
    struct txn *t = world_begin(w);

    person_block(t, &person, true);
    world_commit(w, t);
}

static void end_everything(struct world *w)
{
    struct txn *t = world_begin(w);
    struct issuer_record record;

    CHECK(issuer_load(t, &record));
    record.epoch++;
    issuer_put(t, &record);
    world_commit(w, t);
}

/* ---- in between ---- */

/* The request is held at this door while the change is made. */
static const struct seen *send_and_change(struct world *w, struct guest *g, const struct call *c, const struct door *at,
                                          change *fn)
{
    struct visit *v = world_send(w, g, c);

    if (at != &w->asks)
        (void)world_drain(w, &w->asks);
    if (at == &w->commit)
        (void)world_drain(w, &w->signing);
    CHECK(at->head != NULL || v->answers > 0 || w->injection.struck);
    fn(w);
    world_run(w);
    return world_answer(w, v);
}

static const struct seen *token_and_change(struct world *w, struct slice code, const struct door *at, change *fn)
{
    struct guest server = program_at(MACHINE);
    const struct call c = { .target = SL("/token"), .body = app_form(w, &argo, code) };

    return send_and_change(w, &server, &c, at, fn);
}

static struct slice begin(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    if (world_count(w, CLASS_CLIENT, 0) == 0)
        app_add(w, &argo);
    return sign_in_silently(w, &browser, &argo, NULL);
}

/* ---- a token request ---- */

static void check_token(struct world *w, change *fn, unsigned status, const char *error)
{
    struct slice code = begin(w);
    const struct seen *s = token_and_change(w, code, &w->commit, fn);

    CHECK_INT(s->status, status);
    CHECK_TEXT(seen_error(w, s), error);
    CHECK_INT(world_count(w, CLASS_ACCESS, 0), 0);
    CHECK_INT(world_audited(w, "token_issued"), 0);
}

static void token_disabled(struct world *w)
{
    check_token(w, disable, 401, "invalid_client");
}

static void token_removed(struct world *w)
{
    check_token(w, remove_it, 401, "invalid_client");
}

static void token_blocked(struct world *w)
{
    check_token(w, block, 400, "invalid_grant");
}

static void token_ended(struct world *w)
{
    check_token(w, end_everything, 400, "invalid_grant");
}

/* The old secret is refused from the moment of the change on; the code is not used up by that. */
static void token_rotated(struct world *w)
{
    struct slice code = begin(w);
    const struct seen *s = token_and_change(w, code, &w->commit, rotate_secret);
    struct app fresh = argo;

    CHECK_INT(s->status, 401);
    fresh.secret = "another-secret-with-43-letters-of-its-own-xx";
    CHECK_INT(app_token(w, &fresh, code)->status, 200);
}

static void token_edited(struct world *w)
{
    const struct seen *s = token_and_change(w, begin(w), &w->commit, shorten);

    CHECK_INT(s->status, 200);
    CHECK_INT(seen_number(w, s, "expires_in"), 77);
    const struct json *claims = world_claims(w, seen_member(w, s, "id_token"), ALG_ES256);
    CHECK(slice_is_none(claim_text(claims, "email"))); /* by then they are for userinfo alone */
}

/* While tailscaled is asked: the request has found client and code, and has yet to rest on the rest. */
static void token_earlier(struct world *w)
{
    const struct seen *s = token_and_change(w, begin(w), &w->asks, disable);

    CHECK_INT(s->status, 401);
    CHECK_INT(world_count(w, CLASS_ACCESS, 0), 0);
}

/* What had been issued ends with its client, and does not come back with it. */
static void token_after(struct world *w)
{
    struct slice access = seen_member(w, app_token(w, &argo, begin(w)), "access_token");

    CHECK_INT(app_userinfo(w, access)->status, 200);
    disable(w);
    CHECK_INT(app_userinfo(w, access)->status, 401);
    struct client c = world_client(w, "argo");
    c.disabled = false;
    world_put_client(w, &c);
    CHECK_INT(app_userinfo(w, access)->status, 401);
    CHECK_INT(app_token(w, &argo, begin(w))->status, 200);
}

/* A client that is removed and added again under its id is another one. */
static void token_added_again(struct world *w)
{
    struct slice access = seen_member(w, app_token(w, &argo, begin(w)), "access_token");
    const struct client again = app_client(&argo);

    remove_it(w);
    CHECK_INT(app_userinfo(w, access)->status, 401);
    struct txn *t = world_begin(w);
    CHECK_INT(client_create(t, &again), ERR_OK);
    world_commit(w, t);
    CHECK_INT(app_userinfo(w, access)->status, 401);
    CHECK_INT(app_token(w, &argo, begin(w))->status, 200);
}

/* ---- an authorization request ---- */

static const struct seen *authorize_and_change(struct world *w, const struct door *at, change *fn)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    const struct call c = { .target = app_request(w, &argo, NULL) };

    app_add(w, &argo);
    (void)sign_in_silently(w, &browser, &argo, NULL);
    return send_and_change(w, &browser, &c, at, fn);
}

static void check_authorize(struct world *w, change *fn, unsigned status, const char *error)
{
    const struct seen *s = authorize_and_change(w, &w->commit, fn);

    CHECK_INT(s->status, status);
    CHECK_TEXT(seen_error(w, s), error);
    CHECK(slice_is_none(seen_header(s, "location")));
    CHECK(slice_is_none(seen_header(s, "set-cookie")));
    CHECK(world_agrees(w, world_audited(w, "sign_in"), 1));
}

static void authorize_disabled(struct world *w)
{
    check_authorize(w, disable, 400, "unauthorized_client");
}

static void authorize_removed(struct world *w)
{
    check_authorize(w, remove_it, 400, "unknown_client");
}

static void authorize_moved(struct world *w)
{
    check_authorize(w, move, 400, "invalid_redirect_uri");
}

static void authorize_blocked(struct world *w)
{
    check_authorize(w, block, 403, "person_blocked");
}

static void authorize_page(struct world *w)
{
    const struct seen *s = authorize_and_change(w, &w->commit, demand_a_page);

    CHECK_INT(s->status, 302);
    CHECK(slice_starts(seen_header(s, "location"), SL("/authorize?flow=")));
    CHECK(world_agrees(w, world_audited(w, "sign_in"), 1));
}

/* ---- a decision ---- */

static const struct seen *decide_and_change(struct world *w, change *fn)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    struct client c = app_client(&argo);

    c.page = PAGE_ALWAYS;
    world_put_client(w, &c);
    const struct seen *page = open_page(w, &browser, app_request(w, &argo, NULL));
    struct slice flow = seen_flow(page);
    const struct call pressed = { .target = SL("/decision"),
                                  .body = pool_fmt(w->pool, "action=continue&flow=" SLICE_FMT, SLICE_ARG(flow)) };
    return send_and_change(w, &browser, &pressed, &w->commit, fn);
}

static void check_decision(struct world *w, change *fn, const char *error)
{
    const struct seen *s = decide_and_change(w, fn);

    CHECK_TEXT(seen_error(w, s), error);
    CHECK(slice_is_none(seen_param(w, s, "code")));
    CHECK_INT(world_count(w, CLASS_GRANT, 0), 0);
    CHECK_INT(world_count(w, CLASS_CONSENT, 0), 0);
}

static void decision_disabled(struct world *w)
{
    check_decision(w, disable, "unauthorized_client");
}

static void decision_removed(struct world *w)
{
    check_decision(w, remove_it, "unknown_client");
}

static void decision_moved(struct world *w)
{
    check_decision(w, move, "invalid_redirect_uri");
}

static void decision_blocked(struct world *w)
{
    check_decision(w, block, "person_blocked");
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "token: the client is disabled meanwhile", token_disabled, .races = true },
        { "token: removed", token_removed, .races = true },
        { "token: its secret is rotated, and the code is not used up", token_rotated, .races = true },
        { "token: edited", token_edited, .races = true },
        { "token: the person is blocked", token_blocked, .races = true },
        { "token: everything is ended", token_ended, .races = true },
        { "token: disabled while tailscaled is asked", token_earlier, .races = true },
        { "tokens end with their client", token_after },
        { "a client of the same id is another one", token_added_again },
        { "authorize: disabled", authorize_disabled, .races = true },
        { "authorize: removed", authorize_removed, .races = true },
        { "authorize: its redirect URI is another one", authorize_moved, .races = true },
        { "authorize: the person is blocked", authorize_blocked, .races = true },
        { "authorize: a page is due now", authorize_page, .races = true },
        { "decision: disabled", decision_disabled, .races = true },
        { "decision: removed", decision_removed, .races = true },
        { "decision: its redirect URI is another one", decision_moved, .races = true },
        { "decision: the person is blocked", decision_blocked, .races = true },
    };

    return SCENARIOS_PLAY(scenarios);
}
