/* id_token_hint: an ID token of ours from an earlier sign-in, which says whom the application expects (OpenID Connect Core
 * 3.1.2.1). One that is not ours says nothing; an expired one still says who. */
#include "authorization.h"

#include "jose.h"
#include "keys.h"

static bool is_signed_by_us(struct req *r, const struct jws *token)
{
    const struct keyring *ring = keys_read(r->m);
    const struct signing_key *key = ring != NULL ? keyring_find(ring, token->kid) : NULL;
    struct jwk *jwk;

    if (key == NULL || key->alg != token->alg || jwk_parse(r->pool, key->public_jwk, &jwk) != ERR_OK)
        return false;
    return jws_verify(r->pool, token, jwk);
}

bool authorization_hint_names(struct req *r, struct slice hint, struct slice *ret_subject)
{
    struct jws token;
    struct slice issuer, subject;

    if (slice_is_none(hint) || jws_parse(r->pool, hint, &token) != ERR_OK || !is_signed_by_us(r, &token))
        return false;
    if (!slice_eq(token.typ, SL("JWT")) || !json_text(json_member(token.claims, "iss"), &issuer) ||
        !slice_eq(issuer, r->issuer->url) || !json_text(json_member(token.claims, "sub"), &subject))
        return false;
    *ret_subject = subject;
    return true;
}
