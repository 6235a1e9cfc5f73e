#include "page_variants.h"

#include <assert.h>

#include "client.h"
#include "person.h"

#define NOW_S 1795617068 /* 25 November 2026, 14:31:08 UTC */
#define LONG_NAME \
    "Extraordinarily Long-Named Observability Workbench for Distributed Home Laboratories (Staging, Nightly, Europe)"
#define LONG_HOST "observability-workbench-staging-nightly-eu-central-1.tail-a1b2c3d4e5f6.example-of-a-long-name.org"
#define QUOTES    SL("\"><script>alert(\"1\")</script>") /* of a field that is not shown */
#define HOSTILE   SL(VARIANT_HOSTILE)

/* NOLINTBEGIN(misc-misleading-bidirectional): in HOSTILE, on purpose */
struct list {
    struct pool *pool;
    struct page_variant *at;
    size_t n;
};

static const struct page_frame frame = {
    .host = { "idp.example.ts.net", 18 },
    .contact = { "ask Bob", 7 },
    .tailnet_suffix = { "example.ts.net", 14 },
    .now = { .s = NOW_S, .ms = NOW_S * 1000LL },
    .request_id = { "7Q3KX2", 6 },
};

static struct slice groups[] = { { "admins", 6 }, { "people", 6 } };
static struct slice tags[] = { { "tag:server", 10 } };

static const struct peer alice = {
    .kind = PEER_PERSON,
    .user_id = 4711,
    .login = { "alice@example.com", 17 },
    .display_name = { "Alice Example", 13 },
    .node = { "laptop", 6 },
    .address = { "100.64.0.2", 10 },
    .caps = { .groups = { groups, 2 } },
};
static const struct person alice_here = {
    .user_id = 4711,
    .login = { "alice@example.com", 17 },
    .display_name = { "Alice Example", 13 },
    .username = { "alice", 5 },
    .email = { "alice@example.com", 17 },
};
static const struct peer server = {
    .kind = PEER_MACHINE,
    .node = { "server-7", 8 },
    .login = { "tagged-devices", 14 },
    .address = { "100.64.0.7", 10 },
    .tags = { tags, 1 },
};
static const struct client grafana = {
    .id = { "grafana", 7 },
    .name = { "Grafana", 7 },
    .origin = CLIENT_ADDED,
    .added_by = { "bob@example.com", 15 },
    .approved = true,
    .created_at = NOW_S - 20 * 86400,
};
static const struct client notes = {
    .id = { "c-3f9a", 6 },
    .name = { "Notes MCP", 9 },
    .origin = CLIENT_REGISTERED,
    .added_by = { "carol@example.com", 17 },
    .created_at = NOW_S - 1748,
};
static const struct client desk = {
    .id = { "https://agentdesk.app/oauth/client.json", 39 },
    .name = { "Agent Desk", 10 },
    .origin = CLIENT_DOCUMENT,
};

static void add(struct list *l, const char *name, struct slice html, bool hostile)
{
    assert(l->n < PAGE_VARIANTS_MAX);
    l->at[l->n++] = (struct page_variant){ slice_of(name), html, hostile };
}

static struct continue_page ask(const struct client *client, const char *uri, enum page_reason reason)
{
    return (struct continue_page){
        .frame = frame,
        .client = client,
        .redirect_uri = slice_of(uri),
        .person = &alice_here,
        .peer = &alice,
        .reason = reason,
        .signed_out_at = NOW_S - 8000,
        .scopes = SCOPE_OPENID | SCOPE_PROFILE | SCOPE_EMAIL | SCOPE_GROUPS,
        .flow = SL("AbC-123_flow"),
    };
}

static void add_continue(struct list *l, const char *name, const struct continue_page *c)
{
    add(l, name, page_continue(l->pool, c), false);
}

static void add_reasons(struct list *l)
{
    for (enum page_reason r = SILENT; r < PAGE_REASON_COUNT; r++) {
        struct continue_page c = ask(&grafana, "https://grafana.example.ts.net/login/generic_oauth", r);
        struct slice name = pool_fmt(l->pool, "continue-approved-%d", (int)r);

        if (r == PAGE_OTHER_PERSON)
            c.previous_login = SL("bob@example.com");
        add_continue(l, slice_cstr(l->pool, name), &c);
    }
}

