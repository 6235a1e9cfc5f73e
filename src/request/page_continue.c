/* The Continue page: which facts a person needs before pressing a button. What an administrator vouches for is
 * shown plainly, what an application says of itself is quoted, and one warning at most takes the colour out of
 * Continue. */
#include "client.h"
#include "encode.h"
#include "page.h"
#include "person.h"
#include "tpl.h"

#define SEES_MAX 5

struct view {
    struct pool *pool;
    const struct continue_page *page;
    enum redirect_kind kind;
    struct tpl_continue t;
    struct tpl_continue_sees sees[SEES_MAX];
};

static bool is_local(const struct view *v)
{
    return v->kind == REDIRECT_LOOPBACK || v->kind == REDIRECT_PRIVATE;
}

/* Loopback: what can be said of it, "http://localhost", without the port, which changes. */
static struct slice loopback_origin(struct pool *p, struct slice uri)
{
    struct slice host = page_host(p, uri);
    size_t colon = host.n;

    while (colon > 0 && host.p[colon - 1] >= '0' && host.p[colon - 1] <= '9')
        colon--;
    if (colon > 1 && host.p[colon - 1] == ':')
        host = slice_head(host, colon - 1);
    return pool_fmt(p, "http://" SLICE_FMT, SLICE_ARG(host));
}

static void tell_destination(struct view *v)
{
    const struct continue_page *c = v->page;

    if (v->kind == REDIRECT_LOOPBACK) {
        v->t.loopback = loopback_origin(v->pool, c->redirect_uri);
    } else if (v->kind == REDIRECT_PRIVATE) {
        v->t.scheme = page_host(v->pool, c->redirect_uri);
    } else {
        v->t.host = v->t.destination = page_host(v->pool, c->redirect_uri);
        page_place(&c->frame, c->redirect_uri, &v->t.inside, &v->t.outside);
    }
}

static void tell_reason(struct view *v)
{
    struct tpl_continue *t = &v->t;

    switch (v->page->reason) {
    case PAGE_LOGIN: t->why_login = true; break;
    case PAGE_ACCOUNT: t->why_account = true; break;
    case PAGE_CONSENT: t->why_consent = true; break;
    case PAGE_MAX_AGE: t->why_max_age = true; break;
    case PAGE_ROUTER: t->why_router = true; break;
    case PAGE_EVERY_TIME: t->why_every_time = true; break;
    case PAGE_LOCAL: t->why_local = true; break;
    case PAGE_FIRST_TIME: t->why_first = true; break;
    case PAGE_SIGNED_OUT:
        t->signed_out = page_when(v->pool, v->page->signed_out_at, v->page->frame.now);
        t->signed_out_utc = time_format(v->pool, v->page->signed_out_at);
        break;
    case PAGE_OTHER_PERSON: /* the note says it */
    case SILENT: break;
    }
}

static void tell_registration(struct view *v)
{
    const struct client *client = v->page->client;

    v->t.self_registered = true;
    v->t.registered = page_when(v->pool, client->created_at, v->page->frame.now);
    v->t.registered_utc = time_format(v->pool, client->created_at);
    if (client->added_by.n == 0)
        return;
    if (slice_eq(client->added_by, v->page->peer->login))
        v->t.registrant_is_you = true;
    else
        v->t.registrant = page_name(v->pool, client->added_by);
}

static void tell_document(struct view *v)
{
    struct slice url = v->page->client->id;

    v->t.speaker = page_host(v->pool, url);
    v->t.document_url = page_uri(v->pool, url);
    v->t.document = !is_local(v);
    v->t.spoken_for = is_local(v);
    page_place(&v->page->frame, url, &v->t.speaker_inside, &v->t.speaker_outside);
}

