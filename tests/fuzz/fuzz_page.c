/* Pages made of whatever strangers call themselves: valid UTF-8 without a character that hides or turns text, and
 * the same markup as for plain names. Input: a byte that chooses the page, one for its details, then fields, one a line. */
#include <assert.h>
#include <string.h>

#include "client.h"
#include "encode.h"
#include "page.h"
#include "person.h"

#define FIELDS_MAX 5
#define POOL_CAP   ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fields {
    struct slice app, login, node, name, uri;
    struct slice
        sent_uri; /* the same URI: of an honest one all is kept but the markup, because it is compared with what is registered */
};

static const struct slice address = SL("100.64.0.2"), id = SL("id"),
                          registered_uri = SL("https://app.example:81/cb?a=b");

static const struct page_frame frame = {
    .host = { "idp.example.ts.net", 18 },
    .tailnet_suffix = { "example.ts.net", 14 },
    .now = { .s = 1795617068 },
    .request_id = { "1", 1 },
};

static struct slice make_continue(struct pool *p, const struct fields *f, unsigned choice, unsigned detail)
{
    static const struct slice redirect_uris[] = { SL("https://app.example/cb"), SL("http://localhost:1/cb"),
                                                  SL("com.example.app:/cb"), SL("https://app.example.ts.net/cb") };
    struct slice groups[] = { f->name, f->app };
    struct client client = { .id = SL("https://app.example/"),
                             .name = f->app,
                             .added_by = f->login,
                             .created_at = frame.now.s - (int64_t)detail * 1000,
                             .origin = (enum client_origin)((choice >> 4) % CLIENT_ORIGIN_COUNT),
                             .approved = (choice & 128) != 0 };
    struct person person = { .display_name = f->name, .username = id, .email = address };
    struct peer peer = { .login = f->login, .node = f->node, .caps.groups = { groups, 2 } };
    struct continue_page c = { .frame = frame,
                               .client = &client,
                               .person = &person,
                               .peer = &peer,
                               .redirect_uri = redirect_uris[choice >> 2 & 3],
                               .reason = (enum page_reason)(detail % PAGE_REASON_COUNT),
                               .signed_out_at = frame.now.s - (int64_t)detail * 30,
                               .previous_login = f->name,
                               .scopes = SCOPE_DEFAULT | SCOPE_GROUPS,
                               .flow = id };
    struct buf policy;

    buf_init(&policy, p, POOL_CAP);
    buf_put(&policy, SL("https://"));
    buf_put(&policy, f->uri);
    client.policy_uri = buf_finish(&policy);
    client.tos_uri = detail & 1 ? client.policy_uri : SLICE_NONE;
    return page_continue(p, &c);
}

static struct slice make_error(struct pool *p, const struct fields *f, unsigned choice, unsigned detail)
{
    static const struct slice hints[] = { SL("a hint"), SL("PKCE is due."), SLICE_NONE, SL("state_is: x") };
    struct slice tags[] = { f->name };
    struct peer peer = { .login = f->login,
                         .node = f->node,
                         .tags = { tags, 1 },
                         .user_id = detail & 1 ? 7 : 0,
                         .key_expiry = detail & 2 ? frame.now.s - 90000 : 0 };
    struct error_page e = { .frame = frame,
                            .code = (enum oauth_error)(1U + (choice >> 2) % OAUTH_MISDIRECTED_REQUEST),
                            .app = f->app,
                            .app_vouched = (detail & 4) != 0,
                            .hint = hints[detail >> 3 & 3],
                            .client_id = id,
                            .sent_uri = detail & 32 ? f->sent_uri : SLICE_NONE,
                            .registered_uri = registered_uri,
                            .difference = (enum redirect_difference)(detail % REDIRECT_DIFFERENCE_COUNT),
                            .peer = detail & 64 ? NULL : &peer,
                            .address = address,
                            .return_host = address,
                            .return_flow = detail & 128 ? id : SLICE_NONE,
                            .retry_after_s = (int)(detail & 3) };

    e.frame.contact = f->name;
    return page_error(p, &e);
}

/* Its values are whatever an application may have sent: text without NUL (params.h). */
static struct slice make_form_post(struct pool *p, const struct fields *f)
{
    bool is_text = utf8_is_valid(f->name) && !slice_has(f->name, '\0') && !slice_is_none(f->name);
    const struct redirect_param params[] = { { "code", id },
                                             { "state", is_text ? f->name : SL("x") },
                                             { "iss", SLICE_NONE } };
    const struct form_post_page page = {
        .frame = frame, .app = f->app, .redirect_uri = registered_uri, .params = params, .param_count = 3
    };

