/* Meeting people: who gets which name and address, and what is taken over later. The operator's acts: test_person_operator.c. */
#include <string.h>

#include "rig.h"
#include "stored.h"

#define DAY INT64_C(86400)

static struct rig r;

static struct peer peer_of(int64_t user_id, const char *login)
{
    return (struct peer){ .kind = PEER_PERSON,
                          .user_id = user_id,
                          .login = slice_of(login),
                          .display_name = SL("Somebody"),
                          .picture = SL("https://elsewhere.example/s.png"),
                          .stable_id = SL("nLaptop1CNTRL"),
                          .address = SL("100.64.0.7") };
}

/* True: something was put. */
static bool meet_peer(const struct peer *peer, struct person *ret)
{
    struct txn *t = rig_begin(&r);

    CHECK_INT(person_meet(t, &r.issuer, peer, r.now, ret), ERR_OK);
    bool dirty = txn_is_dirty(t);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return dirty;
}

static struct person meet(int64_t user_id, const char *login)
{
    const struct peer peer = peer_of(user_id, login);
    struct person person = { 0 };

    (void)meet_peer(&peer, &person);
    return person;
}

static struct person load(int64_t user_id)
{
    struct person person = { 0 };

    CHECK(person_load(rig_begin(&r), user_id, &person));
    return person;
}

static void check_names(int64_t user_id, const char *login, const char *username, const char *email)
{
    struct person person = meet(user_id, login), stored = load(user_id);

    CHECK_TEXT(person.username, username);
    CHECK_TEXT(stored.username, username);
    if (email == NULL) {
        CHECK(slice_is_none(person.email));
        CHECK(slice_is_none(stored.email));
        return;
    }
    CHECK_TEXT(person.email, email);
    CHECK_TEXT(stored.email, email);
}

/* ---- first sight ---- */

static void test_first_sight(void)
{
    rig_open(&r);
    CHECK(!person_load(rig_begin(&r), 101, &(struct person){ 0 }));
    (void)meet(101, "bob@example.com");
    struct person person = load(101);
    CHECK_INT(person.user_id, 101);
    CHECK_TEXT(person.login, "bob@example.com");
    CHECK_TEXT(person.display_name, "Somebody");
    CHECK_TEXT(person.picture, "https://elsewhere.example/s.png");
    CHECK_TEXT(person.username, "bob");
    CHECK_TEXT(person.email, "bob@example.com");
    CHECK(!person.email_by_operator && !person.blocked && !person.held && !person.login_changed);
    CHECK(slice_is_none(person.held_login));
    CHECK_INT(person.pair_count, 1);
    CHECK_TEXT(person.pairs[0].stable_id, "nLaptop1CNTRL");
    CHECK_TEXT(person.pairs[0].address, "100.64.0.7");
    CHECK_INT(person.created_at, RIG_START_S);
    CHECK_INT(person.seen_at, RIG_START_S);
    CHECK_INT(rig_count(&r, CLASS_PERSON, SLICE_NONE), 1);
    (void)meet(102, "carol@example.com");
    (void)meet(101, "bob@example.com");
    CHECK_INT(rig_count(&r, CLASS_PERSON, SLICE_NONE), 2);
    rig_close(&r);
}

/* Security E: applications key accounts by it. */
static void test_same_local_part(void)
{
    char login[64], username[64];

    rig_open(&r);
    check_names(101, "bob@one.example", "bob", "bob@one.example");
    check_names(102, "bob@two.example", "bob-2", "bob@two.example");
    check_names(103, "BOB@three.example", "bob-3", "BOB@three.example");
    check_names(104, "bob-2@example.com", "bob-2-2", "bob-2@example.com");
    check_names(101, "bob@one.example", "bob", "bob@one.example"); /* as before */
    for (int i = 4; i <= USERNAME_TRIES_MAX; i++) {
        (void)snprintf(login, sizeof(login), "bob@n%d.example", i);
        (void)snprintf(username, sizeof(username), "bob-%d", i);
        check_names(200 + i, login, username, login);
    }
    check_names(300, "bob@last.example", "user-300", "bob@last.example");
    rig_close(&r);
}

static void test_name_of_the_id_is_taken(void)
{
    rig_open(&r);
    check_names(101, "user-102@example.com", "user-102", "user-102@example.com");
    check_names(102, "12345@example.com", "user-102-2", "12345@example.com");
    check_names(103, "node-x@example.com", "user-103", "node-x@example.com");
    rig_close(&r);
}

