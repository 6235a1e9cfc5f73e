/* The router: what is asked, whether it exists here, whether it may be asked this way. Documents and static files are
 * answered at once; everything else becomes a struct req with a ticket. */
#include "route.h"

#include <string.h>

#include "encode.h"
#include "keys.h"
#include "log.h"
#include "reply.h"

#define NAME(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct route routes[ROUTE_COUNT] = {
#define ROUTE(id, path, methods, classes, body, cors, guard) \
    [ROUTE_##id] = { ROUTE_##id, NAME(path), (methods), (classes), body, cors, guard },
#include "route.def"
#undef ROUTE
};

#define STATIC_PREFIX   "/static/"
#define WELL_KNOWN      "/.well-known/"
#define REFUSAL_POOL    65536
#define PREFLIGHT_AGE_S "86400"

const struct route *route_find(struct slice path)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (slice_eq(routes[i].path, path))
            return &routes[i];
    return NULL;
}

const struct route *route_at(enum route_id id)
{
    return &routes[id];
}

/* One request on its way to its endpoint. */
struct visit {
    struct machine *m;
    const struct http_request *h;
    struct client_conn *client;
    const struct route *route; /* NULL: no such path here */
    bool head;
    bool outside; /* it is there for people, and this person's browser has come from outside the tailnet */
};

/* ---- answers without a struct req ---- */

static bool wants_html(const struct http_request *h)
{
    struct slice rest = http_header(h, "accept"), piece;

    while (!slice_is_none(rest) && slice_cut(&rest, ',', &piece)) {
        piece = slice_trim(slice_head(piece, slice_find(piece, ';')));
        if (slice_eq_nocase(piece, SL("text/html")))
            return true;
    }
    return false;
}

static void send(const struct visit *v, struct answer *a)
{
    a->head_only = v->head;
    v->client->answer(v->client, a);
}

/* For clients JSON, for people a page: by the endpoint where there is one, else by what the browser accepts. */
static bool speaks_json(const struct visit *v)
{
    if (v->route == NULL)
        return slice_starts(v->h->path, SL(WELL_KNOWN)) || !wants_html(v->h);
    const struct endpoint *e = v->m->endpoints[v->route->id];
    return e == NULL || e->speech == SPEAK_JSON || e->speech == SPEAK_BEARER;
}

static struct slice refusal_page(struct pool *p, const struct visit *v, enum oauth_error code, const char *hint)
{
    const struct issuer *issuer = v->m->issuer;
    const struct error_page e = {
        .frame = { .host = issuer->host,
                   .contact = issuer->contact,
                   .now = v->m->clock(v->m->clock_ctx),
                   .request_id = SL("-"),
                   .dev = issuer->dev },
        .code = code,
        .hint = slice_of(hint),
        .retry_after_s = code == OAUTH_TEMPORARILY_UNAVAILABLE ? RETRY_AFTER_S : 0,
    };

    return page_error(p, &e);
}

static void refuse_as(const struct visit *v, struct answer *a, enum oauth_error code, const char *hint)
{
    struct pool *p = pool_create(REFUSAL_POOL);
    bool json = speaks_json(v);

    a->status = (uint16_t)oauth_error_status(code);
    a->body = json ? error_json(p, code, hint) : refusal_page(p, v, code, hint);
    reply_common(a, v->m->issuer);
    answer_header(a, "cache-control", SL("no-store"));
    answer_header(a, "content-type", json ? SL("application/json") : SL("text/html; charset=utf-8"));
    if (!json)
        answer_header(a, "content-security-policy", SL(PAGE_POLICY "form-action 'self'"));
    if (v->route != NULL && v->route->cors == CORS_ANY)
        reply_cors(a);
    LOG(LOG_INFO, "refused", LOG_TEXT("path", v->route != NULL ? v->route->path : SL("(unknown)")),
        LOG_NUM("status", a->status), LOG_TEXT("error", slice_of(oauth_error_code(code))),
        LOG_TEXT("why", slice_of(hint)));
    send(v, a);
    pool_destroy(p);
}

static void refuse(const struct visit *v, enum oauth_error code, const char *hint)
{
    struct answer a = { .status = 0 };

    if (code == OAUTH_TEMPORARILY_UNAVAILABLE) {
        answer_header(&a, "retry-after", SL("5"));
        v->m->count.answered_503++;
    }
    refuse_as(v, &a, code, hint);
}

static void refuse_method(const struct visit *v)
{
    struct answer a = { .status = 0 };
    const unsigned methods = v->route->methods;
    struct slice allow = SL("POST");

    if ((methods & M_NO_HEAD) != 0)
        allow = SL("GET, POST");
    else if ((methods & M_GET) != 0)
        allow = (methods & M_POST) != 0 ? SL("GET, HEAD, POST") : SL("GET, HEAD");
    answer_header(&a, "allow", allow);
    refuse_as(v, &a, OAUTH_METHOD_NOT_ALLOWED, "This method is not for this path.");
}

