/* The gate for foreign JWTs and the verification behind it. The first byte says what the rest is: the text of a
 * token, or header, claims and signature, one a line, to be encoded (mutations rarely survive base64). Nobody here
 * has a private key, so what verifies must be the RFC's own example. */
#include <assert.h>
#include <string.h>

#include "encode.h"
#include "jose.h"

#define CLAIMS "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define A2_N                                                                                                         \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-" \
    "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2Ca" \
    "pHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb5" \
    "4h4FRWyuXpoQ"

static const char rsa_jwk[] = "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" A2_N "\"}";
static const char ec_jwk[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                             "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
static const char *const signed_inputs[] = { "eyJhbGciOiJSUzI1NiJ9." CLAIMS ".", "eyJhbGciOiJFUzI1NiJ9." CLAIMS "." };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice next_line(struct slice *rest)
{
    struct slice line = SL("");

    (void)slice_cut(rest, '\n', &line);
    return line;
}

static struct slice encode(struct pool *p, struct slice parts)
{
    struct slice rest = parts;
    struct slice header = base64url_encode(p, next_line(&rest)), claims = base64url_encode(p, next_line(&rest));
    struct slice signature = base64url_encode(p, slice_is_none(rest) ? SL("") : rest);

    return pool_fmt(p, SLICE_FMT "." SLICE_FMT "." SLICE_FMT, SLICE_ARG(header), SLICE_ARG(claims),
                    SLICE_ARG(signature));
}

static void check_form(const struct jws *jws)
{
    static const char *const refused[] = { "crit", "b64", "jku", "x5u", "x5c", "jwk" };
    size_t dots = 0;

    for (size_t i = 0; i < jws->text.n; i++) {
        char c = jws->text.p[i];
        dots += c == '.';
        assert((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr("-_.", c, 3));
    }
    assert(dots == 2 && jws->text.n <= JWS_BYTES_MAX);
    assert(json_is_object(jws->header) && json_is_object(jws->claims));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert(json_member(jws->header, refused[i]) == NULL);
    struct slice alg;
    assert(json_text(json_member(jws->header, "alg"), &alg));
    assert(slice_eq(alg, slice_of(sign_alg_name(jws->alg))));
}

static void check_verified(const struct jws *jws, const char *json, enum sign_alg alg, const char *signed_input)
{
    struct pool *p = pool_create(1 << 20);
    struct jwk *key;

    enum err e = jwk_parse(p, slice_of(json), &key);
    assert(e == ERR_OK);
    if (jws_verify(p, jws, key))
        assert(jws->alg == alg && slice_starts(jws->text, slice_of(signed_input)));
    pool_destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool *p = pool_create(1 << 20);
    struct slice text = slice_bytes(data + (size > 0), size > 0 ? size - 1 : 0);
    struct jws jws;

    if (size > 0 && data[0] == '1')
        text = encode(p, text);
    if (jws_parse(p, text, &jws) == ERR_OK) {
        check_form(&jws);
        check_verified(&jws, rsa_jwk, ALG_RS256, signed_inputs[0]);
        check_verified(&jws, ec_jwk, ALG_ES256, signed_inputs[1]);
    }
    pool_destroy(p);
    return 0;
}
