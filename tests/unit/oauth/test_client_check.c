/* What may be a client, and what is said of what may not. */
#include "client.h"

#include <string.h>

#include "scope.h"
#include "tap.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct pool *pool;

static const struct slice uris[] = { SL("https://app.example/cb"), SL("http://localhost/cb") };

static const struct slice page = SL("https://app.example/");

static struct client good(void)
{
    return (struct client){ .id = SL("app"), .name = SL("App"), .redirect_uris = { uris, COUNT(uris) } };
}

static void check_good(const struct client *c)
{
    struct slice why = SL("untouched");

    CHECK_INT(client_check(pool, c, &why), ERR_OK);
    CHECK_TEXT(why, "untouched");
}

/* A sentence in which these words are. */
static void check_refused(const struct client *c, const char *words)
{
    struct slice why = SL("");

    CHECK_INT(client_check(pool, c, &why), ERR_INPUT);
    bool has = strstr(slice_cstr(pool, why), words) != NULL;
    CHECK(has);
    if (!has)
        printf("# \"" SLICE_FMT "\" has no \"%s\"\n", SLICE_ARG(why), words);
}

static struct slice filled(char c, size_t n)
{
    char *text = pool_alloc(pool, n + 1);

    memset(text, c, n);
    return slice_bytes(text, n);
}

static void test_ids(void)
{
    struct client c = good();

    for (unsigned i = 0; i < 256; i++) {
        const char text[] = { 'a', (char)i };
        bool allowed = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z') || (i >= '0' && i <= '9') || i == '.' ||
                       i == '_' || i == '~' || i == '-';
        CHECK(client_id_is_valid(slice_bytes(text, 2)) == allowed);
        CHECK(client_id_is_valid(slice_bytes(text + 1, 1)) == allowed);
    }
    CHECK(!client_id_is_valid(SLICE_NONE));
    CHECK(!client_id_is_valid(SL("")));
    CHECK(client_id_is_valid(filled('a', CLIENT_ID_BYTES_MAX)));
    CHECK(!client_id_is_valid(filled('a', CLIENT_ID_BYTES_MAX + 1)));
    check_good(&c);
    c.id = SL("a b");
    check_refused(&c, "client_id has 1 to 100");
    c.id = SLICE_NONE;
    check_refused(&c, "client_id has 1 to 100");
}

