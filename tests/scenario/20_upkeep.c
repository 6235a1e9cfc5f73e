/* What the server does unasked: keys made, rotated by themselves or by order, retired, forgotten. A token verifies for as long as it
 * lives, but for keys that are thought stolen. */
#include <string.h>

#include "harness.h"
#include "jose.h"
#include "sign_in.h"
#include "upkeep.h"

#define DAY INT64_C(86400)

static struct slice token_of(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);
    const struct seen *tokens = app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL));

    CHECK_INT(tokens->status, 200);
    return seen_member(w, tokens, "id_token");
}

static struct slice kid_of(struct world *w, struct slice token)
{
    struct jws jws = { .kid = SLICE_NONE };

    CHECK_INT(jws_parse(w->pool, token, &jws), ERR_OK);
    return jws.kid;
}

/* NULL: there is none any more. */
static const struct signing_key *key_of(struct world *w, struct slice kid)
{
    struct keyring *ring = pool_zalloc(w->pool, sizeof(*ring));

    *ring = world_keys(w);
    return keyring_find(ring, kid);
}

static void order(struct world *w, enum order_kind kind, struct slice argument)
{
    struct txn *t = world_begin(w);

    order_put(t, kind, argument, world_now(w));
    world_commit(w, t);
}

/* Each tick does a step; this many are enough for any order. */
static void ticks(struct world *w)
{
    for (unsigned i = 0; i < 4; i++)
        world_upkeep(w);
}

/* The signer has what can still sign, and nothing else. */
static void check_signer(struct world *w)
{
    struct keyring ring = world_keys(w);

    CHECK_INT(w->held_n, ring.n);
    for (size_t i = 0; i < ring.n; i++)
        CHECK(world_signer_holds(w, ring.key[i].number));
    CHECK_INT(w->machine.keys.made, 0);
}

static void begin(struct world *w)
{
    app_add(w, &grafana);
    ticks(w);
}

/* ---- the first start ---- */

static void first(struct world *w)
{
    begin(w);
    struct keyring ring = world_keys(w);
    CHECK_INT(ring.n, 2);
    CHECK(keyring_signing(&ring, ALG_ES256, world_now(w)) != NULL);
    CHECK(keyring_signing(&ring, ALG_RS256, world_now(w)) != NULL);
    check_signer(w);
    ticks(w);
    CHECK_INT(world_keys(w).n, 2); /* that is all */
    CHECK_INT(world_audited(w, "key_created"), 2);
}

/* ---- by themselves ---- */

static void by_itself(struct world *w)
{
    begin(w);
    struct slice old = kid_of(w, token_of(w));
    world_at(w, 89 * DAY - 60);
    ticks(w);
    CHECK_INT(world_keys(w).n, 2);
    world_at(w, 89 * DAY);
    ticks(w);
    struct keyring ring = world_keys(w);
    CHECK_INT(ring.n, 4); /* published a day before it is used */
    CHECK(slice_eq(kid_of(w, token_of(w)), old));
    world_at(w, 90 * DAY);
    ticks(w);
    struct slice token = token_of(w);
    CHECK(!slice_eq(kid_of(w, token), old));
    (void)world_claims(w, token, ALG_ES256);
    CHECK_INT(key_of(w, old)->state, KEY_RETIRED);
    world_at(w, 98 * DAY - 60);
    ticks(w);
    CHECK(key_of(w, old) != NULL); /* what it signed may still be shown around */
    world_at(w, 98 * DAY);
    ticks(w);
    CHECK(key_of(w, old) == NULL);
    CHECK_INT(world_keys(w).n, 2);
    check_signer(w);
}

/* ---- by order ---- */

static void rotate(struct world *w)
{
    begin(w);
    struct slice before = token_of(w), old = kid_of(w, before);
    order(w, ORDER_ROTATE, SLICE_NONE);
    ticks(w);
    CHECK_INT(world_count(w, CLASS_ORDER, 0), 0);
    CHECK_INT(world_keys(w).n, 4);
    CHECK(slice_eq(kid_of(w, token_of(w)), old)); /* published first */
    world_at(w, DAY);
    ticks(w);
    struct slice after = token_of(w);
    CHECK(!slice_eq(kid_of(w, after), old));
    (void)world_claims(w, before, ALG_ES256);
    (void)world_claims(w, after, ALG_ES256);
    check_signer(w);
}

