/* Redirect URIs: the first line is what was sent, each further one is registered. What matches is equal, or differs in the port of
 * http on the own machine and in nothing else; an answer is put behind what is registered, with one separator.
 * libFuzzer finds more with -dict=tests/fuzz/redirect.dict. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "redirect.h"
#include "uri.h"

#define POOL_CAP       (1 << 20)
#define REGISTERED_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_only(struct slice s, const char *marks)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr(marks, c) == NULL))
            return false;
    }
    return true;
}

/* ---- what matches ---- */

/* RFC 8252 7.3, said in another way than redirect.c says it: without the colon and the digits behind one of three hosts. */
static struct slice without_free_port(struct pool *p, struct slice uri)
{
    static const struct slice hosts[] = { SL("http://127.0.0.1"), SL("http://[::1]"), SL("http://localhost") };

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (!slice_starts(uri, hosts[i]))
            continue;
        struct slice after = slice_from(uri, hosts[i].n);
        size_t n = slice_starts(after, SL(":")) ? 1 : 0;
        while (n > 0 && n < after.n && after.p[n] >= '0' && after.p[n] <= '9')
            n++;
        assert(n != 1 && n <= 6); /* never called with an empty or impossible port */
        return pool_fmt(p, SLICE_FMT SLICE_FMT, SLICE_ARG(hosts[i]), SLICE_ARG(slice_from(after, n)));
    }
    abort(); /* a match that is neither equal nor of these hosts */
}

static void check_match(struct pool *p, struct slice one, struct slice other)
{
    const char *why = NULL;

    if (!redirect_matches(one, other))
        return;
    if (!slice_eq(one, other))
        assert(slice_eq(without_free_port(p, one), without_free_port(p, other)));
    if (!redirect_is_registrable(one, &why))
        return;
    /* what is believed of the one holds for the other */
    assert(redirect_is_registrable(other, &why));
    assert(redirect_kind(one) == redirect_kind(other));
    assert(slice_eq(redirect_host(one), redirect_host(other)));
    assert(slice_eq(redirect_bound(p, one), redirect_bound(p, other)));
    assert(redirect_matches(other, one));
}

/* ---- what may be registered ---- */

static void check_parts(struct slice uri)
{
    struct uri u;

    if (!uri_split(uri, &u))
        return;
    size_t port_n = slice_is_none(u.port) ? 0 : 1 + u.port.n;
    assert(u.head.p == uri.p && u.head.n + port_n + u.tail.n == uri.n);
    assert(has_only(u.scheme, "+-.") && has_only(u.host, "-._~:[]"));
    assert(slice_is_none(u.port) || uri_is_port(u.port));
    (void)uri_host_is_loopback(u.host);
}

static void check_registrable(struct pool *p, struct slice uri)
{
    const char *why = NULL;

    if (!redirect_is_registrable(uri, &why)) {
        assert(why != NULL && strlen(why) > 0);
        return;
    }
    assert(why == NULL);
    assert(has_only(uri, "!\"$%&'()*+,-./:;<=>?@[]^_`{|}~"));
    struct slice host = redirect_host(uri), origin = redirect_origin(p, uri);
    assert(host.n > 0);
    assert(origin.n > 0 && has_only(origin, "+-.:/")); /* nothing that ends a Content-Security-Policy */
    assert(redirect_matches(uri, uri));
    enum redirect_kind kind = redirect_kind(uri);
    assert(kind != REDIRECT_HTTPS || slice_starts(origin, SL("https:")));
    assert(!redirect_port_is_free(uri) || kind == REDIRECT_LOOPBACK);
}

/* ---- what is put on one ---- */

static void check_with(struct pool *p, struct slice uri, struct slice value)
{
    const struct redirect_param params[] = { { "code", value }, { "none", SLICE_NONE }, { "state", SL("s") } };
    struct slice answer = redirect_with(p, uri, params, 3);
    size_t at = slice_find(uri, '?');

    if (slice_is_none(answer)) {
        assert(uri.n + 3 * value.n > LOCATION_BYTES_MAX - 32);
        return;
    }
    assert(answer.n <= LOCATION_BYTES_MAX && slice_starts(answer, uri));
    struct slice added = slice_from(answer, uri.n);
    assert(has_only(added, "?&=%-._~"));
    assert(slice_find(answer, '?') == at || at == uri.n);
    if (at == uri.n)
        assert(slice_starts(added, SL("?code=")));
    else if (at + 1 == uri.n || slice_ends(uri, SL("&")))
        assert(slice_starts(added, SL("code=")));
    else
        assert(slice_starts(added, SL("&code=")));
    assert(slice_ends(added, SL("&state=s")));
}

static void check_nearest(struct slices registered, struct slice sent)
{
    enum redirect_difference differs = DIFFERS_SLASH;
    struct slice nearest = redirect_nearest(registered, sent, &differs);

    assert(redirect_difference_text(differs) != NULL);
    assert(registered.n == 0 ? slice_is_none(nearest) && differs == DIFFERS_ALL : slices_have(registered, nearest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = size == 0 ? SL("") : slice_bytes(data, size), sent = SL(""), registered[REGISTERED_MAX];
    struct pool *p = pool_create(POOL_CAP);
    size_t n = 0;

    (void)slice_cut(&rest, '\n', &sent);
    while (n < REGISTERED_MAX && slice_cut(&rest, '\n', &registered[n]))
        n++;
    check_parts(sent);
    check_registrable(p, sent);
    check_with(p, sent, sent);
    for (size_t i = 0; i < n; i++) {
        check_registrable(p, registered[i]);
        check_match(p, registered[i], sent);
        check_match(p, sent, registered[i]);
        check_with(p, registered[i], sent);
    }
    check_nearest((struct slices){ registered, n }, sent);
    pool_destroy(p);
    return 0;
}
