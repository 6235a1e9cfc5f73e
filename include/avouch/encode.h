/* Small codecs for outside text. Decoders are strict: anything but the one canonical spelling is refused. */
#ifndef AVOUCH_ENCODE_H
#define AVOUCH_ENCODE_H

#include "pool.h"

/* base64url (RFC 4648 section 5) without padding, no spare bits. ret: in the pool. */
bool base64url_decode(struct pool *p, struct slice text, struct slice *ret);
struct slice base64url_encode(struct pool *p, struct slice bytes);
bool base64_decode(struct pool *p, struct slice text, struct slice *ret); /* RFC 4648 section 4, padded: Basic headers */

struct slice hex_encode(struct pool *p, struct slice bytes);
bool hex_decode(struct pool *p, struct slice text, struct slice *ret);

/* %XX and, where plus_is_blank, '+'. False for a cut or wrong escape. The result may hold any byte, NUL included. */
bool percent_decode(struct pool *p, struct slice text, bool plus_is_blank, struct slice *ret);

bool utf8_is_valid(struct slice s);       /* RFC 3629: no surrogates, no overlong forms */
bool text_is_printable(struct slice s);   /* valid UTF-8 without C0, DEL, C1 */
struct slice ascii_lower(struct pool *p, struct slice s);

/* RFC 3339 UTC text of a time in seconds, "2026-11-25T14:31:08Z". */
struct slice time_format(struct pool *p, int64_t at_s);

#endif
