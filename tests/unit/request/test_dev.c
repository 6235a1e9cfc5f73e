/* Made-up people: who is where, and what whois says of them. It is read as a real one would be. */
#include "dev.h"

#include <string.h>

#include "ask.h"
#include "tap.h"
#include "whois.h"

#define POOL_BYTES (1UL << 20)

static const struct slice logins[] = { SL("alice@example.com"), SL("Ann.example_2-x@mail.example.com"), SL("tim") };
static struct pool *pool;
static struct dev dev;
static struct inbox inbox;
static unsigned landed;

static void land(struct job *j)
{
    (void)j;
    landed++;
}

static struct address address(const char *text)
{
    struct address a = { .port = 0 };

    CHECK(address_parse(slice_of(text), &a));
    return a;
}

/* Who lives there; -1: nobody. */
static int at(const char *text)
{
    struct address a = address(text);
    size_t index = 99;

    return dev_find(&dev, &a, &index) ? (int)index : -1;
}

static void test_find(void)
{
    CHECK_INT(at("127.0.0.1"), 0);
    CHECK_INT(at("127.0.0.1:4711"), 0);
    CHECK_INT(at("127.0.0.2"), 1);
    CHECK_INT(at("127.0.0.3"), 2);
    CHECK_INT(at("127.0.0.4"), -1);
    CHECK_INT(at("127.0.0.0"), -1);
    CHECK_INT(at("127.0.1.1"), -1);
    CHECK_INT(at("127.1.0.1"), -1);
    CHECK_INT(at("::1"), 0); /* browsers take it for localhost */
    CHECK_INT(at("[::1]:80"), 0);
    CHECK_INT(at("::2"), -1);
    CHECK_INT(at("100.64.0.1"), 0);
    CHECK_INT(at("100.64.0.3"), 2);
    CHECK_INT(at("100.64.0.4"), -1);
    CHECK_INT(at("100.64.1.1"), -1);
    CHECK_INT(at("192.168.0.1"), -1);
    CHECK_INT(at("fd7a:115c:a1e0::1"), -1);
}

static void test_address(void)
{
    for (size_t i = 0; i < 3; i++) {
        struct address a = dev_address(i);
        size_t index = 99;
        CHECK(address_is_loopback(&a));
        CHECK(dev_find(&dev, &a, &index));
        CHECK_INT(index, i);
    }
}

/* Sends a question and lands its answer. */
static struct ask asked(struct slice path)
{
    struct ask ask = { .pool = pool, .path = path };
    unsigned before = landed;

    ask.job = (struct job){ .at = &dev.queue, .home = &inbox, .land = land };
    job_send(&ask.job);
    CHECK_INT(landed, before); /* at the loop's next turn, not at once */
    CHECK_INT(inbox_drain(&inbox), 1);
    CHECK_INT(landed, before + 1);
    CHECK_INT(ask.job.err, ERR_OK);
    return ask;
}

static struct peer peer_at(const char *text, bool with_port)
{
    struct address a = address(text);
    struct ask ask = asked(whois_path(pool, &a, with_port, SLICE_NONE));
    struct peer peer = { .kind = PEER_NOBODY };
    const struct tailnet_self self = { .stable_id = SLICE_NONE };

    CHECK_INT(ask.ret_status, 200);
    CHECK_INT(whois_parse(pool, ask.ret_body, &a, &self, &peer), ERR_OK);
    return peer;
}

static void test_answers(void)
{
    struct peer alice = peer_at("127.0.0.1:4711", true), ann = peer_at("127.0.0.2:1", true);

    CHECK_INT(alice.kind, PEER_PERSON);
    CHECK_INT(alice.user_id, 1);
    CHECK_TEXT(alice.login, "alice@example.com");
    CHECK_TEXT(alice.display_name, "Alice");
    CHECK_TEXT(alice.address, "100.64.0.1");
    CHECK_INT(ann.kind, PEER_PERSON);
    CHECK_INT(ann.user_id, 2);
    CHECK_TEXT(ann.display_name, "Ann Example 2 X");
    CHECK(!slice_eq(alice.stable_id, ann.stable_id));
    CHECK(!alice.routes_for_others);
    CHECK(alice.stable_id.n > 0 && alice.fqdn.n > 0);
    CHECK_TEXT(peer_at("127.0.0.3:1", true).login, "tim");
}

/* By the node's own address they are asked about again. */
static void test_again(void)
{
    struct peer first = peer_at("127.0.0.2:9", true), again = peer_at("100.64.0.2", false);

    CHECK_INT(again.kind, PEER_PERSON);
    CHECK_INT(again.user_id, first.user_id);
    CHECK(slice_eq(again.stable_id, first.stable_id));
}

static void test_nobody(void)
{
    static const char *const paths[] = { "/localapi/v0/whois?addr=127.0.0.9%3A1&proto=tcp",
                                         "/localapi/v0/whois?addr=nonsense&proto=tcp",
                                         "/localapi/v0/whois?addr=%zz&proto=tcp",
                                         "/localapi/v0/whois?addr=",
                                         "/localapi/v0/status?peers=false",
                                         "" };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        CHECK_INT(asked(slice_of(paths[i])).ret_status, 404);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "who is at an address", test_find },       { "each has a loopback address", test_address },
        { "what whois says of them", test_answers }, { "they are known by their node's address, too", test_again },
        { "nobody else is there", test_nobody },
    };

    pool = pool_create(POOL_BYTES);
    inbox_init(&inbox, NULL);
    dev_init(&dev, (struct slices){ logins, 3 });
    int failed = TAP_RUN(tests);
    dev_finish(&dev);
    inbox_finish(&inbox);
    pool_destroy(pool);
    return failed;
}
