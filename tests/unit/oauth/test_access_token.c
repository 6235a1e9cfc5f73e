/* Opaque access tokens, and what ends them. */
#include "access_token.h"

#include <string.h>

#include "rig.h"
#include "scope.h"

#define USERINFO "{\"sub\":\"42\"}"

static struct rig r;

/* A redeemed grant with one token of 600 s. */
static struct slice issue(struct grant *g, struct access_token *a)
{
    struct txn *t = rig_begin(&r);

    *g = (struct grant){ .user_id = RIG_USER,
                         .stable_id = r.peer.stable_id,
                         .client_id = SL(RIG_CLIENT),
                         .redirect_uri = SL(RIG_URI),
                         .scopes = SCOPE_OPENID };
    (void)grant_issue_code(t, &r.issuer, &r.client, SLICE_NONE, r.now, g);
    grant_redeem(t, &r.issuer, &r.client, g, r.now);
    *a = (struct access_token){ .scopes = g->scopes, .userinfo = SL(USERINFO) };
    struct slice text = access_token_issue(t, g, 600, r.now, a);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    return text;
}

static bool is_live(struct slice text)
{
    struct access_token a;
    struct grant g;

    return access_token_check(rig_begin(&r), text, r.now, &a, &g);
}

static void test_issue_and_check(void)
{
    struct access_token a, found;
    struct grant g, of;

    rig_open(&r);
    struct slice text = issue(&g, &a);
    CHECK_INT(text.n, CREDENTIAL_TEXT_BYTES);
    CHECK(access_token_check(rig_begin(&r), text, r.now, &found, &of));
    CHECK_INT(found.scopes, SCOPE_OPENID);
    CHECK_INT(found.issued_at, RIG_START_S);
    CHECK_INT(found.expires_at, RIG_START_S + 600);
    CHECK_TEXT(found.userinfo, USERINFO);
    CHECK(memcmp(found.grant_id, g.id, ID_BYTES) == 0);
    CHECK(memcmp(of.id, g.id, ID_BYTES) == 0);
    CHECK_INT(of.user_id, RIG_USER);
    CHECK_INT(rig_expires_at(&r, CLASS_ACCESS, a.id), RIG_START_S + 600);
    rig_close(&r);
}

static void test_wrong_tokens(void)
{
    struct access_token a;
    struct grant g;
    uint8_t hash[SHA256_BYTES], secret[32] = { 0 }, unknown[ID_BYTES] = { 0 };

    rig_open(&r);
    struct slice text = issue(&g, &a);
    CHECK(!is_live(SLICE_NONE));
    CHECK(!is_live(SL("x")));
    CHECK(!is_live(slice_head(text, text.n - 1))); /* security 10: a truncated one */
    CHECK(!is_live(credential_write(r.pool, CREDENTIAL_ACCESS, a.id, secret, hash)));
    CHECK(!is_live(credential_write(r.pool, CREDENTIAL_ACCESS, unknown, secret, hash)));
    CHECK(!is_live(credential_write(r.pool, CREDENTIAL_CODE, a.id, secret, hash)));
    CHECK(is_live(text));
    rig_close(&r);
}

static void test_code_is_no_token(void)
{
    struct grant g = { .user_id = RIG_USER, .client_id = SL(RIG_CLIENT), .redirect_uri = SL(RIG_URI) };

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    struct slice code = grant_issue_code(t, &r.issuer, &r.client, SLICE_NONE, r.now, &g);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(!is_live(code));
    rig_close(&r);
}

static void test_expiry(void)
{
    struct access_token a;
    struct grant g;

    rig_open(&r);
    struct slice text = issue(&g, &a);
    rig_at(&r, 599);
    CHECK(is_live(text));
    rig_at(&r, 600);
    CHECK(!is_live(text));
    rig_close(&r);
}

static void test_dies_with_its_grant(void)
{
    struct access_token a;
    struct grant g;

    rig_open(&r);
    struct slice other = issue(&g, &a), text = issue(&g, &a);
    struct txn *t = rig_begin(&r);
    grant_revoke(t, &g, r.now);
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(!is_live(text));
    CHECK(is_live(other)); /* field 26: the person's other sign-ins stay */
    r.person.epoch++;
    rig_save_person(&r);
    CHECK(!is_live(other));
    rig_close(&r);
}

static void test_too_large_userinfo(void)
{
    struct access_token a = { .scopes = SCOPE_OPENID };
    struct grant g = { .user_id = RIG_USER };

    rig_open(&r);
    a.userinfo = slice_bytes(pool_zalloc(r.pool, RECORD_BYTES_MAX), RECORD_BYTES_MAX);
    struct txn *t = rig_begin(&r);
    (void)access_token_issue(t, &g, 600, r.now, &a);
    CHECK_INT(txn_err(t), ERR_LIMIT);
    rig_close(&r);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "a token that was issued is found", test_issue_and_check },
        { "wrong secret, unknown id, cut text, other type (security 10)", test_wrong_tokens },
        { "a code is no access token", test_code_is_no_token },
        { "it expires", test_expiry },
        { "it dies with its grant and no other", test_dies_with_its_grant },
        { "userinfo larger than a record", test_too_large_userinfo },
    };

    return TAP_RUN(tests);
}
