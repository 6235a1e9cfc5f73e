/* The tailnet policy's grants to us. */
#include "caps.h"
#include "tap.h"

static struct pool *pool;

static struct caps read_map(struct slice text)
{
    const struct json *root = NULL;
    struct caps caps;

    CHECK_INT(json_parse(pool, text, 1 << 20, &root), ERR_OK);
    caps_read(pool, root, &caps);
    return caps;
}

static struct caps read_grants(const char *array)
{
    return read_map(pool_fmt(pool, "{\"" CAPS_NAME "\": %s}", array));
}

static void test_nothing_is_granted_by_default(void)
{
    struct caps c;

    caps_read(pool, NULL, &c);
    CHECK(!c.admin && !c.dcr && !c.clients_limited && c.groups.n == 0 && c.extra_count == 0);
    c = read_map(SL("{}"));
    CHECK(!c.admin && !c.dcr && c.groups.n == 0);
    c = read_map(SL("{\"" CAPS_NAME "\": null}"));
    CHECK(!c.admin && c.groups.n == 0);
    c = read_map(SL("[]"));
    CHECK(!c.admin && c.groups.n == 0);
}

static void test_other_capabilities_count_for_nothing(void)
{
    struct caps c = read_map(
        SL("{\"https://tailscale.com/cap/is-admin\": [], \"example.com/cap/x\": [{\"allow_admin_ui\": true}]}"));

    CHECK(!c.admin);
}

static void test_objects_apply_together(void)
{
    struct caps c = read_grants(
        "[{\"groups\": [\"people\", \"admins\"], \"introspect\": [\"*\"]},"
        "{\"allow_admin_ui\": true, \"allow_dcr\": true, \"groups\": [\"admins\", \"ops\"], \"roles\": [\"r\"],"
        "\"users\": [\"*\"], \"resources\": [\"https://r\"]}]");

    CHECK(c.admin && c.dcr && !c.clients_limited && !c.cut);
    CHECK_INT(c.groups.n, 3);
    CHECK_TEXT(c.groups.at[0], "people");
    CHECK_TEXT(c.groups.at[1], "admins");
    CHECK_TEXT(c.groups.at[2], "ops");
    CHECK_TEXT(c.roles.at[0], "r");
    CHECK_TEXT(c.users.at[0], "*");
    CHECK_TEXT(c.resources.at[0], "https://r");
    CHECK_TEXT(c.introspect.at[0], "*");
}

static void test_wrong_form_grants_nothing(void)
{
    struct caps c =
        read_grants("[{\"allow_admin_ui\": \"true\", \"groups\": [\"a\"]}, {\"allow_dcr\": 1},"
                    "\"allow_admin_ui\", {\"groups\": \"b\"}, {\"extraClaims\": []}, {\"groups\": [\"c\", 1]}]");

    CHECK(!c.admin && !c.dcr);
    CHECK_INT(c.groups.n, 0);
    CHECK_INT(c.extra_count, 0);
}

static void test_clients_limit(void)
{
    struct caps c = read_grants("[{\"groups\": [\"a\"]}, {\"clients\": [\"grafana\"]}]");

    CHECK(c.clients_limited);
    CHECK_INT(c.clients.n, 1);
    CHECK_TEXT(c.clients.at[0], "grafana");
    c = read_grants("[{\"clients\": []}]");
    CHECK(c.clients_limited && c.clients.n == 0);
    /* a typing error must not open everything */
    c = read_grants("[{\"clients\": \"grafana\"}]");
    CHECK(c.clients_limited && c.clients.n == 0);
}

static void test_extra_claims(void)
{
    struct caps c =
        read_grants("[{\"extraClaims\": {\"a\": 1}}, {\"extraClaims\": {\"b\": 2}, \"includeInUserInfo\": true}, "
                    "{\"extraClaims\": {}}]");

    CHECK_INT(c.extra_count, 2);
    CHECK(!c.extra_in_userinfo[0] && c.extra_in_userinfo[1]);
    CHECK_TEXT(json_dump(pool, c.extra_claims[1]), "{\"b\":2}");
}

static void test_bounds(void)
{
    struct buf b;

    buf_init(&b, pool, 1 << 16);
    buf_put(&b, SL("{\"" CAPS_NAME "\": [{\"groups\": ["));
    for (unsigned i = 0; i < CAPS_TEXTS_MAX; i++)
        buf_fmt(&b, "\"g%u\",", i);
    size_t exactly = b.n;
    buf_put(&b, SL("\"g0\"]}]}"));
    struct caps c = read_map(buf_finish(&b));
    CHECK_INT(c.groups.n, CAPS_TEXTS_MAX);
    CHECK(!c.cut);

    b.n = exactly;
    buf_put(&b, SL("\"one more\"]}]}"));
    c = read_map(buf_finish(&b));
    CHECK_INT(c.groups.n, CAPS_TEXTS_MAX);
    CHECK(c.cut);
}

static void test_too_many_extra_claims(void)
{
    struct buf b;

    buf_init(&b, pool, 1 << 16);
    buf_put(&b, SL("{\"" CAPS_NAME "\": ["));
    for (unsigned i = 0; i < 17; i++)
        buf_fmt(&b, "%s{\"extraClaims\": {\"c%u\": 1}}", i ? "," : "", i);
    buf_put(&b, SL("]}"));
    struct caps c = read_map(buf_finish(&b));
    CHECK_INT(c.extra_count, 16);
    CHECK(c.cut);
}

static void test_texts_of_the_wrong_form(void)
{
    struct caps c = read_grants("[{\"groups\": [\"\", \"a\\nb\", \"good\"]}]");

    CHECK_INT(c.groups.n, 1);
    CHECK_TEXT(c.groups.at[0], "good");
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "nothing is granted by default", test_nothing_is_granted_by_default },
        { "other capabilities count for nothing", test_other_capabilities_count_for_nothing },
        { "all objects apply together, lists without doubles", test_objects_apply_together },
        { "an object of the wrong form grants nothing", test_wrong_form_grants_nothing },
        { "clients limits, even in a wrong form", test_clients_limit },
        { "extraClaims and where they go", test_extra_claims },
        { "lists are cut at CAPS_TEXTS_MAX, and that is said", test_bounds },
        { "17 extraClaims are cut to 16", test_too_many_extra_claims },
        { "empty and unprintable groups are left out", test_texts_of_the_wrong_form },
    };

    pool = pool_create(8 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
