/* The table of settings: which there are, what each must be, and the three ways to give one (a file's node, a
 * variable, a flag). */
#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_int.h"
#include "encode.h"
#include "fetch_allow.h"
#include "uri.h"

#define STATE_DIRECTORY "/var/lib/avouch"
#define QUOTE_BYTES_MAX 60 /* of a value that an error repeats */
#define YEARS_10_S      (INT64_C(10) * 365 * 86400)
#define DAYS_7_S        (INT64_C(7) * 86400) /* signed tokens must die before their key does: KEY_RETIRE_S */

#define MIB_16 (INT64_C(16) << 20)

#define AT(member)    offsetof(struct config, member)
#define DURATION_FORM "a duration such as 60s, 10m, 12h or 30d"
#define LIFETIME(n, m)                                                       \
    {                                                                        \
        "lifetimes." #n, DURATION_FORM, DURATION, AT(lifetimes.n), (m), NULL \
    }
static const struct key keys[] = {
    { "issuer", "an address such as https://idp.example.ts.net", TEXT, AT(issuer), 300, NULL },
    { "listen", "a list such as [\"tailnet:443\", \"ops:[::1]:9090\"]", TEXTS, AT(listen), 300, NULL },
    { "proxies", "a list of IP addresses such as [\"10.0.0.2\"]", TEXTS, AT(proxies), 64, NULL },
    { "tls.certificate", "a file's absolute path", PATH, AT(tls_certificate), PATH_MAX, NULL },
    { "tls.key", "a file's absolute path", PATH, AT(tls_key), PATH_MAX, NULL },
    { "state", "a directory's absolute path", PATH, AT(state), PATH_MAX, NULL },
    { "database_max", "a size such as 4GiB", SIZE, AT(database_max), sizeof(size_t) < 8 ? 1 << 30 : INT64_C(1) << 40,
      NULL },
    { "seal_key_file", "a file's absolute path", PATH, AT(seal_key_file), PATH_MAX, NULL },
    { "contact", "a text such as \"ask Bob\"", TEXT, AT(contact), 200, NULL },
    { "tailscale.mode", "auto, kernel, userspace or own", MODE, AT(tailscale_mode), 20, "auto|kernel|userspace|own" },
    { "tailscale.socket", "a socket's absolute path", PATH, AT(tailscale_socket), 107, NULL },
    { "tailscale.service", "a name such as svc:idp", TEXT, AT(tailscale_service), 67, NULL, whois_service_is_valid },
    { "tailscale.hostname", "a name such as idp", TEXT, AT(tailscale_hostname), 63, NULL },
    { "tailscale.control_url", "an address such as https://controlplane.tailscale.com", TEXT, AT(tailscale_control_url),
      300, NULL },
    { "tailscale.auth_key_file", "a file's absolute path", PATH, AT(tailscale_auth_key_file), PATH_MAX, NULL },
    { "tailscale.max_stale", DURATION_FORM, DURATION, AT(tailscale_max_stale), YEARS_10_S, NULL },
    { "outbound.ca_file", "a file's absolute path", PATH, AT(outbound_ca_file), PATH_MAX, NULL },
    { "outbound.allow", "a list of hosts such as [\"app.example.ts.net\", \"*.example.ts.net\", \"10.0.0.5\"]", TEXTS,
      AT(outbound_allow), URI_HOST_BYTES_MAX, NULL, fetch_allow_is_valid },
    { "shared_in", "deny or allow", FLAG, AT(shared_in), 20, "deny|allow" },
    { "subject", "id or userid", FLAG, AT(subject_is_tsidp), 20, "id|userid" },
    { "email_verified", "true or false", FLAG, AT(email_verified), 20, "false|true" },
    LIFETIME(code, 600), /* RFC 6749 4.1.2: at most 10 minutes */
    LIFETIME(access, DAYS_7_S),
    LIFETIME(id, DAYS_7_S),
    LIFETIME(refresh_idle, YEARS_10_S),
    LIFETIME(refresh, YEARS_10_S),
    LIFETIME(session_idle, YEARS_10_S),
    LIFETIME(session, YEARS_10_S),
    { "log.level", "error, warn, info or debug", WORD, AT(log_level), 20, "error|warn|info|debug" },
    { "log.documents", "true or false", FLAG, AT(log_documents), 20, "false|true" },
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEY_COUNT <= 32, "config.lists_begun has a bit per key");

