/* How a client is stored, created once, counted, and shown. */
#include "client.h"

#include <string.h>

#include "encode.h"
#include "rig.h"

#define JSON_BYTES_MAX 16384
#define COUNT(rows)    (sizeof(rows) / sizeof((rows)[0]))

static struct rig r;

/* ---- stored ---- */

static const struct slice uris[] = { SL("https://app.example/cb"), SL("http://localhost/cb") };
static const struct slice logout_uris[] = { SL("https://app.example/bye") };

/* No member is zero, and no two are alike. */
static struct client full(void)
{
    struct client c = { .id = SL("full"),
                        .name = SL("Full \xe2\x82\xac"),
                        .origin = CLIENT_REGISTERED,
                        .added_by = SL("ann@example.com"),
                        .approved = true,
                        .disabled = true,
                        .auth_method = AUTH_POST,
                        .old_secret_until = 3,
                        .secret_at = 4,
                        .redirect_uris = { uris, 2 },
                        .post_logout_redirect_uris = { logout_uris, 1 },
                        .id_token_alg = ALG_PS256,
                        .claims = CLAIMS_USERINFO,
                        .page = PAGE_FIRST,
                        .require_pkce = CHOICE_NO,
                        .frames = true,
                        .reach_public = true,
                        .scope = SL("openid email"),
                        .lifetimes = { 11, 12, 13, 14, 15, 16, 17 },
                        .client_uri = SL("https://app.example/"),
                        .logo_uri = SL("https://app.example/logo"),
                        .policy_uri = SL("https://app.example/policy"),
                        .tos_uri = SL("https://app.example/tos"),
                        .created_at = 5,
                        .epoch = 6 };

    memset(c.secret_hash, 1, SHA256_BYTES);
    memset(c.old_secret_hash, 2, SHA256_BYTES);
    return c;
}

static void check_same_texts(const struct client *a, const struct client *b)
{
    const struct {
        struct slice a, b;
    } rows[] = {
        { a->id, b->id },
        { a->name, b->name },
        { a->added_by, b->added_by },
        { a->scope, b->scope },
        { a->client_uri, b->client_uri },
        { a->logo_uri, b->logo_uri },
        { a->policy_uri, b->policy_uri },
        { a->tos_uri, b->tos_uri },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(slice_eq(rows[i].a, rows[i].b));
        CHECK(slice_is_none(rows[i].a) == slice_is_none(rows[i].b));
    }
    CHECK_INT(a->redirect_uris.n, b->redirect_uris.n);
    for (size_t i = 0; i < a->redirect_uris.n && i < b->redirect_uris.n; i++)
        CHECK(slice_eq(a->redirect_uris.at[i], b->redirect_uris.at[i]));
    CHECK_INT(a->post_logout_redirect_uris.n, b->post_logout_redirect_uris.n);
    for (size_t i = 0; i < a->post_logout_redirect_uris.n && i < b->post_logout_redirect_uris.n; i++)
        CHECK(slice_eq(a->post_logout_redirect_uris.at[i], b->post_logout_redirect_uris.at[i]));
}

static void check_same_numbers(const struct client *a, const struct client *b)
{
    CHECK_INT(a->origin, b->origin);
    CHECK(a->approved == b->approved && a->disabled == b->disabled);
    CHECK_INT(a->auth_method, b->auth_method);
    CHECK(memcmp(a->secret_hash, b->secret_hash, SHA256_BYTES) == 0);
    CHECK(memcmp(a->old_secret_hash, b->old_secret_hash, SHA256_BYTES) == 0);
    CHECK_INT(a->old_secret_until, b->old_secret_until);
    CHECK_INT(a->secret_at, b->secret_at);
    CHECK_INT(a->id_token_alg, b->id_token_alg);
    CHECK_INT(a->claims, b->claims);
    CHECK_INT(a->page, b->page);
    CHECK_INT(a->require_pkce, b->require_pkce);
    CHECK(a->frames == b->frames && a->reach_public == b->reach_public);
    CHECK(memcmp(&a->lifetimes, &b->lifetimes, sizeof(a->lifetimes)) == 0);
    CHECK_INT(a->created_at, b->created_at);
    CHECK_INT(a->epoch, b->epoch);
}

static void put(const struct client *c)
{
    struct txn *t = rig_begin(&r);

    client_put(t, c);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
}

