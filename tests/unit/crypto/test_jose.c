/* The gate and what is behind it: fixed vectors of RFC 7515, and for every rule a token or key that breaks that rule
 * alone. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "encode.h"
#include "jose.h"
#include "tap.h"

#define A2_N                                                                                                         \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-" \
    "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2Ca" \
    "pHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb5" \
    "4h4FRWyuXpoQ"
#define A3_X    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define A3_Y    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define RSA_JWK "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}"
#define EC_JWK  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}"
#define CLAIMS  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RS256_SIGNATURE                                                                                              \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr" \
    "7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--x" \
    "i12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_Ioy" \
    "pGlUPQGe77Rw"
#define ES256_SIGNATURE "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define RS256_TOKEN     "eyJhbGciOiJSUzI1NiJ9." CLAIMS "." RS256_SIGNATURE
#define ES256_TOKEN     "eyJhbGciOiJFUzI1NiJ9." CLAIMS "." ES256_SIGNATURE

static struct pool *p; /* of the test that runs */

static enum err parse(struct slice text)
{
    struct jws jws;

    return jws_parse(p, text, &jws);
}

static struct jwk *key_of(const char *json)
{
    struct jwk *key = NULL;

    CHECK_INT(jwk_parse(p, slice_of(json), &key), ERR_OK);
    return key;
}

static bool verifies(struct slice text, const struct jwk *key)
{
    struct jws jws;

    return jws_parse(p, text, &jws) == ERR_OK && jws_verify(p, &jws, key);
}

/* RFC 7515, A.2 and A.3 */
static void test_vectors(void)
{
    struct slice issuer;
    struct jws jws;

    CHECK(verifies(SL(RS256_TOKEN), key_of(RSA_JWK)));
    CHECK(verifies(SL(ES256_TOKEN), key_of(EC_JWK)));
    CHECK_INT(jws_parse(p, SL(ES256_TOKEN), &jws), ERR_OK);
    CHECK_INT(jws.alg, ALG_ES256);
    CHECK(slice_is_none(jws.kid) && slice_is_none(jws.typ));
    CHECK(json_text(json_member(jws.claims, "iss"), &issuer));
    CHECK_TEXT(issuer, "joe");
    CHECK_TEXT(jws.text, ES256_TOKEN);
}

static void test_keys_apart(void)
{
    CHECK(!verifies(SL(RS256_TOKEN), key_of(EC_JWK)));
    CHECK(!verifies(SL(ES256_TOKEN), key_of(RSA_JWK)));
    /* the same bytes signed, but the key is for another algorithm */
    CHECK(verifies(SL(RS256_TOKEN), key_of("{\"alg\":\"RS256\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}")));
    CHECK(!verifies(SL(RS256_TOKEN), key_of("{\"alg\":\"PS256\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}")));
    CHECK(!verifies(SL("eyJhbGciOiJQUzI1NiJ9." CLAIMS "." RS256_SIGNATURE), key_of(RSA_JWK)));
}

static void test_tampering(void)
{
    static const char good[] = ES256_TOKEN;
    const struct jwk *key = key_of(EC_JWK);
    char text[sizeof(good)];

    for (size_t i = 0; i < sizeof(good) - 1; i++) {
        memcpy(text, good, sizeof(good));
        text[i] = text[i] == 'A' ? 'B' : 'A';
        CHECK(!verifies(slice_of(text), key));
    }
    CHECK_INT(ERR_peek_error(), 0); /* a failed verification leaves nothing for SSL_get_error */
}

/* A token with this header and claims, and a signature of n bytes. */
static struct slice token(const char *header, const char *claims, size_t signature_n)
{
    struct slice h = base64url_encode(p, slice_of(header)), c = base64url_encode(p, slice_of(claims));
    struct slice s = base64url_encode(p, slice_bytes(pool_zalloc(p, signature_n + 1), signature_n));

    return pool_fmt(p, SLICE_FMT "." SLICE_FMT "." SLICE_FMT, SLICE_ARG(h), SLICE_ARG(c), SLICE_ARG(s));
}

