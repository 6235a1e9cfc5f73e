/* tailscaled's status in the states that matter. */
#include "status.h"
#include "tap.h"

static struct pool *pool;

static struct tailnet_status parse(const char *text)
{
    struct tailnet_status s = { .running = true };

    CHECK_INT(status_parse(pool, slice_of(text), &s), ERR_OK);
    return s;
}

static void test_running(void)
{
    struct tailnet_status s = parse(
        "{\"Version\": \"1.102.5-ERR-BuildInfo\", \"BackendState\": \"Running\", \"TUN\": true, \"AuthURL\": \"\","
        "\"TailscaleIPs\": [\"100.64.0.1\", \"fd7a:115c:a1e0::1\"], "
        "\"CertDomains\": [\"idp.tail1234.ts.net\"], \"Health\": [],"
        "\"Self\": {\"ID\": \"nABC11CNTRL\", \"DNSName\": \"idp.tail1234.ts.net.\", "
        "\"Tags\": [\"tag:idp\"], \"Online\": true,"
        "\"KeyExpiry\": \"2026-11-25T14:31:08Z\"},"
        "\"MagicDNSSuffix\": \"old.ts.net\", \"CurrentTailnet\": {\"Name\": \"example.com\", "
        "\"MagicDNSSuffix\": \"tail1234.ts.net\"}}");

    CHECK(s.running && !s.userspace && s.online);
    CHECK_TEXT(s.dns_name, "idp.tail1234.ts.net");
    CHECK_TEXT(s.stable_id, "nABC11CNTRL");
    CHECK_TEXT(s.suffix, "tail1234.ts.net");
    CHECK_TEXT(s.tailnet_name, "example.com");
    CHECK_INT(s.addresses.n, 2);
    CHECK_TEXT(s.cert_domains.at[0], "idp.tail1234.ts.net");
    CHECK_TEXT(s.tags.at[0], "tag:idp");
    CHECK_INT(s.health.n, 0);
    CHECK(slice_is_none(s.auth_url));
    CHECK_INT(s.key_expiry, 1795617068);
}

static void test_userspace_without_control(void)
{
    struct tailnet_status s =
        parse("{\"BackendState\": \"Running\", \"TUN\": false, \"Self\": {\"ID\": \"1\", \"Online\": false},"
              "\"CertDomains\": null, \"MagicDNSSuffix\": \"tail.test\"}");

    CHECK(s.running && s.userspace && !s.online);
    CHECK_TEXT(s.suffix, "tail.test");
    CHECK_INT(s.cert_domains.n, 0);
}

static void test_starting(void)
{
    struct tailnet_status s =
        parse("{\"BackendState\": \"NoState\", \"TUN\": true, \"TailscaleIPs\": null, \"Self\": null,"
              "\"CurrentTailnet\": null, \"Health\": [\"Unable to connect\"]}");

    CHECK(!s.running && !s.online);
    CHECK_INT(s.addresses.n, 0);
    CHECK(slice_is_none(s.dns_name) && slice_is_none(s.suffix));
    CHECK_TEXT(s.health.at[0], "Unable to connect");
}

static void test_login(void)
{
    struct tailnet_status s =
        parse("{\"BackendState\": \"NeedsLogin\", \"AuthURL\": \"https://10.77.0.1:443/register/hskey\"}");

    CHECK(!s.running);
    CHECK_TEXT(s.auth_url, "https://10.77.0.1:443/register/hskey");
}

static void test_not_a_status(void)
{
    static const char *const bad[] = { "",
                                       "null",
                                       "[]",
                                       "{}",
                                       "{\"BackendState\": 6}",
                                       "<html>",
                                       "{\"BackendState\": \"Running\"",
                                       "{\"BackendState\": \"Running\", \"BackendState\": \"Stopped\"}" };
    struct tailnet_status s;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_INT(status_parse(pool, slice_of(bad[i]), &s), ERR_INPUT);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a running node", test_running },
        { "userspace mode, control server away", test_userspace_without_control },
        { "a tailscaled that has just started", test_starting },
        { "a node that must log in", test_login },
        { "what is not a status", test_not_a_status },
    };

    pool = pool_create(1 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
