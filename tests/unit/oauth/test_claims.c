/* Which claims go where: by scope, by place, by what the tailnet policy adds. Pure: no database. */
#include "claims.h"

#include <string.h>

#include "scope.h"
#include "tap.h"

static struct pool *pool;
static struct issuer issuer;
static struct person person;
static struct client client;
static struct peer peer;

static void begin(void)
{
    static const struct slice groups[] = { { "admins", 6 }, { "people", 6 } }, roles[] = { { "editor", 6 } };

    pool = pool_create(8 << 20);
    issuer = (struct issuer){ .number = 1, .url = SL("https://idp.example.ts.net"), .email_verified = true };
    person = (struct person){ .user_id = 42,
                              .login = SL("alice@example.com"),
                              .display_name = SL("Alice Example"),
                              .picture = SL("https://elsewhere.example/a.png"),
                              .username = SL("alice"),
                              .email = SL("alice@example.com") };
    client = (struct client){ .id = SL("grafana"), .claims = CLAIMS_BOTH };
    peer = (struct peer){ .kind = PEER_PERSON, .user_id = 42 };
    peer.caps.groups = (struct slices){ groups, 2 };
    peer.caps.roles = (struct slices){ roles, 1 };
}

static void end(void)
{
    pool_destroy(pool);
}

static void add_extra(const char *object, bool in_userinfo)
{
    size_t i = peer.caps.extra_count++;

    CHECK_INT(json_parse(pool, slice_of(object), 1 << 20, &peer.caps.extra_claims[i]), ERR_OK);
    peer.caps.extra_in_userinfo[i] = in_userinfo;
}

static struct slice write(unsigned scopes, enum client_claims where)
{
    const struct claims c = { &issuer, &person, &peer, &client, scopes };
    struct json_writer w;
    struct buf b;

    buf_init(&b, pool, 1 << 20);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    claims_write(&w, pool, &c, where);
    jw_object_end(&w);
    return jw_finish(&w);
}

#define ALL (SCOPE_OPENID | SCOPE_PROFILE | SCOPE_EMAIL | SCOPE_GROUPS | SCOPE_ROLES)

static void test_by_scope(void)
{
    begin();
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_USERINFO), "{\"sub\":\"42\"}");
    CHECK_TEXT(write(SCOPE_OPENID | SCOPE_PROFILE, CLAIMS_USERINFO),
               "{\"sub\":\"42\",\"name\":\"Alice Example\",\"preferred_username\":\"alice\"}");
    CHECK_TEXT(write(SCOPE_OPENID | SCOPE_EMAIL, CLAIMS_USERINFO),
               "{\"sub\":\"42\",\"email\":\"alice@example.com\",\"email_verified\":true}");
    CHECK_TEXT(write(SCOPE_OPENID | SCOPE_GROUPS, CLAIMS_USERINFO),
               "{\"sub\":\"42\",\"groups\":[\"admins\",\"people\"]}");
    CHECK_TEXT(write(SCOPE_OPENID | SCOPE_ROLES, CLAIMS_USERINFO), "{\"sub\":\"42\",\"roles\":[\"editor\"]}");
    end();
}

static void test_by_place(void)
{
    begin();
    struct slice full = write(ALL, CLAIMS_USERINFO);
    CHECK(slice_eq(write(ALL, CLAIMS_ID_TOKEN), full)); /* the same in both for --claims both */
    client.claims = CLAIMS_USERINFO;
    CHECK(slice_eq(write(ALL, CLAIMS_USERINFO), full));
    CHECK_TEXT(write(ALL, CLAIMS_ID_TOKEN), "{\"sub\":\"42\"}");
    client.claims = CLAIMS_ID_TOKEN;
    CHECK(slice_eq(write(ALL, CLAIMS_ID_TOKEN), full));
    CHECK_TEXT(write(ALL, CLAIMS_USERINFO), "{\"sub\":\"42\"}");
    end();
}

static void test_nothing_empty(void)
{
    begin();
    person.display_name = SL("");
    person.email = SLICE_NONE;
    peer.caps.groups = (struct slices){ NULL, 0 };
    peer.caps.roles = (struct slices){ NULL, 0 };
    add_extra("{\"a\":null,\"b\":\"\",\"c\":[],\"d\":{},\"\":1,\"e\":0,\"f\":false}", true);
    CHECK_TEXT(write(ALL, CLAIMS_USERINFO), "{\"sub\":\"42\",\"preferred_username\":\"alice\",\"e\":0,\"f\":false}");
    end();
}

static void test_settings(void)
{
    begin();
    issuer.email_verified = false;
    CHECK_TEXT(write(SCOPE_EMAIL, CLAIMS_USERINFO),
               "{\"sub\":\"42\",\"email\":\"alice@example.com\",\"email_verified\":false}");
    issuer.subject_is_tsidp = true;
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_USERINFO), "{\"sub\":\"userid:42\"}");
    end();
}

static void test_names_are_escaped(void)
{
    begin();
    person.display_name = SL("A \"B\" \\ C");
    CHECK_TEXT(write(SCOPE_PROFILE, CLAIMS_USERINFO),
               "{\"sub\":\"42\",\"name\":\"A \\\"B\\\" \\\\ C\",\"preferred_username\":\"alice\"}");
    end();
}

