/* Certificates are made here, so that none expires under the test. Handshakes run through memory. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "buf.h"
#include "tap.h"
#include "tls.h"

#define HANDSHAKE_TURNS 20

static char folder[] = "/tmp/avouch-test-tls-XXXXXX";

static struct slice path(struct pool *p, const char *name)
{
    return pool_fmt(p, "%s/%s", folder, name);
}

static FILE *open_to_write(const char *name)
{
    struct pool *p = pool_create(4096);
    FILE *f = fopen(slice_cstr(p, path(p, name)), "we");

    pool_destroy(p);
    if (f == NULL)
        abort();
    return f;
}

/* from, to: UTC, YYYYMMDDHHMMSSZ */
static void make_certificate(const char *name, EVP_PKEY *key, const char *from, const char *to)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    FILE *f = open_to_write(name);

    CHECK_INT(X509_set_version(x, X509_VERSION_3), 1);
    CHECK_INT(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
    CHECK_INT(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)"idp.example.ts.net", -1, -1, 0),
              1);
    CHECK_INT(X509_set_issuer_name(x, subject), 1);
    CHECK_INT(ASN1_TIME_set_string_X509(X509_getm_notBefore(x), from), 1);
    CHECK_INT(ASN1_TIME_set_string_X509(X509_getm_notAfter(x), to), 1);
    CHECK_INT(X509_set_pubkey(x, key), 1);
    CHECK(X509_sign(x, key, EVP_sha256()) > 0);
    CHECK_INT(PEM_write_X509(f, x), 1);
    CHECK_INT(fclose(f), 0);
    X509_free(x);
}

static void write_key(const char *name, EVP_PKEY *key, const char *passphrase)
{
    FILE *f = open_to_write(name);
    int n = passphrase != NULL ? (int)strlen(passphrase) : 0;

    CHECK_INT(PEM_write_PKCS8PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL, passphrase, n, NULL, NULL), 1);
    CHECK_INT(fclose(f), 0);
}

static void write_text(const char *name, const char *text)
{
    FILE *f = open_to_write(name);

    CHECK(fputs(text, f) >= 0);
    CHECK_INT(fclose(f), 0);
}

