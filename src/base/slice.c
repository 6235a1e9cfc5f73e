/* Borrowed bytes: comparing and cutting. SLICE_NONE counts as empty wherever only the bytes matter. */
#include "slice.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    if (slice_eq(a, b))
        return true;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice_head(s, prefix.n), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

bool slice_has(struct slice s, char c)
{
    return slice_find(s, c) < s.n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = slice_from(s, 1);
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool slice_cut(struct slice *rest, char at, struct slice *ret_piece)
{
    struct slice all = *rest;
    size_t n = slice_find(all, at);

    if (slice_is_none(all))
        return false;
    *ret_piece = slice_head(all, n);
    *rest = n < all.n ? slice_from(all, n + 1) : SLICE_NONE;
    return true;
}

bool slice_to_u64(struct slice s, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v) || v > max)
            return false;
    }
    *ret = v;
    return true;
}

bool slices_have(struct slices all, struct slice one)
{
    for (size_t i = 0; i < all.n; i++)
        if (slice_eq(all.at[i], one))
            return true;
    return false;
}
