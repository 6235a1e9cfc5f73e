/* A request's transaction: what it has read and what it wants written. Nothing here touches the disk but reads. Own writes are seen
 * by txn_get, not by txn_scan and not by txn_count_now: these two show the snapshot and are guarded by nothing. */
#include "txn.h"

#include <assert.h>
#include <string.h>

#include "recent.h"
#include "record.h"
#include "store.h"
#include "txn_int.h"

#define COUNT_RECORD_VERSION 1
#define KEY_ROOM             512 /* of whatever lies in the database, and one more byte */

struct txn *txn_create(struct pool *p, struct view *view, uint16_t issuer)
{
    struct txn *t = pool_alloc(p, sizeof(*t));

    memset(t, 0, offsetof(struct txn, read));
    t->pool = p;
    t->view = view;
    t->issuer = issuer;
    return t;
}

struct pool *txn_pool(const struct txn *t)
{
    return t->pool;
}

uint16_t txn_issuer(const struct txn *t)
{
    return t->issuer;
}

enum err txn_err(const struct txn *t)
{
    return t->err;
}

void txn_fail(struct txn *t, enum err e)
{
    if (t->err == ERR_OK)
        t->err = e;
}

struct job *txn_job(struct txn *t)
{
    return &t->job;
}

struct txn *txn_of_job(struct job *j)
{
    return (struct txn *)(void *)((char *)j - offsetof(struct txn, job));
}

bool txn_is_dirty(const struct txn *t)
{
    return t->write_n > 0 || t->count_n > 0 || !slice_is_none(t->log) || t->accepts_clock;
}

/* One issuer's rules never write into another's records. */
static void check_issuer(const struct txn *t, struct slice key)
{
    uint16_t issuer = 0;
    uint8_t class = 0;
    struct slice id;
    bool is_key = key.n <= KEY_BYTES_MAX && key_split(key, &issuer, &class, &id);

    assert(is_key && issuer == t->issuer);
    (void)is_key;
}

static const struct slice *find_write(const struct txn *t, struct slice key)
{
    for (size_t i = 0; i < t->write_n; i++)
        if (slice_eq(t->write[i].key, key))
            return &t->write[i].value;
    return NULL;
}

static const struct slice *find_read(const struct txn *t, struct slice key)
{
    for (size_t i = 0; i < t->read_n; i++)
        if (slice_eq(t->read[i].key, key))
            return &t->read[i].value;
    return NULL;
}

/* Reads through the view and remembers what was there. NULL: the transaction has failed. */
static const struct slice *remember(struct txn *t, struct slice key)
{
    enum err err = ERR_OK;
    struct slice value = SLICE_NONE;

    if (t->read_n == TXN_READS_MAX) {
        txn_fail(t, ERR_LIMIT);
        return NULL;
    }
    if (t->read_n == 0)
        t->snapshot = view_txn_id(t->view);
    if (!view_get(t->view, key, &value, &err) && err != ERR_OK) {
        txn_fail(t, err);
        return NULL;
    }
    t->read_hash[t->read_n] = recent_hash(key);
    struct record *r = &t->read[t->read_n++];
    *r = (struct record){ .key = key, .value = pool_dup(t->pool, value) };
    return &r->value;
}

bool txn_get(struct txn *t, struct slice key, struct slice *ret)
{
    if (t->err != ERR_OK)
        return false;
    const struct slice *value = find_write(t, key);
    if (value == NULL)
        value = find_read(t, key);
    if (value == NULL)
        value = remember(t, key);
    if (value == NULL || slice_is_none(*value))
        return false;
    *ret = *value;
    return true;
}

static void buffer_write(struct txn *t, struct slice key, struct slice value)
{
    check_issuer(t, key);
    if (t->err != ERR_OK)
        return;
    for (size_t i = 0; i < t->write_n; i++) {
        if (slice_eq(t->write[i].key, key)) {
            t->write[i].value = value;
            return;
        }
    }
    if (t->write_n == TXN_WRITES_MAX) {
        txn_fail(t, ERR_LIMIT);
        return;
    }
    t->write[t->write_n++] = (struct txn_write){ .key = key, .value = value };
}

