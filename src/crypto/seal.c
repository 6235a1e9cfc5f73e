/* AES-256-GCM over what lies in the database. The nonce is random: with 96 bits, 2^32 blobs under one key are far
 * away from the few keys and secrets that are ever sealed (NIST SP 800-38D 8.3). */
#include "seal.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "digest.h"

#define SEAL_VERSION   1
#define NONCE_BYTES    12
#define TAG_BYTES      16
#define HEAD_BYTES     (1 + NONCE_BYTES)
#define SEAL_BYTES_MAX (1 << 20)

_Static_assert(SEAL_OVERHEAD == HEAD_BYTES + TAG_BYTES, "the layout in seal.h");

struct gcm {
    EVP_CIPHER_CTX *ctx;
    EVP_CIPHER *cipher;
};

static bool start(struct gcm *g, bool encrypt, const uint8_t *key, const uint8_t *nonce, struct slice label)
{
    int n = 0;

    g->ctx = EVP_CIPHER_CTX_new();
    g->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    return g->ctx != NULL && g->cipher != NULL && label.n <= SEAL_BYTES_MAX &&
           EVP_CipherInit_ex2(g->ctx, g->cipher, key, nonce, encrypt, NULL) == 1 &&
           EVP_CipherUpdate(g->ctx, NULL, &n, (const uint8_t *)label.p, (int)label.n) == 1;
}

static void finish(struct gcm *g)
{
    EVP_CIPHER_CTX_free(g->ctx);
    EVP_CIPHER_free(g->cipher);
    ERR_clear_error(); /* what stays in the thread's queue is taken by SSL_get_error for a failure of its connection */
}

struct slice seal(struct pool *p, const uint8_t key[static 32], struct slice label, struct slice plain)
{
    struct gcm g = { NULL, NULL };
    int n = 0, tail = 0;

    if (plain.n > SEAL_BYTES_MAX)
        return SLICE_NONE;
    uint8_t *out = pool_alloc(p, plain.n + SEAL_OVERHEAD);
    out[0] = SEAL_VERSION;
    random_bytes(out + 1, NONCE_BYTES);
    bool done = start(&g, true, key, out + 1, label) &&
                EVP_CipherUpdate(g.ctx, out + HEAD_BYTES, &n, (const uint8_t *)plain.p, (int)plain.n) == 1 &&
                EVP_CipherFinal_ex(g.ctx, out + HEAD_BYTES + n, &tail) == 1 && (size_t)n + (size_t)tail == plain.n &&
                EVP_CIPHER_CTX_ctrl(g.ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, out + HEAD_BYTES + plain.n) == 1;
    finish(&g);
    return done ? slice_bytes(out, plain.n + SEAL_OVERHEAD) : SLICE_NONE;
}

bool unseal(struct pool *p, const uint8_t key[static 32], struct slice label, struct slice sealed,
            struct slice *ret_plain)
{
    struct gcm g = { NULL, NULL };
    int n = 0, tail = 0;
    uint8_t tag[TAG_BYTES];

    if (sealed.n < SEAL_OVERHEAD || sealed.n > SEAL_BYTES_MAX + SEAL_OVERHEAD || sealed.p[0] != SEAL_VERSION)
        return false;
    const uint8_t *in = (const uint8_t *)sealed.p;
    size_t plain_n = sealed.n - SEAL_OVERHEAD;
    uint8_t *out = pool_secret(p, plain_n + 1); /* one more: an empty plain text is present too */
    memcpy(tag, in + HEAD_BYTES + plain_n, TAG_BYTES);
    bool done = start(&g, false, key, in + 1, label) &&
                EVP_CipherUpdate(g.ctx, out, &n, in + HEAD_BYTES, (int)plain_n) == 1 &&
                EVP_CIPHER_CTX_ctrl(g.ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
                EVP_CipherFinal_ex(g.ctx, out + n, &tail) == 1 && (size_t)n + (size_t)tail == plain_n;
    finish(&g);
    if (!done) {
        wipe(out, plain_n); /* deciphered but not authentic */
        return false;
    }
    *ret_plain = slice_bytes(out, plain_n);
    return true;
}
