/* The ID token before its signature. Times are whole seconds and never later than now: several clients allow no leeway
 * at all. */
#include "id_token.h"

#include "encode.h"

#define ID_TOKEN_BYTES_MAX 65536UL
#define AT_HASH_BYTES      (SHA256_BYTES / 2)

static struct slice write_header(struct pool *p, const struct signing_key *key)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, ID_TOKEN_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_text(&w, "alg", slice_of(sign_alg_name(key->alg)));
    jw_text(&w, "typ", SL("JWT"));
    jw_text(&w, "kid", key->kid);
    jw_object_end(&w);
    return jw_finish(&w);
}

/* OpenID Connect Core 3.1.3.6: the left half of the token's hash. All our algorithms hash with SHA-256. */
struct slice id_token_at_hash(struct pool *p, struct slice access_token)
{
    uint8_t hash[SHA256_BYTES];

    sha256(access_token, hash);
    return base64url_encode(p, slice_bytes(hash, AT_HASH_BYTES));
}

static struct slice write_claims(struct pool *p, const struct id_token *t)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, ID_TOKEN_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_text(&w, "iss", t->claims.issuer->url);
    jw_text(&w, "aud", t->claims.client->id);
    jw_int(&w, "exp", t->now.s + t->lifetime_s);
    jw_int(&w, "iat", t->now.s);
    jw_int(&w, "auth_time", t->grant->auth_time);
    jw_text_if(&w, "nonce", t->grant->nonce);
    jw_text(&w, "acr", SL(ID_TOKEN_ACR));
    if (!slice_is_none(t->access_token))
        jw_text(&w, "at_hash", id_token_at_hash(p, t->access_token));
    claims_write(&w, p, &t->claims, CLAIMS_ID_TOKEN);
    jw_object_end(&w);
    return jw_finish(&w);
}

struct slice id_token_input(struct pool *p, const struct id_token *t)
{
    struct slice header = write_header(p, t->key), claims = write_claims(p, t);
    struct buf b;

    if (slice_is_none(header) || slice_is_none(claims))
        return SLICE_NONE;
    buf_init(&b, p, 2 * ID_TOKEN_BYTES_MAX);
    buf_base64url(&b, header);
    buf_char(&b, '.');
    buf_base64url(&b, claims);
    return buf_finish(&b);
}
