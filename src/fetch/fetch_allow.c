/* Which hosts outbound.allow names. An address is compared as one, however it is written. */
#include "fetch_allow.h"

#include "address.h"
#include "uri.h"

static bool is_label(struct slice label)
{
    static const struct slice letters = SL("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    for (size_t i = 0; i < label.n; i++)
        if (!slice_has(letters, label.p[i]))
            return false;
    return label.n > 0;
}

static bool is_name(struct slice name)
{
    struct slice rest = name, label;

    while (slice_cut(&rest, '.', &label))
        if (!is_label(label))
            return false;
    return name.n <= URI_HOST_BYTES_MAX;
}

static bool read_ip(struct slice text, struct address *ret)
{
    return address_parse(text, ret) && ret->port == 0 && !slice_starts(text, SL("["));
}

bool fetch_allow_is_valid(struct slice pattern)
{
    struct address a;

    if (read_ip(pattern, &a))
        return true;
    return is_name(slice_starts(pattern, SL("*.")) ? slice_from(pattern, 2) : pattern);
}

static bool names(struct slice pattern, struct slice host)
{
    struct address a, b;

    if (read_ip(host, &b))
        return read_ip(pattern, &a) && address_same_ip(&a, &b);
    if (!slice_starts(pattern, SL("*.")))
        return slice_eq_nocase(pattern, host);
    struct slice below = slice_from(pattern, 1); /* with its dot */
    return host.n > below.n && slice_eq_nocase(slice_from(host, host.n - below.n), below);
}

bool fetch_allow_names(struct slices allow, struct slice host)
{
    for (size_t i = 0; i < allow.n; i++)
        if (names(allow.at[i], host))
            return true;
    return false;
}
