/* Answers. Headers are set here and nowhere else, so that no answer lacks one. */
#include "reply.h"

#include "json.h"

#define ERROR_JSON_BYTES_MAX 1024
#define CSP_BYTES_MAX        512

void reply_common(struct answer *a, const struct issuer *issuer)
{
    answer_header(a, "x-content-type-options", SL("nosniff"));
    if (issuer->https)
        answer_header(a, "strict-transport-security", SL("max-age=31536000"));
}

void reply_cors(struct answer *a)
{
    answer_header(a, "access-control-allow-origin", SL("*"));
}

static void begin(struct req *r, uint16_t status)
{
    struct http_header set[ANSWER_HEADERS_MAX];
    size_t n = r->answer.header_count;

    /* a step may have set a cookie or a challenge before */
    for (size_t i = 0; i < n; i++)
        set[i] = r->answer.headers[i];
    r->answer.status = status;
    r->answer.header_count = 0;
    reply_common(&r->answer, r->issuer);
    answer_header(&r->answer, "cache-control", SL("no-store"));
    if (r->route->cors == CORS_ANY)
        reply_cors(&r->answer);
    for (size_t i = 0; i < n; i++)
        r->answer.headers[r->answer.header_count++] = set[i];
}

enum next reply_json(struct req *r, uint16_t status, struct slice body)
{
    if (slice_is_none(body))
        return req_fail(r, ERR_LIMIT);
    begin(r, status);
    answer_header(&r->answer, "pragma", SL("no-cache")); /* RFC 6749 5.1 */
    answer_header(&r->answer, "content-type", SL("application/json"));
    r->answer.body = body;
    return DONE;
}

/* Pages with a form send no referrer elsewhere but keep Origin on our own POST (with no-referrer browsers send `null`). */
static void page_policy(struct req *r, struct slice form_to, bool script)
{
    struct slice origin = slice_is_none(form_to) ? SL("") : redirect_origin(r->pool, form_to);
    struct buf b;

    buf_init(&b, r->pool, CSP_BYTES_MAX + origin.n);
    buf_put(&b, SL(PAGE_POLICY));
    buf_put(&b, script ? SL("script-src 'self'; ") : SL(""));
    buf_put(&b, SL("form-action 'self'"));
    if (origin.n > 0)
        buf_char(&b, ' ');
    buf_put(&b, origin);
    answer_header(&r->answer, "content-security-policy", buf_finish(&b));
    answer_header(&r->answer, "referrer-policy", SL("same-origin"));
    answer_header(&r->answer, "cross-origin-opener-policy", SL("same-origin"));
    answer_header(&r->answer, "content-type", SL("text/html; charset=utf-8"));
}

static enum next page(struct req *r, uint16_t status, struct slice html, struct slice form_to, bool script)
{
    if (slice_is_none(html))
        return req_fail(r, ERR_LIMIT);
    begin(r, status);
    page_policy(r, form_to, script);
    r->answer.body = html;
    return DONE;
}

enum next reply_page(struct req *r, uint16_t status, struct slice html, struct slice form_to)
{
    return page(r, status, html, form_to, false);
}

enum next reply_form_post(struct req *r, const struct form_post_page *f)
{
    return page(r, 200, page_form_post(r->pool, f), f->redirect_uri, true);
}

enum next reply_redirect(struct req *r, struct slice location)
{
    if (slice_is_none(location))
        return req_fail(r, ERR_LIMIT);
    begin(r, r->origin.post ? 303 : 302);
    answer_header(&r->answer, "referrer-policy", SL("no-referrer"));
    answer_header(&r->answer, "location", location);
    r->answer.body = SL("");
    return DONE;
}

void reply_cookie(struct req *r, struct slice set_cookie)
{
    answer_header(&r->answer, "set-cookie", set_cookie);
}

void reply_www_authenticate(struct req *r, struct slice challenge)
{
    answer_header(&r->answer, "www-authenticate", challenge);
}

