/* A Bloom filter for each commit: two bits a key. */
#include "recent.h"

#define HASH_START  UINT64_C(0x9e3779b97f4a7c15)
#define HASH_FACTOR UINT64_C(0xff51afd7ed558ccd)

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * HASH_FACTOR;
    return hash ^ hash >> 32;
}

static uint64_t load8(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

/* Eight bytes at a time, the last eight overlapping. Keys of records are longer than that. A multiplication carries upwards alone: once
 * more at the end, or the last bytes, in which ids differ, would not reach the bits that are used. */
uint64_t recent_hash(struct slice key)
{
    uint64_t hash = HASH_START ^ key.n;

    if (key.n < 8) {
        for (size_t i = 0; i < key.n; i++)
            hash = mix(hash, (unsigned char)key.p[i]);
        return hash;
    }
    for (size_t i = 0; i + 8 < key.n; i += 8)
        hash = mix(hash, load8(key.p + i));
    return mix(mix(hash, load8(key.p + key.n - 8)), 0);
}

static bool is_set(const struct recent_commit *c, uint64_t bit)
{
    return (c->bits[bit / 64] >> (bit % 64) & 1) != 0;
}

static const struct recent_commit *at(const struct recent *r, uint64_t txn_id)
{
    return &r->commit[txn_id % RECENT_COMMITS];
}

void recent_begin(struct recent *r, uint64_t txn_id)
{
    r->now = txn_id;
    r->commit[txn_id % RECENT_COMMITS] = (struct recent_commit){ .txn_id = 0 };
}

void recent_add(struct recent *r, struct slice key)
{
    uint64_t hash = recent_hash(key), first = hash % RECENT_BITS, second = (hash >> 32) % RECENT_BITS;
    struct recent_commit *c = &r->commit[r->now % RECENT_COMMITS];

    c->bits[first / 64] |= UINT64_C(1) << (first % 64);
    c->bits[second / 64] |= UINT64_C(1) << (second % 64);
}

void recent_commit(struct recent *r)
{
    r->commit[r->now % RECENT_COMMITS].txn_id = r->now;
}

bool recent_covers(const struct recent *r, uint64_t snapshot)
{
    if (snapshot == 0 || snapshot >= r->now || r->now - snapshot > RECENT_COMMITS)
        return false;
    for (uint64_t id = snapshot + 1; id < r->now; id++)
        if (at(r, id)->txn_id != id)
            return false;
    return true;
}

bool recent_has(const struct recent *r, uint64_t snapshot, struct slice key)
{
    return recent_has_hash(r, snapshot, recent_hash(key));
}

bool recent_has_hash(const struct recent *r, uint64_t snapshot, uint64_t hash)
{
    uint64_t first = hash % RECENT_BITS, second = (hash >> 32) % RECENT_BITS;

    for (uint64_t id = snapshot + 1; id <= r->now; id++)
        if (is_set(at(r, id), first) && is_set(at(r, id), second))
            return true;
    return false;
}
