/* Browser sessions over a clock that is a number, and the cookie that carries them. */
#include "session.h"

#include <string.h>

#include "rig.h"
#include "stored.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

static struct rig r;

static struct session start(struct browser *b)
{
    struct txn *t = rig_begin(&r);
    struct session s;

    session_start(t, &r.issuer, &r.person, &r.peer, b, r.now, &s);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return s;
}

static bool is_live(const struct browser *b)
{
    struct session s;

    return session_load(rig_begin(&r), &r.issuer, b, r.now, &s);
}

static void touch(const struct browser *b)
{
    struct txn *t = rig_begin(&r);
    struct session s;

    CHECK(session_load(t, &r.issuer, b, r.now, &s));
    session_touch(t, &r.issuer, &s, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
}

static void test_cookie_round_trip(void)
{
    struct browser b = { 0 }, read;

    rig_open(&r);
    browser_make(&b);
    struct slice text = browser_cookie(r.pool, &b);
    CHECK_INT(text.n, 22);
    browser_read(text, &read);
    CHECK(read.known && !read.has_session);
    CHECK(memcmp(&b, &read, sizeof(b)) == 0);

    (void)start(&b);
    text = browser_cookie(r.pool, &b);
    CHECK_INT(text.n, 75);
    browser_read(text, &read);
    CHECK(read.known && read.has_session);
    CHECK(memcmp(b.browser, read.browser, BROWSER_BYTES) == 0);
    CHECK(memcmp(b.id, read.id, ID_BYTES) == 0);
    CHECK(memcmp(b.secret, read.secret, sizeof(b.secret)) == 0);

    struct browser before = b;
    browser_make(&b);
    CHECK(memcmp(&before, &b, sizeof(b)) == 0); /* known: it stays */
    rig_close(&r);
}

static void check_fresh(struct slice text)
{
    static const struct browser fresh;
    struct browser b;

    browser_read(text, &b);
    if (memcmp(&b, &fresh, sizeof(b)) != 0)
        printf("# not as a fresh browser: " SLICE_FMT "\n", SLICE_ARG(text));
    CHECK(memcmp(&b, &fresh, sizeof(b)) == 0);
}

static void test_malformed_cookies(void)
{
    struct browser b = { 0 };
    char changed[80];

    rig_open(&r);
    (void)start(&b);
    struct slice text = browser_cookie(r.pool, &b);
    check_fresh(SLICE_NONE);
    check_fresh(SL(""));
    for (size_t n = 1; n < text.n; n++)
        if (n != 22)
            check_fresh(slice_head(text, n));
    memcpy(changed, text.p, text.n);
    changed[text.n] = 'A';
    check_fresh(slice_bytes(changed, text.n + 1));
    for (const char *bad = "=+/\"% ,;"; *bad != '\0'; bad++) {
        memcpy(changed, text.p, text.n);
        changed[30] = *bad;
        check_fresh(slice_bytes(changed, text.n));
    }
    memcpy(changed, text.p, text.n);
    changed[40] = '\0';
    check_fresh(slice_bytes(changed, text.n));
    check_fresh(SL("AAAAAAAAAAAAAAAAAAAAAB")); /* 16 bytes leave four spare bits */
    char *long_text = pool_alloc(r.pool, 3000);
    memset(long_text, 'A', 3000);
    check_fresh(slice_bytes(long_text, 3000));
    rig_close(&r);
}

static void test_start_and_load(void)
{
    struct browser b = { 0 };
    struct session s, loaded;
    struct peer other;

    rig_open(&r);
    s = start(&b);
    CHECK(session_load(rig_begin(&r), &r.issuer, &b, r.now, &loaded));
    CHECK(memcmp(loaded.id, b.id, ID_BYTES) == 0);
    CHECK_INT(loaded.user_id, RIG_USER);
    CHECK_TEXT(loaded.login, "alice@example.com");
    CHECK_TEXT(loaded.stable_id, "nLaptop1CNTRL");
    CHECK_INT(loaded.sid.n, 22);
    CHECK(slice_eq(loaded.sid, s.sid));
    CHECK_INT(loaded.auth_time, r.now.s);
    CHECK_INT(loaded.person_epoch, 5);
    CHECK_INT(loaded.issuer_epoch, 3);
    CHECK(session_is_for(&loaded, &r.peer));
    other = r.peer;
    other.user_id = 43;
    CHECK(!session_is_for(&loaded, &other));
    other = r.peer;
    other.stable_id = SL("nPhone1CNTRL");
    CHECK(!session_is_for(&loaded, &other));
    other.stable_id = SLICE_NONE;
    CHECK(!session_is_for(&loaded, &other));
    CHECK_INT(rig_expires_at(&r, CLASS_SESSION, b.id), RIG_START_S + DAY / 2); /* session_idle, until it is used */
    rig_close(&r);
}

static void test_every_part_of_the_cookie_counts(void)
{
    struct browser b = { 0 }, forged;

    rig_open(&r);
    (void)start(&b);
    CHECK(is_live(&b));
    forged = b;
    forged.secret[31] ^= 1;
    CHECK(!is_live(&forged));
    forged = b;
    forged.browser[0] ^= 1;
    CHECK(!is_live(&forged));
    forged = b;
    forged.id[7] ^= 1;
    CHECK(!is_live(&forged));
    memset(forged.id, 0, ID_BYTES);
    CHECK(!is_live(&forged));
    forged = b;
    forged.has_session = false;
    CHECK(!is_live(&forged));
    rig_close(&r);
}

static void test_idle_lifetime(void)
{
    struct browser b = { 0 };
    const int64_t idle = 12 * HOUR;

    rig_open(&r);
    (void)start(&b);
    rig_at(&r, idle - 1);
    CHECK(is_live(&b));
    rig_at(&r, idle);
    CHECK(!is_live(&b));
    rig_at(&r, idle - 1);
    touch(&b);
    rig_at(&r, 2 * idle - 2);
    CHECK(is_live(&b));
    rig_at(&r, 2 * idle - 1);
    CHECK(!is_live(&b));
    rig_close(&r);
}

static void test_touch_is_rare(void)
{
    struct browser b = { 0 };
    struct session s;

    rig_open(&r);
    s = start(&b);
    struct txn *t = rig_begin(&r);
    rig_at(&r, SESSION_TOUCH_S - 1);
    session_touch(t, &r.issuer, &s, r.now);
    CHECK(!txn_is_dirty(t));
    rig_at(&r, SESSION_TOUCH_S);
    session_touch(t, &r.issuer, &s, r.now);
    CHECK(txn_is_dirty(t));
    CHECK_INT(s.touched_at, RIG_START_S + SESSION_TOUCH_S);
    rig_close(&r);
}

static void test_absolute_lifetime(void)
{
    struct browser b = { 0 };
    int64_t at = 0;

    rig_open(&r);
    (void)start(&b);
    for (; at + 6 * HOUR < 7 * DAY; at += 6 * HOUR) {
        rig_at(&r, at);
        touch(&b);
    }
    rig_at(&r, 7 * DAY - 1);
    CHECK(is_live(&b));
    rig_at(&r, 7 * DAY);
    CHECK(!is_live(&b));
    rig_close(&r);
}

static void test_epochs(void)
{
    struct browser b = { 0 };

    rig_open(&r);
    (void)start(&b);
    r.person.epoch++;
    rig_save_person(&r);
    CHECK(!is_live(&b));
    r.person.epoch--;
    r.person.blocked = true;
    rig_save_person(&r);
    CHECK(!is_live(&b));
    r.person.blocked = false;
    rig_save_person(&r);
    CHECK(is_live(&b));
    r.issuer_record.epoch++;
    rig_save_issuer(&r);
    CHECK(!is_live(&b));
    rig_close(&r);
}

static void test_refresh_auth(void)
{
    struct browser b = { 0 }, old;
    struct session s, loaded;

    rig_open(&r);
    s = start(&b);
    old = b;
    rig_at(&r, 100);
    struct txn *t = rig_begin(&r);
    CHECK(session_load(t, &r.issuer, &b, r.now, &s));
    session_refresh_auth(t, &r.issuer, &s, &b, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(!is_live(&old)); /* ASVS 7.2.4: the old cookie is dead */
    CHECK(session_load(rig_begin(&r), &r.issuer, &b, r.now, &loaded));
    CHECK_INT(loaded.auth_time, RIG_START_S + 100);
    CHECK_INT(loaded.created_at, RIG_START_S);
    CHECK(slice_eq(loaded.sid, s.sid));
    CHECK(memcmp(b.browser, old.browser, BROWSER_BYTES) == 0);
    CHECK_INT(rig_count(&r, CLASS_SESSION, key_user(r.pool, RIG_USER)), 1);
    rig_close(&r);
}

static void test_start_takes_nothing_from_the_cookie(void)
{
    struct browser b = { 0 }, fixed;

    rig_open(&r);
    browser_make(&b);
    b.has_session = true; /* whatever a stranger planted */
    memset(b.id, 7, ID_BYTES);
    memset(b.secret, 7, sizeof(b.secret));
    fixed = b;
    (void)start(&b);
    CHECK(memcmp(b.id, fixed.id, ID_BYTES) != 0);
    CHECK(memcmp(b.secret, fixed.secret, sizeof(b.secret)) != 0);
    CHECK(!is_live(&fixed));
    CHECK(is_live(&b));
    rig_close(&r);
}

static void test_end(void)
{
    struct browser one = { 0 }, two = { 0 };
    struct session s, other;

    rig_open(&r);
    s = start(&one);
    other = start(&two);
    CHECK_INT(rig_count(&r, CLASS_SESSION, key_user(r.pool, RIG_USER)), 2);
    struct txn *first = rig_begin(&r), *second = txn_create(r.pool, r.view, r.issuer.number);
    session_end(first, &s);
    session_end(second, &s);
    CHECK_INT(rig_commit(&r, first), ERR_OK);
    CHECK_INT(rig_commit(&r, second), ERR_CHANGED); /* ended once, counted once */
    struct txn *again = rig_begin(&r);
    session_end(again, &s);
    CHECK(!txn_is_dirty(again));
    CHECK(!is_live(&one));
    CHECK(is_live(&two)); /* field 33 */
    CHECK(!slice_eq(s.sid, other.sid));
    CHECK_INT(rig_count(&r, CLASS_SESSION, key_user(r.pool, RIG_USER)), 1);
    rig_close(&r);
}

static void test_limit(void)
{
    struct session s;

    rig_open(&r);
    for (unsigned i = 0; i <= SESSIONS_PER_PERSON_MAX; i++) {
        struct browser b = { 0 };
        struct txn *t = rig_begin(&r);
        session_start(t, &r.issuer, &r.person, &r.peer, &b, r.now, &s);
        CHECK_INT(b.has_session, i < SESSIONS_PER_PERSON_MAX);
        CHECK_INT(s.auth_time, r.now.s); /* good for the sign-in, kept or not */
        CHECK_INT(rig_commit(&r, t), ERR_OK);
    }
    CHECK_INT(rig_count(&r, CLASS_SESSION, key_user(r.pool, RIG_USER)), SESSIONS_PER_PERSON_MAX);
    rig_close(&r);
}

static void test_signed_out(void)
{
    int64_t at = 0;

    rig_open(&r);
    CHECK(!signed_out_load(rig_begin(&r), RIG_USER, r.peer.stable_id, &at));
    struct txn *t = rig_begin(&r);
    signed_out_put(t, RIG_USER, r.peer.stable_id, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(signed_out_load(rig_begin(&r), RIG_USER, r.peer.stable_id, &at));
    CHECK_INT(at, RIG_START_S);
    CHECK(!signed_out_load(rig_begin(&r), RIG_USER, SL("nPhone1CNTRL"), &at));
    CHECK(!signed_out_load(rig_begin(&r), RIG_USER + 1, r.peer.stable_id, &at));
    t = rig_begin(&r);
    signed_out_clear(t, RIG_USER, r.peer.stable_id);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(!signed_out_load(rig_begin(&r), RIG_USER, r.peer.stable_id, &at));
    rig_close(&r);
}

static void test_corrupt_record(void)
{
    struct browser b = { 0 };
    struct session s;

    rig_open(&r);
    (void)start(&b);
    struct txn *t = rig_begin(&r);
    txn_put(t, stored_key(t, CLASS_SESSION, b.id), SL("\1nonsense"));
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    CHECK(!session_load(t, &r.issuer, &b, r.now, &s));
    CHECK_INT(txn_err(t), ERR_CORRUPT);
    rig_close(&r);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "cookie: what is written is read", test_cookie_round_trip },
        { "cookie: malformed ones are as none (field 32)", test_malformed_cookies },
        { "a session that was started is found", test_start_and_load },
        { "secret, browser and id all have to be right", test_every_part_of_the_cookie_counts },
        { "idle lifetime (ASVS 7.3.1)", test_idle_lifetime },
        { "a use is noted at most every SESSION_TOUCH_S", test_touch_is_rare },
        { "absolute lifetime (ASVS 7.3.2)", test_absolute_lifetime },
        { "epochs of person and issuer, and a block, end it", test_epochs },
        { "a new auth_time makes a new cookie (ASVS 7.2.4)", test_refresh_auth },
        { "nothing of an old cookie is taken over (security 19)", test_start_takes_nothing_from_the_cookie },
        { "ending one leaves the others", test_end },
        { "SESSIONS_PER_PERSON_MAX", test_limit },
        { "the signed-out marker is the person's on one node", test_signed_out },
        { "a record that makes no sense is an error, not an absence", test_corrupt_record },
    };

    return TAP_RUN(tests);
}
