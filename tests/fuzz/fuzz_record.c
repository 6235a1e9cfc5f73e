/* Values as the disk may hold them. Input: n (1) | n fields to read, a byte each | value. What could be read is packed to the same bytes
 * again, and what could not is zero or none; the records of oauth/ and of the audit chain are tried on the same value. */
#include <assert.h>

#include "chain.h"
#include "flow.h"
#include "keyring.h"
#include "record.h"
#include "tailnet.h"

#define POOL_CAP   (64UL << 20)
#define HEAD_BYTES 9 /* version and expiry, which each record chooses anew */
#define BYTES_MAX  32

enum field_type { FIELD_U8, FIELD_BOOL, FIELD_U32, FIELD_U64, FIELD_I64, FIELD_TEXT, FIELD_TEXTS, FIELD_BYTES };

#define FIELD_TYPE_COUNT 8

struct field {
    enum field_type type;
    uint64_t number;
    struct slice text;
    struct slices texts;
    size_t n;
    uint8_t bytes[BYTES_MAX];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct slice part, struct slice whole)
{
    return slice_is_none(part) || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void read_field(struct unpacker *u, unsigned char order, struct field *f)
{
    *f = (struct field){ .type = order % FIELD_TYPE_COUNT, .n = order / FIELD_TYPE_COUNT };
    switch (f->type) {
    case FIELD_U8: f->number = unpack_u8(u); break;
    case FIELD_BOOL: f->number = unpack_bool(u); break;
    case FIELD_U32: f->number = unpack_u32(u); break;
    case FIELD_U64: f->number = unpack_u64(u); break;
    case FIELD_I64: f->number = (uint64_t)unpack_i64(u); break;
    case FIELD_TEXT: f->text = unpack_text(u); break;
    case FIELD_TEXTS: f->texts = unpack_texts(u); break;
    case FIELD_BYTES: unpack_bytes(u, f->bytes, f->n); break;
    }
}

static void pack_field(struct packer *k, const struct field *f)
{
    switch (f->type) {
    case FIELD_U8: pack_u8(k, (uint8_t)f->number); break;
    case FIELD_BOOL: pack_bool(k, f->number != 0); break;
    case FIELD_U32: pack_u32(k, (uint32_t)f->number); break;
    case FIELD_U64: pack_u64(k, f->number); break;
    case FIELD_I64: pack_i64(k, (int64_t)f->number); break;
    case FIELD_TEXT: pack_text(k, f->text); break;
    case FIELD_TEXTS: pack_texts(k, f->texts); break;
    case FIELD_BYTES: pack_bytes(k, f->bytes, f->n); break;
    }
}

static void check_nothing_was_read(const struct field *f)
{
    assert(f->number == 0 && slice_is_none(f->text) && f->texts.n == 0);
    for (size_t i = 0; i < f->n; i++)
        assert(f->bytes[i] == 0);
}

static void check_field(const struct unpacker *u, const struct field *f, struct slice value)
{
    if (u->bad) {
        assert(!unpack_more(u) && unpack_end(u) == ERR_CORRUPT);
        check_nothing_was_read(f);
        return;
    }
    assert(unpack_end(u) == ERR_OK && lies_in(f->text, value));
    for (size_t i = 0; i < f->texts.n; i++)
        assert(lies_in(f->texts.at[i], value));
}

static void check_fields(struct pool *p, struct slice order, struct slice value)
{
    struct field *field = pool_alloc(p, (order.n + 1) * sizeof(*field));
    struct unpacker u;
    struct packer k;

    unpack_begin(&u, p, value);
    pack_begin(&k, p, u.version, u.expires_at);
    for (size_t i = 0; i < order.n; i++) {
        bool was_bad = u.bad;

        read_field(&u, (unsigned char)order.p[i], &field[i]);
        assert(u.bad || !was_bad);
        check_field(&u, &field[i], value);
        pack_field(&k, &field[i]);
    }
    struct slice again = pack_end(&k);
    if (!u.bad && !slice_is_none(again))
        assert(slice_eq(again, slice_head(value, value.n - u.rest.n)));
    assert(record_expires_at(value) >= 0);
}

/* A longer tail than is known is not kept. */
static void check_same(struct slice again, struct slice value)
{
    assert(again.n >= HEAD_BYTES && again.n <= value.n);
    assert(slice_eq(slice_from(again, HEAD_BYTES), slice_head(slice_from(value, HEAD_BYTES), again.n - HEAD_BYTES)));
}

/* What was put under this key: a transaction sees its own writes, so there need be no database. */
static void check_put(struct txn *t, struct slice key, struct slice value)
{
    struct slice again;

    if (txn_get(t, key, &again))
        check_same(again, value);
    else
        assert(txn_err(t) == ERR_LIMIT && value.n > RECORD_BYTES_MAX);
}

static void check_person(struct pool *p, struct slice value)
{
    struct txn *t = txn_create(p, NULL, 1);
    struct person person;

    if (!person_unpack(p, value, &person))
        return;
    assert(person.pair_count <= PERSON_PAIRS_MAX && !person.login_changed);
    person_put(t, &person);
    check_put(t, key_make(p, 1, CLASS_PERSON, key_user(p, person.user_id), SLICE_NONE), value);
}

static void check_client(struct pool *p, struct slice value)
{
    struct txn *t = txn_create(p, NULL, 1);
    struct client c;

    if (!client_unpack(p, value, &c))
        return;
    assert((int)c.auth_method < AUTH_METHOD_COUNT && (int)c.origin < CLIENT_ORIGIN_COUNT &&
           c.id_token_alg < SIGN_ALG_COUNT);
    assert((int)c.claims < CLIENT_CLAIMS_COUNT && (int)c.page < CLIENT_PAGE_COUNT &&
           (int)c.require_pkce < CHOICE_COUNT);
    client_put(t, &c);
    check_put(t, client_key(t, c.id), value);
}

static void check_signing_key(struct pool *p, struct slice value)
{
    struct txn *t = txn_create(p, NULL, 1);
    struct signing_key k;

    if (!signing_key_unpack(p, value, &k))
        return;
    assert(k.alg < SIGN_ALG_COUNT && (int)k.state < KEY_STATE_COUNT);
    signing_key_put(t, &k);
    check_put(t, key_make(p, 1, CLASS_KEY, key_u32(p, k.number), SLICE_NONE), value);
}

static void check_session_and_grant(struct pool *p, struct slice value)
{
    struct session s;
    struct grant g;

    if (session_unpack(p, value, &s))
        assert(lies_in(s.login, value) && lies_in(s.stable_id, value) && lies_in(s.sid, value));
    if (!grant_unpack(p, value, &g))
        return;
    assert((int)g.state < GRANT_STATE_COUNT);
    assert(lies_in(g.stable_id, value) && lies_in(g.address, value) && lies_in(g.client_id, value));
    assert(lies_in(g.redirect_uri, value) && lies_in(g.nonce, value) && lies_in(g.code_challenge, value));
    assert(lies_in(g.sid, value));
}

static void check_flow(struct pool *p, struct slice value)
{
    struct txn *t = txn_create(p, NULL, 1);
    struct flow f;

    if (!flow_unpack(p, value, &f))
        return;
    assert((int)f.state < FLOW_STATE_COUNT && (int)f.reason < PAGE_REASON_COUNT);
    assert(lies_in(f.query, value) && lies_in(f.expected, value));
    flow_put(t, &f);
    struct slice key = key_make(p, 1, CLASS_FLOW, slice_bytes(f.id, ID_BYTES), SLICE_NONE), again;
    /* what an older avouch wrote is shorter */
    if (txn_get(t, key, &again))
        assert(again.n >= value.n ? slice_starts(slice_from(again, HEAD_BYTES), slice_from(value, HEAD_BYTES))
                                  : slice_starts(slice_from(value, HEAD_BYTES), slice_from(again, HEAD_BYTES)));
}

/* Those of which there is one each: a transaction finds them under their keys. */
static void check_issuer_and_tailnet(struct pool *p, struct slice value)
{
    struct slice issuer_key = key_make(p, 1, CLASS_ISSUER, SLICE_NONE, SLICE_NONE),
                 tailnet_key = key_make(p, 1, CLASS_TAILNET, SL("accepted"), SLICE_NONE);
    struct txn *t = txn_create(p, NULL, 1), *u = txn_create(p, NULL, 1);
    struct issuer_record issuer;
    struct tailnet tailnet;

    txn_put(t, issuer_key, value);
    if (issuer_load(t, &issuer)) {
        issuer_put(t, &issuer);
        check_put(t, issuer_key, value);
    } else {
        assert(txn_err(t) == ERR_CORRUPT);
    }
    txn_put(u, tailnet_key, value);
    if (tailnet_load(u, TAILNET_ACCEPTED, &tailnet)) {
        tailnet_put(u, TAILNET_ACCEPTED, &tailnet);
        check_put(u, tailnet_key, value);
    } else {
        assert(txn_err(u) == ERR_CORRUPT);
    }
}

static void check_chain(struct pool *p, struct slice value)
{
    struct chain head, c = { 0 };
    struct slice text;

    if (chain_unpack_head(value, &head))
        check_same(chain_pack_head(p, &head), value);
    if (chain_follow(&c, 1, value, &text) == ERR_OK) {
        assert(c.sequence == 1 && lies_in(text, value));
        struct slice again = chain_pack_link(p, &c, text);
        if (!slice_is_none(again))
            check_same(again, value);
    }
    assert(chain_follow(&c, c.sequence + 2, value, &text) == ERR_CORRUPT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_bytes(data, size);
    size_t n = size == 0 ? 0 : data[0];

    if (size == 0 || n > size - 1)
        return 0;
    struct pool *p = pool_create(POOL_CAP);
    struct slice order = slice_head(slice_from(input, 1), n), value = slice_from(input, 1 + n);
    check_fields(p, order, value);
    check_person(p, value);
    check_client(p, value);
    check_signing_key(p, value);
    check_session_and_grant(p, value);
    check_flow(p, value);
    check_issuer_and_tailnet(p, value);
    check_chain(p, value);
    pool_destroy(p);
    return 0;
}