enum err config_fail(const struct place *at, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (slice_is_none(at->source))
        at->error->text = pool_fmt(at->pool, "%s", text);
    else if (at->line == 0)
        at->error->text = pool_fmt(at->pool, SLICE_FMT ": %s", SLICE_ARG(at->source), text);
    else
        at->error->text =
            pool_fmt(at->pool, SLICE_FMT ":%zu:%zu: %s", SLICE_ARG(at->source), at->line, at->column, text);
    return ERR_CONFIG;
}

const struct key *config_key_find(struct slice name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (slice_eq(slice_of(keys[i].name), name))
            return &keys[i];
    return NULL;
}

bool duration_parse(struct slice text, int64_t *ret_s)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };

    uint64_t n = 0;

    if (text.n < 2 || !slice_to_u64(slice_head(text, text.n - 1), (uint64_t)YEARS_10_S, &n))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text.p[text.n - 1] != units[i].unit || (int64_t)n > YEARS_10_S / units[i].seconds)
            continue;
        *ret_s = (int64_t)n * units[i].seconds;
        return true;
    }
    return false;
}

static bool size_parse(struct slice text, int64_t *ret_bytes)
{
    static const struct {
        struct slice unit;
        unsigned shift;
    } units[] = { { SL("MiB"), 20 }, { SL("GiB"), 30 }, { SL("TiB"), 40 } };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t unit_n = units[i].unit.n;
        uint64_t n = 0;
        if (text.n <= unit_n || !slice_eq(slice_from(text, text.n - unit_n), units[i].unit))
            continue;
        if (!slice_to_u64(slice_head(text, text.n - unit_n), (uint64_t)INT64_MAX >> units[i].shift, &n))
            return false;
        *ret_bytes = (int64_t)(n << units[i].shift);
        return true;
    }
    return false;
}

static bool word_index(const char *words, struct slice value, unsigned *ret)
{
    struct slice rest = slice_of(words), word = SLICE_NONE;

    for (unsigned i = 0; slice_cut(&rest, '|', &word); i++)
        if (slice_eq(word, value)) {
            *ret = i;
            return true;
        }
    return false;
}

/* What is wrong with a value, quoted as far as it can be shown. */
static enum err refuse(const struct place *at, const struct key *k, struct slice value)
{
    bool cut = value.n > QUOTE_BYTES_MAX;
    size_t n = cut ? QUOTE_BYTES_MAX : value.n;

    while (cut && n > 0 && ((unsigned char)value.p[n] & 0xc0) == 0x80)
        n--;
    return config_fail(at, "`%s` is %s, not `%.*s%s`", k->name, k->form, (int)n, value.p, cut ? "..." : "");
}

static enum err set_duration(const struct place *at, const struct key *k, struct slice value, int64_t *target)
{
    int64_t s = 0;

    if (!duration_parse(value, &s))
        return refuse(at, k, value);
    if (s < 1 || s > k->max)
        return config_fail(at, "`%s` lies between 1s and %" PRId64 "s, not at %" PRId64 "s", k->name, k->max, s);
    *target = s;
    return ERR_OK;
}

static enum err set_size(const struct place *at, const struct key *k, struct slice value, int64_t *target)
{
    int64_t bytes = 0;

    if (!size_parse(value, &bytes))
        return refuse(at, k, value);
    if (bytes < MIB_16 || bytes > k->max)
        return config_fail(at, "`%s` lies between 16MiB and %" PRId64 "GiB, not at " SLICE_FMT, k->name, k->max >> 30,
                           SLICE_ARG(value));
    *target = bytes;
    return ERR_OK;
}

static enum err check_text(const struct place *at, const struct key *k, struct slice value)
{
    if (!text_is_printable(value))
        return config_fail(at, "`%s` has a line break, a NUL or another character that cannot be shown", k->name);
    if (value.n == 0)
        return config_fail(at, "`%s` is empty; leave it out for the default", k->name);
    if (k->kind != DURATION && k->kind != SIZE && (int64_t)value.n > k->max)
        return config_fail(at, "`%s` has %zu bytes, more than %" PRId64, k->name, value.n, k->max);
    return ERR_OK;
}

