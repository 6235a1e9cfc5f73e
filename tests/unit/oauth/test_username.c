/* From a login to a user name and an address: the rules before it is asked who has them. */
#include <string.h>

#include "person.h"
#include "tap.h"

#define EMAIL_BYTES_MAX 250
#define COUNT(rows)     (sizeof(rows) / sizeof((rows)[0]))

static struct pool *pool;

static struct slice of(const char *login)
{
    return username_from_login(pool, slice_of(login), 7);
}

static void check_names(const char *const (*rows)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CHECK_TEXT(of(rows[i][0]), rows[i][1]);
        CHECK(username_is_valid(of(rows[i][0])));
    }
}

/* Field 42 */
static void test_field(void)
{
    static const char *const rows[][2] = {
        { "tim.o'neill+lab@example.com", "tim.o-neill-lab" },
        { "a.-b@example.com", "a-b" },
        { "x__y@example.com", "x-y" },
        { "_z_@example.com", "z" },
        { "ann#1@example.com", "ann-1" },
    };

    check_names(rows, COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < i; k++)
            CHECK(!slice_eq(of(rows[i][0]), of(rows[k][0])));
}

static void test_from_login(void)
{
    static const char *const rows[][2] = {
        { "alice@example.com", "alice" },
        { "alice@github", "alice" },
        { "alice@passkey", "alice" },
        { "alice", "alice" },
        { "alice@", "alice" },
        { "alice@a@b", "alice" },
        { "Ann.Example@Mail.Example.COM", "ann.example" }, /* field 43 */
        { "first.last_x-y@example.com", "first.last_x-y" },
        { "...a...@example.com", "a" },
        { "-a-@example.com", "a" },
        { "a b@example.com", "a-b" },
        { "a..b@example.com", "a-b" },
        { "a\nb\tc@example.com", "a-b-c" },
        { "j\xc3\xbcrgen@example.com", "j-rgen" },
        { "\xd0\xb0lice@example.com", "lice" }, /* a Cyrillic a */
        { "4ever@example.com", "4ever" },
        { "a1@example.com", "a1" },
        { "node@example.com", "node" },
        { "node.1@example.com", "node.1" },
        { "root@example.com", "root" }, /* reserved: whether one may have it is not asked here */
    };

    check_names(rows, COUNT(rows));
}

static void test_nothing_left(void)
{
    static const char *const rows[][2] = {
        { "@example.com", "user-7" },        { "", "user-7" },
        { "_@example.com", "user-7" },       { "...", "user-7" },
        { "12345@example.com", "user-7" },   { "0", "user-7" },
        { "node-1@example.com", "user-7" },  { "NODE-abc@example.com", "user-7" },
        { "node--x@example.com", "user-7" }, { "_node-x@example.com", "user-7" },
        { "node+x@example.com", "user-7" },  { "\xe6\x97\xa5\xe6\x9c\xac@example.com", "user-7" },
    };

    check_names(rows, COUNT(rows));
    CHECK_TEXT(username_from_login(pool, SLICE_NONE, 7), "user-7");
    CHECK_TEXT(username_from_login(pool, SL("\0\0"), 7), "user-7");
    CHECK_TEXT(username_from_login(pool, SL("a\0b@x"), 7), "a-b");
    CHECK_TEXT(username_from_login(pool, SLICE_NONE, USER_ID_SHARED_IN - 1), "user-4611686018427387903");
}

/* Other tailnets' people have names of their own. */
static void test_shared_in(void)
{
    static const char *const rows[][2] = {
        { "alice@example.com", "shared-alice" },    { "Tim.O'Neill@example.com", "shared-tim.o-neill" },
        { "admin@example.com", "shared-admin" },    { "node-1@example.com", "shared-node-1" },
        { "12@example.com", "shared-7" },           { "@example.com", "shared-7" },
        { "\xe6\x97\xa5@example.com", "shared-7" },
    };
    char text[2 * USERNAME_BYTES_MAX];

    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_TEXT(username_from_login(pool, slice_of(rows[i][0]), USER_ID_SHARED_IN + 7), rows[i][1]);
    memset(text, 'a', sizeof(text));
    CHECK_INT(username_from_login(pool, slice_bytes(text, sizeof(text)), USER_ID_SHARED_IN + 7).n, USERNAME_BYTES_MAX);
}

