/* Scopes: what separates them, what is forgiven, what is said of what is not. RFC 6749 3.3, appendix A.4. */
#include "scope.h"

#include <string.h>

#include "tap.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define UNTOUCHED   0xa5a5U

struct row {
    struct slice text;
    enum scope_outcome outcome;
    unsigned scopes;
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned before = tap_failures, scopes = UNTOUCHED;
        CHECK_INT(scope_parse(rows[i].text, &scopes), rows[i].outcome);
        CHECK_INT(scopes, rows[i].outcome == SCOPE_OK ? rows[i].scopes : UNTOUCHED);
        if (tap_failures != before)
            printf("# of \"" SLICE_FMT "\"\n", SLICE_ARG(rows[i].text));
    }
}

static void test_known(void)
{
    static const struct row rows[] = {
        { SL("openid"), SCOPE_OK, SCOPE_OPENID },
        { SL("profile"), SCOPE_OK, SCOPE_PROFILE },
        { SL("email"), SCOPE_OK, SCOPE_EMAIL },
        { SL("groups"), SCOPE_OK, SCOPE_GROUPS },
        { SL("roles"), SCOPE_OK, SCOPE_ROLES },
        { SL("openid email"), SCOPE_OK, SCOPE_OPENID | SCOPE_EMAIL },
        { SL("email openid"), SCOPE_OK, SCOPE_OPENID | SCOPE_EMAIL },
        { SL("openid openid"), SCOPE_OK, SCOPE_OPENID },
        { SL("roles groups email profile openid"), SCOPE_OK,
          SCOPE_OPENID | SCOPE_PROFILE | SCOPE_EMAIL | SCOPE_GROUPS | SCOPE_ROLES },
        { SL("openid offline_access"), SCOPE_OK, SCOPE_OPENID },
        { SL("offline_access"), SCOPE_OK, 0 },
    };

    check(rows, COUNT(rows));
}

static void test_default(void)
{
    static const struct row rows[] = {
        { SLICE_NONE, SCOPE_OK, SCOPE_DEFAULT }, /* many clients send none: a default, not an error */
        { SL(""), SCOPE_OK, SCOPE_DEFAULT },     /* field 04 */
        { SL(" "), SCOPE_OK, SCOPE_DEFAULT },
        { SL("     "), SCOPE_OK, SCOPE_DEFAULT },
    };

    check(rows, COUNT(rows));
    CHECK_INT(SCOPE_DEFAULT, SCOPE_OPENID | SCOPE_PROFILE | SCOPE_EMAIL);
}

/* Field 11 */
static void test_blanks(void)
{
    static const struct row rows[] = {
        { SL(" openid  email "), SCOPE_OK, SCOPE_OPENID | SCOPE_EMAIL },
        { SL("openid   email"), SCOPE_OK, SCOPE_OPENID | SCOPE_EMAIL },
        { SL("openid\temail"), SCOPE_BAD, 0 },
        { SL("openid\nemail"), SCOPE_BAD, 0 },
        { SL("openid\r\nemail"), SCOPE_BAD, 0 },
        { SL("openid\vemail"), SCOPE_BAD, 0 },
        { SL("openid\femail"), SCOPE_BAD, 0 },
        { SL("openid email\n"), SCOPE_BAD, 0 },
        { SL("\topenid"), SCOPE_BAD, 0 },
        { SL("openid\xc2\xa0"
             "email"),
          SCOPE_BAD, 0 }, /* no-break space */
        { SL("openid\xe2\x80\x83"
             "email"),
          SCOPE_BAD, 0 }, /* em space */
        { SL("openid\xe3\x80\x80"
             "email"),
          SCOPE_BAD, 0 },                    /* ideographic space */
        { SL("openid+email"), SCOPE_OK, 0 }, /* one unknown scope */
        { SL("openid%20email"), SCOPE_OK, 0 },
    };

    check(rows, COUNT(rows));
}

static void test_characters(void)
{
    for (unsigned c = 0; c < 256; c++) {
        const char text[] = { 'o', 'p', 'e', 'n', 'i', 'd', ' ', 'x', (char)c, 'y' };
        bool allowed = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
        unsigned scopes = UNTOUCHED;
        enum scope_outcome outcome = scope_parse(slice_bytes(text, sizeof(text)), &scopes);
        if (outcome != (allowed ? SCOPE_OK : SCOPE_BAD))
            printf("# of character %u\n", c);
        CHECK_INT(outcome, allowed ? SCOPE_OK : SCOPE_BAD);
        CHECK_INT(scopes, allowed ? SCOPE_OPENID : UNTOUCHED);
    }
}

