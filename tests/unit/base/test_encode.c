#include "encode.h"

#include <string.h>
#include <time.h>

#include "tap.h"

static struct pool *pool;

static void base64url_reads_what_it_writes(void)
{
    char bytes[40];

    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct slice back = SLICE_NONE;

        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(i * 151 + n * 7);
        struct slice text = base64url_encode(pool, slice_bytes(bytes, n));
        CHECK(!slice_has(text, '='));
        CHECK(base64url_decode(pool, text, &back));
        CHECK(slice_eq(back, slice_bytes(bytes, n)));
        CHECK(!slice_is_none(back));
    }
}

typedef bool (*decoder)(struct pool *p, struct slice text, struct slice *ret);

static void refuse(decoder decode, const struct slice *wrong, size_t n)
{
    struct slice ret = SL("kept");

    for (size_t i = 0; i < n; i++)
        CHECK_TEXT(decode(pool, wrong[i], &ret) ? wrong[i] : SL("refused"), "refused");
    CHECK(!decode(pool, SLICE_NONE, &ret));
    CHECK_TEXT(ret, "kept");
}

#define REFUSE(decode, ...)                                 \
    refuse((decode), (const struct slice[]){ __VA_ARGS__ }, \
           sizeof((const struct slice[]){ __VA_ARGS__ }) / sizeof(struct slice))

static void base64url_is_canonical(void)
{
    REFUSE(base64url_decode, SL("A"), SL("AAAAA"), SL("Zg=="), SL("Zg="), SL("Zh"), SL("Zm9"), SL("Zm+v"), SL("Zm/v"),
           SL("Zm9v "), SL("Zm\n9v"), SL("Zm9v\0"), SL("\xc3\xa9"), SL("="));
}

static void base64_is_canonical(void)
{
    struct slice ret = SLICE_NONE;

    CHECK(base64_decode(pool, SL(""), &ret));
    CHECK_TEXT(ret, "");
    CHECK(base64_decode(pool, SL("Zg=="), &ret));
    CHECK_TEXT(ret, "f");
    CHECK(base64_decode(pool, SL("Zm8="), &ret));
    CHECK_TEXT(ret, "fo");
    CHECK(base64_decode(pool, SL("Zm9v+/+/"), &ret));
    CHECK_TEXT(ret, "foo\xfb\xff\xbf");
    REFUSE(base64_decode, SL("Zg"), SL("Zg="), SL("Zg==="), SL("Zh=="), SL("Zm9="), SL("===="), SL("A==="),
           SL("Zg==Zg=="), SL("Z=g="), SL("Zm-v"), SL("Zm_v"), SL(" Zg=="), SL("Zm9v="), SL("Zm9v\n"));
}

static void hex_is_lower_case(void)
{
    struct slice ret = SLICE_NONE;

    CHECK_TEXT(hex_encode(pool, SL("\x00\x7f\xab\xff")), "007fabff");
    CHECK_TEXT(hex_encode(pool, SL("")), "");
    CHECK(hex_decode(pool, SL("007fabff"), &ret));
    CHECK(slice_eq(ret, SL("\x00\x7f\xab\xff")));
    CHECK(hex_decode(pool, SL(""), &ret));
    CHECK_TEXT(ret, "");
    REFUSE(hex_decode, SL("0"), SL("0g"), SL("AB"), SL("aB"), SL("0x"), SL(" 0"), SL("00 "), SL("/0"), SL(":0"),
           SL("`0"));
}

static void percent_is_decoded(void)
{
    struct slice ret = SLICE_NONE;

    CHECK(percent_decode(pool, SL("a%20b+c%2B%2b"), true, &ret));
    CHECK_TEXT(ret, "a b c++");
    CHECK(percent_decode(pool, SL("a%20b+c"), false, &ret));
    CHECK_TEXT(ret, "a b+c");
    CHECK(percent_decode(pool, SL("%00%ff%25"), false, &ret));
    CHECK(slice_eq(ret, SL("\0\xff%")));
    CHECK(percent_decode(pool, SL(""), false, &ret));
    CHECK_TEXT(ret, "");
    CHECK(!percent_decode(pool, SL("%"), false, &ret));
    CHECK(!percent_decode(pool, SL("a%2"), false, &ret));
    CHECK(!percent_decode(pool, SL("%g0"), false, &ret));
    CHECK(!percent_decode(pool, SL("%0G"), false, &ret));
    CHECK(!percent_decode(pool, SL("%%30"), false, &ret));
    CHECK_TEXT(ret, "");
}

