/* Error pages: what happened, why, what to do, whom to ask; the words are in templates/error.html, one part for
 * each code. Nothing that can be pressed holds the redirect URI that was sent: a mailed link would have an
 * administrator register it. */
#include <string.h>
#include <time.h>

#include "client.h"
#include "encode.h"
#include "page.h"
#include "tpl.h"

#define UTC_BYTES_MAX 40

/* The part of the page for a code. Codes that only endpoints for applications use never reach a person but through
 * our own fault. */
static bool *part_of(struct tpl_error *t, enum oauth_error code)
{
    switch (code) {
    case OAUTH_INVALID_REDIRECT_URI: return &t->invalid_redirect_uri;
    case OAUTH_UNKNOWN_CLIENT: return &t->unknown_client;
    case OAUTH_NODE_TAGGED: return &t->node_tagged;
    case OAUTH_NOT_ON_TAILNET: return &t->not_on_tailnet;
    case OAUTH_NODE_EXPIRED: return &t->node_expired;
    case OAUTH_NODE_SHARED_IN: return &t->node_shared_in;
    case OAUTH_NODE_UNAPPROVED: return &t->node_unapproved;
    case OAUTH_NODE_IS_OURS: return &t->node_is_ours;
    case OAUTH_TEMPORARILY_UNAVAILABLE: return &t->temporarily_unavailable;
    case OAUTH_ACCESS_DENIED: return &t->access_denied;
    case OAUTH_UNAUTHORIZED_CLIENT: return &t->unauthorized_client;
    case OAUTH_LOGIN_REQUIRED:
    case OAUTH_CONSENT_REQUIRED:
    case OAUTH_INTERACTION_REQUIRED: return &t->not_asked;
    case OAUTH_PAGE_EXPIRED: return &t->page_expired;
    case OAUTH_NO_COOKIES: return &t->no_cookies;
    case OAUTH_CROSS_SITE: return &t->cross_site;
    case OAUTH_PERSON_BLOCKED: return &t->person_blocked;
    case OAUTH_PERSON_HELD: return &t->person_held;
    case OAUTH_TOO_MANY_REQUESTS: return &t->too_many_requests;
    case OAUTH_NOT_FOUND: return &t->not_found;
    case OAUTH_METHOD_NOT_ALLOWED: return &t->method_not_allowed;
    case OAUTH_URL_TOO_LONG: return &t->url_too_long;
    case OAUTH_UNSUPPORTED_MEDIA_TYPE: return &t->unsupported_media_type;
    case OAUTH_MISDIRECTED_REQUEST: return &t->misdirected_request;
    case OAUTH_NO_ERROR:
    case OAUTH_SERVER_ERROR: return &t->server_error;
    case OAUTH_INVALID_REQUEST:
    case OAUTH_UNSUPPORTED_RESPONSE_TYPE:
    case OAUTH_INVALID_SCOPE:
    case OAUTH_INVALID_TARGET:
    case OAUTH_REQUEST_NOT_SUPPORTED:
    case OAUTH_REQUEST_URI_NOT_SUPPORTED:
    case OAUTH_REGISTRATION_NOT_SUPPORTED:
    case OAUTH_INVALID_CLIENT:
    case OAUTH_INVALID_GRANT:
    case OAUTH_UNSUPPORTED_GRANT_TYPE:
    case OAUTH_INVALID_TOKEN:
    case OAUTH_INSUFFICIENT_SCOPE: break;
    }
    return &t->mistake;
}

static bool speaks_of_pkce(struct slice hint)
{
    return memmem(hint.p, hint.n, "PKCE", 4) || memmem(hint.p, hint.n, "code_challenge", 14) ||
           memmem(hint.p, hint.n, "code challenge", 14);
}

