/* What went wrong inside avouch. What a client is told is another vocabulary: oauth_error.h. The layer that decides
 * logs. */
#ifndef AVOUCH_ERR_H
#define AVOUCH_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum err {
    ERR_OK,
    ERR_NOENT,   /* there is no such thing */
    ERR_EXISTS,  /* there is one already */
    ERR_CHANGED, /* a value read was changed before the commit: run again */
    ERR_FULL,    /* disk or map is full */
    ERR_CORRUPT, /* stored bytes make no sense */
    ERR_IO,      /* the disk, the network or the other program failed */
    ERR_CRYPTO,  /* a key or the library refused */
    ERR_LIMIT,   /* a named limit is reached */
    ERR_CONFIG,  /* the operator's settings */
    ERR_INPUT,   /* outside bytes that are not of the required form */
    ERR_TIMEOUT, /* no answer in time */
};
#define ERR_COUNT 12

const char *err_text(enum err e); /* one short phrase for the log */

#endif