static void test_unknown(void)
{
    static const struct row rows[] = {
        { SL("openid made-up"), SCOPE_OK, SCOPE_OPENID },
        { SL("made-up"), SCOPE_OK, 0 },
        { SL("read:things https://app.example/scope"), SCOPE_OK, 0 },
        { SL("OpenID Email"), SCOPE_OK, 0 }, /* case counts: RFC 6749 3.3 */
        { SL("openid2 xopenid openi"), SCOPE_OK, 0 },
        { SL("'openid'"), SCOPE_OK, 0 },
    };

    check(rows, COUNT(rows));
}

static void test_commas(void)
{
    static const struct row rows[] = {
        { SL("openid,email"), SCOPE_COMMAS, 0 },
        { SL("openid, email"), SCOPE_OK, SCOPE_EMAIL }, /* something known is left */
        { SL("made-up,other"), SCOPE_COMMAS, 0 },
        { SL("openid a,b"), SCOPE_OK, SCOPE_OPENID },
        { SL("offline_access a,b"), SCOPE_OK, 0 },
        { SL(","), SCOPE_COMMAS, 0 },
        { SL("openid,email\n"), SCOPE_BAD, 0 },
    };

    check(rows, COUNT(rows));
}

static void test_limits(void)
{
    static const struct slice known = SL("openid ");
    static char text[SCOPE_BYTES_MAX + 1];
    unsigned scopes = UNTOUCHED;

    memset(text, 'a', sizeof(text));
    memcpy(text, known.p, known.n);
    CHECK_INT(scope_parse(slice_bytes(text, SCOPE_BYTES_MAX), &scopes), SCOPE_OK);
    CHECK_INT(scopes, SCOPE_OPENID);
    CHECK_INT(scope_parse(slice_bytes(text, SCOPE_BYTES_MAX + 1), &scopes), SCOPE_BAD);
    for (size_t i = 0; i < sizeof(text); i += 2)
        text[i] = ' '; /* " a a a" */
    CHECK_INT(scope_parse(slice_bytes(text + 6, (size_t)2 * SCOPE_TOKENS_MAX), &scopes), SCOPE_OK);
    CHECK_INT(scopes, 0);
    CHECK_INT(scope_parse(slice_bytes(text + 6, (size_t)2 * SCOPE_TOKENS_MAX + 1), &scopes), SCOPE_OK);
    CHECK_INT(scope_parse(slice_bytes(text + 6, (size_t)2 * SCOPE_TOKENS_MAX + 2), &scopes), SCOPE_BAD);
    memset(text, ' ', sizeof(text)); /* blanks are no tokens */
    CHECK_INT(scope_parse(slice_bytes(text, SCOPE_BYTES_MAX), &scopes), SCOPE_OK);
    CHECK_INT(scopes, SCOPE_DEFAULT);
}

static void test_text(void)
{
    struct pool *p = pool_create(1 << 16);
    unsigned scopes;

    CHECK_TEXT(scope_text(p, 0), "");
    CHECK_TEXT(scope_text(p, SCOPE_EMAIL), "email");
    CHECK_TEXT(scope_text(p, SCOPE_DEFAULT), "openid profile email");
    CHECK_TEXT(scope_text(p, SCOPE_ROLES | SCOPE_OPENID), "openid roles");
    for (unsigned all = 1; all < SCOPE_ROLES << 1; all++) {
        CHECK_INT(scope_parse(scope_text(p, all), &scopes), SCOPE_OK);
        CHECK_INT(scopes, all);
    }
    pool_destroy(p);
}

static void test_names(void)
{
    struct slices names = scope_names();
    unsigned scopes, all = 0;

    CHECK(slices_have(names, SL("openid")));
    for (size_t i = 0; i < names.n; i++) {
        CHECK_INT(scope_parse(names.at[i], &scopes), SCOPE_OK);
        CHECK(scopes != 0); /* what is advertised works */
        all |= scopes;
    }
    CHECK_INT(all, (SCOPE_ROLES << 1) - 1);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "known ones, in any order", test_known },
        { "none, empty and blank: the default (field 04)", test_default },
        { "doubled blanks are forgiven, no other white space separates (field 11)", test_blanks },
        { "characters (RFC 6749 appendix A.4)", test_characters },
        { "unknown ones are left out", test_unknown },
        { "commas", test_commas },
        { "SCOPE_BYTES_MAX, SCOPE_TOKENS_MAX", test_limits },
        { "text", test_text },
        { "names", test_names },
    };

    return TAP_RUN(tests);
}
