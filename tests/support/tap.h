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

#define CHECK(condition)      tap_check(__FILE__, __LINE__, #condition, (condition))
#define CHECK_INT(got, want)  tap_check_int(__FILE__, __LINE__, #got, (intmax_t)(got), (intmax_t)(want))
#define CHECK_TEXT(got, want) tap_check_text(__FILE__, __LINE__, #got, (got), (want))

void tap_check(const char *file, int line, const char *condition, bool holds);
void tap_check_int(const char *file, int line, const char *what, intmax_t got, intmax_t want);
void tap_check_text(const char *file, int line, const char *what, struct slice got,
                    const char *want); /* none is no text */

/* Runs them in order; the exit status of main. */
int tap_run(const struct tap_test *tests, size_t n);
#define TAP_RUN(tests) tap_run((tests), sizeof(tests) / sizeof((tests)[0]))

#endif