/* One value that is no list. The value must live as long as the configuration. */
enum err config_key_set(const struct place *at, const struct key *k, struct slice value, void *target)
{
    unsigned i = 0;
    enum err e = check_text(at, k, value);

    if (e != ERR_OK)
        return e;
    if ((k->words != NULL && !word_index(k->words, value, &i)) || (k->accepts != NULL && !k->accepts(value)))
        return refuse(at, k, value);
    switch (k->kind) {
    case PATH:
        if (value.p[0] != '/')
            return refuse(at, k, value);
        *(struct slice *)target = value;
        break;
    case TEXT:
    case TEXTS: /* one item */
    case WORD: *(struct slice *)target = value; break;
    case DURATION: return set_duration(at, k, value, target);
    case SIZE: return set_size(at, k, value, target);
    case FLAG: *(bool *)target = i == 1; break;
    case MODE: *(enum tailscale_mode *)target = (enum tailscale_mode)i; break;
    }
    return ERR_OK;
}

void *config_key_target(struct config *c, const struct key *k)
{
    return (char *)c + k->offset;
}

/* A longer copy of the list, as slices are borrowed. */
enum err config_key_append(const struct place *at, const struct key *k, struct slice value, struct slices *list)
{
    if (list->n == CONFIG_LIST_MAX)
        return config_fail(at, "`%s` has more than %d entries", k->name, CONFIG_LIST_MAX);
    struct slice *longer = pool_alloc(at->pool, (list->n + 1) * sizeof(*longer));
    if (list->n > 0)
        memcpy(longer, list->at, list->n * sizeof(*longer));
    enum err e = config_key_set(at, k, value, &longer[list->n]);
    if (e == ERR_OK)
        *list = (struct slices){ longer, list->n + 1 };
    return e;
}

void config_defaults(struct config *c)
{
    *c = (struct config){ .tailscale_socket = SL("/run/tailscale/tailscaled.sock"),
                          .tailscale_max_stale = 3600,
                          .email_verified = true,
                          .lifetimes = LIFETIMES_DEFAULT,
                          .log_level = SL("info") };
}

enum err config_set(struct pool *p, struct config *c, const char *name, struct slice value, struct config_error *ret)
{
    const struct place at = { p, SLICE_NONE, 0, 0, ret };
    const struct key *k = config_key_find(slice_of(name));

    if (k == NULL)
        return config_fail(&at, "there is no setting `%s`", name);
    if (k->kind != TEXTS)
        return config_key_set(&at, k, pool_dup(p, value), config_key_target(c, k));
    struct slices *list = config_key_target(c, k);
    uint32_t bit = UINT32_C(1) << (k - keys);
    struct slices begun = (c->lists_begun & bit) != 0 ? *list : (struct slices){ NULL, 0 };
    enum err e = config_key_append(&at, k, pool_dup(p, value), &begun);
    if (e == ERR_OK) {
        *list = begun;
        c->lists_begun |= bit;
    }
    return e;
}

bool config_is_section(struct slice name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct slice key = slice_of(keys[i].name);
        if (key.n > name.n && key.p[name.n] == '.' && slice_starts(key, name))
            return true;
    }
    return false;
}

