/* Strict codecs. Every byte string has one spelling here: two spellings of one token would be two keys of one thing. */
#include "encode.h"

#include <string.h>

#include "buf.h"

#define NO_DIGIT 0xff

/* Values of digits, and which of the alphabets of RFC 4648 has it: A-Z a-z 0-9 both, then two of its own each. */
#define URL      0x40 /* section 5 */
#define CLASSIC  0x80 /* section 4 */
#define BOTH     (URL | CLASSIC)
#define OF_64(v) (BOTH | (v))

static const uint8_t digits64[256] = {
    ['A'] = OF_64(0),     ['B'] = OF_64(1),  ['C'] = OF_64(2),  ['D'] = OF_64(3),  ['E'] = OF_64(4),
    ['F'] = OF_64(5),     ['G'] = OF_64(6),  ['H'] = OF_64(7),  ['I'] = OF_64(8),  ['J'] = OF_64(9),
    ['K'] = OF_64(10),    ['L'] = OF_64(11), ['M'] = OF_64(12), ['N'] = OF_64(13), ['O'] = OF_64(14),
    ['P'] = OF_64(15),    ['Q'] = OF_64(16), ['R'] = OF_64(17), ['S'] = OF_64(18), ['T'] = OF_64(19),
    ['U'] = OF_64(20),    ['V'] = OF_64(21), ['W'] = OF_64(22), ['X'] = OF_64(23), ['Y'] = OF_64(24),
    ['Z'] = OF_64(25),    ['a'] = OF_64(26), ['b'] = OF_64(27), ['c'] = OF_64(28), ['d'] = OF_64(29),
    ['e'] = OF_64(30),    ['f'] = OF_64(31), ['g'] = OF_64(32), ['h'] = OF_64(33), ['i'] = OF_64(34),
    ['j'] = OF_64(35),    ['k'] = OF_64(36), ['l'] = OF_64(37), ['m'] = OF_64(38), ['n'] = OF_64(39),
    ['o'] = OF_64(40),    ['p'] = OF_64(41), ['q'] = OF_64(42), ['r'] = OF_64(43), ['s'] = OF_64(44),
    ['t'] = OF_64(45),    ['u'] = OF_64(46), ['v'] = OF_64(47), ['w'] = OF_64(48), ['x'] = OF_64(49),
    ['y'] = OF_64(50),    ['z'] = OF_64(51), ['0'] = OF_64(52), ['1'] = OF_64(53), ['2'] = OF_64(54),
    ['3'] = OF_64(55),    ['4'] = OF_64(56), ['5'] = OF_64(57), ['6'] = OF_64(58), ['7'] = OF_64(59),
    ['8'] = OF_64(60),    ['9'] = OF_64(61), ['-'] = URL | 62,  ['_'] = URL | 63,  ['+'] = CLASSIC | 62,
    ['/'] = CLASSIC | 63,
};

static size_t decoded_bytes(size_t digits)
{
    return digits / 4 * 3 + (digits % 4 == 0 ? 0 : digits % 4 - 1);
}

/* out: room for decoded_bytes(text.n). */
static bool decode64(struct slice text, unsigned alphabet, unsigned char *out)
{
    unsigned bits = 0, have = 0;

    if (slice_is_none(text) || text.n % 4 == 1)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned digit = digits64[(unsigned char)text.p[i]];

        if ((digit & alphabet) == 0)
            return false;
        bits = (bits << 6 | (digit & 63)) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *out++ = (unsigned char)(bits >> have);
        }
    }
    /* RFC 4648 section 3.5: bits beyond the last byte must be zero */
    return (bits & ((1U << have) - 1)) == 0;
}

static bool decode64_into_pool(struct pool *p, struct slice text, unsigned alphabet, struct slice *ret)
{
    size_t n = decoded_bytes(text.n);
    unsigned char *out = pool_alloc(p, n);

    if (!decode64(text, alphabet, out))
        return false;
    *ret = slice_bytes(out, n);
    return true;
}

bool base64url_read(struct slice text, uint8_t *ret, size_t n)
{
    return decoded_bytes(text.n) == n && decode64(text, URL, ret);
}

bool base64url_decode(struct pool *p, struct slice text, struct slice *ret)
{
    return decode64_into_pool(p, text, URL, ret);
}

struct slice base64url_encode(struct pool *p, struct slice bytes)
{
    struct buf b;

    buf_init(&b, p, SIZE_MAX);
    buf_base64url(&b, bytes);
    return buf_finish(&b);
}

bool base64_decode(struct pool *p, struct slice text, struct slice *ret)
{
    size_t pad = 0;

    if (text.n % 4 != 0)
        return false;
    while (pad < 2 && text.n > pad && text.p[text.n - 1 - pad] == '=')
        pad++;
    return decode64_into_pool(p, slice_head(text, text.n - pad), CLASSIC, ret);
}

struct slice hex_encode(struct pool *p, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *out = pool_alloc(p, bytes.n * 2);

    for (size_t i = 0; i < bytes.n; i++) {
        out[2 * i] = digits[(unsigned char)bytes.p[i] >> 4];
        out[2 * i + 1] = digits[(unsigned char)bytes.p[i] & 15];
    }
    return slice_bytes(out, bytes.n * 2);
}

static unsigned digit16(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : NO_DIGIT;
}

static unsigned digit16_any(char c)
{
    return digit16(c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c);
}

