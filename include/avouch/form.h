/* application/x-www-form-urlencoded, as in queries and bodies (WHATWG URL 5.1): pair by pair. */
#ifndef AVOUCH_FORM_H
#define AVOUCH_FORM_H

#include "pool.h"

enum form_next { FORM_PAIR, FORM_END, FORM_BAD };

/* Takes the next pair off *rest and decodes both sides into the pool. Empty pieces ("a=1&&b=2") are skipped.
 * FORM_BAD: an escape is broken, or the text has a NUL or is not UTF-8. */
enum form_next form_next(struct pool *p, struct slice *rest, struct slice *ret_name, struct slice *ret_value);

#endif
