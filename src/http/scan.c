/* The strict head scanner: one pass over the bytes, one table of byte classes. It forgives nothing that another
 * parser might read differently, but for one empty line before the request line (RFC 9112 section 2.2). Names may
 * come in either case: libh2o has already lower-cased them in place when a request is dispatched. */
#include "scan.h"

#define METHOD_BYTES_MAX 16
#define LENGTH_DIGITS    19 /* every such number fits in 64 bits */
#define PORT_DIGITS      5
#define PORT_MAX         65535

enum { TOKEN = 1, TARGET = 2, VALUE = 4, NAME_HOST = 8, DIGIT = 16, HEX = 32 };

#define LETTER (TOKEN | TARGET | VALUE | NAME_HOST)
#define NUMBER (TOKEN | TARGET | VALUE | NAME_HOST | DIGIT | HEX)
#define MARK   (TOKEN | TARGET | VALUE)
#define OTHER  (TARGET | VALUE)

/* What a byte may be part of; HEX is what stands between the brackets of an IPv6 address. */
static const uint8_t classes[256] = {
    ['\t'] = VALUE,         [' '] = VALUE,
    ['!'] = MARK,           ['"'] = OTHER,
    ['#'] = TOKEN | VALUE, /* no fragments */
    ['$'] = MARK,           ['%'] = MARK,
    ['&'] = MARK,           ['\''] = MARK,
    ['('] = OTHER,          [')'] = OTHER,
    ['*'] = MARK,           ['+'] = MARK,
    [','] = OTHER,          ['-'] = LETTER,
    ['.'] = LETTER | HEX,   ['/'] = OTHER,
    ['0' ... '9'] = NUMBER, [':'] = OTHER | HEX,
    [';' ... '@'] = OTHER,  ['A' ... 'F'] = LETTER | HEX,
    ['G' ... 'Z'] = LETTER, ['[' ... ']'] = OTHER,
    ['^' ... '`'] = MARK,   ['a' ... 'f'] = LETTER | HEX,
    ['g' ... 'z'] = LETTER, ['{'] = OTHER,
    ['|'] = MARK,           ['}'] = OTHER,
    ['~'] = MARK,           [0x80 ... 0xff] = VALUE,
};

static bool is(char c, unsigned of)
{
    return (classes[(unsigned char)c] & of) != 0;
}

struct reader {
    const char *p, *end;
};

/* The longest run of bytes of these classes. */
static struct slice take(struct reader *in, unsigned of)
{
    const char *from = in->p, *p = from, *end = in->end;

    while (p < end && is(*p, of))
        p++;
    in->p = p;
    return slice_bytes(from, (size_t)(p - from));
}

/* Bytes of VALUE, eight at a time: blanks and tabs within are rare, so a tab may end the quick part. */
static struct slice take_value(struct reader *in)
{
    const char *from = in->p;

    while (in->end - in->p >= 8) {
        uint64_t word;

        memcpy(&word, in->p, sizeof(word));
        uint64_t delete = word ^ UINT64_C(0x7f7f7f7f7f7f7f7f);
        uint64_t below = (word - UINT64_C(0x2020202020202020)) & ~word;
        delete = (delete - UINT64_C(0x0101010101010101)) & ~delete;
        if (((below | delete) & UINT64_C(0x8080808080808080)) != 0)
            break;
        in->p += 8;
    }
    (void)take(in, VALUE);
    return slice_bytes(from, (size_t)(in->p - from));
}

static bool take_char(struct reader *in, char c)
{
    if (in->p == in->end || *in->p != c)
        return false;
    in->p++;
    return true;
}

static bool take_line_end(struct reader *in)
{
    if (in->end - in->p < 2 || in->p[0] != '\r' || in->p[1] != '\n')
        return false;
    in->p += 2;
    return true;
}

/* Which refusal it is where bytes of the expected kind have ended: a line that ends wrongly, or what stands in it. */
static enum scan judge_end(const struct reader *in, enum scan otherwise)
{
    return in->p == in->end || *in->p == '\r' || *in->p == '\n' ? SCAN_LINE_END : otherwise;
}

