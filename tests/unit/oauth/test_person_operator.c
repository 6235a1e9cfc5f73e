/* What an operator does to a person: names, addresses, confirm, link, block. */
#include <string.h>

#include "rig.h"

static struct rig r;

static struct person meet(int64_t user_id, const char *login)
{
    const struct peer peer = { .kind = PEER_PERSON, .user_id = user_id, .login = slice_of(login) };
    struct txn *t = rig_begin(&r);
    struct person person = { 0 };

    CHECK_INT(person_meet(t, &r.issuer, &peer, r.now, &person), ERR_OK);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return person;
}

static struct person load(int64_t user_id)
{
    struct person person = { 0 };

    CHECK(person_load(rig_begin(&r), user_id, &person));
    return person;
}

typedef enum err (*setter)(struct txn *t, struct person *person, struct slice text, struct slice *ret_why);

static void check_set(setter set, int64_t user_id, struct slice text)
{
    struct txn *t = rig_begin(&r);
    struct slice why = SL("untouched");
    struct person person;

    CHECK(person_load(t, user_id, &person));
    CHECK_INT(set(t, &person, text, &why), ERR_OK);
    CHECK_TEXT(why, "untouched");
    CHECK_INT(rig_commit(&r, t), ERR_OK);
}

static void check_refused(setter set, int64_t user_id, struct slice text, enum err want)
{
    struct txn *t = rig_begin(&r);
    struct slice why = SLICE_NONE;
    struct person person;

    CHECK(person_load(t, user_id, &person));
    const struct person before = person;
    CHECK_INT(set(t, &person, text, &why), want);
    CHECK(why.n > 0);
    CHECK(!txn_is_dirty(t));
    CHECK(slice_eq(person.username, before.username) && slice_eq(person.email, before.email));
}

/* ---- names and addresses ---- */

static void test_set_username(void)
{
    rig_open(&r);
    (void)meet(101, "bob@example.com");
    (void)meet(102, "carol@example.com");
    check_set(person_set_username, 101, SL("robert"));
    CHECK_TEXT(load(101).username, "robert");
    CHECK_TEXT(load(101).email, "bob@example.com");
    check_set(person_set_username, 101, SL("robert")); /* has it already */
    check_refused(person_set_username, 102, SL("robert"), ERR_EXISTS);
    check_refused(person_set_username, 102, SL("bob"), ERR_EXISTS); /* the old one is not handed on */
    CHECK_TEXT(meet(103, "bob@other.example").username, "bob-2");
    CHECK_TEXT(meet(104, "robert@other.example").username, "robert-2");
    check_set(person_set_username, 101, SL("bob")); /* back */
    CHECK_TEXT(load(101).username, "bob");
    check_set(person_set_username, 102, SL("admin")); /* reserved: an operator may */
    CHECK_TEXT(load(102).username, "admin");
    check_refused(person_set_username, 101, SL("admin"), ERR_EXISTS);
    rig_close(&r);
}

static void test_bad_usernames(void)
{
    static const char *const bad[] = { "",     "Bob", "123", "node-1", "b b",       ".b", "b.",
                                       "b..b", "b@b", "b/b", "b\n",    "b\xc3\xbc", "-",  "userid:1" };

    rig_open(&r);
    (void)meet(101, "bob@example.com");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_refused(person_set_username, 101, slice_of(bad[i]), ERR_INPUT);
    check_refused(person_set_username, 101, SLICE_NONE, ERR_INPUT);
    CHECK_TEXT(load(101).username, "bob");
    rig_close(&r);
}

static void test_set_email(void)
{
    rig_open(&r);
    (void)meet(101, "bob@github");
    (void)meet(102, "carol@example.com");
    CHECK(slice_is_none(load(101).email));
    check_set(person_set_email, 101, SL("Bob@Example.COM"));
    CHECK_TEXT(load(101).email, "Bob@example.com");
    CHECK(load(101).email_by_operator);
    CHECK_TEXT(meet(101, "bob@github").email, "Bob@example.com"); /* stays */
    check_refused(person_set_email, 102, SL("bob@example.com"), ERR_EXISTS);
    check_refused(person_set_email, 101, SL("CAROL@example.com"), ERR_EXISTS);
    check_set(person_set_email, 101, SL("robert@example.com"));
    check_refused(person_set_email, 102, SL("bob@example.com"), ERR_EXISTS); /* was given out once */
    CHECK(slice_is_none(meet(103, "robert@example.com").email));
    check_set(person_set_email, 101, SL("bob@example.com"));
    rig_close(&r);
}

