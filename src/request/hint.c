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

/* What of a request is stored: of this pair all, its name or nothing. What cannot be read stays wrong. */
static struct slice keep(struct pool *p, struct slice pair)
{
    struct slice name, value, rest = pair;

    if (form_next(p, &rest, &name, &value) != FORM_PAIR)
        return pair;
    if (!params_have(&authorization_table, name))
        return SL("");
    return slice_eq(name, SL("id_token_hint")) ? name : pair;
}

struct slice authorization_to_store(struct pool *p, struct slice query)
{
    struct slice rest = query, pair;
    struct buf b;

    buf_init(&b, p, query.n);
    while (slice_cut(&rest, '&', &pair)) {
        struct slice kept = keep(p, pair);
        if (kept.n > 0 && b.n > 0)
            buf_char(&b, '&');
        buf_put(&b, kept);
    }
    return buf_finish(&b);
}
