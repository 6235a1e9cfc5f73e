/* Who is at the other end: each kind of peer, and what makes an answer of whois not a person. */
#include "tap.h"
#include "whois.h"

static struct pool *pool;
static const struct tailnet_self self = { { "1", 1 }, { "tail.test", 9 } };

#define PROFILE                                                                                                \
    ", \"UserProfile\": {\"ID\": 1, \"LoginName\": \"alice@example.com\", \"DisplayName\": \"Alice Example\"," \
    "\"ProfilePicURL\": \"https://p.example/a.png\"}"
#define HEAD                                                                                   \
    "{\"Node\": {\"ID\": 2, \"StableID\": \"2\", \"Name\": \"alice.tail.test.\", \"User\": 1," \
    "\"Addresses\": [\"100.64.0.2/32\", \"fd7a:115c:a1e0::2/128\"]"
#define TAIL PROFILE ", \"CapMap\": {\"" CAPS_NAME "\": [{\"groups\": [\"people\"]}]}}"

static struct address address(const char *text)
{
    struct address a = { .v6 = false };

    CHECK(address_parse(slice_of(text), &a));
    return a;
}

static struct peer parse_for(const char *asked, const char *text)
{
    struct peer peer = { .kind = PEER_NOBODY };
    struct address a = address(asked);

    CHECK_INT(whois_parse(pool, slice_of(text), &a, &self, &peer), ERR_OK);
    return peer;
}

static struct peer parse(const char *text)
{
    return parse_for("100.64.0.2:5", text);
}

static void test_person(void)
{
    struct peer p = parse(HEAD ", \"AllowedIPs\": [\"100.64.0.2/32\", \"fd7a:115c:a1e0::2/128\"]}" TAIL);

    CHECK_INT(p.kind, PEER_PERSON);
    CHECK_INT(p.user_id, 1);
    CHECK_TEXT(p.login, "alice@example.com");
    CHECK_TEXT(p.display_name, "Alice Example");
    CHECK_TEXT(p.picture, "https://p.example/a.png");
    CHECK_TEXT(p.stable_id, "2");
    CHECK_TEXT(p.node, "alice");
    CHECK_TEXT(p.fqdn, "alice.tail.test");
    CHECK_TEXT(p.address, "100.64.0.2");
    CHECK(!p.routes_for_others);
    CHECK_INT(p.key_expiry, 0);
    CHECK_TEXT(p.caps.groups.at[0], "people");
}

static void test_v6_and_loopback(void)
{
    CHECK_INT(parse_for("[fd7a:115c:a1e0::2]:9", HEAD "}" TAIL).kind, PEER_PERSON);
    CHECK_INT(parse_for("127.0.0.1:40000", HEAD "}" TAIL).kind, PEER_PERSON);
}

static void test_address_of_another(void)
{
    CHECK_INT(parse_for("100.64.0.3:5", HEAD "}" TAIL).kind, PEER_STRANGE);
    /* a prefix that contains it is a route, not the node's address */
    CHECK_INT(parse("{\"Node\": {\"StableID\": \"2\", \"Name\": \"a.tail.test.\", \"User\": 1, "
                    "\"Addresses\": [\"100.64.0.0/10\"]}" TAIL)
                  .kind,
              PEER_STRANGE);
    CHECK_INT(parse("{\"Node\": {\"StableID\": \"2\", \"Name\": \"a.tail.test.\", \"User\": 1}" TAIL).kind,
              PEER_STRANGE);
}

static void test_machine(void)
{
    struct peer p = parse("{\"Node\": {\"StableID\": \"4\", \"Name\": \"ci.tail.test.\", \"User\": 2147455555, "
                          "\"Addresses\": [\"100.64.0.2/32\"],"
                          "\"Tags\": [\"tag:server\"]}, \"UserProfile\": {\"ID\": 2147455555, "
                          "\"LoginName\": \"tagged-devices\"}, \"CapMap\": null}");

    CHECK_INT(p.kind, PEER_MACHINE);
    CHECK_INT(p.user_id, 0);
    CHECK_TEXT(p.login, "tagged-devices");
    CHECK_TEXT(p.tags.at[0], "tag:server");
    CHECK_TEXT(p.node, "ci");
    CHECK_INT(parse(HEAD ", \"Tags\": []}" TAIL).kind, PEER_PERSON);
    CHECK_INT(parse(HEAD ", \"Tags\": null}" TAIL).kind, PEER_PERSON);
}

