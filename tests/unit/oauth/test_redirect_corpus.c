/* Near spellings of registered redirect URIs: what was sent to other providers (security 1) and what lenient readers of URLs take
 * for the same. Each must be refused. They are made by the tables of redirect_near.def and then, on top, byte by byte. The one
 * spelling that may differ, a loopback port, is told apart by a rule of this file's own. */
#include "redirect.h"

#include <string.h>

#include "tap.h"

#define POOL_BYTES  (8 << 20)
#define NEAR_MIN    800 /* of the tables alone */
#define NEAR_MAX    20000
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* "https://" host port path query: the whole. */
struct registered {
    const char *before, *host, *port, *path, *query;
    bool free; /* the port is */
};

static const struct registered registered[] = {
    { "https://", "app.example", "", "/cb", "", false },
    { "https://", "app.example", "", "", "", false },
    { "https://", "sub.app.example", ":8443", "/a/b/callback/", "", false },
    { "https://", "app.example", "", "/cb", "?x=a+b&y=c", false },
    { "https://", "app.example", "", "/cb", "?x=a%20b", false },
    { "https://", "app.example", "", "/cb%2Fd", "?x=a%2Bb&close", false },
    { "https://", "xn--bcher-kva.example", "", "/Cb", "?", false },
    { "http://", "app.example", "", "/cb", "", false },
    { "http://", "localhost", ":8080", "/cb", "", true },
    { "http://", "127.0.0.1", "", "/cb", "?x=a+b", true },
    { "http://", "[::1]", ":9000", "/cb", "", true },
    { "http://", "localhost", "", "", "", true },
    { "https://", "localhost", ":8080", "/cb", "", false },
    { "com.example.app:", "", "", "/cb", "", false },
    { "com.example.app://", "host", "", "/cb", "?x", false },
};

static struct pool *pool;
static struct slice seen[NEAR_MAX];
static size_t seen_n, of_tables;

static struct slice whole(const struct registered *r)
{
    return pool_fmt(pool, "%s%s%s%s%s", r->before, r->host, r->port, r->path, r->query);
}

static void print_escaped(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] > ' ' && s.p[i] <= '~')
            printf("%c", s.p[i]);
        else
            printf("\\x%02x", (unsigned char)s.p[i]);
}

static bool is_digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* RFC 8252 7.3, said in another way than redirect.c says it: equal but for nothing, or a colon and a number, behind the host. */
static bool differs_in_free_port(const struct registered *r, struct slice sent)
{
    struct slice head = pool_fmt(pool, "%s%s", r->before, r->host), tail = pool_fmt(pool, "%s%s", r->path, r->query);

    if (!r->free || !slice_starts(sent, head) || !slice_ends(slice_from(sent, head.n), tail))
        return false;
    struct slice port = slice_from(slice_head(sent, sent.n - tail.n), head.n);
    if (port.n == 0)
        return true;
    struct slice digits = slice_from(port, 1);
    uint64_t number;
    return port.p[0] == ':' && is_digits(digits) && digits.n <= 5 && slice_to_u64(digits, 65535, &number);
}

static bool is_seen(struct slice near)
{
    for (size_t i = 0; i < seen_n; i++)
        if (slice_eq(seen[i], near))
            return true;
    return false;
}

/* Not counted: the registered one itself, its other ports, what was there before. */
static void refuse(const struct registered *r, struct slice near)
{
    struct slice own = whole(r);

    if (slice_eq(near, own) || differs_in_free_port(r, near) || is_seen(near) || seen_n == NEAR_MAX)
        return;
    seen[seen_n++] = near;
    bool matches = redirect_matches(own, near);
    CHECK(!matches);
    if (!matches)
        return;
    printf("# registered ");
    print_escaped(own);
    printf(", sent ");
    print_escaped(near);
    printf("\n");
}

static struct slice join(struct slice a, struct slice b, struct slice c)
{
    struct buf text;

    buf_init(&text, pool, LOCATION_BYTES_MAX);
    buf_put(&text, a);
    buf_put(&text, b);
    buf_put(&text, c);
    return buf_finish(&text);
}

/* ---- by tables ---- */

enum place {
    PLACE_FRONT,
    PLACE_BEFORE_HOST,
    PLACE_AFTER_HOST,
    PLACE_BEFORE_PATH,
    PLACE_AFTER_PATH,
    PLACE_END,
};

static const struct {
    enum place place;
    struct slice text;
} insertions[] = {

#define INSERT(where, text) { PLACE_##where, SL(text) },
#define REWRITE(from, to)
#include "redirect_near.def"
#undef INSERT
#undef REWRITE
};

static const struct rewrite {
    struct slice from, to;
} rewrites[] = {

#define INSERT(where, text)
#define REWRITE(from, to) { SL(from), SL(to) },
#include "redirect_near.def"
#undef INSERT
#undef REWRITE
};