static void make_files(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

    make_certificate("good.pem", key, "20200101000000Z", "20990101000000Z");
    make_certificate("expired.pem", key, "20200101000000Z", "20210304050607Z");
    make_certificate("early.pem", key, "20980203000000Z", "20990101000000Z");
    write_key("good.key", key, NULL);
    write_key("other.key", other, NULL);
    write_key("locked.key", key, "passphrase");
    write_text("text.pem", "no certificate\n");
    write_text("empty.pem", "");
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static struct ssl_ctx_st *load(struct pool *p)
{
    struct ssl_ctx_st *ctx = NULL;
    struct slice why = SLICE_NONE;

    CHECK_INT(tls_load(p, path(p, "good.pem"), path(p, "good.key"), &ctx, &why), ERR_OK);
    CHECK(ctx != NULL && slice_is_none(why));
    return ctx;
}

static void test_load(void)
{
    struct pool *p = pool_create(1 << 16);
    struct ssl_ctx_st *ctx = load(p);

    CHECK(tls_ref(ctx) == ctx);
    tls_unref(ctx);
    CHECK_INT(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
    tls_unref(ctx);
    tls_unref(NULL);
    CHECK_INT(ERR_peek_error(), 0);
    pool_destroy(p);
}

/* In what is wanted @ stands for the folder. */
static void check_refused(const char *certificate, const char *key, const char *want)
{
    struct pool *p = pool_create(1 << 16);
    struct ssl_ctx_st *ctx = NULL;
    struct slice why = SLICE_NONE;
    struct buf text;

    buf_init(&text, p, 1024);
    for (; *want != '\0'; want++) {
        if (*want == '@')
            buf_fmt(&text, "%s/", folder);
        else
            buf_char(&text, *want);
    }
    CHECK_INT(tls_load(p, path(p, certificate), path(p, key), &ctx, &why), ERR_CONFIG);
    CHECK_TEXT(why, slice_cstr(p, buf_finish(&text)));
    CHECK(ctx == NULL);
    CHECK_INT(ERR_peek_error(), 0);
    pool_destroy(p);
}

static void test_refusals(void)
{
    check_refused("absent.pem", "good.key", "@absent.pem: No such file or directory");
    check_refused("good.pem", "absent.key", "@absent.key: No such file or directory");
    check_refused("text.pem", "good.key", "@text.pem does not hold a certificate in PEM form");
    check_refused("empty.pem", "good.key", "@empty.pem does not hold a certificate in PEM form");
    check_refused("good.pem", "good.pem", "@good.pem does not hold a private key in PEM form without a passphrase");
    check_refused("good.pem", "locked.key", "@locked.key does not hold a private key in PEM form without a passphrase");
    check_refused("good.pem", "other.key", "the key in @other.key does not belong to the certificate in @good.pem");
    check_refused("expired.pem", "good.key", "the certificate in @expired.pem expired on 2021-03-04");
    check_refused("early.pem", "good.key", "the certificate in @early.pem is not valid before 2098-02-03");
}

/* ---- handshakes ---- */

struct handshake {
    SSL_CTX *client_ctx;
    SSL *client, *server;
    bool done;
};

static void connect_ends(struct handshake *h, SSL_CTX *server_ctx)
{
    BIO *client_end = NULL, *server_end = NULL;

    h->client = SSL_new(h->client_ctx);
    h->server = SSL_new(server_ctx);
    CHECK_INT(BIO_new_bio_pair(&client_end, 0, &server_end, 0), 1);
    SSL_set_bio(h->client, client_end, client_end);
    SSL_set_bio(h->server, server_end, server_end);
    SSL_set_connect_state(h->client);
    SSL_set_accept_state(h->server);
    for (int i = 0; i < HANDSHAKE_TURNS && !h->done; i++) {
        (void)SSL_do_handshake(h->client);
        (void)SSL_do_handshake(h->server);
        h->done = SSL_is_init_finished(h->client) == 1 && SSL_is_init_finished(h->server) == 1;
    }
    ERR_clear_error();
}

static void finish(struct handshake *h)
{
    SSL_free(h->client);
    SSL_free(h->server);
    SSL_CTX_free(h->client_ctx);
}

static struct handshake client_of(int min_version, int max_version)
{
    struct handshake h = { .client_ctx = SSL_CTX_new(TLS_client_method()) };

    SSL_CTX_set_security_level(h.client_ctx, 0); /* that old versions fail by the server's will */
    CHECK_INT(SSL_CTX_set_min_proto_version(h.client_ctx, min_version), 1);
    CHECK_INT(SSL_CTX_set_max_proto_version(h.client_ctx, max_version), 1);
    return h;
}

static void test_versions(void)
{
    static const struct {
        int version;
        bool want;
    } rows[] = {
        { TLS1_VERSION, false }, { TLS1_1_VERSION, false }, { TLS1_2_VERSION, true }, { TLS1_3_VERSION, true }
    };
    struct pool *p = pool_create(1 << 16);
    struct ssl_ctx_st *ctx = load(p);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct handshake h = client_of(rows[i].version, rows[i].version);
        connect_ends(&h, ctx);
        CHECK_INT(h.done, rows[i].want);
        finish(&h);
    }
    tls_unref(ctx);
    pool_destroy(p);
}

static void test_ciphers(void)
{
    static const struct {
        const char *cipher;
        bool want;
    } rows[] = { { "ECDHE-ECDSA-AES128-GCM-SHA256", true },
                 { "ECDHE-ECDSA-AES256-GCM-SHA384", true },
                 { "ECDHE-ECDSA-AES128-SHA", false },
                 { "ECDHE-ECDSA-CHACHA20-POLY1305", false },
                 { "AES128-GCM-SHA256", false } };
    struct pool *p = pool_create(1 << 16);
    struct ssl_ctx_st *ctx = load(p);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct handshake h = client_of(TLS1_2_VERSION, TLS1_2_VERSION);
        CHECK_INT(SSL_CTX_set_cipher_list(h.client_ctx, rows[i].cipher), 1);
        connect_ends(&h, ctx);
        CHECK_INT(h.done, rows[i].want);
        finish(&h);
    }
    tls_unref(ctx);
    pool_destroy(p);
}

static void check_alpn(struct ssl_ctx_st *ctx, struct slice offered, const char *want)
{
    struct handshake h = client_of(TLS1_2_VERSION, TLS1_3_VERSION);
    const unsigned char *chosen = NULL;
    unsigned n = 0;

    CHECK_INT(SSL_CTX_set_alpn_protos(h.client_ctx, (const uint8_t *)offered.p, (unsigned)offered.n), 0);
    connect_ends(&h, ctx);
    CHECK(h.done);
    SSL_get0_alpn_selected(h.client, &chosen, &n);
    CHECK_TEXT(slice_bytes(chosen != NULL ? (const char *)chosen : "", n), want);
    finish(&h);
}

static void test_alpn(void)
{
    struct pool *p = pool_create(1 << 16);
    struct ssl_ctx_st *ctx = load(p);

    check_alpn(ctx, SL("\x02h2\x08http/1.1"), "http/1.1");
    check_alpn(ctx, SL("\x08http/1.1"), "http/1.1");
    check_alpn(ctx, SL("\x02h2"), ""); /* goes on without */
    check_alpn(ctx, SL("\x08http/1.0"), "");
    tls_unref(ctx);
    pool_destroy(p);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a certificate and its key", test_load },
        { "what is wrong is said, by the file's name", test_refusals },
        { "TLS 1.2 and 1.3 only", test_versions },
        { "ECDHE with AES-GCM only", test_ciphers },
        { "ALPN chooses http/1.1 or nothing", test_alpn },
    };
    static const char *const files[] = { "good.pem",  "expired.pem", "early.pem", "good.key",
                                         "other.key", "locked.key",  "text.pem",  "empty.pem" };

    if (mkdtemp(folder) == NULL)
        return 2;
    make_files();
    int failed = TAP_RUN(tests);
    struct pool *p = pool_create(1 << 16);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        (void)unlink(slice_cstr(p, path(p, files[i])));
    pool_destroy(p);
    (void)rmdir(folder);
    return failed;
}
