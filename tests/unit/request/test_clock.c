/* The clock's guards over a temporary database, with times made up around those that its commits carry. */
#include "clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "issuer.h"
#include "tap.h"

#define POOL_BYTES (4UL << 20)
#define MINUTE_MS  INT64_C(60000)
#define DAY_MS     86400000

static char directory[] = "/tmp/avouch-test-clock-XXXXXX";
static struct pool *pool;
static struct store *store;
static struct machine machine;
static bool synchronised;

static int64_t real_ms(clockid_t clock)
{
    struct timespec t = { 0 };

    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* That long after now, by a clock that is `off` from the right one. */
static struct now at(int64_t after_ms, int64_t off_ms)
{
    int64_t wall = real_ms(CLOCK_REALTIME) + after_ms + off_ms;

    return (struct now){ .s = wall / 1000, .ms = wall, .boot_ms = real_ms(CLOCK_BOOTTIME) + after_ms };
}

static bool say_synchronised(void *ctx)
{
    (void)ctx;
    return synchronised;
}

/* A commit that rests on a clock which is `off`; accept: the operator's word for it. */
static void commit(int64_t off_ms, bool accept)
{
    const struct issuer_record record = { .epoch = 1 };
    struct txn *t = txn_create(pool, machine.view, 1);

    if (accept)
        txn_accept_clock(t, at(0, off_ms).ms);
    else
        txn_rest_on_clock(t, at(0, off_ms).ms);
    issuer_put(t, &record);
    CHECK_INT(store_commit_one(store, t), ERR_OK);
}

/* As after a start of the server, with a commit a moment ago. */
static void start(void)
{
    view_rest(machine.view);
    machine = (struct machine){ .view = machine.view, .clock_is_synchronised = say_synchronised };
    synchronised = false;
    commit(0, true);
}

static enum clock_state judge(struct now now)
{
    enum clock_state state = clock_judge(&machine, now);

    view_rest(machine.view);
    return state;
}

static bool may_sweep(struct now now)
{
    bool may = clock_may_sweep(&machine, now);

    view_rest(machine.view);
    return may;
}

static void test_right(void)
{
    start();
    CHECK_INT(judge(at(0, 0)), CLOCK_RIGHT);
    CHECK_INT(judge(at(DAY_MS, 0)), CLOCK_RIGHT); /* nothing happened for a day */
    CHECK_INT(judge(at(DAY_MS, CLOCK_JUMP_MS - 1000)), CLOCK_RIGHT);
    CHECK(may_sweep(at(DAY_MS, CLOCK_JUMP_MS - 1000)));
}

static void test_jumps(void)
{
    static const int64_t jumps[] = { DAY_MS, 5 * MINUTE_MS, CLOCK_JUMP_MS + 1000, -CLOCK_JUMP_MS - 1000,
                                     -4 * MINUTE_MS };

    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        start();
        CHECK_INT(judge(at(0, 0)), CLOCK_RIGHT);
        CHECK_INT(judge(at(1000, jumps[i])), CLOCK_JUMPED);
        CHECK_INT(judge(at(CLOCK_HOLD_MS - 1000, jumps[i])), CLOCK_JUMPED);
        CHECK_INT(judge(at(CLOCK_HOLD_MS + 2000, jumps[i])), CLOCK_RIGHT);
    }
}

static void test_synchronised(void)
{
    start();
    CHECK_INT(judge(at(0, 0)), CLOCK_RIGHT);
    CHECK_INT(judge(at(1000, DAY_MS)), CLOCK_JUMPED);
    synchronised = true;
    CHECK_INT(judge(at(2000, DAY_MS)), CLOCK_RIGHT);
    CHECK(may_sweep(at(2000, DAY_MS)));
    synchronised = false;
    CHECK_INT(judge(at(3000, DAY_MS)), CLOCK_RIGHT); /* it is said once */
}

/* The last commit was another process's: the jump fell in between. */
static void test_jump_before_start(void)
{
    start();
    CHECK_INT(judge(at(1000, DAY_MS)), CLOCK_JUMPED);
    start();
    CHECK_INT(judge(at(1000, -MINUTE_MS)), CLOCK_JUMPED);
}