static void add_clients(struct list *l)
{
    struct client mine = notes, links = grafana;
    struct continue_page c = ask(&notes, "https://notes.example.ts.net/callback", PAGE_FIRST_TIME);

    add_continue(l, "continue-registered", &c);
    mine.added_by = SL("alice@example.com");
    c = ask(&mine, "http://127.0.0.1:4711/callback", PAGE_LOCAL);
    c.scopes = SCOPE_OPENID;
    add_continue(l, "continue-registered-loopback", &c);
    c = ask(&mine, "com.example.notes:/callback", PAGE_LOCAL);
    add_continue(l, "continue-registered-scheme", &c);
    c = ask(&grafana, "http://localhost/callback", PAGE_LOCAL);
    add_continue(l, "continue-approved-loopback", &c);

    links.policy_uri = SL("https://grafana.com/privacy");
    links.tos_uri = SL("https://grafana.com/terms");
    links.added_by = SLICE_NONE;
    c = ask(&links, "https://grafana.example.ts.net:3000/login", PAGE_LOGIN);
    add_continue(l, "continue-links", &c);
    links.tos_uri = SL("javascript:alert(1)");
    c.frame.dev = true;
    add_continue(l, "continue-links-one", &c);
}

static void add_documents(struct list *l)
{
    struct continue_page c = ask(&desk, "https://agentdesk.app/callback", PAGE_FIRST_TIME);

    c.scopes = SCOPE_OPENID;
    add_continue(l, "continue-document", &c);
    c = ask(&desk, "https://agentdesk.example.org/callback", PAGE_FIRST_TIME);
    add_continue(l, "continue-document-elsewhere", &c);
    c = ask(&desk, "http://localhost:33418/callback", PAGE_OTHER_PERSON);
    c.previous_login = SL("bob@example.com");
    add_continue(l, "continue-document-loopback", &c);
}

static void add_hard_ones(struct list *l)
{
    static struct slice many[40], bad[2] = { { VARIANT_HOSTILE, sizeof VARIANT_HOSTILE - 1 }, { "", 0 } };
    struct client client = notes;
    struct peer peer = alice;
    struct person person = alice_here;
    struct continue_page c = ask(&client, "https://" LONG_HOST "/callback", PAGE_OTHER_PERSON);

    for (size_t i = 0; i < 40; i++)
        many[i] = pool_fmt(l->pool, "team-%zu", i);
    client.name = SL(LONG_NAME);
    peer.caps.groups = (struct slices){ many, 40 };
    c.peer = &peer;
    c.person = &person;
    add_continue(l, "continue-long", &c);

    client.name = client.added_by = peer.login = peer.node = person.display_name = person.username = person.email =
        HOSTILE;
    client.policy_uri = SL("https://a.example/\"><script>");
    peer.caps.groups = (struct slices){ bad, 2 };
    c.previous_login = HOSTILE;
    c.flow = QUOTES;
    add(l, "continue-hostile", page_continue(l->pool, &c), true);
    client.approved = true;
    add(l, "continue-hostile-approved", page_continue(l->pool, &c), true);
}

static struct error_page fail(enum oauth_error code)
{
    return (struct error_page){
        .frame = frame,
        .code = code,
        .app = SL("Grafana"),
        .app_vouched = true,
        .client_id = SL("grafana"),
        .difference = DIFFERS_ALL,
        .peer = &alice,
        .address = SL("192.168.1.20"),
    };
}

static void add_every_code(struct list *l)
{
    for (enum oauth_error code = OAUTH_INVALID_REQUEST; code <= OAUTH_MISDIRECTED_REQUEST; code++) {
        struct error_page e = fail(code), bare = { .frame = frame, .code = code };
        struct slice name = pool_fmt(l->pool, "error-%s", oauth_error_code(code));

        e.sent_uri = SL("https://grafana.example.ts.net/login/generic_oauth/");
        e.registered_uri = SL("https://grafana.example.ts.net/login/generic_oauth");
        e.difference = DIFFERS_SLASH;
        e.peer = code == OAUTH_NODE_TAGGED ? &server : &alice;
        add(l, slice_cstr(l->pool, name), page_error(l->pool, &e), false);
        name = pool_fmt(l->pool, "error-%s-bare", oauth_error_code(code));
        bare.frame.contact = bare.frame.tailnet_suffix = bare.frame.request_id = SLICE_NONE;
        add(l, slice_cstr(l->pool, name), page_error(l->pool, &bare), false);
    }
}