static void test_bad_emails(void)
{
    static const char *const bad[] = { "",
                                       "bob",
                                       "bob@github",
                                       "bob@",
                                       "@example.com",
                                       "bob@example.com\n",
                                       "b b@example.com",
                                       "bob@example.com, eve@example.com",
                                       "b\xc3\xbc@example.com" };

    rig_open(&r);
    (void)meet(101, "bob@example.com");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_refused(person_set_email, 101, slice_of(bad[i]), ERR_INPUT);
    check_refused(person_set_email, 101, SLICE_NONE, ERR_INPUT);
    CHECK(!load(101).email_by_operator);
    rig_close(&r);
}

static void test_operators_email_outlives_a_login(void)
{
    rig_open(&r);
    r.issuer.ids_for_ever = true;
    (void)meet(101, "bob@example.com");
    check_set(person_set_email, 101, SL("office@example.com"));
    CHECK_TEXT(meet(101, "robert@example.com").email, "office@example.com");
    CHECK_TEXT(load(101).email, "office@example.com");
    CHECK_TEXT(meet(102, "robert@example.com").email, "robert@example.com"); /* was never given out */
    rig_close(&r);
}

/* ---- confirm ---- */

static void confirm(int64_t user_id, bool want_put)
{
    struct txn *t = rig_begin(&r);
    struct person person;

    CHECK(person_load(t, user_id, &person));
    person_confirm(t, &person);
    CHECK(txn_is_dirty(t) == want_put);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
}

static void test_confirm(void)
{
    struct person person;

    rig_open(&r);
    (void)meet(101, "bob@example.com");
    confirm(101, false); /* nothing to confirm */
    (void)meet(101, "robert@example.com");
    CHECK(load(101).held);
    confirm(101, true);
    person = load(101);
    CHECK(!person.held && slice_is_none(person.held_login));
    CHECK_TEXT(person.login, "robert@example.com");
    CHECK_TEXT(person.username, "bob"); /* the same person: the name stays */
    CHECK_TEXT(person.email, "robert@example.com");
    person = meet(101, "robert@example.com");
    CHECK(!person.held);
    CHECK(slice_is_none(meet(102, "bob@example.com").email));
    CHECK(slice_is_none(meet(103, "robert@example.com").email));
    CHECK(meet(101, "bob@example.com").held); /* the old login is another one now */
    rig_close(&r);
}

static void test_confirm_keeps_the_operators_email(void)
{
    rig_open(&r);
    (void)meet(101, "bob@example.com");
    check_set(person_set_email, 101, SL("office@example.com"));
    (void)meet(101, "robert@example.com");
    confirm(101, true);
    CHECK_TEXT(load(101).email, "office@example.com");
    CHECK_TEXT(load(101).login, "robert@example.com");
    rig_close(&r);
}

/* ---- link ---- */

static enum err link(int64_t from_id, int64_t to_id)
{
    struct txn *t = rig_begin(&r);
    struct slice why = SLICE_NONE;
    struct person from, to;

    CHECK(person_load(t, from_id, &from));
    CHECK(person_load(t, to_id, &to));
    enum err e = person_link(t, &from, &to, &why);
    if (e != ERR_OK) {
        CHECK(why.n > 0);
        CHECK(!txn_is_dirty(t));
        return e;
    }
    return rig_commit(&r, t);
}

static void test_link(void)
{
    struct person from, to;

    rig_open(&r);
    (void)meet(101, "bob@example.com");
    (void)meet(102, "bob@example.com"); /* the control server was set up anew */
    CHECK_TEXT(load(102).username, "bob-2");
    CHECK_INT(link(101, 102), ERR_OK);
    from = load(101);
    to = load(102);
    CHECK_TEXT(to.username, "bob");
    CHECK_TEXT(to.email, "bob@example.com");
    CHECK_TEXT(from.username, "user-101");
    CHECK(slice_is_none(from.email) && !from.email_by_operator);
    CHECK_INT(from.user_id, 101); /* and so `sub` does not move */
    CHECK_INT(to.user_id, 102);
    CHECK_INT(from.epoch, 1); /* what was signed in under the name ends */
    CHECK_INT(to.epoch, 0);
    CHECK_TEXT(meet(102, "bob@example.com").email, "bob@example.com");
    CHECK_TEXT(meet(102, "bob@example.com").username, "bob");
    CHECK(slice_is_none(meet(101, "bob@example.com").email));
    CHECK_TEXT(meet(101, "bob@example.com").username, "user-101");
    CHECK_TEXT(meet(103, "bob-2@example.com").username, "bob-2-2"); /* what 102 had stays taken */
    rig_close(&r);
}

