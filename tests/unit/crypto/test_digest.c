#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "digest.h"
#include "encode.h"
#include "steps.h"
#include "tap.h"

static void check_digest(struct slice got, const char *want_hex)
{
    struct pool *p = pool_create(4096);

    CHECK_TEXT(hex_encode(p, got), want_hex);
    pool_destroy(p);
}

/* FIPS 180-2, B.1 and B.2 */
static void test_sha256(void)
{
    uint8_t d[SHA256_BYTES];

    sha256(SL(""), d);
    check_digest(slice_bytes(d, sizeof(d)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(SLICE_NONE, d);
    check_digest(slice_bytes(d, sizeof(d)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(SL("abc"), d);
    check_digest(slice_bytes(d, sizeof(d)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(SL("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), d);
    check_digest(slice_bytes(d, sizeof(d)), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_parts(void)
{
    uint8_t d[SHA256_BYTES];

    sha256_parts((const struct slice[]){ SL("a"), SL(""), SLICE_NONE, SL("bc") }, 4, d);
    check_digest(slice_bytes(d, sizeof(d)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231, 4.2 to 4.5: keys shorter than a block are padded with zeros, as ours are up to 32 bytes */
static void test_hmac(void)
{
    uint8_t key[SHA256_BYTES] = { 0 }, data[50], d[SHA256_BYTES];

    memset(key, 0x0b, 20);
    hmac_sha256(key, SL("Hi There"), d);
    check_digest(slice_bytes(d, sizeof(d)), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    static const uint8_t jefe[SHA256_BYTES] = { 'J', 'e', 'f', 'e' };
    hmac_sha256(jefe, SL("what do ya want for nothing?"), d);
    check_digest(slice_bytes(d, sizeof(d)), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0, sizeof(key));
    memset(key, 0xaa, 20);
    memset(data, 0xdd, sizeof(data));
    hmac_sha256(key, slice_bytes(data, sizeof(data)), d);
    check_digest(slice_bytes(d, sizeof(d)), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    memset(key, 0, sizeof(key));
    for (uint8_t i = 0; i < 25; i++)
        key[i] = (uint8_t)(i + 1);
    memset(data, 0xcd, sizeof(data));
    hmac_sha256(key, slice_bytes(data, sizeof(data)), d);
    check_digest(slice_bytes(d, sizeof(d)), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
}

/* Consecutive draws, across refills of the stock, never repeat a run of 16 bytes, and every byte is written. */
static void test_random(void)
{
    static uint8_t draws[1024][16];
    static uint8_t large[20000];
    unsigned repeats = 0, zeros = 0;

    for (size_t i = 0; i < 1024; i++)
        random_bytes(draws[i], 16);
    for (size_t i = 1; i < 1024; i++)
        for (size_t j = 0; j < i; j++)
            repeats += memcmp(draws[i], draws[j], 16) == 0;
    CHECK_INT(repeats, 0);
    random_bytes(large, sizeof(large));
    for (size_t i = 0; i < sizeof(large); i++)
        zeros += large[i] == 0;
    CHECK(zeros > 30 && zeros < 160); /* 78 expected; nine standard deviations up, five down */
    random_bytes(large, 0);
}

/* A child must not hand out the bytes that its parent's stock still holds. */
static void test_fork(void)
{
    uint8_t mine[64], first;
    uint8_t *shared = mmap(NULL, sizeof(mine), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(shared != MAP_FAILED);
    random_bytes(&first, 1); /* there is a stock now */
    pid_t child = fork();
    if (child == 0) {
        random_bytes(shared, sizeof(mine));
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, NULL, 0) == child);
    random_bytes(mine, sizeof(mine));
    CHECK(memcmp(mine, shared, sizeof(mine)) != 0);
    (void)munmap(shared, sizeof(mine));
}

static void *draw(void *ret)
{
    uint8_t d[SHA256_BYTES];

    random_bytes(ret, 32);
    sha256(SL("abc"), d);
    CHECK_INT(d[0], 0xba);
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[4];
    uint8_t drawn[4][32];

    for (size_t i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, draw, drawn[i]), 0);
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    for (size_t i = 1; i < 4; i++)
        CHECK(memcmp(drawn[i], drawn[i - 1], 32) != 0);
}

static void test_equal(void)
{
    CHECK(equal_ct(SL("secret"), SL("secret")));
    CHECK(!equal_ct(SL("secret"), SL("secreT")));
    CHECK(!equal_ct(SL("secret"), SL("secre")));
    CHECK(!equal_ct(SL(""), SL("s")));
    CHECK(equal_ct(SL(""), SL("")));
    CHECK(!equal_ct(SLICE_NONE, SLICE_NONE));
    CHECK(!equal_ct(SLICE_NONE, SL("")));
}

struct comparison {
    bool (*equal)(struct slice a, struct slice b);
    uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
};

static void compare(void *ctx)
{
    struct comparison *c = ctx;

    (void)c->equal(slice_bytes(c->a, SHA256_BYTES), slice_bytes(c->b, SHA256_BYTES));
}

/* Where two hashes first differ. SHA256_BYTES: nowhere. False: it cannot be counted here. */
static bool count_to(bool (*equal)(struct slice a, struct slice b), size_t differs_at, uint64_t *ret)
{
    struct comparison c = { .equal = equal };

    random_bytes(c.a, SHA256_BYTES);
    memcpy(c.b, c.a, SHA256_BYTES);
    for (size_t i = differs_at; i < SHA256_BYTES; i++)
        c.b[i] ^= 0x55;
    return steps_count(compare, &c, ret);
}

static bool equal_in_a_hurry(struct slice a, struct slice b)
{
    for (size_t i = 0; i < a.n; i++)
        if (a.p[i] != b.p[i])
            return false;
    return true;
}

static void test_equal_takes_the_same_steps(void)
{
    uint64_t all = 0, some = 0, hurried = 0;

    if (!count_to(equal_ct, SHA256_BYTES, &all))
        return;
    for (size_t at = 0; at < SHA256_BYTES; at += SHA256_BYTES / 2 - 1) {
        CHECK(count_to(equal_ct, at, &some));
        CHECK_INT(some, all);
    }
    CHECK(count_to(equal_in_a_hurry, SHA256_BYTES, &all)); /* the count sees what it is there to see */
    CHECK(count_to(equal_in_a_hurry, 0, &hurried));
    CHECK(hurried < all);
}

static void test_wipe(void)
{
    uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    wipe(bytes + 2, 4);
    CHECK(memcmp(bytes, (const uint8_t[]){ 1, 2, 0, 0, 0, 0, 7, 8 }, 8) == 0);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "SHA-256 of the standard's examples", test_sha256 },
        { "SHA-256 of parts is that of their concatenation", test_parts },
        { "HMAC-SHA-256 of RFC 4231's cases", test_hmac },
        { "random bytes do not repeat", test_random },
        { "a forked child draws its own random bytes", test_fork },
        { "each thread has its own state", test_threads },
        { "equal; none equals nothing", test_equal },
        { "equal in constant time (security 28)", test_equal_takes_the_same_steps },
        { "wipe keeps to its bounds", test_wipe },
    };

    return TAP_RUN(tests);
}