static void test_round_trip(void)
{
    const struct client c = full(), bare = { .id = SL("bare") };
    struct client loaded;

    rig_open(&r);
    put(&c);
    put(&bare);
    memset(&loaded, 0xa5, sizeof(loaded));
    CHECK(client_load(rig_begin(&r), SL("full"), &loaded));
    check_same_texts(&loaded, &c);
    check_same_numbers(&loaded, &c);
    memset(&loaded, 0xa5, sizeof(loaded));
    CHECK(client_load(rig_begin(&r), SL("bare"), &loaded));
    check_same_texts(&loaded, &bare);
    check_same_numbers(&loaded, &bare);
    CHECK(!client_load(rig_begin(&r), SL("FULL"), &loaded));
    CHECK(!client_load(rig_begin(&r), SL("ful"), &loaded));
    CHECK(!client_load(rig_begin(&r), SL(""), &loaded));
    CHECK(!client_load(rig_begin(&r), SLICE_NONE, &loaded));
    rig_close(&r);
}

/* Half a hash is the key; the id in the record decides. */
static void test_another_under_its_key(void)
{
    struct client loaded;
    struct slice value;

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    CHECK(txn_get(t, client_key(t, SL(RIG_CLIENT)), &value));
    txn_put(t, client_key(t, SL("other")), value);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    CHECK(!client_load(t, SL("other"), &loaded));
    CHECK_INT(txn_err(t), ERR_OK);
    rig_close(&r);
}

static void check_corrupt(struct slice id)
{
    struct txn *t = rig_begin(&r);
    struct client loaded;

    CHECK(!client_load(t, id, &loaded));
    CHECK_INT(txn_err(t), ERR_CORRUPT);
}

/* A number of a newer avouch is no default of ours. */
static void test_unknown_numbers(void)
{
    const unsigned unknown = 77;

    rig_open(&r);
    for (unsigned i = 0; i < 6; i++) {
        struct client c = full();
        switch (i) {
        case 0: c.origin = (enum client_origin)unknown; break;
        case 1: c.auth_method = (enum auth_method)unknown; break;
        case 2: c.id_token_alg = (enum sign_alg)unknown; break;
        case 3: c.claims = (enum client_claims)unknown; break;
        case 4: c.page = (enum client_page)unknown; break;
        default: c.require_pkce = (enum choice)unknown; break;
        }
        put(&c);
        check_corrupt(c.id);
    }
    rig_close(&r);
}

static void test_cut_record(void)
{
    struct client loaded;
    struct slice value;

    rig_open(&r);
    struct client c = full();
    put(&c);
    struct txn *t = rig_begin(&r);
    CHECK(txn_get(t, client_key(t, c.id), &value));
    CHECK(client_unpack(r.pool, value, &loaded));
    for (size_t n = 0; n < value.n; n++)
        CHECK(!client_unpack(r.pool, slice_head(value, n), &loaded));
    txn_put(t, client_key(t, c.id), slice_head(value, value.n - 1));
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    check_corrupt(c.id);
    rig_close(&r);
}

/* ---- created and removed ---- */

static enum err create(struct slice id)
{
    struct txn *t = rig_begin(&r);
    struct client c = r.client;

    c.id = id;
    enum err e = client_create(t, &c);
    return e == ERR_OK ? rig_commit(&r, t) : e;
}

static uint32_t clients(void)
{
    return rig_count(&r, CLASS_CLIENT, SLICE_NONE);
}

static void test_create(void)
{
    struct client loaded;

    rig_open(&r);
    CHECK_INT(create(SL(RIG_CLIENT)), ERR_EXISTS);
    CHECK_INT(clients(), 0); /* the rig's own was put, not created */
    CHECK_INT(create(SL("app")), ERR_OK);
    CHECK_INT(create(SL("app")), ERR_EXISTS);
    CHECK_INT(create(SL("App")), ERR_OK); /* ids are bytes */
    CHECK_INT(clients(), 2);
    CHECK(client_load(rig_begin(&r), SL("app"), &loaded));
    CHECK_TEXT(loaded.name, "Grafana");
    rig_close(&r);
}

