/* The gate for foreign keys: what it lets through is one of two shapes, and can be verified with. */
#include <assert.h>

#include "jose.h"

#define CLAIMS "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RS256_TOKEN                                                                                                  \
    "eyJhbGciOiJSUzI1NiJ9." CLAIMS "."                                                                               \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr" \
    "7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--x" \
    "i12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_Ioy" \
    "pGlUPQGe77Rw"
#define ES256_TOKEN                \
    "eyJhbGciOiJFUzI1NiJ9." CLAIMS \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

static const char a2_n[] = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAk", a3_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool verifies(struct pool *p, struct slice token, const struct jwk *key)
{
    struct jws jws;

    enum err e = jws_parse(p, token, &jws);
    assert(e == ERR_OK);
    return jws_verify(p, &jws, key);
}

static void check_key(struct pool *p, const struct json *object, const struct jwk *key)
{
    static const char *const refused[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };
    struct slice kty = SLICE_NONE, n = SLICE_NONE, x = SLICE_NONE, kid = SLICE_NONE;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert(json_member(object, refused[i]) == NULL);
    bool has_kid = json_text(json_member(object, "kid"), &kid);
    assert(has_kid ? slice_eq(kid, jwk_kid(key)) : slice_is_none(jwk_kid(key)));
    (void)json_text(json_member(object, "kty"), &kty);
    (void)json_text(json_member(object, "n"), &n);
    (void)json_text(json_member(object, "x"), &x);
    assert(slice_eq(kty, SL("RSA")) || slice_eq(kty, SL("EC")));
    if (verifies(p, SL(RS256_TOKEN), key))
        assert(slice_eq(kty, SL("RSA")) && slice_starts(n, slice_of(a2_n)));
    if (verifies(p, SL(ES256_TOKEN), key))
        assert(slice_eq(kty, SL("EC")) && slice_eq(x, slice_of(a3_x)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *p = pool_create(1 << 20);
    struct slice text = slice_bytes(data, size);
    const struct json *object;
    struct jwk *key;

    if (jwk_parse(p, text, &key) == ERR_OK) {
        enum err e = json_parse(p, text, JWK_BYTES_MAX, &object);
        assert(e == ERR_OK && json_is_object(object));
        check_key(p, object, key);
    }
    pool_destroy(p);
    return 0;
}
