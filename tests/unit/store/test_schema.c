/* Keys: their bytes, because they are on disk, and their order, because scans rest on it. */
#include "disk.h"
#include "encode.h"

static struct pool *pool;

static struct slice hex_of_key(uint16_t issuer, enum key_class class, struct slice a, struct slice b)
{
    return hex_encode(pool, key_make(pool, issuer, class, a, b));
}

static void test_layout(void)
{
    CHECK_TEXT(hex_of_key(0, CLASS_META, SLICE_NONE, SLICE_NONE), "000001");
    CHECK_TEXT(hex_of_key(0xfe01, CLASS_NODE, SL("n"), SLICE_NONE), "fe011b6e");
    CHECK_TEXT(hex_of_key(1, CLASS_CONSENT, SL("ab"), SL("c")), "000115616263");
    CHECK_TEXT(hex_of_key(1, CLASS_CONSENT, SLICE_NONE, SL("c")), "00011563");
}

/* Never renumbered: what is on disk was written by these. */
static void test_classes(void)
{
    static const struct {
        enum key_class class;
        int number;
    } rows[] = {
        { CLASS_META, 1 },     { CLASS_ISSUER, 2 },      { CLASS_COUNT, 3 },        { CLASS_AUDIT, 4 },
        { CLASS_KEY, 6 },      { CLASS_AUDIT_HEAD, 5 },  { CLASS_ORDER, 7 },        { CLASS_TAILNET, 8 },
        { CLASS_CLIENT, 16 },  { CLASS_PERSON, 17 },     { CLASS_USERNAME, 18 },    { CLASS_EMAIL, 19 },
        { CLASS_SESSION, 20 }, { CLASS_CONSENT, 21 },    { CLASS_GRANT, 22 },       { CLASS_ACCESS, 23 },
        { CLASS_FLOW, 24 },    { CLASS_SIGNED_OUT, 25 }, { CLASS_CLIENT_NAME, 26 }, { CLASS_NODE, 27 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK_INT(rows[i].class, rows[i].number);
}

static void test_split(void)
{
    uint16_t issuer = 0;
    uint8_t class = 0;
    struct slice id = SLICE_NONE;

    CHECK(key_split(key_make(pool, 0xfe01, CLASS_NODE, SL("na"), SL("me")), &issuer, &class, &id));
    CHECK_INT(issuer, 0xfe01);
    CHECK_INT(class, CLASS_NODE);
    CHECK_TEXT(id, "name");
    CHECK(key_split(key_make(pool, 2, CLASS_ISSUER, SLICE_NONE, SLICE_NONE), &issuer, &class, &id));
    CHECK_INT(issuer, 2);
    CHECK_TEXT(id, "");
    CHECK(!key_split(SL("ab"), &issuer, &class, &id));
    CHECK(!key_split(SLICE_NONE, &issuer, &class, &id));
    CHECK_INT(issuer, 2); /* untouched */
}

static void test_numbers(void)
{
    CHECK_TEXT(hex_encode(pool, key_u32(pool, 0xf1020304)), "f1020304");
    CHECK_TEXT(hex_encode(pool, key_u64(pool, UINT64_C(0xf102030405060708))), "f102030405060708");
    CHECK_TEXT(hex_encode(pool, key_user(pool, 1)), "8000000000000001");
    CHECK_TEXT(hex_encode(pool, key_user(pool, -1)), "7fffffffffffffff");
}

static void test_order(void)
{
    static const int64_t users[] = { INT64_MIN, -256, -1, 0, 1, 255, 256, INT64_MAX };
    static const uint64_t numbers[] = { 0, 1, 255, 256, UINT32_MAX, UINT64_MAX };

    for (size_t i = 1; i < sizeof(users) / sizeof(users[0]); i++)
        CHECK(slice_cmp(key_user(pool, users[i - 1]), key_user(pool, users[i])) < 0);
    for (size_t i = 1; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        CHECK(slice_cmp(key_u64(pool, numbers[i - 1]), key_u64(pool, numbers[i])) < 0);
    /* an issuer's records lie together, and in them a class's */
    CHECK(slice_cmp(key_make(pool, 255, CLASS_NODE, SL("z"), SLICE_NONE),
                    key_make(pool, 256, CLASS_META, SLICE_NONE, SLICE_NONE)) < 0);
    CHECK(slice_cmp(key_make(pool, 1, CLASS_CLIENT, SL("z"), SLICE_NONE),
                    key_make(pool, 1, CLASS_PERSON, SL("a"), SLICE_NONE)) < 0);
}

static char filler[KEY_BYTES_MAX];

static void make_too_long(void)
{
    (void)key_make(pool, 1, CLASS_CLIENT, slice_bytes(filler, KEY_BYTES_MAX - 4), SL("ab"));
}

static void test_length(void)
{
    CHECK_INT(key_make(pool, 1, CLASS_CLIENT, slice_bytes(filler, KEY_BYTES_MAX - 4), SL("a")).n, KEY_BYTES_MAX);
    CHECK(disk_aborts(make_too_long));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "the bytes of a key", test_layout },  { "the numbers of the classes", test_classes },
        { "a key is taken apart", test_split }, { "ids that are numbers", test_numbers },
        { "the order of keys", test_order },    { "no key longer than KEY_BYTES_MAX", test_length },
    };

    pool = pool_create(1UL << 20);
    int failed = TAP_RUN(tests);
    pool_destroy(pool);
    return failed;
}
