/* A request's memory. Small allocations are cut from chunks that double in size, large ones have a block of their own
 * so that the rest of the chunk stays of use. Memory is given back only after all deferred functions have run: an
 * older one may look at what was allocated later. Under ASan everything not handed out is poisoned, and a red zone
 * follows each allocation, so that an overrun inside a chunk is found as it would be with malloc. */
#include "pool.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define POOL_POISONS 1
#    endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#    define POOL_POISONS 1
#endif

#ifdef POOL_POISONS
#    include <sanitizer/asan_interface.h>
#    define POISON(p, n)   ASAN_POISON_MEMORY_REGION((p), (n))
#    define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#    define RED_ZONE_BYTES 16
#else
#    define POISON(p, n)   ((void)(p), (void)(n))
#    define UNPOISON(p, n) ((void)(p), (void)(n))
#    define RED_ZONE_BYTES 0
#endif

#define ALIGN_BYTES     16
#define CHUNK_BYTES_MIN 4096
#define CHUNK_BYTES_MAX 65536
#define LARGE_BYTES     2048           /* what does not fit the chunk and is larger has a block of its own */
#define ALLOC_BYTES_MAX (SIZE_MAX / 4) /* sums of sizes cannot wrap */
#define FMT_BYTES       256

struct chunk {
    struct chunk *older;
    size_t size; /* with this head */
};

struct large {
    struct large *older;
    size_t before; /* what was used when it came: tells whether it is newer than a mark */
};

struct defer {
    struct defer *older;
    void *object;
    void (*fn)(void *);
};

struct secret {
    size_t n;
};

struct pool {
    char *at, *end; /* the free part of the newest chunk */
    struct chunk *chunk;
    struct large *large;
    struct defer *defer;
    void *newest; /* may be resized where it stands */
    size_t used, cap;
    bool over;
};