static void test_create_at_once(void)
{
    struct client c;

    rig_open(&r);
    c = r.client;
    c.id = SL("app");
    struct txn *first = rig_begin(&r), *second = txn_create(r.pool, r.view, r.issuer.number);
    CHECK_INT(client_create(first, &c), ERR_OK);
    CHECK_INT(client_create(second, &c), ERR_OK);
    CHECK_INT(rig_commit(&r, first), ERR_OK);
    CHECK_INT(rig_commit(&r, second), ERR_CHANGED);
    CHECK_INT(clients(), 1);
    rig_close(&r);
}

static void test_remove(void)
{
    struct client loaded;
    uint32_t first_epoch;

    rig_open(&r);
    CHECK_INT(create(SL("app")), ERR_OK);
    CHECK(client_load(rig_begin(&r), SL("app"), &loaded));
    first_epoch = loaded.epoch;
    struct txn *one = rig_begin(&r), *two = txn_create(r.pool, r.view, r.issuer.number);
    client_remove(one, &loaded);
    client_remove(two, &loaded);
    CHECK_INT(rig_commit(&r, one), ERR_OK);
    CHECK_INT(rig_commit(&r, two), ERR_CHANGED); /* removed once, counted once */
    CHECK(!client_load(rig_begin(&r), SL("app"), &loaded));
    CHECK_INT(clients(), 0);
    struct txn *again = rig_begin(&r);
    client_remove(again, &loaded);
    CHECK(!txn_is_dirty(again));
    CHECK_INT(create(SL("app")), ERR_OK);
    CHECK(client_load(rig_begin(&r), SL("app"), &loaded));
    CHECK(loaded.epoch != first_epoch); /* or, once in 2^32 runs, equal */
    rig_close(&r);
}

static void test_limit(void)
{
    rig_open(&r);
    struct txn *t = rig_begin(&r);
    txn_count(t, issuer_count_key(t, CLASS_CLIENT, SLICE_NONE), CLIENTS_MAX - 1, CLIENTS_MAX);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK_INT(create(SL("last")), ERR_OK);
    CHECK_INT(create(SL("one-more")), ERR_LIMIT);
    CHECK_INT(clients(), CLIENTS_MAX);
    rig_close(&r);
}

/* ---- shown ---- */

static struct slice write(struct pool *p, const struct client *c)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, JSON_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    client_write_json(&w, p, c);
    jw_object_end(&w);
    return jw_finish(&w);
}

static struct slice text_of(const struct json *object, const char *name)
{
    struct slice s = SLICE_NONE;

    (void)json_text(json_member(object, name), &s);
    return s;
}

static int64_t int_of(const struct json *object, const char *name)
{
    int64_t v = -1;

    (void)json_int(json_member(object, name), &v);
    return v;
}

static const struct json *parse(struct pool *p, struct slice text)
{
    const struct json *root = NULL;

    CHECK_INT(json_parse(p, text, JSON_BYTES_MAX, &root), ERR_OK);
    return root;
}

/* RFC 7591 2, 3.2.1 */
static void test_json_names(void)
{
    struct pool *p = pool_create(1 << 16);
    const struct client c = full();
    const struct json *root = parse(p, write(p, &c));

    CHECK_TEXT(text_of(root, "client_id"), "full");
    CHECK_INT(int_of(root, "client_id_issued_at"), 5);
    CHECK_TEXT(text_of(root, "client_name"), "Full \xe2\x82\xac");
    CHECK_INT(json_count(json_member(root, "redirect_uris")), 2);
    CHECK_TEXT(json_dump(p, json_member(root, "redirect_uris")),
               "[\"https://app.example/cb\",\"http://localhost/cb\"]");
    CHECK_TEXT(json_dump(p, json_member(root, "post_logout_redirect_uris")), "[\"https://app.example/bye\"]");
    CHECK_TEXT(text_of(root, "token_endpoint_auth_method"), "client_secret_post");
    CHECK(json_is_array(json_member(root, "grant_types")) && json_is_array(json_member(root, "response_types")));
    CHECK_TEXT(json_dump(p, json_member(root, "response_types")), "[\"code\"]");
    CHECK_TEXT(text_of(root, "id_token_signed_response_alg"), "PS256");
    CHECK_TEXT(text_of(root, "scope"), "openid email");
    CHECK_TEXT(text_of(root, "client_uri"), "https://app.example/");
    CHECK_TEXT(text_of(root, "logo_uri"), "https://app.example/logo");
    CHECK_TEXT(text_of(root, "policy_uri"), "https://app.example/policy");
    CHECK_TEXT(text_of(root, "tos_uri"), "https://app.example/tos");
    pool_destroy(p);
}

