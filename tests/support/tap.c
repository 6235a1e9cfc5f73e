#include "tap.h"

unsigned tap_failures;

void tap_check(const char *file, int line, const char *condition, bool holds)
{
    if (holds)
        return;
    tap_failures++;
    printf("# %s:%d: not true: %s\n", file, line, condition);
}

void tap_check_int(const char *file, int line, const char *what, intmax_t got, intmax_t want)
{
    if (got == want)
        return;
    tap_failures++;
    printf("# %s:%d: %s is %" PRIdMAX ", not %" PRIdMAX "\n", file, line, what, got, want);
}

void tap_check_text(const char *file, int line, const char *what, struct slice got, const char *want)
{
    if (!slice_is_none(got) && slice_eq(got, slice_of(want)))
        return;
    tap_failures++;
    printf("# %s:%d: %s is \"" SLICE_FMT "\", not \"%s\"\n", file, line, what, SLICE_ARG(got), want);
}

int tap_run(const struct tap_test *tests, size_t n)
{
    unsigned failed = 0;

    printf("1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        tap_failures = 0;
        tests[i].run();
        printf("%s %zu - %s\n", tap_failures ? "not ok" : "ok", i + 1, tests[i].name);
        (void)fflush(stdout);
        failed += tap_failures != 0;
    }
    return failed != 0;
}
