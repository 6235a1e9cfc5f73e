/* The signer by its messages: without threads for the rules, with four for the copies. One RSA key is made (that
 * takes a while) and serves all tests. */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "digest.h"
#include "encode.h"
#include "jose.h"
#include "seal.h"
#include "signer.h"
#include "tap.h"

#define KEY_RS256  1
#define KEY_ES256  2
#define KEY_PS256  3
#define KEY_ABSENT 99

static const uint8_t seal_key[SEAL_KEY_BYTES] = { 7, 7, 7 };
static struct pool *made; /* holds what the generating messages answered */
static struct generating rsa, ec;

static struct signer *create(unsigned threads)
{
    uint8_t key[SEAL_KEY_BYTES];
    struct signer *s = NULL;

    memcpy(key, seal_key, sizeof(key));
    CHECK_INT(signer_create(threads, key, &s), ERR_OK);
    CHECK_INT(key[0], 0); /* wiped where it came from */
    return s;
}

static enum err unseal_as(struct signer *s, struct pool *p, uint64_t handle, enum sign_alg alg, struct slice sealed)
{
    struct unsealing m = { .msg = { .task = SIGNER_UNSEAL, .pool = p }, .key = handle, .alg = alg, .sealed = sealed };

    signer_run(s, &m.msg.job);
    return m.msg.job.err;
}

static enum err forget(struct signer *s, uint64_t handle)
{
    struct unsealing m = { .msg = { .task = SIGNER_FORGET }, .key = handle };

    signer_run(s, &m.msg.job);
    return m.msg.job.err;
}

static struct signer *create_with_keys(unsigned threads)
{
    struct signer *s = create(threads);

    CHECK_INT(unseal_as(s, made, KEY_RS256, ALG_RS256, rsa.ret_sealed), ERR_OK);
    CHECK_INT(unseal_as(s, made, KEY_PS256, ALG_PS256, rsa.ret_sealed), ERR_OK);
    CHECK_INT(unseal_as(s, made, KEY_ES256, ALG_ES256, ec.ret_sealed), ERR_OK);
    return s;
}

static struct slice input_for(struct pool *p, enum sign_alg alg)
{
    struct slice header = pool_fmt(p, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"k\"}", sign_alg_name(alg));
    struct slice first = base64url_encode(p, header), second = base64url_encode(p, SL("{\"sub\":\"1\"}"));

    return pool_fmt(p, SLICE_FMT "." SLICE_FMT, SLICE_ARG(first), SLICE_ARG(second));
}

static void prepare(struct signing *m, struct pool *p, uint64_t handle, enum sign_alg alg)
{
    memset(m, 0, sizeof(*m));
    m->msg.task = SIGNER_SIGN;
    m->msg.pool = p;
    m->n = 1;
    m->token[0].key = handle;
    m->token[0].input = input_for(p, alg);
}

static bool verifies(struct pool *p, struct slice jwt, struct slice public_jwk)
{
    struct jws jws;
    struct jwk *key;

    return jwk_parse(p, public_jwk, &key) == ERR_OK && jws_parse(p, jwt, &jws) == ERR_OK && jws_verify(p, &jws, key);
}

static void test_names(void)
{
    enum sign_alg alg = ALG_PS256;

    CHECK_TEXT(slice_of(sign_alg_name(ALG_RS256)), "RS256");
    CHECK_TEXT(slice_of(sign_alg_name(ALG_ES256)), "ES256");
    CHECK_TEXT(slice_of(sign_alg_name(ALG_PS256)), "PS256");
    CHECK(!sign_alg_parse(SL("none"), &alg) && !sign_alg_parse(SL("HS256"), &alg) &&
          !sign_alg_parse(SL("rs256"), &alg));
    CHECK(!sign_alg_parse(SL("RS2567"), &alg) && !sign_alg_parse(SL("RS25"), &alg) &&
          !sign_alg_parse(SLICE_NONE, &alg));
    CHECK_INT(alg, ALG_PS256);
    CHECK(sign_alg_parse(SL("ES256"), &alg) && alg == ALG_ES256);
}

