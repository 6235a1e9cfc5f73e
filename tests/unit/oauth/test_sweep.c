/* What has expired goes, what lives stays, and the counters follow. */
#include "sweep.h"

#include <string.h>

#include "access_token.h"
#include "flow.h"
#include "rig.h"
#include "scope.h"
#include "stored.h"

#define DAY INT64_C(86400)

static struct rig r;

/* One call, committed. True: there is more of this round. */
static bool step(struct sweep_cursor *cursor, size_t *ret_deleted)
{
    struct txn *t = rig_begin(&r);
    bool more = sweep_step(t, r.view, cursor, r.now, ret_deleted);

    CHECK_INT(txn_err(t), ERR_OK);
    CHECK(*ret_deleted <= TXN_WRITES_MAX);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return more;
}

/* A whole round; how many went. */
static size_t sweep(void)
{
    struct sweep_cursor cursor = { 0 };
    size_t all = 0, deleted = 0;
    unsigned calls = 0;

    while (step(&cursor, &deleted) && ++calls < 1000)
        all += deleted;
    CHECK(calls < 1000);
    CHECK_INT(cursor.class, 0); /* ready for the next one */
    CHECK_INT(cursor.key_n, 0);
    return all + deleted;
}

static struct session start_session(int64_t user_id)
{
    struct txn *t = rig_begin(&r);
    struct browser b = { 0 };
    struct session s;

    r.person.user_id = user_id;
    session_start(t, &r.issuer, &r.person, &r.peer, &b, r.now, &s);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    r.person.user_id = RIG_USER;
    return s;
}

static struct grant issue_grant(int64_t user_id)
{
    struct txn *t = rig_begin(&r);
    struct grant g = {
        .user_id = user_id, .client_id = SL(RIG_CLIENT), .redirect_uri = SL(RIG_URI), .scopes = SCOPE_OPENID
    };

    (void)grant_issue_code(t, &r.issuer, &r.client, SLICE_NONE, r.now, &g);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return g;
}

static struct access_token issue_token(const struct grant *g, int64_t lifetime_s)
{
    struct txn *t = rig_begin(&r);
    struct access_token a = { .scopes = SCOPE_OPENID, .userinfo = SL("{}") };

    (void)access_token_issue(t, g, lifetime_s, r.now, &a);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return a;
}

static struct flow store_flow(void)
{
    struct txn *t = rig_begin(&r);
    struct flow f = { .query = SL("client_id=grafana"), .stored_by = RIG_USER };