static size_t index_of(const struct registered *r, enum place place)
{
    size_t host = strlen(r->before), port = host + strlen(r->host), path = port + strlen(r->port);

    switch (place) {
    case PLACE_FRONT: return 0;
    case PLACE_BEFORE_HOST: return host;
    case PLACE_AFTER_HOST: return port;
    case PLACE_BEFORE_PATH: return path;
    case PLACE_AFTER_PATH: return path + strlen(r->path);
    case PLACE_END: break;
    }
    return whole(r).n;
}

static void test_inserted(void)
{
    for (size_t i = 0; i < COUNT(registered); i++) {
        struct slice own = whole(&registered[i]);
        for (size_t k = 0; k < COUNT(insertions); k++) {
            size_t at = index_of(&registered[i], insertions[k].place);
            refuse(&registered[i], join(slice_head(own, at), insertions[k].text, slice_from(own, at)));
        }
    }
}

/* Each occurrence alone, then all of them. */
static void rewrite(const struct registered *r, const struct rewrite *w)
{
    struct slice own = whole(r), all = SL(""), rest = own;

    for (size_t at = 0; at + w->from.n <= own.n; at++) {
        struct slice after = slice_from(own, at);
        if (slice_starts(after, w->from))
            refuse(r, join(slice_head(own, at), w->to, slice_from(after, w->from.n)));
    }
    while (rest.n > 0) {
        bool is_here = slice_starts(rest, w->from);
        all = join(all, is_here ? w->to : slice_head(rest, 1), SL(""));
        rest = slice_from(rest, is_here ? w->from.n : 1);
    }
    refuse(r, all);
}

static void test_rewritten(void)
{
    for (size_t i = 0; i < COUNT(registered); i++)
        for (size_t k = 0; k < COUNT(rewrites); k++)
            rewrite(&registered[i], &rewrites[k]);
}

/* ---- byte by byte ---- */

static void change_byte(const struct registered *r, size_t at)
{
    struct slice own = whole(r), head = slice_head(own, at), byte = slice_from(slice_head(own, at + 1), at);
    struct slice tail = slice_from(own, at + 1);
    char c = byte.p[0];
    const char other_case = (char)(c ^ 0x20), high = (char)(c | 0x80), next = (char)(c + 1);

    refuse(r, join(head, tail, SL("")));                                       /* left out */
    refuse(r, join(head, pool_fmt(pool, "%c%c", c, c), tail));                 /* doubled */
    refuse(r, join(head, pool_fmt(pool, "%%%02x", (unsigned char)c), tail));   /* escaped */
    refuse(r, join(head, pool_fmt(pool, "%%25%02X", (unsigned char)c), tail)); /* escaped twice */
    refuse(r, join(head, slice_bytes(&other_case, 1), tail));
    refuse(r, join(head, slice_bytes(&high, 1), tail));
    refuse(r, join(head, slice_bytes(&next, 1), tail));
    refuse(r, join(head, SL("\0"), tail));
    refuse(r, head);                    /* cut off behind, */
    refuse(r, slice_from(own, at + 1)); /* and in front */
    for (size_t i = at; i < own.n; i++) /* two bytes exchanged */
        refuse(r, join(join(head, slice_bytes(own.p + i, 1), slice_bytes(own.p + at + 1, i > at ? i - at - 1 : 0)),
                       slice_bytes(&c, i > at ? 1 : 0), slice_from(own, i + 1)));
}

static void test_byte_by_byte(void)
{
    of_tables = seen_n;
    for (size_t i = 0; i < COUNT(registered); i++)
        for (size_t at = 0; at < whole(&registered[i]).n; at++)
            change_byte(&registered[i], at);
}

/* ---- the others ---- */

static void test_each_other(void)
{
    for (size_t i = 0; i < COUNT(registered); i++) {
        CHECK(redirect_matches(whole(&registered[i]), whole(&registered[i])));
        for (size_t k = 0; k < COUNT(registered); k++)
            refuse(&registered[i], whole(&registered[k]));
    }
}

/* Or all that was refused above would prove nothing. */
static void test_free_ports_match(void)
{
    static const char *const ports[] = { "", ":1", ":80", ":8081", ":65535" };

    for (size_t i = 0; i < COUNT(registered); i++) {
        const struct registered *r = &registered[i];
        for (size_t k = 0; k < COUNT(ports); k++) {
            struct slice sent = pool_fmt(pool, "%s%s%s%s%s", r->before, r->host, ports[k], r->path, r->query);
            CHECK(redirect_matches(whole(r), sent) == (r->free || slice_eq(sent, whole(r))));
        }
    }
}

static void test_number(void)
{
    printf("# %zu near spellings of %zu registered URIs refused, %zu of them from the tables\n", seen_n,
           COUNT(registered), of_tables);
    CHECK(of_tables >= NEAR_MIN);
    CHECK(seen_n < NEAR_MAX);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "put in: user info, dots, slashes, escapes, control characters (security 1)", test_inserted },
        { "written in another way: scheme, host, port, path, query (field 07)", test_rewritten },
        { "byte by byte", test_byte_by_byte },
        { "registered ones match themselves, not each other", test_each_other },
        { "a loopback port is free (RFC 8252 7.3)", test_free_ports_match },
        { "there were at least NEAR_MIN", test_number },
    };

    pool = pool_create(POOL_BYTES);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
