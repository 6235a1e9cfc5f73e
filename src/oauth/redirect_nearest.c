/* For the page that says an address is not registered: which one was probably meant, and what is different. Only words for
 * people: nothing is ever sent anywhere because of what stands here. */
#include "redirect.h"

#include <assert.h>

#include "uri.h"

struct candidate {
    struct slice uri;
    enum redirect_difference differs;
    unsigned distance; /* parts that differ */
    size_t common;     /* bytes that are equal in front */
};

static size_t common_prefix(struct slice a, struct slice b)
{
    size_t n = 0;

    while (n < a.n && n < b.n && a.p[n] == b.p[n])
        n++;
    return n;
}

static bool differ_by_slash(struct slice a, struct slice b)
{
    struct slice longer = a.n > b.n ? a : b, shorter = a.n > b.n ? b : a;

    return longer.n == shorter.n + 1 && slice_ends(longer, SL("/")) && slice_starts(longer, shorter);
}

static bool is_one_of_three(struct slice host)
{
    return slice_eq(host, SL("localhost")) || slice_eq(host, SL("127.0.0.1")) || slice_eq(host, SL("[::1]"));
}

static bool same(struct slice a, struct slice b)
{
    return slice_is_none(a) == slice_is_none(b) && slice_eq(a, b);
}

static void note(struct candidate *c, bool equal, enum redirect_difference what)
{
    if (equal)
        return;
    c->differs = c->distance++ == 0 ? what : DIFFERS_ALL;
}

static void compare_parts(const struct uri *registered, const struct uri *sent, struct candidate *c)
{
    bool are_names_of_loopback = is_one_of_three(registered->host) && is_one_of_three(sent->host);

    note(c, slice_eq(registered->scheme, sent->scheme), DIFFERS_SCHEME);
    note(c, slice_eq(registered->host, sent->host), are_names_of_loopback ? DIFFERS_LOCALHOST : DIFFERS_HOST);
    note(c, redirect_port_is_free(c->uri) || same(registered->port, sent->port), DIFFERS_PORT);
    note(c, slice_eq(registered->path, sent->path), DIFFERS_PATH);
    note(c, same(registered->query, sent->query), DIFFERS_QUERY);
}

static struct candidate compare(struct slice registered, struct slice sent)
{
    struct candidate c = { .uri = registered, .differs = DIFFERS_ALL, .common = common_prefix(registered, sent) };
    struct uri a, b;

    if (differ_by_slash(registered, sent)) {
        c.differs = DIFFERS_SLASH;
    } else if (slice_eq_nocase(registered, sent)) {
        c.differs = DIFFERS_CASE;
    } else if (uri_split(registered, &a) && uri_split(sent, &b)) {
        compare_parts(&a, &b, &c);
    } else {
        c.distance = UINT32_MAX;
    }
    return c;
}

struct slice redirect_nearest(struct slices registered, struct slice sent, enum redirect_difference *ret)
{
    struct candidate best = { .uri = SLICE_NONE, .differs = DIFFERS_ALL };

    for (size_t i = 0; i < registered.n; i++) {
        struct candidate c = compare(registered.at[i], sent);
        if (i == 0 || c.distance < best.distance || (c.distance == best.distance && c.common > best.common))
            best = c;
    }
    *ret = best.differs;
    return best.uri;
}

const char *redirect_difference_text(enum redirect_difference d)
{
    static const char *const texts[REDIRECT_DIFFERENCE_COUNT] = {
        [DIFFERS_SLASH] = "A slash at the end.",
        [DIFFERS_SCHEME] = "Another scheme: what stands before the first colon.",
        [DIFFERS_PORT] = "Another port.",
        [DIFFERS_HOST] = "Another host.",
        [DIFFERS_LOCALHOST] = "localhost is not 127.0.0.1.",
        [DIFFERS_CASE] = "Upper and lower case.",
        [DIFFERS_QUERY] = "What stands after the question mark.",
        [DIFFERS_PATH] = "Another path.",
        [DIFFERS_ALL] = "More than one part.",
    };

    assert((unsigned)d < REDIRECT_DIFFERENCE_COUNT);
    return texts[d];
}
