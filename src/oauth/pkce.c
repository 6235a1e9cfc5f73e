/* Proof Key for Code Exchange, S256 alone: `plain` has no row here, so there is nothing to downgrade to. RFC 7636. */
#include "pkce.h"

#include "buf.h"
#include "digest.h"

#define CHALLENGE_BYTES    43 /* base64url of a SHA-256 */
#define VERIFIER_BYTES_MIN 43
#define VERIFIER_BYTES_MAX 128

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool has_only(struct slice s, struct slice marks)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && !slice_has(marks, s.p[i]))
            return false;
    return true;
}

bool pkce_challenge_is_valid(struct slice challenge)
{
    return challenge.n == CHALLENGE_BYTES && has_only(challenge, SL("-_"));
}

bool pkce_verifier_is_valid(struct slice verifier)
{
    return verifier.n >= VERIFIER_BYTES_MIN && verifier.n <= VERIFIER_BYTES_MAX && has_only(verifier, SL("-._~"));
}

bool pkce_matches(struct slice verifier, struct slice challenge)
{
    uint8_t hash[SHA256_BYTES];
    char text[CHALLENGE_BYTES];
    struct buf b;

    if (!pkce_verifier_is_valid(verifier) || !pkce_challenge_is_valid(challenge))
        return false;
    sha256(verifier, hash);
    buf_init_fixed(&b, text, sizeof(text));
    buf_base64url(&b, slice_bytes(hash, sizeof(hash)));
    return equal_ct(buf_finish(&b), challenge);
}
