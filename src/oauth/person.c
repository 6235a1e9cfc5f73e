/* How people come to their names. A name or address is claimed by a record of its own (CLASS_USERNAME, CLASS_EMAIL) whose
 * absence was read in the same transaction, and it is never given back: an account that an application keeps under it
 * must not fall to somebody else. */
#include "person.h"

#include "encode.h"
#include "stored.h"

#define CLAIM_RECORD_VERSION 1
#define SEEN_S               86400 /* seen_at moves at most this often */
#define USERNAME_ID_TRIES    4

/* ---- whose name is it ---- */

static struct slice claim_key(struct txn *t, enum key_class class, struct slice name)
{
    return key_make(txn_pool(t), txn_issuer(t), class, ascii_lower(txn_pool(t), name), SLICE_NONE);
}

/* The user id that has it; 0: nobody. */
static int64_t claimed_by(struct txn *t, enum key_class class, struct slice name)
{
    struct slice value;
    struct unpacker u;

    if (!txn_get(t, claim_key(t, class, name), &value))
        return 0;
    unpack_begin(&u, txn_pool(t), value);
    int64_t user_id = unpack_i64(&u);
    if (unpack_end(&u) == ERR_OK && user_id > 0)
        return user_id;
    txn_fail(t, ERR_CORRUPT);
    return 0;
}

static void claim(struct txn *t, enum key_class class, struct slice name, int64_t user_id)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), CLAIM_RECORD_VERSION, 0);
    pack_i64(&k, user_id);
    stored_put(t, claim_key(t, class, name), &k);
}

static bool is_free_for(struct txn *t, enum key_class class, struct slice name, int64_t user_id)
{
    int64_t owner = claimed_by(t, class, name);

    return owner == 0 || owner == user_id;
}

/* Nobody comes to it without an operator. */
static bool is_withheld(struct slice name, int64_t user_id)
{
    bool of_outsiders = slice_starts(name, SL(USERNAME_SHARED_IN)) && (user_id & USER_ID_SHARED_IN) == 0;

    return of_outsiders || username_is_reserved(name);
}

/* base, base-2, base-3, ... A reserved name counts as taken: who would be `admin` is `admin-2`; so does one that is none any
 * more: after `node` there is no `node-2`, which is a machine's. None: all tries are spent. */
static struct slice first_free(struct txn *t, struct slice base, unsigned tries, int64_t user_id)
{
    for (unsigned i = 1; i <= tries; i++) {
        struct slice name = i == 1 ? base : pool_fmt(txn_pool(t), SLICE_FMT "-%u", SLICE_ARG(base), i);
        if (username_is_valid(name) && !is_withheld(name, user_id) && is_free_for(t, CLASS_USERNAME, name, user_id))
            return name;
    }
    return SLICE_NONE;
}

/* Many may share a local part; a name made of the user id is hardly ever taken. */
static struct slice choose_username(struct txn *t, struct slice login, int64_t user_id)
{
    struct pool *p = txn_pool(t);
    struct slice name = first_free(t, username_from_login(p, login, user_id), USERNAME_TRIES_MAX, user_id);

    if (slice_is_none(name))
        name = first_free(t, username_of_id(p, user_id), USERNAME_ID_TRIES, user_id);
    if (slice_is_none(name))
        txn_fail(t, ERR_LIMIT);
    return name;
}

/* The login's address. None: somebody else has it, and only an operator moves it (person_link); or it is another tailnet's
 * login, which nobody here vouches for. */
static struct slice claim_email(struct txn *t, struct slice login, int64_t user_id)
{
    struct slice email = email_from_login(txn_pool(t), login);

    if (slice_is_none(email) || (user_id & USER_ID_SHARED_IN) != 0)
        return SLICE_NONE;
    int64_t owner = claimed_by(t, CLASS_EMAIL, email);
    if (owner == 0)
        claim(t, CLASS_EMAIL, email, user_id);
    return owner == 0 || owner == user_id ? email : SLICE_NONE;
}

