/* Foreign JWTs and JWKs. The gate is ours and stands alone: what it lets through cannot make cjose 0.6.2 assert
 * (base64 of length 4k+1), over-read (short signatures) or misjudge (crit, duplicate members, key and algorithm that
 * do not belong together). Keys reach cjose as numbers, not as JSON, and tokens only when verified. Callers are
 * loops: openssl's error queue is left empty, for SSL_get_error would take what lies in it for a failure of a
 * connection. */
#include "jose.h"

#include <string.h>

#include <cjose/cjose.h>
#include <openssl/err.h>

#include "encode.h"

#define RSA_BYTES_MIN      256
#define RSA_BYTES_MAX      512
#define P256_BYTES         32
#define JWS_SEGMENTS       3
#define RSA_EXPONENT_65537 SL("AQAB")

enum key_type { KEY_RSA, KEY_EC };

struct jwk {
    struct slice kid;
    enum key_type type;
    bool has_alg;
    enum sign_alg alg;      /* where has_alg: the only one */
    size_t signature_bytes; /* exactly */
    cjose_jwk_t *key;
};

/* Which keys an algorithm takes, and how long its signatures can be. */
static const struct {
    enum key_type type;
    size_t signature_min, signature_max;
} algs[SIGN_ALG_COUNT] = {
    [ALG_RS256] = { KEY_RSA, RSA_BYTES_MIN, RSA_BYTES_MAX },
    [ALG_ES256] = { KEY_EC, 2UL * P256_BYTES, 2UL * P256_BYTES },
    [ALG_PS256] = { KEY_RSA, RSA_BYTES_MIN, RSA_BYTES_MAX },
};

/* Header members that ask to process more than we do (RFC 7515, 4.1.11; RFC 7797), or that bring or point to a key. */
static const char *const header_refused[] = { "crit", "b64", "jku", "x5u", "x5c", "jwk" };
/* Private and symmetric members (RFC 7518, 6.2.2, 6.3.2, 6.4): whoever publishes one has lost the key. */
static const char *const jwk_refused[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };

static bool has_any(const struct json *object, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (json_member(object, names[i]) != NULL)
            return true;
    return false;
}

/* An absent member is fine and leaves *ret; one that is not text is not. */
static bool read_text_if(const struct json *object, const char *name, struct slice *ret)
{
    const struct json *member = json_member(object, name);

    return member == NULL || json_text(member, ret);
}

/* ---- JWK ---- */

static bool read_number(struct pool *p, const struct json *object, const char *name, struct slice *ret)
{
    struct slice text;

    return json_text(json_member(object, name), &text) && base64url_decode(p, text, ret) && ret->n > 0;
}

static uint8_t *mutable_copy(struct pool *p, struct slice s)
{
    uint8_t *copy = pool_alloc(p, s.n);

    memcpy(copy, s.p, s.n);
    return copy;
}

static bool read_rsa(struct pool *p, const struct json *object, struct jwk *k)
{
    struct slice n, e, exponent;
    cjose_err err = { CJOSE_ERR_NONE };

    if (!json_text(json_member(object, "e"), &exponent) || !slice_eq(exponent, RSA_EXPONENT_65537) ||
        !read_number(p, object, "e", &e) || !read_number(p, object, "n", &n))
        return false;
    /* the shortest form (RFC 7518, 2); 2048 to 4096 bits in whole bytes; an even modulus is none */
    if (n.n < RSA_BYTES_MIN || n.n > RSA_BYTES_MAX || ((uint8_t)n.p[0] & 0x80) == 0 || ((uint8_t)n.p[n.n - 1] & 1) == 0)
        return false;
    const cjose_jwk_rsa_keyspec spec = { .e = mutable_copy(p, e), .elen = e.n, .n = mutable_copy(p, n), .nlen = n.n };
    k->key = cjose_jwk_create_RSA_spec(&spec, &err);
    k->signature_bytes = n.n;
    return k->key != NULL;
}

/* A point off the curve is refused by openssl beneath. */
static bool read_ec(struct pool *p, const struct json *object, struct jwk *k)
{
    struct slice crv, x, y;
    cjose_err err = { CJOSE_ERR_NONE };

    if (!json_text(json_member(object, "crv"), &crv) || !slice_eq(crv, SL("P-256")) ||
        !read_number(p, object, "x", &x) || !read_number(p, object, "y", &y) || x.n != P256_BYTES || y.n != P256_BYTES)
        return false;
    const cjose_jwk_ec_keyspec spec = {
        .crv = CJOSE_JWK_EC_P_256, .x = mutable_copy(p, x), .xlen = x.n, .y = mutable_copy(p, y), .ylen = y.n
    };
    k->key = cjose_jwk_create_EC_spec(&spec, &err);
    k->signature_bytes = 2UL * P256_BYTES;
    return k->key != NULL;
}