static void test_reserved(void)
{
    rig_open(&r);
    check_names(101, "admin@example.com", "admin-2", "admin@example.com");
    check_names(102, "Admin@other.example", "admin-3", "Admin@other.example");
    check_names(103, "root@example.com", "root-2", "root@example.com");
    check_names(104, "system@example.com", "system-2", "system@example.com");
    rig_close(&r);
}

/* `node-...` is the subject of a machine. */
static void test_node(void)
{
    rig_open(&r);
    check_names(101, "node@one.example", "node", "node@one.example");
    check_names(102, "node@two.example", "user-102", "node@two.example");
    check_names(103, "node.x@one.example", "node.x", "node.x@one.example");
    check_names(104, "node.x@two.example", "node.x-2", "node.x@two.example");
    rig_close(&r);
}

/* A name space of their own: neither an account nor an address of ours falls to another tailnet's people, nor theirs to ours. */
static void test_shared_in(void)
{
    rig_open(&r);
    check_names(USER_ID_SHARED_IN + 101, "alice@example.com", "shared-alice", NULL);
    check_names(101, "alice@example.com", "alice",
                "alice@example.com"); /* the same number and the same login: somebody else */
    check_names(102, "shared-alice@example.com", "user-102", "shared-alice@example.com");
    check_names(103, "shared-bob@example.com", "user-103", "shared-bob@example.com");
    check_names(USER_ID_SHARED_IN + 102, "bob@other.example", "shared-bob", NULL);
    check_names(USER_ID_SHARED_IN + 103, "bob@third.example", "shared-bob-2", NULL);
    rig_close(&r);
}

/* Field 42 */
static void test_field_names(void)
{
    static const char *const logins[] = {
        "tim.o'neill+lab@example.com", "a.-b@example.com",           "x__y@example.com", "_z_@example.com",
        "ann#1@example.com",           "tim.o-neill-lab@example.com"
    };
    struct slice names[6];

    rig_open(&r);
    for (size_t i = 0; i < 6; i++) {
        names[i] = meet(101 + (int64_t)i, logins[i]).username;
        CHECK(username_is_valid(names[i]));
        CHECK(!slices_have((struct slices){ names, i }, names[i]));
    }
    CHECK_TEXT(names[5], "tim.o-neill-lab-2");
    rig_close(&r);
}

static void test_no_address(void)
{
    rig_open(&r);
    check_names(101, "alice@github", "alice", NULL);
    check_names(102, "alice@passkey", "alice-2", NULL);
    check_names(103, "alice", "alice-3", NULL);
    rig_close(&r);
}

/* Address reuse: released with one user id, never with another. */
static void test_withheld_address(void)
{
    rig_open(&r);
    check_names(101, "eve@example.com", "eve", "eve@example.com");
    check_names(102, "eve@example.com", "eve-2", NULL);
    check_names(103, "Eve@EXAMPLE.com", "eve-3", NULL);
    check_names(101, "eve@example.com", "eve", "eve@example.com");
    check_names(102, "eve@example.com", "eve-2", NULL);
    rig_close(&r);
}

static void test_longest_login(void)
{
    char login[2048];

    rig_open(&r);
    memset(login, 'a', sizeof(login));
    for (size_t n = 240; n < 260; n++) {
        memset(login, 'a', n);
        login[64] = '@';
        for (size_t i = 114; i < n - 1; i += 50)
            login[i] = '.';
        login[n] = '\0';
        (void)meet((int64_t)n, login);
    }
    memset(login, 'b', sizeof(login));
    login[sizeof(login) - 1] = '\0';
    (void)meet(2048, login);
    CHECK(slice_is_none(load(2048).email));
    rig_close(&r);
}

/* Field 43 */
static void test_capitals(void)
{
    const struct peer capitals = peer_of(101, "Ann.Example@Mail.Example.COM"),
                      small = peer_of(101, "ann.example@mail.example.com");
    struct person person;

    rig_open(&r);
    CHECK(meet_peer(&capitals, &person));
    CHECK_TEXT(person.email, "Ann.Example@mail.example.com");
    CHECK_TEXT(person.username, "ann.example");
    CHECK(!meet_peer(&small, &person)); /* the same person, and nothing to put */
    CHECK(!person.held && !person.login_changed);
    CHECK_TEXT(person.email, "Ann.Example@mail.example.com"); /* one spelling at every sign-in */
    CHECK_TEXT(person.username, "ann.example");
    CHECK(!meet_peer(&capitals, &person));
    r.issuer.ids_for_ever = true;
    CHECK(!meet_peer(&small, &person));
    CHECK(!person.login_changed);
    CHECK_TEXT(person.email, "Ann.Example@mail.example.com");
    rig_close(&r);
}

