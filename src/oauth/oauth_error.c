/* The table of oauth_error.def, read by row. */
#include "oauth_error.h"

#include <assert.h>
#include <stddef.h>

static const struct row {
    const char *code;
    int status;
    bool may_redirect;
} rows[] = {
    [OAUTH_NO_ERROR] = { "", 200, false },

#define OAUTH_ERROR(id, code, status, may_redirect) [OAUTH_##id] = { code, status, may_redirect },
#include "oauth_error.def"
#undef OAUTH_ERROR
};

static const struct row *find(enum oauth_error e)
{
    assert((size_t)e < sizeof(rows) / sizeof(rows[0]));
    return &rows[e];
}

const char *oauth_error_code(enum oauth_error e)
{
    return find(e)->code;
}

int oauth_error_status(enum oauth_error e)
{
    return find(e)->status;
}

bool oauth_error_may_redirect(enum oauth_error e)
{
    return find(e)->may_redirect;
}
