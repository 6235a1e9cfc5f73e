/* PKCE: lengths, alphabets, and the one method there is. RFC 7636. */
#include "pkce.h"

#include <string.h>

#include "tap.h"

/* RFC 7636 appendix B */
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

#define A43 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char text[200];

static struct slice letters(size_t n)
{
    memset(text, 'a', sizeof(text));
    return slice_bytes(text, n);
}

static void test_vector(void)
{
    CHECK(pkce_matches(SL(VERIFIER), SL(CHALLENGE)));
    CHECK(!pkce_matches(SL("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK"), SL(CHALLENGE)));
    CHECK(!pkce_matches(SL(VERIFIER), SL("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN")));
    CHECK(!pkce_matches(SL(VERIFIER), SL("e9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")));
}

/* Field 22 */
static void test_verifier_lengths(void)
{
    CHECK(!pkce_verifier_is_valid(SLICE_NONE));
    CHECK(!pkce_verifier_is_valid(SL("")));
    CHECK(!pkce_verifier_is_valid(letters(1)));
    CHECK(!pkce_verifier_is_valid(letters(42)));
    CHECK(pkce_verifier_is_valid(letters(43)));
    CHECK(pkce_verifier_is_valid(letters(128)));
    CHECK(!pkce_verifier_is_valid(letters(129)));
    /* SHA-256 of 42, 43, 128 and 129 times "a" */
    CHECK(!pkce_matches(letters(42), SL("elOGB_2quSlplZKfRRVlu7gULhhEEXMiqv0rPXawGv8")));
    CHECK(pkce_matches(letters(43), SL("ZtNPunH49FD35FWYhT5Tv8I7vRKQJ8uxMaL0_9eHjNA")));
    CHECK(pkce_matches(letters(128), SL("aDbPE7rEAOkQUHHNavRwhN-srU5eMCyUv-0k4BOvtz4")));
    CHECK(!pkce_matches(letters(129), SL("wSywJKLlVRzKDgj86PHF4xRVXMP-9jKe6ZSj23UhZq4")));
}

static void test_verifier_alphabet(void)
{
    for (unsigned c = 0; c < 256; c++) {
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                          c == '.' || c == '_' || c == '~';
        struct slice verifier = letters(43);
        text[42] = (char)c;
        CHECK(pkce_verifier_is_valid(verifier) == unreserved);
        text[0] = (char)c;
        CHECK(pkce_verifier_is_valid(verifier) == unreserved);
    }
}

static void test_challenge(void)
{
    CHECK(pkce_challenge_is_valid(SL(CHALLENGE)));
    CHECK(!pkce_challenge_is_valid(SLICE_NONE));
    CHECK(!pkce_challenge_is_valid(SL("")));
    CHECK(!pkce_challenge_is_valid(letters(42)));
    CHECK(pkce_challenge_is_valid(letters(43)));
    CHECK(!pkce_challenge_is_valid(letters(44)));
    CHECK(!pkce_challenge_is_valid(letters(128)));
    /* field 22: padding is refused at once, not when the code is redeemed */
    CHECK(!pkce_challenge_is_valid(SL(CHALLENGE "=")));
    CHECK(!pkce_challenge_is_valid(SL("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c=")));
    CHECK(!pkce_matches(SL(VERIFIER), SL(CHALLENGE "=")));
    for (unsigned c = 0; c < 256; c++) {
        bool base64url =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        struct slice challenge = letters(43);
        text[21] = (char)c;
        CHECK(pkce_challenge_is_valid(challenge) == base64url);
    }
}

/* There is nothing to downgrade to: a challenge is never the verifier itself. */
static void test_plain(void)
{
    CHECK(!pkce_matches(SL(VERIFIER), SL(VERIFIER)));
    CHECK(!pkce_matches(SL(CHALLENGE), SL(CHALLENGE)));
    CHECK(!pkce_matches(SL(A43), SL(A43)));
    CHECK(!pkce_matches(SLICE_NONE, SLICE_NONE));
    CHECK(!pkce_matches(SL(""), SL("")));
    CHECK(!pkce_matches(SLICE_NONE, SL(CHALLENGE)));
    CHECK(!pkce_matches(SL(VERIFIER), SLICE_NONE));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "the vector of RFC 7636 appendix B", test_vector },
        { "verifiers of 43 to 128 characters (RFC 7636 4.1, field 22)", test_verifier_lengths },
        { "verifiers: unreserved characters (4.1)", test_verifier_alphabet },
        { "challenges: 43 base64url characters, no padding (4.2, field 22)", test_challenge },
        { "no plain (security 7)", test_plain },
    };

    return TAP_RUN(tests);
}