struct page_frame reply_frame(const struct req *r)
{
    return (struct page_frame){ .host = r->issuer->host,
                                .contact = r->issuer->contact,
                                .tailnet_suffix = r->issuer->self.suffix,
                                .now = r->now,
                                .request_id = r->id,
                                .dev = r->issuer->dev };
}

/* ---- denials ---- */

struct slice error_json(struct pool *p, enum oauth_error code, const char *hint)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, ERROR_JSON_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_text(&w, "error", slice_of(oauth_error_code(code)));
    if (hint != NULL)
        jw_text(&w, "error_description", slice_of(hint));
    jw_object_end(&w);
    return jw_finish(&w);
}

/* What went wrong here, in the words for clients. */
static void translate(struct req *r)
{
    bool passes = r->err != ERR_CRYPTO && r->err != ERR_CORRUPT;

    r->deny.code = passes ? OAUTH_TEMPORARILY_UNAVAILABLE : OAUTH_SERVER_ERROR;
    r->deny.hint = passes ? "The server cannot do this just now; nothing is lost. Try again in a few seconds."
                          : "Something broke on the server; nothing is lost.";
}

static void retry_after(struct req *r)
{
    if (r->deny.code == OAUTH_TEMPORARILY_UNAVAILABLE || r->deny.code == OAUTH_TOO_MANY_REQUESTS)
        answer_header(&r->answer, "retry-after", pool_fmt(r->pool, "%d", RETRY_AFTER_S));
}

/* RFC 6750 3.1: no error where no token was sent. */
static void challenge_bearer(struct req *r)
{
    const char *code = oauth_error_code(r->deny.code);

    if (oauth_error_status(r->deny.code) >= 500)
        return;
    if (r->deny.hint == NULL)
        reply_www_authenticate(r, SL("Bearer realm=\"avouch\""));
    else
        reply_www_authenticate(r, pool_fmt(r->pool, "Bearer realm=\"avouch\", error=\"%s\", error_description=\"%s\"",
                                           code, r->deny.hint));
}

static void deny_json(struct req *r)
{
    uint16_t status = (uint16_t)oauth_error_status(r->deny.code);

    /* at the token endpoint every refusal is 400, but for 401 and trouble of our own (RFC 6749 5.2) */
    if (status == 403)
        status = 400;
    (void)reply_json(r, status, error_json(r->pool, r->deny.code, r->deny.hint));
    if (r->deny.code == OAUTH_INVALID_CLIENT)
        reply_www_authenticate(r, SL("Basic realm=\"avouch\", charset=\"UTF-8\""));
}

static void deny_bearer(struct req *r)
{
    (void)reply_json(r, (uint16_t)oauth_error_status(r->deny.code), error_json(r->pool, r->deny.code, r->deny.hint));
    challenge_bearer(r);
}

void reply_error_page(struct req *r, struct error_page *e)
{
    e->frame = reply_frame(r);
    e->code = r->deny.code;
    e->hint = slice_of(r->deny.hint);
    e->peer = r->caller;
    e->address = r->origin.by_unix ? SLICE_NONE : address_ip_text(r->pool, &r->origin.address);
    if (r->origin.post && r->endpoint->again != NULL) /* the address of a POST is not for opening */
        e->again_uri = r->endpoint->again(r);
    e->retry_after_s = r->deny.code == OAUTH_TEMPORARILY_UNAVAILABLE ? RETRY_AFTER_S : 0;
    (void)reply_page(r, (uint16_t)oauth_error_status(r->deny.code), page_error(r->pool, e), e->return_uri);
    retry_after(r);
}

void reply_deny(struct req *r)
{
    if (r->err != ERR_OK) {
        translate(r);
        r->answer.header_count = 0; /* nothing of what was prepared is true */
    }
    switch (r->endpoint->speech) {
    case SPEAK_PAGE: reply_error_page(r, &(struct error_page){ .code = r->deny.code }); return;
    case SPEAK_JSON: deny_json(r); break;
    case SPEAK_BEARER: deny_bearer(r); break;
    case SPEAK_NOBODY: return;
    }
    retry_after(r);
}