static void test_generate(void)
{
    struct signer *s = create(0);

    made = pool_create(1 << 20);
    rsa = (struct generating){ .msg = { .task = SIGNER_GENERATE, .pool = made }, .key = 10, .alg = ALG_RS256 };
    ec = (struct generating){ .msg = { .task = SIGNER_GENERATE, .pool = made }, .key = 11, .alg = ALG_ES256 };
    signer_run(s, &rsa.msg.job);
    signer_run(s, &ec.msg.job);
    CHECK_INT(rsa.msg.job.err, ERR_OK);
    CHECK_INT(ec.msg.job.err, ERR_OK);
    /* the thumbprint's input: nothing but the required members, in RFC 7638's order, without blanks */
    CHECK(slice_starts(rsa.ret_public, SL("{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"")));
    CHECK_INT(rsa.ret_public.n, strlen("{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"\"}") + 342);
    CHECK(slice_starts(ec.ret_public, SL("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"")));
    CHECK_INT(ec.ret_public.n, strlen("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"\",\"y\":\"\"}") + 43 + 43);

    struct signing m;
    prepare(&m, made, 11, ALG_ES256); /* usable at once */
    signer_run(s, &m.msg.job);
    CHECK_INT(m.msg.job.err, ERR_OK);
    CHECK(verifies(made, m.token[0].ret_jwt, ec.ret_public));

    struct generating again = ec; /* a handle in use is not taken over */
    again.ret_public = SLICE_NONE;
    signer_run(s, &again.msg.job);
    CHECK_INT(again.msg.job.err, ERR_EXISTS);
    CHECK(slice_is_none(again.ret_public));
    signer_destroy(s);
}

static void test_round_trip(void)
{
    static const struct {
        uint64_t handle;
        enum sign_alg alg;
    } rows[] = { { KEY_RS256, ALG_RS256 }, { KEY_ES256, ALG_ES256 }, { KEY_PS256, ALG_PS256 } };
    struct signer *s = create_with_keys(0);
    struct pool *p = pool_create(1 << 20);

    for (size_t i = 0; i < 3; i++) {
        struct signing m;
        prepare(&m, p, rows[i].handle, rows[i].alg);
        struct slice right = rows[i].alg == ALG_ES256 ? ec.ret_public : rsa.ret_public;
        struct slice wrong = rows[i].alg == ALG_ES256 ? rsa.ret_public : ec.ret_public;
        for (unsigned times = 0; times < 40;
             times++) { /* the prepared context is used again; ES256's DER varies in length */
            signer_run(s, &m.msg.job);
            CHECK_INT(m.msg.job.err, ERR_OK);
            CHECK(slice_starts(m.token[0].ret_jwt, m.token[0].input));
            CHECK(verifies(p, m.token[0].ret_jwt, right));
        }
        CHECK(!verifies(p, m.token[0].ret_jwt, wrong));
    }
    pool_destroy(p);
    signer_destroy(s);
}

static void test_all_or_none(void)
{
    struct signer *s = create_with_keys(0);
    struct pool *p = pool_create(1 << 20);
    struct signing m;

    prepare(&m, p, KEY_RS256, ALG_RS256);
    m.n = 2;
    m.token[1].key = KEY_ABSENT;
    m.token[1].input = m.token[0].input;
    signer_run(s, &m.msg.job);
    CHECK_INT(m.msg.job.err, ERR_NOENT);
    CHECK(slice_is_none(m.token[0].ret_jwt) && slice_is_none(m.token[1].ret_jwt));
    m.token[1].key = KEY_ES256;
    m.token[1].input = input_for(p, ALG_ES256);
    signer_run(s, &m.msg.job);
    CHECK_INT(m.msg.job.err, ERR_OK);
    CHECK(verifies(p, m.token[0].ret_jwt, rsa.ret_public) && verifies(p, m.token[1].ret_jwt, ec.ret_public));
    pool_destroy(p);
    signer_destroy(s);
}

static void test_forget_and_replace(void)
{
    struct signer *s = create_with_keys(0);
    struct pool *p = pool_create(1 << 20);
    struct signing m;

    prepare(&m, p, KEY_ES256, ALG_ES256);
    signer_run(s, &m.msg.job);
    CHECK_INT(m.msg.job.err, ERR_OK);
    CHECK_INT(forget(s, KEY_ES256), ERR_OK);
    signer_run(s, &m.msg.job); /* though this thread had a copy */
    CHECK_INT(m.msg.job.err, ERR_NOENT);
    CHECK_INT(forget(s, KEY_ES256), ERR_NOENT);

    /* another key under the handle: signatures are the new one's */
    struct generating other = { .msg = { .task = SIGNER_GENERATE, .pool = p }, .key = KEY_ES256, .alg = ALG_ES256 };
    signer_run(s, &other.msg.job);
    signer_run(s, &m.msg.job);
    CHECK(verifies(p, m.token[0].ret_jwt, other.ret_public));
    CHECK_INT(unseal_as(s, p, KEY_ES256, ALG_ES256, ec.ret_sealed), ERR_OK);
    signer_run(s, &m.msg.job);
    CHECK(verifies(p, m.token[0].ret_jwt, ec.ret_public) && !verifies(p, m.token[0].ret_jwt, other.ret_public));
    pool_destroy(p);
    signer_destroy(s);
}

static void test_unseal_refusals(void)
{
    struct signer *s = create(0);
    struct pool *p = pool_create(1 << 20);
    uint8_t foreign_key[SEAL_KEY_BYTES] = { 8 };
    struct slice secret = signer_seal_secret(s, p, SL("0123456789abcdef0123456789abcdef"));

    CHECK_INT(unseal_as(s, p, 1, ALG_ES256, rsa.ret_sealed), ERR_CORRUPT); /* a key, of the other type */
    CHECK_INT(unseal_as(s, p, 1, ALG_RS256, ec.ret_sealed), ERR_CORRUPT);
    CHECK_INT(unseal_as(s, p, 1, ALG_PS256, ec.ret_sealed), ERR_CORRUPT);
    CHECK_INT(unseal_as(s, p, 1, ALG_ES256, secret), ERR_CRYPTO); /* a secret does not pose as a key */
    CHECK_INT(unseal_as(s, p, 1, ALG_ES256, seal(p, foreign_key, SL("avouch key"), SL("x"))), ERR_CRYPTO);
    CHECK_INT(unseal_as(s, p, 1, ALG_ES256, seal(p, seal_key, SL("avouch key"), SL("x"))), ERR_CORRUPT);
    CHECK_INT(unseal_as(s, p, 1, ALG_ES256, SLICE_NONE), ERR_CRYPTO);
    CHECK_INT(forget(s, 1), ERR_NOENT); /* none of them left a key */
    pool_destroy(p);
    signer_destroy(s);
}

static void test_secret(void)
{
    struct signer *s = create(0);
    struct pool *p = pool_create(1 << 20);
    struct slice secret = SL("0123456789abcdef0123456789abcdef");
    struct unsealing m = { .msg = { .task = SIGNER_UNSEAL, .pool = p }, .is_secret = true };

    m.sealed = signer_seal_secret(s, p, secret);
    signer_run(s, &m.msg.job);
    CHECK_INT(m.msg.job.err, ERR_OK);
    CHECK(slice_eq(m.ret_secret, secret));
    m.ret_secret = SLICE_NONE;
    m.sealed = rsa.ret_sealed; /* a key does not come out as a secret */
    signer_run(s, &m.msg.job);
    CHECK_INT(m.msg.job.err, ERR_CRYPTO);
    m.sealed = seal(p, seal_key, SL("avouch secret"), SL("short"));
    signer_run(s, &m.msg.job);
    CHECK_INT(m.msg.job.err, ERR_CORRUPT);
    CHECK(slice_is_none(m.ret_secret));
    pool_destroy(p);
    signer_destroy(s);
}

static void test_limit(void)
{
    struct signer *s = create(0);
    struct pool *p = pool_create(1 << 20);

    for (uint64_t i = 0; i < SIGNER_KEYS_MAX; i++)
        CHECK_INT(unseal_as(s, p, i, ALG_ES256, ec.ret_sealed), ERR_OK);
    CHECK_INT(unseal_as(s, p, SIGNER_KEYS_MAX, ALG_ES256, ec.ret_sealed), ERR_LIMIT);
    CHECK_INT(unseal_as(s, p, 5, ALG_ES256, ec.ret_sealed), ERR_OK);
    for (uint64_t i = 0; i < SIGNER_KEYS_MAX; i++) {
        struct signing m;
        prepare(&m, p, i, ALG_ES256);
        signer_run(s, &m.msg.job);
        CHECK_INT(m.msg.job.err, ERR_OK);
    }
    CHECK_INT(forget(s, 5), ERR_OK);
    CHECK_INT(unseal_as(s, p, SIGNER_KEYS_MAX, ALG_ES256, ec.ret_sealed), ERR_OK);
    pool_destroy(p);
    signer_destroy(s);
}

/* ---- with threads ---- */

#define THREADS 4
#define JOBS    400

struct home {
    struct inbox inbox; /* first */
    sem_t woken;
};

static unsigned landed;

static void wake(struct inbox *in)
{
    (void)sem_post(&((struct home *)in)->woken);
}

static void land(struct job *j)
{
    struct signing *m = (struct signing *)j;

    landed++;
    CHECK_INT(j->err, ERR_OK);
    CHECK(verifies(m->msg.pool, m->token[0].ret_jwt, m->token[0].key == KEY_ES256 ? ec.ret_public : rsa.ret_public));
}

static void count(struct job *j)
{
    landed++;
}

static void wait_for(struct home *home, unsigned jobs)
{
    while (landed < jobs) {
        (void)sem_wait(&home->woken);
        (void)inbox_drain(&home->inbox);
    }
}

static void send(struct signer *s, struct home *home, struct job *j, void (*then)(struct job *))
{
    j->at = signer_queue(s);
    j->home = &home->inbox;
    j->land = then;
    job_send(j);
}

/* Under a new handle: every thread's copies are dropped and made anew. */
static void send_key(struct signer *s, struct home *home, struct unsealing *m, uint64_t handle)
{
    *m = (struct unsealing){ .msg = { .task = SIGNER_UNSEAL, .pool = pool_create(1 << 16) }, .alg = ALG_ES256 };
    m->key = handle;
    m->sealed = ec.ret_sealed;
    send(s, home, &m->msg.job, count);
}

static void test_threads(void)
{
    static struct signing jobs[JOBS];
    static struct unsealing changes[JOBS / 20];
    static const struct home empty_home;
    struct home home = empty_home;
    struct signer *s = create_with_keys(THREADS);

    inbox_init(&home.inbox, wake);
    CHECK_INT(sem_init(&home.woken, 0, 0), 0);
    landed = 0;
    for (size_t i = 0; i < JOBS; i++) {
        /* each third landing verifies a PS256 or ES256 signature; keys come in between */
        uint64_t handle = i % 3 + KEY_RS256;
        prepare(&jobs[i], pool_create(1 << 16), handle, (enum sign_alg)(handle - KEY_RS256));
        send(s, &home, &jobs[i].msg.job, land);
        if (i % 20 == 0)
            send_key(s, &home, &changes[i / 20], 1000 + i);
    }
    wait_for(&home, JOBS + JOBS / 20);
    CHECK_INT(signer_backlog(s), 0);
    for (size_t i = 0; i < JOBS; i++)
        pool_destroy(jobs[i].msg.pool);
    for (size_t i = 0; i < JOBS / 20; i++) {
        CHECK_INT(changes[i].msg.job.err, ERR_OK);
        pool_destroy(changes[i].msg.pool);
    }
    inbox_finish(&home.inbox);
    (void)sem_destroy(&home.woken);
    signer_destroy(s);
}

/* Generated under one handle at once: one wins, and the handle signs with the winner's key. */
static void test_generate_race(void)
{
    struct generating jobs[THREADS];
    static const struct home empty_home;
    struct home home = empty_home;
    struct signer *s = create(THREADS);
    struct pool *p = pool_create(1 << 16);
    struct slice winner = SLICE_NONE;
    struct signing m;

    inbox_init(&home.inbox, wake);
    CHECK_INT(sem_init(&home.woken, 0, 0), 0);
    landed = 0;
    for (size_t i = 0; i < THREADS; i++) {
        struct signer_msg msg = { .task = SIGNER_GENERATE, .pool = pool_create(1 << 16) };
        jobs[i] = (struct generating){ .msg = msg, .key = 5, .alg = ALG_ES256 };
        send(s, &home, &jobs[i].msg.job, count);
    }
    wait_for(&home, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(jobs[i].msg.job.err == ERR_EXISTS || slice_is_none(winner));
        if (jobs[i].msg.job.err == ERR_OK)
            winner = pool_dup(p, jobs[i].ret_public);
        pool_destroy(jobs[i].msg.pool);
    }
    prepare(&m, p, 5, ALG_ES256);
    signer_run(s, &m.msg.job);
    CHECK(verifies(p, m.token[0].ret_jwt, winner));
    inbox_finish(&home.inbox);
    (void)sem_destroy(&home.woken);
    pool_destroy(p);
    signer_destroy(s);
}

static void test_no_threads(void)
{
    struct signer *s = create(0);
    struct signing m;
    struct pool *p = pool_create(1 << 16);

    prepare(&m, p, KEY_ES256, ALG_ES256);
    m.msg.job.at = signer_queue(s);
    job_send(&m.msg.job);
    CHECK_INT(signer_backlog(s), 1); /* it waits: nobody takes it */
    pool_destroy(p);
    signer_destroy(s);
    signer_destroy(NULL);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "algorithms by name", test_names },
        { "generated keys sign, and are never taken over", test_generate },
        { "each algorithm's signatures verify with the right key only", test_round_trip },
        { "several tokens: all or none", test_all_or_none },
        { "a forgotten key signs no more, a replaced one is replaced", test_forget_and_replace },
        { "what is not a sealed key of ours is refused", test_unseal_refusals },
        { "secrets come back, as secrets only", test_secret },
        { "no more than SIGNER_KEYS_MAX", test_limit },
        { "four threads", test_threads },
        { "of keys generated under one handle one wins", test_generate_race },
        { "without threads the queue only gathers", test_no_threads },
    };
    int failed = TAP_RUN(tests);

    pool_destroy(made);
    return failed;
}
