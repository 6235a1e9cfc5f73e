/* One request between h2o and the handler. The raw head still lies at the front of the socket's input buffer when
 * h2o dispatches (HTTP/1 only), so our own scanner judges it first, and what the two parsers made of it must agree.
 * A struct exchange lives in h2o's request pool: its disposer is how we learn that h2o is done with the request.
 * With HTTP/1 h2o stops reading when it calls a handler; for answers that come later we go on, as taking the socket out of
 * epoll and putting it back costs more than a read, and nothing comes in as a rule. What does come waits in the input buffer
 * behind the request. The sweeper looks for hung-up clients and calls exchange_abandon. */
#include <assert.h>
#include <string.h>

#include "http_int.h"
#include "log.h"
#include "scan.h"

#define REFUSAL_BYTES_MAX 256

struct exchange {
    struct client_conn client; /* first */
    h2o_req_t *req;
    struct conn *conn;
    h2o_generator_t generator;
    struct kept *kept; /* what is being sent; NULL: copied */
    bool answered;
};

static void on_dispose(void *memory)
{
    struct exchange *x = memory;

    if (x->kept != NULL && --x->kept->users == 0)
        x->kept->unused(x->kept);
    if (x->answered)
        return;
    x->answered = true;
    x->conn->exchange = NULL;
    if (x->client.on_gone != NULL)
        x->client.on_gone(x->client.ctx);
}

static char *copy(char **to, struct slice s)
{
    char *at = *to;

    if (s.n != 0)
        memcpy(at, s.p, s.n);
    *to += s.n;
    return at;
}

/* Eight bytes at a time; what this calls one may be none. */
static bool may_have_control(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return ((word - UINT64_C(0x2020202020202020)) & ~word & UINT64_C(0x8080808080808080)) != 0;
}

static bool has_control(struct slice s)
{
    size_t at = 0;

    while (at + sizeof(uint64_t) <= s.n && !may_have_control(s.p + at))
        at += sizeof(uint64_t);
    for (; at < s.n; at++)
        if ((unsigned char)s.p[at] < ' ')
            return true;
    return false;
}

/* A control character in a value would let it end its line: a bug of ours, answered by a 500 instead of a split
 * answer. */
static bool headers_are_whole(const struct answer *a)
{
    for (size_t i = 0; i < a->header_count; i++)
        if (has_control(a->headers[i].value))
            return false;
    return true;
}

/* One block of the request's pool for all that is sent and not kept. */
static h2o_iovec_t put_answer(h2o_req_t *req, const struct answer *a)
{
    size_t n = a->head_only || a->kept != NULL ? 0 : a->body.n;

    for (size_t i = 0; i < a->header_count; i++)
        n += a->headers[i].name.n + a->headers[i].value.n;
    char *to = h2o_mem_alloc_pool(&req->pool, n + 1);
    h2o_vector_reserve(&req->pool, &req->res.headers, a->header_count);
    for (size_t i = 0; i < a->header_count; i++) {
        const struct http_header *h = &a->headers[i];
        const char *name = copy(&to, h->name);
        const char *value = copy(&to, h->value);

        h2o_add_header_by_str(&req->pool, &req->res.headers, name, h->name.n, 0, NULL, value, h->value.n);
    }
    if (a->head_only)
        return h2o_iovec_init(to, 0);
    return h2o_iovec_init(a->kept != NULL ? a->body.p : copy(&to, a->body), a->body.n);
}

static void send_answer(struct exchange *x, const struct answer *a)
{
    h2o_req_t *req = x->req;

    x->answered = true;
    x->conn->exchange = NULL;
    if (a->close || x->conn->listener->loop->draining)
        req->http1_is_persistent = 0;
    if (a->kept != NULL && a->kept->unused != NULL) {
        x->kept = a->kept;
        x->kept->users++;
    }
    h2o_iovec_t body = put_answer(req, a);
    req->res.status = a->status;
    req->res.reason = answer_reason(a->status);
    req->res.content_length = a->status == 204 ? SIZE_MAX : a->body.n; /* RFC 9110 section 8.6 */
    h2o_start_response(req, &x->generator);
    h2o_send(req, &body, body.len != 0, H2O_SEND_STATE_FINAL);
}

static void answer(struct client_conn *c, const struct answer *a)
{
    struct exchange *x = (struct exchange *)c;

    assert(!x->answered);
    if (headers_are_whole(a)) {
        send_answer(x, a);
        return;
    }
    LOG(LOG_ERROR, "an answer was withheld: a control character in a header", LOG_NUM("status", a->status));
    send_answer(x, &(struct answer){ .status = 500, .body = SL(""), .close = true });
}