static void test_extra_claims(void)
{
    begin();
    add_extra("{\"department\":\"platform\",\"level\":3,\"nested\":{\"a\":[1]}}", false);
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_ID_TOKEN),
               "{\"sub\":\"42\",\"department\":\"platform\",\"level\":3,\"nested\":{\"a\":[1]}}");
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_USERINFO), "{\"sub\":\"42\"}");
    peer.caps.extra_in_userinfo[0] = true;
    CHECK(slice_eq(write(SCOPE_OPENID, CLAIMS_USERINFO), write(SCOPE_OPENID, CLAIMS_ID_TOKEN)));
    client.claims = CLAIMS_USERINFO;
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_ID_TOKEN), "{\"sub\":\"42\"}");
    end();
}

static void test_extra_claims_of_several_grants(void)
{
    begin();
    add_extra("{\"a\":1,\"list\":[\"x\",\"y\",1]}", false);
    add_extra("{\"a\":2,\"list\":[\"y\",\"z\",1,\"1\"],\"b\":[1]}", true);
    add_extra("{\"list\":\"no array\",\"b\":5}", true);
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_ID_TOKEN),
               "{\"sub\":\"42\",\"a\":1,\"list\":[\"x\",\"y\",1,\"z\",\"1\"],\"b\":[1]}");
    CHECK_TEXT(
        write(SCOPE_OPENID, CLAIMS_USERINFO),
        "{\"sub\":\"42\",\"a\":2,\"list\":[\"y\",\"z\",1,\"1\"],\"b\":[1]}"); /* the first object is not for here */
    end();
}

static void test_reserved(void)
{
    static const char *const names[] = {
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "nonce",
        "acr",
        "amr",
        "auth_time",
        "azp",
        "at_hash",
        "c_hash",
        "sid",
        "name",
        "typ",
        "act",
        "client_id",
        "scope",
        "preferred_username",
        "email",
        "email_verified",
        "groups",
        "cnf",
        "roles",
        "events",
        "picture",
    };

    begin();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CHECK(claims_is_reserved(slice_of(names[i])));
    CHECK(!claims_is_reserved(SL("department")));
    CHECK(!claims_is_reserved(SL("su")));
    CHECK(!claims_is_reserved(SL("subx")));
    CHECK(!claims_is_reserved(SLICE_NONE));
    add_extra("{\"sub\":\"1\",\"iss\":\"https://evil\",\"email\":\"root@x\",\"email_verified\":true,\"aud\":[\"x\"],"
              "\"preferred_username\":\"root\",\"picture\":\"https://x\",\"events\":{\"x\":1},\"ok\":1}",
              true);
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_USERINFO), "{\"sub\":\"42\",\"ok\":1}");
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_ID_TOKEN), "{\"sub\":\"42\",\"ok\":1}");
    end();
}

static void test_extra_groups_join_the_list(void)
{
    begin();
    add_extra("{\"groups\":[\"people\",\"ops\",7,\"\"],\"roles\":\"viewer\"}", true);
    CHECK_TEXT(write(SCOPE_OPENID, CLAIMS_USERINFO), "{\"sub\":\"42\"}");
    CHECK_TEXT(write(SCOPE_GROUPS | SCOPE_ROLES, CLAIMS_USERINFO),
               "{\"sub\":\"42\",\"groups\":[\"admins\",\"people\",\"ops\"],\"roles\":[\"editor\"]}");
    peer.caps.extra_in_userinfo[0] = false;
    CHECK_TEXT(write(SCOPE_GROUPS, CLAIMS_USERINFO), "{\"sub\":\"42\",\"groups\":[\"admins\",\"people\"]}");
    end();
}

static void test_userinfo(void)
{
    const struct claims c = { &issuer, &person, &peer, &client, SCOPE_OPENID | SCOPE_PROFILE };

    begin();
    CHECK_TEXT(claims_userinfo(pool, &c),
               "{\"sub\":\"42\",\"name\":\"Alice Example\",\"preferred_username\":\"alice\"}");
    char *name = pool_alloc(pool, 60000);
    memset(name, 'a', 60000);
    person.display_name = slice_bytes(name, 60000);
    CHECK(slice_is_none(claims_userinfo(pool, &c))); /* more than a record holds */
    end();
}

static void test_names(void)
{
    struct slices names = claims_names();

    for (size_t i = 0; i < names.n; i++) {
        CHECK(claims_is_reserved(names.at[i])); /* what we say ourselves nobody overwrites */
        for (size_t j = 0; j < i; j++)
            CHECK(!slice_eq(names.at[i], names.at[j]));
    }
    CHECK(slices_have(names, SL("sub")));
    CHECK(slices_have(names, SL("preferred_username")));
    CHECK(!slices_have(names, SL("picture")));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "each scope gives its claims (OpenID Connect Core 5.4)", test_by_scope },
        { "ID token, userinfo or both", test_by_place },
        { "no empty and no null claims (OpenID Connect Core 5.3.2)", test_nothing_empty },
        { "email_verified and the form of sub", test_settings },
        { "names are escaped", test_names_are_escaped },
        { "extra claims of the policy", test_extra_claims },
        { "extra claims of several grants: the first wins, arrays are united", test_extra_claims_of_several_grants },
        { "reserved names are never taken from the policy", test_reserved },
        { "groups and roles of the policy join ours", test_extra_groups_join_the_list },
        { "userinfo is one object, and bounded", test_userinfo },
        { "claims_supported", test_names },
    };

    return TAP_RUN(tests);
}
