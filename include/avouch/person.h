/* A person as this issuer knows one: a tailnet user id and what was settled for it, above all the user name and the address, which
 * applications key accounts by and which therefore are never handed on: docs/decisions.md, Identity. Record class CLASS_PERSON. */
#ifndef AVOUCH_PERSON_H
#define AVOUCH_PERSON_H

#include "issuer.h"

#define PERSON_RECORD_VERSION 1
#define PERSON_PAIRS_MAX 8          /* node and address pairs remembered, newest first */
#define USERNAME_BYTES_MAX 40
#define USERNAME_SUFFIX_BYTES_MAX 8 /* what may follow it to make it unique */
#define PERSONS_MAX 1000000
#define USERNAME_TRIES_MAX 10       /* gets spent on -2, -3, ...; then user-<id> */

struct person_pair {
    struct slice stable_id, address;
};

struct person {
    int64_t user_id;
    struct slice login, display_name, picture;  /* as last seen */
    struct slice username;                      /* preferred_username */
    struct slice email;                         /* none: no address (a login that is none, or one that is withheld) */
    bool email_by_operator, blocked;
    bool held;                                  /* known id, other login: waits for `person confirm` */
    struct slice held_login;
    bool login_changed;                         /* person_meet has just taken a new login over; not stored */
    struct person_pair pairs[PERSON_PAIRS_MAX];
    unsigned pair_count;
    int64_t created_at, seen_at;                /* seen_at moves at most once a day: this record must not be hot */
    uint32_t epoch;
};

bool person_load(struct txn *t, int64_t user_id, struct person *ret);
bool person_unpack(struct pool *p, struct slice value, struct person *ret);
void person_put(struct txn *t, const struct person *person);

/* The person of a peer of kind PEER_PERSON, made on first sight: chooses the user name, claims the address, notes login, node and
 * address. Puts only what changed. ERR_LIMIT: PERSONS_MAX. A known id with another login comes back held. */
enum err person_meet(struct txn *t, const struct issuer *issuer, const struct peer *peer, struct now now, struct person *ret) MUST_CHECK;

/* Rules on names, pure. */
#define USERNAME_SHARED_IN "shared-" /* how the names of other tailnets' people begin, and nobody else's */
struct slice username_of_id(struct pool *p, int64_t user_id); /* what is left when the login gives none: user-7, shared-7 */
struct slice username_from_login(struct pool *p, struct slice login, int64_t user_id); /* before uniqueness */
bool username_is_valid(struct slice name);      /* its form: docs/decisions.md, Identity */
bool username_is_reserved(struct slice name);   /* for nobody but whom an operator gives it */
struct slice email_from_login(struct pool *p, struct slice login); /* domain in lower case; none: the login is no address */

/* The operator's acts. *ret_why: a sentence. ERR_EXISTS: another person's; ERR_INPUT: of the wrong form. */
enum err person_set_username(struct txn *t, struct person *person, struct slice name, struct slice *ret_why) MUST_CHECK;
enum err person_set_email(struct txn *t, struct person *person, struct slice email, struct slice *ret_why) MUST_CHECK;
void person_confirm(struct txn *t, struct person *person);                       /* the other login is the same person */
/* Name and address move, sub does not. ERR_INPUT with *ret_why: both are one person, or OLD is blocked. */
enum err person_link(struct txn *t, struct person *from, struct person *to, struct slice *ret_why) MUST_CHECK;
void person_block(struct txn *t, struct person *person, bool blocked);           /* blocking raises the epoch: everything ends at once */

/* A user id as people read and write it: decimal; "shared-N" where another tailnet gave it (USER_ID_SHARED_IN). */
struct slice user_id_text(struct pool *p, int64_t user_id);
bool user_id_parse(struct slice text, int64_t *ret);

/* `sub`: the user id's text, or "userid:" and that where the issuer says so. A machine's: "node-<StableID>". */
struct slice person_subject(struct pool *p, const struct issuer *issuer, int64_t user_id);

#endif
