/* Fills a state directory with records, written as the server writes them but without syncing each batch: for rows that ask
 * what size costs. The server must not run meanwhile.
 *
 *   fill STATE clients N ALG SECRET     clients c0 ... c(N-1), all with that secret and one redirect URI
 *   fill STATE tokens N                 live access tokens, ten to a grant
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access_token.h"
#include "store.h"

#define ISSUER           1
#define REDIRECT_URI     SL("https://app.example.com/callback")
#define MAP_BYTES        ((size_t)64 << 30)
#define POOL_BYTES       ((size_t)1 << 30)
#define BATCH            64 /* transactions in a commit */
#define CLIENTS_PER_TXN  (TXN_WRITES_MAX - 1)
#define TOKENS_PER_GRANT 10
#define PEOPLE           64
#define LIFETIME_S       86400
#define USERINFO \
    SL("{\"sub\":\"1\",\"name\":\"P1\",\"preferred_username\":\"p1\",\"email\":\"p1@example.com\",\"email_verified\":true}")

static struct {
    struct store *store;
    struct view *view;
    struct pool *pool; /* of the batch */
    struct txn *txn[BATCH];
    size_t n;
} fill;

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "fill: %s\n", what);
    exit(1);
}

static struct now clock_now(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (struct now){ .s = t.tv_sec, .ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

static void commit(void)
{
    view_rest(fill.view);
    store_commit(fill.store, fill.txn, fill.n);
    for (size_t i = 0; i < fill.n; i++)
        if (txn_job(fill.txn[i])->err != ERR_OK)
            die(err_text(txn_job(fill.txn[i])->err));
    fill.n = 0;
    pool_destroy(fill.pool);
    fill.pool = pool_create(POOL_BYTES);
}

static struct txn *next_txn(void)
{
    if (fill.n == BATCH)
        commit();
    fill.txn[fill.n] = txn_create(fill.pool, fill.view, ISSUER);
    return fill.txn[fill.n++];
}

/* ---- clients ---- */

static void put_client(struct txn *t, uint64_t i, enum sign_alg alg, struct slice secret, struct now now)
{
    static const struct slice redirect_uri = { "https://app.example.com/callback", 32 };
    struct client c = { .id = pool_fmt(fill.pool, "c%" PRIu64, i),
                        .name = pool_fmt(fill.pool, "Application %" PRIu64, i),
                        .redirect_uris = { &redirect_uri, 1 },
                        .id_token_alg = alg,
                        .created_at = now.s };

    client_secret_set(&c, secret, 0, now);
    client_put(t, &c);
}

static void fill_clients(uint64_t n, enum sign_alg alg, struct slice secret)
{
    struct now now = clock_now();

    for (uint64_t i = 0; i < n;) {
        struct txn *t = next_txn();
        uint64_t first = i;

        for (; i < n && i - first < CLIENTS_PER_TXN; i++)
            put_client(t, i, alg, secret, now);
        txn_count(t, issuer_count_key(t, CLASS_CLIENT, SLICE_NONE), (int)(i - first), CLIENTS_MAX);
    }
}

/* ---- tokens ---- */

/* Ids hold their millisecond: spread over the past, as tokens are, they do not meet. */
static void put_tokens(struct txn *t, uint64_t number, uint64_t tokens, struct now now)
{
    struct issuer issuer = { .number = ISSUER,
                             .lifetimes = { .code = LIFETIME_S, .access = LIFETIME_S, .id = LIFETIME_S } };
    struct client client = { .id = SL("bench") };
    struct grant g = { .user_id = (int64_t)(number % PEOPLE) + 1,
                       .stable_id = SL("nDev1CNTRL"),
                       .address = SL("100.64.0.1"),
                       .client_id = client.id,
                       .redirect_uri = REDIRECT_URI,
                       .scopes = 1 };

    (void)grant_issue_code(t, &issuer, &client, SLICE_NONE, now, &g);
    for (uint64_t i = 0; i < tokens; i++) {
        struct access_token a = { .scopes = 1, .userinfo = USERINFO };

        (void)access_token_issue(t, &g, LIFETIME_S, now, &a);
    }
}

static void fill_tokens(uint64_t n)
{
    struct now now = clock_now();
    int64_t end_ms = now.ms;

    for (uint64_t i = 0; i < n; i += TOKENS_PER_GRANT) {
        uint64_t tokens = n - i < TOKENS_PER_GRANT ? n - i : TOKENS_PER_GRANT;

        now.ms = end_ms - (int64_t)((n - i) / TOKENS_PER_GRANT);
        put_tokens(next_txn(), i / TOKENS_PER_GRANT, tokens, now);
    }
}

static void open_store(const char *directory)
{
    struct pool *p = pool_create(POOL_BYTES);
    struct slice why = SLICE_NONE;
    const struct store_options o = {
        .directory = directory, .map_bytes = MAP_BYTES, .must_exist = true, .no_sync = true
    };

    if (store_open(p, &o, &fill.store, &why) != ERR_OK)
        die(slice_cstr(p, why));
    fill.view = view_create(fill.store);
    fill.pool = pool_create(POOL_BYTES);
    pool_destroy(p);
}

int main(int argc, char **argv)
{
    enum sign_alg alg = ALG_ES256;
    uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;

    if (argc == 6 && strcmp(argv[2], "clients") == 0 && sign_alg_parse(slice_of(argv[4]), &alg)) {
        open_store(argv[1]);
        fill_clients(n, alg, slice_of(argv[5]));
    } else if (argc == 4 && strcmp(argv[2], "tokens") == 0) {
        open_store(argv[1]);
        fill_tokens(n);
    } else {
        die("usage: the head of tests/bench/fill.c");
    }
    commit();
    pool_destroy(fill.pool);
    view_destroy(fill.view);
    store_close(fill.store);
    return 0;
}
