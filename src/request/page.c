/* What all pages share: the frame, how outside text is shown, and the small pages. The words are in templates/;
 * here is decided which of them are said. Whatever came from outside passes page_name or page_uri first: escaping
 * keeps a name from being markup, these keep it from looking like something else. */
#include "page.h"

#include <string.h>
#include <time.h>

#include "client.h"
#include "person.h"
#include "tpl.h"

#define REPLACEMENT      SL("\xEF\xBF\xBD")
#define REPLACEMENT_CHAR 0xFFFDU
#define ESCAPE_BYTES_MAX 16 /* of \u{10ffff} and three dots */
#define MINUTE_S         60
#define HOUR_S           3600
#define DAY_S            86400
#define WHEN_BYTES_MAX   64

static size_t char_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xC0)
        return 0;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 0;
}

/* Takes one character off *rest, which is not empty; a byte that begins none becomes U+FFFD. RFC 3629. */
static struct slice cut_char(struct slice *rest, uint32_t *ret)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = (const unsigned char *)rest->p;
    size_t n = char_length(p[0]);
    bool ok = n > 0 && n <= rest->n;
    uint32_t c = n < 2 ? p[0] : p[0] & (0x7FU >> n);
    struct slice piece;

    for (size_t i = 1; ok && i < n; i++) {
        ok = p[i] >> 6 == 2;
        c = c << 6 | (p[i] & 0x3FU);
    }
    ok = ok && c >= least[n] && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
    *ret = ok ? c : REPLACEMENT_CHAR;
    piece = ok ? slice_head(*rest, n) : REPLACEMENT;
    *rest = slice_from(*rest, ok ? n : 1);
    return piece;
}

/* Controls, and what hides or turns text: zero-width space, bidirectional marks and isolates, byte order mark. */
static bool is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x2069) || c == 0x061C || c == 0xFEFF;
}

static void put_visible(struct buf *b, struct slice name)
{
    size_t chars = 0;

    while (name.n > 0) {
        uint32_t c;
        struct slice piece = cut_char(&name, &c);

        if (is_hidden(c))
            continue;
        if (chars++ == PAGE_NAME_CHARS_MAX) {
            buf_put(b, SL("…"));
            return;
        }
        buf_put(b, piece);
    }
}

struct slice page_name(struct pool *p, struct slice name)
{
    struct buf b;

    buf_init(&b, p, PAGE_NAME_CHARS_MAX * sizeof(uint32_t) + 4);
    put_visible(&b, slice_trim(name));
    return slice_trim(buf_finish(&b));
}

/* Quotation marks inside the name would end the quotation: they become plain ones. */
static void put_quoted(struct buf *b, struct slice name)
{
    buf_put(b, SL("“"));
    while (name.n > 0) {
        uint32_t c;
        struct slice piece = cut_char(&name, &c);

        buf_put(b, c >= 0x201C && c <= 0x201F ? SL("\"") : piece);
    }
    buf_put(b, SL("”"));
}

struct slice page_app(struct pool *p, struct slice name, bool vouched, const char *fallback)
{
    struct slice shown = page_name(p, name);
    struct buf b;

    if (shown.n == 0)
        return slice_of(fallback);
    if (vouched)
        return shown;
    buf_init(&b, p, shown.n + 8);
    put_quoted(&b, shown);
    return buf_finish(&b);
}

struct slice page_uri(struct pool *p, struct slice uri)
{
    struct buf b;

    if (slice_is_none(uri))
        return uri;
    buf_init(&b, p, PAGE_URI_BYTES_MAX + ESCAPE_BYTES_MAX);
    while (uri.n > 0 && b.n < PAGE_URI_BYTES_MAX) {
        uint32_t c;
        struct slice piece = cut_char(&uri, &c);

        if (c > 0x20 && c < 0x7F)
            buf_put(&b, piece);
        else
            buf_fmt(&b, "\\u{%x}", (unsigned)c);
    }
    if (uri.n > 0)
        buf_put(&b, SL("..."));
    return buf_finish(&b);
}

/* Between "//" and the path; the whole of a URI that has no "//". */
static struct slice authority(struct slice uri)
{
    const char *slashes = memmem(uri.p, uri.n, "//", 2);
    size_t n = 0;

    if (!slashes)
        return uri;
    uri = slice_from(uri, (size_t)(slashes - uri.p) + 2);
    while (n < uri.n && uri.p[n] != '/' && uri.p[n] != '?' && uri.p[n] != '#')
        n++;
    return slice_head(uri, n);
}

struct slice page_host(struct pool *p, struct slice uri)
{
    bool web = slice_starts(uri, SL("https://")) || redirect_kind(uri) != REDIRECT_PRIVATE;

    return page_uri(p, web ? authority(uri) : redirect_host(uri));
}

static bool is_below(struct slice host, struct slice suffix)
{
    size_t dot = host.n - suffix.n - 1;

    if (slice_eq_nocase(host, suffix))
        return true;
    return host.n > suffix.n + 1 && host.p[dot] == '.' && slice_eq_nocase(slice_from(host, dot + 1), suffix);
}

