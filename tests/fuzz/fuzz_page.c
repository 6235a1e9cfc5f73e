/* Pages made of whatever strangers call themselves: valid UTF-8 without a character that hides or turns text, and
 * the same markup as for plain names. Input: a byte that chooses the page, then fields, one a line. */
#include <assert.h>

#include "client.h"
#include "encode.h"
#include "page.h"
#include "person.h"

#define FIELDS_MAX 8
#define POOL_CAP   ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fields {
    struct slice app, login, node, name, uri, host, hint, id;
};

static const struct page_frame frame = {
    .host = { "idp.example.ts.net", 18 },
    .tailnet_suffix = { "example.ts.net", 14 },
    .now = { .s = 1795617068 },
    .request_id = { "1", 1 },
};

static struct slice make_continue(struct pool *p, const struct fields *f, unsigned choice)
{
    struct slice groups[] = { f->name, f->app };
    struct client client = { .id = SL("https://app.example/"), .name = f->app, .added_by = f->login };
    struct person person = { .display_name = f->name, .username = f->id, .email = f->host };
    struct peer peer = { .login = f->login, .node = f->node, .caps.groups = { groups, 2 } };
    struct continue_page c = { .frame = frame,
                               .client = &client,
                               .person = &person,
                               .peer = &peer,
                               .redirect_uri = choice & 4 ? SL("https://app.example/cb") : SL("http://localhost/cb"),
                               .reason = (enum page_reason)(choice >> 4 & 7U),
                               .previous_login = f->name,
                               .scopes = SCOPE_DEFAULT | SCOPE_GROUPS,
                               .flow = f->id };
    struct buf policy;

    client.origin = choice & 8 ? CLIENT_DOCUMENT : CLIENT_REGISTERED;
    buf_init(&policy, p, POOL_CAP);
    buf_put(&policy, SL("https://"));
    buf_put(&policy, f->uri);
    client.policy_uri = buf_finish(&policy);
    return page_continue(p, &c);
}

static struct slice make_error(struct pool *p, const struct fields *f, unsigned choice)
{
    struct slice tags[] = { f->name };
    struct peer peer = { .login = f->login, .node = f->node, .tags = { tags, 1 } };
    struct error_page e = { .frame = frame,
                            .code = (enum oauth_error)(1U + (choice >> 2) % OAUTH_MISDIRECTED_REQUEST),
                            .app = f->app,
                            .hint = f->hint,
                            .client_id = f->id,
                            .sent_uri = f->uri,
                            .registered_uri = SL("https://app.example/cb"),
                            .difference = DIFFERS_ALL,
                            .peer = &peer,
                            .address = f->host,
                            .return_host = f->host,
                            .return_flow = f->id };

    e.frame.contact = f->name;
    return page_error(p, &e);
}

static struct slice make_small(struct pool *p, const struct fields *f, unsigned choice)
{
    struct peer peer = { .kind = PEER_PERSON, .login = f->login, .node = f->node, .address = f->host };
    struct home_page home = { frame, &peer };
    struct slice people[] = { f->login, f->name };
    struct dev_page dev = { frame, { people, 2 }, 0, f->id };

    peer.display_name = f->name;
    return choice & 4 ? page_home(p, &home) : page_dev(p, &dev);
}

static struct slice make(struct pool *p, const struct fields *f, unsigned choice)
{
    if ((choice & 3U) == 0)
        return make_small(p, f, choice);
    return (choice & 3U) == 1 ? make_error(p, f, choice) : make_continue(p, f, choice);
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

static void check(struct slice html, struct slice honest)
{
    assert(!slice_is_none(html) && utf8_is_valid(html));
    assert(count(html, '<') == count(honest, '<') && count(html, '>') == count(honest, '>'));
    assert(count(html, '"') == count(honest, '"'));
    for (size_t i = 0; i < html.n; i++) {
        assert((unsigned char)html.p[i] >= 0x20 || html.p[i] == '\n');
        assert(html.p[i] != 0x7F);
        assert(!has_bytes(html, i, 0xE2, 0x80, 0xAA, 0xAE) && !has_bytes(html, i, 0xE2, 0x81, 0xA6, 0xA9));
        assert(!has_bytes(html, i, 0xE2, 0x80, 0x8B, 0x8B) && !has_bytes(html, i, 0xEF, 0xBB, 0xBF, 0xBF));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *pool = pool_create(POOL_CAP);
    struct slice rest = slice_bytes(data, size), at[FIELDS_MAX] = { SLICE_NONE }, honest[FIELDS_MAX];
    unsigned choice = size > 0 ? data[0] : 0;
    struct fields f, g;

    rest = size > 0 ? slice_from(rest, 1) : SLICE_NONE;
    for (size_t i = 0; i < FIELDS_MAX && slice_cut(&rest, '\n', &at[i]); i++)
        ;
    for (size_t i = 0; i < FIELDS_MAX; i++)
        honest[i] = plain(pool, at[i]);
    /* What is no name is a value of ours (a handle) or one that was checked before (a hint, an address). */
    f = (struct fields){ at[0], at[1], at[2], at[3], at[4], SL("100.64.0.2"), SL("a hint"), SL("id") };
    g = (struct fields){ honest[0], honest[1], honest[2], honest[3], plain_uri(at[4]), f.host, f.hint, f.id };
    check(make(pool, &f, choice), make(pool, &g, choice));
    pool_destroy(pool);
    return 0;
}
