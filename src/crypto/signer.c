/* The only file that holds private signing keys and the sealing key. Messages come through one queue to all threads.
 * The keys of the registry are never signed with: each thread has copies of its own, for RSA's blinding is a lock
 * per key object, and with each copy a prepared context, for preparing one costs a third of an ES256 signature.
 * Copies are made at first use and all dropped when the registry has changed, so a forgotten key leaves an idle
 * thread's memory only at that thread's next message; it signs nothing. */
#include "signer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "digest.h"
#include "encode.h"
#include "json.h"
#include "seal.h"

#define SIGNER_NICE         5
#define RSA_BITS            2048
#define SIGNATURE_BYTES_MAX 512 /* RSA 4096 */
#define ES256_PART_BYTES    32
#define DER_SEQUENCE        0x30
#define DER_INTEGER         0x02
#define PUBLIC_JSON_MAX     2048

#define KEY_LABEL    SL("avouch key")
#define SECRET_LABEL SL("avouch secret")

struct held_key {
    uint64_t handle;
    enum sign_alg alg;
    EVP_PKEY *key;
};

struct copy {
    uint64_t handle;
    enum sign_alg alg;
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;
};

struct worker {
    struct signer *signer;
    pthread_t thread;
    unsigned generation; /* of the registry that the copies come from */
    size_t n;
    struct copy copies[SIGNER_KEYS_MAX];
};

struct signer {
    struct work_queue queue;
    uint8_t *seal_key;    /* alone in a locked page that no core dump contains */
    pthread_mutex_t lock; /* of the registry */
    size_t n;
    struct held_key keys[SIGNER_KEYS_MAX];
    atomic_uint generation; /* written under lock */
    atomic_size_t signing;  /* threads that are at it: what they do will be sent on soon */
    pthread_mutex_t caller_lock;
    struct worker caller; /* for signer_run */
    unsigned threads;
    struct worker *workers;
};

static const struct alg_row {
    const char *name, *key_type;
    int rsa_padding;
} algs[SIGN_ALG_COUNT] = {
    [ALG_RS256] = { "RS256", "RSA", RSA_PKCS1_PADDING },
    [ALG_ES256] = { "ES256", "EC", 0 },
    [ALG_PS256] = { "PS256", "RSA", RSA_PKCS1_PSS_PADDING },
};

const char *sign_alg_name(enum sign_alg a)
{
    return algs[a].name;
}

bool sign_alg_parse(struct slice name, enum sign_alg *ret)
{
    for (unsigned a = 0; a < SIGN_ALG_COUNT; a++) {
        if (!slice_eq(name, slice_of(algs[a].name)))
            continue;
        *ret = (enum sign_alg)a;
        return true;
    }
    return false;
}

/* ---- the registry ---- */

static struct held_key *find_held(struct signer *s, uint64_t handle)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->keys[i].handle == handle)
            return &s->keys[i];
    return NULL;
}

static bool is_held(struct signer *s, uint64_t handle)
{
    pthread_mutex_lock(&s->lock);
    bool held = find_held(s, handle) != NULL;
    pthread_mutex_unlock(&s->lock);
    return held;
}

/* Takes the key. One already held under the handle gives way where `replace`, or is ERR_EXISTS. */
static enum err hold(struct signer *s, struct held_key new_key, bool replace)
{
    enum err e = ERR_OK;

    pthread_mutex_lock(&s->lock);
    struct held_key *held = find_held(s, new_key.handle);
    if (held != NULL && !replace)
        e = ERR_EXISTS;
    else if (held == NULL && s->n == SIGNER_KEYS_MAX)
        e = ERR_LIMIT;
    else if (held == NULL)
        s->keys[s->n++] = new_key;
    if (e == ERR_OK && held != NULL) {
        EVP_PKEY_free(held->key);
        *held = new_key;
    }
    if (e == ERR_OK)
        atomic_fetch_add(&s->generation, 1);
    pthread_mutex_unlock(&s->lock);
    if (e != ERR_OK)
        EVP_PKEY_free(new_key.key);
    return e;
}