/* Fetch standard, CORS-preflight: only where a browser client has business. */
static void answer_preflight(const struct visit *v)
{
    struct answer a = { .status = 204, .body = SL("") };

    reply_common(&a, v->m->issuer);
    reply_cors(&a);
    answer_header(&a, "access-control-allow-methods", (v->route->methods & M_POST) != 0 ? SL("GET, POST") : SL("GET"));
    answer_header(&a, "access-control-allow-headers", SL("authorization, content-type"));
    answer_header(&a, "access-control-max-age", SL(PREFLIGHT_AGE_S));
    send(v, &a);
}

static bool has_etag(struct slice if_none_match, struct slice etag)
{
    struct slice rest = if_none_match, piece;

    while (!slice_is_none(rest) && slice_cut(&rest, ',', &piece)) {
        piece = slice_trim(piece);
        if (slice_starts(piece, SL("W/")))
            piece = slice_from(piece, 2);
        if (slice_eq(piece, etag) || slice_eq(piece, SL("*")))
            return true;
    }
    return false;
}

static void answer_document(const struct visit *v)
{
    const struct keyring *keys = keys_read(v->m);
    struct answer a = { .status = 200 };

    view_rest(v->m->view);
    if (keys == NULL) {
        refuse(v, OAUTH_TEMPORARILY_UNAVAILABLE, "The server cannot read its keys just now.");
        return;
    }
    struct rendering *now = v->m->documents.now;
    const struct document *d = v->route->id == ROUTE_JWKS ? &now->jwks : &now->discovery;
    struct slice etag = { d->etag, d->etag_n };
    v->m->count.documents++;
    if (has_etag(http_header(v->h, "if-none-match"), etag))
        a.status = 304;
    reply_common(&a, v->m->issuer);
    reply_cors(&a);
    answer_header(&a, "cache-control", SL("public, max-age=" DOCUMENT_MAX_AGE_TEXT));
    answer_header(&a, "etag", etag);
    answer_header(&a, "content-type", SL("application/json"));
    a.body = a.status == 304 ? SL("") : d->body;
    a.kept = &now->kept;
    send(v, &a);
    if (v->m->log_documents)
        LOG(LOG_INFO, "document", LOG_TEXT("path", v->route->path), LOG_NUM("status", a.status));
}

static struct kept compiled_in; /* there for ever */

static bool answer_static(const struct visit *v)
{
    const struct static_file *f = static_file_find(v->h->path);
    struct answer a = { .status = 200 };

    if (f == NULL)
        return false;
    reply_common(&a, v->m->issuer);
    answer_header(&a, "cache-control", SL("public, max-age=31536000, immutable"));
    answer_header(&a, "content-type", f->content_type);
    a.body = f->body;
    a.kept = &compiled_in;
    send(v, &a);
    return true;
}

/* ---- the checks that a row asks for ---- */

static bool is_form(struct slice content_type)
{
    struct slice type = slice_trim(slice_head(content_type, slice_find(content_type, ';')));

    return slice_eq_nocase(type, SL("application/x-www-form-urlencoded"));
}

/* Some browsers repeat the content type on the GET after a 303; without a body it means nothing. */
static bool body_fits(const struct visit *v)
{
    return v->h->body.n == 0 || (v->route->body == BODY_FORM && is_form(http_header(v->h, "content-type")));
}

/* What our own page sends carries our origin; `null` is no origin, and same-site is another one on a tailnet. */
static bool is_from_our_page(const struct visit *v)
{
    struct slice origin = http_header(v->h, "origin"), site = http_header(v->h, "sec-fetch-site");

    if (!slice_is_none(origin) && !slice_eq(origin, v->m->issuer->url))
        return false;
    return slice_is_none(site) || slice_eq(site, SL("same-origin"));
}

static bool is_own_machine(struct slice host)
{
    return slice_starts(host, SL("[::1]")) || slice_starts(host, SL("127.0.0.1")) ||
           slice_starts(host, SL("localhost"));
}

/* DNS rebinding stops here: a name that is not ours is not answered. Scrapers call ops by its address. */
static bool is_our_host(const struct visit *v)
{
    enum listener_class class = listener_class(v->h->listener);
    struct slice host = v->h->host;

    /* `tailscale serve` rewrites Host for a unix backend and says the real one beside it */
    if (class == LISTEN_SERVE && slice_eq(host, SL("localhost")))
        host = http_header_only(v->h, "x-forwarded-host");
    if (slice_eq_nocase(host, v->m->issuer->host))
        return true;
    return class == LISTEN_OPS && is_own_machine(host);
}

