/* A request's memory. Small allocations are cut from chunks that double in size, large ones have a block of their own
 * so that the rest of the chunk stays of use. Memory is given back only after all deferred functions have run: an
 * older one may look at what was allocated later. First chunks are kept for the next pool of the same thread: they are
 * still in its caches, and malloc would merge and split them each time. Under ASan nothing is kept, everything not handed
 * out is poisoned, and a red zone follows each allocation, so that an overrun inside a chunk is found as it would be with
 * malloc. */
#include "pool.h"

#include <assert.h>
#include <pthread.h>
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
#    define SPARES_MAX     0
#else
#    define POISON(p, n)   ((void)(p), (void)(n))
#    define UNPOISON(p, n) ((void)(p), (void)(n))
#    define RED_ZONE_BYTES 0
#    define SPARES_MAX     64 /* chunks of CHUNK_BYTES_MIN, per thread */
#endif

#define ALIGN_BYTES     16
#define CHUNK_BYTES_MIN 16384 /* enough for most requests */
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

/* ---- spare chunks ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;

static _Thread_local struct {
    struct chunk *newest; /* by older */
    unsigned n;
    bool ends; /* what is left is freed with the thread */
} spare;

static void free_spares(void *unused)
{
    while (spare.newest != NULL) {
        struct chunk *older = spare.newest->older;

        free(spare.newest);
        spare.newest = older;
    }
    spare.n = SPARES_MAX; /* no more from now on */
}

static void make_thread_end(void)
{
    if (pthread_key_create(&thread_end, free_spares) != 0)
        abort();
}

static struct chunk *take_spare(void)
{
    struct chunk *c = spare.newest;

    if (c == NULL)
        return get_memory(0, CHUNK_BYTES_MIN);
    spare.newest = c->older;
    spare.n--;
    return c;
}

static void give_back(struct chunk *c)
{
    if (c->size != CHUNK_BYTES_MIN || spare.n + 1 > SPARES_MAX) {
        free(c);
        return;
    }
    if (!spare.ends) {
        (void)pthread_once(&once, make_thread_end);
        spare.ends = pthread_setspecific(thread_end, &spare) == 0;
    }
    c->older = spare.newest;
    spare.newest = c;
    spare.n++;
}

/* ---- pools ---- */

/* Small pools say so by their cap: their chunk is smaller, and not kept. */
static struct chunk *first_chunk(size_t cap)
{
    size_t size = CHUNK_BYTES_MIN;
    struct chunk *c;

    if (cap < CHUNK_BYTES_MIN / 2) {
        size = POOL_HEAD + round_up(cap + RED_ZONE_BYTES);
        c = get_memory(0, size);
    } else {
        c = take_spare();
    }
    *c = (struct chunk){ .older = NULL, .size = size };
    return c;
}

/* The pool itself lies in its first chunk: most requests need one malloc, or none. */
struct pool *pool_create(size_t cap)
{
    struct chunk *first = first_chunk(cap);
    struct pool *p = (struct pool *)(void *)((char *)first + CHUNK_HEAD);

    *p = (struct pool){
        .at = (char *)first + POOL_HEAD,
        .end = (char *)first + first->size,
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
        give_back(c);
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
    size_t twice = p->chunk->size < CHUNK_BYTES_MAX ? p->chunk->size * 2 : CHUNK_BYTES_MAX;
    size_t size = twice < CHUNK_BYTES_MIN ? CHUNK_BYTES_MIN : twice;
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