static void test_limit(void)
{
    const struct peer peer = peer_of(101, "bob@example.com"), other = peer_of(102, "carol@example.com");
    struct person person;

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    txn_count(t, issuer_count_key(t, CLASS_PERSON, SLICE_NONE), PERSONS_MAX - 1, PERSONS_MAX);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(meet_peer(&peer, &person));
    t = rig_begin(&r);
    CHECK_INT(person_meet(t, &r.issuer, &other, r.now, &person), ERR_LIMIT);
    CHECK(!txn_is_dirty(t));
    CHECK(!meet_peer(&peer, &person)); /* who is known comes in */
    rig_close(&r);
}

/* Two who would get the same name at the same moment, and one person in two windows. */
static void test_at_once(void)
{
    const struct peer one = peer_of(101, "bob@one.example"), two = peer_of(102, "bob@two.example");
    struct person a, b;

    rig_open(&r);
    struct txn *first = rig_begin(&r), *second = txn_create(r.pool, r.view, r.issuer.number);
    struct txn *third = txn_create(r.pool, r.view, r.issuer.number);
    CHECK_INT(person_meet(first, &r.issuer, &one, r.now, &a), ERR_OK);
    CHECK_INT(person_meet(second, &r.issuer, &two, r.now, &b), ERR_OK);
    CHECK_INT(person_meet(third, &r.issuer, &one, r.now, &a), ERR_OK);
    CHECK_INT(rig_commit(&r, first), ERR_OK);
    CHECK_INT(rig_commit(&r, second), ERR_CHANGED);
    CHECK_INT(rig_commit(&r, third), ERR_CHANGED);
    check_names(102, "bob@two.example", "bob-2", "bob@two.example");
    check_names(101, "bob@one.example", "bob", "bob@one.example");
    CHECK_INT(rig_count(&r, CLASS_PERSON, SLICE_NONE), 2);
    rig_close(&r);
}

static void test_corrupt(void)
{
    const struct peer peer = peer_of(101, "bob@example.com");
    struct person person;

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    txn_put(t, key_make(r.pool, 1, CLASS_PERSON, key_user(r.pool, 101), SLICE_NONE), SL("\1nonsense"));
    txn_put(t, key_make(r.pool, 1, CLASS_USERNAME, SL("carol"), SLICE_NONE), SL("\1nonsense"));
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    CHECK_INT(person_meet(t, &r.issuer, &peer, r.now, &person), ERR_CORRUPT); /* not met for the first time */
    const struct peer carol = peer_of(102, "carol@example.com");
    t = rig_begin(&r);
    CHECK_INT(person_meet(t, &r.issuer, &carol, r.now, &person), ERR_CORRUPT); /* not free */
    rig_close(&r);
}

/* ---- later ---- */

static void test_only_what_changed(void)
{
    struct peer peer = peer_of(101, "bob@example.com");
    struct person person;

    rig_open(&r);
    CHECK(meet_peer(&peer, &person));
    CHECK(!meet_peer(&peer, &person));
    peer.display_name = SL("Bob");
    CHECK(meet_peer(&peer, &person));
    CHECK_TEXT(load(101).display_name, "Bob");
    CHECK(!meet_peer(&peer, &person));
    peer.picture = SL("https://elsewhere.example/b.png");
    CHECK(meet_peer(&peer, &person));
    CHECK_TEXT(load(101).picture, "https://elsewhere.example/b.png");
    peer.picture = SLICE_NONE; /* an answer without it says nothing */
    peer.display_name = SLICE_NONE;
    CHECK(!meet_peer(&peer, &person));
    CHECK_TEXT(person.display_name, "Bob");
    peer.address = SL("100.64.0.8");
    CHECK(meet_peer(&peer, &person));
    peer.address = SLICE_NONE;
    CHECK(!meet_peer(&peer, &person));
    CHECK_INT(person.pair_count, 1);
    rig_close(&r);
}