    return page_form_post(p, &page);
}

static struct slice make_small(struct pool *p, const struct fields *f, unsigned choice)
{
    struct peer peer = { .kind = PEER_PERSON, .login = f->login, .node = f->node, .address = address };
    struct home_page home = { frame, &peer };
    struct slice people[] = { f->login, f->name };
    struct dev_page dev = { frame, { people, 2 }, 0, id };

    dev.frame.dev = true;
    peer.display_name = f->name;
    return choice & 4 ? page_home(p, &home) : page_dev(p, &dev);
}

static struct slice make(struct pool *p, const struct fields *f, unsigned choice, unsigned detail)
{
    switch (choice & 3U) {
    case 0: return make_small(p, f, choice);
    case 1: return make_error(p, f, choice, detail);
    case 2: return make_continue(p, f, choice, detail);
    default: return make_form_post(p, f);
    }
}

/* As much markup as an honest field: the same page must come of it. */
static struct slice plain(struct pool *p, struct slice field)
{
    if (slice_is_none(field) || field.n == 0)
        return field;
    return page_name(p, field).n > 0 ? SL("x") : SL("\x01");
}

/* The same of a URI, which is no link unless it is printable ASCII. */
static struct slice plain_uri(struct slice uri)
{
    for (size_t i = 0; i < uri.n; i++)
        if (uri.p[i] <= ' ' || uri.p[i] > '~')
            return SL("\x01");
    return uri.n > 0 ? SL("x") : uri;
}

/* As many bytes, and the same ones but for those that are markup. */
static struct slice without_markup(struct pool *p, struct slice uri)
{
    char *text = slice_cstr(p, uri);

    for (size_t i = 0; i < uri.n; i++)
        if (slice_has(SL("<>&\"'"), text[i]))
            text[i] = '~';
    return slice_is_none(uri) ? uri : slice_bytes(text, uri.n);
}

static size_t count(struct slice html, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < html.n; i++)
        n += html.p[i] == c;
    return n;
}

static bool has_bytes(struct slice html, size_t at, unsigned a, unsigned b, unsigned least, unsigned most)
{
    const unsigned char *p = (const unsigned char *)html.p + at;

    return html.n - at >= 3 && p[0] == a && p[1] == b && p[2] >= least && p[2] <= most;
}

static void check_markup(struct slice html, struct slice honest)
{
    assert(!slice_is_none(html) && utf8_is_valid(html));
    assert(count(html, '<') == count(honest, '<') && count(html, '>') == count(honest, '>'));
    assert(count(html, '"') == count(honest, '"'));
}

static void check_characters(struct slice html)
{
    for (size_t i = 0; i < html.n; i++) {
        assert((unsigned char)html.p[i] >= 0x20 || html.p[i] == '\n');
        assert(html.p[i] != 0x7F);
        assert(!has_bytes(html, i, 0xE2, 0x80, 0xAA, 0xAE) && !has_bytes(html, i, 0xE2, 0x81, 0xA6, 0xA9));
        assert(!has_bytes(html, i, 0xE2, 0x80, 0x8B, 0x8B) && !has_bytes(html, i, 0xEF, 0xBB, 0xBF, 0xBF));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest, at[FIELDS_MAX] = { SLICE_NONE }, honest[FIELDS_MAX];

    if (size < 2)
        return 0;
    struct pool *pool = pool_create(POOL_CAP);
    rest = slice_bytes(data + 2, size - 2);
    for (size_t i = 0; i < FIELDS_MAX && slice_cut(&rest, '\n', &at[i]); i++)
        ;
    for (size_t i = 0; i < FIELDS_MAX; i++)
        honest[i] = plain(pool, at[i]);
    const struct fields f = { at[0], at[1], at[2], at[3], at[4], at[4] }, g = {
        honest[0], honest[1], honest[2], honest[3], plain_uri(at[4]), without_markup(pool, at[4])
    };
    struct slice html = make(pool, &f, data[0], data[1]);
    check_markup(html, make(pool, &g, data[0], data[1]));
    if ((data[0] & 3U) != 3)
        check_characters(html); /* values of form_post are given back as they are */
    pool_destroy(pool);
    return 0;
}