static enum err forget(struct signer *s, uint64_t handle)
{
    pthread_mutex_lock(&s->lock);
    struct held_key *held = find_held(s, handle);
    if (held != NULL) {
        EVP_PKEY_free(held->key);
        *held = s->keys[--s->n];
        atomic_fetch_add(&s->generation, 1);
    }
    pthread_mutex_unlock(&s->lock);
    return held != NULL ? ERR_OK : ERR_NOENT;
}

/* ---- a thread's copies ---- */

static void drop_copies(struct worker *w)
{
    for (size_t i = 0; i < w->n; i++) {
        EVP_PKEY_CTX_free(w->copies[i].ctx);
        EVP_PKEY_free(w->copies[i].key);
    }
    w->n = 0;
}

/* ES256 is the rest: its padding is none. */
static EVP_PKEY_CTX *prepare(EVP_PKEY *key, const struct alg_row *alg)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ready = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
                 (alg->rsa_padding == 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, alg->rsa_padding) == 1) &&
                 EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;

    /* RFC 7518, 3.5: the salt is as long as the digest */
    if (ready && alg->rsa_padding == RSA_PKCS1_PSS_PADDING)
        ready = EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, SHA256_BYTES) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
    if (ready)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static enum err make_copy(struct worker *w, uint64_t handle, struct copy **ret)
{
    struct signer *s = w->signer;
    struct copy copy = { .handle = handle };

    pthread_mutex_lock(&s->lock);
    struct held_key *held = find_held(s, handle);
    unsigned generation = atomic_load(&s->generation);
    if (held != NULL) {
        copy.alg = held->alg;
        copy.key = EVP_PKEY_dup(held->key);
    }
    pthread_mutex_unlock(&s->lock);
    if (held == NULL)
        return ERR_NOENT;
    if (w->generation != generation) /* it changed since copy_of looked */
        drop_copies(w);
    w->generation = generation;
    copy.ctx = copy.key != NULL ? prepare(copy.key, &algs[copy.alg]) : NULL;
    if (copy.ctx == NULL) {
        EVP_PKEY_free(copy.key);
        return ERR_CRYPTO;
    }
    assert(w->n < SIGNER_KEYS_MAX); /* all copies are of one generation of the registry */
    w->copies[w->n] = copy;
    *ret = &w->copies[w->n++];
    return ERR_OK;
}

static enum err copy_of(struct worker *w, uint64_t handle, struct copy **ret)
{
    unsigned generation = atomic_load(&w->signer->generation);

    if (w->generation != generation)
        drop_copies(w);
    w->generation = generation;
    for (size_t i = 0; i < w->n; i++) {
        if (w->copies[i].handle != handle)
            continue;
        *ret = &w->copies[i];
        return ERR_OK;
    }
    return make_copy(w, handle, ret);
}

/* ---- SIGNER_SIGN ---- */

/* One INTEGER of DER off the front of *rest, at most 32 bytes without the sign's zero; ret is filled up with zeros in front. */
static bool take_integer(struct slice *rest, uint8_t ret[static ES256_PART_BYTES])
{
    if (rest->n < 2 || rest->p[0] != DER_INTEGER || (uint8_t)rest->p[1] > rest->n - 2)
        return false;
    struct slice number = slice_head(slice_from(*rest, 2), (uint8_t)rest->p[1]);
    *rest = slice_from(*rest, 2 + number.n);
    while (number.n > 0 && number.p[0] == 0)
        number = slice_from(number, 1);
    if (number.n > ES256_PART_BYTES)
        return false;
    memset(ret, 0, ES256_PART_BYTES);
    memcpy(ret + ES256_PART_BYTES - number.n, number.p, number.n);
    return true;
}

/* JWS has r and s side by side, each as long as the order (RFC 7518, 3.4); openssl makes DER: a SEQUENCE of two INTEGERs, and none of
 * the three lengths needs a second byte. Its own reader costs a twentieth of the signature. */
