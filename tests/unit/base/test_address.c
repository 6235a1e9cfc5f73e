#include "address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tap.h"

static struct pool *pool;

static void round_trip(const char *text, const char *ip, const char *whole)
{
    struct address a = { 0 };

    CHECK(address_parse(slice_of(text), &a));
    CHECK_TEXT(address_ip_text(pool, &a), ip);
    CHECK_TEXT(address_text(pool, &a), whole);
}

static void parses(void)
{
    round_trip("1.2.3.4", "1.2.3.4", "1.2.3.4:0");
    round_trip("1.2.3.4:5", "1.2.3.4", "1.2.3.4:5");
    round_trip("255.255.255.255:65535", "255.255.255.255", "255.255.255.255:65535");
    round_trip("::1", "::1", "[::1]:0");
    round_trip("[::1]:443", "::1", "[::1]:443");
    round_trip("FD7A:115c:a1e0::0001", "fd7a:115c:a1e0::1", "[fd7a:115c:a1e0::1]:0");
    round_trip("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4:0");
    round_trip("[::ffff:102:304]:8", "1.2.3.4", "1.2.3.4:8");
    round_trip("::1.2.3.4", "::1.2.3.4", "[::1.2.3.4]:0");
}

static void refuses(void)
{
    static const struct slice wrong[] = {
        SL(""),
        SL("1.2.3"),
        SL("1.2.3.4."),
        SL("1.2.3.256"),
        SL("01.2.3.4"),
        SL("1.2.3.4:"),
        SL("1.2.3.4:+1"),
        SL("1.2.3.4:-1"),
        SL("1.2.3.4:65536"),
        SL("1.2.3.4:01"),
        SL("1.2.3.4:99999999999999999999"),
        SL("1.2.3.4 "),
        SL(" 1.2.3.4"),
        SL("1.2.3.4\0"),
        SL("1.2.3.4:5:6"),
        SL("0x1.2.3.4"),
        SL("1"),
        SL("::1%lo"),
        SL("[::1%lo]:5"),
        SL("[::1]"),
        SL("[::1]:"),
        SL("[::1]5"),
        SL("[1.2.3.4]:5"),
        SL("[]:5"),
        SL("["),
        SL("[::1"),
        SL("::1]:5"),
        SL(":::"),
        SL("1:2:3:4:5:6:7:8:9"),
        SL("::12345"),
        SL("::1\0"),
        SL("localhost"),
        SL("localhost:5"),
        SL("[[::1]]:5"),
        SL("1111:2222:3333:4444:5555:6666:123.123.123.1234"),
    };
    struct address a = { .port = 77 };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK_TEXT(address_parse(wrong[i], &a) ? wrong[i] : SL("refused"), "refused");
    CHECK(!address_parse(SLICE_NONE, &a));
    CHECK_INT(a.port, 77);
}

static void reads_socket_addresses(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x01020304) };
    struct sockaddr_in6 mapped = { .sin6_family = AF_INET6,
                                   .sin6_port = htons(80),
                                   .sin6_addr.s6_addr = { [10] = 0xff, 0xff, 1, 2, 3, 4 } };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(81), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct address a = { 0 }, b = { 0 }, c = { 0 };

    CHECK(address_of((struct sockaddr *)&in, &a));
    CHECK_TEXT(address_text(pool, &a), "1.2.3.4:80");
    CHECK(address_of((struct sockaddr *)&mapped, &b));
    CHECK(!b.v6);
    CHECK(address_same_ip(&a, &b));
    CHECK(address_of((struct sockaddr *)&in6, &c));
    CHECK_TEXT(address_text(pool, &c), "[::1]:81");
    CHECK(!address_same_ip(&a, &c));
    CHECK(!address_of((struct sockaddr *)&un, &c));
    CHECK_INT(c.port, 81);
}

static struct address address(const char *text)
{
    struct address a = { 0 };

    CHECK(address_parse(slice_of(text), &a));
    return a;
}

static void check_kind(const char *text, bool loopback, bool tailnet)
{
    struct address a = address(text);

    CHECK_TEXT(address_is_loopback(&a) == loopback ? SL("right") : slice_of(text), "right");
    CHECK_TEXT(address_is_tailnet(&a) == tailnet ? SL("right") : slice_of(text), "right");
}

static void knows_the_networks(void)
{
    check_kind("127.0.0.1", true, false);
    check_kind("127.255.255.255", true, false);
    check_kind("::1", true, false);
    check_kind("::ffff:127.0.0.1", true, false);
    check_kind("128.0.0.1", false, false);
    check_kind("::2", false, false);
    check_kind("::7f00:1", false, false);
    check_kind("100.63.255.255", false, false);
    check_kind("100.64.0.0", false, true);
    check_kind("100.127.255.255", false, true);
    check_kind("100.128.0.0", false, false);
    check_kind("101.64.0.0", false, false);
    check_kind("fd7a:115c:a1e0::1", false, true);
    check_kind("fd7a:115c:a1e0:ffff::", false, true);
    check_kind("fd7a:115c:a1e1::1", false, false);
}

static void compares_without_the_port(void)
{
    struct address a = address("1.2.3.4:1"), b = address("1.2.3.4:2"), c = address("1.2.3.5:1");
    struct address v6 = address("102:304::");

    CHECK(address_same_ip(&a, &b));
    CHECK(!address_same_ip(&a, &c));
    CHECK(!address_same_ip(&a, &v6));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "parses and prints", parses },
        { "refuses all other spellings", refuses },
        { "reads socket addresses", reads_socket_addresses },
        { "knows loopback and tailnet", knows_the_networks },
        { "compares without the port", compares_without_the_port },
    };

    pool = pool_create(1 << 20);
    int r = TAP_RUN(tests);
    pool_destroy(pool);
    return r;
}
