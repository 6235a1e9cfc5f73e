/* Client authentication: the Basic header, and the parameters beside it. Input: lines, the header and the body's client_id,
 * client_secret and client_assertion; one that is missing is not sent. A header that begins with a + stands for Basic and the rest of
 * it encoded (mutations rarely survive base64). Whoever comes through has sent an id that we know, and its secret, in one way. */
#include <assert.h>

#include "client_auth.h"
#include "digest.h"
#include "encode.h"
#include "scratch.h"
#include "store.h"

#define POOL_CAP  (1 << 20)
#define MAP_BYTES ((size_t)16 << 20)
#define SECRET    "p+c%41 secret with 43 letters of its own:xyz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slice confidential_id = SL("app-1"), public_id = SL("cli"), disabled_id = SL("gone"),
                          odd_id = SL("a%41~");

static void put_client(struct txn *t, struct slice id, enum auth_method method, bool disabled)
{
    struct client c = { .id = id, .name = id, .auth_method = method, .disabled = disabled };

    if (method != AUTH_NONE)
        sha256(SL(SECRET), c.secret_hash);
    client_put(t, &c);
}

/* A database with our clients, open until the end. */
static struct store *store;
static struct view *view;

static void open_database(void)
{
    const struct store_options options = { .directory = scratch_directory(), .map_bytes = MAP_BYTES, .no_sync = true };
    struct pool *p = pool_create(POOL_CAP);
    struct slice why = SLICE_NONE;

    enum err e = store_open(p, &options, &store, &why);
    assert(e == ERR_OK);
    view = view_create(store);
    struct txn *t = txn_create(p, view, 1);
    put_client(t, confidential_id, AUTH_BASIC, false);
    put_client(t, public_id, AUTH_NONE, false);
    put_client(t, disabled_id, AUTH_POST, true);
    put_client(t, odd_id, AUTH_BASIC, false);
    e = store_commit_one(store, t);
    assert(e == ERR_OK);
    (void)e;
    view_rest(view);
    pool_destroy(p);
}

static struct slice make_header(struct pool *p, struct slice line)
{
    if (!slice_starts(line, SL("+")))
        return line;
    size_t n = line.n - 1;
    struct slice text = base64url_encode(p, slice_from(line, 1));
    char *standard = slice_cstr(p, text);
    for (char *c = standard; *c != '\0'; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    return pool_fmt(p, "Basic %s%.*s", standard, (int)((3 - n % 3) % 3), "==");
}

static bool is_either(struct pool *p, struct slice sent, struct slice wanted)
{
    struct slice decoded;

    return slice_eq(sent, wanted) || (percent_decode(p, sent, true, &decoded) && slice_eq(decoded, wanted));
}

/* Said in another way than client_auth.c says it: encoded again, the header is what was sent. */
static bool header_says(struct pool *p, struct slice header, struct slice id, struct slice secret)
{
    struct slice text = slice_trim(slice_from(header, 6)), bytes;

    if (!base64_decode(p, text, &bytes))
        return false;
    size_t colon = slice_find(bytes, ':');
    return colon < bytes.n && is_either(p, slice_head(bytes, colon), id) &&
           is_either(p, slice_from(bytes, colon + 1), secret);
}

static void check_accepted(const struct req *r, const struct client_credentials *sent, const struct client *c)
{
    bool by_header = !slice_is_none(r->origin.authorization);
    struct slice secret = c->auth_method == AUTH_NONE ? SL("") : SL(SECRET);

    assert(!c->disabled && slice_is_none(sent->client_assertion));
    assert(slice_eq(c->id, confidential_id) || slice_eq(c->id, public_id) || slice_eq(c->id, odd_id));
    if (by_header) {
        assert(slice_is_none(sent->client_secret));
        assert(header_says(r->pool, r->origin.authorization, c->id, secret));
        return;
    }
    assert(slice_eq(sent->client_id, c->id));
    assert(slice_eq(slice_is_none(sent->client_secret) ? SL("") : sent->client_secret, secret));
}

static struct slice next_line(struct slice *rest)
{
    struct slice line;

    return slice_cut(rest, '\n', &line) ? line : SLICE_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *p = pool_create(POOL_CAP);
    struct slice rest = size == 0 ? SL("") : slice_bytes(data, size);
    struct client_credentials sent = { SLICE_NONE, SLICE_NONE, SLICE_NONE, SLICE_NONE };
    struct client client;

    if (view == NULL)
        open_database();
    struct req r = { .pool = p, .txn = txn_create(p, view, 1), .now = { .s = 1764000000 } };
    struct slice header = next_line(&rest);
    if (header.n > 0)
        r.origin.authorization = make_header(p, header);
    sent.client_id = next_line(&rest);
    sent.client_secret = next_line(&rest);
    sent.client_assertion = next_line(&rest);
    enum next n = authenticate(&r, &sent, &client);
    if (n == NEXT)
        check_accepted(&r, &sent, &client);
    else
        assert(n == DENY && (r.deny.code == OAUTH_INVALID_CLIENT || r.deny.code == OAUTH_INVALID_REQUEST));
    view_rest(view);
    pool_destroy(p);
    return 0;
}