static void test_jump_while_held(void)
{
    start();
    CHECK_INT(judge(at(0, 0)), CLOCK_RIGHT);
    CHECK_INT(judge(at(1000, DAY_MS)), CLOCK_JUMPED);
    CHECK_INT(judge(at(CLOCK_HOLD_MS, 0)), CLOCK_JUMPED); /* back again, which is a jump too */
    CHECK_INT(judge(at(CLOCK_HOLD_MS + 2000, 0)), CLOCK_JUMPED);
    CHECK_INT(judge(at(2 * CLOCK_HOLD_MS + 1000, 0)), CLOCK_RIGHT);
}

/* A request that began before the jump and is judged after it is no second one. */
static void test_older_reading(void)
{
    start();
    struct now before = at(0, 0);
    CHECK_INT(judge(before), CLOCK_RIGHT);
    CHECK_INT(judge(at(1000, DAY_MS)), CLOCK_JUMPED);
    CHECK_INT(judge(before), CLOCK_JUMPED);
    CHECK_INT(judge(at(CLOCK_HOLD_MS + 2000, DAY_MS)), CLOCK_RIGHT);
}

static void test_behind(void)
{
    start();
    CHECK_INT(judge(at(0, 0)), CLOCK_RIGHT);
    CHECK_INT(judge(at(1000, -DAY_MS)), CLOCK_BEHIND);
    synchronised = true;
    CHECK_INT(judge(at(2000, -DAY_MS)), CLOCK_BEHIND); /* whatever the kernel says */
    synchronised = false;
    CHECK_INT(judge(at(CLOCK_HOLD_MS + 3000, -DAY_MS)), CLOCK_BEHIND);
    CHECK(!may_sweep(at(CLOCK_HOLD_MS + 3000, -DAY_MS)));
    CHECK_INT(judge(at(CLOCK_BEHIND_MS, -2 * CLOCK_BEHIND_MS + 1000)),
              CLOCK_JUMPED); /* in reach again, held as after any jump */
    CHECK_INT(judge(at(CLOCK_HOLD_MS + CLOCK_BEHIND_MS, -2 * (int64_t)CLOCK_BEHIND_MS)), CLOCK_RIGHT);
}

static void test_accepted(void)
{
    start();
    commit(DAY_MS, false);
    commit(0, false); /* what is issued at an earlier time does not take it back */
    CHECK_INT(judge(at(1000, 0)), CLOCK_BEHIND);
    commit(0, true);
    CHECK_INT(judge(at(1000, 0)), CLOCK_RIGHT);
}

static void test_sweep(void)
{
    start();
    CHECK(may_sweep(at(0, 0)));
    CHECK(!may_sweep(at(1000, DAY_MS)));
    CHECK_INT(judge(at(CLOCK_HOLD_MS + 2000, DAY_MS)), CLOCK_RIGHT);
    CHECK(!may_sweep(at(CLOCK_HOLD_MS + 2000, DAY_MS)));
    CHECK(!may_sweep(at(CLOCK_SWEEP_HOLD_MS, DAY_MS)));
    CHECK(may_sweep(at(CLOCK_SWEEP_HOLD_MS + 2000, DAY_MS)));
}

static void test_made_up(void)
{
    start();
    CHECK_INT(judge((struct now){ .s = 1, .ms = 1000 }), CLOCK_RIGHT);
    CHECK(may_sweep((struct now){ .s = 1, .ms = 1000 }));
}

static void remove_directory(void)
{
    static const char *const files[] = { "data.mdb", "lock.mdb" };
    char path[sizeof(directory) + 16];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a clock that goes on is right, and small steps are none", test_right },
        { "after a jump nothing is issued for a minute", test_jumps },
        { "or until the kernel says that the time is synchronised", test_synchronised },
        { "a jump while no server ran is seen by the last commit", test_jump_before_start },
        { "back again is a jump", test_jump_while_held },
        { "a reading from before the jump is no jump", test_older_reading },
        { "behind what was issued last nothing is issued", test_behind },
        { "the operator's word for it, and nobody else's", test_accepted },
        { "nothing is swept by a jump that nobody confirms, for an hour", test_sweep },
        { "a time without boot time is made up, and right", test_made_up },
    };
    const struct store_options options = { .directory = directory, .map_bytes = 1U << 20, .no_sync = true };
    struct slice why = SLICE_NONE;

    if (mkdtemp(directory) == NULL)
        return 2;
    pool = pool_create(POOL_BYTES);
    if (store_open(pool, &options, &store, &why) != ERR_OK)
        return 2;
    machine.view = view_create(store);
    int failed = TAP_RUN(tests);
    view_destroy(machine.view);
    store_close(store);
    pool_destroy(pool);
    remove_directory();
    return failed;
}
