/* The replays. After each the world is looked over, and somebody who was not there signs in. */
#include "harness.h"

#include <string.h>

#include "sign_in.h"
#include "store.h"

#define COURSE_POOL_BYTES ((size_t)64 << 20)
#define LOG_LINES         12 /* shown of a world that failed */

static struct world world;
static struct course course;

static const char *const injection_names[INJECTION_COUNT] = {
    [INJECT_NOTHING] = "nothing",
    [INJECT_HANG_UP] = "a hang-up",
    [INJECT_CHANGED] = "a change",
    [INJECT_TOUCHED] = "a write",
    [INJECT_FULL] = "a full disk",
    [INJECT_CRYPTO] = "a failing signer",
    [INJECT_SILENCE] = "no word from outside",
};

static const char *const suspension_names[SUSPENSION_COUNT] = {
    [AT_ASK] = "whois",
    [AT_FETCH] = "a document",
    [AT_SIGN] = "signing",
    [AT_GENERATE] = "making a key",
    [AT_FORGET] = "forgetting a key",
    [AT_COMMIT] = "commit",
};

/* Which failures there are of which job. */
static const unsigned failures[SUSPENSION_COUNT] = {
    [AT_ASK] = 1U << INJECT_HANG_UP | 1U << INJECT_SILENCE,
    [AT_FETCH] = 1U << INJECT_HANG_UP | 1U << INJECT_SILENCE,
    [AT_SIGN] = 1U << INJECT_HANG_UP | 1U << INJECT_CRYPTO,
    [AT_GENERATE] = 1U << INJECT_HANG_UP | 1U << INJECT_CRYPTO,
    [AT_FORGET] = 1U << INJECT_HANG_UP, /* it cannot fail */
    [AT_COMMIT] = 1U << INJECT_HANG_UP | 1U << INJECT_CHANGED | 1U << INJECT_TOUCHED | 1U << INJECT_FULL,
};

static uint64_t count_records(void)
{
    struct store_usage usage = { .entries = 0 };

    CHECK_INT(store_usage(world.store, &usage), ERR_OK);
    return usage.entries;
}

/* Nothing half done: what was told to be lost has left no trace, and what was told to be done stands once. */
static void compare_records(void)
{
    uint64_t records = count_records();

    if (!world.replayed)
        course.records = records;
    else if (world.lost == 0 && !world.races)
        CHECK_INT(records, course.records);
}

/* The scenario ends by itself, or where a token request's answer was lost. */
static void play(const struct scenario *s, bool *ret_whole)
{
    *ret_whole = false;
    if (setjmp(world.end) == 0) {
        s->play(&world);
        *ret_whole = true;
    }
}

static void print_log(void)
{
    struct slice all = world_log(&world), rest = all, line;
    size_t lines = 0, n = 0;

    for (size_t i = 0; i < all.n; i++)
        lines += all.p[i] == '\n';
    while (slice_cut(&rest, '\n', &line) && line.n > 0)
        if (++n + LOG_LINES > lines)
            printf("# " SLICE_FMT "\n", SLICE_ARG(line));
}

static void run(const struct scenario *s, enum injection kind, unsigned at)
{
    bool whole = false;

    world_open(&world, &course, s->bare);
    world.replayed = kind != INJECT_NOTHING;
    world.races = s->races;
    world.injection.kind = kind;
    world.injection.at = at;
    play(s, &whole);
    if (whole)
        compare_records();
    CHECK(kind == INJECT_NOTHING || world.injection.struck);
    if (kind == INJECT_CHANGED || kind == INJECT_TOUCHED)
        CHECK(world.machine.count.again > 0);
    world.over = true;
    sign_in_as_carol(&world);
    world_inspect(&world);
    if (tap_failures > 0)
        print_log();
    world_close(&world);
}

/* The number of replays; ends with the first that fails. */
static unsigned replay(const struct scenario *s)
{
    unsigned n = 0;

    for (unsigned at = 0; at<course.landings; at += s->every> 0 ? s->every : 1) {
        for (unsigned kind = INJECT_HANG_UP; kind < INJECTION_COUNT && tap_failures == 0; kind++) {
            if (!(failures[course.at[at]] & 1U << kind))
                continue;
            run(s, (enum injection)kind, at);
            n++;
            if (tap_failures > 0)
                printf("# in the replay with %s at job %u (%s)\n", injection_names[kind], at,
                       suspension_names[course.at[at]]);
        }
    }
    return n;
}

static bool play_all(const struct scenario *s)
{
    unsigned n = 0;

    tap_failures = 0;
    memset(&course, 0, sizeof(course));
    course.pool = pool_create(COURSE_POOL_BYTES);
    run(s, INJECT_NOTHING, 0);
    if (tap_failures == 0 && !s->calm)
        n = replay(s);
    printf("# %u jobs, %u replays\n", course.landings, n);
    pool_destroy(course.pool);
    return tap_failures == 0;
}

int scenarios_play(const struct scenario *scenarios, size_t n)
{
    unsigned failed = 0;

    printf("1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        bool holds = play_all(&scenarios[i]);

        printf("%s %zu - %s\n", holds ? "ok" : "not ok", i + 1, scenarios[i].name);
        (void)fflush(stdout);
        failed += !holds;
    }
    return failed != 0;
}
