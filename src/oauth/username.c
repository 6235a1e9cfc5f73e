/* From a login to names that applications can keep accounts by. Pure: who already has a name is person.c's question. */
#include <inttypes.h>

#include "encode.h"
#include "person.h"

#define EMAIL_BYTES_MAX       250 /* RFC 5321 4.5.3.1.3 allows 254: more than fit into a key (KEY_BYTES_MAX) */
#define EMAIL_LOCAL_BYTES_MAX 64  /* 4.5.3.1.1 */

#define NAME(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

/* Names that mean somebody in particular to some application or system: taken from the start. */
static const struct slice reserved[] = {
    NAME("abuse"),
    NAME("admin"),
    NAME("administrator"),
    NAME("anonymous"),
    NAME("avouch"),
    NAME("backup"),
    NAME("bin"),
    NAME("bot"),
    NAME("daemon"),
    NAME("ghost"),
    NAME("git"),
    NAME("guest"),
    NAME("help"),
    NAME("hostmaster"),
    NAME("info"),
    NAME("mail"),
    NAME("me"),
    NAME("mysql"),
    NAME("nobody"),
    NAME("noreply"),
    NAME("operator"),
    NAME("owner"),
    NAME("postgres"),
    NAME("postmaster"),
    NAME("proxy"),
    NAME("root"),
    NAME("security"),
    NAME("self"),
    NAME("service"),
    NAME("staff"),
    NAME("sudo"),
    NAME("superuser"),
    NAME("support"),
    NAME("sys"),
    NAME("sysadmin"),
    NAME("system"),
    NAME("tagged-devices"),
    NAME("user"),
    NAME("webmaster"),
    NAME("wheel"),
    NAME("www-data"),
};

bool username_is_reserved(struct slice name)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (slice_eq(name, reserved[i]))
            return true;
    return false;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_separator(char c)
{
    return c == '.' || c == '_' || c == '-';
}

static bool is_digits(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] < '0' || name.p[i] > '9')
            return false;
    return true;
}

bool username_is_valid(struct slice name)
{
    if (name.n == 0 || name.n > USERNAME_BYTES_MAX + USERNAME_SUFFIX_BYTES_MAX)
        return false;
    if (is_digits(name) || slice_starts(name, SL("node-")))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        bool between = i > 0 && i + 1 < name.n && is_letter_or_digit(name.p[i - 1]);
        if (!is_letter_or_digit(name.p[i]) && !(is_separator(name.p[i]) && between))
            return false;
    }
    return true;
}

/* A lone separator stays; every other run between letters becomes one `-`. */
static struct slice squeeze(struct pool *p, struct slice text)
{
    struct buf b;
    size_t run = 0;

    buf_init(&b, p, USERNAME_BYTES_MAX);
    for (size_t i = 0; i < text.n && b.n < USERNAME_BYTES_MAX; i++) {
        if (!is_letter_or_digit(text.p[i])) {
            run++;
            continue;
        }
        if (run > 0 && b.n > 0 && b.n + 1 < USERNAME_BYTES_MAX)
            buf_char(&b, run == 1 && is_separator(text.p[i - 1]) ? text.p[i - 1] : '-');
        run = 0;
        buf_char(&b, text.p[i]);
    }
    return buf_finish(&b);
}

struct slice username_of_id(struct pool *p, int64_t user_id)
{
    struct slice id = user_id_text(p, user_id);

    return (user_id & USER_ID_SHARED_IN) != 0 ? id : pool_fmt(p, "user-" SLICE_FMT, SLICE_ARG(id));
}

/* "shared-7" of another than shared-7, or a login that left nothing. */
static bool looks_like_id(struct slice name)
{
    int64_t id = 0;

    return user_id_parse(name, &id) || slice_eq(name, SL("shared"));
}

struct slice username_from_login(struct pool *p, struct slice login, int64_t user_id)
{
    struct slice local = ascii_lower(p, slice_head(login, slice_find(login, '@')));

    if (user_id & USER_ID_SHARED_IN)
        local = pool_fmt(p, USERNAME_SHARED_IN SLICE_FMT, SLICE_ARG(local));
    struct slice name = squeeze(p, local);
    return username_is_valid(name) && !looks_like_id(name) ? name : username_of_id(p, user_id);
}

/* RFC 5321 4.1.2 Dot-string: a quoted local part is nobody's login. */
static bool is_local_part(struct slice s)
{
    struct slice others = SL("!#$%&'*+-/=?^_`{|}~");

    if (s.n == 0 || s.n > EMAIL_LOCAL_BYTES_MAX || s.p[0] == '.' || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool dot = c == '.' && s.p[i - 1] != '.';
        bool letter = is_letter_or_digit(c) || (c >= 'A' && c <= 'Z');
        if (!letter && !dot && !slice_has(others, c))
            return false;
    }
    return true;
}

static bool is_label(struct slice label)
{
    if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++)
        if (!is_letter_or_digit(label.p[i]) && label.p[i] != '-')
            return false;
    return true;
}

/* At least two labels: `alice@github` and `alice@passkey` say how somebody signs in, not where mail goes. No last label is
 * a number (RFC 3696 2): alice@192.0.2.1 names a machine. */
static bool is_domain(struct slice domain)
{
    struct slice rest = domain, label = SL("");
    size_t labels = 0;

    while (slice_cut(&rest, '.', &label)) {
        if (!is_label(label))
            return false;
        labels++;
    }
    return labels >= 2 && !is_digits(label);
}

struct slice email_from_login(struct pool *p, struct slice login)
{
    size_t at = slice_find(login, '@');

    if (at == login.n || login.n > EMAIL_BYTES_MAX)
        return SLICE_NONE;
    struct slice local = slice_head(login, at), domain = ascii_lower(p, slice_from(login, at + 1));
    if (!is_local_part(local) || !is_domain(domain))
        return SLICE_NONE;
    return pool_fmt(p, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(local), SLICE_ARG(domain));
}
