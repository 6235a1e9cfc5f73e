/* How values lie on disk: the very bytes, because they stay when the program changes; and what an unpacker says to bytes that
 * are cut short, longer than it knows, or nonsense. */
#include "encode.h"
#include "record.h"
#include "tap.h"

#define VERSION 7
#define EXPIRES 1764000000

static struct pool *pool;

static struct slice packed_by(void (*fields)(struct packer *))
{
    struct packer k;

    pack_begin(&k, pool, VERSION, EXPIRES);
    fields(&k);
    return pack_end(&k);
}

static void pack_all(struct packer *k)
{
    static const struct slice texts[] = { { "one", 3 }, { NULL, 0 }, { "", 0 } };

    pack_u8(k, 0xfe);
    pack_bool(k, true);
    pack_bool(k, false);
    pack_u32(k, 0x01020304);
    pack_u64(k, UINT64_C(0xf102030405060708));
    pack_i64(k, -2);
    pack_text(k, SL("text"));
    pack_text(k, SL(""));
    pack_text(k, SLICE_NONE);
    pack_texts(k, (struct slices){ texts, 3 });
    pack_texts(k, (struct slices){ NULL, 0 });
    pack_bytes(k, "\x00\xff", 2);
}

/* Reads what pack_all wrote. */
static struct unpacker unpack_all(struct slice value)
{
    struct unpacker u;
    uint8_t bytes[2] = { 9, 9 };

    unpack_begin(&u, pool, value);
    CHECK_INT(u.version, VERSION);
    CHECK_INT(u.expires_at, EXPIRES);
    CHECK_INT(unpack_u8(&u), 0xfe);
    CHECK(unpack_bool(&u));
    CHECK(!unpack_bool(&u));
    CHECK_INT(unpack_u32(&u), 0x01020304);
    CHECK(unpack_u64(&u) == UINT64_C(0xf102030405060708));
    CHECK_INT(unpack_i64(&u), -2);
    CHECK_TEXT(unpack_text(&u), "text");
    CHECK_TEXT(unpack_text(&u), "");
    CHECK(slice_is_none(unpack_text(&u)));
    struct slices texts = unpack_texts(&u);
    CHECK_INT(texts.n, 3);
    CHECK_TEXT(texts.at[0], "one");
    CHECK(slice_is_none(texts.at[1]));
    CHECK_TEXT(texts.at[2], "");
    CHECK_INT(unpack_texts(&u).n, 0);
    unpack_bytes(&u, bytes, sizeof(bytes));
    CHECK(bytes[0] == 0 && bytes[1] == 0xff);
    return u;
}

static void test_layout(void)
{
    CHECK_TEXT(hex_encode(pool, packed_by(pack_all)), "07"
                                                      "0000000069248100"
                                                      "fe"
                                                      "0100"
                                                      "01020304"
                                                      "f102030405060708"
                                                      "fffffffffffffffe"
                                                      "0000000474657874"
                                                      "00000000"
                                                      "ffffffff"
                                                      "00000003"
                                                      "000000036f6e65"
                                                      "ffffffff"
                                                      "00000000"
                                                      "00000000"
                                                      "00ff");
}

static void test_round_trip(void)
{
    struct unpacker u = unpack_all(packed_by(pack_all));

    CHECK_INT(unpack_end(&u), ERR_OK);
    CHECK(!unpack_more(&u));
}

static void pack_extremes(struct packer *k)
{
    pack_u8(k, UINT8_MAX);
    pack_u32(k, UINT32_MAX);
    pack_u64(k, UINT64_MAX);
    pack_i64(k, INT64_MIN);
    pack_i64(k, INT64_MAX);
}

static void test_extremes(void)
{
    struct unpacker u;

    unpack_begin(&u, NULL, packed_by(pack_extremes));
    CHECK_INT(unpack_u8(&u), UINT8_MAX);
    CHECK(unpack_u32(&u) == UINT32_MAX);
    CHECK(unpack_u64(&u) == UINT64_MAX);
    CHECK(unpack_i64(&u) == INT64_MIN);
    CHECK(unpack_i64(&u) == INT64_MAX);
    CHECK_INT(unpack_end(&u), ERR_OK);
}

