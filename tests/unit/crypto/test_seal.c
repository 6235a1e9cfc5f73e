#include <string.h>

#include "seal.h"
#include "tap.h"

static const uint8_t key[32] = { 1, 2, 3 };
static const uint8_t other_key[32] = { 1, 2, 4 };

static void test_round_trip(void)
{
    struct pool *p = pool_create(1 << 16);
    struct slice plain, sealed = seal(p, key, SL("label"), SL("a private thing"));

    CHECK_INT(sealed.n, 15 + SEAL_OVERHEAD);
    CHECK_INT(sealed.p[0], 1);
    CHECK(unseal(p, key, SL("label"), sealed, &plain));
    CHECK_TEXT(plain, "a private thing");
    CHECK(memmem(sealed.p, sealed.n, "private", 7) == NULL);

    struct slice again = seal(p, key, SL("label"), SL("a private thing"));
    CHECK(!slice_eq(again, sealed)); /* another nonce */
    pool_destroy(p);
}

static void test_empty(void)
{
    struct pool *p = pool_create(1 << 16);
    struct slice plain, sealed = seal(p, key, SL(""), SL(""));

    CHECK_INT(sealed.n, SEAL_OVERHEAD);
    CHECK(unseal(p, key, SL(""), sealed, &plain));
    CHECK(plain.n == 0 && !slice_is_none(plain));
    pool_destroy(p);
}

static void test_wrong_key_or_label(void)
{
    struct pool *p = pool_create(1 << 16);
    struct slice plain = SLICE_NONE, sealed = seal(p, key, SL("avouch key"), SL("secret"));

    CHECK(!unseal(p, other_key, SL("avouch key"), sealed, &plain));
    CHECK(!unseal(p, key, SL("avouch secret"), sealed, &plain));
    CHECK(!unseal(p, key, SL(""), sealed, &plain));
    CHECK(slice_is_none(plain));
    pool_destroy(p);
}

static void test_tampering(void)
{
    struct pool *p = pool_create(1 << 20);
    struct slice plain = SLICE_NONE, sealed = seal(p, key, SL("label"), SL("secret"));
    char *bytes = pool_alloc(p, sealed.n + 1);

    for (size_t i = 0; i < sealed.n * 8; i++) {
        memcpy(bytes, sealed.p, sealed.n);
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
        CHECK(!unseal(p, key, SL("label"), slice_bytes(bytes, sealed.n), &plain));
    }
    for (size_t n = 0; n < sealed.n; n++)
        CHECK(!unseal(p, key, SL("label"), slice_head(sealed, n), &plain));
    memcpy(bytes, sealed.p, sealed.n);
    bytes[sealed.n] = 0;
    CHECK(!unseal(p, key, SL("label"), slice_bytes(bytes, sealed.n + 1), &plain));
    CHECK(!unseal(p, key, SL("label"), SLICE_NONE, &plain));
    CHECK(slice_is_none(plain));
    pool_destroy(p);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "what is sealed comes back", test_round_trip },
        { "nothing can be sealed too", test_empty },
        { "another key or label opens nothing", test_wrong_key_or_label },
        { "no altered bit and no cut goes unnoticed", test_tampering },
    };

    return TAP_RUN(tests);
}