static void test_seen_daily(void)
{
    const struct peer peer = peer_of(101, "bob@example.com");
    struct person person;

    rig_open(&r);
    CHECK(meet_peer(&peer, &person));
    rig_at(&r, DAY - 1);
    CHECK(!meet_peer(&peer, &person));
    CHECK_INT(load(101).seen_at, RIG_START_S);
    rig_at(&r, DAY);
    CHECK(meet_peer(&peer, &person));
    CHECK_INT(load(101).seen_at, RIG_START_S + DAY);
    CHECK_INT(load(101).created_at, RIG_START_S);
    rig_at(&r, 2 * DAY - 1);
    CHECK(!meet_peer(&peer, &person));
    rig_at(&r, 2 * DAY);
    CHECK(meet_peer(&peer, &person));
    rig_close(&r);
}

/* ---- pairs ---- */

static bool meet_from(unsigned node, const char *address, struct person *ret)
{
    struct peer peer = peer_of(101, "bob@example.com");

    peer.stable_id = pool_fmt(r.pool, "n%u", node);
    peer.address = slice_of(address);
    return meet_peer(&peer, ret);
}

static void test_pairs_newest_first(void)
{
    struct person person;

    rig_open(&r);
    for (unsigned i = 1; i <= PERSON_PAIRS_MAX + 2; i++) {
        CHECK(meet_from(i, "100.64.0.1", &person));
        CHECK_INT(person.pair_count, i < PERSON_PAIRS_MAX ? i : PERSON_PAIRS_MAX);
        CHECK(slice_eq(person.pairs[0].stable_id, pool_fmt(r.pool, "n%u", i)));
    }
    person = load(101);
    CHECK_INT(person.pair_count, PERSON_PAIRS_MAX);
    for (unsigned i = 0; i < PERSON_PAIRS_MAX; i++)
        CHECK(slice_eq(person.pairs[i].stable_id, pool_fmt(r.pool, "n%u", PERSON_PAIRS_MAX + 2 - i)));
    CHECK(!meet_from(PERSON_PAIRS_MAX, "100.64.0.1", &person)); /* known: it stays where it is */
    CHECK_TEXT(person.pairs[0].stable_id, "n10");
    CHECK(meet_from(1, "100.64.0.1", &person)); /* was forgotten: it is new again */
    CHECK_TEXT(person.pairs[0].stable_id, "n1");
    CHECK_TEXT(person.pairs[7].stable_id, "n4");
    rig_close(&r);
}

static void test_pair_with_another_address(void)
{
    struct person person;

    rig_open(&r);
    CHECK(meet_from(1, "100.64.0.1", &person));
    CHECK(meet_from(2, "100.64.0.2", &person));
    CHECK(meet_from(3, "100.64.0.3", &person));
    CHECK(meet_from(1, "100.64.0.9", &person)); /* one pair a node, in front now */
    person = load(101);
    CHECK_INT(person.pair_count, 3);
    CHECK_TEXT(person.pairs[0].stable_id, "n1");
    CHECK_TEXT(person.pairs[0].address, "100.64.0.9");
    CHECK_TEXT(person.pairs[1].stable_id, "n3");
    CHECK_TEXT(person.pairs[2].stable_id, "n2");
    CHECK_TEXT(person.pairs[2].address, "100.64.0.2");
    rig_close(&r);
}

/* ---- a known id under another login (security T) ---- */

static void test_held(void)
{
    struct peer stranger = peer_of(101, "mallory@example.com");
    struct person person;

    rig_open(&r);
    (void)meet(101, "bob@example.com");
    stranger.display_name = SL("Mallory");
    stranger.stable_id = SL("nOther");
    CHECK(meet_peer(&stranger, &person));
    CHECK(person.held);
    CHECK_TEXT(person.held_login, "mallory@example.com");
    person = load(101);
    CHECK(person.held && !person.login_changed);
    CHECK_TEXT(person.held_login, "mallory@example.com");
    CHECK_TEXT(person.login, "bob@example.com"); /* nothing of the stranger's is taken over */
    CHECK_TEXT(person.username, "bob");
    CHECK_TEXT(person.email, "bob@example.com");
    CHECK_TEXT(person.display_name, "Somebody");
    CHECK_INT(person.pair_count, 1);
    CHECK_TEXT(person.pairs[0].stable_id, "nLaptop1CNTRL");
    CHECK(!meet_peer(&stranger, &person)); /* asked again: nothing new */
    CHECK(person.held);
    rig_at(&r, 2 * DAY);
    CHECK(!meet_peer(&stranger, &person));
    CHECK(person.held);
    check_names(102, "mallory@example.com", "mallory", "mallory@example.com"); /* nothing was claimed either */
    rig_close(&r);
}

