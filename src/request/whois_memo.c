/* Answers of whois that were read before. One complication: a request may still use what has been replaced meanwhile, so each
 * answer counts its users, the table among them, and ends with the last. */
#include "whois_memo.h"

#include <string.h>

#define ANSWER_POOL_BYTES ((size_t)4 << 20)
#define HASH_START        UINT64_C(0x9e3779b97f4a7c15)
#define HASH_FACTOR       UINT64_C(0xff51afd7ed558ccd)

struct known_answer {
    struct pool *pool; /* of this and all it points to */
    unsigned users;
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

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    uint64_t word = 0;

    memcpy(&word, bytes, n);
    hash = (hash ^ word) * HASH_FACTOR;
    return hash ^ hash >> 32;
}

/* It only finds a place: two answers with one hash replace each other, no more. */
static size_t place_of(struct slice body, const struct address *asked)
{
    uint64_t hash = mix(mix(HASH_START, asked->ip, 8), asked->ip + 8, 8);

    for (; body.n >= sizeof(hash); body = slice_from(body, sizeof(hash)))
        hash = mix(hash, body.p, sizeof(hash));
    return mix(hash, body.p, body.n) % WHOIS_MEMO_SLOTS;
}

static bool fits(const struct known_answer *a, struct slice body, const struct address *asked,
                 const struct tailnet_self *self)
{
    return a != NULL && a->self == self && address_same_ip(&a->asked, asked) && slice_eq(a->body, body);
}

static enum err read_new(struct slice body, const struct address *asked, const struct tailnet_self *self,
                         struct known_answer **ret)
{
    struct pool *p = pool_create(ANSWER_POOL_BYTES);
    struct known_answer *a = pool_zalloc(p, sizeof(*a));

    *a = (struct known_answer){ .pool = p, .users = 1, .body = pool_dup(p, body), .asked = *asked, .self = self };
    enum err e = whois_parse(p, a->body, asked, self, &a->peer);
    if (e == ERR_OK)
        *ret = a;
    else
        pool_destroy(p);
    return e;
}

enum err whois_read(struct whois_memo *m, struct pool *p, struct slice body, const struct address *asked,
                    const struct tailnet_self *self, struct peer *ret)
{
    if (slice_is_none(body) || body.n > WHOIS_MEMO_BYTES_MAX)
        return whois_parse(p, body, asked, self, ret);
    struct known_answer **at = &m->at[place_of(body, asked)], *fresh = NULL;
    if (!fits(*at, body, asked, self)) {
        enum err e = read_new(body, asked, self, &fresh);
        if (e != ERR_OK)
            return e;
        if (*at != NULL)
            leave(*at);
        *at = fresh;
    }
    (*at)->users++;
    pool_defer(p, *at, leave);
    *ret = (*at)->peer;
    return ERR_OK;
}

void whois_memo_finish(struct whois_memo *m)
{
    for (size_t i = 0; i < WHOIS_MEMO_SLOTS; i++)
        if (m->at[i] != NULL)
            leave(m->at[i]);
    *m = (struct whois_memo){ { NULL } };
}