static void test_link_and_back(void)
{
    rig_open(&r);
    (void)meet(101, "bob@example.com");
    (void)meet(102, "bob@example.com");
    CHECK_INT(link(101, 102), ERR_OK);
    CHECK_INT(link(102, 101), ERR_OK);
    CHECK_TEXT(load(101).username, "bob");
    CHECK_TEXT(load(101).email, "bob@example.com");
    CHECK_TEXT(load(102).username, "user-102");
    CHECK(slice_is_none(load(102).email));
    CHECK_INT(link(101, 101), ERR_INPUT);
    rig_close(&r);
}

static void test_link_of_a_named_by_id(void)
{
    rig_open(&r);
    (void)meet(101, "12345@github");
    (void)meet(102, "bob@example.com");
    CHECK_TEXT(load(101).username, "user-101");
    CHECK_INT(link(101, 102), ERR_OK);
    CHECK_TEXT(load(102).username, "user-101");
    CHECK_TEXT(load(102).email, "bob@example.com"); /* there was none to move: its own stays */
    CHECK_TEXT(load(101).username, "user-101-2");
    rig_close(&r);
}

static void test_link_moves_the_operators_email(void)
{
    rig_open(&r);
    (void)meet(101, "bob@github");
    check_set(person_set_email, 101, SL("bob@example.com"));
    (void)meet(102, "robert@example.com");
    CHECK_INT(link(101, 102), ERR_OK);
    CHECK_TEXT(load(102).email, "bob@example.com");
    CHECK(load(102).email_by_operator);
    CHECK_TEXT(meet(102, "robert@example.com").email, "bob@example.com");
    CHECK(slice_is_none(meet(103, "robert@example.com").email)); /* given out with 102 before */
    rig_close(&r);
}

/* ---- block ---- */

static void block(int64_t user_id, bool blocked, bool want_put)
{
    struct txn *t = rig_begin(&r);
    struct person person;

    CHECK(person_load(t, user_id, &person));
    person_block(t, &person, blocked);
    CHECK(person.blocked == blocked);
    CHECK(txn_is_dirty(t) == want_put);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
}

/* A new user id is no way around a block. */
static void test_link_of_a_blocked(void)
{
    rig_open(&r);
    (void)meet(101, "bob@example.com");
    (void)meet(102, "bob@example.com");
    block(101, true, true);
    CHECK_INT(link(101, 102), ERR_INPUT);
    CHECK_TEXT(load(102).username, "bob-2");
    block(101, false, true);
    CHECK_INT(link(101, 102), ERR_OK);
    rig_close(&r);
}

static void test_block(void)
{
    rig_open(&r);
    (void)meet(101, "bob@example.com");
    block(101, false, false);
    block(101, true, true);
    CHECK(load(101).blocked);
    CHECK_INT(load(101).epoch, 1); /* everything ends at once */
    block(101, true, false);
    CHECK_INT(load(101).epoch, 1);
    CHECK(meet(101, "bob@example.com").blocked); /* and stays so */
    block(101, false, true);
    CHECK(!load(101).blocked);
    CHECK_INT(load(101).epoch, 1); /* what was ended does not come back */
    block(101, true, true);
    CHECK_INT(load(101).epoch, 2);
    rig_close(&r);
}

/* ---- the record ---- */

static void check_same(const struct person *a, const struct person *b)
{
    CHECK_INT(a->user_id, b->user_id);
    CHECK(slice_eq(a->login, b->login) && slice_eq(a->display_name, b->display_name));
    CHECK(slice_eq(a->picture, b->picture) && slice_eq(a->username, b->username));
    CHECK(slice_eq(a->email, b->email) && slice_is_none(a->email) == slice_is_none(b->email));
    CHECK(a->email_by_operator == b->email_by_operator && a->blocked == b->blocked && a->held == b->held);
    CHECK(slice_eq(a->held_login, b->held_login) && slice_is_none(a->held_login) == slice_is_none(b->held_login));
    CHECK_INT(a->created_at, b->created_at);
    CHECK_INT(a->seen_at, b->seen_at);
    CHECK_INT(a->epoch, b->epoch);
    CHECK_INT(a->pair_count, b->pair_count);
    for (unsigned i = 0; i < a->pair_count && i < b->pair_count; i++)
        CHECK(slice_eq(a->pairs[i].stable_id, b->pairs[i].stable_id) &&
              slice_eq(a->pairs[i].address, b->pairs[i].address));
}

