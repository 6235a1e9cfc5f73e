/* Browser sessions: the cookie's bytes, the record's life, and the marker that a person signed out. A session is alive
 * while its secret is the cookie's, neither lifetime is over and the epochs of person and issuer are the ones it was
 * made under. */
#include "session.h"

#include <assert.h>
#include <string.h>

#include "encode.h"
#include "stored.h"

#define SESSION_SECRET_BYTES      32
#define COOKIE_BROWSER_TEXT_BYTES 22 /* base64url of BROWSER_BYTES */
#define SID_BYTES                 16
#define SIGNED_OUT_RECORD_VERSION 1

static void read_parts(const uint8_t *bytes, struct browser *b)
{
    b->known = true;
    memcpy(b->browser, bytes, BROWSER_BYTES);
    if (!b->has_session)
        return;
    memcpy(b->id, bytes + BROWSER_BYTES, ID_BYTES);
    memcpy(b->secret, bytes + BROWSER_BYTES + ID_BYTES, SESSION_SECRET_BYTES);
}

void browser_read(struct slice cookie_value, struct browser *ret)
{
    uint8_t bytes[BROWSER_BYTES + ID_BYTES + SESSION_SECRET_BYTES];
    bool has_session = cookie_value.n != COOKIE_BROWSER_TEXT_BYTES;

    memset(ret, 0, sizeof(*ret));
    if (base64url_read(cookie_value, bytes, has_session ? sizeof(bytes) : BROWSER_BYTES)) {
        ret->has_session = has_session;
        read_parts(bytes, ret);
    }
    wipe(bytes, sizeof(bytes));
}

void browser_hash(const struct browser *b, uint8_t ret[static SHA256_BYTES])
{
    const struct slice parts[] = { SL("browser"), slice_bytes(b->browser, BROWSER_BYTES) };

    sha256_parts(parts, 2, ret);
}

struct slice browser_cookie(struct pool *p, const struct browser *b)
{
    size_t n = b->has_session ? BROWSER_BYTES + ID_BYTES + SESSION_SECRET_BYTES : BROWSER_BYTES;
    uint8_t *bytes = pool_secret(p, n);

    assert(b->known);
    memcpy(bytes, b->browser, BROWSER_BYTES);
    if (b->has_session) {
        memcpy(bytes + BROWSER_BYTES, b->id, ID_BYTES);
        memcpy(bytes + BROWSER_BYTES + ID_BYTES, b->secret, SESSION_SECRET_BYTES);
    }
    return base64url_encode(p, slice_bytes(bytes, n));
}

void browser_make(struct browser *b)
{
    if (b->known)
        return;
    memset(b, 0, sizeof(*b));
    random_bytes(b->browser, BROWSER_BYTES);
    b->known = true;
}

static void hash_secret(const struct browser *b, uint8_t ret[static SHA256_BYTES])
{
    const struct slice parts[] = { SL("session"), slice_bytes(b->id, ID_BYTES),
                                   slice_bytes(b->secret, SESSION_SECRET_BYTES) };

    sha256_parts(parts, 3, ret);
}

static int64_t ends_at(const struct session *s, const struct lifetimes *l)
{
    int64_t absolute = s->created_at + l->session, idle = s->touched_at + l->session_idle;

    return absolute < idle ? absolute : idle;
}

static void put(struct txn *t, const struct issuer *issuer, const struct session *s)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), SESSION_RECORD_VERSION, ends_at(s, &issuer->lifetimes));
    pack_bytes(&k, s->id, ID_BYTES);
    pack_bytes(&k, s->secret_hash, SHA256_BYTES);
    pack_bytes(&k, s->browser_hash, SHA256_BYTES);
    pack_i64(&k, s->user_id);
    pack_text(&k, s->login);
    pack_text(&k, s->stable_id);
    pack_text(&k, s->sid);
    pack_i64(&k, s->created_at);
    pack_i64(&k, s->auth_time);
    pack_i64(&k, s->touched_at);
    pack_u32(&k, s->person_epoch);
    pack_u32(&k, s->issuer_epoch);
    stored_put(t, stored_key(t, CLASS_SESSION, s->id), &k);
}

bool session_unpack(struct pool *p, struct slice value, struct session *ret)
{
    struct session s;
    struct unpacker u;

    unpack_begin(&u, p, value);
    unpack_bytes(&u, s.id, ID_BYTES);
    unpack_bytes(&u, s.secret_hash, SHA256_BYTES);
    unpack_bytes(&u, s.browser_hash, SHA256_BYTES);
    s.user_id = unpack_i64(&u);
    s.login = unpack_text(&u);
    s.stable_id = unpack_text(&u);
    s.sid = unpack_text(&u);
    s.created_at = unpack_i64(&u);
    s.auth_time = unpack_i64(&u);
    s.touched_at = unpack_i64(&u);
    s.person_epoch = unpack_u32(&u);
    s.issuer_epoch = unpack_u32(&u);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = s;
    return true;
}

static bool find(struct txn *t, const uint8_t id[static ID_BYTES], struct session *ret)
{
    struct slice value;

    if (!txn_get(t, stored_key(t, CLASS_SESSION, id), &value))
        return false;
    if (session_unpack(txn_pool(t), value, ret))
        return true;
    txn_fail(t, ERR_CORRUPT);
    return false;
}

static bool is_in_time(const struct session *s, const struct lifetimes *l, struct now now)
{
    return now.s < ends_at(s, l);
}

