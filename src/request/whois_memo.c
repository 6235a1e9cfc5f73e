/* Answers of whois that were read before. One complication: a request may still use what has been replaced meanwhile, so each
 * answer counts its users, the table among them, and ends with the last. */
#include "whois_memo.h"

#include <string.h>

#define HASH_START  UINT64_C(0x9e3779b97f4a7c15)
#define HASH_FACTOR UINT64_C(0xff51afd7ed558ccd)

struct known_answer {
    struct pool *pool; /* of this and all it points to */
    unsigned users;
    uint64_t hash;
    struct slice body;
    struct address asked;
    const struct tailnet_self *self; /* an issuer's: it stays, and another one stands elsewhere */
    struct peer peer;
};

static void leave(void *answer)
{
    struct known_answer *a = answer;

    if (--a->users == 0)
        pool_destroy(a->pool);
}

static uint64_t mix(uint64_t hash, const void *eight_bytes)
{
    uint64_t word;

    memcpy(&word, eight_bytes, sizeof(word));
    hash = (hash ^ word) * HASH_FACTOR;
    return hash ^ hash >> 32;
}

/* It only finds a place: what is left over at the end does not matter. */
static uint64_t hash_of(struct slice body, const struct address *asked)
{
    uint64_t hash = mix(mix(HASH_START, asked->ip), asked->ip + 8);

    for (size_t i = 0; i + 8 <= body.n; i += 8)
        hash = mix(hash, body.p + i);
    return hash;
}

static bool fits(const struct known_answer *a, const struct known_answer *wanted)
{
    return a != NULL && a->hash == wanted->hash && a->self == wanted->self &&
           address_same_ip(&a->asked, &wanted->asked) && slice_eq(a->body, wanted->body);
}

static enum err read_new(const struct known_answer *wanted, struct known_answer **ret)
{
    struct pool *p =
        pool_create(sizeof(*wanted) + 2 * wanted->body.n); /* about; it is never asked whether it is over */
    struct known_answer *a = pool_alloc(p, sizeof(*a));

    *a = *wanted;
    a->pool = p;
    a->users = 1;
    a->body = pool_dup(p, wanted->body);
    enum err e = whois_parse(p, a->body, &a->asked, a->self, &a->peer);
    if (e == ERR_OK)
        *ret = a;
    else
        pool_destroy(p);
    return e;
}

static enum err find(struct whois_memo *m, const struct known_answer *wanted, struct known_answer **ret)
{
    struct known_answer **place = m->at[wanted->hash % WHOIS_MEMO_PLACES];

    for (unsigned i = 0; i < WHOIS_MEMO_ANSWERS; i++) {
        if (!fits(place[i], wanted))
            continue;
        *ret = place[i];
        return ERR_OK;
    }
    enum err e = read_new(wanted, ret);
    if (e != ERR_OK)
        return e;
    struct known_answer **oldest = &place[m->next++ % WHOIS_MEMO_ANSWERS];
    if (*oldest != NULL)
        leave(*oldest);
    *oldest = *ret;
    return ERR_OK;
}

enum err whois_read(struct whois_memo *m, struct pool *p, struct slice body, const struct address *asked,
                    const struct tailnet_self *self, struct peer *ret)
{
    const struct known_answer wanted = { .body = body, .asked = *asked, .self = self, .hash = hash_of(body, asked) };
    struct known_answer *found = NULL;

    if (slice_is_none(body) || body.n > WHOIS_MEMO_BYTES_MAX)
        return whois_parse(p, body, asked, self, ret);
    enum err e = find(m, &wanted, &found);
    if (e != ERR_OK)
        return e;
    found->users++;
    pool_defer(p, found, leave);
    *ret = found->peer;
    return ERR_OK;
}

void whois_memo_finish(struct whois_memo *m)
{
    for (size_t i = 0; i < (size_t)WHOIS_MEMO_PLACES * WHOIS_MEMO_ANSWERS; i++) {
        struct known_answer *a = m->at[i / WHOIS_MEMO_ANSWERS][i % WHOIS_MEMO_ANSWERS];
        if (a != NULL)
            leave(a);
    }
    *m = (struct whois_memo){ .next = 0 };
}
