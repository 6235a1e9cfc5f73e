/* A grant from its code to its end: who may redeem it, once, and what revokes it. */
#include "grant.h"

#include <string.h>

#include "rig.h"
#include "scope.h"

/* RFC 7636 appendix B */
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

static struct rig r;

static struct grant fresh(void)
{
    return (struct grant){ .user_id = RIG_USER,
                           .stable_id = r.peer.stable_id,
                           .address = r.peer.address,
                           .client_id = SL(RIG_CLIENT),
                           .redirect_uri = SL(RIG_URI),
                           .redirect_uri_sent = true,
                           .scopes = SCOPE_OPENID | SCOPE_EMAIL,
                           .nonce = SL("n-0S6_WzA2Mj"),
                           .code_challenge = SL(CHALLENGE),
                           .auth_time = RIG_START_S - 30,
                           .sid = SL("0123456789abcdefghijkl") };
}

static struct slice issue_as(struct grant *g)
{
    struct txn *t = rig_begin(&r);
    struct slice code = grant_issue_code(t, &r.issuer, &r.client, SLICE_NONE, r.now, g);

    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return code;
}

static struct slice issue(struct grant *g)
{
    *g = fresh();
    return issue_as(g);
}

static struct code_use use_of(struct slice code)
{
    return (
        struct code_use){ .code = code, .redirect_uri = SL(RIG_URI), .verifier = SL(VERIFIER), .client = &r.client };
}

static enum code_check check(const struct code_use *use)
{
    struct grant g;

    return grant_check_code(rig_begin(&r), &r.issuer, use, r.now, &g);
}

static enum code_check check_code(struct slice code)
{
    struct code_use use = use_of(code);

    return check(&use);
}

