/* Another process on the database: what the command line does to it, and what must hold in every state of it. */
#include <string.h>

#include "chain.h"
#include "consent.h"
#include "flow.h"
#include "grant.h"
#include "record.h"
#include "session.h"
#include "world_int.h"

#define CHAIN_TEXT_BYTES_MAX 16384

struct slice with_nul(struct pool *p, struct slice s)
{
    char *longer = pool_zalloc(p, s.n + 1);

    memcpy(longer, s.p, s.n);
    return slice_bytes(longer, s.n + 1);
}

struct txn *world_begin(struct world *w)
{
    view_rest(w->outside);
    return txn_create(w->pool, w->outside, w->issuer.number);
}

void world_commit(struct world *w, struct txn *t)
{
    CHECK_INT(store_commit_one(w->store, t), ERR_OK);
    view_rest(w->outside);
}

void world_put_client(struct world *w, const struct client *c)
{
    struct txn *t = world_begin(w);

    client_put(t, c);
    world_commit(w, t);
}

struct client world_client(struct world *w, const char *id)
{
    struct client c = { .created_at = 0 };

    CHECK(client_load(world_begin(w), slice_of(id), &c));
    view_rest(w->outside);
    return c;
}

struct person world_person(struct world *w, int64_t user_id)
{
    struct person person = { .user_id = 0 };

    CHECK(person_load(world_begin(w), user_id, &person));
    view_rest(w->outside);
    return person;
}

void world_put_person(struct world *w, const struct person *person)
{
    struct txn *t = world_begin(w);

    person_put(t, person);
    world_commit(w, t);
}

struct keyring world_keys(struct world *w)
{
    struct keyring ring = { .n = 0 };

    view_rest(w->outside);
    CHECK_INT(keyring_read(w->pool, w->outside, w->issuer.number, &ring), ERR_OK);
    view_rest(w->outside);
    return ring;
}

/* ---- records and counters ---- */

static int64_t user_of(struct pool *p, enum key_class class, struct slice value)
{
    struct session session = { .user_id = 0 };
    struct grant grant = { .user_id = 0 };
    struct flow flow = { .stored_by = 0 };

    if (class == CLASS_SESSION && session_unpack(p, value, &session))
        return session.user_id;
    if (class == CLASS_GRANT && grant_unpack(p, value, &grant))
        return grant.user_id;
    if (class == CLASS_FLOW && flow_unpack(p, value, &flow))
        return flow.stored_by;
    return 0;
}

/* Of those whose key begins with the user id, that is enough. */
static bool is_of(struct world *w, enum key_class class, const struct record *r, int64_t user_id)
{
    struct slice user = key_user(w->pool, user_id), id;
    uint16_t issuer;
    uint8_t number;

    if (user_id == 0)
        return true;
    if (class == CLASS_SESSION || class == CLASS_GRANT || class == CLASS_FLOW)
        return user_of(w->pool, class, r->value) == user_id;
    return key_split(r->key, &issuer, &number, &id) && slice_starts(id, user);
}

unsigned world_count(struct world *w, enum key_class class, int64_t user_id)
{
    struct slice prefix = key_make(w->pool, w->issuer.number, class, SLICE_NONE, SLICE_NONE), from = prefix;
    enum err err = ERR_OK;
    struct record r;
    unsigned n = 0;

    view_rest(w->outside);
    while (view_next(w->outside, from, &r, &err) && slice_starts(r.key, prefix)) {
        n += is_of(w, class, &r, user_id);
        from = with_nul(w->pool, r.key);
    }
    view_rest(w->outside);
    CHECK_INT(err, ERR_OK);
    return n;
}

static struct slice counter_key(struct world *w, struct txn *t, enum key_class class, int64_t user_id)
{
    return issuer_count_key(t, class, user_id > 0 ? key_user(w->pool, user_id) : SLICE_NONE);
}

unsigned world_counter(struct world *w, enum key_class class, int64_t user_id)
{
    struct txn *t = world_begin(w);
    unsigned n = txn_count_now(t, counter_key(w, t, class, user_id));

    view_rest(w->outside);
    return n;
}

void world_set_counter(struct world *w, enum key_class class, int64_t user_id, uint32_t number)
{
    unsigned now = world_counter(w, class, user_id);
    struct txn *t = world_begin(w);

    w->counters_preset = true;
    txn_count(t, counter_key(w, t, class, user_id), (int)number - (int)now, UINT32_MAX);
    world_commit(w, t);
}

