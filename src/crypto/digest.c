/* SHA-256, HMAC, randomness. OpenSSL 3 looks an algorithm up by name at every use unless it was fetched before, and
 * RAND_bytes costs more than most of what it is asked for: so the digest is fetched once, and each thread keeps a
 * context and a stock of random bytes. What was taken from the stock is wiped there, and after a fork the child
 * draws a new one. */
#include "digest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define RANDOM_STOCK_BYTES 4096
#define SHA256_BLOCK_BYTES 64

struct thread_state {
    EVP_MD_CTX *ctx;
    size_t left; /* random bytes at the end of stock */
    unsigned forks;
    uint8_t stock[RANDOM_STOCK_BYTES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static EVP_MD *sha256_md;
static atomic_uint forks;
static _Thread_local struct thread_state *mine;

/* Hashing and randomness have no answer but the right one. */
static void require(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "avouch: %s failed\n", what);
    abort();
}

static void note_fork(void)
{
    atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void drop_state(void *state)
{
    struct thread_state *t = state;

    mine = NULL;
    EVP_MD_CTX_free(t->ctx);
    OPENSSL_cleanse(t, sizeof(*t));
    free(t);
}

static void fetch(void)
{
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    require(sha256_md != NULL, "fetching SHA-256");
    require(pthread_key_create(&thread_end, drop_state) == 0, "pthread_key_create");
    require(pthread_atfork(NULL, NULL, note_fork) == 0, "pthread_atfork");
}

static struct thread_state *state_of_thread(void)
{
    if (mine != NULL)
        return mine;
    require(pthread_once(&once, fetch) == 0, "pthread_once");
    struct thread_state *t = calloc(1, sizeof(*t));
    require(t != NULL, "allocating memory");
    t->ctx = EVP_MD_CTX_new();
    require(t->ctx != NULL, "making a digest context");
    require(pthread_setspecific(thread_end, t) == 0, "pthread_setspecific");
    mine = t;
    return t;
}

void sha256(struct slice input, uint8_t ret[static SHA256_BYTES])
{
    sha256_parts(&input, 1, ret);
}

void sha256_parts(const struct slice *parts, size_t n, uint8_t ret[static SHA256_BYTES])
{
    EVP_MD_CTX *ctx = state_of_thread()->ctx;

    require(EVP_DigestInit_ex2(ctx, sha256_md, NULL) == 1, "SHA-256");
    for (size_t i = 0; i < n; i++)
        require(EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1, "SHA-256");
    require(EVP_DigestFinal_ex(ctx, ret, NULL) == 1, "SHA-256");
}

void hmac_sha256(const uint8_t key[static SHA256_BYTES], struct slice input, uint8_t ret[static SHA256_BYTES])
{
    uint8_t inner_pad[SHA256_BLOCK_BYTES], outer_pad[SHA256_BLOCK_BYTES];

    memset(inner_pad, 0x36, sizeof(inner_pad)); /* RFC 2104, 2 */
    memset(outer_pad, 0x5c, sizeof(outer_pad));
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        inner_pad[i] ^= key[i];
        outer_pad[i] ^= key[i];
    }
    uint8_t inner[SHA256_BYTES];
    sha256_parts((const struct slice[]){ slice_bytes(inner_pad, sizeof(inner_pad)), input }, 2, inner);
    sha256_parts((const struct slice[]){ slice_bytes(outer_pad, sizeof(outer_pad)), slice_bytes(inner, sizeof(inner)) },
                 2, ret);
    wipe(inner_pad, sizeof(inner_pad));
    wipe(outer_pad, sizeof(outer_pad));
    wipe(inner, sizeof(inner));
}

static void refill(struct thread_state *t, unsigned forks_now)
{
    require(RAND_bytes(t->stock, RANDOM_STOCK_BYTES) == 1, "RAND_bytes");
    t->left = RANDOM_STOCK_BYTES;
    t->forks = forks_now;
}

void random_bytes(void *ret, size_t n)
{
    struct thread_state *t = state_of_thread();
    unsigned forks_now = atomic_load_explicit(&forks, memory_order_relaxed);
    uint8_t *to = ret;

    while (n > 0) {
        if (t->left == 0 || t->forks != forks_now)
            refill(t, forks_now);
        size_t take = n < t->left ? n : t->left;
        uint8_t *from = t->stock + RANDOM_STOCK_BYTES - t->left;
        memcpy(to, from, take);
        wipe(from, take);
        t->left -= take;
        to += take;
        n -= take;
    }
}

bool equal_ct(struct slice a, struct slice b)
{
    if (slice_is_none(a) || slice_is_none(b) || a.n != b.n)
        return false;
    return CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

void wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