/* RFC 9112 section 2.3: HTTP-version is case-sensitive. */
static enum scan read_version(struct reader *in)
{
    struct slice version = take(in, TARGET);

    if (slice_eq(version, SL("HTTP/1.1")))
        return take_line_end(in) ? SCAN_OK : judge_end(in, SCAN_LINE);
    if (version.n != 8 || !slice_starts(version, SL("HTTP/")) || !is(version.p[5], DIGIT) || version.p[6] != '.' ||
        !is(version.p[7], DIGIT))
        return SCAN_LINE;
    return SCAN_VERSION;
}

/* RFC 9112 section 3. Only origin-form (3.2.1): we are no proxy, and nothing of ours answers OPTIONS *. */
static enum scan read_request_line(struct reader *in, struct scan_head *h)
{
    h->method = take(in, TOKEN);
    if (h->method.n == 0 || h->method.n > METHOD_BYTES_MAX || !take_char(in, ' '))
        return SCAN_LINE;
    h->target = take(in, TARGET);
    if (h->target.n > TARGET_BYTES_MAX)
        return SCAN_URL_TOO_LONG;
    if (h->target.n == 0 || !take_char(in, ' '))
        return SCAN_LINE;
    enum scan s = read_version(in);
    if (s != SCAN_OK)
        return s;
    return h->target.p[0] == '/' ? SCAN_OK : SCAN_LINE;
}

static bool port_is_valid(struct slice port)
{
    uint64_t number;

    return port.n >= 1 && port.n <= PORT_DIGITS && slice_to_u64(port, PORT_MAX, &number);
}

/* RFC 9110 section 7.2; of RFC 3986's host only what a name or address of ours can be. */
static bool host_is_valid(struct slice host)
{
    struct reader in = { host.p, host.p + host.n };

    if (take_char(&in, '[')) {
        if (take(&in, HEX).n == 0 || !take_char(&in, ']'))
            return false;
    } else if (take(&in, NAME_HOST).n == 0) {
        return false;
    }
    return in.p == in.end || (take_char(&in, ':') && port_is_valid(slice_bytes(in.p, (size_t)(in.end - in.p))));
}

struct state {
    struct scan_head head;
    unsigned seen; /* a bit for each of known[] that has come */
    bool has_length;
};

/* Headers that mean something here, each at most once. */
enum known { HOST, LENGTH, ENCODING, UPGRADE, EXPECT, SINGLE };

static const struct {
    struct slice name;
    enum known what;
} known[] = {
    { { "host", 4 }, HOST },
    { { "content-length", 14 }, LENGTH },
    { { "transfer-encoding", 17 }, ENCODING },
    { { "upgrade", 7 }, UPGRADE },
    { { "expect", 6 }, EXPECT },
    { { "authorization", 13 }, SINGLE },
    { { "content-type", 12 }, SINGLE },
    { { "origin", 6 }, SINGLE },
    { { "dpop", 4 }, SINGLE },
    { { "sec-fetch-site", 14 }, SINGLE },
    { { "sec-fetch-dest", 14 }, SINGLE },
    { { "sec-fetch-mode", 14 }, SINGLE },
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static enum scan read_length(struct slice value, bool again, struct state *st)
{
    bool leading_zero = value.n > 1 && value.p[0] == '0';

    st->has_length = true;
    if (again || value.n == 0 || value.n > LENGTH_DIGITS || leading_zero)
        return SCAN_LENGTH;
    return slice_to_u64(value, UINT64_MAX, &st->head.content_length) ? SCAN_OK : SCAN_LENGTH;
}

static enum scan read_known(enum known what, struct slice value, bool again, struct state *st)
{
    switch (what) {
    case HOST: st->head.host = value; return again || !host_is_valid(value) ? SCAN_HOST : SCAN_OK;
    case LENGTH: return read_length(value, again, st);
    case ENCODING:
        st->head.chunked = true;
        return again || !slice_eq_nocase(value, SL("chunked")) ? SCAN_ENCODING : SCAN_OK;
    case UPGRADE: return SCAN_UPGRADE;
    case EXPECT: return slice_eq_nocase(value, SL("100-continue")) ? SCAN_OK : SCAN_UPGRADE;
    case SINGLE: return again ? SCAN_TWICE : SCAN_OK;
    }
    return SCAN_HEADER;
}

static enum scan read_header(struct reader *in, struct state *st)
{
    if (*in->p == ' ' || *in->p == '\t')
        return SCAN_FOLDED;
    struct slice name = take(in, TOKEN);
    if (name.n == 0 || !take_char(in, ':'))
        return judge_end(in, SCAN_HEADER);
    struct slice value = take_value(in);
    if (!take_line_end(in))
        return judge_end(in, SCAN_HEADER);
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (name.n != known[i].name.n || !slice_eq_nocase(name, known[i].name))
            continue;
        bool again = (st->seen & 1U << i) != 0;
        st->seen |= 1U << i;
        return read_known(known[i].what, slice_trim(value), again, st);
    }
    return SCAN_OK;
}