static void add_errors(struct list *l)
{
    struct error_page e = fail(OAUTH_INVALID_REQUEST);
    struct peer expired = alice;

    e.hint = SL("it did not send a code challenge (PKCE), and we sign nobody in without one");
    e.return_flow = SL("AbC-123_flow");
    e.return_host = SL("grafana.example.ts.net");
    add(l, "error-pkce", page_error(l->pool, &e), false);
    e.code = OAUTH_ACCESS_DENIED;
    add(l, "error-denied-return", page_error(l->pool, &e), false);

    e = fail(OAUTH_NODE_EXPIRED);
    expired.key_expiry = NOW_S - 86400;
    e.peer = &expired;
    add(l, "error-expired-at", page_error(l->pool, &e), false);
    e = fail(OAUTH_TOO_MANY_REQUESTS);
    e.retry_after_s = 20;
    e.frame.dev = true;
    add(l, "error-wait", page_error(l->pool, &e), false);
    e = fail(OAUTH_INVALID_REDIRECT_URI);
    e.app_vouched = false;
    e.sent_uri = SL("http://notes.example.ts.net:3000/callback");
    e.registered_uri = SL("http://notes.example.ts.net:3001/callback");
    e.difference = DIFFERS_PORT;
    add(l, "error-redirect-unchecked", page_error(l->pool, &e), false);
    e.registered_uri = SL("https://notes.example.ts.net:3000/callback");
    e.difference = DIFFERS_SCHEME;
    add(l, "error-redirect-scheme", page_error(l->pool, &e), false);
    e.sent_uri = SLICE_NONE;
    add(l, "error-redirect-none", page_error(l->pool, &e), false);
}

static void add_hostile_errors(struct list *l)
{
    struct peer peer = server;

    peer.login = peer.node = HOSTILE;
    for (enum oauth_error code = OAUTH_INVALID_REQUEST; code <= OAUTH_MISDIRECTED_REQUEST; code++) {
        struct error_page e = fail(code);

        if (code != OAUTH_INVALID_REDIRECT_URI && code != OAUTH_ACCESS_DENIED && code != OAUTH_UNKNOWN_CLIENT)
            continue;
        e.app = e.client_id = e.sent_uri = e.address = e.return_host = HOSTILE;
        e.return_flow = QUOTES;
        e.hint = e.frame.request_id = HOSTILE;
        e.registered_uri = SL("https://grafana.example.ts.net/callback");
        e.difference = DIFFERS_PATH;
        e.app_vouched = code == OAUTH_ACCESS_DENIED;
        e.peer = &peer;
        add(l, slice_cstr(l->pool, pool_fmt(l->pool, "error-hostile-%d", (int)code)), page_error(l->pool, &e), true);
    }
}

static void add_small_ones(struct list *l)
{
    const struct redirect_param params[] = { { "code", SL("SplxlOBeZQQYbYS6WxSbIA") },
                                             { "state", HOSTILE },
                                             { "error", SLICE_NONE } };
    struct slice people[] = { SL("alice@example.com"), SL("bob@example.com"), SL("carol@example.com") };
    struct form_post_page form = { frame, SL("Grafana"), SL("https://grafana.example.ts.net/callback"), params, 3 };
    struct dev_page dev = { frame, { people, 3 }, 1, SL("/authorize?flow=1&x=\"") };
    struct home_page home = { frame, &alice };

    add(l, "form_post", page_form_post(l->pool, &form), false);
    form.redirect_uri = SL("http://localhost:33418/callback");
    add(l, "form_post-loopback", page_form_post(l->pool, &form), false);
    add(l, "dev", page_dev(l->pool, &dev), false);
    add(l, "home", page_home(l->pool, &home), false);
    home.frame.dev = true;
    add(l, "home-dev", page_home(l->pool, &home), false);
    home.peer = &server;
    add(l, "home-machine", page_home(l->pool, &home), false);
}

size_t page_variants(struct pool *p, struct page_variant *ret)
{
    struct list l = { p, ret, 0 };

    add_reasons(&l);
    add_clients(&l);
    add_documents(&l);
    add_hard_ones(&l);
    add_every_code(&l);
    add_errors(&l);
    add_hostile_errors(&l);
    add_small_ones(&l);
    return l.n;
}

/* NOLINTEND(misc-misleading-bidirectional) */