static void pack_two_texts(struct packer *k)
{
    pack_text(k, SL("first"));
    pack_text(k, SL("second"));
}

static void test_borrowed(void)
{
    struct slice value = packed_by(pack_two_texts);
    struct unpacker u;

    unpack_begin(&u, NULL, value);
    struct slice first = unpack_text(&u), second = unpack_text(&u);
    CHECK(first.p > value.p && first.p + first.n < second.p);
    CHECK(second.p + second.n == value.p + value.n);
}

static void pack_all_and_more(struct packer *k)
{
    pack_all(k);
    pack_text(k, SL("what a newer avouch added"));
}

static void test_longer_tail(void)
{
    struct unpacker u = unpack_all(packed_by(pack_all_and_more));

    CHECK_INT(unpack_end(&u), ERR_OK);
    CHECK(unpack_more(&u));
}

static void pack_one(struct packer *k)
{
    pack_u8(k, 1);
}

/* An older one wrote less: whoever reads a field that was added later asks first. */
static void test_shorter_tail(void)
{
    struct unpacker u;

    unpack_begin(&u, NULL, packed_by(pack_one));
    CHECK(unpack_more(&u));
    CHECK_INT(unpack_u8(&u), 1);
    CHECK(!unpack_more(&u));
    CHECK_INT(unpack_end(&u), ERR_OK);
}

static void read_all(struct unpacker *u, uint8_t bytes[static 2])
{
    (void)unpack_u8(u);
    (void)unpack_bool(u);
    (void)unpack_bool(u);
    (void)unpack_u32(u);
    (void)unpack_u64(u);
    (void)unpack_i64(u);
    for (unsigned i = 0; i < 3; i++)
        (void)unpack_text(u);
    (void)unpack_texts(u);
    (void)unpack_texts(u);
    unpack_bytes(u, bytes, 2);
}

static void test_cut(void)
{
    struct slice value = packed_by(pack_all);

    for (size_t n = 0; n < value.n; n++) {
        struct unpacker u;
        uint8_t bytes[2] = { 9, 9 };

        unpack_begin(&u, pool, pool_dup(pool, slice_head(value, n))); /* a copy: a sanitizer sees a read past its end */
        read_all(&u, bytes);
        CHECK_INT(unpack_end(&u), ERR_CORRUPT);
        CHECK(!unpack_more(&u));
        CHECK(bytes[0] == 0 && bytes[1] == 0);
    }
}

static void test_none(void)
{
    struct unpacker u;

    unpack_begin(&u, pool, SLICE_NONE);
    CHECK_INT(unpack_end(&u), ERR_CORRUPT);
    CHECK(!unpack_more(&u));
    CHECK_INT(u.version, 0);
    CHECK_INT(u.expires_at, 0);
}

static void pack_bad_and_good(struct packer *k)
{
    pack_u8(k, 2); /* no bool */
    pack_u8(k, 5);
    pack_text(k, SL("text"));
    pack_u64(k, UINT64_MAX);
    pack_u64(k, UINT64_MAX);
}

/* After the first error everything reads as zero or none, though there are bytes left. */
static void test_sticky(void)
{
    struct unpacker u;
    uint8_t byte = 9;

    unpack_begin(&u, pool, packed_by(pack_bad_and_good));
    CHECK(!unpack_bool(&u));
    CHECK(!unpack_more(&u));
    CHECK_INT(unpack_u8(&u), 0);
    CHECK(slice_is_none(unpack_text(&u)));
    CHECK_INT(unpack_texts(&u).n, 0);
    CHECK_INT(unpack_u32(&u), 0);
    CHECK(unpack_u64(&u) == 0);
    CHECK_INT(unpack_i64(&u), 0);
    CHECK(!unpack_bool(&u));
    unpack_bytes(&u, &byte, 1);
    CHECK_INT(byte, 0);
    CHECK_INT(unpack_end(&u), ERR_CORRUPT);
}

static void pack_huge_length(struct packer *k)
{
    pack_u32(k, UINT32_MAX - 1);
    pack_u64(k, 0);
}

