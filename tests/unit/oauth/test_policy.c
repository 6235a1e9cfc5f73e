/* May this person use this client, now? Asked at every issue (security 26, 32). */
#include "policy.h"

#include "tap.h"

static struct person person;
static struct peer peer;
static struct client client;

static void begin(void)
{
    person = (struct person){ .user_id = 42 };
    peer = (struct peer){ .kind = PEER_PERSON, .user_id = 42 };
    client = (struct client){ .id = SL("grafana") };
}

static enum policy allows(void)
{
    return policy_allows(&person, &peer, &client);
}

static void test_allowed(void)
{
    begin();
    CHECK_INT(allows(), POLICY_OK);
}

static void test_reasons(void)
{
    begin();
    person.blocked = true;
    CHECK_INT(allows(), POLICY_BLOCKED);
    begin();
    person.held = true;
    CHECK_INT(allows(), POLICY_HELD);
    begin();
    client.disabled = true;
    CHECK_INT(allows(), POLICY_CLIENT_OFF);
    begin();
    peer.caps.clients_limited = true;
    CHECK_INT(allows(), POLICY_NOT_FOR_YOU);
}

/* All at once, each taken away in turn. */
static void test_order(void)
{
    begin();
    person.blocked = person.held = client.disabled = peer.caps.clients_limited = true;
    CHECK_INT(allows(), POLICY_BLOCKED);
    person.blocked = false;
    CHECK_INT(allows(), POLICY_HELD);
    person.held = false;
    CHECK_INT(allows(), POLICY_CLIENT_OFF);
    client.disabled = false;
    CHECK_INT(allows(), POLICY_NOT_FOR_YOU);
    peer.caps.clients_limited = false;
    CHECK_INT(allows(), POLICY_OK);
}

static void test_clients_of_the_tailnet(void)
{
    static const struct slice these[] = { SL("proxmox"), SL("grafana") },
                              others[] = { SL("proxmox"), SL("Grafana"), SL("grafan"), SL("") };
    static const struct slice every[] = { SL("proxmox"), SL("*") }, pattern[] = { SL("graf*"), SL("**") };

    begin();
    peer.caps.clients_limited = true;
    peer.caps.clients = (struct slices){ these, 2 };
    CHECK_INT(allows(), POLICY_OK);
    peer.caps.clients = (struct slices){ others, 4 };
    CHECK_INT(allows(), POLICY_NOT_FOR_YOU);
    peer.caps.clients = (struct slices){ every, 2 };
    CHECK_INT(allows(), POLICY_OK);
    peer.caps.clients = (struct slices){ pattern, 2 }; /* no patterns */
    CHECK_INT(allows(), POLICY_NOT_FOR_YOU);
    peer.caps.clients = (struct slices){ NULL, 0 }; /* in a wrong form: nobody's */
    CHECK_INT(allows(), POLICY_NOT_FOR_YOU);
    peer.caps.clients_limited = false; /* no object says `clients` */
    CHECK_INT(allows(), POLICY_OK);
}

static void test_texts(void)
{
    for (unsigned i = 0; i < POLICY_COUNT; i++)
        CHECK(slice_of(policy_text((enum policy)i)).n > 0);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "allowed", test_allowed },
        { "blocked, held, disabled, not for you", test_reasons },
        { "the order of reasons", test_order },
        { "which applications the tailnet's grants name", test_clients_of_the_tailnet },
        { "every answer has a text", test_texts },
    };

    return TAP_RUN(tests);
}