/* text: one of ours, without quotes or backslashes. */
static void refuse(struct exchange *x, int status, const char *text)
{
    char body[REFUSAL_BYTES_MAX];
    struct answer a = { .status = (uint16_t)status, .close = true };
    int n = snprintf(body, sizeof(body), "{\"error\":\"invalid_request\",\"error_description\":\"%s\"}\n", text);

    assert(n > 0 && (size_t)n < sizeof(body));
    a.body = slice_bytes(body, (size_t)n);
    a.head_only = h2o_memis(x->req->method.base, x->req->method.len, H2O_STRLIT("HEAD"));
    answer_header(&a, "content-type", SL("application/json"));
    answer_header(&a, "cache-control", SL("no-store"));
    LOG(LOG_INFO, "request refused", LOG_NUM("status", status), LOG_TEXT("why", slice_of(text)));
    send_answer(x, &a);
}

void exchange_abandon(struct exchange *x)
{
    void (*on_gone)(void *) = x->client.on_gone;

    x->client.on_gone = NULL;
    if (on_gone != NULL)
        on_gone(x->client.ctx);
    send_answer(x, &(struct answer){ .status = 503, .body = SL(""), .close = true });
}

static bool same(h2o_iovec_t theirs, struct slice ours)
{
    return slice_eq(slice_trim(slice_bytes(theirs.base, theirs.len)), ours);
}

static bool parsers_agree(const h2o_req_t *req, const struct scan_head *h)
{
    return req->version == 0x101 && same(req->input.method, h->method) && same(req->input.path, h->target) &&
           same(req->input.authority, h->host) && (h->chunked || req->entity.len == h->content_length);
}

static void fill(struct http_request *r, h2o_req_t *req, const struct scan_head *h, const struct conn *c)
{
    struct http_header *headers = h2o_mem_alloc_pool(&req->pool, (req->headers.size + 1) * sizeof(*headers));
    size_t path = slice_find(h->target, '?');

    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_header_t *from = &req->headers.entries[i];

        headers[i].name = slice_bytes(from->name->base, from->name->len);
        headers[i].value = slice_trim(slice_bytes(from->value.base, from->value.len)); /* h2o keeps blanks at the end */
    }
    *r = (struct http_request){
        .method = h->method,
        .path = slice_head(h->target, path),
        .query = path < h->target.n ? slice_from(h->target, path + 1) : SLICE_NONE,
        .host = h->host,
        .headers = headers,
        .header_count = req->headers.size,
        .body = h->has_body ? slice_bytes(req->entity.base, req->entity.len) : SLICE_NONE,
        .peer = c->peer,
        .by_unix = c->by_unix,
        .peer_uid = c->peer_uid,
        .tls = c->sock->ssl != NULL,
        .listener = c->listener,
    };
}

static struct exchange *create(h2o_req_t *req, struct conn *c)
{
    struct exchange *x = h2o_mem_alloc_shared(&req->pool, sizeof(*x), on_dispose);

    *x = (struct exchange){ .client.answer = answer, .req = req, .conn = c };
    c->exchange = x;
    conn_count_request(c);
    return x;
}

/* The next request, or the end of the connection: h2o will see either once this one is answered. */
static void on_early(h2o_socket_t *sock, const char *err)
{
    h2o_socket_read_stop(sock);
}

static void handle(struct exchange *x, const struct http_request *r)
{
    struct conn *c = x->conn;
    struct loop *l = c->listener->loop;

    l->handler(l->handler_ctx, r, &x->client);
    if (c->exchange == x) /* else x may be gone */
        h2o_socket_read_start(c->sock, on_early);
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
    struct conn *c = sock->on_close.data;
    struct exchange *x = create(req, c);
    struct scan_head head;
    struct http_request r;

    enum scan s = scan_head(slice_bytes(sock->input->bytes, sock->input->size), &head);
    if (s != SCAN_OK) {
        refuse(x, scan_status(s), scan_text(s));
    } else if (req->entity.len > BODY_BYTES_MAX) {
        refuse(x, 413, "the body is too large");
    } else if (!parsers_agree(req, &head) || sock->input->size > INPUT_BYTES_MAX) {
        refuse(x, 400, scan_text(SCAN_LINE));
    } else {
        if (c->listener->class == LISTEN_PROXY)
            req->http1_is_persistent = 0; /* a pooling proxy mixes people: one request a connection */
        fill(&r, req, &head, c);
        handle(x, &r);
    }
    return 0;
}

void exchange_register(struct loop *l, h2o_pathconf_t *path)
{
    h2o_handler_t *handler = h2o_create_handler(path, sizeof(*handler));

    handler->on_req = on_request;
}