static void pack_three_texts_in_8_bytes(struct packer *k)
{
    pack_u32(k, 3);
    pack_u64(k, 0);
}

static void test_lengths(void)
{
    struct unpacker u;

    unpack_begin(&u, pool, packed_by(pack_huge_length));
    CHECK(slice_is_none(unpack_text(&u)));
    CHECK_INT(unpack_end(&u), ERR_CORRUPT);

    /* how many texts there are is not believed before it is possible: nothing is allocated for them */
    static void (*const impossible[])(struct packer *) = { pack_huge_length, pack_three_texts_in_8_bytes };
    for (size_t i = 0; i < 2; i++) {
        unpack_begin(&u, pool, packed_by(impossible[i]));
        size_t used = pool_used(pool);
        CHECK_INT(unpack_texts(&u).n, 0);
        CHECK_INT(unpack_end(&u), ERR_CORRUPT);
        CHECK_INT(pool_used(pool), used);
    }
}

static void pack_half_a_text(struct packer *k)
{
    pack_u32(k, 2);
    pack_text(k, SL("one"));
    pack_u32(k, 4); /* the second's length, and no bytes */
}

static void test_texts_cut_inside(void)
{
    struct unpacker u;

    unpack_begin(&u, pool, packed_by(pack_half_a_text));
    struct slices texts = unpack_texts(&u);
    CHECK(texts.n == 0 && texts.at == NULL);
    CHECK_INT(unpack_end(&u), ERR_CORRUPT);
}

static struct slice pack_filler(size_t n)
{
    struct packer k;

    pack_begin(&k, pool, VERSION, 0);
    pack_bytes(&k, pool_zalloc(pool, n), n);
    return pack_end(&k);
}

static void test_too_large(void)
{
    size_t head = pack_filler(0).n;
    struct slice huge = { pool_zalloc(pool, RECORD_BYTES_MAX + 1), RECORD_BYTES_MAX + 1 };
    struct packer k;

    CHECK_INT(pack_filler(RECORD_BYTES_MAX - head).n, RECORD_BYTES_MAX);
    CHECK(slice_is_none(pack_filler(RECORD_BYTES_MAX - head + 1)));

    pack_begin(&k, pool, VERSION, 0);
    pack_text(&k, huge);
    pack_u8(&k, 1);
    CHECK(slice_is_none(pack_end(&k)));

    pack_begin(&k, pool, VERSION, 0);
    pack_texts(&k, (struct slices){ pool_zalloc(pool, (RECORD_BYTES_MAX + 1) * sizeof(struct slice)), huge.n });
    CHECK(slice_is_none(pack_end(&k)));
}

static int64_t expiry_of(int64_t expires_at)
{
    struct packer k;

    pack_begin(&k, pool, VERSION, expires_at);
    return record_expires_at(pack_end(&k));
}

static void test_expiry(void)
{
    struct slice value = packed_by(pack_all);

    CHECK_INT(record_expires_at(value), EXPIRES);
    CHECK_INT(expiry_of(0), 0);
    CHECK_INT(expiry_of(INT64_MAX), INT64_MAX);
    CHECK_INT(expiry_of(-1), 0); /* makes no sense: not for the sweep */
    CHECK_INT(record_expires_at(slice_head(value, 8)), 0);
    CHECK_INT(record_expires_at(SL("")), 0);
    CHECK_INT(record_expires_at(SLICE_NONE), 0);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "the bytes of a record", test_layout },
        { "what is packed is unpacked", test_round_trip },
        { "numbers at their limits", test_extremes },
        { "texts are borrowed from the value", test_borrowed },
        { "a longer tail than is known is fine", test_longer_tail },
        { "a shorter one can be asked about", test_shorter_tail },
        { "a record that is cut anywhere is corrupt", test_cut },
        { "no record at all is corrupt", test_none },
        { "the first error stays", test_sticky },
        { "lengths beyond the end", test_lengths },
        { "texts cut inside", test_texts_cut_inside },
        { "nothing larger than RECORD_BYTES_MAX", test_too_large },
        { "when a record expires", test_expiry },
    };

    pool = pool_create(64UL << 20);
    int failed = TAP_RUN(tests);
    pool_destroy(pool);
    return failed;
}