static void test_odd_tags_are_nobodys(void)
{
    CHECK_INT(parse(HEAD ", \"Tags\": \"tag:x\"}" TAIL).kind, PEER_STRANGE);
    CHECK_INT(parse(HEAD ", \"Tags\": [7]}" TAIL).kind, PEER_STRANGE);
    CHECK_INT(parse(HEAD ", \"Tags\": {\"0\": \"tag:x\"}}" TAIL).kind, PEER_STRANGE);
}

/* facts: an expired node answers 200 with its whole CapMap */
static void test_expired(void)
{
    struct peer p = parse(HEAD ", \"Expired\": true, \"KeyExpiry\": \"2026-11-25T14:31:08Z\"}" TAIL);

    CHECK_INT(p.kind, PEER_EXPIRED);
    CHECK_INT(p.key_expiry, 1795617068);
    CHECK_TEXT(p.login, "alice@example.com");
    CHECK_TEXT(p.node, "alice");
    CHECK_INT(parse(HEAD ", \"Expired\": false}" TAIL).kind, PEER_PERSON);
    CHECK_INT(parse(HEAD ", \"Expired\": \"yes\"}" TAIL).kind, PEER_EXPIRED);
}

static void test_ourselves(void)
{
    CHECK_INT(parse("{\"Node\": {\"StableID\": \"1\", \"Name\": \"idp.tail.test.\", \"User\": 1, \"Expired\": true, "
                    "\"Addresses\": [\"100.64.0.2/32\"]}" TAIL)
                  .kind,
              PEER_OURSELVES);
}

static void test_unapproved(void)
{
    const struct tailnet_self telling = { .stable_id = self.stable_id,
                                          .suffix = self.suffix,
                                          .tells_authorized = true };
    static const char *const without[] = { HEAD "}" TAIL, HEAD ", \"MachineAuthorized\": false}" TAIL,
                                           HEAD ", \"MachineAuthorized\": null}" TAIL };
    struct address a = address("100.64.0.2");
    struct peer peer;

    CHECK_INT(parse(HEAD ", \"UnsignedPeerAPIOnly\": true}" TAIL).kind, PEER_UNAPPROVED);
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        CHECK(!whois_tells_authorized(pool, slice_of(without[i])));
        CHECK_INT(whois_parse(pool, slice_of(without[i]), &a, &telling, &peer), ERR_OK);
        CHECK_INT(peer.kind, PEER_UNAPPROVED);
        CHECK_INT(parse(without[i]).kind, PEER_PERSON); /* one that does not say it of anybody */
    }
    CHECK_INT(whois_parse(pool, SL(HEAD ", \"Expired\": true}" TAIL), &a, &telling, &peer), ERR_OK);
    CHECK_INT(peer.kind, PEER_EXPIRED); /* it says both, and this is what mends it */
    CHECK(whois_tells_authorized(pool, SL(HEAD ", \"MachineAuthorized\": true}" TAIL)));
    CHECK_INT(whois_parse(pool, SL(HEAD ", \"MachineAuthorized\": true}" TAIL), &a, &telling, &peer), ERR_OK);
    CHECK_INT(peer.kind, PEER_PERSON);
    CHECK(!whois_tells_authorized(pool, SL("no match for IP:port\n")));
}

static void test_shared_in(void)
{
    static const char sharee[] = HEAD ", \"Hostinfo\": {\"ShareeNode\": true}}" TAIL;

    CHECK_INT(parse(sharee).kind, PEER_SHARED_IN);
    CHECK_INT(parse(sharee).user_id, USER_ID_SHARED_IN + 1); /* not our own user 1 */
    CHECK_INT(parse("{\"Node\": {\"StableID\": \"2\", \"Name\": \"a.other.test.\", \"User\": 1, "
                    "\"Addresses\": [\"100.64.0.2/32\"]}" TAIL)
                  .kind,
              PEER_SHARED_IN);
    CHECK_INT(parse("{\"Node\": {\"StableID\": \"2\", \"Name\": \"evil-tail.test.\", \"User\": 1, "
                    "\"Addresses\": [\"100.64.0.2/32\"]}" TAIL)
                  .kind,
              PEER_SHARED_IN);
    CHECK_INT(parse("{\"Node\": {\"StableID\": \"2\", \"User\": 1, \"Addresses\": [\"100.64.0.2/32\"]}" TAIL).kind,
              PEER_SHARED_IN);
    /* and a tagged node of theirs has no user */
    CHECK_INT(parse(HEAD ", \"Tags\": [\"tag:x\"], \"Hostinfo\": {\"ShareeNode\": true}}" TAIL).user_id, 0);
    /* whoever is allowed in from there must be the one asked about */
    CHECK_INT(parse_for("100.64.0.3:1", sharee).kind, PEER_STRANGE);
}