static void tell_who_vouches(struct view *v)
{
    const struct client *client = v->page->client;

    v->t.vouched = client_is_vouched_for(client);
    v->t.guard = !v->t.vouched;
    if (v->t.vouched) {
        tell_reason(v);
        if (client->origin == CLIENT_ADDED && client->added_by.n > 0)
            v->t.approver = page_name(v->pool, client->added_by);
    } else if (client->origin == CLIENT_DOCUMENT) {
        tell_document(v);
    } else {
        tell_registration(v);
    }
}

/* One note at most: the worst. */
static void warn(struct view *v)
{
    const struct continue_page *c = v->page;
    bool other = c->reason == PAGE_OTHER_PERSON && c->previous_login.n > 0;

    v->t.as_new = other;
    if (v->t.document && !slice_eq_nocase(redirect_host(c->client->id), redirect_host(c->redirect_uri)))
        v->t.amber_elsewhere = true;
    else if (is_local(v) && !v->t.vouched)
        v->t.amber_local = true;
    else
        v->t.amber_other = other;
    v->t.previous_login = page_name(v->pool, c->previous_login);
    v->t.amber = v->t.amber_elsewhere || v->t.amber_local || v->t.amber_other;
}

/* `shown` has passed page_name or page_join. */
static void see(struct view *v, bool asked, const char *label, struct slice shown)
{
    if (asked && shown.n > 0)
        v->sees[v->t.sees_count++] = (struct tpl_continue_sees){ slice_of(label), shown };
}

static void tell_what_it_sees(struct view *v)
{
    const struct continue_page *c = v->page;

    see(v, c->scopes & SCOPE_PROFILE, "Name", page_name(v->pool, c->person->display_name));
    see(v, c->scopes & SCOPE_PROFILE, "User name", page_name(v->pool, c->person->username));
    see(v, c->scopes & SCOPE_EMAIL, "Email", page_name(v->pool, c->person->email));
    see(v, c->scopes & SCOPE_GROUPS, "Groups", page_join(v->pool, c->peer->caps.groups));
    see(v, c->scopes & SCOPE_ROLES, "Roles", page_join(v->pool, c->peer->caps.roles));
    v->t.sees = v->sees;
}

/* A link is an https URL of printable ASCII, or it is not shown. */
static struct slice web_link(struct slice uri)
{
    if (!slice_starts(uri, SL("https://")))
        return SLICE_NONE;
    for (size_t i = 0; i < uri.n; i++)
        if (uri.p[i] <= ' ' || uri.p[i] > '~')
            return SLICE_NONE;
    return uri;
}

static void tell_links(struct view *v)
{
    struct slice policy = web_link(v->page->client->policy_uri), terms = web_link(v->page->client->tos_uri), a, b;

    if (policy.n == 0 && terms.n == 0)
        return;
    v->t.policy_uri = policy;
    v->t.terms_uri = terms;
    v->t.both = policy.n > 0 && terms.n > 0;
    a = page_host(v->pool, policy.n > 0 ? policy : terms);
    b = page_host(v->pool, terms.n > 0 ? terms : policy);
    v->t.link_hosts = slice_eq(a, b) ? a : pool_fmt(v->pool, SLICE_FMT " and " SLICE_FMT, SLICE_ARG(a), SLICE_ARG(b));
}

struct slice page_continue(struct pool *p, const struct continue_page *c)
{
    struct view v = { .pool = p, .page = c, .kind = redirect_kind(c->redirect_uri) };
    struct slice id = page_uri(p, c->client->id);
    struct buf b;

    page_layout(p, &c->frame, &v.t.layout);
    v.t.app = page_app(p, c->client->name, client_is_vouched_for(c->client), slice_cstr(p, id));
    v.t.login = page_name(p, c->peer->login);
    v.t.node = page_name(p, c->peer->node);
    v.t.flow = c->flow;
    tell_destination(&v);
    tell_who_vouches(&v);
    warn(&v);
    tell_what_it_sees(&v);
    tell_links(&v);
    buf_init(&b, p, PAGE_BYTES_MAX);
    tpl_continue_render(&b, &v.t);
    return buf_finish(&b);
}
