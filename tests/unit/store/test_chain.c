/* The audit log's chain: hashes that were computed elsewhere, and every way in which a stored log can be tampered with. */
#include <string.h>

#include "chain.h"
#include "encode.h"
#include "record.h"
#include "tap.h"

#define LINKS 3

static const char *const texts[LINKS] = { "first", "second", "" };
/* SHA-256(hash before | sequence | text), by Python's hashlib */
static const char *const hashes[LINKS] = {
    "8667e7fc9a5b7da59e4765472e9a1c9c889c29c8b119630bb0b16eb8dab04991",
    "be9a26ea4b5b3d907cf845a3a29e29fdb768712faacfea29852689031bd138c7",
    "e16afbc716164642f4cc7d139503114d5b175acee4e7d53b38b883324849feb7",
};

static struct pool *pool;

static struct slice hash_of(const struct chain *c)
{
    return hex_encode(pool, slice_bytes(c->hash, SHA256_BYTES));
}

/* What a log of these texts looks like on disk. */
static void write_log(struct slice ret_link[static LINKS])
{
    struct chain c = { 0 };

    for (size_t i = 0; i < LINKS; i++) {
        chain_extend(&c, slice_of(texts[i]));
        ret_link[i] = chain_pack_link(pool, &c, slice_of(texts[i]));
    }
}

/* The chain after the first n of them. */
static struct chain follow_log(const struct slice *link, size_t n)
{
    struct chain c = { 0 };
    struct slice text;

    for (size_t i = 0; i < n; i++)
        CHECK_INT(chain_follow(&c, i + 1, link[i], &text), ERR_OK);
    return c;
}

static void test_hashes(void)
{
    struct chain c = { 0 };

    for (size_t i = 0; i < LINKS; i++) {
        chain_extend(&c, slice_of(texts[i]));
        CHECK_INT(c.sequence, i + 1);
        CHECK_TEXT(hash_of(&c), hashes[i]);
    }
}

static void test_layout(void)
{
    struct chain c = { .at = 0x0102 };
    struct buf b;

    chain_extend(&c, slice_of(texts[0]));
    buf_init(&b, pool, SIZE_MAX);
    buf_fmt(&b, "01%016x%08x6669727374%s", 0U, 5U, hashes[0]);
    buf_char(&b, '\0');
    CHECK_TEXT(hex_encode(pool, chain_pack_link(pool, &c, slice_of(texts[0]))), buf_finish(&b).p);
    buf_init(&b, pool, SIZE_MAX);
    buf_fmt(&b, "01%016x%016x%s%016x", 0U, 1U, hashes[0], 0x0102U);
    buf_char(&b, '\0');
    CHECK_TEXT(hex_encode(pool, chain_pack_head(pool, &c)), buf_finish(&b).p);
}

static void test_head(void)
{
    struct chain c = { .at = 1764000000 }, back = { .sequence = 77 };

    chain_extend(&c, slice_of(texts[0]));
    struct slice head = chain_pack_head(pool, &c);
    CHECK(!chain_unpack_head(slice_head(head, head.n - 1), &back));
    CHECK(!chain_unpack_head(SLICE_NONE, &back));
    CHECK_INT(back.sequence, 77);
    CHECK(chain_unpack_head(head, &back));
    CHECK_INT(back.sequence, 1);
    CHECK_INT(back.at, 1764000000);
    CHECK_TEXT(hash_of(&back), hashes[0]);
}

static void test_follow(void)
{
    struct slice link[LINKS], text;
    struct chain c = { .at = 5 };

    write_log(link);
    for (size_t i = 0; i < LINKS; i++) {
        CHECK_INT(chain_follow(&c, i + 1, link[i], &text), ERR_OK);
        CHECK_TEXT(text, texts[i]);
        CHECK(text.p > link[i].p && text.p < link[i].p + link[i].n); /* borrowed */
        CHECK_INT(c.sequence, i + 1);
        CHECK_TEXT(hash_of(&c), hashes[i]);
    }
    CHECK_INT(c.at, 5);
}

/* The chain stays where it was, and so does the text. */
static void refuses(struct chain *c, uint64_t sequence, struct slice value)
{
    struct chain before = *c;
    struct slice text = SL("untouched");

    CHECK_INT(chain_follow(c, sequence, value, &text), ERR_CORRUPT);
    CHECK(c->sequence == before.sequence && memcmp(c->hash, before.hash, SHA256_BYTES) == 0);
    CHECK_TEXT(text, "untouched");
}

static void test_changed_byte(void)
{
    struct slice link[LINKS];
    struct chain c = { 0 };
    size_t first = 1 + 8; /* version and expiry are not covered */

    write_log(link);
    for (size_t at = first; at < link[0].n; at++) {
        char *bytes = memcpy(pool_alloc(pool, link[0].n), link[0].p, link[0].n);

        bytes[at] = (char)(bytes[at] ^ 1);
        refuses(&c, 1, (struct slice){ bytes, link[0].n });
    }
    CHECK_INT(follow_log(link, LINKS).sequence, LINKS);
}

static void test_out_of_place(void)
{
    struct slice link[LINKS];
    struct chain c;

    write_log(link);
    c = follow_log(link, 0);
    refuses(&c, 1, link[1]); /* the first was taken out, and the rest moved up */
    refuses(&c, 2, link[1]);
    refuses(&c, 0, link[0]);
    refuses(&c, 2, link[0]);
    c = follow_log(link, 1);
    refuses(&c, 2, link[0]); /* told twice */
    refuses(&c, 1, link[0]);
    refuses(&c, 3, link[2]); /* a gap */
    refuses(&c, 2, link[2]);
}

/* Whoever hashes anew what he has changed gets a chain, but another one. */
static void test_forged(void)
{
    struct slice link[LINKS];
    struct chain c, forged;

    write_log(link);
    c = follow_log(link, 1);
    forged = (struct chain){ .sequence = 1 };
    chain_extend(&forged, slice_of(texts[1]));
    refuses(&c, 2, chain_pack_link(pool, &forged, slice_of(texts[1])));
    forged = c;
    forged.sequence = 0;
    chain_extend(&forged, slice_of(texts[1])); /* the right predecessor under another number */
    refuses(&c, 2, chain_pack_link(pool, &forged, slice_of(texts[1])));
}

static void test_malformed(void)
{
    struct slice link[LINKS];
    struct chain c = { 0 }, without_text = { 0 };

    write_log(link);
    for (size_t n = 0; n < link[0].n; n++)
        refuses(&c, 1, slice_head(link[0], n));
    refuses(&c, 1, SLICE_NONE);
    chain_extend(&without_text, SLICE_NONE);
    refuses(&c, 1, chain_pack_link(pool, &without_text, SLICE_NONE));
}

static void test_too_large(void)
{
    struct chain c = { 0 };
    struct slice text = { pool_zalloc(pool, RECORD_BYTES_MAX), RECORD_BYTES_MAX };

    chain_extend(&c, text);
    CHECK(slice_is_none(chain_pack_link(pool, &c, text)));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "the hashes", test_hashes },
        { "the bytes of both records", test_layout },
        { "the head is read back, or not touched", test_head },
        { "a log is followed from its beginning", test_follow },
        { "a changed byte is seen", test_changed_byte },
        { "what is missing, doubled or moved is seen", test_out_of_place },
        { "what is hashed anew is seen", test_forged },
        { "what is no record is seen", test_malformed },
        { "nothing larger than a record", test_too_large },
    };

    pool = pool_create(64UL << 20);
    int failed = TAP_RUN(tests);
    pool_destroy(pool);
    return failed;
}