static bool unpack_ecdsa(uint8_t *signature, size_t *n)
{
    uint8_t parts[2][ES256_PART_BYTES];
    struct slice rest = slice_bytes(signature, *n);

    if (rest.n < 2 || rest.p[0] != DER_SEQUENCE || (size_t)(uint8_t)rest.p[1] != rest.n - 2)
        return false;
    rest = slice_from(rest, 2);
    if (!take_integer(&rest, parts[0]) || !take_integer(&rest, parts[1]) || rest.n != 0)
        return false;
    memcpy(signature, parts, sizeof(parts));
    *n = sizeof(parts);
    return true;
}

static struct slice write_jwt(struct pool *p, struct slice input, struct slice signature)
{
    struct buf b;

    buf_init(&b, p, input.n + 1 + signature.n * 4 / 3 + 1);
    buf_put(&b, input);
    buf_char(&b, '.');
    buf_base64url(&b, signature);
    return buf_finish(&b);
}

static enum err sign_one(struct worker *w, struct pool *p, uint64_t handle, struct slice input, struct slice *ret_jwt)
{
    uint8_t digest[SHA256_BYTES], signature[SIGNATURE_BYTES_MAX];
    size_t n = sizeof(signature);
    struct copy *copy = NULL;

    enum err e = copy_of(w, handle, &copy);
    if (e != ERR_OK)
        return e;
    sha256(input, digest);
    if (EVP_PKEY_sign(copy->ctx, signature, &n, digest, sizeof(digest)) != 1 ||
        (copy->alg == ALG_ES256 && !unpack_ecdsa(signature, &n))) {
        drop_copies(w); /* a context that failed is not used again */
        return ERR_CRYPTO;
    }
    *ret_jwt = write_jwt(p, input, slice_bytes(signature, n));
    return ERR_OK;
}

static enum err sign(struct worker *w, struct signing *m)
{
    struct slice jwt[SIGNING_TOKENS_MAX];

    assert(m->n <= SIGNING_TOKENS_MAX);
    for (unsigned i = 0; i < m->n; i++) {
        enum err e = sign_one(w, m->msg.pool, m->token[i].key, m->token[i].input, &jwt[i]);
        if (e != ERR_OK)
            return e;
    }
    for (unsigned i = 0; i < m->n; i++)
        m->token[i].ret_jwt = jwt[i];
    return ERR_OK;
}

/* ---- SIGNER_GENERATE ---- */

static EVP_PKEY *generate_key(enum sign_alg alg)
{
    switch (alg) {
    case ALG_RS256:
    case ALG_PS256: return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
    case ALG_ES256: return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    }
    return NULL;
}

/* bytes: 0 for the shortest form (Base64urlUInt, RFC 7518, 2), else that many. */
static bool write_number(struct json_writer *w, struct pool *p, const char *member, const EVP_PKEY *key,
                         const char *param, size_t bytes)
{
    uint8_t out[SIGNATURE_BYTES_MAX];
    BIGNUM *number = NULL;

    if (EVP_PKEY_get_bn_param(key, param, &number) != 1)
        return false;
    size_t n = bytes != 0 ? bytes : (size_t)BN_num_bytes(number);
    bool fits = n <= sizeof(out) && BN_bn2binpad(number, out, (int)n) == (int)n;
    BN_free(number);
    if (fits)
        jw_text(w, member, base64url_encode(p, slice_bytes(out, n)));
    return fits;
}

/* The members that RFC 7638 hashes, in its order, so that the text is the thumbprint's input as well. */
static struct slice write_public(struct pool *p, const EVP_PKEY *key, enum sign_alg alg)
{
    struct buf b;
    struct json_writer w;
    bool written;

