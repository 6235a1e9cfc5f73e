/* Stored authorization requests. */
#include "flow.h"

#include <string.h>

#include "rig.h"

#define QUERY "client_id=grafana&response_type=code&state=%7B%22a%22%3A1%7D"

static struct rig r;

static struct slice store(struct flow *f)
{
    struct txn *t = rig_begin(&r);

    *f = (struct flow){
        .query = SL(QUERY), .bound = true, .user_id = RIG_USER, .stored_by = RIG_USER, .reason = PAGE_FIRST_TIME
    };
    memset(f->browser_hash, 9, SHA256_BYTES);
    struct slice handle = flow_store(t, f, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return handle;
}

static bool load(struct slice handle, struct flow *ret, bool *ret_expired)
{
    return flow_load(rig_begin(&r), handle, r.now, ret, ret_expired);
}

static void test_store_and_load(void)
{
    struct flow f, found;
    bool expired = true;

    rig_open(&r);
    struct slice handle = store(&f);
    CHECK(load(handle, &found, &expired));
    CHECK(!expired);
    CHECK_INT(found.state, FLOW_OPEN);
    CHECK_TEXT(found.query, QUERY);
    CHECK(found.bound);
    CHECK_INT(found.user_id, RIG_USER);
    CHECK_INT(found.reason, PAGE_FIRST_TIME);
    CHECK_INT(found.browser_hash[31], 9);
    CHECK_INT(rig_expires_at(&r, CLASS_FLOW, f.id), RIG_START_S + FLOW_LIFETIME_S);
    CHECK_INT(rig_count(&r, CLASS_FLOW, key_user(r.pool, RIG_USER)), 1);
    rig_close(&r);
}

static void test_state_is_kept(void)
{
    struct flow f, found;
    bool expired;

    rig_open(&r);
    struct slice handle = store(&f);
    struct txn *t = rig_begin(&r);
    CHECK(flow_load(t, handle, r.now, &f, &expired));
    f.state = FLOW_CONTINUED;
    memset(f.grant_id, 5, ID_BYTES);
    flow_put(t, &f);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(load(handle, &found, &expired)); /* a second press finds it (field 30) */
    CHECK_INT(found.state, FLOW_CONTINUED);
    CHECK_INT(found.grant_id[7], 5);
    CHECK_INT(found.expires_at, RIG_START_S + FLOW_LIFETIME_S);
    CHECK_INT(rig_count(&r, CLASS_FLOW, key_user(r.pool, RIG_USER)), 1);
    rig_close(&r);
}

static void test_two_presses_at_once(void)
{
    struct flow f, one, two;
    bool expired;

    rig_open(&r);
    struct slice handle = store(&f);
    struct txn *first = rig_begin(&r), *second = txn_create(r.pool, r.view, r.issuer.number);
    CHECK(flow_load(first, handle, r.now, &one, &expired));
    CHECK(flow_load(second, handle, r.now, &two, &expired));
    one.state = FLOW_CONTINUED;
    two.state = FLOW_CANCELLED;
    flow_put(first, &one);
    flow_put(second, &two);
    CHECK_INT(rig_commit(&r, first), ERR_OK);
    CHECK_INT(rig_commit(&r, second), ERR_CHANGED);
    CHECK(load(handle, &f, &expired));
    CHECK_INT(f.state, FLOW_CONTINUED);
    rig_close(&r);
}

static void test_expiry(void)
{
    struct flow f;
    bool expired;

    rig_open(&r);
    struct slice handle = store(&f);
    rig_at(&r, FLOW_LIFETIME_S - 1);
    CHECK(load(handle, &f, &expired));
    rig_at(&r, FLOW_LIFETIME_S);
    CHECK(!load(handle, &f, &expired));
    CHECK(expired);
    rig_close(&r);
}

static void test_swept_is_still_expired(void)
{
    uint8_t hash[SHA256_BYTES], secret[32] = { 1 }, id[ID_BYTES];
    struct flow f;
    bool expired;

    rig_open(&r);
    id_make(r.now, id);
    struct slice handle = credential_write(r.pool, CREDENTIAL_FLOW, id, secret, hash);
    CHECK(!load(handle, &f, &expired));
    CHECK(!expired); /* nobody's, and not old */
    rig_at(&r, 86400);
    CHECK(!load(handle, &f, &expired));
    CHECK(expired);
    rig_close(&r);
}

static void test_wrong_handles(void)
{
    uint8_t hash[SHA256_BYTES], secret[32] = { 1 };
    struct flow f, found;
    bool expired;

    rig_open(&r);
    struct slice handle = store(&f);
    CHECK(!load(SLICE_NONE, &found, &expired));
    CHECK(!expired);
    CHECK(!load(SL("x"), &found, &expired));
    CHECK(!load(slice_head(handle, handle.n - 1), &found, &expired));
    CHECK(!load(credential_write(r.pool, CREDENTIAL_FLOW, f.id, secret, hash), &found, &expired));
    CHECK(!load(credential_write(r.pool, CREDENTIAL_CODE, f.id, secret, hash), &found, &expired));
    CHECK(!expired);
    rig_close(&r);
}

static void test_too_long_query(void)
{
    struct flow f = { 0 };

    rig_open(&r);
    f.query = slice_bytes(pool_zalloc(r.pool, FLOW_QUERY_BYTES_MAX + 1), FLOW_QUERY_BYTES_MAX + 1);
    struct txn *t = rig_begin(&r);
    (void)flow_store(t, &f, r.now);
    CHECK_INT(txn_err(t), ERR_LIMIT);
    rig_close(&r);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a request that was stored is found", test_store_and_load },
        { "its state is kept", test_state_is_kept },
        { "two presses at once: one decides", test_two_presses_at_once },
        { "it expires", test_expiry },
        { "gone and old is told as expired", test_swept_is_still_expired },
        { "wrong handles", test_wrong_handles },
        { "FLOW_QUERY_BYTES_MAX", test_too_long_query },
    };

    return TAP_RUN(tests);
}
