/* The first and the last address of every block, and their neighbours. */
#include "address.h"
#include "tap.h"

static void is(enum address_scope want, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        struct address a = { 0 };

        CHECK(address_parse(slice_of(*texts), &a));
        if (address_scope(&a) != want)
            printf("# %s\n", *texts);
        CHECK_TEXT(slice_of(address_scope_name(address_scope(&a))), address_scope_name(want));
    }
}

#define IS(scope, ...) is((scope), (const char *const[]){ __VA_ARGS__, NULL })

static void ipv4(void)
{
    IS(ADDRESS_GLOBAL, "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
       "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
       "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
       "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
       "223.255.255.255", "168.63.129.15", "168.63.129.17");
    IS(ADDRESS_LOOPBACK, "127.0.0.0", "127.0.0.1", "127.255.255.255");
    IS(ADDRESS_PRIVATE, "10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255");
    IS(ADDRESS_TAILNET, "100.64.0.0", "100.127.255.255", "100.100.100.99", "100.100.100.101");
    IS(ADDRESS_LINK_LOCAL, "169.254.0.0", "169.254.169.253", "169.254.169.255", "169.254.255.255");
    IS(ADDRESS_MULTICAST, "224.0.0.0", "239.255.255.255");
    IS(ADDRESS_SERVICE, "169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200", "100.100.100.100");
    IS(ADDRESS_RESERVED, "0.0.0.0", "0.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255",
       "192.88.99.0", "192.88.99.255", "198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0",
       "203.0.113.255", "240.0.0.0", "255.255.255.255");
}

static void ipv6(void)
{
    IS(ADDRESS_GLOBAL, "2000::", "2001:200::", "2001:db7:ffff::1", "2001:db9::", "2003::", "2606:4700::1111",
       "3ffe:ffff:ffff::1", "3fff:1000::");
    IS(ADDRESS_LOOPBACK, "::1");
    IS(ADDRESS_PRIVATE, "fc00::", "fdff:ffff::1", "fd7a:115c:a1df:ffff::1", "fd7a:115c:a1e1::", "fec0::", "feff::1");
    IS(ADDRESS_TAILNET, "fd7a:115c:a1e0::", "fd7a:115c:a1e0::52", "fd7a:115c:a1e0::54",
       "fd7a:115c:a1e0:ffff:ffff:ffff:ffff:ffff");
    IS(ADDRESS_LINK_LOCAL, "fe80::", "febf:ffff::1");
    IS(ADDRESS_MULTICAST, "ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    IS(ADDRESS_SERVICE, "fd00:ec2::254", "fd00:ec2::23", "fd7a:115c:a1e0::53");
    IS(ADDRESS_RESERVED, "::", "::2", "1fff:ffff::1", "2001::", "2001:1ff:ffff::1",
       "2001:db8::", "2001:db8:ffff:ffff::1", "2002::", "2002:ffff::1", "3fff::", "3fff:fff:ffff::1",
       "4000::", "5f00::1", "100::1", "fbff:ffff::1", "fe00::1", "64:ff9b:1::1", "64:ff9a::1");
}

/* An IPv4 address in an IPv6 one counts where it is sent on to, and nowhere else. */
static void ipv4_in_ipv6(void)
{
    IS(ADDRESS_GLOBAL, "::ffff:8.8.8.8", "64:ff9b::8.8.8.8");
    IS(ADDRESS_LOOPBACK, "::ffff:127.0.0.1", "64:ff9b::127.0.0.1");
    IS(ADDRESS_PRIVATE, "::ffff:10.1.2.3", "64:ff9b::192.168.0.1");
    IS(ADDRESS_TAILNET, "::ffff:100.64.0.1", "64:ff9b::100.64.0.1");
    IS(ADDRESS_SERVICE, "::ffff:169.254.169.254", "64:ff9b::169.254.169.254");
    IS(ADDRESS_RESERVED, "::ffff:0.0.0.0", "64:ff9b::", "64:ff9b::1:8.8.8.8", "64:ff9b:1::8.8.8.8", "::8.8.8.8",
       "::127.0.0.1", "2002:7f00:1::1", "2001:0:7f00:1::1");
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "IPv4", ipv4 },
        { "IPv6", ipv6 },
        { "IPv4 in IPv6", ipv4_in_ipv6 },
    };

    return TAP_RUN(tests);
}