    buf_init(&b, p, PUBLIC_JSON_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    if (alg == ALG_ES256) {
        jw_text(&w, "crv", SL("P-256"));
        jw_text(&w, "kty", SL("EC"));
        written = write_number(&w, p, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, ES256_PART_BYTES) &&
                  write_number(&w, p, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, ES256_PART_BYTES);
    } else {
        written = write_number(&w, p, "e", key, OSSL_PKEY_PARAM_RSA_E, 0);
        jw_text(&w, "kty", SL("RSA"));
        written = written && write_number(&w, p, "n", key, OSSL_PKEY_PARAM_RSA_N, 0);
    }
    jw_object_end(&w);
    struct slice json = jw_finish(&w);
    return written ? json : SLICE_NONE;
}

static struct slice seal_private(const struct signer *s, struct pool *p, const EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    uint8_t *der = NULL;
    int n = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    struct slice sealed = SLICE_NONE;

    if (n > 0)
        sealed = seal(p, s->seal_key, KEY_LABEL, slice_bytes(der, (size_t)n));
    OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    return sealed;
}

/* A handle in use is refused before the work and again after it: two may have read the same free number in the
 * store, and tokens of the first must not come to be signed with the second's key. */
static enum err generate(struct signer *s, struct generating *m)
{
    if (is_held(s, m->key))
        return ERR_EXISTS;
    EVP_PKEY *key = generate_key(m->alg);
    if (key == NULL)
        return ERR_CRYPTO;
    struct slice public_json = write_public(m->msg.pool, key, m->alg);
    struct slice sealed = seal_private(s, m->msg.pool, key);
    if (slice_is_none(public_json) || slice_is_none(sealed)) {
        EVP_PKEY_free(key);
        return ERR_CRYPTO;
    }
    enum err e = hold(s, (struct held_key){ m->key, m->alg, key }, false);
    if (e != ERR_OK)
        return e;
    m->ret_public = public_json;
    m->ret_sealed = sealed;
    return ERR_OK;
}

/* ---- SIGNER_UNSEAL ---- */

static EVP_PKEY *read_private(struct slice der, enum sign_alg alg)
{
    const uint8_t *at = (const uint8_t *)der.p;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.n);
    EVP_PKEY *key = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
    int bits = alg == ALG_ES256 ? 8 * ES256_PART_BYTES : RSA_BITS;

