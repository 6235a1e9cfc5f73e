/* Cookies among other people's. RFC 6265 5.4, 6.1; field 32, 47. */
#include "cookie.h"

#include <string.h>

#include "session.h"
#include "tap.h"

#define POOL_BYTES (1UL << 20)
#define OURS       SL(COOKIE_NAME)

static struct pool *pool;

static void check_found(const char *header, const char *value)
{
    struct slice found = cookie_find(slice_of(header), OURS);

    if (value == NULL)
        CHECK(slice_is_none(found));
    else
        CHECK_TEXT(found, value);
}

static void test_found(void)
{
    check_found("__Host-avouch=abc", "abc");
    check_found("theme=dark; __Host-avouch=abc; lang=en", "abc");
    check_found("theme=dark;__Host-avouch=abc;lang=en", "abc");
    check_found(" ;; __Host-avouch=abc ; ", "abc");
    check_found("\t__Host-avouch=abc\t", "abc");
    check_found("__Host-avouch=", "");
    check_found("__Host-avouch=a=b=", "a=b=");
    check_found("__Host-avouch=\"abc\"", "\"abc\"");
    check_found("x; =y; __Host-avouch; \"; __Host-avouch=abc", "abc");
    check_found("__Host-avouch=first; __Host-avouch=second", "first");
}

static void test_absent(void)
{
    CHECK(slice_is_none(cookie_find(SLICE_NONE, OURS)));
    check_found("", NULL);
    check_found(";", NULL);
    check_found("__Host-avouch", NULL);
    check_found("__host-avouch=abc", NULL); /* names are what they are, to the letter */
    check_found("__Host-avouch =abc", NULL);
    check_found("x__Host-avouch=abc", NULL);
    check_found("__Host-avouch2=abc", NULL);
    check_found("a=__Host-avouch=abc", NULL);
    check_found("a=b __Host-avouch=abc", NULL);
    check_found("a=b, __Host-avouch=abc", NULL);
}

/* One of another making under our name does not hide ours. */
static void test_too_long(void)
{
    struct buf b;

    buf_init(&b, pool, 4096);
    buf_put(&b, SL("__Host-avouch="));
    for (unsigned i = 0; i < COOKIE_VALUE_BYTES_MAX; i++)
        buf_char(&b, 'x');
    CHECK_INT(cookie_find(buf_finish(&b), OURS).n, COOKIE_VALUE_BYTES_MAX);
    buf_char(&b, 'x');
    CHECK(slice_is_none(cookie_find(buf_finish(&b), OURS)));
    buf_put(&b, SL("; __Host-avouch=abc"));
    CHECK_TEXT(cookie_find(buf_finish(&b), OURS), "abc");
}

/* Field 47: fifty of 200 bytes and more, some malformed, ours in the middle. */
static void test_among_many(void)
{
    struct buf b;

    buf_init(&b, pool, 1 << 16);
    for (unsigned i = 0; i < 70; i++) {
        buf_fmt(&b, "c%u=%0200u; ", i, i);
        if (i == 35)
            buf_put(&b, SL("==; __Host-avouch=abc; ;;\x01; "));
    }
    struct slice header = buf_finish(&b);
    CHECK(header.n > 14000);
    CHECK_TEXT(cookie_find(header, OURS), "abc");
}

static void test_made(void)
{
    struct issuer issuer = { .https = true };

    CHECK_TEXT(session_cookie_name(&issuer), "__Host-avouch");
    CHECK_TEXT(cookie_make(pool, &issuer, session_cookie_name(&issuer), SL("abc"), 3600),
               "__Host-avouch=abc; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure");
    issuer.https = false; /* the prefix demands Secure, which http cannot have */
    CHECK_TEXT(session_cookie_name(&issuer), "avouch");
    CHECK_TEXT(cookie_make(pool, &issuer, session_cookie_name(&issuer), SL("abc"), 3600),
               "avouch=abc; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax");
}

/* Field 32: what a browser may bring along from an earlier life. */
static void test_odd_values(void)
{
    struct browser b = { .known = true, .has_session = true };
    struct slice value;
    char *text, reversed[128] = "";

    random_bytes(b.browser, sizeof(b.browser));
    random_bytes(b.id, sizeof(b.id));
    random_bytes(b.secret, sizeof(b.secret));
    value = browser_cookie(pool, &b);
    text = slice_cstr(pool, value);
    CHECK(value.n < COOKIE_VALUE_BYTES_MAX);
    for (size_t i = 0; i < value.n; i++)
        reversed[i] = text[value.n - 1 - i];
    const char *const odd[] = { reversed, text + 1, "\"quoted\"", "", " ", "%41", "null", "deleted" };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct browser read = { .known = true };
        browser_read(slice_of(odd[i]), &read);
        CHECK(!read.has_session || i == 0); /* turned round it may be well-formed, and proves nothing */
    }
    browser_read(cookie_find(pool_fmt(pool, "a=b; __Host-avouch=%s", text), OURS), &b);
    CHECK(b.known && b.has_session);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "ours is found wherever it stands", test_found },
        { "what only looks like ours is not", test_absent },
        { "one that is too long does not hide another", test_too_long },
        { "among many, some of them malformed", test_among_many },
        { "how it is made, over https and http", test_made },
        { "values of an earlier life", test_odd_values },
    };

    pool = pool_create(POOL_BYTES);
    int failed = TAP_RUN(tests);
    pool_destroy(pool);
    return failed;
}
