/* A request's memory: chunks that are freed together. Allocation cannot fail (no memory: the process ends with a
 * message). A pool has a cap; past it allocations still work, pool_is_over() turns true and stays so, and the
 * request's driver answers 503. One thread at a time; the pool goes with the request from thread to thread. */
#ifndef AVOUCH_POOL_H
#define AVOUCH_POOL_H

#include "slice.h"

struct pool;

/* A place in the pool's history, see pool_rewind. */
struct pool_mark {
    void *chunk, *at, *defer;
    size_t used;
};

struct pool *pool_create(size_t cap);
void pool_destroy(struct pool *p);                        /* NULL is fine; runs the deferred functions, newest first */

void *pool_alloc(struct pool *p, size_t n);               /* 16-byte aligned, not cleared */
void *pool_zalloc(struct pool *p, size_t n);
void *pool_secret(struct pool *p, size_t n);              /* cleared; wiped before its memory is given up */
struct slice pool_dup(struct pool *p, struct slice s);    /* SLICE_NONE stays SLICE_NONE */
char *slice_cstr(struct pool *p, struct slice s);         /* NUL-terminated copy; SLICE_NONE becomes "" */
struct slice pool_fmt(struct pool *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes an allocation of `from` bytes one of `to`, where it stands if it is the newest one and no mark was taken
 * since, else by copying. Not for pool_secret. */
void *pool_resize(struct pool *p, void *block, size_t from, size_t to);

/* fn(object) runs when the pool ends or is rewound past this point; all the pool's memory is still there then. */
void pool_defer(struct pool *p, void *object, void (*fn)(void *));

struct pool_mark pool_mark(struct pool *p);
/* Frees (under ASan poisons) all that came after the mark; not over any more if the cap is kept again. */
void pool_rewind(struct pool *p, struct pool_mark to);

bool pool_is_over(const struct pool *p);
size_t pool_used(const struct pool *p);                   /* bytes handed out, each allocation rounded up to 16 */

#endif
