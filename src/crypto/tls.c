/* The TLS context of a listener. Every failure is a sentence for the operator, so files are opened and keys compared
 * here before openssl is asked; and a key with a passphrase is refused rather than asked for on the terminal. */
#include "tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "digest.h"

#define SESSION_CONTEXT_BYTES 16

/* TLS 1.2 only with forward secrecy and AEAD (RFC 9325, 4.2); TLS 1.3 has no others. */
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

struct loading {
    struct pool *pool;
    const char *certificate_name, *key_name; /* files, or whoever gave them */
    BIO *certificate, *key;
    SSL_CTX *ctx;
    struct slice why;
};

static bool fail(struct loading *l, struct slice why)
{
    l->why = why;
    return false;
}

static bool open_file(struct loading *l, const char *file, BIO **ret)
{
    FILE *f = fopen(file, "re");

    if (f == NULL)
        return fail(l, pool_fmt(l->pool, "%s: %s", file, strerrordesc_np(errno)));
    *ret = BIO_new_fp(f, BIO_CLOSE);
    if (*ret != NULL)
        return true;
    (void)fclose(f);
    return fail(l, SL("openssl has no memory"));
}

static int select_http1(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                        unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;

    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK; /* goes on as HTTP/1.1 without the extension */
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_up(struct loading *l)
{
    uint8_t session_context[SESSION_CONTEXT_BYTES];

    l->ctx = SSL_CTX_new(TLS_server_method());
    /* One context's sessions are no other's: resumption must not cross listeners. */
    random_bytes(session_context, sizeof(session_context));
    if (l->ctx == NULL || SSL_CTX_set_min_proto_version(l->ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(l->ctx, ciphers) != 1 ||
        SSL_CTX_set_session_id_context(l->ctx, session_context, sizeof(session_context)) != 1)
        return fail(l, SL("openssl cannot make a TLS context"));
    (void)SSL_CTX_set_options(l->ctx,
                              SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_mode(l->ctx, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(l->ctx, SSL_SESS_CACHE_OFF); /* tickets resume; nothing grows here */
    SSL_CTX_set_alpn_select_cb(l->ctx, select_http1, NULL);
    return true;
}

/* The certificates that follow the first one are its chain. */
static bool use_chain(struct loading *l)
{
    X509 *next = PEM_read_bio_X509(l->certificate, NULL, NULL, NULL);

    while (next != NULL) {
        if (SSL_CTX_add0_chain_cert(l->ctx, next) != 1) {
            X509_free(next);
            return false;
        }
        next = PEM_read_bio_X509(l->certificate, NULL, NULL, NULL);
    }
    return true;
}

static bool use_certificate(struct loading *l)
{
    X509 *first = PEM_read_bio_X509(l->certificate, NULL, NULL, NULL);
    bool used = first != NULL && SSL_CTX_use_certificate(l->ctx, first) == 1 && use_chain(l);

    X509_free(first);
    return used || fail(l, pool_fmt(l->pool, "%s does not hold a certificate in PEM form", l->certificate_name));
}

static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    return -1;
}

static bool use_key(struct loading *l)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(l->key, NULL, no_passphrase, NULL);

    if (key == NULL)
        return fail(l,
                    pool_fmt(l->pool, "%s does not hold a private key in PEM form without a passphrase", l->key_name));
    bool fits = X509_check_private_key(SSL_CTX_get0_certificate(l->ctx), key) == 1;
    bool used = fits && SSL_CTX_use_PrivateKey(l->ctx, key) == 1;
    EVP_PKEY_free(key);
    if (!fits)
        return fail(l, pool_fmt(l->pool, "the key in %s does not belong to the certificate in %s", l->key_name,
                                l->certificate_name));
    return used || fail(l, pool_fmt(l->pool, "the key in %s is of a kind that TLS cannot use", l->key_name));
}

static struct slice date_text(struct pool *p, const ASN1_TIME *t)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return SL("an unreadable date");
    return pool_fmt(p, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static bool is_in_time(struct loading *l)
{
    const X509 *certificate = SSL_CTX_get0_certificate(l->ctx);
    const ASN1_TIME *from = X509_get0_notBefore(certificate), *to = X509_get0_notAfter(certificate);
    struct slice date = date_text(l->pool, X509_cmp_current_time(to) > 0 ? from : to);

    if (X509_cmp_current_time(to) <= 0)
        return fail(
            l, pool_fmt(l->pool, "the certificate in %s expired on " SLICE_FMT, l->certificate_name, SLICE_ARG(date)));
    if (X509_cmp_current_time(from) >= 0)
        return fail(l, pool_fmt(l->pool, "the certificate in %s is not valid before " SLICE_FMT, l->certificate_name,
                                SLICE_ARG(date)));
    return true;
}

static enum err finish(struct loading *l, bool opened, struct ssl_ctx_st **ret, struct slice *ret_why)
{
    bool loaded = opened && set_up(l) && use_certificate(l) && use_key(l) && is_in_time(l);

    (void)BIO_free(l->certificate);
    (void)BIO_free(l->key);
    ERR_clear_error(); /* else a connection's SSL_get_error on this thread would find it */
    if (!loaded) {
        SSL_CTX_free(l->ctx);
        *ret_why = l->why;
        return ERR_CONFIG;
    }
    *ret = l->ctx;
    return ERR_OK;
}

enum err tls_load(struct pool *p, struct slice certificate_file, struct slice key_file, struct ssl_ctx_st **ret,
                  struct slice *ret_why)
{
    struct loading l = { .pool = p,
                         .certificate_name = slice_cstr(p, certificate_file),
                         .key_name = slice_cstr(p, key_file),
                         .why = SLICE_NONE };

    ERR_clear_error();
    bool opened = open_file(&l, l.certificate_name, &l.certificate) && open_file(&l, l.key_name, &l.key);
    return finish(&l, opened, ret, ret_why);
}

enum err tls_load_pem(struct pool *p, const char *from, struct slice pem, struct ssl_ctx_st **ret,
                      struct slice *ret_why)
{
    struct loading l = { .pool = p, .certificate_name = from, .key_name = from, .why = SL("openssl has no memory") };

    ERR_clear_error();
    if (pem.n > TLS_PEM_BYTES_MAX) {
        *ret_why = pool_fmt(p, "%s is longer than a certificate is", from);
        return ERR_CONFIG;
    }
    l.certificate = BIO_new_mem_buf(pem.p, (int)pem.n);
    l.key = BIO_new_mem_buf(pem.p, (int)pem.n);
    return finish(&l, l.certificate != NULL && l.key != NULL, ret, ret_why);
}

int64_t tls_expires_at(struct ssl_ctx_st *ctx)
{
    struct tm tm;

    return ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx)), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

struct ssl_ctx_st *tls_ref(struct ssl_ctx_st *ctx)
{
    (void)SSL_CTX_up_ref(ctx); /* counts; fails only if the count were to overflow */
    return ctx;
}

void tls_unref(struct ssl_ctx_st *ctx)
{
    SSL_CTX_free(ctx);
}
