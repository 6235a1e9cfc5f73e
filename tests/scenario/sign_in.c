#include "sign_in.h"

#include <string.h>

#include "buf.h"
#include "digest.h"
#include "encode.h"

#define PATH_BYTES_MAX ((size_t)128 << 10)
#define APP_SERVER     MACHINE

const struct app grafana = { .client_id = "grafana",
                             .name = "Grafana",
                             .secret = "grafana-secret-with-43-letters-of-its-own-x",
                             .redirect_uri = "https://grafana.example/cb" };
const struct app argo = { .client_id = "argo",
                          .name = "Argo CD",
                          .secret = "argo-secret-with-43-letters-of-its-own-xxxx",
                          .redirect_uri = "https://argo.example/auth/callback",
                          .verifier = "argo-verifier-of-43-letters-0123456789-ABCDE" };
const struct app cli = { .client_id = "cli",
                         .name = "Command line",
                         .redirect_uri = "http://127.0.0.1/callback",
                         .verifier = "cli-verifier-of-43-letters-0123456789-ABCDEF" };
static const struct app probe = { .client_id = "probe",
                                  .name = "Probe",
                                  .secret = "probe-secret-with-43-letters-of-its-own-xxx",
                                  .redirect_uri = "https://probe.example/cb" };

struct client app_client(const struct app *a)
{
    static struct slice uri[8];
    static unsigned turn;
    struct slice *mine = &uri[turn++ % 8];
    struct client c = { .id = slice_of(a->client_id),
                        .name = slice_of(a->name),
                        .origin = CLIENT_ADDED,
                        .auth_method = a->secret != NULL ? AUTH_BASIC : AUTH_NONE,
                        .redirect_uris = { mine, 1 },
                        .id_token_alg = ALG_ES256,
                        .created_at = WORLD_START_S - 86400,
                        .epoch = 7 };

    *mine = slice_of(a->redirect_uri);
    if (a->secret != NULL)
        sha256(slice_of(a->secret), c.secret_hash);
    return c;
}

void app_add(struct world *w, const struct app *a)
{
    struct client c = app_client(a);

    world_put_client(w, &c);
    world_keep_secret(w, slice_of(a->secret));
}

void app_register(struct world *w, const struct app *a)
{
    struct client c = app_client(a);

    c.origin = CLIENT_REGISTERED;
    c.added_by = SL("bob@example.com");
    world_put_client(w, &c);
    world_keep_secret(w, slice_of(a->secret));
}

struct guest browser_at(const char *address)
{
    return (struct guest){ .address = address };
}

struct guest program_at(const char *address)
{
    return (struct guest){ .address = address, .is_program = true };
}

static void put_param(struct buf *b, const char *name, struct slice value)
{
    if (slice_is_none(value))
        return;
    if (b->n > 0 && b->p[b->n - 1] != '?')
        buf_char(b, '&');
    buf_put(b, slice_of(name));
    buf_char(b, '=');
    buf_percent(b, value);
}

static struct slice challenge_of(struct pool *p, const char *verifier)
{
    uint8_t hash[SHA256_BYTES];

    sha256(slice_of(verifier), hash);
    return base64url_encode(p, slice_bytes(hash, SHA256_BYTES));
}

struct slice app_request(struct world *w, const struct app *a, const char *more)
{
    struct buf b;

    buf_init(&b, w->pool, PATH_BYTES_MAX);
    buf_put(&b, SL("/authorize?"));
    put_param(&b, "response_type", SL("code"));
    put_param(&b, "client_id", slice_of(a->client_id));
    put_param(&b, "redirect_uri", slice_of(a->redirect_uri));
    put_param(&b, "scope", a->scope != NULL ? slice_of(a->scope) : SL("openid profile email groups"));
    put_param(&b, "state", a->state != NULL ? slice_of(a->state) : SL("a state, with = & and ü"));
    put_param(&b, "nonce", a->nonce != NULL ? slice_of(a->nonce) : SL("n-1"));
    if (a->verifier != NULL) {
        put_param(&b, "code_challenge", challenge_of(w->pool, a->verifier));
        put_param(&b, "code_challenge_method", SL("S256"));
    }
    buf_put(&b, slice_of(more));
    return buf_finish(&b);
}

