/* Pieces of tailscaled's JSON: names, ids, times. tailscaled promises its LocalAPI to be "mostly stable", so
 * everything is read tolerantly, and what may not be believed reads as absent. */
#include "node.h"

#include <time.h>

#include "encode.h"

static bool only_has(struct slice s, const char *extra)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !slice_has(slice_of(extra), c))
            return false;
    }
    return true;
}

struct slice node_name(struct pool *p, const struct json *v)
{
    struct slice name = SLICE_NONE;

    if (!json_text(v, &name))
        return SLICE_NONE;
    if (slice_ends(name, SL(".")))
        name.n--;
    if (name.n == 0 || name.n > NODE_NAME_BYTES_MAX || !only_has(name, ".-_"))
        return SLICE_NONE;
    return ascii_lower(p, name);
}

struct slice node_stable_id(const struct json *v)
{
    struct slice id = SLICE_NONE;

    if (!json_text(v, &id) || id.n == 0 || id.n > NODE_ID_BYTES_MAX || !only_has(id, "-"))
        return SLICE_NONE;
    return id;
}

struct slice node_text(const struct json *v)
{
    struct slice text = SLICE_NONE;

    if (!json_text(v, &text) || text.n == 0 || text.n > NODE_TEXT_BYTES_MAX || !text_is_printable(text))
        return SLICE_NONE;
    return text;
}

struct slices node_texts(struct pool *p, const struct json *v)
{
    size_t n = json_is_array(v) ? json_count(v) : 0;

    if (n > NODE_LIST_MAX)
        n = NODE_LIST_MAX;
    if (n == 0)
        return (struct slices){ NULL, 0 };
    struct slice *at = pool_alloc(p, n * sizeof(*at));
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        at[used] = node_text(json_item(v, i));
        used += !slice_is_none(at[used]);
    }
    return (struct slices){ at, used };
}

/* The two digits (or four) at `from`; -1 if there are others. */
static int digits(struct slice s, size_t from, size_t n)
{
    uint64_t v = 0;

    if (from + n > s.n || !slice_to_u64(slice_head(slice_from(s, from), n), 9999, &v))
        return -1;
    return (int)v;
}

static bool date(struct slice s, struct tm *ret)
{
    if (s.n < sizeof("2026-11-25T14:31:08Z") - 1 || s.p[4] != '-' || s.p[7] != '-' || s.p[10] != 'T' ||
        s.p[13] != ':' || s.p[16] != ':')
        return false;
    *ret = (struct tm){ .tm_year = digits(s, 0, 4) - 1900,
                        .tm_mon = digits(s, 5, 2) - 1,
                        .tm_mday = digits(s, 8, 2),
                        .tm_hour = digits(s, 11, 2),
                        .tm_min = digits(s, 14, 2),
                        .tm_sec = digits(s, 17, 2) };
    return ret->tm_year >= 70 && ret->tm_mon >= 0 && ret->tm_mon < 12 && ret->tm_mday >= 1 && ret->tm_mday <= 31 &&
           ret->tm_hour >= 0 && ret->tm_hour < 24 && ret->tm_min >= 0 && ret->tm_min < 60 && ret->tm_sec >= 0 &&
           ret->tm_sec <= 60;
}

/* "Z", "+02:00" or "-05:30" as seconds east of UTC. */
static bool zone(struct slice s, int64_t *ret_s)
{
    int hours = 0, minutes = 0;

    *ret_s = 0;
    if (slice_eq(s, SL("Z")))
        return true;
    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':')
        return false;
    hours = digits(s, 1, 2);
    minutes = digits(s, 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *ret_s = INT64_C(60) * (hours * 60 + minutes) * (s.p[0] == '-' ? -1 : 1);
    return true;
}

int64_t node_time(const struct json *v)
{
    struct slice s = SLICE_NONE;
    struct tm tm;
    int64_t east = 0;

    if (!json_text(v, &s) || !date(s, &tm))
        return 0;
    size_t i = sizeof("2026-11-25T14:31:08") - 1;
    if (s.p[i] == '.')
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
            i++;
    if (!zone(slice_from(s, i), &east))
        return 0;
    int64_t at = (int64_t)timegm(&tm) - east;
    return at > 0 ? at : 0;
}

bool node_forbids(struct pool *p, const struct json *v)
{
    bool b = true;

    if (v == NULL || (json_bool(v, &b) && !b))
        return false;
    return !slice_eq(json_dump(p, v), SL("null"));
}