static void utf8_is_rfc3629(void)
{
    static const struct slice good[] = { SL(""),
                                         SL("a\0b"),
                                         SL("\x7f"),
                                         SL("\xc2\x80"),
                                         SL("\xdf\xbf"),
                                         SL("\xe0\xa0\x80"),
                                         SL("\xed\x9f\xbf"),
                                         SL("\xee\x80\x80"),
                                         SL("\xef\xbf\xbf"),
                                         SL("\xf0\x90\x80\x80"),
                                         SL("\xf4\x8f\xbf\xbf") };
    static const struct slice bad[] = {
        SL("\x80"),
        SL("\xbf"),
        SL("\xc0\xaf"),
        SL("\xc1\xbf"),
        SL("\xc2"),
        SL("\xc2\x41"),
        SL("\xe0\x9f\xbf"),
        SL("\xed\xa0\x80"),
        SL("\xed\xbf\xbf"),
        SL("\xe2\x82"),
        SL("\xe2\x28\xa1"),
        SL("\xe2\x82\x28"),
        SL("\xf0\x8f\xbf\xbf"),
        SL("\xf4\x90\x80\x80"),
        SL("\xf5\x80\x80\x80"),
        SL("\xf0\x90\x80"),
        SL("\xf0\x90\x80\x28"),
        SL("\xff"),
        SL("\xfe"),
        SL("ok\xc3"),
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CHECK(utf8_is_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!utf8_is_valid(bad[i]));
    CHECK(utf8_is_valid(SLICE_NONE));
    CHECK_INT(utf8_first(SL("a")), 1);
    CHECK_INT(utf8_first(SL("\xc3\xa9x")), 2);
    CHECK_INT(utf8_first(SL("\xe2\x82\xac")), 3);
    CHECK_INT(utf8_first(SL("\xf0\x9f\x98\x80")), 4);
    CHECK_INT(utf8_first(SL("")), 0);
    CHECK_INT(utf8_first(SL("\xff")), 0);
}

static void printable_has_no_controls(void)
{
    CHECK(text_is_printable(SL("Bob's \xc3\xa9\xc2\xa0~")));
    CHECK(text_is_printable(SL("")));
    CHECK(!text_is_printable(SL("a\nb")));
    CHECK(!text_is_printable(SL("a\0")));
    CHECK(!text_is_printable(SL("\x1b[0m")));
    CHECK(!text_is_printable(SL("\x7f")));
    CHECK(!text_is_printable(SL("\xc2\x80")));
    CHECK(!text_is_printable(SL("\xc2\x9f")));
    CHECK(!text_is_printable(SL("\xff")));
    CHECK(!text_is_printable(SL("\xc2")));
}

static void lower_is_ascii(void)
{
    CHECK_TEXT(ascii_lower(pool, SL("aZ@[\xc3\x89")), "az@[\xc3\x89");
    CHECK(slice_is_none(ascii_lower(pool, SLICE_NONE)));
}

static void check_time(int64_t at_s)
{
    char want[TIME_BYTES + 1], got[TIME_BYTES];
    struct tm tm;
    time_t t = (time_t)at_s;

    (void)gmtime_r(&t, &tm);
    (void)snprintf(want, sizeof(want), "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(tm.tm_year + 1900) % 10000,
                   (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
                   (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
    time_print(at_s, got);
    CHECK_TEXT(slice_bytes(got, TIME_BYTES), want);
}

static void time_is_gregorian(void)
{
    CHECK_TEXT(time_format(pool, 1795617068), "2026-11-25T14:31:08Z");
    CHECK_TEXT(time_format(pool, 0), "1970-01-01T00:00:00Z");
    CHECK_TEXT(time_format(pool, -1), "1969-12-31T23:59:59Z");
    CHECK_TEXT(time_format(pool, 951782400), "2000-02-29T00:00:00Z");
    CHECK_TEXT(time_format(pool, INT64_MIN), "0000-01-01T00:00:00Z");
    CHECK_TEXT(time_format(pool, INT64_MAX), "9999-12-31T23:59:59Z");
    CHECK_TEXT(time_format(pool, -62167219200), "0000-01-01T00:00:00Z");
    CHECK_TEXT(time_format(pool, -62162035201), "0000-02-29T23:59:59Z");
    for (int64_t s = -62167219200; s <= 253402300799; s += 86400 * 97 + 3601)
        check_time(s);
    for (int64_t day = -800; day < 800; day++)
        check_time(951782400 + day * 86400);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "base64url reads what it writes", base64url_reads_what_it_writes },
        { "base64url has one spelling", base64url_is_canonical },
        { "base64 has one spelling", base64_is_canonical },
        { "hex is lower case", hex_is_lower_case },
        { "percent escapes are decoded, broken ones refused", percent_is_decoded },
        { "UTF-8 is that of RFC 3629", utf8_is_rfc3629 },
        { "printable text has no control characters", printable_has_no_controls },
        { "lower case is ASCII only", lower_is_ascii },
        { "times agree with the C library from year 0 to 9999", time_is_gregorian },
    };

    pool = pool_create(1 << 20);
    int r = TAP_RUN(tests);
    pool_destroy(pool);
    return r;
}
