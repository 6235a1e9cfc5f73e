/* Small codecs for outside text. Decoders are strict: anything but the one canonical spelling is refused. */
#ifndef AVOUCH_ENCODE_H
#define AVOUCH_ENCODE_H

#include "pool.h"

/* base64url (RFC 4648 section 5) without padding, spare bits zero. ret: in the pool. */
bool base64url_decode(struct pool *p, struct slice text, struct slice *ret);
bool base64url_read(struct slice text, uint8_t *ret, size_t n); /* the same for exactly n bytes, into ret; false: undefined there */
struct slice base64url_encode(struct pool *p, struct slice bytes);
bool base64_decode(struct pool *p, struct slice text, struct slice *ret); /* RFC 4648 section 4, padded: Basic */

struct slice hex_encode(struct pool *p, struct slice bytes);
bool hex_decode(struct pool *p, struct slice text, struct slice *ret);    /* lower case only */

/* %XX and, where plus_is_blank, '+'. False for a cut or wrong escape. The result may hold any byte, NUL included. */
bool percent_decode(struct pool *p, struct slice text, bool plus_is_blank, struct slice *ret);

bool utf8_is_valid(struct slice s);       /* RFC 3629: no surrogates, no overlong forms */
size_t utf8_first(struct slice s);        /* bytes of the character that s begins with; 0: none, or not UTF-8 */
bool text_is_printable(struct slice s);   /* valid UTF-8 without C0, DEL, C1 */
struct slice ascii_lower(struct pool *p, struct slice s);

/* RFC 3339 UTC text of a time in seconds, "2026-11-25T14:31:08Z". Times outside the years 0000 to 9999 become the
 * nearest one within. */
#define TIME_BYTES 20
struct slice time_format(struct pool *p, int64_t at_s);
void time_print(int64_t at_s, char ret_text[static TIME_BYTES]); /* the same, without a pool and not NUL-terminated */

#endif
