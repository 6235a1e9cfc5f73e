#include "fetch_allow.h"

#include "tap.h"

static void valid(void)
{
    static const char *const good[] = { "app.example.ts.net", "app", "*.example.ts.net",      "a_b.example", "10.0.0.5",
                                        "fd7a:115c:a1e0::5",  "::1", "xn--bcher-kva.example", "APP.example" };
    static const char *const bad[] = {
        "",      "*",         "*.",         "a.*.b",        "app.example.", ".example",
        "a..b",  "app:443",   "[::1]",      "[::1]:443",    "10.0.0.5:80",  "https://app",
        "app/x", "b\xc3\xbc", "**.example", "*example.net", "app example",  "10.0.0.0/8"
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CHECK_TEXT(fetch_allow_is_valid(slice_of(good[i])) ? SL("valid") : slice_of(good[i]), "valid");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_TEXT(fetch_allow_is_valid(slice_of(bad[i])) ? slice_of(bad[i]) : SL("refused"), "refused");
}

static bool names(const char *pattern, const char *host)
{
    const struct slice one = slice_of(pattern);

    return fetch_allow_names((struct slices){ &one, 1 }, slice_of(host));
}

static void hosts(void)
{
    CHECK(names("app.example.net", "app.example.net"));
    CHECK(names("app.example.net", "APP.Example.NET"));
    CHECK(!names("app.example.net", "x.app.example.net"));
    CHECK(!names("app.example.net", "app.example.net.evil.example"));
    CHECK(!names("example.net", "notexample.net"));
}

static void below(void)
{
    CHECK(names("*.example.net", "app.example.net"));
    CHECK(names("*.example.net", "a.b.Example.net"));
    CHECK(!names("*.example.net", "example.net"));
    CHECK(!names("*.example.net", "notexample.net"));
    CHECK(!names("*.example.net", ".example.net"));
    CHECK(!names("*.example.net", "app.example.net.evil.example"));
}

static void addresses(void)
{
    CHECK(names("10.0.0.5", "10.0.0.5"));
    CHECK(names("::ffff:10.0.0.5", "10.0.0.5"));
    CHECK(names("fd00:0:0::5", "fd00::5"));
    CHECK(!names("10.0.0.5", "10.0.0.50"));
    CHECK(!names("*.5", "10.0.0.5")); /* an address has no names below it */
    CHECK(!names("fd00::5", "fd00::6"));
}

static void none(void)
{
    CHECK(!fetch_allow_names((struct slices){ NULL, 0 }, SL("app.example.net")));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "what may stand in the setting", valid },
        { "a host", hosts },
        { "all below a name", below },
        { "addresses, however they are written", addresses },
        { "nothing is named", none },
    };

    return TAP_RUN(tests);
}