static void test_round_trip(void)
{
    struct person person = { .user_id = INT64_MAX,
                             .login = SL("a"),
                             .display_name = SL("b"),
                             .picture = SL("c"),
                             .username = SL("d"),
                             .email = SL("e"),
                             .email_by_operator = true,
                             .blocked = true,
                             .held = true,
                             .held_login = SL("f"),
                             .pair_count = PERSON_PAIRS_MAX,
                             .created_at = 1,
                             .seen_at = 2,
                             .epoch = 3 };
    struct person loaded;
    struct slice value;

    rig_open(&r);
    for (unsigned i = 0; i < PERSON_PAIRS_MAX; i++)
        person.pairs[i] = (struct person_pair){ pool_fmt(r.pool, "n%u", i), pool_fmt(r.pool, "100.64.0.%u", i) };
    struct txn *t = rig_begin(&r);
    person_put(t, &person);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    loaded = load(INT64_MAX);
    check_same(&loaded, &person);
    t = rig_begin(&r);
    CHECK(txn_get(t, key_make(r.pool, 1, CLASS_PERSON, key_user(r.pool, INT64_MAX), SLICE_NONE), &value));
    for (size_t n = 0; n < value.n; n++)
        CHECK(!person_unpack(r.pool, slice_head(value, n), &loaded));
    rig_close(&r);
}

static void test_too_many_pairs(void)
{
    struct person person = { .user_id = 101 };
    char *copy;
    struct slice value;

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    person_put(t, &person);
    CHECK(txn_get(t, key_make(r.pool, 1, CLASS_PERSON, key_user(r.pool, 101), SLICE_NONE), &value));
    copy = pool_alloc(r.pool, value.n + 1024);
    memset(copy, 0, value.n + 1024); /* room for any number of empty texts */
    memcpy(copy, value.p, value.n);
    copy[value.n - 1] = PERSON_PAIRS_MAX;
    CHECK(person_unpack(r.pool, slice_bytes(copy, value.n + 1024), &person));
    copy[value.n - 1] = PERSON_PAIRS_MAX + 1;
    CHECK(!person_unpack(r.pool, slice_bytes(copy, value.n + 1024), &person));
    copy[value.n - 1] = (char)0xff;
    CHECK(!person_unpack(r.pool, slice_bytes(copy, value.n + 1024), &person));
    rig_close(&r);
}

static void test_subject(void)
{
    struct pool *p = pool_create(1 << 12);
    struct issuer issuer = { .number = 1 };

    CHECK_TEXT(person_subject(p, &issuer, 42), "42");
    CHECK_TEXT(person_subject(p, &issuer, USER_ID_SHARED_IN - 1), "4611686018427387903");
    issuer.subject_is_tsidp = true;
    CHECK_TEXT(person_subject(p, &issuer, 42), "userid:42");
    pool_destroy(p);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "user names: assigned, and never handed on", test_set_username },
        { "user names: of the wrong form", test_bad_usernames },
        { "addresses: assigned, and never handed on", test_set_email },
        { "addresses: of the wrong form", test_bad_emails },
        { "an operator's address outlives the login", test_operators_email_outlives_a_login },
        { "confirm: the other login is the same person", test_confirm },
        { "confirm leaves an operator's address", test_confirm_keeps_the_operators_email },
        { "link: name and address move, sub does not", test_link },
        { "link, and back", test_link_and_back },
        { "link: of somebody named by the id", test_link_of_a_named_by_id },
        { "link: not of somebody blocked", test_link_of_a_blocked },
        { "link: an operator's address", test_link_moves_the_operators_email },
        { "block ends everything at once (security 32)", test_block },
        { "everything is stored", test_round_trip },
        { "a record with more pairs than there may be", test_too_many_pairs },
        { "sub", test_subject },
    };

    return TAP_RUN(tests);
}
