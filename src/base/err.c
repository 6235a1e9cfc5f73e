/* The words of internal outcomes, for the log. */
#include "err.h"

#include <assert.h>

static const char *const texts[ERR_COUNT] = {
    [ERR_OK] = "no error",
    [ERR_NOENT] = "no such thing",
    [ERR_EXISTS] = "exists already",
    [ERR_CHANGED] = "changed meanwhile",
    [ERR_FULL] = "disk or database is full",
    [ERR_CORRUPT] = "stored data is corrupt",
    [ERR_IO] = "input or output failed",
    [ERR_CRYPTO] = "cryptographic operation failed",
    [ERR_LIMIT] = "limit reached",
    [ERR_CONFIG] = "wrong configuration",
    [ERR_INPUT] = "malformed input",
    [ERR_TIMEOUT] = "no answer in time",
};

const char *err_text(enum err e)
{
    assert((unsigned)e < ERR_COUNT);
    return texts[e];
}