/* Which setting mends it. */
static bool *remedy_of(struct tpl_error *t, const struct error_page *e)
{
    if (e->code == OAUTH_INVALID_REQUEST && !slice_is_none(e->hint) && speaks_of_pkce(e->hint))
        return &t->pkce;
    if (e->code == OAUTH_UNSUPPORTED_RESPONSE_TYPE)
        return &t->response_type;
    if (e->code == OAUTH_INVALID_SCOPE)
        return &t->scope;
    if (e->code == OAUTH_INVALID_TARGET)
        return &t->target;
    if (e->code == OAUTH_REQUEST_NOT_SUPPORTED || e->code == OAUTH_REQUEST_URI_NOT_SUPPORTED ||
        e->code == OAUTH_REGISTRATION_NOT_SUPPORTED)
        return &t->object;
    return &t->other;
}

/* A hint as a sentence: a capital where it begins with a word, a full stop. */
static struct slice sentence(struct pool *p, struct slice hint)
{
    size_t word = slice_find(hint, ' ');
    bool is_word = !slice_has(slice_head(hint, word), '_');
    struct buf b;

    if (hint.n == 0)
        return SLICE_NONE;
    buf_init(&b, p, hint.n + 2);
    buf_char(&b, is_word && hint.p[0] >= 'a' && hint.p[0] <= 'z' ? (char)(hint.p[0] - 'a' + 'A') : hint.p[0]);
    buf_put(&b, slice_from(hint, 1));
    if (!strchr(".!?", hint.p[hint.n - 1]))
        buf_char(&b, '.');
    return buf_finish(&b);
}

/* Splits a text into what is before, in and after its difference from the other one. Parts without a byte are none. */
static void split(struct slice text, struct slice other, struct slice *ret_head, struct slice *ret_mark,
                  struct slice *ret_rest)
{
    size_t shorter = text.n < other.n ? text.n : other.n, head = 0, tail = 0;
    struct slice rest;

    while (head < shorter && text.p[head] == other.p[head])
        head++;
    while (tail < shorter - head && text.p[text.n - 1 - tail] == other.p[other.n - 1 - tail])
        tail++;
    rest = slice_from(text, head);
    *ret_head = slice_head(text, head);
    *ret_mark = rest.n > tail ? slice_head(rest, rest.n - tail) : SLICE_NONE;
    *ret_rest = tail > 0 ? slice_from(rest, rest.n - tail) : SLICE_NONE;
}

static struct slice scheme_of(struct slice uri)
{
    return slice_head(uri, slice_find(uri, ':'));
}

/* What stands after the last colon of host and port; the scheme's own port where nothing does. */
static struct slice port_of(struct pool *p, struct slice uri)
{
    struct slice host = page_host(p, uri);
    size_t at = host.n;

    while (at > 0 && host.p[at - 1] >= '0' && host.p[at - 1] <= '9')
        at--;
    if (at > 0 && at < host.n && host.p[at - 1] == ':')
        return slice_from(host, at);
    return slice_starts(uri, SL("https:")) ? SL("443") : SL("80");
}

/* Both values where they are short and say it at once. */
static struct slice difference_text(struct pool *p, const struct error_page *e)
{
    struct slice sent, registered;

    if (e->difference != DIFFERS_PORT && e->difference != DIFFERS_SCHEME)
        return slice_of(redirect_difference_text(e->difference));
    if (e->difference == DIFFERS_PORT) {
        sent = port_of(p, e->sent_uri);
        registered = port_of(p, e->registered_uri);
        return pool_fmt(p, "Port " SLICE_FMT " instead of " SLICE_FMT ".", SLICE_ARG(sent), SLICE_ARG(registered));
    }
    sent = page_uri(p, scheme_of(e->sent_uri));
    registered = page_uri(p, scheme_of(e->registered_uri));
    return pool_fmt(p, SLICE_FMT " instead of " SLICE_FMT ".", SLICE_ARG(sent), SLICE_ARG(registered));
}