/* A grant to everybody reaches other tailnets' people too. */
static void test_shared_in_gets_nothing(void)
{
    struct peer p =
        parse(HEAD ", \"Hostinfo\": {\"ShareeNode\": true}}" PROFILE ", \"CapMap\": {\"" CAPS_NAME "\": [{"
                   "\"groups\": [\"admins\"], \"roles\": [\"editor\"], \"allow_admin_ui\": true, \"allow_dcr\": true,"
                   "\"extraClaims\": {\"policy\": \"readwrite\"}, \"includeInUserInfo\": true, \"users\": [\"*\"],"
                   "\"resources\": [\"*\"], \"introspect\": [\"*\"], \"clients\": [\"wiki\"]}]}}");

    CHECK_INT(p.kind, PEER_SHARED_IN);
    CHECK(!p.caps.admin && !p.caps.dcr);
    CHECK_INT(p.caps.groups.n + p.caps.roles.n + p.caps.users.n + p.caps.resources.n + p.caps.introspect.n, 0);
    CHECK_INT(p.caps.extra_count, 0);
    CHECK(p.caps.clients_limited); /* what it limits stays */
    CHECK_TEXT(p.caps.clients.at[0], "wiki");
}

static void test_unknown_self_is_not_compared(void)
{
    static const struct tailnet_self nothing = { SLICE_NONE, SLICE_NONE };
    struct peer peer;
    struct address a = address("100.64.0.2");

    CHECK_INT(whois_parse(pool,
                          SL("{\"Node\": {\"StableID\": \"2\", \"Name\": \"a.other.\", \"User\": 1, "
                             "\"Addresses\": [\"100.64.0.2/32\"]}" TAIL),
                          &a, &nothing, &peer),
              ERR_OK);
    CHECK_INT(peer.kind, PEER_PERSON);
}

static void test_without_a_user(void)
{
    static const char *const tails[] = { "}}",
                                         "}, \"UserProfile\": null}",
                                         "}, \"UserProfile\": {\"ID\": 9, \"LoginName\": \"x\"}}",
                                         "}, \"UserProfile\": {\"ID\": 1}}",
                                         "}, \"UserProfile\": {\"ID\": 1, \"LoginName\": \"\"}}",
                                         "}, \"UserProfile\": {\"ID\": \"1\", \"LoginName\": \"x\"}}" };

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        struct peer p = parse(slice_cstr(pool, pool_fmt(pool, HEAD "%s", tails[i])));
        CHECK_INT(p.kind, PEER_STRANGE);
        CHECK_INT(p.user_id, 0);
    }
    CHECK_INT(parse("{\"Node\": {\"StableID\": \"2\", \"Name\": \"a.tail.test.\", \"User\": 0, "
                    "\"Addresses\": [\"100.64.0.2/32\"]},"
                    "\"UserProfile\": {\"ID\": 0, \"LoginName\": \"x\"}}")
                  .kind,
              PEER_STRANGE);
}

/* ids above 2^53 must not go through a double */
static void test_large_user_id(void)
{
    struct peer p = parse("{\"Node\": {\"StableID\": \"2\", \"Name\": \"a.tail.test.\", \"User\": 9007199254740993, "
                          "\"Addresses\": [\"100.64.0.2/32\"]},"
                          "\"UserProfile\": {\"ID\": 9007199254740993, \"LoginName\": \"x\"}}");

    CHECK_INT(p.kind, PEER_PERSON);
    CHECK_INT(p.user_id, 9007199254740993);
}