void txn_put(struct txn *t, struct slice key, struct slice value)
{
    if (slice_is_none(value) || value.n > RECORD_BYTES_MAX) {
        txn_fail(t, ERR_LIMIT); /* pack_end could not hold it */
        return;
    }
    buffer_write(t, key, value);
}

void txn_del(struct txn *t, struct slice key)
{
    buffer_write(t, key, SLICE_NONE);
}

/* The smallest key after this one. */
static struct slice key_after(struct slice key, char room[static KEY_ROOM])
{
    assert(key.n < KEY_ROOM);
    memcpy(room, key.p, key.n);
    room[key.n] = '\0';
    return (struct slice){ room, key.n + 1 };
}

size_t txn_scan(struct txn *t, struct slice prefix, struct slice from, size_t max, struct record *ret)
{
    char room[KEY_ROOM];
    struct slice at = slice_cmp(from, prefix) < 0 ? prefix : from;
    enum err err = t->err;
    struct record found;
    size_t n = 0;

    while (n < max && err == ERR_OK && view_next(t->view, at, &found, &err) && slice_starts(found.key, prefix)) {
        ret[n] = (struct record){ pool_dup(t->pool, found.key), pool_dup(t->pool, found.value) };
        at = key_after(ret[n].key, room);
        n++;
    }
    if (err != ERR_OK)
        txn_fail(t, err);
    return err == ERR_OK ? n : 0;
}

void txn_count(struct txn *t, struct slice key, int delta, uint32_t max)
{
    check_issuer(t, key);
    if (t->err != ERR_OK)
        return;
    for (size_t i = 0; i < t->count_n; i++) {
        if (slice_eq(t->count[i].key, key)) {
            t->count[i].delta += delta;
            t->count[i].max = max < t->count[i].max ? max : t->count[i].max;
            return;
        }
    }
    if (t->count_n == TXN_COUNTS_MAX) {
        txn_fail(t, ERR_LIMIT);
        return;
    }
    t->count[t->count_n++] = (struct txn_count){ .key = key, .delta = delta, .max = max };
}

uint32_t txn_count_now(struct txn *t, struct slice key)
{
    enum err err = ERR_OK;
    struct slice value = SLICE_NONE;
    uint32_t number = 0;

    if (t->err != ERR_OK)
        return 0;
    if (!view_get(t->view, key, &value, &err) && err != ERR_OK)
        txn_fail(t, err);
    else if (!count_unpack(value, &number))
        txn_fail(t, ERR_CORRUPT);
    return number;
}

void txn_log(struct txn *t, struct slice audit_record)
{
    assert(slice_is_none(t->log));
    if (slice_is_none(audit_record) || audit_record.n > TXN_LOG_BYTES_MAX)
        txn_fail(t, ERR_LIMIT);
    else if (t->err == ERR_OK)
        t->log = audit_record;
}

void txn_rest_on_clock(struct txn *t, int64_t wall_ms)
{
    t->clock_ms = wall_ms;
}

void txn_accept_clock(struct txn *t, int64_t wall_ms)
{
    t->clock_ms = wall_ms;
    t->accepts_clock = true;
}

bool count_unpack(struct slice value, uint32_t *ret)
{
    struct unpacker u;

    if (slice_is_none(value)) {
        *ret = 0;
        return true;
    }
    unpack_begin(&u, NULL, value);
    uint32_t number = unpack_u32(&u);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = number;
    return true;
}

struct slice count_pack(struct pool *p, uint32_t number)
{
    struct packer k;

    pack_begin(&k, p, COUNT_RECORD_VERSION, 0);
    pack_u32(&k, number);
    return pack_end(&k);
}
