/* What the error page says of a redirect URI that is not registered: which one was probably meant, and what is different. */
#include "redirect.h"

#include "tap.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void test_differences(void)
{
    static const struct {
        const char *registered, *sent;
        enum redirect_difference differs;
    } rows[] = {
        { "https://app.example/cb", "https://app.example/cb/", DIFFERS_SLASH },
        { "https://app.example/", "https://app.example", DIFFERS_SLASH },
        { "https://app.example/cb", "http://app.example/cb", DIFFERS_SCHEME },
        { "https://app.example/cb", "https://app.example:8443/cb", DIFFERS_PORT },
        { "https://app.example:8443/cb", "https://app.example/cb", DIFFERS_PORT },
        { "https://app.example/cb", "https://evil.example/cb", DIFFERS_HOST },
        { "http://localhost:1/cb", "http://127.0.0.1:1/cb", DIFFERS_LOCALHOST },
        { "http://[::1]/cb", "http://localhost:5/cb", DIFFERS_LOCALHOST },
        { "https://app.example/cb", "https://app.example/CB", DIFFERS_CASE },
        { "https://App.example/cb", "https://app.example/cb", DIFFERS_CASE },
        { "https://app.example/cb?a", "https://app.example/cb?b", DIFFERS_QUERY },
        { "https://app.example/cb", "https://app.example/cb?", DIFFERS_QUERY },
        { "https://app.example/cb", "https://app.example/other", DIFFERS_PATH },
        { "http://localhost:1/cb", "http://localhost:2/other", DIFFERS_PATH }, /* that port is free */
        { "https://app.example/cb", "http://evil.example/cb", DIFFERS_ALL },
        { "https://app.example/cb", "https://good@app.example/cb", DIFFERS_ALL },
        { "https://app.example/cb", "nonsense", DIFFERS_ALL },
        { "https://app.example/cb", "", DIFFERS_ALL },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice registered = slice_of(rows[i].registered);
        enum redirect_difference differs = DIFFERS_ALL;
        struct slice nearest = redirect_nearest((struct slices){ &registered, 1 }, slice_of(rows[i].sent), &differs);
        if (differs != rows[i].differs)
            printf("# %s and %s\n", rows[i].registered, rows[i].sent);
        CHECK_INT(differs, rows[i].differs);
        CHECK_TEXT(nearest, rows[i].registered);
    }
}

static void test_nearest(void)
{
    static const struct slice registered[] = {
        SL("com.example.app:/cb"),      SL("https://app.example/login/cb"), SL("https://app.example/logout/cb"),
        SL("https://other.example/cb"), SL("http://localhost:8080/cb"),
    };

    static const struct {
        const char *sent, *nearest;
        enum redirect_difference differs;
    } rows[] = {
        { "https://app.example/logout/cb/", "https://app.example/logout/cb", DIFFERS_SLASH },
        { "https://app.example/logo", "https://app.example/logout/cb", DIFFERS_PATH }, /* longest common part */
        { "https://app.example/log", "https://app.example/login/cb", DIFFERS_PATH },   /* as good: the first */
        { "https://other.example/CB", "https://other.example/cb", DIFFERS_CASE },
        { "http://127.0.0.1:8080/cb", "http://localhost:8080/cb", DIFFERS_LOCALHOST },
        { "com.example.app:/CB?x", "com.example.app:/cb", DIFFERS_ALL },
    };
    enum redirect_difference differs = DIFFERS_SLASH;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slices all = { registered, COUNT(registered) };
        CHECK_TEXT(redirect_nearest(all, slice_of(rows[i].sent), &differs), rows[i].nearest);
        CHECK_INT(differs, rows[i].differs);
    }
    differs = DIFFERS_SLASH;
    CHECK(slice_is_none(redirect_nearest((struct slices){ NULL, 0 }, SL("https://app.example"), &differs)));
    CHECK_INT(differs, DIFFERS_ALL);
}

static void test_every_difference_has_a_text(void)
{
    for (unsigned d = 0; d < REDIRECT_DIFFERENCE_COUNT; d++)
        CHECK(redirect_difference_text((enum redirect_difference)d) != NULL);
    CHECK_TEXT(slice_of(redirect_difference_text(DIFFERS_SLASH)), "A slash at the end.");
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "in what two differ", test_differences },
        { "which one was probably meant", test_nearest },
        { "every difference has a text", test_every_difference_has_a_text },
    };

    return TAP_RUN(tests);
}