bool hex_decode(struct pool *p, struct slice text, struct slice *ret)
{
    if (slice_is_none(text) || text.n % 2 != 0)
        return false;
    char *out = pool_alloc(p, text.n / 2);
    for (size_t i = 0; i < text.n; i += 2) {
        unsigned high = digit16(text.p[i]), low = digit16(text.p[i + 1]);

        if (high == NO_DIGIT || low == NO_DIGIT)
            return false;
        out[i / 2] = (char)(high << 4 | low);
    }
    *ret = slice_bytes(out, text.n / 2);
    return true;
}

/* The byte that %XX at the front of s stands for, or NO_BYTE. */
#define NO_BYTE 0x100U

static unsigned escaped(struct slice s)
{
    if (s.n < 3)
        return NO_BYTE;
    unsigned high = digit16_any(s.p[1]), low = digit16_any(s.p[2]);
    return high == NO_DIGIT || low == NO_DIGIT ? NO_BYTE : high << 4 | low;
}

bool percent_decode(struct pool *p, struct slice text, bool plus_is_blank, struct slice *ret)
{
    if (!slice_has(text, '%') && !(plus_is_blank && slice_has(text, '+'))) {
        *ret = slice_is_none(text) ? SL("") : pool_dup(p, text);
        return true;
    }
    char *out = pool_alloc(p, text.n);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '%') {
            unsigned byte = escaped(slice_from(text, i));

            if (byte == NO_BYTE)
                return false;
            c = (char)byte;
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        out[n++] = c;
    }
    *ret = slice_bytes(out, n);
    return true;
}

/* RFC 3629 section 4: what the second byte may be depends on the first. */
static bool second_is_allowed(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0: return second >= 0xa0 && second <= 0xbf;
    case 0xed: return second >= 0x80 && second <= 0x9f;
    case 0xf0: return second >= 0x90 && second <= 0xbf;
    case 0xf4: return second >= 0x80 && second <= 0x8f;
    default: return second >= 0x80 && second <= 0xbf;
    }
}

size_t utf8_first(struct slice s)
{
    const unsigned char *c = (const unsigned char *)s.p;
    size_t n;

    if (s.n == 0)
        return 0;
    if (c[0] < 0x80)
        return 1;
    if (c[0] < 0xc2 || c[0] > 0xf4)
        return 0;
    n = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (n > s.n || !second_is_allowed(c[0], c[1]))
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* Eight bytes of ASCII at the front? Most texts are nothing else. */
static bool starts_with_ascii(struct slice s)
{
    uint64_t word;

    if (s.n < sizeof(word))
        return false;
    memcpy(&word, s.p, sizeof(word));
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

bool utf8_is_valid(struct slice s)
{
    for (size_t n; s.n > 0; s = slice_from(s, n)) {
        n = starts_with_ascii(s) ? sizeof(uint64_t) : utf8_first(s);
        if (n == 0)
            return false;
    }
    return true;
}

bool text_is_printable(struct slice s)
{
    for (size_t n; s.n > 0; s = slice_from(s, n)) {
        unsigned char c = (unsigned char)s.p[0];

        n = utf8_first(s);
        if (n == 0 || c < 0x20 || c == 0x7f)
            return false;
        if (c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
            return false;
    }
    return true;
}

struct slice ascii_lower(struct pool *p, struct slice s)
{
    if (slice_is_none(s))
        return s;
    char *out = pool_alloc(p, s.n);
    for (size_t i = 0; i < s.n; i++)
        out[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
    return slice_bytes(out, s.n);
}

#define DAY_S        86400
#define ERA_DAYS     146097 /* 400 years */
#define JAN_TO_MARCH 60     /* days, in the leap year 0000 */
#define TIME_FIRST_S (-62167219200)
#define TIME_LAST_S  253402300799

static void print_two(char *to, unsigned v)
{
    to[0] = (char)('0' + v / 10 % 10);
    to[1] = (char)('0' + v % 10);
}

/* Years counted from March have their leap day at the end, so the months before it never move. */
static void print_date(unsigned days_since_march, unsigned year_of_march, char *to)
{
    unsigned era = days_since_march / ERA_DAYS, day = days_since_march % ERA_DAYS;
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    unsigned day_of_year = day - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * day_of_year + 2) / 153; /* 0 is March */

    day = day_of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    year += 400 * era + (month <= 2) + year_of_march;
    print_two(to, year / 100);
    print_two(to + 2, year % 100);
    print_two(to + 5, month);
    print_two(to + 8, day);
}

void time_print(int64_t at_s, char ret_text[static TIME_BYTES])
{
    int64_t s = at_s < TIME_FIRST_S ? TIME_FIRST_S : at_s > TIME_LAST_S ? TIME_LAST_S : at_s;
    struct slice shape = SL("0000-00-00T00:00:00Z");
    uint64_t since_first = (uint64_t)(s - TIME_FIRST_S);
    unsigned of_day = (unsigned)(since_first % DAY_S);

    memcpy(ret_text, shape.p, TIME_BYTES);
    /* counted from March of the year -400, an era before, as the year 0000 begins before its March; the unsigned sum
     * wraps back */
    print_date((unsigned)(since_first / DAY_S) + ERA_DAYS - JAN_TO_MARCH, 0U - 400U, ret_text);
    print_two(ret_text + 11, of_day / 3600);
    print_two(ret_text + 14, of_day / 60 % 60);
    print_two(ret_text + 17, of_day % 60);
}

struct slice time_format(struct pool *p, int64_t at_s)
{
    char *text = pool_alloc(p, TIME_BYTES);

    time_print(at_s, text);
    return slice_bytes(text, TIME_BYTES);
}