static size_t round_up(size_t n)
{
    return (n + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
}

#define CHUNK_HEAD  ((sizeof(struct chunk) + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES)
#define LARGE_HEAD  ((sizeof(struct large) + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES)
#define SECRET_HEAD ((sizeof(struct secret) + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES)
#define POOL_HEAD   (CHUNK_HEAD + (sizeof(struct pool) + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES)

static void *get_memory(size_t head, size_t n)
{
    void *memory = n > ALLOC_BYTES_MAX ? NULL : malloc(head + n);

    if (memory == NULL) {
        (void)fprintf(stderr, "avouch: out of memory (%zu bytes wanted)\n", n);
        abort();
    }
    return memory;
}

/* The pool itself lies in its first chunk: most requests need one malloc. */
struct pool *pool_create(size_t cap)
{
    struct chunk *first = get_memory(0, CHUNK_BYTES_MIN);
    struct pool *p = (struct pool *)(void *)((char *)first + CHUNK_HEAD);

    *first = (struct chunk){ .older = NULL, .size = CHUNK_BYTES_MIN };
    *p = (struct pool){
        .at = (char *)first + POOL_HEAD,
        .end = (char *)first + CHUNK_BYTES_MIN,
        .chunk = first,
        .cap = cap,
    };
    POISON(p->at, (size_t)(p->end - p->at));
    return p;
}

static void run_deferred(struct pool *p, const struct defer *until)
{
    while (p->defer != until) {
        struct defer *d = p->defer;

        p->defer = d->older;
        d->fn(d->object);
    }
}

static void free_large(struct pool *p, size_t since)
{
    while (p->large != NULL && p->large->before >= since) {
        struct large *older = p->large->older;

        free(p->large);
        p->large = older;
    }
}

void pool_destroy(struct pool *p)
{
    if (p == NULL)
        return;
    run_deferred(p, NULL);
    free_large(p, 0);
    for (struct chunk *c = p->chunk; c != NULL;) {
        struct chunk *older = c->older;

        UNPOISON(c, c->size);
        free(c);
        c = older;
    }
}

static void count(struct pool *p, size_t n)
{
    p->used += n;
    p->over |= p->used > p->cap;
}

static void *alloc_large(struct pool *p, size_t n)
{
    struct large *l = get_memory(LARGE_HEAD, n);

    *l = (struct large){ .older = p->large, .before = p->used };
    p->large = l;
    p->newest = NULL; /* shrinking what is older would break the order that `before` stands for */
    count(p, round_up(n));
    return (char *)l + LARGE_HEAD;
}

static void add_chunk(struct pool *p)
{
    size_t size = p->chunk->size < CHUNK_BYTES_MAX ? p->chunk->size * 2 : CHUNK_BYTES_MAX;
    struct chunk *c = get_memory(0, size);

    *c = (struct chunk){ .older = p->chunk, .size = size };
    p->chunk = c;
    p->at = (char *)c + CHUNK_HEAD;
    p->end = (char *)c + size;
    POISON(p->at, (size_t)(p->end - p->at));
}

void *pool_alloc(struct pool *p, size_t n)
{
    size_t size = round_up(n + (n == 0));

    if (__builtin_expect(n > ALLOC_BYTES_MAX || size + RED_ZONE_BYTES > (size_t)(p->end - p->at), 0)) {
        if (n > LARGE_BYTES)
            return alloc_large(p, n);
        add_chunk(p);
    }
    void *block = p->at;
    p->at += size + RED_ZONE_BYTES;
    p->newest = block;
    count(p, size);
    UNPOISON(block, n);
    return block;
}

void *pool_zalloc(struct pool *p, size_t n)
{
    return memset(pool_alloc(p, n), 0, n);
}

static void wipe(void *object)
{
    struct secret *s = object;

    explicit_bzero((char *)s + SECRET_HEAD, s->n);
}

void *pool_secret(struct pool *p, size_t n)
{
    assert(n <= ALLOC_BYTES_MAX);
    struct secret *s = pool_zalloc(p, SECRET_HEAD + n);

    s->n = n;
    pool_defer(p, s, wipe);
    return (char *)s + SECRET_HEAD;
}

struct slice pool_dup(struct pool *p, struct slice s)
{
    if (slice_is_none(s))
        return s;
    return (struct slice){ memcpy(pool_alloc(p, s.n), s.p, s.n), s.n };
}

char *slice_cstr(struct pool *p, struct slice s)
{
    char *text = pool_alloc(p, s.n + 1);

    if (s.n > 0)
        memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return text;
}

struct slice pool_fmt(struct pool *p, const char *fmt, ...)
{
    char small[FMT_BYTES];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    assert(n >= 0);
    char *text = pool_alloc(p, (size_t)n + 1);
    if ((size_t)n < sizeof(small)) {
        memcpy(text, small, (size_t)n + 1);
    } else {
        va_start(args, fmt);
        (void)vsnprintf(text, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    return (struct slice){ text, (size_t)n };
}

void *pool_resize(struct pool *p, void *block, size_t from, size_t to)
{
    size_t old = round_up(from + (from == 0)), size = round_up(to + (to == 0));
    bool in_place =
        block == p->newest && to <= ALLOC_BYTES_MAX && size + RED_ZONE_BYTES <= (size_t)(p->end - (char *)block);

    if (!in_place && to <= from)
        return block;
    if (!in_place)
        return memcpy(pool_alloc(p, to), block, from);
    p->at = (char *)block + size + RED_ZONE_BYTES;
    p->used -= old;
    count(p, size);
    POISON(block, (size_t)(p->end - (char *)block));
    UNPOISON(block, to);
    return block;
}

void pool_defer(struct pool *p, void *object, void (*fn)(void *))
{
    struct defer *d = pool_alloc(p, sizeof(*d));

    *d = (struct defer){ .older = p->defer, .object = object, .fn = fn };
    p->defer = d;
}

/* What is older than a mark must not grow past it: a rewind would cut it. */
struct pool_mark pool_mark(struct pool *p)
{
    p->newest = NULL;
    return (struct pool_mark){ .chunk = p->chunk, .at = p->at, .defer = p->defer, .used = p->used };
}

void pool_rewind(struct pool *p, struct pool_mark to)
{
    run_deferred(p, to.defer);
    free_large(p, to.used);
    while (p->chunk != to.chunk) {
        struct chunk *older = p->chunk->older;

        assert(older != NULL);
        UNPOISON(p->chunk, p->chunk->size);
        free(p->chunk);
        p->chunk = older;
    }
    p->at = to.at;
    p->end = (char *)p->chunk + p->chunk->size;
    p->newest = NULL;
    p->used = to.used;
    p->over = p->used > p->cap;
    POISON(p->at, (size_t)(p->end - p->at));
}

bool pool_is_over(const struct pool *p)
{
    return p->over;
}

size_t pool_used(const struct pool *p)
{
    return p->used;
}