void page_place(const struct page_frame *f, struct slice uri, bool *ret_inside, bool *ret_outside)
{
    bool known = f->tailnet_suffix.n > 0;
    bool inside = known && is_below(redirect_host(uri), f->tailnet_suffix);

    *ret_inside = inside;
    *ret_outside = known && !inside;
}

struct slice page_when(struct pool *p, int64_t at_s, struct now now)
{
    time_t then = (time_t)at_s, today = (time_t)now.s, yesterday = (time_t)(now.s - DAY_S);
    int64_t ago_s = now.s - at_s;
    struct tm at, day, before;
    char text[WHEN_BYTES_MAX];

    if (ago_s >= 0 && ago_s < MINUTE_S)
        return SL("just now");
    if (ago_s >= 0 && ago_s < HOUR_S)
        return pool_fmt(p, "%d minute%s ago", (int)(ago_s / MINUTE_S), ago_s / MINUTE_S == 1 ? "" : "s");
    if (!localtime_r(&then, &at) || !localtime_r(&today, &day) || !localtime_r(&yesterday, &before))
        return SL("at some time");
    if (at.tm_year == day.tm_year && at.tm_yday == day.tm_yday)
        (void)strftime(text, sizeof text, "today at %H:%M", &at);
    else if (at.tm_year == before.tm_year && at.tm_yday == before.tm_yday)
        (void)strftime(text, sizeof text, "yesterday at %H:%M", &at);
    else
        (void)strftime(text, sizeof text, at.tm_year == day.tm_year ? "on %-d %B" : "on %-d %B %Y", &at);
    return pool_dup(p, slice_of(text));
}

struct slice page_join(struct pool *p, struct slices names)
{
    struct buf b;

    buf_init(&b, p, PAGE_BYTES_MAX);
    for (size_t i = 0; i < names.n; i++) {
        struct slice name = page_name(p, names.at[i]);

        if (b.n > 0 && name.n > 0)
            buf_put(&b, SL(", "));
        buf_put(&b, name);
    }
    return b.n > 0 ? buf_finish(&b) : SLICE_NONE;
}

/* The setting may be written as a name or as "ask Bob": the sentences bring their own verb. */
struct slice page_contact(struct pool *p, struct slice contact)
{
    struct slice name = slice_trim(contact);

    if (name.n > 4 && slice_eq_nocase(slice_head(name, 4), SL("ask ")))
        name = slice_from(name, 4);
    return page_app(p, name, true, "whoever runs this server");
}

void page_layout(struct pool *p, const struct page_frame *f, struct tpl_layout *ret)
{
    *ret = (struct tpl_layout){ .host = page_uri(p, f->host), .dev = f->dev };
}

struct slice page_form_post(struct pool *p, const struct form_post_page *f)
{
    struct tpl_form_post_params *params = pool_zalloc(p, f->param_count * sizeof *params + 1);
    struct tpl_form_post t = { .redirect_uri = f->redirect_uri, .params = params };
    struct buf b;

    page_layout(p, &f->frame, &t.layout);
    t.app = page_app(p, f->app, true, "the application");
    t.host = page_host(p, f->redirect_uri);
    for (size_t i = 0; i < f->param_count; i++) {
        if (slice_is_none(f->params[i].value))
            continue;
        params[t.params_count].name = slice_of(f->params[i].name);
        params[t.params_count++].value = f->params[i].value;
    }
    buf_init(&b, p, PAGE_BYTES_MAX);
    tpl_form_post_render(&b, &t);
    return buf_finish(&b);
}

struct slice page_dev(struct pool *p, const struct dev_page *d)
{
    struct tpl_dev_people *people = pool_zalloc(p, d->people.n * sizeof *people + 1);
    struct tpl_dev t = { .people = people, .people_count = d->people.n, .back = d->back };
    struct buf b;

    page_layout(p, &d->frame, &t.layout);
    t.layout.dev = false; /* the page itself says so, and is where the link leads */
    for (size_t i = 0; i < d->people.n; i++) {
        people[i].index = pool_fmt(p, "%zu", i);
        people[i].login = page_name(p, d->people.at[i]);
        people[i].current = i == d->current;
        people[i].first = i == 0;
    }
    buf_init(&b, p, PAGE_BYTES_MAX);
    tpl_dev_render(&b, &t);
    return buf_finish(&b);
}

struct slice page_home(struct pool *p, const struct home_page *h)
{
    struct tpl_home t = { .made_up = h->frame.dev, .person = h->peer->kind != PEER_MACHINE };
    struct slice name = page_name(p, h->peer->display_name);
    struct buf b;

    page_layout(p, &h->frame, &t.layout);
    t.layout.desk = true;
    t.login = page_name(p, h->peer->login);
    t.name = name.n > 0 ? name : SLICE_NONE;
    t.node = page_name(p, h->peer->node);
    t.address = page_name(p, h->peer->address);
    t.tags = page_app(p, page_join(p, h->peer->tags), true, "tag");
    buf_init(&b, p, PAGE_BYTES_MAX);
    tpl_home_render(&b, &t);
    return buf_finish(&b);
}