static void test_names(void)
{
    static const struct {
        struct slice name;
        const char *words; /* NULL: it is a good one */
    } rows[] = {
        { SLICE_NONE, NULL }, /* field 54 */
        { SL(""), NULL },
        { SL("App & \"Co\" <b>"), NULL },
        { SL("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xf0\x9f\x98\x80"), NULL },
        { SL("line\nend"), "control character" },
        { SL("a\0b"), "control character" },
        { SL("\x1b[2J"), "control character" },
        { SL("a\x7f"), "control character" },
        { SL("a\xc2\x85"), "control character" }, /* C1 */
        { SL("a\xff"), "not UTF-8" },
        { SL("a\xc3"), "not UTF-8" },
        { SL("a\xed\xa0\x80"), "not UTF-8" }, /* a surrogate */
        { SL(" App"), "begins or ends with a blank" },
        { SL("App "), "begins or ends with a blank" },
        { SL(" "), "begins or ends with a blank" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct client c = good();
        c.name = rows[i].name;
        if (rows[i].words == NULL)
            check_good(&c);
        else
            check_refused(&c, rows[i].words);
    }
}

/* What is not seen, or turns the text around it over. */
static void test_invisible(void)
{
    static const unsigned marks[] = { 0x200b, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e,
                                      0x2066, 0x2067, 0x2068, 0x2069, 0xfeff };

    for (size_t i = 0; i < COUNT(marks); i++) {
        const char utf8[] = { (char)(0xe0 | marks[i] >> 12), (char)(0x80 | (marks[i] >> 6 & 0x3f)),
                              (char)(0x80 | (marks[i] & 0x3f)) };
        struct slice mark = slice_bytes(utf8, sizeof(utf8));
        struct client c = good();
        c.name = pool_fmt(pool, SLICE_FMT "App", SLICE_ARG(mark));
        check_refused(&c, "invisible");
        c.name = pool_fmt(pool, "A" SLICE_FMT "pp", SLICE_ARG(mark));
        check_refused(&c, "invisible");
        c.name = mark;
        check_refused(&c, "invisible");
    }
}

static void test_name_lengths(void)
{
    static const struct slice face = SL("\xf0\x9f\x98\x80");
    struct client c = good();
    char *wide = pool_alloc(pool, CLIENT_NAME_BYTES_MAX + 4);

    c.name = filled('a', CLIENT_NAME_CHARACTERS_MAX);
    check_good(&c);
    c.name = filled('a', CLIENT_NAME_CHARACTERS_MAX + 1);
    check_refused(&c, "more than 100 characters");
    for (size_t i = 0; i < CLIENT_NAME_BYTES_MAX + 4; i += 4)
        memcpy(wide + i, face.p, face.n);
    c.name = slice_bytes(wide, CLIENT_NAME_BYTES_MAX); /* characters are counted, not bytes */
    check_good(&c);
    c.name = slice_bytes(wide, CLIENT_NAME_BYTES_MAX + 4);
    check_refused(&c, "more than 100 characters");
}

static void test_redirect_uris(void)
{
    static const struct slice two[] = { SL("https://app.example/cb"), SL("https://app.example/cb#x") };
    static const struct slice twice[] = { SL("https://app.example/cb"), SL("http://localhost/"),
                                          SL("https://app.example/cb") };
    struct client c = good();

    c.redirect_uris = (struct slices){ NULL, 0 };
    check_refused(&c, "redirect_uris has none");
    c.redirect_uris = (struct slices){ two, 2 };
    check_refused(&c, "redirect_uris[1] has a fragment");
    c.redirect_uris = (struct slices){ two + 1, 1 };
    check_refused(&c, "redirect_uris[0] has a fragment");
    c.redirect_uris = (struct slices){ twice, 3 };
    check_refused(&c, "redirect_uris[2] is there twice");
    c.redirect_uris = (struct slices){ twice, 2 };
    check_good(&c);
    c.post_logout_redirect_uris = (struct slices){ two, 2 };
    check_refused(&c, "post_logout_redirect_uris[1] has a fragment");
    c.post_logout_redirect_uris = (struct slices){ two, 1 };
    check_good(&c);
}

static void test_redirect_uri_limits(void)
{
    struct slice many[CLIENT_REDIRECT_URIS_MAX + 1];
    char *text = slice_cstr(pool, filled('a', CLIENT_URI_BYTES_MAX + 1));
    struct client c = good();

    for (unsigned i = 0; i < COUNT(many); i++)
        many[i] = pool_fmt(pool, "https://app.example/%u", i);
    c.redirect_uris = (struct slices){ many, CLIENT_REDIRECT_URIS_MAX };
    check_good(&c);
    c.redirect_uris = (struct slices){ many, CLIENT_REDIRECT_URIS_MAX + 1 };
    check_refused(&c, "redirect_uris has more than 32 URIs");
    memcpy(text, page.p, page.n);
    const struct slice longest = slice_bytes(text, CLIENT_URI_BYTES_MAX),
                       longer = slice_bytes(text, CLIENT_URI_BYTES_MAX + 1);
    c.redirect_uris = (struct slices){ &longest, 1 };
    check_good(&c);
    c.redirect_uris = (struct slices){ &longer, 1 };
    check_refused(&c, "redirect_uris[0] has more than 2048 bytes");
}

static void check_link(struct client *c, struct slice *link, const char *member)
{
    *link = SL("https://app.example/page");
    check_good(c);
    *link = SL("http://app.example/page");
    check_good(c);
    *link = SL("com.example.app:/page");
    check_refused(c, slice_cstr(pool, pool_fmt(pool, "%s is no http or https URL", member)));
    *link = SL("javascript:alert(1)"); /* security 18 */
    check_refused(c, slice_cstr(pool, pool_fmt(pool, "%s has a scheme", member)));
    *link = SL("");
    check_refused(c, slice_cstr(pool, pool_fmt(pool, "%s is empty", member)));
    *link = pool_fmt(pool, "https://app.example/" SLICE_FMT, SLICE_ARG(filled('a', CLIENT_URI_BYTES_MAX)));
    check_refused(c, slice_cstr(pool, pool_fmt(pool, "%s has more than 2048 bytes", member)));
    *link = SLICE_NONE;
    check_good(c);
}

static void test_links(void)
{
    struct client c = good();

    check_link(&c, &c.client_uri, "client_uri");
    check_link(&c, &c.logo_uri, "logo_uri");
    check_link(&c, &c.policy_uri, "policy_uri");
    check_link(&c, &c.tos_uri, "tos_uri");
}

static void check_lifetime(struct client *c, int64_t *lifetime, const char *name, int64_t max)
{
    *lifetime = max;
    check_good(c);
    *lifetime = max + 1;
    check_refused(c, slice_cstr(pool, pool_fmt(pool, "the lifetime %s is not within", name)));
    *lifetime = INT64_MAX;
    check_refused(c, slice_cstr(pool, pool_fmt(pool, "the lifetime %s is not within", name)));
    *lifetime = -1;
    check_refused(c, slice_cstr(pool, pool_fmt(pool, "the lifetime %s is not within", name)));
    *lifetime = 0;
    check_good(c);
}

static void test_lifetimes(void)
{
    struct client c = good();

    check_lifetime(&c, &c.lifetimes.code, "code", CLIENT_CODE_LIFETIME_S_MAX);
    check_lifetime(&c, &c.lifetimes.access, "access", CLIENT_LIFETIME_S_MAX);
    check_lifetime(&c, &c.lifetimes.id, "id", CLIENT_LIFETIME_S_MAX);
    check_lifetime(&c, &c.lifetimes.refresh_idle, "refresh_idle", CLIENT_LIFETIME_S_MAX);
    check_lifetime(&c, &c.lifetimes.refresh, "refresh", CLIENT_LIFETIME_S_MAX);
    check_lifetime(&c, &c.lifetimes.session_idle, "session_idle", CLIENT_LIFETIME_S_MAX);
    check_lifetime(&c, &c.lifetimes.session, "session", CLIENT_LIFETIME_S_MAX);
}

static void test_scope(void)
{
    struct client c = good();

    c.scope = SL("openid made-up");
    check_good(&c);
    c.scope = SL("");
    check_good(&c);
    c.scope = SL("openid\temail");
    check_refused(&c, "scope is longer than");
    c.scope = filled('a', SCOPE_BYTES_MAX + 1);
    check_refused(&c, "scope is longer than");
}

static void test_page_never(void)
{
    struct client c = good();

    c.page = PAGE_NEVER;
    check_good(&c);
    c.origin = CLIENT_REGISTERED;
    check_refused(&c, "page `never`");
    c.approved = true;
    check_good(&c);
    c.approved = false;
    c.page = PAGE_ALWAYS;
    check_good(&c);
}

static struct slice uri_of(size_t i, size_t n)
{
    char *text = slice_cstr(pool, filled('a', n));

    memcpy(text, page.p, page.n);
    text[20] = (char)('A' + i / 16);
    text[21] = (char)('A' + i % 16);
    return slice_bytes(text, n);
}

/* Whatever may be a client can be stored, in one record: the largest one there is. */
static void test_largest(void)
{
    static struct slice many[CLIENT_REDIRECT_URIS_MAX];
    struct client c = good();

    for (size_t i = 0; i < CLIENT_REDIRECT_URIS_MAX; i++)
        many[i] = uri_of(i, 2048 - 512);
    c.redirect_uris = (struct slices){ many, CLIENT_REDIRECT_URIS_MAX };
    check_good(&c);
    c.post_logout_redirect_uris = (struct slices){ many, 1 };
    check_refused(&c, "have more than 49152 bytes together");
    c.redirect_uris.n--;
    check_good(&c);
    c.id = filled('a', CLIENT_ID_BYTES_MAX);
    c.name = filled('a', CLIENT_NAME_CHARACTERS_MAX);
    c.scope = filled('a', SCOPE_BYTES_MAX);
    c.client_uri = c.logo_uri = c.policy_uri = c.tos_uri = uri_of(0, CLIENT_URI_BYTES_MAX);
    check_good(&c);
    struct txn *t = txn_create(pool, NULL, 1);
    client_put(t, &c);
    CHECK_INT(txn_err(t), ERR_OK);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "ids survive every encoding", test_ids },
        { "names: visible UTF-8 (security 18)", test_names },
        { "names: nothing invisible (security 18)", test_invisible },
        { "CLIENT_NAME_CHARACTERS_MAX", test_name_lengths },
        { "redirect URIs: which one is wrong, and why", test_redirect_uris },
        { "CLIENT_REDIRECT_URIS_MAX, CLIENT_URI_BYTES_MAX", test_redirect_uri_limits },
        { "links are http or https (RFC 7591 2)", test_links },
        { "lifetimes", test_lifetimes },
        { "scope", test_scope },
        { "page `never` is an administrator's word", test_page_never },
        { "the largest one fits a record", test_largest },
    };

    pool = pool_create(1 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
