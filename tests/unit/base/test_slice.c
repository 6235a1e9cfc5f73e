#include "tap.h"

static void compares(void)
{
    CHECK(slice_eq(SL("abc"), SL("abc")));
    CHECK(!slice_eq(SL("abc"), SL("abd")));
    CHECK(!slice_eq(SL("abc"), SL("ab")));
    CHECK(slice_eq(SLICE_NONE, SL("")));
    CHECK(slice_eq(slice_bytes("a\0b", 3), SL("a\0b")));
    CHECK(!slice_eq(SL("a\0b"), SL("a\0c")));
    CHECK(slice_eq_nocase(SL("Content-TYPE"), SL("content-type")));
    CHECK(!slice_eq_nocase(SL("abc"), SL("abcd")));
    CHECK(!slice_eq_nocase(SL("@"), SL("`"))); /* differ by the same bit as letters do */
    CHECK(!slice_eq_nocase(SL("\xc4"), SL("\xe4")));
    CHECK(slice_cmp(SL("a"), SL("b")) < 0);
    CHECK(slice_cmp(SL("ab"), SL("a")) > 0);
    CHECK(slice_cmp(SL("a"), SL("ab")) < 0);
    CHECK(slice_cmp(SL("\x7f"), SL("\x80")) < 0);
    CHECK_INT(slice_cmp(SL("a"), SL("a")), 0);
    CHECK_INT(slice_cmp(SLICE_NONE, SL("")), 0);
}

static void tells_absent_from_empty(void)
{
    CHECK(slice_is_none(SLICE_NONE));
    CHECK(!slice_is_none(SL("")));
    CHECK(slice_is_none(slice_of(NULL)));
    CHECK_TEXT(slice_of("x"), "x");
    CHECK_INT(slice_of("").n, 0);
}

static void searches(void)
{
    CHECK(slice_starts(SL("https://a"), SL("https://")));
    CHECK(slice_starts(SL("a"), SL("")));
    CHECK(!slice_starts(SL("http"), SL("https")));
    CHECK(slice_ends(SL("a.ts.net"), SL(".ts.net")));
    CHECK(!slice_ends(SL("ts.net"), SL(".ts.net")));
    CHECK(slice_starts(SLICE_NONE, SLICE_NONE));
    CHECK(slice_has(SL("a=b"), '='));
    CHECK(!slice_has(SLICE_NONE, '='));
    CHECK_INT(slice_find(SL("a=b="), '='), 1);
    CHECK_INT(slice_find(SL("abc"), '='), 3);
    CHECK_TEXT(slice_from(SL("abc"), 1), "bc");
    CHECK_TEXT(slice_from(SL("abc"), 3), "");
    CHECK_TEXT(slice_head(SL("abc"), 2), "ab");
}

static void trims(void)
{
    CHECK_TEXT(slice_trim(SL(" \t a b\t ")), "a b");
    CHECK_TEXT(slice_trim(SL(" \t ")), "");
    CHECK_TEXT(slice_trim(SL("\na")), "\na");
    CHECK(slice_is_none(slice_trim(SLICE_NONE)));
}

static void cuts(void)
{
    struct slice rest = SL("a,,b,"), piece = SLICE_NONE;

    CHECK(slice_cut(&rest, ',', &piece));
    CHECK_TEXT(piece, "a");
    CHECK(slice_cut(&rest, ',', &piece));
    CHECK_TEXT(piece, "");
    CHECK(slice_cut(&rest, ',', &piece));
    CHECK_TEXT(piece, "b");
    CHECK(slice_cut(&rest, ',', &piece));
    CHECK_TEXT(piece, "");
    CHECK(slice_is_none(rest));
    CHECK(!slice_cut(&rest, ',', &piece));

    rest = SL("");
    CHECK(slice_cut(&rest, ',', &piece));
    CHECK_TEXT(piece, "");
    CHECK(!slice_cut(&rest, ',', &piece));
}

static void reads_numbers(void)
{
    uint64_t v = 7;

    CHECK(slice_to_u64(SL("0"), 0, &v));
    CHECK_INT(v, 0);
    CHECK(slice_to_u64(SL("0042"), 42, &v));
    CHECK_INT(v, 42);
    CHECK(slice_to_u64(SL("18446744073709551615"), UINT64_MAX, &v));
    CHECK(v == UINT64_MAX);
    v = 7;
    CHECK(!slice_to_u64(SL("18446744073709551616"), UINT64_MAX, &v));
    CHECK(!slice_to_u64(SL("99999999999999999999999"), UINT64_MAX, &v));
    CHECK(!slice_to_u64(SL("43"), 42, &v));
    CHECK(!slice_to_u64(SL(""), 42, &v));
    CHECK(!slice_to_u64(SLICE_NONE, 42, &v));
    CHECK(!slice_to_u64(SL("+1"), 42, &v));
    CHECK(!slice_to_u64(SL("-1"), 42, &v));
    CHECK(!slice_to_u64(SL(" 1"), 42, &v));
    CHECK(!slice_to_u64(SL("1 "), 42, &v));
    CHECK(!slice_to_u64(SL("0x1"), 42, &v));
    CHECK(!slice_to_u64(SL("1\0"), 42, &v));
    CHECK_INT(v, 7);
}

static void finds_among_several(void)
{
    const struct slice at[] = { SL("a"), SL("bc") };
    struct slices all = { at, 2 };

    CHECK(slices_have(all, SL("bc")));
    CHECK(!slices_have(all, SL("b")));
    CHECK(!slices_have((struct slices){ NULL, 0 }, SL("a")));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "compares bytes", compares },
        { "tells absent from empty", tells_absent_from_empty },
        { "searches", searches },
        { "trims blanks and tabs only", trims },
        { "cuts into pieces", cuts },
        { "reads decimal numbers strictly", reads_numbers },
        { "finds one among several", finds_among_several },
    };

    return TAP_RUN(tests);
}
