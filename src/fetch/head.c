/* Header fields of RFC 9110 and RFC 9111 that a document's reader needs. What makes no sense is taken for the careful choice: no
 * type, not to be stored. */
#include "head.h"

#include <time.h>

#include "encode.h"
#include "fetch_message.h"

#define SECONDS_MAX UINT64_C(1000000000) /* more is the same */

/* RFC 9110 5.6.2 */
static bool is_token(struct slice s)
{
    static const struct slice marks =
        SL("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    for (size_t i = 0; i < s.n; i++)
        if (!slice_has(marks, s.p[i]))
            return false;
    return s.n > 0;
}

static void read_type(struct head *h, struct pool *p, struct slice value)
{
    struct slice whole = slice_trim(slice_head(value, slice_find(value, ';'))), rest = whole, type;
    bool good = whole.n <= FETCH_TYPE_BYTES_MAX && slice_cut(&rest, '/', &type) && is_token(type) && is_token(rest);

    h->type = good && !h->typed ? ascii_lower(p, whole) : SLICE_NONE;
    h->typed = true;
}

static struct slice unquote(struct slice s)
{
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';

    return quoted ? slice_head(slice_from(s, 1), s.n - 2) : s;
}

/* RFC 9111 1.2.2: what is larger than can be counted is very long. */
static bool read_seconds(struct slice text, int64_t *ret)
{
    uint64_t n = SECONDS_MAX;

    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    (void)slice_to_u64(text, SECONDS_MAX, &n);
    *ret = (int64_t)n;
    return text.n > 0;
}

static void read_directive(struct head *h, struct slice directive)
{
    struct slice value = directive, name;
    int64_t seconds = 0;

    if (!slice_cut(&value, '=', &name))
        return;
    name = slice_trim(name);
    if (slice_eq_nocase(name, SL("no-store")) || slice_eq_nocase(name, SL("no-cache")))
        h->stale = true;
    if (!slice_eq_nocase(name, SL("max-age")))
        return;
    if (!read_seconds(unquote(slice_trim(value)), &seconds))
        h->stale = true;
    else if (h->max_age_s < 0 || seconds < h->max_age_s)
        h->max_age_s = seconds;
}

static void read_cache_control(struct head *h, struct slice value)
{
    struct slice directive;

    while (slice_cut(&value, ',', &directive))
        read_directive(h, slice_trim(directive));
}

/* RFC 9110 5.6.7, the one form that may be sent: "Sun, 06 Nov 1994 08:49:37 GMT". */
static bool read_date(struct slice value, int64_t *ret)
{
    char text[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")];
    struct tm tm = { .tm_mday = 0 };

    if (value.n != sizeof(text) - 1)
        return false;
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    *ret = end != NULL && *end == '\0' ? (int64_t)timegm(&tm) : -1;
    return *ret >= 0;
}

static void read_field(struct head *h, struct pool *p, struct slice name, struct slice value)
{
    if (slice_eq_nocase(name, SL("content-type")))
        read_type(h, p, value);
    else if (slice_eq_nocase(name, SL("cache-control")))
        read_cache_control(h, value);
    else if (slice_eq_nocase(name, SL("location")))
        h->location = pool_dup(p, value);
    else if (slice_eq_nocase(name, SL("age")))
        h->stale |= !read_seconds(value, &h->age_s);
    else if (slice_eq_nocase(name, SL("date")))
        (void)read_date(value, &h->date_s);
    else if (slice_eq_nocase(name, SL("expires")) && !read_date(value, &h->expires_s))
        h->expires_s = 0; /* RFC 9111 5.3: in the past */
}

void head_begin(struct head *h)
{
    *h = (struct head){ .max_age_s = -1, .expires_s = -1, .date_s = -1 };
}

bool head_line(struct head *h, struct pool *p, struct slice line)
{
    size_t bytes = h->bytes + line.n;
    struct slice value = line, name;

    if (slice_starts(line, SL("HTTP/")))
        head_begin(h);
    h->bytes = bytes;
    if (bytes > FETCH_HEAD_BYTES_MAX)
        return false;
    while (value.n > 0 && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
        value.n--;
    if (slice_has(value, ':') && slice_cut(&value, ':', &name))
        read_field(h, p, name, slice_trim(value));
    return true;
}

int64_t head_fresh_s(const struct head *h, int64_t now_s)
{
    int64_t from_s = h->date_s >= 0 ? h->date_s : now_s, fresh_s = -1;

    if (h->stale)
        return 0;
    if (h->max_age_s >= 0)
        fresh_s = h->max_age_s - h->age_s;
    else if (h->expires_s >= 0)
        fresh_s = h->expires_s - from_s - h->age_s;
    else
        return -1;
    return fresh_s < 0 ? 0 : fresh_s > FETCH_FRESH_S_MAX ? FETCH_FRESH_S_MAX : fresh_s;
}

bool head_is_json(const struct head *h)
{
    return slice_eq(h->type, SL("application/json")) || slice_ends(h->type, SL("+json"));
}
