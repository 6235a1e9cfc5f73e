/* id_token_hint: an ID token of ours from an earlier sign-in, which says whom the application expects (OpenID Connect Core
 * 3.1.2.1). One that is not ours says nothing; an expired one still says who. */
#include "authorization.h"

#include "form.h"
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

struct slice authorization_expected(struct req *r)
{
    const struct authorization *a = r->state;
    struct slice hint = a->params->id_token_hint, issuer, subject;
    struct jws token;

    if (a->has_flow)
        return a->flow.expected;
    if (slice_is_none(hint) || jws_parse(r->pool, hint, &token) != ERR_OK || !is_signed_by_us(r, &token))
        return SLICE_NONE;
    if (!slice_eq(token.typ, SL("JWT")) || !json_text(json_member(token.claims, "iss"), &issuer) ||
        !slice_eq(issuer, r->issuer->url) || !json_text(json_member(token.claims, "sub"), &subject))
        return SLICE_NONE;
    return subject;
}

struct slice authorization_without_hint(struct pool *p, struct slice query)
{
    struct slice name, value, rest = query;
    struct buf b;

    buf_init(&b, p, query.n);
    while (rest.n > 0) {
        struct slice piece = slice_head(rest, slice_find(rest, '&')), pair = piece;
        rest = slice_from(rest, piece.n + (piece.n < rest.n));
        if (form_next(p, &pair, &name, &value) == FORM_PAIR && slice_eq(name, SL("id_token_hint")))
            piece = SL("id_token_hint");
        if (b.n > 0)
            buf_char(&b, '&');
        buf_put(&b, piece);
    }
    return buf_finish(&b);
}