static void compare_uris(struct pool *p, const struct error_page *e, struct tpl_error *t)
{
    struct slice sent = slice_is_none(e->sent_uri) ? SL("no address at all") : page_uri(p, e->sent_uri);
    struct slice registered = page_uri(p, e->registered_uri);

    t->sent = sent;
    t->registered = registered;
    if (slice_is_none(registered))
        return;
    t->difference = slice_is_none(e->sent_uri) ? SL("It sent none.") : difference_text(p, e);
    if (slice_is_none(e->sent_uri) || e->difference == DIFFERS_ALL)
        return;
    split(sent, registered, &t->sent, &t->sent_mark, &t->sent_rest);
    split(registered, sent, &t->registered, &t->registered_mark, &t->registered_rest);
}

static void tell_peer(struct pool *p, const struct error_page *e, struct tpl_error *t)
{
    const struct peer *peer = e->peer;

    t->node = page_app(p, peer ? peer->node : SLICE_NONE, true, "this device");
    t->tags = page_app(p, peer ? page_join(p, peer->tags) : SLICE_NONE, true, "tag");
    t->login = peer && peer->login.n > 0 ? page_name(p, peer->login) : SLICE_NONE;
    if (!peer)
        return;
    if (peer->user_id > 0)
        t->user_id = user_id_text(p, peer->user_id);
    if (peer->key_expiry > 0) {
        t->expired = page_when(p, peer->key_expiry, e->frame.now);
        t->expired_utc = time_format(p, peer->key_expiry);
    }
}

static void tell_app(struct pool *p, const struct error_page *e, struct tpl_error *t)
{
    t->app = page_app(p, e->app, e->app_vouched, "the application");
    t->app_first = page_app(p, e->app, e->app_vouched, "The application");
    t->app_quoted = page_name(p, e->app).n > 0 ? page_app(p, e->app, false, "") : SLICE_NONE;
    t->client_id = e->client_id.n > 0 ? page_uri(p, e->client_id) : SLICE_NONE;
    t->command_id = e->app_vouched ? t->client_id : SLICE_NONE;
    if (!slice_is_none(e->return_flow)) {
        t->return_flow = e->return_flow;
        t->return_host = page_app(p, page_uri(p, e->return_host), true, "the application");
    }
}

static void tell_footer(struct pool *p, const struct error_page *e, struct tpl_error *t)
{
    time_t at = (time_t)e->frame.now.s;
    char text[UTC_BYTES_MAX] = "";
    struct tm utc;

    if (gmtime_r(&at, &utc))
        (void)strftime(text, sizeof text, "%-d %b %Y, %H:%M:%S UTC", &utc);
    t->utc = time_format(p, e->frame.now.s);
    t->utc_text = pool_dup(p, slice_of(text));
    t->code = slice_of(oauth_error_code(e->code == OAUTH_NO_ERROR ? OAUTH_SERVER_ERROR : e->code));
    t->request_id = page_app(p, page_uri(p, e->frame.request_id), true, "-");
}

struct slice page_error(struct pool *p, const struct error_page *e)
{
    struct tpl_error t = { .host = page_uri(p, e->frame.host), .hint = sentence(p, e->hint) };
    struct buf b;

    page_layout(p, &e->frame, &t.layout);
    *part_of(&t, e->code) = true;
    *remedy_of(&t, e) = true;
    t.contact = page_contact(p, e->frame.contact);
    t.tailnet = page_app(p, e->frame.tailnet_suffix, true, "this tailnet");
    t.again_uri = slice_is_none(e->again_uri) ? SL("") : e->again_uri;
    t.address = e->address.n > 0 ? page_name(p, e->address) : SLICE_NONE;
    if (e->retry_after_s > 0)
        t.seconds = pool_fmt(p, "%d second%s", e->retry_after_s, e->retry_after_s == 1 ? "" : "s");
    tell_peer(p, e, &t);
    tell_app(p, e, &t);
    tell_footer(p, e, &t);
    t.not_you = e->code == OAUTH_ACCESS_DENIED && !slice_is_none(t.login);
    if (t.invalid_redirect_uri)
        compare_uris(p, e, &t);
    buf_init(&b, p, PAGE_BYTES_MAX);
    tpl_error_render(&b, &t);
    return buf_finish(&b);
}
