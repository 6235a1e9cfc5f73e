/* The one place that builds a key, and the one that takes it apart. */
#include "schema.h"

#include <assert.h>
#include <string.h>

#define ISSUER_BYTES 2
#define HEAD_BYTES   (ISSUER_BYTES + 1)

static void append(char *key, size_t *n, struct slice part)
{
    if (part.n == 0)
        return;
    memcpy(key + *n, part.p, part.n);
    *n += part.n;
}

struct slice key_make(struct pool *p, uint16_t issuer, enum key_class class, struct slice a, struct slice b)
{
    assert(a.n <= KEY_BYTES_MAX && b.n <= KEY_BYTES_MAX && HEAD_BYTES + a.n + b.n <= KEY_BYTES_MAX);
    char *key = pool_alloc(p, HEAD_BYTES + a.n + b.n);
    size_t n = HEAD_BYTES;

    key[0] = (char)(issuer >> 8);
    key[1] = (char)(issuer & 0xff);
    key[2] = (char)class;
    append(key, &n, a);
    append(key, &n, b);
    return (struct slice){ key, n };
}

bool key_split(struct slice key, uint16_t *ret_issuer, uint8_t *ret_class, struct slice *ret_id)
{
    const unsigned char *k = (const unsigned char *)key.p;

    if (key.n < HEAD_BYTES)
        return false;
    *ret_issuer = (uint16_t)(k[0] << 8 | k[1]);
    *ret_class = k[2];
    *ret_id = slice_from(key, HEAD_BYTES);
    return true;
}

static struct slice big_endian(struct pool *p, uint64_t v, unsigned bytes)
{
    char *key = pool_alloc(p, bytes);

    for (unsigned i = 0; i < bytes; i++)
        key[i] = (char)(v >> (8 * (bytes - 1 - i)) & 0xff);
    return (struct slice){ key, bytes };
}

struct slice key_u32(struct pool *p, uint32_t v)
{
    return big_endian(p, v, sizeof(v));
}

struct slice key_u64(struct pool *p, uint64_t v)
{
    return big_endian(p, v, sizeof(v));
}

struct slice key_user(struct pool *p, int64_t user_id)
{
    return key_u64(p, (uint64_t)user_id ^ UINT64_C(1) << 63);
}
