/* Packing and unpacking of values. The unpacker is handed whatever the disk holds: each read first asks whether it is there. */
#include "record.h"

#include <endian.h>
#include <string.h>

#define LENGTH_BYTES 4
#define LENGTH_NONE  UINT32_MAX

static void put_number(struct packer *k, uint64_t v, unsigned bytes)
{
    uint64_t big_endian = htobe64(v);

    buf_put(&k->buf, slice_bytes((const char *)&big_endian + sizeof(big_endian) - bytes, bytes));
}

void pack_begin(struct packer *k, struct pool *p, uint8_t version, int64_t expires_at)
{
    buf_init(&k->buf, p, RECORD_BYTES_MAX);
    pack_u8(k, version);
    pack_i64(k, expires_at);
}

void pack_u8(struct packer *k, uint8_t v)
{
    put_number(k, v, 1);
}

void pack_bool(struct packer *k, bool v)
{
    put_number(k, v, 1);
}

void pack_u32(struct packer *k, uint32_t v)
{
    put_number(k, v, 4);
}

void pack_u64(struct packer *k, uint64_t v)
{
    put_number(k, v, 8);
}

void pack_i64(struct packer *k, int64_t v)
{
    put_number(k, (uint64_t)v, 8);
}

void pack_text(struct packer *k, struct slice v)
{
    if (v.n > RECORD_BYTES_MAX) {
        k->buf.over = true;
        return;
    }
    pack_u32(k, slice_is_none(v) ? LENGTH_NONE : (uint32_t)v.n);
    buf_put(&k->buf, v);
}

void pack_texts(struct packer *k, struct slices v)
{
    if (v.n > RECORD_BYTES_MAX) {
        k->buf.over = true;
        return;
    }
    pack_u32(k, (uint32_t)v.n);
    for (size_t i = 0; i < v.n; i++)
        pack_text(k, v.at[i]);
}

void pack_bytes(struct packer *k, const void *v, size_t n)
{
    buf_put(&k->buf, slice_bytes(v, n));
}

struct slice pack_end(struct packer *k)
{
    return buf_finish(&k->buf);
}

void unpack_begin(struct unpacker *u, struct pool *p, struct slice value)
{
    *u = (struct unpacker){ .pool = p, .rest = value };
    u->version = unpack_u8(u);
    u->expires_at = unpack_i64(u);
}

bool unpack_more(const struct unpacker *u)
{
    return !u->bad && u->rest.n > 0;
}

/* The next n bytes, or none and bad for ever. */
static struct slice take(struct unpacker *u, size_t n)
{
    if (u->bad || n > u->rest.n) {
        u->bad = true;
        return SLICE_NONE;
    }
    struct slice head = slice_head(u->rest, n);
    u->rest = slice_from(u->rest, n);
    return head;
}

static inline uint64_t take_number(struct unpacker *u, unsigned bytes)
{
    uint64_t big_endian = 0;

    if (u->bad || bytes > u->rest.n) {
        u->bad = true;
        return 0;
    }
    memcpy((char *)&big_endian + sizeof(big_endian) - bytes, u->rest.p, bytes);
    u->rest = (struct slice){ u->rest.p + bytes, u->rest.n - bytes };
    return be64toh(big_endian);
}

uint8_t unpack_u8(struct unpacker *u)
{
    return (uint8_t)take_number(u, 1);
}

bool unpack_bool(struct unpacker *u)
{
    uint64_t v = take_number(u, 1);

    u->bad |= v > 1;
    return v == 1;
}

uint32_t unpack_u32(struct unpacker *u)
{
    return (uint32_t)take_number(u, 4);
}

uint64_t unpack_u64(struct unpacker *u)
{
    return take_number(u, 8);
}

int64_t unpack_i64(struct unpacker *u)
{
    return (int64_t)take_number(u, 8);
}

struct slice unpack_text(struct unpacker *u)
{
    uint32_t n = unpack_u32(u);

    return u->bad || n == LENGTH_NONE ? SLICE_NONE : take(u, n);
}

struct slices unpack_texts(struct unpacker *u)
{
    uint32_t n = unpack_u32(u);

    u->bad |= n > u->rest.n / LENGTH_BYTES; /* each has a length at least */
    if (u->bad || n == 0)
        return (struct slices){ NULL, 0 };
    struct slice *at = pool_alloc(u->pool, n * sizeof(*at));
    for (uint32_t i = 0; i < n; i++)
        at[i] = unpack_text(u);
    return u->bad ? (struct slices){ NULL, 0 } : (struct slices){ at, n };
}

void unpack_bytes(struct unpacker *u, void *ret, size_t n)
{
    struct slice s = take(u, n);

    if (slice_is_none(s))
        memset(ret, 0, n);
    else if (n > 0)
        memcpy(ret, s.p, n);
}

enum err unpack_end(const struct unpacker *u)
{
    return u->bad ? ERR_CORRUPT : ERR_OK;
}

int64_t record_expires_at(struct slice value)
{
    struct unpacker u;

    unpack_begin(&u, NULL, value);
    return u.bad || u.expires_at < 0 ? 0 : u.expires_at;
}