static void test_header(void)
{
    static const char *const refused[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"HS256\"}",
        "{\"alg\":\"ES384\"}",
        "{\"alg\":\"RS1\"}",
        "{\"alg\":\"es256\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":null}",
        "{\"alg\":7}",
        "{\"alg\":[\"ES256\"]}",
        "{}",
        "{\"typ\":\"JWT\"}",
        "[\"ES256\"]",
        "\"ES256\"",
        "",
        "{\"alg\":\"ES256\"",
        "{\"alg\":\"ES256\"} x",
        "{\"alg\":\"ES256\",\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"ES256\",\"crit\":null}",
        "{\"alg\":\"ES256\",\"b64\":false}",
        "{\"alg\":\"ES256\",\"jku\":\"https://evil.example/\"}",
        "{\"alg\":\"ES256\",\"x5u\":\"https://evil.example/\"}",
        "{\"alg\":\"ES256\",\"x5c\":[]}",
        "{\"alg\":\"ES256\",\"jwk\":{}}",
        "{\"alg\":\"ES256\",\"kid\":1}",
        "{\"alg\":\"ES256\",\"kid\":null}",
        "{\"alg\":\"ES256\",\"typ\":{}}",
        "{\"alg\":\"ES256\",\"kid\":\"a\\u0000b\"}",
    };
    struct jws jws;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (parse(token(refused[i], "{}", 64)) != ERR_INPUT) {
            printf("# let through: %s\n", refused[i]);
            CHECK(false);
        }
    CHECK_INT(jws_parse(p, token("{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"JWT\",\"x\":1}", "{}", 64), &jws), ERR_OK);
    CHECK_TEXT(jws.kid, "k");
    CHECK_TEXT(jws.typ, "JWT");
}