static void test_json_ours(void)
{
    struct pool *p = pool_create(1 << 16);
    const struct client c = full(), bare = { .id = SL("bare"), .auth_method = AUTH_NONE };
    const struct json *root = parse(p, write(p, &c));

    CHECK_TEXT(text_of(root, "origin"), "registered");
    CHECK_TEXT(text_of(root, "added_by"), "ann@example.com");
    CHECK_TEXT(json_dump(p, json_member(root, "approved")), "true");
    CHECK_TEXT(json_dump(p, json_member(root, "disabled")), "true");
    CHECK_TEXT(text_of(root, "claims"), "userinfo");
    CHECK_TEXT(text_of(root, "page"), "first");
    CHECK_TEXT(json_dump(p, json_member(root, "require_pkce")), "false");
    CHECK_TEXT(json_dump(p, json_member(root, "frames")), "true");
    CHECK_TEXT(text_of(root, "reach"), "public");
    CHECK_INT(int_of(root, "client_secret_made_at"), 4);
    CHECK_TEXT(
        json_dump(p, json_member(root, "lifetimes")),
        "{\"code\":11,\"access\":12,\"id\":13,\"refresh_idle\":14,\"refresh\":15,\"session_idle\":16,\"session\":17}");
    root = parse(p, write(p, &bare));
    static const char *const left_out[] = { "client_name",
                                            "scope",
                                            "client_uri",
                                            "logo_uri",
                                            "policy_uri",
                                            "tos_uri",
                                            "added_by",
                                            "require_pkce",
                                            "reach",
                                            "client_secret_made_at",
                                            "post_logout_redirect_uris" };
    for (size_t i = 0; i < COUNT(left_out); i++)
        CHECK(json_member(root, left_out[i]) == NULL);
    CHECK_TEXT(json_dump(p, json_member(root, "redirect_uris")), "[]");
    CHECK_TEXT(json_dump(p, json_member(root, "lifetimes")), "{}");
    pool_destroy(p);
}

static bool has(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (slice_starts(slice_from(text, i), part))
            return true;
    return false;
}

static void test_json_has_no_secret(void)
{
    struct pool *p = pool_create(1 << 16);
    struct client c = full();
    struct slice old = client_secret_make(p), secret = client_secret_make(p);

    client_secret_set(&c, old, 0, (struct now){ .s = RIG_START_S });
    client_secret_set(&c, secret, RIG_START_S + 60, (struct now){ .s = RIG_START_S });
    struct slice text = write(p, &c);
    const struct slice hashes[] = { slice_bytes(c.secret_hash, SHA256_BYTES),
                                    slice_bytes(c.old_secret_hash, SHA256_BYTES) };
    CHECK(has(text, c.id)); /* or the rest would prove nothing */
    CHECK(!has(text, secret));
    CHECK(!has(text, old));
    for (size_t i = 0; i < COUNT(hashes); i++) {
        CHECK(!has(text, hashes[i]));
        CHECK(!has(text, hex_encode(p, hashes[i])));
        CHECK(!has(text, base64url_encode(p, hashes[i])));
    }
    const struct json *root = parse(p, text);
    CHECK(json_member(root, "client_secret") == NULL);
    for (size_t i = 0; i < json_count(root); i++) {
        struct slice name = SL("");
        (void)json_member_at(root, i, &name);
        CHECK(!has(name, SL("secret")) || slice_eq(name, SL("client_secret_made_at")));
    }
    pool_destroy(p);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "every member is stored", test_round_trip },
        { "two ids with one key are one slot", test_another_under_its_key },
        { "numbers that no enumerator has", test_unknown_numbers },
        { "a record that is cut anywhere", test_cut_record },
        { "created once", test_create },
        { "created once, at the same moment", test_create_at_once },
        { "removed once; added again with another epoch", test_remove },
        { "CLIENTS_MAX", test_limit },
        { "JSON: names of RFC 7591", test_json_names },
        { "JSON: names of ours", test_json_ours },
        { "JSON: never the secret (security 27)", test_json_has_no_secret },
    };

    return TAP_RUN(tests);
}