    PKCS8_PRIV_KEY_INFO_free(info);
    if (key != NULL && EVP_PKEY_is_a(key, algs[alg].key_type) && EVP_PKEY_get_bits(key) == bits)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static enum err unseal_key(struct signer *s, struct unsealing *m)
{
    struct slice plain;

    if (!unseal(m->msg.pool, s->seal_key, m->is_secret ? SECRET_LABEL : KEY_LABEL, m->sealed, &plain))
        return ERR_CRYPTO;
    if (m->is_secret && plain.n != SEAL_KEY_BYTES)
        return ERR_CORRUPT;
    if (m->is_secret) {
        m->ret_secret = plain;
        return ERR_OK;
    }
    EVP_PKEY *key = read_private(plain, m->alg);
    if (key == NULL)
        return ERR_CORRUPT;
    return hold(s, (struct held_key){ m->key, m->alg, key }, true);
}

/* ---- messages ---- */

static enum err handle(struct worker *w, struct signer_msg *m)
{
    switch (m->task) {
    case SIGNER_SIGN: return sign(w, (struct signing *)m);
    case SIGNER_GENERATE: return generate(w->signer, (struct generating *)m);
    case SIGNER_UNSEAL: return unseal_key(w->signer, (struct unsealing *)m);
    case SIGNER_FORGET: return forget(w->signer, ((struct unsealing *)m)->key);
    }
    return ERR_NOENT;
}

static void work(struct worker *w, struct job *j)
{
    j->err = handle(w, (struct signer_msg *)j);
    if (j->err != ERR_OK)
        ERR_clear_error();
}

void signer_run(struct signer *s, struct job *j)
{
    pthread_mutex_lock(&s->caller_lock);
    work(&s->caller, j);
    pthread_mutex_unlock(&s->caller_lock);
}

static void *serve(void *worker)
{
    struct worker *w = worker;
    id_t tid = (id_t)gettid();

    /* Loops come first: signatures saturate the cores, answers must not wait for them. Without the right to it we
     * are merely slower. */
    (void)setpriority(PRIO_PROCESS, tid, getpriority(PRIO_PROCESS, tid) + SIGNER_NICE);
    (void)pthread_setname_np(pthread_self(), "signer");
    for (struct job *j = work_queue_take(&w->signer->queue); j != NULL; j = work_queue_take(&w->signer->queue)) {
        bool signs = ((struct signer_msg *)j)->task == SIGNER_SIGN;
        atomic_fetch_add(&w->signer->signing, signs);
        work(w, j);
        atomic_fetch_sub(&w->signer->signing, signs);
        job_pass(j);
    }
    drop_copies(w);
    return NULL;
}

/* ---- its life ---- */

static uint8_t *lock_seal_key(uint8_t *seal_key)
{
    uint8_t *page = mmap(NULL, SEAL_KEY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (mlock(page, SEAL_KEY_BYTES) != 0 || madvise(page, SEAL_KEY_BYTES, MADV_DONTDUMP) != 0) {
        (void)munmap(page, SEAL_KEY_BYTES);
        return NULL;
    }
    memcpy(page, seal_key, SEAL_KEY_BYTES);
    wipe(seal_key, SEAL_KEY_BYTES);
    return page;
}

/* Signals are the first thread's: a signer takes none. */
static bool start_threads(struct signer *s, unsigned threads)
{
    sigset_t all, before;

    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    for (bool started = true; started && s->threads < threads; s->threads += started) {
        struct worker *w = &s->workers[s->threads];
        w->signer = s;
        started = pthread_create(&w->thread, NULL, serve, w) == 0;
    }
    return pthread_sigmask(SIG_SETMASK, &before, NULL) == 0 && s->threads == threads;
}

enum err signer_create(unsigned threads, uint8_t seal_key[static SEAL_KEY_BYTES], struct signer **ret)
{
    struct signer *s = calloc(1, sizeof(*s));
    struct worker *workers = calloc(threads + 1UL, sizeof(*workers));
    uint8_t *page = lock_seal_key(seal_key);

    if (s == NULL || workers == NULL || page == NULL) {
        free(s);
        free(workers);
        if (page != NULL)
            (void)munmap(page, SEAL_KEY_BYTES);
        return ERR_LIMIT;
    }
    s->seal_key = page;
    s->workers = workers;
    s->caller.signer = s;
    work_queue_init(&s->queue);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->caller_lock, NULL);
    if (!start_threads(s, threads)) {
        signer_destroy(s);
        return ERR_LIMIT;
    }
    *ret = s;
    return ERR_OK;
}

void signer_destroy(struct signer *s)
{
    if (s == NULL)
        return;
    work_queue_close(&s->queue);
    for (unsigned i = 0; i < s->threads; i++)
        (void)pthread_join(s->workers[i].thread, NULL);
    drop_copies(&s->caller);
    for (size_t i = 0; i < s->n; i++)
        EVP_PKEY_free(s->keys[i].key);
    work_queue_finish(&s->queue);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->caller_lock);
    wipe(s->seal_key, SEAL_KEY_BYTES);
    (void)munmap(s->seal_key, SEAL_KEY_BYTES);
    free(s->workers);
    free(s);
}

struct queue *signer_queue(struct signer *s)
{
    return &s->queue.queue;
}

size_t signer_backlog(const struct signer *s)
{
    /* the length is taken under the queue's lock, which const does not promise to leave alone */
    return work_queue_length((struct work_queue *)(uintptr_t)&s->queue) + atomic_load(&s->signing);
}

struct slice signer_seal_secret(struct signer *s, struct pool *pool, struct slice secret)
{
    assert(secret.n == SEAL_KEY_BYTES);
    return seal(pool, s->seal_key, SECRET_LABEL, secret);
}
