/* Structured logs: one JSON object a line on standard error (journald keeps the fields together), level, time,
 * message, then fields. Lines gather per thread and are written by log_flush, once a wake; what does not fit in
 * LOG_BUFFER is dropped and counted in the next line. Nothing here blocks a loop on a slow reader: a write that would
 * block drops.
 * A secret, a code or a token is never a field. Text is escaped, so no outside byte can end a line. */
#ifndef AVOUCH_LOG_H
#define AVOUCH_LOG_H

#include "slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
#define LOG_LEVEL_COUNT 4

struct log_field {
    const char *name;
    struct slice text;  /* none: the number counts */
    int64_t number;
};
#define LOG_TEXT(name, s) ((struct log_field){ (name), (s), 0 })
#define LOG_NUM(name, v) ((struct log_field){ (name), SLICE_NONE, (v) })

#define LOG_BUFFER 16384 /* bytes per thread */

/* Before the threads start. human: plain text lines for a terminal. The fd stays the caller's and open. */
void log_open(int fd, enum log_level up_to, bool human);
void log_line(enum log_level level, const char *message, const struct log_field *fields, size_t n);
void log_flush(void);

#define LOG(level, message, ...)                                                                        \
    log_line((level), (message), (const struct log_field[]){ __VA_ARGS__ },                             \
             sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

#endif
