/* Scopes: blank-separated tokens (RFC 6749 3.3). Unknown ones are ignored, never refused: what was granted is said in the answer. */
#ifndef AVOUCH_SCOPE_H
#define AVOUCH_SCOPE_H

#include "pool.h"

#define SCOPE_BYTES_MAX 2048
#define SCOPE_TOKENS_MAX 64

#define SCOPE_OPENID (1U << 0)
#define SCOPE_PROFILE (1U << 1)
#define SCOPE_EMAIL (1U << 2)
#define SCOPE_GROUPS (1U << 3)
#define SCOPE_ROLES (1U << 4)
#define SCOPE_DEFAULT (SCOPE_OPENID | SCOPE_PROFILE | SCOPE_EMAIL) /* of a request without scope */

enum scope_outcome {
    SCOPE_OK,
    SCOPE_BAD,      /* a character no scope may have (app. A.4), too long, too many */
    SCOPE_COMMAS,   /* nothing known is left and there is a comma: say so */
};

/* text none, empty or only blanks: SCOPE_DEFAULT. Doubled, leading and trailing blanks are forgiven; no other white space
 * separates. offline_access is known and sets nothing. Unknown scopes alone: SCOPE_OK with 0, as an OAuth request without
 * openid may have. *ret is set for SCOPE_OK alone. */
enum scope_outcome scope_parse(struct slice text, unsigned *ret);
struct slice scope_text(struct pool *p, unsigned scopes);
struct slices scope_names(void);    /* scopes_supported */

#endif