static enum scan read_headers(struct reader *in, struct state *st)
{
    for (unsigned lines = 0; !take_line_end(in); lines++) {
        if (lines == HEAD_LINES_MAX)
            return SCAN_TOO_LARGE;
        enum scan s = in->p == in->end ? SCAN_LINE_END : read_header(in, st);
        if (s != SCAN_OK)
            return s;
    }
    return SCAN_OK;
}

/* RFC 9112 sections 3.2 and 6.1: what no single line shows. */
static enum scan judge_whole(const struct state *st)
{
    if (st->head.host.n == 0)
        return SCAN_HOST;
    return st->head.chunked && st->has_length ? SCAN_LENGTH : SCAN_OK;
}

enum scan scan_head(struct slice head, struct scan_head *ret)
{
    struct reader in = { head.p, head.p + (head.n < HEAD_BYTES_MAX ? head.n : HEAD_BYTES_MAX) };
    struct state st = { 0 };

    (void)take_line_end(&in);
    enum scan s = read_request_line(&in, &st.head);
    if (s == SCAN_OK)
        s = read_headers(&in, &st);
    if (s == SCAN_LINE_END && in.end - in.p <= 1 && head.n > HEAD_BYTES_MAX)
        return SCAN_TOO_LARGE; /* cut short by us, not by the client */
    if (s == SCAN_OK)
        s = judge_whole(&st);
    if (s != SCAN_OK)
        return s;
    st.head.has_body = st.head.chunked || st.head.content_length != 0;
    st.head.bytes = (size_t)(in.p - head.p);
    *ret = st.head;
    return SCAN_OK;
}

/* These go into JSON as they are: no quote, no backslash. */
static const struct {
    const char *text;
    int status;
} refusals[SCAN_COUNT] = {
    [SCAN_OK] = { "the head is well-formed", 200 },
    [SCAN_LINE] = { "the request line is malformed", 400 },
    [SCAN_VERSION] = { "only HTTP/1.1 is spoken here", 505 },
    [SCAN_LINE_END] = { "a line of the head does not end in CR LF", 400 },
    [SCAN_FOLDED] = { "a header line is folded", 400 },
    [SCAN_HEADER] = { "a header line is malformed", 400 },
    [SCAN_HOST] = { "there must be one Host header, naming a host", 400 },
    [SCAN_LENGTH] = { "there must be one Content-Length, a number, and no Transfer-Encoding beside it", 400 },
    [SCAN_ENCODING] = { "the only Transfer-Encoding is chunked, once", 400 },
    [SCAN_TWICE] = { "a header that must be single is repeated", 400 },
    [SCAN_UPGRADE] = { "there is no protocol to upgrade to, and 100-continue is the only expectation", 400 },
    [SCAN_TOO_LARGE] = { "the head is too large", 431 },
    [SCAN_URL_TOO_LONG] = { "the URL is too long", 414 },
};

const char *scan_text(enum scan s)
{
    return refusals[s].text;
}

int scan_status(enum scan s)
{
    return refusals[s].status;
}
