/* How a person lies in the database (CLASS_PERSON), and the name applications know one by. The rules that settle user name
 * and address are person.h's other half. */
#include "person.h"

#include "stored.h"
#include <inttypes.h>

static struct slice person_key(struct txn *t, int64_t user_id)
{
    return key_make(txn_pool(t), txn_issuer(t), CLASS_PERSON, key_user(txn_pool(t), user_id), SLICE_NONE);
}

static void unpack_pairs(struct unpacker *u, struct person *person)
{
    person->pair_count = unpack_u8(u);
    if (person->pair_count > PERSON_PAIRS_MAX) {
        u->bad = true;
        person->pair_count = 0;
    }
    for (unsigned i = 0; i < person->pair_count; i++) {
        person->pairs[i].stable_id = unpack_text(u);
        person->pairs[i].address = unpack_text(u);
    }
}

bool person_unpack(struct pool *p, struct slice value, struct person *ret)
{
    struct person person = { 0 };
    struct unpacker u;

    unpack_begin(&u, p, value);
    person.user_id = unpack_i64(&u);
    person.login = unpack_text(&u);
    person.display_name = unpack_text(&u);
    person.picture = unpack_text(&u);
    person.username = unpack_text(&u);
    person.email = unpack_text(&u);
    person.email_by_operator = unpack_bool(&u);
    person.blocked = unpack_bool(&u);
    person.held = unpack_bool(&u);
    person.held_login = unpack_text(&u);
    person.created_at = unpack_i64(&u);
    person.seen_at = unpack_i64(&u);
    person.epoch = unpack_u32(&u);
    unpack_pairs(&u, &person);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = person;
    return true;
}

bool person_load(struct txn *t, int64_t user_id, struct person *ret)
{
    struct slice value;

    if (!txn_get(t, person_key(t, user_id), &value))
        return false;
    if (person_unpack(txn_pool(t), value, ret))
        return true;
    txn_fail(t, ERR_CORRUPT);
    return false;
}

void person_put(struct txn *t, const struct person *person)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), PERSON_RECORD_VERSION, 0);
    pack_i64(&k, person->user_id);
    pack_text(&k, person->login);
    pack_text(&k, person->display_name);
    pack_text(&k, person->picture);
    pack_text(&k, person->username);
    pack_text(&k, person->email);
    pack_bool(&k, person->email_by_operator);
    pack_bool(&k, person->blocked);
    pack_bool(&k, person->held);
    pack_text(&k, person->held_login);
    pack_i64(&k, person->created_at);
    pack_i64(&k, person->seen_at);
    pack_u32(&k, person->epoch);
    pack_u8(&k, (uint8_t)person->pair_count);
    for (unsigned i = 0; i < person->pair_count; i++) {
        pack_text(&k, person->pairs[i].stable_id);
        pack_text(&k, person->pairs[i].address);
    }
    stored_put(t, person_key(t, person->user_id), &k);
}

struct slice user_id_text(struct pool *p, int64_t user_id)
{
    bool shared_in = (user_id & USER_ID_SHARED_IN) != 0;

    return pool_fmt(p, "%s%" PRId64, shared_in ? "shared-" : "", user_id & ~USER_ID_SHARED_IN);
}

bool user_id_parse(struct slice text, int64_t *ret)
{
    bool shared_in = slice_starts(text, SL("shared-"));
    struct slice digits = shared_in ? slice_from(text, sizeof("shared-") - 1) : text;
    uint64_t id = 0;

    if (!slice_to_u64(digits, USER_ID_SHARED_IN - 1, &id) || id == 0)
        return false;
    *ret = (int64_t)id | (shared_in ? USER_ID_SHARED_IN : 0);
    return true;
}

struct slice person_subject(struct pool *p, const struct issuer *issuer, int64_t user_id)
{
    return pool_fmt(p, "%s" SLICE_FMT, issuer->subject_is_tsidp ? "userid:" : "", SLICE_ARG(user_id_text(p, user_id)));
}