/* RFC 7517, 4: use and alg narrow what a key is for; a value that we do not know is a key that we do not use. */
static bool read_purpose(const struct json *object, struct jwk *k)
{
    struct slice kty = SLICE_NONE, use = SL("sig"), alg = SLICE_NONE;

    if (!json_text(json_member(object, "kty"), &kty) || !read_text_if(object, "use", &use) ||
        !read_text_if(object, "alg", &alg) || !read_text_if(object, "kid", &k->kid) || !slice_eq(use, SL("sig")))
        return false;
    if (!slice_eq(kty, SL("RSA")) && !slice_eq(kty, SL("EC")))
        return false;
    k->type = slice_eq(kty, SL("RSA")) ? KEY_RSA : KEY_EC;
    k->has_alg = !slice_is_none(alg);
    return !k->has_alg || (sign_alg_parse(alg, &k->alg) && algs[k->alg].type == k->type);
}

static void release_key(void *key)
{
    (void)cjose_jwk_release(key);
}

enum err jwk_parse(struct pool *p, struct slice json, struct jwk **ret)
{
    const struct json *object;
    struct jwk *k = pool_zalloc(p, sizeof(*k));

    enum err e = json_parse(p, json, JWK_BYTES_MAX, &object);
    if (e != ERR_OK)
        return e;
    if (!json_is_object(object) || has_any(object, jwk_refused, sizeof(jwk_refused) / sizeof(*jwk_refused)) ||
        !read_purpose(object, k))
        return ERR_INPUT;
    bool read = k->type == KEY_RSA ? read_rsa(p, object, k) : read_ec(p, object, k);
    ERR_clear_error();
    if (!read)
        return ERR_INPUT;
    pool_defer(p, k->key, release_key);
    *ret = k;
    return ERR_OK;
}

struct slice jwk_kid(const struct jwk *k)
{
    return k->kid;
}

/* ---- JWS ---- */

static bool split(struct slice text, struct slice segments[static JWS_SEGMENTS])
{
    struct slice rest = text;

    for (size_t i = 0; i < JWS_SEGMENTS; i++)
        if (!slice_cut(&rest, '.', &segments[i]) || segments[i].n == 0)
            return false;
    return slice_is_none(rest);
}

static enum err read_object(struct pool *p, struct slice segment, const struct json **ret)
{
    struct slice text;
    const struct json *object;

    if (!base64url_decode(p, segment, &text))
        return ERR_INPUT;
    enum err e = json_parse(p, text, JWS_BYTES_MAX, &object);
    if (e != ERR_OK)
        return e;
    if (!json_is_object(object))
        return ERR_INPUT;
    *ret = object;
    return ERR_OK;
}

static bool read_header(const struct json *header, struct jws *jws)
{
    struct slice alg = SLICE_NONE;

    return json_text(json_member(header, "alg"), &alg) && sign_alg_parse(alg, &jws->alg) &&
           !has_any(header, header_refused, sizeof(header_refused) / sizeof(*header_refused)) &&
           read_text_if(header, "kid", &jws->kid) && read_text_if(header, "typ", &jws->typ);
}

enum err jws_parse(struct pool *p, struct slice text, struct jws *ret)
{
    struct jws jws = { .kid = SLICE_NONE, .typ = SLICE_NONE };
    struct slice segments[JWS_SEGMENTS], signature;

    if (text.n > JWS_BYTES_MAX)
        return ERR_LIMIT;
    if (slice_is_none(text) || !split(text, segments) || !base64url_decode(p, segments[2], &signature))
        return ERR_INPUT;
    enum err e = read_object(p, segments[0], &jws.header);
    if (e != ERR_OK)
        return e;
    if (!read_header(jws.header, &jws) || signature.n < algs[jws.alg].signature_min ||
        signature.n > algs[jws.alg].signature_max)
        return ERR_INPUT;
    e = read_object(p, segments[1], &jws.claims);
    if (e != ERR_OK)
        return e;
    jws.text = pool_dup(p, text);
    *ret = jws;
    return ERR_OK;
}

/* Of the last segment, known to be base64url. */
static size_t signature_bytes(struct slice text)
{
    size_t n = 0;

    while (n < text.n && text.p[text.n - 1 - n] != '.')
        n++;
    return n * 3 / 4;
}

bool jws_verify(struct pool *p, const struct jws *jws, const struct jwk *key)
{
    cjose_err err = { CJOSE_ERR_NONE };

    if (algs[jws->alg].type != key->type || (key->has_alg && key->alg != jws->alg) ||
        signature_bytes(jws->text) != key->signature_bytes)
        return false;
    cjose_jws_t *imported = cjose_jws_import(slice_cstr(p, jws->text), jws->text.n, &err);
    bool holds = imported != NULL && cjose_jws_verify(imported, key->key, &err);
    cjose_jws_release(imported);
    ERR_clear_error();
    return holds;
}
