/* Scopes as bits. The one complication: applications ask for what nobody knows, and most then never look at what they got, so an
 * unknown scope is narrowed away (RFC 6749 3.3 permits that) and only a character that no scope may have is an error. */
#include "scope.h"

#include "buf.h"

static const struct slice names[] = { SL("openid"), SL("profile"), SL("email"), SL("groups"), SL("roles") };
#define NAMES_COUNT (sizeof(names) / sizeof(names[0]))

/* RFC 6749 app. A.4: scope-token = 1*NQCHAR, %x21 / %x23-5B / %x5D-7E */
static bool is_clean(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] > '~' || text.p[i] == '"' || text.p[i] == '\\')
            return false;
    return true;
}

static unsigned find(struct slice token)
{
    for (unsigned i = 0; i < NAMES_COUNT; i++)
        if (slice_eq(token, names[i]))
            return 1U << i;
    return 0;
}

enum scope_outcome scope_parse(struct slice text, unsigned *ret)
{
    struct slice rest = text, token;
    unsigned scopes = 0, tokens = 0;
    bool known = false;

    if (text.n > SCOPE_BYTES_MAX || !is_clean(text))
        return SCOPE_BAD;
    while (slice_cut(&rest, ' ', &token)) {
        if (token.n == 0)
            continue;
        if (++tokens > SCOPE_TOKENS_MAX)
            return SCOPE_BAD;
        scopes |= find(token);
        known = known || find(token) != 0 || slice_eq(token, SL("offline_access"));
    }
    if (!known && slice_has(text, ','))
        return SCOPE_COMMAS;
    *ret = tokens == 0 ? SCOPE_DEFAULT : scopes;
    return SCOPE_OK;
}

struct slice scope_text(struct pool *p, unsigned scopes)
{
    struct buf b;

    buf_init(&b, p, SCOPE_BYTES_MAX);
    for (unsigned i = 0; i < NAMES_COUNT; i++) {
        if (!(scopes & 1U << i))
            continue;
        if (b.n > 0)
            buf_char(&b, ' ');
        buf_put(&b, names[i]);
    }
    return buf_finish(&b);
}

struct slices scope_names(void)
{
    return (struct slices){ names, NAMES_COUNT };
}
