/* How every value is laid out: version (1) | expires_at (8, seconds, 0 = never) | fields in order. Integers big-endian; a text is its
 * length (4) and its bytes; none and empty are told apart (0xffffffff). A reader accepts a longer tail than it knows (a newer avouch
 * wrote it) and a shorter one than it knows (an older one did: unpack_more says so). Errors are sticky. */
#ifndef AVOUCH_RECORD_H
#define AVOUCH_RECORD_H

#include "buf.h"
#include "err.h"

#define RECORD_BYTES_MAX 65536

struct packer {
    struct buf buf;
};

void pack_begin(struct packer *k, struct pool *p, uint8_t version, int64_t expires_at);
void pack_u8(struct packer *k, uint8_t v);
void pack_bool(struct packer *k, bool v);
void pack_u32(struct packer *k, uint32_t v);
void pack_u64(struct packer *k, uint64_t v);
void pack_i64(struct packer *k, int64_t v);
void pack_text(struct packer *k, struct slice v);
void pack_texts(struct packer *k, struct slices v);
void pack_bytes(struct packer *k, const void *v, size_t n); /* fixed length, known to both sides */
struct slice pack_end(struct packer *k);                    /* SLICE_NONE: larger than RECORD_BYTES_MAX */

struct unpacker {
    struct pool *pool;
    struct slice rest;
    bool bad;
    uint8_t version;
    int64_t expires_at;
};

void unpack_begin(struct unpacker *u, struct pool *p, struct slice value);
bool unpack_more(const struct unpacker *u);                 /* something is left: fields added later are there */
uint8_t unpack_u8(struct unpacker *u);
bool unpack_bool(struct unpacker *u);
uint32_t unpack_u32(struct unpacker *u);
uint64_t unpack_u64(struct unpacker *u);
int64_t unpack_i64(struct unpacker *u);
struct slice unpack_text(struct unpacker *u);               /* borrowed from the value */
struct slices unpack_texts(struct unpacker *u);             /* array in the pool */
void unpack_bytes(struct unpacker *u, void *ret, size_t n);
enum err unpack_end(const struct unpacker *u) MUST_CHECK;   /* ERR_CORRUPT */

/* Without unpacking: for the sweep. 0 if it never expires or makes no sense. */
int64_t record_expires_at(struct slice value);

#endif