static void test_held_by_a_third(void)
{
    const struct peer bob = peer_of(101, "bob@example.com"), third = peer_of(101, "trent@example.com");
    struct person person;

    rig_open(&r);
    (void)meet(101, "bob@example.com");
    (void)meet(101, "mallory@example.com");
    CHECK(meet_peer(&third, &person));
    CHECK(person.held);
    CHECK_TEXT(load(101).held_login, "trent@example.com");
    CHECK(meet_peer(&bob, &person)); /* and back */
    CHECK(!person.held);
    person = load(101);
    CHECK(!person.held && slice_is_none(person.held_login));
    CHECK(!meet_peer(&bob, &person));
    rig_close(&r);
}

static void test_ids_for_ever(void)
{
    const struct peer peer = peer_of(101, "robert@example.com");
    struct person person;

    rig_open(&r);
    r.issuer.ids_for_ever = true;
    (void)meet(101, "bob@example.com");
    CHECK(meet_peer(&peer, &person));
    CHECK(person.login_changed && !person.held);
    CHECK_TEXT(person.username, "bob"); /* a rename keeps it */
    CHECK_TEXT(person.email, "robert@example.com");
    person = load(101);
    CHECK(!person.login_changed); /* told once */
    CHECK_TEXT(person.login, "robert@example.com");
    CHECK_TEXT(person.username, "bob");
    CHECK(!meet_peer(&peer, &person));
    CHECK(!person.login_changed);
    check_names(102, "bob@example.com", "bob-2", NULL); /* the old address is not handed on */
    check_names(103, "robert@example.com", "robert", NULL);
    rig_close(&r);
}

static void test_ids_for_ever_after_held(void)
{
    struct person person;

    rig_open(&r);
    (void)meet(101, "bob@example.com");
    (void)meet(101, "robert@example.com");
    CHECK(load(101).held);
    r.issuer.ids_for_ever = true;
    person = meet(101, "robert@example.com");
    CHECK(!person.held && person.login_changed);
    person = load(101);
    CHECK(!person.held && slice_is_none(person.held_login));
    CHECK_TEXT(person.login, "robert@example.com");
    rig_close(&r);
}

static void test_new_login_of_a_taken_address(void)
{
    rig_open(&r);
    r.issuer.ids_for_ever = true;
    check_names(101, "bob@example.com", "bob", "bob@example.com");
    check_names(102, "carol@example.com", "carol", "carol@example.com");
    check_names(102, "bob@example.com", "carol", NULL); /* renamed to what is another's */
    check_names(102, "carol@example.com", "carol", "carol@example.com");
    check_names(102, "carol@github", "carol", NULL);
    rig_close(&r);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "first sight", test_first_sight },
        { "one local part, many people (security E)", test_same_local_part },
        { "user-<id> may be taken too", test_name_of_the_id_is_taken },
        { "reserved names count as taken", test_reserved },
        { "nobody is called as machines are", test_node },
        { "other tailnets' people have a name space of their own", test_shared_in },
        { "all different, all valid (field 42)", test_field_names },
        { "logins that are no address", test_no_address },
        { "an address is given out with one user id", test_withheld_address },
        { "logins of any length", test_longest_login },
        { "capitals make nobody anew (field 43)", test_capitals },
        { "PERSONS_MAX", test_limit },
        { "two at once: one is first", test_at_once },
        { "a record that makes no sense is an error, not an absence", test_corrupt },
        { "only what changed is put", test_only_what_changed },
        { "seen_at moves at most daily", test_seen_daily },
        { "pairs: newest first, at most PERSON_PAIRS_MAX", test_pairs_newest_first },
        { "pairs: one a node", test_pair_with_another_address },
        { "another login under a known id is held (security T)", test_held },
        { "held, by another again, and back", test_held_by_a_third },
        { "where ids are for ever, the login moves and the name stays", test_ids_for_ever },
        { "where ids are for ever, nobody is held", test_ids_for_ever_after_held },
        { "a new login whose address is another's", test_new_login_of_a_taken_address },
    };

    return TAP_RUN(tests);
}