static bool epochs_hold(struct txn *t, const struct session *s)
{
    struct person person;
    struct issuer_record issuer;

    return person_load(t, s->user_id, &person) && !person.blocked && person.epoch == s->person_epoch &&
           issuer_load(t, &issuer) && issuer.epoch == s->issuer_epoch;
}

bool session_load(struct txn *t, const struct issuer *issuer, const struct browser *b, struct now now,
                  struct session *ret)
{
    struct session s = { 0 };
    uint8_t secret[SHA256_BYTES], browser[SHA256_BYTES];

    if (!b->has_session)
        return false;
    /* An id that nobody has takes the road of a wrong secret: both hashes, both comparisons. */
    bool found = find(t, b->id, &s);
    hash_secret(b, secret);
    browser_hash(b, browser);
    bool right = equal_ct(slice_bytes(secret, SHA256_BYTES), slice_bytes(s.secret_hash, SHA256_BYTES));
    bool same_browser = equal_ct(slice_bytes(browser, SHA256_BYTES), slice_bytes(s.browser_hash, SHA256_BYTES));
    if (!found || !right || !same_browser)
        return false;
    if (!is_in_time(&s, &issuer->lifetimes, now) || !epochs_hold(t, &s))
        return false;
    *ret = s;
    return true;
}

/* NOLINTNEXTLINE(readability-function-size): the seventh is the result; no two are of one type */
void session_start(struct txn *t, const struct issuer *issuer, const struct person *person, const struct peer *peer,
                   struct browser *b, struct now now, struct session *ret)
{
    struct slice count = issuer_count_key(t, CLASS_SESSION, key_user(txn_pool(t), person->user_id));
    struct issuer_record record;
    uint8_t sid[SID_BYTES];

    browser_make(b);
    /* who signs in without a cookie again and again must not lock anybody out: one more is signed in, and not remembered */
    b->has_session = txn_count_now(t, count) < SESSIONS_PER_PERSON_MAX;
    stored_id_make(t, CLASS_SESSION, now, b->id);
    random_bytes(b->secret, SESSION_SECRET_BYTES);
    random_bytes(sid, SID_BYTES);
    *ret = (struct session){
        .user_id = person->user_id,
        .login = person->login,
        .stable_id = peer->stable_id,
        .sid = base64url_encode(txn_pool(t), slice_bytes(sid, SID_BYTES)),
        .created_at = now.s,
        .auth_time = now.s,
        .touched_at = now.s,
        .person_epoch = person->epoch,
        .issuer_epoch = issuer_load(t, &record) ? record.epoch : 0,
    };
    memcpy(ret->id, b->id, ID_BYTES);
    hash_secret(b, ret->secret_hash);
    browser_hash(b, ret->browser_hash);
    if (!b->has_session)
        return;
    put(t, issuer, ret);
    txn_count(t, count, 1, SESSIONS_PER_PERSON_MAX);
}

void session_refresh_auth(struct txn *t, const struct issuer *issuer, struct session *s, struct browser *b,
                          struct now now)
{
    random_bytes(b->secret, SESSION_SECRET_BYTES);
    hash_secret(b, s->secret_hash);
    s->auth_time = now.s;
    s->touched_at = now.s;
    put(t, issuer, s);
}

void session_touch(struct txn *t, const struct issuer *issuer, struct session *s, struct now now)
{
    if (now.s < s->touched_at + SESSION_TOUCH_S)
        return;
    s->touched_at = now.s;
    put(t, issuer, s);
}

void session_end(struct txn *t, const struct session *s)
{
    struct slice key = stored_key(t, CLASS_SESSION, s->id), value;

    /* Reading it first keeps the counter right when two end it at once, or the sweep does. */
    if (!txn_get(t, key, &value))
        return;
    txn_del(t, key);
    txn_count(t, issuer_count_key(t, CLASS_SESSION, key_user(txn_pool(t), s->user_id)), -1, SESSIONS_PER_PERSON_MAX);
}

bool session_is_for(const struct session *s, const struct peer *peer)
{
    return s->user_id == peer->user_id && !slice_is_none(peer->stable_id) && slice_eq(s->stable_id, peer->stable_id);
}

static struct slice signed_out_key(struct txn *t, int64_t user_id, struct slice stable_id)
{
    struct pool *p = txn_pool(t);

    return key_make(p, txn_issuer(t), CLASS_SIGNED_OUT, key_user(p, user_id), stable_id);
}

bool signed_out_load(struct txn *t, int64_t user_id, struct slice stable_id, int64_t *ret_at)
{
    struct slice value;
    struct unpacker u;

    if (!txn_get(t, signed_out_key(t, user_id, stable_id), &value))
        return false;
    unpack_begin(&u, txn_pool(t), value);
    int64_t at = unpack_i64(&u);
    if (unpack_end(&u) != ERR_OK) {
        txn_fail(t, ERR_CORRUPT);
        return false;
    }
    *ret_at = at;
    return true;
}

void signed_out_put(struct txn *t, int64_t user_id, struct slice stable_id, struct now now)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), SIGNED_OUT_RECORD_VERSION, 0);
    pack_i64(&k, now.s);
    stored_put(t, signed_out_key(t, user_id, stable_id), &k);
}

void signed_out_clear(struct txn *t, int64_t user_id, struct slice stable_id)
{
    txn_del(t, signed_out_key(t, user_id, stable_id));
}