/* Levenshtein's distance; names are at most CONFIG_NAME_BYTES_MAX. */
static unsigned distance(struct slice a, struct slice b)
{
    unsigned row[CONFIG_NAME_BYTES_MAX + 1];

    for (size_t j = 0; j <= b.n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned best = diagonal + (a.p[i - 1] != b.p[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b.n];
}

const char *config_key_nearest(struct slice name)
{
    struct slice last = name;
    unsigned best = name.n < 6 ? 2 : (unsigned)name.n / 3;
    const char *found = NULL;

    if (name.n > CONFIG_NAME_BYTES_MAX)
        return NULL;
    while (slice_has(last, '.'))
        last = slice_from(last, slice_find(last, '.') + 1);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct slice key = slice_of(keys[i].name);
        unsigned d = distance(name, key);
        if (slice_eq(slice_from(key, slice_has(key, '.') ? slice_find(key, '.') + 1 : 0), last))
            d = 1;
        if (d <= best) {
            best = d - (d > 0);
            found = keys[i].name;
        }
    }
    return found;
}

/* "tailscale.mode" as "AVOUCH_TAILSCALE_MODE=" */
static void variable_name(const char *name, char ret[static CONFIG_NAME_BYTES_MAX])
{
    int n = snprintf(ret, CONFIG_NAME_BYTES_MAX, "AVOUCH_%s=", name);

    assert(n > 0 && n < CONFIG_NAME_BYTES_MAX);
    for (char *c = ret; *c != '\0'; c++)
        if (*c == '.')
            *c = '_';
        else if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
}

static struct slice variable(char *const *environment, struct slice name_equals)
{
    for (size_t i = 0; environment[i] != NULL; i++)
        if (slice_starts(slice_of(environment[i]), name_equals))
            return slice_of(environment[i] + name_equals.n);
    return SLICE_NONE;
}

static enum err set_list_by_comma(const struct place *at, const struct key *k, struct slice rest, struct slices *list)
{
    struct slice piece = SLICE_NONE;
    enum err e = ERR_OK;

    *list = (struct slices){ NULL, 0 };
    while (e == ERR_OK && slice_cut(&rest, ',', &piece))
        if (slice_trim(piece).n > 0)
            e = config_key_append(at, k, slice_trim(piece), list);
    return e;
}

enum err config_read_environment(struct pool *p, char *const *environment, struct config *c, struct config_error *ret)
{
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < KEY_COUNT; i++) {
        char name[CONFIG_NAME_BYTES_MAX];
        variable_name(keys[i].name, name);
        struct slice value = pool_dup(p, variable(environment, slice_of(name)));
        if (value.n == 0)
            continue;
        const struct place at = { p, pool_dup(p, slice_head(slice_of(name), strlen(name) - 1)), 0, 0, ret };
        e = keys[i].kind == TEXTS ? set_list_by_comma(&at, &keys[i], value, config_key_target(c, &keys[i]))
                                  : config_key_set(&at, &keys[i], value, config_key_target(c, &keys[i]));
    }
    return e;
}

static struct slice dev_state(struct pool *p)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    /* XDG base directories: a path that is not absolute is to be ignored */
    if (state != NULL && state[0] == '/')
        return pool_fmt(p, "%s/avouch-dev", state);
    if (home != NULL && home[0] == '/')
        return pool_fmt(p, "%s/.local/state/avouch-dev", home);
    const struct passwd *me = getpwuid(getuid());
    return pool_fmt(p, "%s/.local/state/avouch-dev", me != NULL ? me->pw_dir : STATE_DIRECTORY);
}

void config_complete(struct pool *p, struct config *c)
{
    static const struct slice service[] = { { "tailnet:443", 11 }, { "ops:[::1]:9090", 14 } };
    static const struct slice dev[] = { { "dev:127.0.0.1:9080", 18 } };

    if (c->listen.n == 0)
        c->listen = c->dev ? (struct slices){ dev, 1 } : (struct slices){ service, 2 };
    if (slice_is_none(c->state))
        c->state = c->dev ? dev_state(p) : SL(STATE_DIRECTORY);
    if (c->tailscale_mode == TAILSCALE_OWN)
        c->tailscale_socket = pool_fmt(p, SLICE_FMT "/" CONFIG_OWN_SOCKET, SLICE_ARG(c->state));
}

struct fetch_settings config_outbound(const struct config *c)
{
    return (struct fetch_settings){ .dev = c->dev,
                                    .ca_file = c->outbound_ca_file,
                                    .tailscaled = c->dev ? SLICE_NONE : c->tailscale_socket,
                                    .allow = c->outbound_allow };
}

size_t config_keys(const char *const **ret_names)
{
    static const char *names[KEY_COUNT];

    for (size_t i = 0; i < KEY_COUNT; i++)
        names[i] = keys[i].name;
    *ret_names = names;
    return KEY_COUNT;
}