static bool method_fits(const struct visit *v, bool *ret_post)
{
    struct slice method = v->h->method;

    *ret_post = slice_eq(method, SL("POST"));
    if (*ret_post)
        return v->route->methods & M_POST;
    bool head = v->head && (v->route->methods & M_NO_HEAD) == 0;
    return (v->route->methods & M_GET) && (head || slice_eq(method, SL("GET")));
}

/* ---- into a struct req ---- */

static bool has_header(const struct http_request *h, const char *name)
{
    return !slice_is_none(http_header(h, name));
}

static bool is_prefetch(const struct http_request *h)
{
    static const char *const names[] = { "sec-purpose", "purpose", "x-moz" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (has_header(h, names[i]))
            return true;
    return false;
}

/* What comes from the internet through Funnel has no identity, whatever else it carries. */
static enum listener_class class_of(const struct http_request *h)
{
    enum listener_class class = listener_class(h->listener);

    return class == LISTEN_SERVE && has_header(h, "tailscale-funnel-request") ? LISTEN_PUBLIC : class;
}

static void copy_origin(struct req *r, const struct visit *v, bool post)
{
    const struct http_request *h = v->h;
    struct pool *p = r->pool;

    r->origin = (struct origin){
        .address = h->peer,
        .by_unix = h->by_unix,
        .peer_uid = h->peer_uid,
        .forwarded_for = pool_dup(p, http_header_only(h, "x-forwarded-for")),
        .class = class_of(h),
        .post = post,
        .head = v->head,
        .wants_html = wants_html(h),
        .query = pool_dup(p, h->query),
        .body = post ? pool_dup(p, h->body) : SLICE_NONE,
        .authorization = pool_dup(p, http_header(h, "authorization")),
        .cookies = pool_dup(p, http_header(h, "cookie")),
        .sent_origin = pool_dup(p, http_header(h, "origin")),
        .fetch_site = pool_dup(p, http_header(h, "sec-fetch-site")),
        .fetch_dest = pool_dup(p, http_header(h, "sec-fetch-dest")),
        .prefetch = is_prefetch(h),
    };
}

static void start(const struct visit *v, bool post)
{
    const struct endpoint *e = v->m->endpoints[v->route->id];
    struct req *r = req_create(v->m, v->route, e, v->client);

    if (r == NULL) {
        refuse(v, OAUTH_TEMPORARILY_UNAVAILABLE, "Too many requests are waiting here; nothing is lost.");
        return;
    }
    copy_origin(r, v, post);
    if (e->params != NULL) {
        r->params = pool_zalloc(r->pool, e->params->bytes);
        params_read(r->pool, e->params, r->origin.query, r->origin.body, r->params, &r->fault);
    }
    req_begin(r);
}

static void visit(struct visit *v)
{
    bool post = false;

    if (!is_our_host(v)) {
        refuse(v, OAUTH_MISDIRECTED_REQUEST, "This server does not answer to that name.");
    } else if (v->outside) {
        refuse(v, OAUTH_NOT_ON_TAILNET, "Whoever comes from the internet has no identity here.");
    } else if (v->route == NULL) {
        if (!slice_starts(v->h->path, SL(STATIC_PREFIX)) || !answer_static(v))
            refuse(v, OAUTH_NOT_FOUND, "There is nothing at this path.");
    } else if (slice_eq(v->h->method, SL("OPTIONS")) && v->route->cors == CORS_ANY) {
        answer_preflight(v);
    } else if (!method_fits(v, &post)) {
        refuse_method(v);
    } else if (v->m->endpoints[v->route->id] == NULL) {
        answer_document(v);
    } else if (post && !body_fits(v)) {
        refuse(v, OAUTH_UNSUPPORTED_MEDIA_TYPE, "Send the parameters as application/x-www-form-urlencoded.");
    } else if (post && v->route->guard == GUARD_PAGE && !is_from_our_page(v)) {
        refuse(v, OAUTH_CROSS_SITE, NULL);
    } else {
        start(v, post);
    }
}

void route_handle(void *ctx, const struct http_request *h, struct client_conn *c)
{
    struct visit v = { .m = ctx, .h = h, .client = c, .route = route_find(h->path) };

    v.m->count.requests++;
    v.head = slice_eq(h->method, SL("HEAD"));
    if (v.route != NULL && !(v.route->classes & (1U << class_of(h)))) {
        v.outside = class_of(h) == LISTEN_PUBLIC && (v.route->classes & ON_TAILNET) && wants_html(h);
        v.route = NULL;
    }
    visit(&v);
}