static void inspect_counters(struct world *w)
{
    static const enum key_class of_people[] = { CLASS_SESSION, CLASS_GRANT, CLASS_CONSENT, CLASS_FLOW },
                                of_issuer[] = { CLASS_PERSON, CLASS_KEY };

    for (int64_t user = ALICE; user <= CAROL; user++)
        for (size_t i = 0; i < sizeof(of_people) / sizeof(of_people[0]); i++)
            CHECK_INT(world_counter(w, of_people[i], user), world_count(w, of_people[i], user));
    for (size_t i = 0; i < sizeof(of_issuer) / sizeof(of_issuer[0]); i++)
        CHECK_INT(world_counter(w, of_issuer[i], 0), world_count(w, of_issuer[i], 0));
}

bool world_agrees(const struct world *w, unsigned got, unsigned want)
{
    if (got >= want && got <= want + w->lost)
        return true;
    printf("# it is %u, not %u\n", got, want);
    return false;
}

/* ---- the audit log ---- */

/* fn for each record's text, in order; the chain is followed on the way. */
static void each_audited(struct world *w, void (*fn)(void *ctx, struct slice text), void *ctx)
{
    struct slice prefix = key_make(w->pool, w->issuer.number, CLASS_AUDIT, SLICE_NONE, SLICE_NONE), from = prefix;
    struct chain chain = { .sequence = 0 }, head = { .sequence = 0 };
    enum err err = ERR_OK;
    struct slice text, value;
    struct record r;

    view_rest(w->outside);
    while (view_next(w->outside, from, &r, &err) && slice_starts(r.key, prefix)) {
        if (chain_follow(&chain, chain.sequence + 1, r.value, &text) != ERR_OK) {
            WORLD_FAIL("the audit log's chain is whole");
            break;
        }
        fn(ctx, text);
        from = with_nul(w->pool, r.key);
    }
    if (view_get(w->outside, key_make(w->pool, w->issuer.number, CLASS_AUDIT_HEAD, SLICE_NONE, SLICE_NONE), &value,
                 &err))
        CHECK(chain_unpack_head(value, &head));
    view_rest(w->outside);
    CHECK_INT(chain.sequence, head.sequence);
    CHECK(memcmp(chain.hash, head.hash, sizeof(chain.hash)) == 0);
}

struct looking {
    struct world *w;
    const char *event;
    unsigned n;
    struct slice last;
};

static void look_at(void *ctx, struct slice text)
{
    struct looking *l = ctx;
    const struct json *all;
    struct slice event;

    l->last = pool_dup(l->w->pool, text);
    if (l->event == NULL)
        return;
    CHECK_INT(json_parse(l->w->pool, l->last, CHAIN_TEXT_BYTES_MAX, &all), ERR_OK);
    l->n += json_text(json_member(all, "event"), &event) && slice_eq(event, slice_of(l->event));
}

unsigned world_audited(struct world *w, const char *event)
{
    struct looking l = { .w = w, .event = event };

    each_audited(w, look_at, &l);
    return l.n;
}

struct slice world_audit_last(struct world *w, const char *member)
{
    struct looking l = { .w = w };
    const struct json *all;
    struct slice value = SLICE_NONE;

    each_audited(w, look_at, &l);
    if (slice_is_none(l.last) || json_parse(w->pool, l.last, CHAIN_TEXT_BYTES_MAX, &all) != ERR_OK ||
        !json_text(json_member(all, member), &value))
        return SLICE_NONE;
    return value;
}

/* ---- secrets ---- */

void world_keep_secret(struct world *w, struct slice secret)
{
    if (slice_is_none(secret) || w->secret_n == WORLD_SECRETS_MAX)
        return;
    w->secrets[w->secret_n++] = secret;
}

static bool tells(struct world *w, struct slice text)
{
    for (unsigned i = 0; i < w->secret_n; i++)
        if (memmem(text.p, text.n, w->secrets[i].p, w->secrets[i].n) != NULL)
            return true;
    return false;
}

static void inspect_records(struct world *w)
{
    struct slice from = SL("\0");
    enum err err = ERR_OK;
    struct record r;

    view_rest(w->outside);
    while (view_next(w->outside, from, &r, &err)) {
        CHECK(!tells(w, r.value));
        from = with_nul(w->pool, r.key);
    }
    view_rest(w->outside);
    CHECK_INT(err, ERR_OK);
}

void world_inspect(struct world *w)
{
    struct looking l = { .w = w };

    each_audited(w, look_at, &l);
    if (!w->counters_preset)
        inspect_counters(w);
    inspect_records(w);
    CHECK(!tells(w, world_log(w)));
}
