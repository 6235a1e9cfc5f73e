/* May this client be stored? Whoever sets one up reads the answer, so each refusal is a sentence that names the member, counted
 * as JSON counts: redirect_uris[1] is the second. */
#include "client.h"

#include <inttypes.h>

#include "encode.h"
#include "record.h"
#include "redirect.h"
#include "scope.h"

#define OTHERS_BYTES_MAX 16384 /* of a client's record: all but its redirect URIs */

#define CLIENT_WHY(p, ret_why, ...) (*(ret_why) = pool_fmt((p), __VA_ARGS__), ERR_INPUT)

bool client_id_is_valid(struct slice id)
{
    if (id.n == 0 || id.n > CLIENT_ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && !slice_has(SL("._~-"), c))
            return false;
    }
    return true;
}

/* What is not seen, or turns the text around it over: a name made of these can look like anybody's. */
static bool is_invisible(struct slice character)
{
    static const unsigned char marks[][3] = {
        { 0xe2, 0x80, 0x8b }, /* U+200B zero width space */
        { 0xe2, 0x80, 0xaa }, /* U+202A: embeddings, overrides and their end, up to U+202E */
        { 0xe2, 0x80, 0xab }, /* U+202B */
        { 0xe2, 0x80, 0xac }, /* U+202C */
        { 0xe2, 0x80, 0xad }, /* U+202D */
        { 0xe2, 0x80, 0xae }, /* U+202E */
        { 0xe2, 0x81, 0xa6 }, /* U+2066: isolates and their end, up to U+2069 */
        { 0xe2, 0x81, 0xa7 }, /* U+2067 */
        { 0xe2, 0x81, 0xa8 }, /* U+2068 */
        { 0xe2, 0x81, 0xa9 }, /* U+2069 */
        { 0xef, 0xbb, 0xbf }, /* U+FEFF byte order mark */
    };

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (slice_eq(character, slice_bytes(marks[i], sizeof(marks[i]))))
            return true;
    return false;
}

static const char *judge_name(struct slice name)
{
    struct slice rest = name;
    size_t n = 0;

    if (name.n > CLIENT_NAME_BYTES_MAX)
        return "client_name has more than 100 characters";
    if (!text_is_printable(name))
        return "client_name has a control character, or is not UTF-8";
    for (; rest.n > 0; n++) {
        size_t size = utf8_first(rest);
        if (is_invisible(slice_head(rest, size)))
            return "client_name has an invisible character, or one that turns the direction of text";
        rest = slice_from(rest, size);
    }
    if (n > CLIENT_NAME_CHARACTERS_MAX)
        return "client_name has more than 100 characters";
    return slice_trim(name).n < name.n ? "client_name begins or ends with a blank" : NULL;
}

static enum err check_uri(struct pool *p, const char *member, size_t i, struct slice uri, struct slice *ret_why)
{
    const char *why;

    if (uri.n > CLIENT_URI_BYTES_MAX)
        return CLIENT_WHY(p, ret_why, "%s[%zu] has more than %d bytes", member, i, CLIENT_URI_BYTES_MAX);
    if (!redirect_is_registrable(uri, &why))
        return CLIENT_WHY(p, ret_why, "%s[%zu] %s", member, i, why);
    return ERR_OK;
}

static enum err check_uris(struct pool *p, const char *member, struct slices uris, struct slice *ret_why)
{
    if (uris.n > CLIENT_REDIRECT_URIS_MAX)
        return CLIENT_WHY(p, ret_why, "%s has more than %d URIs", member, CLIENT_REDIRECT_URIS_MAX);
    for (size_t i = 0; i < uris.n; i++) {
        enum err e = check_uri(p, member, i, uris.at[i], ret_why);
        if (e != ERR_OK)
            return e;
        if (slices_have((struct slices){ uris.at, i }, uris.at[i]))
            return CLIENT_WHY(p, ret_why, "%s[%zu] is there twice", member, i);
    }
    return ERR_OK;
}

static size_t bytes_of(struct slices uris)
{
    size_t n = 0;

    for (size_t i = 0; i < uris.n; i++)
        n += uris.at[i].n;
    return n;
}