static void redeem(struct slice code)
{
    struct txn *t = rig_begin(&r);
    struct code_use use = use_of(code);
    struct grant g;

    CHECK_INT(grant_check_code(t, &r.issuer, &use, r.now, &g), CODE_OK);
    grant_redeem(t, &r.issuer, &r.client, &g, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
}

static void test_issue_and_load(void)
{
    struct grant g, loaded;

    rig_open(&r);
    struct slice code = issue(&g);
    CHECK_INT(code.n, CREDENTIAL_TEXT_BYTES);
    CHECK(grant_load(rig_begin(&r), g.id, &loaded));
    CHECK_INT(loaded.state, GRANT_ISSUED);
    CHECK_INT(loaded.user_id, RIG_USER);
    CHECK_TEXT(loaded.stable_id, "nLaptop1CNTRL");
    CHECK_TEXT(loaded.address, "100.64.0.7");
    CHECK_TEXT(loaded.client_id, RIG_CLIENT);
    CHECK_TEXT(loaded.redirect_uri, RIG_URI);
    CHECK(loaded.redirect_uri_sent);
    CHECK_INT(loaded.scopes, SCOPE_OPENID | SCOPE_EMAIL);
    CHECK_TEXT(loaded.nonce, "n-0S6_WzA2Mj");
    CHECK_TEXT(loaded.code_challenge, CHALLENGE);
    CHECK_INT(loaded.created_at, RIG_START_S);
    CHECK_INT(loaded.code_expires_at, RIG_START_S + 60);
    CHECK_INT(loaded.auth_time, RIG_START_S - 30);
    CHECK_TEXT(loaded.sid, "0123456789abcdefghijkl");
    CHECK_INT(loaded.person_epoch, 5);
    CHECK_INT(loaded.client_epoch, 7);
    CHECK_INT(loaded.issuer_epoch, 3);
    CHECK_INT(rig_expires_at(&r, CLASS_GRANT, g.id), RIG_START_S + 60 + GRANT_KEEP_S);
    CHECK_INT(rig_count(&r, CLASS_GRANT, key_user(r.pool, RIG_USER)), 1);
    rig_close(&r);
}

static void test_redeem_once(void)
{
    struct grant g;

    rig_open(&r);
    struct slice code = issue(&g);
    CHECK_INT(check_code(code), CODE_OK);
    CHECK_INT(check_code(code), CODE_OK); /* looking consumes nothing */
    rig_at(&r, 59);
    redeem(code);
    CHECK_INT(check_code(code), CODE_REPLAYED);
    rig_at(&r, 3600);
    CHECK_INT(check_code(code), CODE_REPLAYED); /* long after the code's own time */
    CHECK_INT(rig_expires_at(&r, CLASS_GRANT, g.id), RIG_START_S + 59 + 3600 + GRANT_KEEP_S);
    rig_close(&r);
}

static void test_record_lasts_as_long_as_the_longest_token(void)
{
    struct grant g;

    rig_open(&r);
    r.client.lifetimes.access = 7200;
    rig_save_client(&r);
    redeem(issue(&g));
    CHECK_INT(rig_expires_at(&r, CLASS_GRANT, g.id), RIG_START_S + 7200 + GRANT_KEEP_S);
    r.client.lifetimes.code = 30;
    rig_save_client(&r);
    (void)issue(&g);
    CHECK_INT(g.code_expires_at, RIG_START_S + 30);
    rig_close(&r);
}

static void test_replay_revokes(void)
{
    struct grant g, again;

    rig_open(&r);
    struct slice code = issue(&g);
    redeem(code);
    struct txn *t = rig_begin(&r);
    struct code_use use = use_of(code);
    CHECK_INT(grant_check_code(t, &r.issuer, &use, r.now, &again), CODE_REPLAYED);
    CHECK(grant_is_alive(t, &again, NULL));
    grant_revoke(t, &again, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    CHECK(grant_load(t, g.id, &again));
    CHECK_INT(again.state, GRANT_REVOKED);
    CHECK(!grant_is_alive(t, &again, NULL));
    CHECK_INT(check_code(code), CODE_REVOKED);
    t = rig_begin(&r);
    grant_revoke(t, &again, r.now); /* a second time changes nothing */
    CHECK(!txn_is_dirty(t));
    rig_close(&r);
}

/* In each state: a stranger learns what is wrong with the request, never that the code was used, so nothing gets
 * revoked. */
static void check_strangers(struct slice code)
{
    struct client other = r.client;
    struct code_use use = use_of(code);

    other.id = SL("other");
    use.client = &other;
    CHECK_INT(check(&use), CODE_OTHER_CLIENT);
    use.verifier = SLICE_NONE;
    use.redirect_uri = SLICE_NONE;
    CHECK_INT(check(&use), CODE_OTHER_CLIENT);
    use = use_of(code);
    use.redirect_uri = SL("https://evil.example/cb");
    CHECK_INT(check(&use), CODE_REDIRECT);
    use.redirect_uri = SLICE_NONE;
    CHECK_INT(check(&use), CODE_REDIRECT);
    use = use_of(code);
    use.verifier = SLICE_NONE;
    CHECK_INT(check(&use), CODE_VERIFIER);
    use.verifier = SL("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX");
    CHECK_INT(check(&use), CODE_VERIFIER);
    use.verifier = SL(CHALLENGE);
    CHECK_INT(check(&use), CODE_VERIFIER);
}

static void test_strangers(void)
{
    struct grant g;

    rig_open(&r);
    struct slice code = issue(&g);
    check_strangers(code);
    rig_at(&r, 10);
    redeem(code); /* the tries above consumed nothing (security 9) */
    check_strangers(code);
    struct txn *t = rig_begin(&r);
    CHECK(grant_load(t, g.id, &g));
    grant_revoke(t, &g, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    check_strangers(code);
    rig_close(&r);
}

static void test_unknown_codes(void)
{
    struct grant g;
    uint8_t hash[SHA256_BYTES], secret[32] = { 1 }, id[ID_BYTES] = { 9 };

    rig_open(&r);
    struct slice code = issue(&g);
    CHECK_INT(check_code(SLICE_NONE), CODE_UNKNOWN);
    CHECK_INT(check_code(SL("")), CODE_UNKNOWN);
    CHECK_INT(check_code(SL("nonsense")), CODE_UNKNOWN);
    CHECK_INT(check_code(slice_head(code, code.n - 1)), CODE_UNKNOWN);
    CHECK_INT(check_code(credential_write(r.pool, CREDENTIAL_CODE, g.id, secret, hash)), CODE_UNKNOWN);
    CHECK_INT(check_code(credential_write(r.pool, CREDENTIAL_CODE, id, secret, hash)), CODE_UNKNOWN);
    memset(secret, 0, sizeof(secret));
    CHECK_INT(check_code(credential_write(r.pool, CREDENTIAL_CODE, id, secret, hash)), CODE_UNKNOWN);
    rig_close(&r);
}

static void test_expiry(void)
{
    struct grant g;

    rig_open(&r);
    struct slice code = issue(&g);
    rig_at(&r, 59);
    CHECK_INT(check_code(code), CODE_OK);
    rig_at(&r, 60);
    CHECK_INT(check_code(code), CODE_EXPIRED);
    rig_close(&r);
}

static void test_redirect_uri_that_was_not_sent(void)
{
    struct grant g;

    rig_open(&r);
    g = fresh();
    g.redirect_uri_sent = false;
    struct code_use use = use_of(issue_as(&g));
    CHECK_INT(check(&use), CODE_OK);
    use.redirect_uri = SLICE_NONE;
    CHECK_INT(check(&use), CODE_OK);
    use.redirect_uri = SL("");
    CHECK_INT(check(&use), CODE_OK); /* present and empty is not sent: RFC 6749 3.2 */
    use.redirect_uri = SL(RIG_URI "/");
    CHECK_INT(check(&use), CODE_REDIRECT);
    rig_close(&r);
}

static void test_pkce_downgrade(void)
{
    struct grant g;

    rig_open(&r);
    g = fresh();
    g.code_challenge = SLICE_NONE;
    struct code_use use = use_of(issue_as(&g));
    CHECK_INT(check(&use), CODE_VERIFIER); /* a verifier without a challenge */
    use.verifier = SLICE_NONE;
    CHECK_INT(check(&use), CODE_OK);
    rig_close(&r);
}

static void test_epochs(void)
{
    struct client found;
    struct grant g;

    rig_open(&r);
    struct slice code = issue(&g);
    CHECK(grant_is_alive(rig_begin(&r), &g, &found));
    CHECK_TEXT(found.id, RIG_CLIENT);
    r.person.epoch++;
    rig_save_person(&r);
    CHECK_INT(check_code(code), CODE_REVOKED);
    r.person.epoch--;
    r.person.blocked = true;
    rig_save_person(&r);
    CHECK_INT(check_code(code), CODE_REVOKED);
    r.person.blocked = false;
    rig_save_person(&r);
    CHECK_INT(check_code(code), CODE_OK);
    r.client.epoch++;
    rig_save_client(&r);
    CHECK_INT(check_code(code), CODE_REVOKED);
    r.client.epoch--;
    r.client.disabled = true;
    rig_save_client(&r);
    CHECK_INT(check_code(code), CODE_REVOKED); /* security 26 */
    r.client.disabled = false;
    rig_save_client(&r);
    r.issuer_record.epoch++;
    rig_save_issuer(&r);
    CHECK_INT(check_code(code), CODE_REVOKED);
    rig_close(&r);
}

static void test_removed_client(void)
{
    struct grant g;

    rig_open(&r);
    (void)issue(&g);
    struct txn *t = rig_begin(&r);
    client_remove(t, &r.client);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(!grant_is_alive(rig_begin(&r), &g, NULL));
    rig_close(&r);
}

/* Whoever adds a client under a name that was given up inherits nothing. */
static void test_client_added_again(void)
{
    struct grant g;
    struct client again;

    rig_open(&r);
    (void)issue(&g);
    struct txn *t = rig_begin(&r);
    client_remove(t, &r.client);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    CHECK_INT(client_create(t, &r.client), ERR_OK);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    CHECK(client_load(t, SL(RIG_CLIENT), &again));
    CHECK(!grant_is_alive(t, &g, NULL));
    rig_close(&r);
}

static void test_parallel_redemption(void)
{
    struct grant g, one, two;

    rig_open(&r);
    struct code_use use = use_of(issue(&g));
    struct txn *first = rig_begin(&r), *second = txn_create(r.pool, r.view, r.issuer.number);
    CHECK_INT(grant_check_code(first, &r.issuer, &use, r.now, &one), CODE_OK);
    CHECK_INT(grant_check_code(second, &r.issuer, &use, r.now, &two), CODE_OK);
    grant_redeem(first, &r.issuer, &r.client, &one, r.now);
    grant_redeem(second, &r.issuer, &r.client, &two, r.now);
    CHECK_INT(rig_commit(&r, first), ERR_OK);
    CHECK_INT(rig_commit(&r, second), ERR_CHANGED);
    CHECK_INT(check(&use), CODE_REPLAYED);
    rig_close(&r);
}

static void test_client_changed_meanwhile(void)
{
    struct grant g;

    rig_open(&r);
    struct code_use use = use_of(issue(&g));
    struct txn *t = rig_begin(&r);
    CHECK_INT(grant_check_code(t, &r.issuer, &use, r.now, &g), CODE_OK);
    grant_redeem(t, &r.issuer, &r.client, &g, r.now);
    r.client.disabled = true;
    r.client.epoch++;
    struct view *other = view_create(r.store);
    struct txn *edit = txn_create(r.pool, other, r.issuer.number);
    client_put(edit, &r.client);
    CHECK_INT(store_commit_one(r.store, edit), ERR_OK);
    view_destroy(other);
    CHECK_INT(rig_commit(&r, t), ERR_CHANGED);
    CHECK_INT(check(&use), CODE_REVOKED);
    rig_close(&r);
}

static void test_derived_code(void)
{
    struct grant g = { 0 }, other;
    struct slice handle = SL("BAGaEXAMPLEhandle");

    rig_open(&r);
    g = fresh();
    struct txn *t = rig_begin(&r);
    struct slice code = grant_issue_code(t, &r.issuer, &r.client, handle, r.now, &g);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(slice_eq(code, grant_repeat_code(r.pool, &r.issuer, g.id, handle)));
    CHECK(!slice_eq(code, grant_repeat_code(r.pool, &r.issuer, g.id, SL("another"))));
    CHECK_INT(check_code(code), CODE_OK);
    other = fresh();
    t = rig_begin(&r);
    struct slice next = grant_issue_code(t, &r.issuer, &r.client, handle, r.now, &other);
    CHECK(!slice_eq(code, next)); /* another grant */
    rig_close(&r);
}

static void test_codes_differ(void)
{
    struct grant one, two;

    rig_open(&r);
    struct slice a = issue(&one), b = issue(&two);
    CHECK(!slice_eq(a, b));
    CHECK(memcmp(one.id, two.id, ID_BYTES) != 0);
    CHECK(!slice_eq(slice_from(a, 13), slice_from(b, 13))); /* the secrets, not only the ids */
    rig_close(&r);
}

static void test_every_check_has_a_text(void)
{
    for (unsigned c = 0; c < CODE_CHECK_COUNT; c++)
        CHECK(code_check_text((enum code_check)c) != NULL);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "issue: everything is stored", test_issue_and_load },
        { "a code works once (RFC 6749 4.1.2)", test_redeem_once },
        { "the record outlives its tokens", test_record_lasts_as_long_as_the_longest_token },
        { "replay by the right client revokes (security 5)", test_replay_revokes },
        { "strangers consume and revoke nothing (security 4, 9)", test_strangers },
        { "unknown codes and wrong secrets", test_unknown_codes },
        { "a code expires", test_expiry },
        { "a redirect URI that was not sent may be left out (RFC 6749 4.1.3)", test_redirect_uri_that_was_not_sent },
        { "challenge and verifier only together (security 7)", test_pkce_downgrade },
        { "epochs of person, client and issuer", test_epochs },
        { "no client, no grant", test_removed_client },
        { "a client added again inherits no grant", test_client_added_again },
        { "parallel redemption has one winner (security 5, 8)", test_parallel_redemption },
        { "a client disabled before the commit", test_client_changed_meanwhile },
        { "behind a page the code is derived, and repeated", test_derived_code },
        { "codes differ", test_codes_differ },
        { "every outcome has a text", test_every_check_has_a_text },
    };

    return TAP_RUN(tests);
}
