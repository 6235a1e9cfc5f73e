/* The text of codes, tokens and handles: one spelling each, one type each. */
#include <string.h>

#include "encode.h"
#include "grant.h"
#include "tap.h"

static const uint8_t id[ID_BYTES] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t secret[32] = "thirty-two bytes of some secret";

static void test_round_trip(void)
{
    struct pool *p = pool_create(1 << 16);
    uint8_t written[SHA256_BYTES], all[SHA256_BYTES];
    struct credential_parts parts;
    struct slice bytes;

    struct slice text = credential_write(p, CREDENTIAL_CODE, id, secret, written);
    CHECK_INT(text.n, CREDENTIAL_TEXT_BYTES);
    CHECK(credential_read(text, CREDENTIAL_CODE, &parts));
    CHECK(memcmp(parts.id, id, ID_BYTES) == 0);
    CHECK(memcmp(parts.hash, written, SHA256_BYTES) == 0);
    CHECK(base64url_decode(p, text, &bytes));
    CHECK_INT(bytes.n, CREDENTIAL_BYTES);
    sha256(bytes, all);
    CHECK(memcmp(parts.hash, all, SHA256_BYTES) == 0);
    pool_destroy(p);
}

static void test_types_do_not_pass_for_each_other(void)
{
    static const enum credential types[] = { CREDENTIAL_CODE, CREDENTIAL_ACCESS, CREDENTIAL_REFRESH, CREDENTIAL_FLOW };
    struct pool *p = pool_create(1 << 16);
    uint8_t hash[4][SHA256_BYTES];
    struct credential_parts parts;

    for (size_t i = 0; i < 4; i++) {
        struct slice text = credential_write(p, types[i], id, secret, hash[i]);
        for (size_t j = 0; j < 4; j++)
            CHECK_INT(credential_read(text, types[j], &parts), i == j);
        for (size_t j = 0; j < i; j++)
            CHECK(memcmp(hash[i], hash[j], SHA256_BYTES) != 0);
    }
    pool_destroy(p);
}

static void test_one_spelling(void)
{
    struct pool *p = pool_create(1 << 16);
    uint8_t hash[SHA256_BYTES];
    struct credential_parts parts;
    char changed[CREDENTIAL_TEXT_BYTES + 2];

    struct slice text = credential_write(p, CREDENTIAL_CODE, id, secret, hash);
    memcpy(changed, text.p, text.n);
    changed[text.n] = '=';
    CHECK(!credential_read(slice_bytes(changed, text.n + 1), CREDENTIAL_CODE, &parts)); /* padded */
    CHECK(!credential_read(slice_head(text, text.n - 1), CREDENTIAL_CODE, &parts));     /* truncated */
    CHECK(!credential_read(SLICE_NONE, CREDENTIAL_CODE, &parts));
    CHECK(!credential_read(SL(""), CREDENTIAL_CODE, &parts));
    changed[text.n - 1] = (char)(changed[text.n - 1] + 1); /* 41 bytes leave two spare bits in the last character */
    CHECK(!credential_read(slice_bytes(changed, text.n), CREDENTIAL_CODE, &parts));
    memcpy(changed, text.p, text.n);
    changed[10] = '+';
    CHECK(!credential_read(slice_bytes(changed, text.n), CREDENTIAL_CODE, &parts));
    changed[10] = '\0';
    CHECK(!credential_read(slice_bytes(changed, text.n), CREDENTIAL_CODE, &parts));
    pool_destroy(p);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "what is written is read", test_round_trip },
        { "no type passes for another (security 6, 10)", test_types_do_not_pass_for_each_other },
        { "only the one spelling is read", test_one_spelling },
    };

    return TAP_RUN(tests);
}