/* ---- first sight and later ones ---- */

static enum err meet_first(struct txn *t, const struct peer *peer, struct now now, struct person *ret)
{
    struct slice count = issuer_count_key(t, CLASS_PERSON, SLICE_NONE);

    if (txn_count_now(t, count) >= PERSONS_MAX)
        return ERR_LIMIT;
    *ret = (struct person){ .user_id = peer->user_id,
                            .login = peer->login,
                            .display_name = peer->display_name,
                            .picture = peer->picture,
                            .username = choose_username(t, peer->login, peer->user_id),
                            .created_at = now.s,
                            .seen_at = now.s };
    if (slice_is_none(ret->username))
        return txn_err(t);
    claim(t, CLASS_USERNAME, ret->username, ret->user_id);
    ret->email = claim_email(t, peer->login, ret->user_id);
    txn_count(t, count, 1, PERSONS_MAX);
    return ERR_OK;
}

/* Newest first. A pair that is known already stays where it is, so that somebody with two devices is not written anew at
 * each sign-in. True: changed. */
static bool note_pair(struct person *person, const struct peer *peer)
{
    unsigned from = 0;

    if (slice_is_none(peer->stable_id) || slice_is_none(peer->address))
        return false;
    while (from < person->pair_count && !slice_eq(person->pairs[from].stable_id, peer->stable_id))
        from++;
    if (from < person->pair_count && slice_eq(person->pairs[from].address, peer->address))
        return false;
    if (from == person->pair_count && person->pair_count < PERSON_PAIRS_MAX)
        person->pair_count++;
    if (from == PERSON_PAIRS_MAX)
        from--; /* the oldest makes room */
    for (; from > 0; from--)
        person->pairs[from] = person->pairs[from - 1];
    person->pairs[0] = (struct person_pair){ peer->stable_id, peer->address };
    return true;
}

static bool take_over(struct slice *kept, struct slice seen)
{
    if (slice_is_none(seen) || slice_eq(*kept, seen))
        return false;
    *kept = seen;
    return true;
}

/* Known id, another login: with a control server that was set up anew this may be somebody else altogether. Nothing of
 * theirs is taken over until an operator confirms. */
static void hold(struct txn *t, const struct peer *peer, struct person *person)
{
    if (person->held && slice_eq(person->held_login, peer->login))
        return;
    person->held = true;
    person->held_login = peer->login;
    person_put(t, person);
}

/* Where ids are for ever it is the same person under a new login: user name and sub stay. */
static void take_login(struct txn *t, const struct peer *peer, struct person *person)
{
    person->login = peer->login;
    person->login_changed = true;
    if (!person->email_by_operator)
        person->email = claim_email(t, person->login, person->user_id);
    person_put(t, person);
}

static void meet_again(struct txn *t, const struct peer *peer, struct now now, struct person *person)
{
    bool changed = take_over(&person->display_name, peer->display_name);

    changed |= take_over(&person->picture, peer->picture);
    changed |= note_pair(person, peer);
    if (person->held) {
        person->held = false;
        person->held_login = SLICE_NONE;
        changed = true;
    }
    if (now.s >= person->seen_at + SEEN_S)
        changed = true;
    if (!changed)
        return;
    person->seen_at = now.s;
    person_put(t, person);
}

enum err person_meet(struct txn *t, const struct issuer *issuer, const struct peer *peer, struct now now,
                     struct person *ret)
{
    if (!person_load(t, peer->user_id, ret)) {
        enum err e = txn_err(t) == ERR_OK ? meet_first(t, peer, now, ret) : txn_err(t);
        if (e != ERR_OK)
            return e;
        (void)note_pair(ret, peer);
        person_put(t, ret);
        return txn_err(t);
    }
    if (!slice_eq_nocase(ret->login, peer->login) && !issuer->ids_for_ever) {
        hold(t, peer, ret);
        return ERR_OK;
    }
    if (!slice_eq_nocase(ret->login, peer->login))
        take_login(t, peer, ret);
    meet_again(t, peer, now, ret);
    return ERR_OK;
}

