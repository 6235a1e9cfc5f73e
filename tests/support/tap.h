/* A unit test is a program that speaks TAP. A CHECK that fails prints both sides and goes on; the test's line then says "not ok". */
#ifndef AVOUCH_TAP_H
#define AVOUCH_TAP_H

#include <inttypes.h>
#include <stdio.h>

#include "slice.h"

struct tap_test {
    const char *name;
    void (*run)(void);
};

extern unsigned tap_failures; /* of the test that runs */

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            tap_failures++;                                                         \
            printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #condition);      \
        }                                                                           \
    } while (0)

#define CHECK_INT(got, want)                                                        \
    do {                                                                            \
        intmax_t got_ = (intmax_t)(got), want_ = (intmax_t)(want);                  \
        if (got_ != want_) {                                                        \
            tap_failures++;                                                         \
            printf("# %s:%d: %s is %" PRIdMAX ", not %" PRIdMAX "\n", __FILE__, __LINE__, #got, got_, want_); \
        }                                                                           \
    } while (0)

#define CHECK_TEXT(got, want)                                                       \
    do {                                                                            \
        struct slice got_ = (got), want_ = slice_of(want);                          \
        if (slice_is_none(got_) || !slice_eq(got_, want_)) {                        \
            tap_failures++;                                                         \
            printf("# %s:%d: %s is \"%.*s\", not \"%.*s\"\n", __FILE__, __LINE__, #got, (int)got_.n,               \
                   got_.p ? got_.p : "", (int)want_.n, want_.p);                     \
        }                                                                           \
    } while (0)

/* Runs them in order; the exit status of main. */
int tap_run(const struct tap_test *tests, size_t n);
#define TAP_RUN(tests) tap_run((tests), sizeof(tests) / sizeof((tests)[0]))

#endif
