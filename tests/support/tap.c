#include "tap.h"

unsigned tap_failures;

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