static void test_claims(void)
{
    static const char *const refused[] = {
        "", "[]", "null", "\"a\"", "{", "{} {}", "1", "{\"a\":1,\"a\":1}", "\xff", "{\"\xc0\x80\":1}"
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        CHECK_INT(parse(token("{\"alg\":\"ES256\"}", refused[i], 64)), ERR_INPUT);
}

static void test_signature_length(void)
{
    static const struct {
        const char *header;
        size_t n;
        enum err want;
    } rows[] = {
        { "{\"alg\":\"ES256\"}", 0, ERR_INPUT },   { "{\"alg\":\"ES256\"}", 1, ERR_INPUT },
        { "{\"alg\":\"ES256\"}", 63, ERR_INPUT },  { "{\"alg\":\"ES256\"}", 64, ERR_OK },
        { "{\"alg\":\"ES256\"}", 65, ERR_INPUT },  { "{\"alg\":\"ES256\"}", 256, ERR_INPUT },
        { "{\"alg\":\"RS256\"}", 255, ERR_INPUT }, { "{\"alg\":\"RS256\"}", 256, ERR_OK },
        { "{\"alg\":\"RS256\"}", 512, ERR_OK },    { "{\"alg\":\"RS256\"}", 513, ERR_INPUT },
        { "{\"alg\":\"PS256\"}", 64, ERR_INPUT },  { "{\"alg\":\"PS256\"}", 384, ERR_OK },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK_INT(parse(token(rows[i].header, "{}", rows[i].n)), rows[i].want);
    /* let through, but not as long as this key's modulus */
    CHECK(!verifies(token("{\"alg\":\"RS256\"}", "{}", 257), key_of(RSA_JWK)));
    CHECK(!verifies(token("{\"alg\":\"RS256\"}", "{}", 256), key_of(RSA_JWK)));
    CHECK(!verifies(token("{\"alg\":\"ES256\"}", "{}", 64), key_of(EC_JWK)));
}

/* Among them what ends the process in cjose's base64 decoder. */
static void test_form(void)
{
    static const char head[] = "eyJhbGciOiJFUzI1NiJ9", sig[] = ES256_SIGNATURE;
    static const char *const refused[] = {
        "A===.e30.AAAA",
        "",
        ".",
        "..",
        "...",
        "e30",
        "e30.e30",
        ES256_TOKEN ".",
        ES256_TOKEN ".e30",
        "." ES256_TOKEN,
        ES256_TOKEN "=",
        ES256_TOKEN "==",
        ES256_TOKEN " ",
        ES256_TOKEN "\n",
        " " ES256_TOKEN,
        "eyJhbGciOiJFUzI1NiJ9.A===." ES256_SIGNATURE,
        "eyJhbGciOiJFUzI1NiJ9.A." ES256_SIGNATURE,
        "eyJhbGciOiJFUzI1NiJ9.e30=." ES256_SIGNATURE,
        "eyJhbGciOiJFUzI1NiJ9.e31." ES256_SIGNATURE, /* spare bits */
        "eyJhbGciOiJFUzI1NiJ9.." ES256_SIGNATURE,
        "eyJhbGciOiJFUzI1NiJ9.e30.",
        "eyJhbGciOiJFUzI1NiJ9.e30.A===",
        "eyJhbGciOiJFUzI1NiJ9.e+0." ES256_SIGNATURE,
        "eyJhbGciOiJFUzI1NiJ9.e/0." ES256_SIGNATURE,
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (parse(slice_of(refused[i])) != ERR_INPUT) {
            printf("# let through: %s\n", refused[i]);
            CHECK(false);
        }
    CHECK_INT(parse(SLICE_NONE), ERR_INPUT);
    CHECK_INT(parse(pool_fmt(p, "%s.e30.%s", head, sig)), ERR_OK);
    CHECK_INT(parse(slice_bytes("eyJhbGciOiJFUzI1NiJ9.e3\0." ES256_SIGNATURE, 24 + 1 + 86)), ERR_INPUT);
}

static void test_size(void)
{
    char *filler = pool_zalloc(p, JWS_BYTES_MAX + 1);

    memset(filler, 'A', JWS_BYTES_MAX);
    struct slice claims = pool_fmt(p, "{\"a\":\"%.*s\"}", 6000, filler);
    struct slice text = token("{\"alg\":\"ES256\"}", slice_cstr(p, claims), 64);
    CHECK(text.n < JWS_BYTES_MAX);
    CHECK_INT(parse(text), ERR_OK);
    claims = pool_fmt(p, "{\"a\":\"%.*s\"}", 7000, filler);
    text = token("{\"alg\":\"ES256\"}", slice_cstr(p, claims), 64);
    CHECK(text.n > JWS_BYTES_MAX);
    CHECK_INT(parse(text), ERR_LIMIT);
}

/* ---- keys ---- */

static void test_jwk(void)
{
    CHECK(slice_is_none(jwk_kid(key_of(RSA_JWK))));
    CHECK_TEXT(jwk_kid(key_of("{\"kty\":\"EC\",\"kid\":\"one\",\"use\":\"sig\",\"alg\":\"ES256\",\"crv\":\"P-256\","
                              "\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\",\"key_ops\":[\"verify\"],\"x5c\":[]}")),
               "one");
}

static void check_key_refused(const char *json)
{
    struct jwk *key = NULL;

    if (jwk_parse(p, slice_of(json), &key) == ERR_INPUT && key == NULL)
        return;
    printf("# let through: %s\n", json);
    CHECK(false);
}

static void test_jwk_refused(void)
{
    static const char *const refused[] = {
        "",
        "[]",
        "{}",
        "null",
        "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" A3_X "\"}",
        "{\"kty\":\"rsa\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"kty\":1,\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        /* modulus and exponent */
        "{\"kty\":\"RSA\",\"n\":\"" A2_N "\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"e\":\"Aw\",\"n\":\"" A2_N "\"}",
        "{\"kty\":\"RSA\",\"e\":\"AAEAAQ\",\"n\":\"" A2_N "\"}",
        "{\"kty\":\"RSA\",\"e\":65537,\"n\":\"" A2_N "\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"A===\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"A\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "=\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAA" A2_N "\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A3_X "\"}",
        /* the curve and its points */
        "{\"kty\":\"EC\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_X "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A===\",\"y\":\"" A3_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "AA\",\"y\":\"" A3_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA" A3_X "\",\"y\":\"" A3_Y "\"}",
        /* the same numbers with a zero too many or too few (RFC 7518, 6.2.1.2) */
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF\",\"y\":\"" A3_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"AMfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"_________________________________________w\",\"y\":\"gngVt_b4S5WvaXvmVSOglQPdtU5tdSA4ea5Y9CD_Jlw\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADw\",\"y\":\"cy0ekrYJB9fvq0De-Rgc0y9zSKGEDBYaKGkRsXw-2w\"}",
        /* purpose */
        "{\"use\":\"enc\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"use\":1,\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"kid\":1,\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"alg\":\"ES256\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"alg\":\"RSA-OAEP\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"alg\":\"HS256\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"alg\":\"none\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
        "{\"alg\":\"RS256\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A3_X "\",\"y\":\"" A3_Y "\"}",
        /* twice */
        "{\"kty\":\"RSA\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        check_key_refused(refused[i]);
    CHECK_INT(ERR_peek_error(), 0);
}

/* A coordinate that begins with a zero octet keeps it. */
static void test_jwk_zero(void)
{
    (void)key_of("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AP________________________________________8\","
                 "\"y\":\"gngVt_b4S5WvaXvmVSOglQPdtU5tdSA4ea5Y9CD_Jlw\"}");
}

/* RFC 7518, 6.2.2, 6.3.2, 6.4: whatever the value */
static void test_jwk_private(void)
{
    static const char *const members[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        check_key_refused(slice_cstr(p, pool_fmt(p,
                                                 "{\"%s\":\"AQAB\","
                                                 "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}",
                                                 members[i])));
}

/* A number of that many bits, odd or even, as a JWK's n. */
static enum err parse_modulus(size_t bits, bool odd)
{
    size_t n = (bits + 7) / 8;
    uint8_t *bytes = pool_zalloc(p, n);
    struct jwk *key;

    bytes[0] = (uint8_t)(1 << (bits - 1) % 8);
    bytes[n - 1] |= odd;
    struct slice text = base64url_encode(p, slice_bytes(bytes, n));
    return jwk_parse(p, pool_fmt(p, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" SLICE_FMT "\"}", SLICE_ARG(text)), &key);
}

static void test_jwk_sizes(void)
{
    char *blanks = pool_zalloc(p, JWK_BYTES_MAX + 1);
    struct jwk *key;

    CHECK_INT(parse_modulus(2048, true), ERR_OK);
    CHECK_INT(parse_modulus(3072, true), ERR_OK);
    CHECK_INT(parse_modulus(4096, true), ERR_OK);
    CHECK_INT(parse_modulus(2048, false), ERR_INPUT);
    CHECK_INT(parse_modulus(1024, true), ERR_INPUT);
    CHECK_INT(parse_modulus(2047, true), ERR_INPUT);
    CHECK_INT(parse_modulus(4097, true), ERR_INPUT);
    CHECK_INT(parse_modulus(8192, true), ERR_INPUT);
    memset(blanks, ' ', JWK_BYTES_MAX);
    CHECK_INT(jwk_parse(p, pool_fmt(p, "%s" EC_JWK, blanks), &key), ERR_LIMIT);
}

static void in_pool(void (*test)(void))
{
    p = pool_create(4 << 20);
    test();
    pool_destroy(p);
}

#define IN_POOL(test)                \
    static void test##_in_pool(void) \
    {                                \
        in_pool(test);               \
    }
IN_POOL(test_vectors)
IN_POOL(test_keys_apart)
IN_POOL(test_tampering)
IN_POOL(test_header)
IN_POOL(test_claims)
IN_POOL(test_signature_length)
IN_POOL(test_form)
IN_POOL(test_size)
IN_POOL(test_jwk)
IN_POOL(test_jwk_refused)
IN_POOL(test_jwk_zero)
IN_POOL(test_jwk_private)
IN_POOL(test_jwk_sizes)

int main(void)
{
    static const struct tap_test tests[] = {
        { "RFC 7515, A.2 and A.3 verify", test_vectors_in_pool },
        { "a key verifies its own algorithm only", test_keys_apart_in_pool },
        { "no altered character verifies", test_tampering_in_pool },
        { "headers that are refused", test_header_in_pool },
        { "claims that are refused", test_claims_in_pool },
        { "the signature's length is exact", test_signature_length_in_pool },
        { "two dots and strict base64url", test_form_in_pool },
        { "JWS_BYTES_MAX", test_size_in_pool },
        { "a public key and its kid", test_jwk_in_pool },
        { "keys that are refused", test_jwk_refused_in_pool },
        { "coordinates keep their zeros", test_jwk_zero_in_pool },
        { "private members are refused", test_jwk_private_in_pool },
        { "key sizes", test_jwk_sizes_in_pool },
    };

    return TAP_RUN(tests);
}