    (void)flow_store(t, &f, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return f;
}

static bool is_there(enum key_class class, const uint8_t id[static ID_BYTES])
{
    return rig_expires_at(&r, class, id) != -1;
}

static uint32_t count_of(enum key_class class, int64_t user_id)
{
    return rig_count(&r, class, user_id == 0 ? SLICE_NONE : key_user(r.pool, user_id));
}

/* A record of nothing but its life, under an id that is a number. */
static void put_raw(struct txn *t, enum key_class class, uint64_t id, int64_t expires_at)
{
    struct packer k;

    pack_begin(&k, r.pool, 1, expires_at);
    txn_put(t, key_make(r.pool, txn_issuer(t), class, key_u64(r.pool, id), SLICE_NONE), pack_end(&k));
}

static void test_each_class(void)
{
    rig_open(&r);
    struct session session = start_session(RIG_USER);
    struct grant grant = issue_grant(RIG_USER);
    struct access_token token = issue_token(&grant, 600);
    struct flow flow = store_flow();
    CHECK_INT(sweep(), 0); /* nothing has expired */
    rig_at(&r, FLOW_LIFETIME_S - 1);
    CHECK_INT(sweep(), 0);
    rig_at(&r, FLOW_LIFETIME_S);
    CHECK_INT(sweep(), 2);
    CHECK(!is_there(CLASS_FLOW, flow.id) && !is_there(CLASS_ACCESS, token.id));
    CHECK(is_there(CLASS_GRANT, grant.id) && is_there(CLASS_SESSION, session.id));
    CHECK_INT(count_of(CLASS_FLOW, RIG_USER), 0);
    rig_at(&r, 60 + GRANT_KEEP_S - 1);
    CHECK_INT(sweep(), 0);
    rig_at(&r, 60 + GRANT_KEEP_S);
    CHECK_INT(sweep(), 1);
    CHECK(!is_there(CLASS_GRANT, grant.id));
    CHECK_INT(count_of(CLASS_GRANT, RIG_USER), 0);
    rig_at(&r, DAY / 2 - 1);
    CHECK_INT(sweep(), 0);
    CHECK_INT(count_of(CLASS_SESSION, RIG_USER), 1);
    rig_at(&r, DAY / 2); /* unused for session_idle */
    CHECK_INT(sweep(), 1);
    CHECK(!is_there(CLASS_SESSION, session.id));
    CHECK_INT(count_of(CLASS_SESSION, RIG_USER), 0);
    CHECK_INT(sweep(), 0);
    rig_close(&r);
}

static void test_live_ones_stay(void)
{
    rig_open(&r);
    struct session old_session = start_session(RIG_USER);
    struct grant old_grant = issue_grant(RIG_USER);
    struct access_token old_token = issue_token(&old_grant, 600);
    struct flow old_flow = store_flow();
    rig_at(&r, 7 * DAY);
    struct session session = start_session(RIG_USER), other = start_session(43);
    struct grant grant = issue_grant(RIG_USER);
    struct access_token token = issue_token(&grant, 600);
    struct flow flow = store_flow();
    CHECK_INT(sweep(), 4);
    CHECK(!is_there(CLASS_SESSION, old_session.id) && !is_there(CLASS_GRANT, old_grant.id));
    CHECK(!is_there(CLASS_ACCESS, old_token.id) && !is_there(CLASS_FLOW, old_flow.id));
    CHECK(is_there(CLASS_SESSION, session.id) && is_there(CLASS_SESSION, other.id));
    CHECK(is_there(CLASS_GRANT, grant.id) && is_there(CLASS_ACCESS, token.id) && is_there(CLASS_FLOW, flow.id));
    CHECK_INT(count_of(CLASS_SESSION, RIG_USER), 1);
    CHECK_INT(count_of(CLASS_SESSION, 43), 1);
    CHECK_INT(count_of(CLASS_GRANT, RIG_USER), 1);
    CHECK_INT(count_of(CLASS_FLOW, RIG_USER), 1);
    rig_close(&r);
}

/* What has no life of its own, what never expires, and what is another issuer's. */
static void test_others_stay(void)
{
    struct person person;
    struct client client;
    int64_t at;

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    signed_out_put(t, RIG_USER, r.peer.stable_id, r.now);
    put_raw(t, CLASS_SESSION, 1, 0);
    put_raw(t, CLASS_SESSION, 2, -1);
    put_raw(t, CLASS_PERSON, 3, 1); /* not one of the swept classes */
    put_raw(t, CLASS_SIGNED_OUT, 4, 1);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    struct txn *of_two = txn_create(r.pool, r.view, 2);
    put_raw(of_two, CLASS_SESSION, 1, 1);
    put_raw(of_two, CLASS_FLOW, 1, 1);
    CHECK_INT(rig_commit(&r, of_two), ERR_OK);
    rig_at(&r, 3650 * DAY);
    CHECK_INT(sweep(), 0);
    t = rig_begin(&r);
    CHECK(person_load(t, RIG_USER, &person));
    CHECK(client_load(t, SL(RIG_CLIENT), &client));
    CHECK(signed_out_load(t, RIG_USER, r.peer.stable_id, &at));
    rig_close(&r);
}

static void test_a_hundred_of_twenty(void)
{
    struct session kept[20];
    struct sweep_cursor cursor = { 0 };
    size_t deleted = 0, all = 0;

    rig_open(&r);
    for (int64_t i = 0; i < 100; i++)
        (void)start_session(1000 + i % 20);
    rig_at(&r, 7 * DAY);
    for (int64_t i = 0; i < 20; i++)
        kept[i] = start_session(1000 + i);
    for (int i = 1; i <= 6; i++) {
        CHECK(step(&cursor, &deleted));
        CHECK_INT(deleted, TXN_WRITES_MAX); /* as much as one transaction takes, counters of 16 people too */
        all += deleted;
    }
    CHECK(!step(&cursor, &deleted));
    CHECK_INT(all + deleted, 100);
    for (int64_t i = 0; i < 20; i++) {
        CHECK_INT(count_of(CLASS_SESSION, 1000 + i), 1);
        CHECK(is_there(CLASS_SESSION, kept[i].id));
    }
    CHECK_INT(sweep(), 0);
    rig_close(&r);
}

static void put_many(enum key_class class, uint64_t from, uint64_t n, int64_t expires_at)
{
    for (uint64_t i = 0; i < n; i += TXN_WRITES_MAX) {
        struct txn *t = rig_begin(&r);
        for (uint64_t k = i; k < n && k < i + TXN_WRITES_MAX; k++)
            put_raw(t, class, from + k, expires_at);
        CHECK_INT(rig_commit(&r, t), ERR_OK);
    }
}

/* Looking holds the loop and a snapshot, so one call looks at no more than SWEEP_LOOKS_MAX records. */
static void test_looks(void)
{
    struct sweep_cursor cursor = { 0 };
    size_t deleted;

    rig_open(&r);
    put_many(CLASS_SESSION, 1, SWEEP_LOOKS_MAX, RIG_START_S + 1000);
    put_many(CLASS_SESSION, 100000, 1, RIG_START_S - 1);
    CHECK(step(&cursor, &deleted));
    CHECK_INT(deleted, 0);
    CHECK(cursor.key_n > 0);
    CHECK(!step(&cursor, &deleted)); /* goes on where it stopped */
    CHECK_INT(deleted, 1);
    CHECK_INT(sweep(), 0);
    rig_close(&r);
}

/* A record that comes behind the cursor's back is found in the next round. */
static void test_rounds(void)
{
    struct sweep_cursor cursor = { 0 };
    size_t deleted;

    rig_open(&r);
    put_many(CLASS_SESSION, 1000, 20, RIG_START_S - 1);
    CHECK(step(&cursor, &deleted));
    CHECK_INT(deleted, TXN_WRITES_MAX);
    put_many(CLASS_SESSION, 1, 1, RIG_START_S - 1);    /* behind */
    put_many(CLASS_SESSION, 5000, 1, RIG_START_S - 1); /* ahead */
    put_many(CLASS_ACCESS, 1, 1, RIG_START_S - 1);     /* a class that is still to come */
    CHECK(!step(&cursor, &deleted));
    CHECK_INT(deleted, 4 + 1 + 1);
    CHECK(!step(&cursor, &deleted));
    CHECK_INT(deleted, 1);
    rig_close(&r);
}

/* Somebody signs out while the sweep looks at the same session: it is counted down once. */
static void test_ended_meanwhile(void)
{
    struct sweep_cursor cursor = { 0 };
    size_t deleted;

    rig_open(&r);
    struct session session = start_session(RIG_USER);
    (void)start_session(RIG_USER);
    rig_at(&r, 7 * DAY);
    struct txn *swept = rig_begin(&r), *ended = txn_create(r.pool, r.view, r.issuer.number);
    session_end(ended, &session);
    (void)sweep_step(swept, r.view, &cursor, r.now, &deleted);
    CHECK_INT(deleted, 2);
    CHECK_INT(rig_commit(&r, ended), ERR_OK);
    CHECK_INT(rig_commit(&r, swept), ERR_CHANGED);
    CHECK_INT(count_of(CLASS_SESSION, RIG_USER), 1);
    CHECK_INT(sweep(), 1);
    CHECK_INT(count_of(CLASS_SESSION, RIG_USER), 0);
    rig_close(&r);
}

/* A session used again, or a grant whose life was made longer, after the sweep's look. */
static void test_prolonged_meanwhile(void)
{
    struct sweep_cursor cursor = { 0 };
    size_t deleted;

    rig_open(&r);
    struct grant grant = issue_grant(RIG_USER);
    rig_at(&r, 60 + GRANT_KEEP_S);
    struct txn *swept = rig_begin(&r), *redeemed = txn_create(r.pool, r.view, r.issuer.number);
    grant_redeem(redeemed, &r.issuer, &r.client, &grant, r.now);
    (void)sweep_step(swept, r.view, &cursor, r.now, &deleted);
    CHECK_INT(deleted, 1);
    CHECK_INT(rig_commit(&r, redeemed), ERR_OK);
    CHECK_INT(rig_commit(&r, swept), ERR_CHANGED);
    CHECK(is_there(CLASS_GRANT, grant.id));
    CHECK_INT(sweep(), 0);
    rig_close(&r);
}

/* Nothing can be read but when it ends: it goes, and is in no counter. */
static void test_unreadable(void)
{
    rig_open(&r);
    (void)start_session(RIG_USER);
    put_many(CLASS_SESSION, 1, 2, RIG_START_S - 1);
    put_many(CLASS_GRANT, 1, 1, RIG_START_S - 1);
    struct txn *t = rig_begin(&r);
    txn_put(t, key_make(r.pool, 1, CLASS_SESSION, key_u64(r.pool, 9), SLICE_NONE), SL("x"));
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK_INT(sweep(), 3);
    CHECK_INT(count_of(CLASS_SESSION, RIG_USER), 1);
    rig_close(&r);
}

static void test_empty(void)
{
    struct sweep_cursor cursor = { 0 };
    size_t deleted = 7;

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    CHECK(!sweep_step(t, r.view, &cursor, r.now, &deleted));
    CHECK_INT(deleted, 0);
    CHECK(!txn_is_dirty(t));
    rig_close(&r);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "nothing there, nothing to commit", test_empty },
        { "each class to the second, with its counter", test_each_class },
        { "live ones stay", test_live_ones_stay },
        { "other classes, other issuers and what never expires stay", test_others_stay },
        { "a hundred sessions of twenty people", test_a_hundred_of_twenty },
        { "SWEEP_LOOKS_MAX", test_looks },
        { "the cursor goes round", test_rounds },
        { "ended by somebody else at the same moment", test_ended_meanwhile },
        { "prolonged by somebody else at the same moment", test_prolonged_meanwhile },
        { "records that cannot be read", test_unreadable },
    };

    return TAP_RUN(tests);
}
