/* Cookies are read leniently, as browsers and other applications on the host write them: what is not `name=value` is
 * skipped, and ours counts wherever it stands. */
#include "cookie.h"

#include <inttypes.h>

struct slice cookie_find(struct slice cookies, struct slice name)
{
    struct slice rest = cookies, piece;

    while (!slice_is_none(rest) && slice_cut(&rest, ';', &piece)) {
        piece = slice_trim(piece);
        size_t at = slice_find(piece, '=');
        if (at < piece.n && slice_eq(slice_head(piece, at), name) && piece.n - at - 1 <= COOKIE_VALUE_BYTES_MAX)
            return slice_from(piece, at + 1);
    }
    return SLICE_NONE;
}

struct slice session_cookie_name(const struct issuer *issuer)
{
    return issuer->https ? SL(COOKIE_NAME) : SL(COOKIE_NAME_HTTP);
}

struct slice cookie_make(struct pool *p, const struct issuer *issuer, struct slice name, struct slice value,
                         int64_t max_age_s)
{
    return pool_fmt(p, SLICE_FMT "=" SLICE_FMT "; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Lax%s",
                    SLICE_ARG(name), SLICE_ARG(value), max_age_s, issuer->https ? "; Secure" : "");
}
