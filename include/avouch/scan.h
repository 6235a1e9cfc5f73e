/* Our own strict look at the raw head of a request, before anything acts on it: libh2o's parser is lenient (docs/decisions.md,
 * Parsers of others), and a head that two parsers read differently is a smuggled request. RFC 9112 sections 2 to 7. A refusal
 * closes the connection. */
#ifndef AVOUCH_SCAN_H
#define AVOUCH_SCAN_H

#include "slice.h"

#define HEAD_BYTES_MAX 65536
#define HEAD_LINES_MAX 100
#define TARGET_BYTES_MAX 16384  /* the whole URL; past it: 414 */

enum scan {
    SCAN_OK,
    SCAN_LINE,          /* the request line is malformed, not origin-form, or has a fragment or a byte outside 0x21-0x7e */
    SCAN_VERSION,       /* not HTTP/1.1 */
    SCAN_LINE_END,      /* a bare LF or CR */
    SCAN_FOLDED,        /* a line that begins with a blank */
    SCAN_HEADER,        /* a name that is no token, a control character in a value */
    SCAN_HOST,          /* none or several, or not a host */
    SCAN_LENGTH,        /* Content-Length twice, not a number, or beside Transfer-Encoding */
    SCAN_ENCODING,      /* Transfer-Encoding twice or not exactly chunked */
    SCAN_TWICE,         /* a header that must be single is repeated: Authorization, Content-Type, Origin, ...; not Cookie */
    SCAN_UPGRADE,       /* Upgrade or Expect other than 100-continue */
    SCAN_TOO_LARGE,     /* HEAD_BYTES_MAX, HEAD_LINES_MAX */
    SCAN_URL_TOO_LONG,  /* TARGET_BYTES_MAX */
};
#define SCAN_COUNT 13

struct scan_head {
    struct slice method, target, host;
    bool has_body;      /* a Content-Length other than 0, or chunked */
    bool chunked;
    uint64_t content_length;
    size_t bytes;       /* of the head, its last empty line included */
};

/* head begins with the request line; bytes after its empty line are ignored. Values point into head. */
enum scan scan_head(struct slice head, struct scan_head *ret);
const char *scan_text(enum scan s); /* for the log and the 400's body */
int scan_status(enum scan s);       /* 400, 414, 431, 505 */

#endif