/* Each list may be within its limits and both together be more than a record holds. */
static enum err check_room(struct pool *p, const struct client *c, struct slice *ret_why)
{
    if (bytes_of(c->redirect_uris) + bytes_of(c->post_logout_redirect_uris) > RECORD_BYTES_MAX - OTHERS_BYTES_MAX)
        return CLIENT_WHY(p, ret_why, "redirect_uris and post_logout_redirect_uris have more than %d bytes together",
                          RECORD_BYTES_MAX - OTHERS_BYTES_MAX);
    return ERR_OK;
}

/* RFC 7591 2: a page for people, so http or https and nothing else. */
static enum err check_link(struct pool *p, const char *member, struct slice uri, struct slice *ret_why)
{
    const char *why;

    if (slice_is_none(uri))
        return ERR_OK;
    if (uri.n > CLIENT_URI_BYTES_MAX)
        return CLIENT_WHY(p, ret_why, "%s has more than %d bytes", member, CLIENT_URI_BYTES_MAX);
    if (!redirect_is_registrable(uri, &why))
        return CLIENT_WHY(p, ret_why, "%s %s", member, why);
    if (redirect_kind(uri) == REDIRECT_PRIVATE)
        return CLIENT_WHY(p, ret_why, "%s is no http or https URL", member);
    return ERR_OK;
}

static enum err check_links(struct pool *p, const struct client *c, struct slice *ret_why)
{
    const struct {
        const char *member;
        struct slice uri;
    } links[] = {
        { "client_uri", c->client_uri },
        { "logo_uri", c->logo_uri },
        { "policy_uri", c->policy_uri },
        { "tos_uri", c->tos_uri },
    };
    enum err e = ERR_OK;

    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]) && e == ERR_OK; i++)
        e = check_link(p, links[i].member, links[i].uri, ret_why);
    return e;
}

static enum err check_lifetimes(struct pool *p, const struct lifetimes *l, struct slice *ret_why)
{
    const struct {
        const char *name;
        int64_t value, max;
    } rows[] = {
        { "code", l->code, CLIENT_CODE_LIFETIME_S_MAX }, /* RFC 6749 4.1.2 */
        { "access", l->access, CLIENT_LIFETIME_S_MAX },
        { "id", l->id, CLIENT_LIFETIME_S_MAX },
        { "refresh_idle", l->refresh_idle, CLIENT_LIFETIME_S_MAX },
        { "refresh", l->refresh, CLIENT_LIFETIME_S_MAX },
        { "session_idle", l->session_idle, CLIENT_LIFETIME_S_MAX },
        { "session", l->session, CLIENT_LIFETIME_S_MAX },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].value < 0 || rows[i].value > rows[i].max)
            return CLIENT_WHY(p, ret_why, "the lifetime %s is not within 0 and %" PRId64 " seconds", rows[i].name,
                              rows[i].max);
    return ERR_OK;
}

static enum err check_words(struct pool *p, const struct client *c, struct slice *ret_why)
{
    const char *why = judge_name(c->name);
    unsigned scopes;

    if (!client_id_is_valid(c->id))
        return CLIENT_WHY(p, ret_why, "client_id has 1 to %d letters, digits, `.`, `_`, `~` or `-`",
                          CLIENT_ID_BYTES_MAX);
    if (why != NULL)
        return CLIENT_WHY(p, ret_why, "%s", why);
    if (!slice_is_none(c->scope) && scope_parse(c->scope, &scopes) == SCOPE_BAD)
        return CLIENT_WHY(p, ret_why, "scope is longer than %d bytes or %d words, or has a character no scope may have",
                          SCOPE_BYTES_MAX, SCOPE_TOKENS_MAX);
    if (c->redirect_uris.n == 0)
        return CLIENT_WHY(p, ret_why, "redirect_uris has none: the code could not be sent anywhere");
    if (c->page == PAGE_NEVER && !client_is_vouched_for(c))
        return CLIENT_WHY(p, ret_why, "page `never` is for a client that an administrator added or approved");
    return ERR_OK;
}

enum err client_check(struct pool *p, const struct client *c, struct slice *ret_why)
{
    enum err e = check_words(p, c, ret_why);

    if (e == ERR_OK)
        e = check_uris(p, "redirect_uris", c->redirect_uris, ret_why);
    if (e == ERR_OK)
        e = check_uris(p, "post_logout_redirect_uris", c->post_logout_redirect_uris, ret_why);
    if (e == ERR_OK)
        e = check_room(p, c, ret_why);
    if (e == ERR_OK)
        e = check_links(p, c, ret_why);
    return e == ERR_OK ? check_lifetimes(p, &c->lifetimes, ret_why) : e;
}