static void test_user_id(void)
{
    static const char *const bad[] = { "",
                                       "0",
                                       "-1",
                                       "x",
                                       "1x",
                                       " 1",
                                       "shared-",
                                       "shared-0",
                                       "shared-x",
                                       "shared",
                                       "4611686018427387904",
                                       "shared-4611686018427387904",
                                       "userid:1" };
    const int64_t ids[] = { 1, 42, USER_ID_SHARED_IN - 1, USER_ID_SHARED_IN + 1, USER_ID_SHARED_IN + 42 };
    int64_t id = 0;

    CHECK_TEXT(user_id_text(pool, 42), "42");
    CHECK_TEXT(user_id_text(pool, USER_ID_SHARED_IN + 42), "shared-42");
    for (size_t i = 0; i < COUNT(ids); i++) {
        CHECK(user_id_parse(user_id_text(pool, ids[i]), &id));
        CHECK_INT(id, ids[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(!user_id_parse(slice_of(bad[i]), &id));
}

static void test_lengths(void)
{
    char text[200];

    for (size_t n = 1; n < sizeof(text); n++) {
        for (size_t at = 0; at < n; at++) {
            memset(text, 'a', sizeof(text));
            text[at] = at % 2 == 0 ? '.' : '+';
            struct slice name = username_from_login(pool, slice_bytes(text, n), 7);
            CHECK(username_is_valid(name));
            CHECK(name.n <= USERNAME_BYTES_MAX);
        }
    }
    memset(text, 'a', sizeof(text));
    CHECK_INT(username_from_login(pool, slice_bytes(text, USERNAME_BYTES_MAX), 7).n, USERNAME_BYTES_MAX);
    CHECK_INT(username_from_login(pool, slice_bytes(text, USERNAME_BYTES_MAX + 1), 7).n, USERNAME_BYTES_MAX);
    text[USERNAME_BYTES_MAX - 1] = '.'; /* it is cut, and does not end there */
    struct slice name = username_from_login(pool, slice_bytes(text, USERNAME_BYTES_MAX + 1), 7);
    CHECK(name.n > 0 && name.p[name.n - 1] == 'a');
}

static void test_valid(void)
{
    static const char *const good[] = { "a",  "alice", "a.b",     "a_b",    "a-b",     "a.b_c-d",
                                        "1a", "a1",    "admin-2", "user-7", "nodes-1", "node" };
    static const char *const bad[] = { "",       ".",          "-",     "_a",   "a_",      "a.",  ".a",
                                       "a..b",   "a.-b",       "a__b",  "A",    "aB",      "1",   "0123",
                                       "node-1", "node-a",     "a b",   "a\n",  "a@b",     "a/b", "a\\b",
                                       "a'b",    "j\xc3\xbcr", "a\x7f", "a\tb", "\xd0\xb0" };
    char text[USERNAME_BYTES_MAX + USERNAME_SUFFIX_BYTES_MAX + 1];

    for (size_t i = 0; i < COUNT(good); i++)
        CHECK(username_is_valid(slice_of(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (username_is_valid(slice_of(bad[i])))
            printf("# of \"%s\"\n", bad[i]);
        CHECK(!username_is_valid(slice_of(bad[i])));
    }
    CHECK(!username_is_valid(SLICE_NONE));
    CHECK(!username_is_valid(SL("a\0")));
    memset(text, 'a', sizeof(text));
    CHECK(username_is_valid(slice_bytes(text, sizeof(text) - 1)));
    CHECK(!username_is_valid(slice_bytes(text, sizeof(text))));
}

static void test_reserved(void)
{
    static const char *const reserved[] = { "root",   "admin",      "administrator", "system",
                                            "nobody", "operator",   "www-data",      "tagged-devices",
                                            "me",     "postmaster", "avouch" };
    static const char *const free[] = { "alice", "admin-2", "roots", "roo", "adm", "", "administrators", "rooted" };

    for (size_t i = 0; i < COUNT(reserved); i++)
        CHECK(username_is_reserved(slice_of(reserved[i])));
    for (size_t i = 0; i < COUNT(free); i++)
        CHECK(!username_is_reserved(slice_of(free[i])));
    CHECK(!username_is_reserved(SLICE_NONE));
}

/* ---- addresses ---- */

static struct slice email(const char *login)
{
    return email_from_login(pool, slice_of(login));
}

static void test_email(void)
{
    CHECK_TEXT(email("alice@example.com"), "alice@example.com");
    CHECK_TEXT(email("Ann.Example@Mail.Example.COM"), "Ann.Example@mail.example.com"); /* field 43 */
    CHECK_TEXT(email("tim.o'neill+lab@example.com"), "tim.o'neill+lab@example.com");
    CHECK_TEXT(email("a!#$%&'*+-/=?^_`{|}~b@example.com"), "a!#$%&'*+-/=?^_`{|}~b@example.com");
    CHECK_TEXT(email("x__y@a.b.c.example"), "x__y@a.b.c.example");
    CHECK_TEXT(email("a@xn--bcher-kva.example"), "a@xn--bcher-kva.example");
    CHECK_TEXT(email("a@1.example"), "a@1.example");
}

static void test_no_email(void)
{
    static const char *const rows[] = {
        "alice@github",
        "alice@passkey",
        "alice",
        "",
        "@",
        "@example.com",
        "alice@",
        "alice@.",
        "alice@example.",
        "alice@.com",
        "alice@example..com",
        "alice@example.com.",
        "alice@-example.com",
        "alice@example-.com",
        "alice@exam_ple.com",
        "alice@exam ple.com",
        "alice@[192.0.2.1]",
        "alice@192.0.2.1",
        "alice@example.1",
        "alice@example.com@evil.example",
        ".alice@example.com",
        "alice.@example.com",
        "al..ice@example.com",
        "al ice@example.com",
        "\"alice\"@example.com",
        "alice,bob@example.com",
        "alice<bob@example.com",
        "alice(bob)@example.com",
        "alice;@example.com",
        "alice:@example.com",
        "alice\\@example.com",
        "alice\n@example.com",
        "alice@example.com\n",
        "alice@example.com\r\nBcc: eve@example.com",
        "j\xc3\xbcrgen@example.com",
        "alice@m\xc3\xbcnchen.example",
        "alice\x7f@example.com",
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!slice_is_none(email(rows[i])))
            printf("# of \"%s\"\n", rows[i]);
        CHECK(slice_is_none(email(rows[i])));
    }
    CHECK(slice_is_none(email_from_login(pool, SLICE_NONE)));
    CHECK(slice_is_none(email_from_login(pool, SL("alice\0@example.com"))));
    CHECK(slice_is_none(email_from_login(pool, SL("alice@example.com\0"))));
}

/* RFC 5321 4.5.3.1 */
static void test_email_lengths(void)
{
    char local[66], domain[300];

    memset(local, 'a', sizeof(local));
    CHECK(!slice_is_none(email_from_login(pool, pool_fmt(pool, "%.*s@b.example", 64, local))));
    CHECK(slice_is_none(email_from_login(pool, pool_fmt(pool, "%.*s@b.example", 65, local))));
    memset(domain, 'd', sizeof(domain));
    CHECK(!slice_is_none(email_from_login(pool, pool_fmt(pool, "a@%.*s.example", 63, domain))));
    CHECK(slice_is_none(email_from_login(pool, pool_fmt(pool, "a@%.*s.example", 64, domain))));
    for (size_t i = 49; i < sizeof(domain); i += 50)
        domain[i] = '.';
    for (int n = 170; n < 200; n++) {
        struct slice address = email_from_login(pool, pool_fmt(pool, "%.*s@%.*s", 64, local, n, domain));
        CHECK(slice_is_none(address) == (64 + 1 + n > EMAIL_BYTES_MAX));
        /* an address is a key once it is claimed */
        CHECK(key_make(pool, 1, CLASS_EMAIL, address, SLICE_NONE).n <= KEY_BYTES_MAX);
    }
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "names that other providers could not make (field 42)", test_field },
        { "user names from logins", test_from_login },
        { "nothing left, digits only, node-...: user-<id>", test_nothing_left },
        { "other tailnets' people: shared-...", test_shared_in },
        { "user ids as text", test_user_id },
        { "USERNAME_BYTES_MAX", test_lengths },
        { "the form of a user name", test_valid },
        { "reserved names", test_reserved },
        { "addresses: the domain in lower case (field 43)", test_email },
        { "logins that are no address", test_no_email },
        { "lengths of an address (RFC 5321 4.5.3.1)", test_email_lengths },
    };

    pool = pool_create(16 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
