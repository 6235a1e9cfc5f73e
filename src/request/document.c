/* The two documents that clients configure themselves by. What is not in discovery is not done; what is in it works. */
#include "document.h"

#include "claims.h"
#include "json.h"
#include "route.h"
#include "scope.h"

#define DOCUMENT_BYTES_MAX 65536UL
#define ETAG_HASH_BYTES    16

static void write_url(struct json_writer *w, struct pool *p, const struct issuer *issuer, const char *name,
                      enum route_id route)
{
    jw_text(w, name, pool_fmt(p, SLICE_FMT SLICE_FMT, SLICE_ARG(issuer->url), SLICE_ARG(route_at(route)->path)));
}

static void write_list(struct json_writer *w, const char *name, const char *words)
{
    struct slice rest = slice_of(words), word;

    jw_array(w, name);
    while (slice_cut(&rest, ' ', &word))
        jw_text(w, NULL, word);
    jw_array_end(w);
}

static void write_algorithms(struct json_writer *w)
{
    jw_array(w, "id_token_signing_alg_values_supported");
    for (unsigned alg = 0; alg < SIGN_ALG_COUNT; alg++)
        jw_text(w, NULL, slice_of(sign_alg_name((enum sign_alg)alg)));
    jw_array_end(w);
}

struct slice discovery_render(struct pool *p, const struct issuer *issuer)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, DOCUMENT_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_text(&w, "issuer", issuer->url);
    write_url(&w, p, issuer, "authorization_endpoint", ROUTE_AUTHORIZE);
    write_url(&w, p, issuer, "token_endpoint", ROUTE_TOKEN);
    write_url(&w, p, issuer, "userinfo_endpoint", ROUTE_USERINFO);
    write_url(&w, p, issuer, "jwks_uri", ROUTE_JWKS);
    jw_texts(&w, "scopes_supported", scope_names());
    write_list(&w, "response_types_supported", "code");
    write_list(&w, "response_modes_supported", "query form_post");
    write_list(&w, "grant_types_supported", "authorization_code");
    write_list(&w, "subject_types_supported", "public");
    write_algorithms(&w);
    write_list(&w, "token_endpoint_auth_methods_supported", "client_secret_basic client_secret_post none");
    write_list(&w, "code_challenge_methods_supported", "S256");
    write_list(&w, "prompt_values_supported", "none login consent select_account");
    write_list(&w, "claim_types_supported", "normal");
    jw_texts(&w, "claims_supported", claims_names());
    write_list(&w, "acr_values_supported", "urn:avouch:acr:tailnet-device");
    jw_bool(&w, "claims_parameter_supported", false);
    jw_bool(&w, "request_parameter_supported", false);
    jw_bool(&w, "request_uri_parameter_supported", false);
    jw_bool(&w, "authorization_response_iss_parameter_supported", true);
    jw_object_end(&w);
    return jw_finish(&w);
}

static void set(struct document *d, struct slice body)
{
    uint8_t hash[SHA256_BYTES];
    struct buf b;

    d->body = body;
    sha256(body, hash);
    buf_init_fixed(&b, d->etag, sizeof(d->etag));
    buf_char(&b, '"');
    buf_base64url(&b, slice_bytes(hash, ETAG_HASH_BYTES));
    buf_char(&b, '"');
    d->etag_n = b.n;
}

static void unused(struct kept *k)
{
    struct rendering *r = (struct rendering *)k;

    pool_destroy(r->pool);
}

void documents_finish(struct documents *d)
{
    if (d->now != NULL && --d->now->kept.users == 0)
        unused(&d->now->kept);
    *d = (struct documents){ .now = NULL };
}

void documents_render(struct documents *d, const struct issuer *issuer, const struct keyring *keys)
{
    struct pool *p = pool_create(4 * DOCUMENT_BYTES_MAX);
    struct rendering *r = pool_zalloc(p, sizeof(*r));

    r->kept = (struct kept){ .users = 1, .unused = unused };
    r->pool = p;
    set(&r->discovery, discovery_render(p, issuer));
    set(&r->jwks, jwks_render(p, keys));
    documents_finish(d);
    *d = (struct documents){ r, issuer };
}
