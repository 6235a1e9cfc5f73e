/* application/x-www-form-urlencoded, WHATWG URL section 5.1, but stricter: the standard replaces what is broken, and
 * two readers that repair a parameter differently can be played against each other. */
#include "form.h"

#include "encode.h"

static bool decode(struct pool *p, struct slice text, struct slice *ret)
{
    return percent_decode(p, text, true, ret) && !slice_has(*ret, '\0') && utf8_is_valid(*ret);
}

enum form_next form_next(struct pool *p, struct slice *rest, struct slice *ret_name, struct slice *ret_value)
{
    struct slice pair, name, value;

    do {
        if (!slice_cut(rest, '&', &pair))
            return FORM_END;
    } while (pair.n == 0);

    size_t at = slice_find(pair, '=');
    struct slice raw = at < pair.n ? slice_from(pair, at + 1) : SL("");
    if (!decode(p, slice_head(pair, at), &name) || !decode(p, raw, &value))
        return FORM_BAD;
    *ret_name = name;
    *ret_value = value;
    return FORM_PAIR;
}