/* Thought stolen: nothing that the old ones signed may be believed any longer. */
static void rotate_now(struct world *w)
{
    begin(w);
    struct keyring before = world_keys(w);
    order(w, ORDER_ROTATE_NOW, SLICE_NONE);
    ticks(w);
    CHECK_INT(world_count(w, CLASS_ORDER, 0), 0);
    struct keyring ring = world_keys(w);
    CHECK_INT(ring.n, 2);
    for (size_t i = 0; i < before.n; i++) {
        CHECK(key_of(w, before.key[i].kid) == NULL);
        CHECK(!world_signer_holds(w, before.key[i].number));
    }
    (void)world_claims(w, token_of(w), ALG_ES256);
    check_signer(w);
}

/* The only key of its kind: another one is made first. */
static void retire(struct world *w)
{
    begin(w);
    struct slice token = token_of(w), kid = kid_of(w, token);
    uint32_t number = key_of(w, kid)->number;
    order(w, ORDER_RETIRE, kid);
    ticks(w);
    CHECK_INT(world_count(w, CLASS_ORDER, 0), 0);
    CHECK(key_of(w, kid) == NULL);
    CHECK(!world_signer_holds(w, number));
    struct slice next = token_of(w);
    CHECK(!slice_eq(kid_of(w, next), kid));
    (void)world_claims(w, next, ALG_ES256);
    check_signer(w);
}

/* There is a published one: it takes over at once. */
static void retire_to_published(struct world *w)
{
    begin(w);
    struct slice kid = kid_of(w, token_of(w));
    order(w, ORDER_ROTATE, SLICE_NONE);
    ticks(w);
    size_t n = world_keys(w).n;
    struct signing_key old = *key_of(w, kid);
    order(w, ORDER_RETIRE, pool_fmt(w->pool, "%u", old.number)); /* by its number */
    ticks(w);
    CHECK(key_of(w, kid) == NULL);
    CHECK_INT(world_keys(w).n, n - 1); /* none was made */
    CHECK(!slice_eq(kid_of(w, token_of(w)), kid));
    check_signer(w);
}

static void nonsense(struct world *w)
{
    begin(w);
    struct keyring before = world_keys(w);
    order(w, ORDER_RETIRE, SL("no such key"));
    order(w, ORDER_RETIRE, SL("99"));
    ticks(w);
    CHECK_INT(world_count(w, CLASS_ORDER, 0), 0);
    struct keyring ring = world_keys(w);
    CHECK(keyring_same(&before, &ring));
}

/* One after the other, oldest first; while people sign in. */
static void several(struct world *w)
{
    begin(w);
    for (unsigned i = 1; i <= 3; i++) {
        world_at(w, i);
        order(w, i == 2 ? ORDER_ROTATE_NOW : ORDER_ROTATE, SLICE_NONE);
    }
    for (unsigned i = 0; i < 3; i++) {
        world_upkeep(w);
        (void)world_claims(w, token_of(w), ALG_ES256);
    }
    ticks(w);
    CHECK_INT(world_count(w, CLASS_ORDER, 0), 0);
    check_signer(w);
}

/* The order comes from another process while the server is at its own upkeep. */
static void in_between(struct world *w)
{
    begin(w);
    world_at(w, 89 * DAY);
    upkeep_keys(&w->machine);
    (void)world_drain(w, &w->signing); /* a successor is made */
    order(w, ORDER_ROTATE_NOW, SLICE_NONE);
    world_run(w);
    ticks(w);
    CHECK_INT(world_count(w, CLASS_ORDER, 0), 0);
    (void)world_claims(w, token_of(w), ALG_ES256);
    check_signer(w);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "the first start makes two keys", first, .bare = true },
        { "keys rotate by themselves: published, used, retired, gone", by_itself, .every = 3 },
        { "an order to rotate: published first", rotate },
        { "an order to rotate now: all older ones go at once", rotate_now },
        { "an order to retire the only key makes another first", retire },
        { "an order to retire where one is published", retire_to_published },
        { "orders about keys that are not there", nonsense },
        { "several orders", several, .every = 3 },
        { "an order in the middle of upkeep", in_between, .races = true },
    };

    return SCENARIOS_PLAY(scenarios);
}
