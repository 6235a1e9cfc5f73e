/* Time-ordered ids. */
#include <string.h>

#include "digest.h"
#include "ids.h"
#include "tap.h"

#define MS_MAX ((INT64_C(1) << 48) - 1)
#define MANY   1000

static void make_at(int64_t ms, uint8_t ret[static ID_BYTES])
{
    id_make((struct now){ .s = ms / 1000, .ms = ms }, ret);
}

static void test_layout(void)
{
    static const uint8_t time_part[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06 };
    uint8_t id[ID_BYTES];

    make_at(INT64_C(0x010203040506), id);
    CHECK(memcmp(id, time_part, sizeof(time_part)) == 0);
}

static void test_time(void)
{
    static const int64_t times[] = { 0, 1, 255, 256, INT64_C(1764000000123), MS_MAX };
    uint8_t id[ID_BYTES];

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        make_at(times[i], id);
        CHECK_INT(id_time_ms(id), times[i]);
    }
}

static void test_order(void)
{
    uint8_t before[ID_BYTES], after[ID_BYTES];

    for (int64_t ms = INT64_C(1764000000000); ms < INT64_C(1764000000000) + MANY; ms++) {
        make_at(ms, before);
        make_at(ms + 1, after);
        CHECK(memcmp(before, after, ID_BYTES) < 0);
    }
}

/* Each bit of the random part is now 0 and now 1. */
static void test_chance(void)
{
    uint8_t id[ID_BYTES], ones[2] = { 0, 0 }, zeros[2] = { 0, 0 };

    for (unsigned i = 0; i < MANY; i++) {
        make_at(0, id);
        for (unsigned n = 0; n < 2; n++) {
            ones[n] |= id[ID_BYTES - 2 + n];
            zeros[n] |= (uint8_t)~id[ID_BYTES - 2 + n];
        }
    }
    CHECK(ones[0] == 0xff && ones[1] == 0xff && zeros[0] == 0xff && zeros[1] == 0xff);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "the time in front, big-endian", test_layout },
        { "the time is read back", test_time },
        { "a later id is a greater one", test_order },
        { "the rest is random", test_chance },
    };

    return TAP_RUN(tests);
}
