/* Signing keys over made-up months: published, used, retired, gone; and the orders of the command line. */
#include "keyring.h"

#include <string.h>

#include "rig.h"

static struct rig r;
static struct keyring ring;

/* The example key of RFC 7638 3.1. */
#define RFC_KEY                                                                                                        \
    "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_" \
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs" \
    "8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls" \
    "1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}"

static struct slice ec_jwk(unsigned i)
{
    return pool_fmt(r.pool, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"x%u\",\"y\":\"y\"}", i);
}

static void read_ring(void)
{
    view_rest(r.view);
    CHECK_INT(keyring_read(r.pool, r.view, r.issuer.number, &ring), ERR_OK);
}

/* Adds one; its number. */
static uint32_t add(enum sign_alg alg, bool first)
{
    static unsigned made;
    struct txn *t = rig_begin(&r);
    struct signing_key k = { .alg = alg, .public_jwk = ec_jwk(made++), .sealed = SL("sealed") };

    keyring_add(t, &k, first, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    read_ring();
    return k.number;
}

static bool tick(enum sign_alg *ret_alg)
{
    read_ring();
    struct txn *t = rig_begin(&r);
    bool generate = keyring_upkeep(t, &ring, r.now, ret_alg);

    CHECK_INT(rig_commit(&r, t), ERR_OK);
    read_ring();
    return generate;
}

static uint32_t signs(enum sign_alg alg)
{
    const struct signing_key *k = keyring_signing(&ring, alg, r.now);

    return k != NULL ? k->number : 0;
}

static int state_of(uint32_t number)
{
    for (size_t i = 0; i < ring.n; i++)
        if (ring.key[i].number == number)
            return (int)ring.key[i].state;
    return -1;
}

static void test_thumbprint(void)
{
    rig_open(&r);
    CHECK_TEXT(jwk_thumbprint(r.pool, SL(RFC_KEY)), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    CHECK(
        slice_eq(jwk_thumbprint(r.pool, SL("{\"y\":\"b\",\"x\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\"}")),
                 jwk_thumbprint(r.pool, SL("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\",\"d\":\"c\"}"))));
    CHECK(slice_is_none(jwk_thumbprint(r.pool, SL("{\"kty\":\"oct\",\"k\":\"AA\"}"))));
    CHECK(slice_is_none(jwk_thumbprint(r.pool, SL("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\"}"))));
    CHECK(slice_is_none(jwk_thumbprint(r.pool, SL("nonsense"))));
    rig_close(&r);
}

static void test_jwks(void)
{
    rig_open(&r);
    struct txn *t = rig_begin(&r);
    struct signing_key k = { .alg = ALG_RS256, .public_jwk = SL(RFC_KEY), .sealed = SL("sealed") };
    keyring_add(t, &k, true, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    k = (struct signing_key){ .alg = ALG_ES256,
                              .public_jwk =
                                  SL("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\",\"d\":\"c\"}"),
                              .sealed = SL("sealed") };
    keyring_add(t, &k, true, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    read_ring();
    struct slice text = jwks_render(r.pool, &ring);
    CHECK(slice_starts(text, SL("{\"keys\":[{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"0vx7")));
    CHECK(slice_ends(
        text, pool_fmt(r.pool,
                       "\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs\"},"
                       "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"a\",\"y\":\"b\","
                       "\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"%.*s\"}]}",
                       SLICE_ARG(k.kid)))); /* no private member, nothing that was in the text besides */
    ring.n = 0;
    CHECK_TEXT(jwks_render(r.pool, &ring), "{\"keys\":[]}");
    rig_close(&r);
}

static void test_add_and_read(void)
{
    rig_open(&r);
    read_ring();
    CHECK_INT(ring.n, 0);
    CHECK(keyring_signing(&ring, ALG_RS256, r.now) == NULL);
    CHECK_INT(add(ALG_RS256, true), 1);
    CHECK_INT(add(ALG_ES256, true), 2);
    CHECK_INT(ring.n, 2);
    CHECK_INT(ring.key[0].alg, ALG_RS256);
    CHECK_INT(ring.key[0].state, KEY_ACTIVE);
    CHECK_INT(ring.key[0].active_at, RIG_START_S);
    CHECK_TEXT(ring.key[0].sealed, "sealed");
    CHECK_INT(ring.key[0].kid.n, 43);
    CHECK_INT(signs(ALG_RS256), 1);
    CHECK_INT(signs(ALG_ES256), 2);
    CHECK_INT(signs(ALG_PS256), 0);
    CHECK(keyring_find(&ring, ring.key[1].kid) == &ring.key[1]);
    CHECK(keyring_find(&ring, SL("1")) == &ring.key[0]);
    CHECK(keyring_find(&ring, SL("3")) == NULL);
    CHECK(keyring_find(&ring, SLICE_NONE) == NULL);
    struct keyring before = ring;
    CHECK(keyring_same(&before, &ring));
    ring.key[0].state = KEY_RETIRED;
    CHECK(!keyring_same(&before, &ring));
    CHECK(key_handle(1, 7) == (UINT64_C(1) << 32 | 7));
    rig_close(&r);
}

static void test_life_of_a_key(void)
{
    enum sign_alg alg = ALG_PS256;

    rig_open(&r);
    uint32_t old = add(ALG_RS256, true);
    rig_at(&r, KEY_ROTATE_S - KEY_PUBLISH_S - 1);
    CHECK(!tick(&alg));
    rig_at(&r, KEY_ROTATE_S - KEY_PUBLISH_S);
    CHECK(tick(&alg));
    CHECK_INT(alg, ALG_RS256);
    uint32_t new = add(ALG_RS256, false);
    CHECK(!tick(&alg)); /* one successor is enough */
    CHECK_INT(state_of(new), KEY_PUBLISHED);
    CHECK_INT(signs(ALG_RS256), old);
    rig_at(&r, KEY_ROTATE_S - 1);
    CHECK(!tick(&alg));
    CHECK_INT(signs(ALG_RS256), old);
    rig_at(&r, KEY_ROTATE_S);
    CHECK(!tick(&alg));
    CHECK_INT(signs(ALG_RS256), new);
    CHECK(!tick(&alg));
    CHECK_INT(state_of(old), KEY_RETIRED);
    CHECK_INT(state_of(new), KEY_ACTIVE);
    rig_at(&r, KEY_ROTATE_S + KEY_RETIRE_S - 1);
    CHECK(!tick(&alg));
    CHECK_INT(ring.n, 2); /* still verifies */
    rig_at(&r, KEY_ROTATE_S + KEY_RETIRE_S);
    CHECK(!tick(&alg));
    CHECK_INT(ring.n, 1);
    CHECK_INT(rig_count(&r, CLASS_KEY, SLICE_NONE), 1);
    rig_close(&r);
}

static void test_published_signs_only_when_due_and_alone(void)
{
    rig_open(&r);
    uint32_t published = add(ALG_ES256, false);
    CHECK_INT(signs(ALG_ES256), 0);
    rig_at(&r, KEY_PUBLISH_S - 1);
    CHECK_INT(signs(ALG_ES256), 0);
    rig_at(&r, KEY_PUBLISH_S);
    CHECK_INT(signs(ALG_ES256), published);
    uint32_t active = add(ALG_ES256, true);
    CHECK_INT(signs(ALG_ES256), active);
    rig_close(&r);
}

static void test_clock_set_back(void)
{
    enum sign_alg alg;

    rig_open(&r);
    uint32_t old = add(ALG_RS256, true);
    rig_at(&r, -3600);
    read_ring();
    CHECK_INT(signs(ALG_RS256), old); /* not "none, make one" */
    uint32_t new = add(ALG_RS256, true);
    CHECK_INT(signs(ALG_RS256), new);
    CHECK(!tick(&alg));
    CHECK_INT(state_of(new), KEY_ACTIVE);
    CHECK_INT(state_of(old), KEY_RETIRED);
    rig_close(&r);
}

static void test_stale_keyring_changes_nothing(void)
{
    enum sign_alg alg;

    rig_open(&r);
    uint32_t old = add(ALG_RS256, true);
    (void)add(ALG_RS256, true);
    struct keyring stale = ring;
    CHECK(!tick(&alg));
    CHECK_INT(state_of(old), KEY_RETIRED);
    rig_at(&r, 100);
    struct txn *t = rig_begin(&r);
    CHECK(!keyring_upkeep(t, &stale, r.now, &alg)); /* would retire it once more, at a later time */
    CHECK(!txn_is_dirty(t));
    rig_close(&r);
}

static void test_two_add_at_once(void)
{
    struct signing_key one = { .alg = ALG_RS256, .public_jwk = SL(RFC_KEY), .sealed = SL("a") };
    struct signing_key two = { .alg = ALG_RS256, .sealed = SL("b") };

    rig_open(&r);
    two.public_jwk = ec_jwk(0);
    struct txn *first = rig_begin(&r), *second = txn_create(r.pool, r.view, r.issuer.number);
    one.number = keyring_next_number(first);
    two.number = keyring_next_number(second);
    CHECK_INT(one.number, two.number);
    keyring_add(first, &one, true, r.now);
    keyring_add(second, &two, true, r.now);
    CHECK_INT(rig_commit(&r, first), ERR_OK);
    CHECK_INT(rig_commit(&r, second), ERR_CHANGED);
    struct txn *again = rig_begin(&r);
    keyring_add(again, &two, true, r.now); /* with the number that is taken now */
    CHECK_INT(txn_err(again), ERR_CHANGED);
    again = rig_begin(&r);
    CHECK_INT(keyring_next_number(again), one.number + 1);
    rig_close(&r);
}

static void test_numbers_are_never_used_again(void)
{
    rig_open(&r);
    CHECK_INT(add(ALG_RS256, true), 1);
    CHECK_INT(add(ALG_RS256, true), 2);
    struct txn *t = rig_begin(&r);
    signing_keys_remove(t, (const uint32_t[]){ 2, 7 }, 2);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK_INT(add(ALG_RS256, true), 3);
    t = rig_begin(&r);
    struct signing_key a = { .alg = ALG_RS256, .public_jwk = ec_jwk(90) },
                       b = { .alg = ALG_ES256, .public_jwk = ec_jwk(91) };
    keyring_add(t, &a, true, r.now); /* two in one transaction */
    keyring_add(t, &b, true, r.now);
    CHECK_INT(a.number, 4);
    CHECK_INT(b.number, 5);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK_INT(add(ALG_RS256, true), 6);
    rig_close(&r);
}

static void test_limit(void)
{
    rig_open(&r);
    for (unsigned i = 0; i < KEYS_MAX; i++)
        (void)add(ALG_RS256, false);
    struct txn *t = rig_begin(&r);
    struct signing_key k = { .alg = ALG_RS256, .public_jwk = ec_jwk(99) };
    keyring_add(t, &k, false, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_LIMIT);
    read_ring();
    CHECK_INT(ring.n, KEYS_MAX);
    rig_close(&r);
}

static void test_bad_jwk(void)
{
    struct signing_key k = { .alg = ALG_RS256, .public_jwk = SL("{}") };

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    keyring_add(t, &k, true, r.now);
    CHECK_INT(txn_err(t), ERR_CRYPTO);
    rig_close(&r);
}

static void test_kid_of_an_imported_key_is_kept(void)
{
    struct signing_key k = { .alg = ALG_RS256, .public_jwk = SL(RFC_KEY), .kid = SL("1712345"), .sealed = SL("s") };

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    keyring_add(t, &k, true, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    read_ring();
    CHECK_TEXT(ring.key[0].kid, "1712345");
    rig_close(&r);
}

static struct order give_order(enum order_kind kind, struct slice argument)
{
    struct txn *t = rig_begin(&r);
    struct order o = { 0 };

    order_put(t, kind, argument, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(order_next(rig_begin(&r), &o));
    CHECK_INT(o.kind, kind);
    return o;
}

static bool finish(const struct order *o)
{
    read_ring();
    struct txn *t = rig_begin(&r);
    bool done = keyring_order_finish(t, &ring, o, r.now);

    CHECK_INT(rig_commit(&r, t), ERR_OK);
    read_ring();
    return done;
}

static bool has_order(void)
{
    struct order o;

    return order_next(rig_begin(&r), &o);
}

static void test_order_rotate(void)
{
    enum sign_alg alg = ALG_PS256;

    rig_open(&r);
    uint32_t rsa = add(ALG_RS256, true), ec = add(ALG_ES256, true);
    struct order o = give_order(ORDER_ROTATE, SLICE_NONE);
    CHECK(!finish(&o)); /* not before the keys are there */
    CHECK(keyring_order_due(&ring, &o, &alg));
    CHECK_INT(alg, ALG_RS256);
    uint32_t new_rsa = add(ALG_RS256, false);
    CHECK(keyring_order_due(&ring, &o, &alg));
    CHECK_INT(alg, ALG_ES256);
    (void)add(ALG_ES256, false);
    CHECK(!keyring_order_due(&ring, &o, &alg)); /* PS256 is not in use */
    CHECK(has_order());
    CHECK(finish(&o));
    CHECK(!has_order());
    CHECK_INT(ring.n, 4);
    CHECK_INT(signs(ALG_RS256), rsa);
    CHECK_INT(signs(ALG_ES256), ec);
    rig_at(&r, KEY_PUBLISH_S);
    (void)tick(&alg);
    CHECK_INT(signs(ALG_RS256), new_rsa);
    rig_close(&r);
}

/* Many rotations one after another: found by tests/crash. An order that could not be carried out barred all later ones. */
static void test_order_without_room(void)
{
    enum sign_alg alg;

    rig_open(&r);
    for (unsigned i = 0; i < KEYS_MAX - SIGN_ALG_COUNT; i++)
        (void)add(ALG_ES256, i == 0);
    struct order o = give_order(ORDER_ROTATE, SLICE_NONE);
    CHECK(!keyring_has_room(&ring));
    CHECK(!keyring_order_due(&ring, &o, &alg));
    CHECK(finish(&o));
    CHECK(!has_order());
    o = give_order(ORDER_ROTATE_NOW, SLICE_NONE);
    CHECK(keyring_order_due(&ring, &o, &alg)); /* a stolen key goes all the same */
    (void)add(ALG_ES256, true);
    while (!finish(&o))
        continue;
    CHECK_INT(ring.n, 1);
    rig_close(&r);
}

static void test_order_rotate_now(void)
{
    enum sign_alg alg;

    rig_open(&r);
    for (unsigned i = 0; i < 20; i++) /* more than one transaction removes */
        (void)add(ALG_ES256, i == 0);
    struct order o = give_order(ORDER_ROTATE_NOW, SLICE_NONE);
    CHECK(keyring_order_due(&ring, &o, &alg));
    CHECK_INT(alg, ALG_ES256);
    uint32_t new = add(ALG_ES256, true);
    CHECK_INT(signs(ALG_ES256), new);
    CHECK(!finish(&o));
    CHECK(has_order());
    CHECK(!finish(&o));
    CHECK(finish(&o));
    CHECK(!has_order());
    CHECK_INT(ring.n, 1);
    CHECK_INT(signs(ALG_ES256), new);
    CHECK_INT(rig_count(&r, CLASS_KEY, SLICE_NONE), 1);
    rig_close(&r);
}

static void test_order_retire(void)
{
    enum sign_alg alg;

    rig_open(&r);
    uint32_t first = add(ALG_RS256, true);
    struct order o = give_order(ORDER_RETIRE, ring.key[0].kid);
    CHECK(keyring_order_due(&ring, &o, &alg)); /* it is the only one */
    CHECK(!finish(&o));
    uint32_t second = add(ALG_RS256, true);
    CHECK(finish(&o));
    CHECK_INT(state_of(first), -1);
    CHECK_INT(signs(ALG_RS256), second);

    uint32_t published = add(ALG_RS256, false);
    o = give_order(ORDER_RETIRE, pool_fmt(r.pool, "%u", second));
    CHECK(!keyring_order_due(&ring, &o, &alg)); /* the published one takes over */
    CHECK(finish(&o));
    CHECK_INT(ring.n, 1);
    CHECK_INT(state_of(published), KEY_ACTIVE);

    uint32_t waiting = add(ALG_RS256, false), other = add(ALG_RS256, false);
    o = give_order(ORDER_RETIRE, pool_fmt(r.pool, "%u", waiting));
    CHECK(finish(&o));
    CHECK_INT(state_of(waiting), -1);
    CHECK_INT(state_of(other), KEY_PUBLISHED); /* the active one is untouched, so nothing is hurried */

    o = give_order(ORDER_RETIRE, SL("no-such-key"));
    CHECK(finish(&o));
    CHECK_INT(ring.n, 2);
    CHECK(!has_order());
    rig_close(&r);
}

static void test_orders_in_turn(void)
{
    struct order o;

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    order_put(t, ORDER_RETIRE, SL("a"), r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    rig_at(&r, 1);
    t = rig_begin(&r);
    order_put(t, ORDER_RETIRE, SL("b"), r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    CHECK(order_next(t, &o));
    CHECK_TEXT(o.argument, "a");
    CHECK_INT(o.created_at, RIG_START_S);
    order_remove(t, &o);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(order_next(rig_begin(&r), &o));
    CHECK_TEXT(o.argument, "b");
    rig_close(&r);
}

static void test_corrupt_key(void)
{
    rig_open(&r);
    (void)add(ALG_RS256, true);
    struct txn *t = rig_begin(&r);
    txn_put(t, key_make(r.pool, r.issuer.number, CLASS_KEY, key_u32(r.pool, 2), SLICE_NONE), SL("\1nonsense"));
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK_INT(keyring_read(r.pool, r.view, r.issuer.number, &ring), ERR_CORRUPT);
    rig_close(&r);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "thumbprint: the example of RFC 7638 3.1", test_thumbprint },
        { "JWKS: public members, use, alg, kid (RFC 7517 4, 5)", test_jwks },
        { "keys that were added are read", test_add_and_read },
        { "published, used, retired, gone", test_life_of_a_key },
        { "a published key signs only when it is due and alone", test_published_signs_only_when_due_and_alone },
        { "a clock that was set back", test_clock_set_back },
        { "upkeep with an old keyring changes nothing", test_stale_keyring_changes_nothing },
        { "two processes add at once", test_two_add_at_once },
        { "numbers are never used again", test_numbers_are_never_used_again },
        { "KEYS_MAX", test_limit },
        { "a JWK that is none", test_bad_jwk },
        { "the kid of an imported key is kept", test_kid_of_an_imported_key_is_kept },
        { "order: rotate", test_order_rotate },
        { "order: rotate now", test_order_rotate_now },
        { "order: rotate without room", test_order_without_room },
        { "order: retire", test_order_retire },
        { "orders come in turn", test_orders_in_turn },
        { "a record that makes no sense", test_corrupt_key },
    };

    return TAP_RUN(tests);
}