static void test_routers(void)
{
    CHECK(parse(HEAD ", \"AllowedIPs\": [\"100.64.0.2/32\", \"0.0.0.0/0\"]}" TAIL).routes_for_others);
    CHECK(parse(HEAD ", \"AllowedIPs\": [\"192.168.1.0/24\"]}" TAIL).routes_for_others);
    CHECK(parse(HEAD ", \"AllowedIPs\": [7]}" TAIL).routes_for_others);
    CHECK(!parse(HEAD ", \"AllowedIPs\": [\"100.64.0.2/32\"]}" TAIL).routes_for_others);
    CHECK(!parse(HEAD "}" TAIL).routes_for_others);
}

static void test_picture_is_https(void)
{
    CHECK(slice_is_none(
        parse(HEAD "}, \"UserProfile\": {\"ID\": 1, \"LoginName\": \"x\", \"ProfilePicURL\": \"http://p/x\"}}")
            .picture));
    CHECK(slice_is_none(
        parse(HEAD "}, \"UserProfile\": {\"ID\": 1, \"LoginName\": \"x\", \"ProfilePicURL\": \"javascript:x\"}}")
            .picture));
}

static void test_strange_ids(void)
{
    CHECK_INT(parse("{\"Node\": {}}").kind, PEER_STRANGE);
    CHECK_INT(parse("{\"Node\": {\"StableID\": \"../x\"}" TAIL).kind, PEER_STRANGE);
    CHECK_INT(parse("{\"Node\": {\"StableID\": 2}" TAIL).kind, PEER_STRANGE);
}

static void test_not_an_answer(void)
{
    static const char *const bad[] = {
        "", "null", "[]", "{}", "{\"Node\": null}", "{\"Node\": []}", "no match for IP:port\n", "{\"Node\": {}} x"
    };
    struct address a = address("100.64.0.2");
    struct peer peer;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_INT(whois_parse(pool, slice_of(bad[i]), &a, &self, &peer), ERR_INPUT);
}

static void test_service_names(void)
{
    static const char *const good[] = { "svc:idp", "svc:a", "svc:a-1" };
    static const char *const bad[] = { "",      "svc:",    "idp",          "svc:-a",  "svc:a-",
                                       "svc:A", "svc:a.b", "svc:a&addr=1", "svc:a b", "tag:idp" };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CHECK(whois_service_is_valid(slice_of(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!whois_service_is_valid(slice_of(bad[i])));
}

static void test_path(void)
{
    struct address v4 = address("100.64.0.2:5"), v6 = address("[fd7a:115c:a1e0::2]:443");

    CHECK_TEXT(whois_path(pool, &v4, true, SLICE_NONE), "/localapi/v0/whois?addr=100.64.0.2%3A5&proto=tcp");
    CHECK_TEXT(whois_path(pool, &v4, false, SLICE_NONE), "/localapi/v0/whois?addr=100.64.0.2&proto=tcp");
    CHECK_TEXT(whois_path(pool, &v4, false, SL("svc:idp")),
               "/localapi/v0/whois?addr=100.64.0.2&proto=tcp&svc_name=svc%3Aidp");
    CHECK_TEXT(whois_path(pool, &v6, true, SLICE_NONE),
               "/localapi/v0/whois?addr=%5Bfd7a%3A115c%3Aa1e0%3A%3A2%5D%3A443&proto=tcp");
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a person", test_person },
        { "by IPv6 and by a loopback port", test_v6_and_loopback },
        { "an answer about another address", test_address_of_another },
        { "a tagged node is a machine", test_machine },
        { "tags of an odd form are nobody's", test_odd_tags_are_nobodys },
        { "an expired node", test_expired },
        { "our own node", test_ourselves },
        { "unsigned and unauthorized peers", test_unapproved },
        { "a node of another tailnet", test_shared_in },
        { "a grant to everybody is not for other tailnets", test_shared_in_gets_nothing },
        { "what is not known of ourselves is not compared", test_unknown_self_is_not_compared },
        { "no user, no person", test_without_a_user },
        { "a user id above 2^53", test_large_user_id },
        { "nodes that route for others", test_routers },
        { "pictures are https", test_picture_is_https },
        { "no usable StableID", test_strange_ids },
        { "what is not an answer of whois", test_not_an_answer },
        { "names of Tailscale Services", test_service_names },
        { "the path that asks", test_path },
    };

    pool = pool_create(8 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