/* ---- the operator's acts ---- */

enum err person_set_username(struct txn *t, struct person *person, struct slice name, struct slice *ret_why)
{
    int64_t id = person->user_id;

    if (!username_is_valid(name) || (user_id_parse(name, &id) && id != person->user_id)) {
        *ret_why = SL("a user name is lower-case letters and digits with single . _ or - between them, at most 48 "
                      "characters, no user id and not node-...");
        return ERR_INPUT;
    }
    int64_t owner = claimed_by(t, CLASS_USERNAME, name);
    if (owner != 0 && owner != person->user_id) {
        *ret_why = pool_fmt(txn_pool(t),
                            "that user name belongs to user id " SLICE_FMT ", for ever; `avouch person link` moves it",
                            SLICE_ARG(user_id_text(txn_pool(t), owner)));
        return ERR_EXISTS;
    }
    claim(t, CLASS_USERNAME, name, person->user_id);
    person->username = name;
    person_put(t, person);
    return ERR_OK;
}

enum err person_set_email(struct txn *t, struct person *person, struct slice email, struct slice *ret_why)
{
    struct slice address = email_from_login(txn_pool(t), email);

    if (slice_is_none(address)) {
        *ret_why = SL("an address looks like alice@example.com, in ASCII");
        return ERR_INPUT;
    }
    int64_t owner = claimed_by(t, CLASS_EMAIL, address);
    if (owner != 0 && owner != person->user_id) {
        *ret_why = pool_fmt(txn_pool(t),
                            "that address was given out with user id " SLICE_FMT "; `avouch person link` moves it",
                            SLICE_ARG(user_id_text(txn_pool(t), owner)));
        return ERR_EXISTS;
    }
    claim(t, CLASS_EMAIL, address, person->user_id);
    person->email = address;
    person->email_by_operator = true;
    person_put(t, person);
    return ERR_OK;
}

void person_confirm(struct txn *t, struct person *person)
{
    if (!person->held)
        return;
    person->login = person->held_login;
    person->held = false;
    person->held_login = SLICE_NONE;
    /* the old address stays taken by this id, so that nobody else ever gets it */
    if (!person->email_by_operator)
        person->email = claim_email(t, person->login, person->user_id);
    person_put(t, person);
}

enum err person_link(struct txn *t, struct person *from, struct person *to, struct slice *ret_why)
{
    if (from->user_id == to->user_id) {
        *ret_why = SL("OLD and NEW are the same person");
        return ERR_INPUT;
    }
    if (from->blocked) { /* a new user id is no way around it */
        *ret_why = SL("OLD is blocked: avouch person unblock OLD first");
        return ERR_INPUT;
    }
    to->username = from->username;
    claim(t, CLASS_USERNAME, to->username, to->user_id);
    if (from->email.n > 0) {
        to->email = from->email;
        to->email_by_operator = true; /* it need not be the new one's login */
        claim(t, CLASS_EMAIL, to->email, to->user_id);
    }
    from->username = choose_username(t, SLICE_NONE, from->user_id);
    if (slice_is_none(from->username))
        return txn_err(t);
    claim(t, CLASS_USERNAME, from->username, from->user_id);
    from->email = SLICE_NONE;
    from->email_by_operator = false;
    from->epoch++; /* what was signed in under the name that moved ends */
    person_put(t, from);
    person_put(t, to);
    return ERR_OK;
}

void person_block(struct txn *t, struct person *person, bool blocked)
{
    if (person->blocked == blocked)
        return;
    person->blocked = blocked;
    if (blocked)
        person->epoch++;
    person_put(t, person);
}
