/* A borrowed run of bytes. It owns nothing and is not NUL-terminated: it lives as long as what it points into.
 * A slice whose p is NULL means "absent"; an empty one (p set, n 0) means "present and empty". */
#ifndef AVOUCH_SLICE_H
#define AVOUCH_SLICE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

/* Several slices: a borrowed array. */
struct slices {
    const struct slice *at;
    size_t n;
};

#define SL(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })
#define SLICE_NONE ((struct slice){ NULL, 0 })
#define SLICE_FMT "%.*s"
#define SLICE_ARG(s) (int)(s).n, (s).p

/* These are inline because every request does them a thousand times. */

static inline struct slice slice_of(const char *text)     /* strlen; NULL becomes SLICE_NONE */
{
    return text == NULL ? SLICE_NONE : (struct slice){ text, strlen(text) };
}

static inline struct slice slice_bytes(const void *bytes, size_t n)
{
    return (struct slice){ (const char *)bytes, n };
}

static inline bool slice_is_none(struct slice s)
{
    return s.p == NULL;
}

static inline bool slice_eq(struct slice a, struct slice b) /* bytes; not for secrets: see digest.h */
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline struct slice slice_from(struct slice s, size_t at) /* all from `at` on; at <= s.n */
{
    assert(at <= s.n);
    return at == 0 ? s : (struct slice){ s.p + at, s.n - at };
}

static inline struct slice slice_head(struct slice s, size_t n)  /* the first n; n <= s.n */
{
    assert(n <= s.n);
    return (struct slice){ s.p, n };
}

static inline size_t slice_find(struct slice s, char c)          /* index of the first c, or s.n */
{
    const char *found = s.n == 0 ? NULL : (const char *)memchr(s.p, c, s.n);

    return found == NULL ? s.n : (size_t)(found - s.p);
}

bool slice_eq_nocase(struct slice a, struct slice b);     /* ASCII letters only */
int slice_cmp(struct slice a, struct slice b);            /* memcmp order, shorter first */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
bool slice_has(struct slice s, char c);
struct slice slice_trim(struct slice s);                  /* without blanks and tabs at both ends */

/* Takes what precedes the next `at` (or all, where there is none) off the front of *rest and the separator with it.
 * False when nothing was left (then *rest is SLICE_NONE). An empty slice yields one empty piece. */
bool slice_cut(struct slice *rest, char at, struct slice *ret_piece);

/* Decimal digits only, no sign, no blank, at most `max`; *ret untouched otherwise. */
bool slice_to_u64(struct slice s, uint64_t max, uint64_t *ret);

bool slices_have(struct slices all, struct slice one);

#endif
