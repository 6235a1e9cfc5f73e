/* The TLS context of a listener: certificate and key from files. TLS 1.2 (ECDHE with AES-GCM) and 1.3, ALPN
 * http/1.1, no renegotiation, no early data. The one place outside signer.c where a private key lies. */
#ifndef AVOUCH_TLS_H
#define AVOUCH_TLS_H

#include "err.h"
#include "pool.h"

struct ssl_ctx_st; /* openssl's SSL_CTX */

/* *ret has one reference; *ret_why is a sentence (in the pool) naming the file and what is wrong with it:
 * unreadable, key does not fit, expired. */
enum err tls_load(struct pool *p, struct slice certificate_file, struct slice key_file, struct ssl_ctx_st **ret,
                  struct slice *ret_why) MUST_CHECK;
/* The same from one text with key and chain, in any order, as tailscaled's cert API gives it; from: who, for the sentence. */
#define TLS_PEM_BYTES_MAX 65536
enum err tls_load_pem(struct pool *p, const char *from, struct slice pem, struct ssl_ctx_st **ret,
                      struct slice *ret_why) MUST_CHECK;
int64_t tls_expires_at(struct ssl_ctx_st *ctx); /* of its certificate, seconds; 0: unreadable */
struct ssl_ctx_st *tls_ref(struct ssl_ctx_st *ctx);
void tls_unref(struct ssl_ctx_st *ctx); /* NULL is fine */

#endif
