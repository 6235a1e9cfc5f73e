/* What a person agreed to, and what voids it. */
#include "consent.h"

#include <string.h>

#include "rig.h"
#include "scope.h"

static struct rig r;

static void give(struct slice uri, unsigned scopes)
{
    struct txn *t = rig_begin(&r);

    consent_put(t, RIG_USER, &r.client, uri, scopes, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
}

static bool covers(struct slice uri, unsigned scopes)
{
    return consent_covers(rig_begin(&r), RIG_USER, &r.client, uri, scopes, NULL);
}

static void test_binds_its_parts(void)
{
    struct client other;

    rig_open(&r);
    CHECK(!covers(SL(RIG_URI), SCOPE_OPENID));
    give(SL(RIG_URI), SCOPE_OPENID | SCOPE_EMAIL);
    CHECK(covers(SL(RIG_URI), SCOPE_OPENID | SCOPE_EMAIL));
    CHECK(covers(SL(RIG_URI), SCOPE_OPENID));
    CHECK(!covers(SL(RIG_URI), SCOPE_OPENID | SCOPE_GROUPS));
    CHECK(!covers(SL(RIG_URI "/"), SCOPE_OPENID));
    CHECK(!consent_covers(rig_begin(&r), RIG_USER + 1, &r.client, SL(RIG_URI), SCOPE_OPENID, NULL));
    other = r.client;
    other.id = SL("grafana2");
    CHECK(!consent_covers(rig_begin(&r), RIG_USER, &other, SL(RIG_URI), SCOPE_OPENID, NULL));
    rig_close(&r);
}

static void test_loopback_port(void)
{
    rig_open(&r);
    give(SL("http://127.0.0.1:4000/cb"), SCOPE_OPENID);
    CHECK(covers(SL("http://127.0.0.1:5000/cb"), SCOPE_OPENID));
    CHECK(!covers(SL("http://127.0.0.1:4000/other"), SCOPE_OPENID));
    give(SL("https://a.example:1/cb"), SCOPE_OPENID);
    CHECK(!covers(SL("https://a.example:2/cb"), SCOPE_OPENID));
    rig_close(&r);
}

static void test_a_changed_client_voids_it(void)
{
    const struct slice two[] = { SL(RIG_URI), SL("https://evil.example/cb") };
    struct slices before;
    struct consent given;

    rig_open(&r);
    give(SL(RIG_URI), SCOPE_OPENID);
    before = r.client.redirect_uris;
    r.client.redirect_uris = (struct slices){ two, 2 };
    CHECK(!covers(SL(RIG_URI), SCOPE_OPENID));
    CHECK(!consent_covers(rig_begin(&r), RIG_USER, &r.client, SL(RIG_URI), SCOPE_OPENID, &given));
    CHECK_INT(given.given_at, RIG_START_S); /* told nevertheless: there was one */
    r.client.redirect_uris = before;
    CHECK(covers(SL(RIG_URI), SCOPE_OPENID));
    r.client.auth_method = AUTH_NONE;
    CHECK(!covers(SL(RIG_URI), SCOPE_OPENID));
    r.client.auth_method = AUTH_BASIC;
    r.client.name = SL("Grafana, renamed");
    CHECK(covers(SL(RIG_URI), SCOPE_OPENID));
    rig_close(&r);
}

static void test_scopes_add_up_while_it_is_valid(void)
{
    struct consent given;

    rig_open(&r);
    give(SL(RIG_URI), SCOPE_OPENID | SCOPE_EMAIL);
    rig_at(&r, 60);
    give(SL(RIG_URI), SCOPE_OPENID | SCOPE_GROUPS);
    CHECK(covers(SL(RIG_URI), SCOPE_OPENID | SCOPE_EMAIL | SCOPE_GROUPS));
    CHECK(consent_covers(rig_begin(&r), RIG_USER, &r.client, SL(RIG_URI), SCOPE_OPENID, &given));
    CHECK_INT(given.given_at, RIG_START_S + 60);
    CHECK_TEXT(given.client_id, RIG_CLIENT);
    r.client.auth_method = AUTH_NONE; /* void now: what comes next starts anew */
    give(SL(RIG_URI), SCOPE_OPENID);
    CHECK(covers(SL(RIG_URI), SCOPE_OPENID));
    CHECK(!covers(SL(RIG_URI), SCOPE_EMAIL));
    rig_close(&r);
}

static void test_counted_once_and_removed(void)
{
    struct consent given;

    rig_open(&r);
    give(SL(RIG_URI), SCOPE_OPENID);
    give(SL(RIG_URI), SCOPE_EMAIL);
    CHECK_INT(rig_count(&r, CLASS_CONSENT, key_user(r.pool, RIG_USER)), 1);
    struct txn *t = rig_begin(&r);
    CHECK(consent_covers(t, RIG_USER, &r.client, SL(RIG_URI), SCOPE_OPENID, &given));
    consent_remove(t, &given);
    consent_remove(t, &given);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(!covers(SL(RIG_URI), SCOPE_OPENID));
    CHECK_INT(rig_count(&r, CLASS_CONSENT, key_user(r.pool, RIG_USER)), 0);
    rig_close(&r);
}

static bool same_digest(const struct slice *a, size_t a_n, const struct slice *b, size_t b_n)
{
    struct client one = { .redirect_uris = { a, a_n } }, two = { .redirect_uris = { b, b_n } };
    uint8_t digest_one[SHA256_BYTES], digest_two[SHA256_BYTES];

    client_digest(&one, digest_one);
    client_digest(&two, digest_two);
    return memcmp(digest_one, digest_two, SHA256_BYTES) == 0;
}

static void test_digest_has_no_second_reading(void)
{
    const struct slice list[] = { SL("https://a/b"), SL("https://c") };
    const struct slice cut_elsewhere[] = { SL("https://a/"), SL("bhttps://c") };
    const struct slice joined[] = { SL("https://a/bhttps://c") };

    CHECK(same_digest(list, 2, list, 2));
    CHECK(!same_digest(list, 2, cut_elsewhere, 2));
    CHECK(!same_digest(list, 2, joined, 1));
    CHECK(!same_digest(list, 1, NULL, 0));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "person, client, redirect URI and scopes", test_binds_its_parts },
        { "any port of a loopback URI, and of no other", test_loopback_port },
        { "new redirect URIs or another authentication method void it", test_a_changed_client_voids_it },
        { "scopes add up while it is valid", test_scopes_add_up_while_it_is_valid },
        { "counted once, and removed", test_counted_once_and_removed },
        { "the digest tells lists apart", test_digest_has_no_second_reading },
    };

    return TAP_RUN(tests);
}
