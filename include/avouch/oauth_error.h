/* The words a client is told; err.h has the words for ourselves. One row each in oauth_error.def. */
#ifndef AVOUCH_OAUTH_ERROR_H
#define AVOUCH_OAUTH_ERROR_H

#include <stdbool.h>

enum oauth_error {
    OAUTH_NO_ERROR,
#define OAUTH_ERROR(id, code, status, may_redirect) OAUTH_##id,
#include "oauth_error.def"
#undef OAUTH_ERROR
};

const char *oauth_error_code(enum oauth_error e);
int oauth_error_status(enum oauth_error e);
bool oauth_error_may_redirect(enum oauth_error e);

#endif
