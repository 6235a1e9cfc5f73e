/* Text or bytes written piece by piece into a pool. Overflow of `max` is sticky: later writes do nothing, buf_finish
 * gives SLICE_NONE, so only the end has to be checked. */
#ifndef AVOUCH_BUF_H
#define AVOUCH_BUF_H

#include "pool.h"

struct buf {
    struct pool *pool;
    char *p;
    size_t n, size, max;
    bool over;
};

void buf_init(struct buf *b, struct pool *pool, size_t max);
void buf_init_fixed(struct buf *b, char *memory, size_t n); /* writes into the caller's memory, at most n bytes */
/* n more bytes at the end, to be filled at once; NULL: they would pass max. */
char *buf_extend_slowly(struct buf *b, size_t n);

static inline char *buf_extend(struct buf *b, size_t n)
{
    if (b->over || n > b->size - b->n)
        return buf_extend_slowly(b, n);
    char *to = b->p + b->n;
    b->n += n;
    return to;
}

static inline void buf_put(struct buf *b, struct slice s)
{
    char *to = s.n == 0 ? NULL : buf_extend(b, s.n);

    if (to != NULL)
        memcpy(to, s.p, s.n);
}

static inline void buf_char(struct buf *b, char c)
{
    char *to = buf_extend(b, 1);

    if (to != NULL)
        *to = c;
}

void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_base64url(struct buf *b, struct slice bytes);    /* RFC 4648 section 5, no padding */
void buf_percent(struct buf *b, struct slice s);          /* one query component; blank is %20 */
void buf_html(struct buf *b, struct slice s);             /* & < > " ' escaped */
struct slice buf_finish(struct buf *b);                   /* what was written; lives as long as the pool */

#endif