struct slice app_form(struct world *w, const struct app *a, struct slice code)
{
    struct buf b;

    buf_init(&b, w->pool, PATH_BYTES_MAX);
    put_param(&b, "grant_type", SL("authorization_code"));
    put_param(&b, "code", code);
    put_param(&b, "redirect_uri", slice_of(a->redirect_uri));
    put_param(&b, "client_id", slice_of(a->client_id));
    put_param(&b, "client_secret", slice_of(a->secret));
    put_param(&b, "code_verifier", slice_of(a->verifier));
    return buf_finish(&b);
}

const struct seen *app_token(struct world *w, const struct app *a, struct slice code)
{
    struct guest server = program_at(APP_SERVER);

    return world_post(w, &server, "/token", app_form(w, a, code));
}

const struct seen *app_userinfo(struct world *w, struct slice access_token)
{
    struct guest server = program_at(APP_SERVER);
    struct call c = { .target = SL("/userinfo") };

    call_header(&c, "authorization", pool_fmt(w->pool, "Bearer " SLICE_FMT, SLICE_ARG(access_token)));
    return world_call(w, &server, &c);
}

struct slice sign_in_silently(struct world *w, struct guest *browser, const struct app *a, const char *more)
{
    const struct seen *s = world_get(w, browser, app_request(w, a, more));

    CHECK_INT(s->status, 302);
    CHECK(seen_goes_to(s, a->redirect_uri));
    return seen_param(w, s, "code");
}

const struct seen *press(struct world *w, struct guest *browser, const struct seen *page, const char *button)
{
    struct slice flow = seen_flow(page), action = seen_action(page, button);

    CHECK(!slice_is_none(flow));
    CHECK(!slice_is_none(action));
    return world_post(w, browser, "/decision",
                      pool_fmt(w->pool, "flow=" SLICE_FMT "&action=" SLICE_FMT, SLICE_ARG(flow), SLICE_ARG(action)));
}

const struct seen *open_page(struct world *w, struct guest *browser, struct slice target)
{
    const struct seen *s = world_get(w, browser, target);

    if (!slice_starts(seen_header(s, "location"), SL("/authorize?flow=")))
        return s;
    return world_get(w, browser, seen_header(s, "location"));
}

const struct seen *sign_in_by_page(struct world *w, struct guest *browser, const struct app *a, const char *more)
{
    const struct seen *page = open_page(w, browser, app_request(w, a, more));

    CHECK_INT(page->status, 200);
    return press(w, browser, page, "continue");
}

void sign_in_as_carol(struct world *w)
{
    struct guest browser = browser_at(CAROL_LAPTOP);

    if (world_keys(w).n == 0)
        world_generate(w, ALG_ES256);
    w->tailscaled = TAILSCALED_UP;
    w->machine.refusal = NULL;
    w->machine.asks = &w->asks.queue;
    w->issuer = w->first_issuer;
    w->boot_ms = 0;
    app_add(w, &probe);
    struct slice code = sign_in_silently(w, &browser, &probe, NULL);
    const struct seen *tokens = app_token(w, &probe, code);
    CHECK_INT(tokens->status, 200);
    const struct json *claims = world_claims(w, seen_member(w, tokens, "id_token"), ALG_ES256);
    CHECK_TEXT(claim_text(claims, "sub"), "3");
    CHECK_TEXT(claim_text(claims, "preferred_username"), "carol");
    const struct seen *info = app_userinfo(w, seen_member(w, tokens, "access_token"));
    CHECK_INT(info->status, 200);
    CHECK_TEXT(seen_member(w, info, "email"), "carol@example.com");
}
