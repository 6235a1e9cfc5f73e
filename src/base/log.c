/* Logs, gathered per thread. The complication is the write that must not block: a socket (journald's) is told so per
 * call, a pipe is opened once more, since O_NONBLOCK on the one we were given would be its other owners' too. A write
 * may be cut in the middle of a line; its rest then stays in front and is never dropped, so that the lines after it
 * remain lines. */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "encode.h"
#include "json.h"

struct gathered {
    size_t n;        /* bytes in text */
    size_t rest;     /* of these, the rest of a line that was cut */
    size_t lines;    /* whole ones after it */
    int64_t dropped; /* lines, not told yet */
    char text[LOG_BUFFER];
};

static _Thread_local struct gathered mine;

static struct {
    atomic_int fd, level;
    atomic_bool human, is_socket;
    int reopened; /* -1: none */
} out = { .fd = STDERR_FILENO, .level = LOG_INFO, .reopened = -1 };

static const struct slice level_names[LOG_LEVEL_COUNT] = {
    [LOG_ERROR] = { "error", 5 },
    [LOG_WARN] = { "warn", 4 },
    [LOG_INFO] = { "info", 4 },
    [LOG_DEBUG] = { "debug", 5 },
};

static int reopen(int fd)
{
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

void log_open(int fd, enum log_level up_to, bool human)
{
    struct stat st = { 0 };
    bool known = fstat(fd, &st) == 0;

    if (out.reopened >= 0)
        (void)close(out.reopened);
    out.reopened = known && S_ISFIFO(st.st_mode) ? reopen(fd) : -1;
    out.fd = out.reopened >= 0 ? out.reopened : fd;
    out.is_socket = known && S_ISSOCK(st.st_mode);
    out.level = (int)up_to;
    out.human = human;
}

static void write_json(struct buf *b, const char *time, enum log_level level, const char *message,
                       const struct log_field *fields, size_t n)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w, NULL);
    jw_text(&w, "time", slice_bytes(time, TIME_BYTES));
    jw_text(&w, "level", level_names[level]);
    jw_text(&w, "msg", slice_of(message));
    for (size_t i = 0; i < n; i++) {
        if (slice_is_none(fields[i].text))
            jw_int(&w, fields[i].name, fields[i].number);
        else
            jw_text(&w, fields[i].name, fields[i].text);
    }
    if (mine.dropped > 0)
        jw_int(&w, "dropped", mine.dropped);
    jw_object_end(&w);
}

/* Text that could be taken for something else is quoted as in JSON, which leaves no control character either. */
static void put_human(struct buf *b, struct slice text, bool is_message)
{
    struct json_writer w;
    bool plain = text.n > 0;

    for (size_t i = 0; i < text.n && plain; i++) {
        char c = text.p[i];

        plain = (c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=') || (c == ' ' && is_message);
    }
    if (plain) {
        buf_put(b, text);
        return;
    }
    jw_init(&w, b);
    jw_text(&w, NULL, text);
}

static void put_number(struct buf *b, const char *name, int64_t v)
{
    buf_char(b, ' ');
    buf_put(b, slice_of(name));
    buf_char(b, '=');
    buf_i64(b, v);
}

static void write_human(struct buf *b, const char *time, enum log_level level, const char *message,
                        const struct log_field *fields, size_t n)
{
    buf_put(b, slice_bytes(time, TIME_BYTES));
    buf_char(b, ' ');
    buf_put(b, level_names[level]);
    buf_char(b, ' ');
    put_human(b, slice_of(message), true);
    for (size_t i = 0; i < n; i++) {
        if (slice_is_none(fields[i].text)) {
            put_number(b, fields[i].name, fields[i].number);
            continue;
        }
        buf_char(b, ' ');
        buf_put(b, slice_of(fields[i].name));
        buf_char(b, '=');
        put_human(b, fields[i].text, false);
    }
    if (mine.dropped > 0)
        put_number(b, "dropped", mine.dropped);
}

void log_line(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
    struct timespec now = { 0 };
    char time[TIME_BYTES];
    struct buf b;

    assert((unsigned)level < LOG_LEVEL_COUNT);
    if ((int)level > out.level)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    time_print(now.tv_sec, time);
    buf_init_fixed(&b, mine.text + mine.n, sizeof(mine.text) - mine.n);
    if (out.human)
        write_human(&b, time, level, message, fields, n);
    else
        write_json(&b, time, level, message, fields, n);
    buf_char(&b, '\n');
    if (b.over) {
        mine.dropped++;
        return;
    }
    mine.n += b.n;
    mine.lines++;
    mine.dropped = 0;
}

static void drop_lines(void)
{
    mine.dropped += (int64_t)mine.lines;
    mine.lines = 0;
    mine.n = mine.rest;
}

/* The first `written` bytes are out. */
static void keep_rest(size_t written)
{
    char *left = mine.text + written;
    size_t n = mine.n - written;
    bool cut = written > 0 ? left[-1] != '\n' : mine.rest > 0;

    memmove(mine.text, left, n);
    const char *end = cut ? memchr(mine.text, '\n', n) : NULL;
    mine.n = n;
    mine.rest = end == NULL ? 0 : (size_t)(end - mine.text) + 1;
    mine.lines = 0;
    for (size_t i = mine.rest; i < n; i++)
        mine.lines += mine.text[i] == '\n';
}

void log_flush(void)
{
    ssize_t written;

    if (mine.n == 0)
        return;
    do {
        written = out.is_socket ? send(out.fd, mine.text, mine.n, MSG_DONTWAIT | MSG_NOSIGNAL)
                                : write(out.fd, mine.text, mine.n);
    } while (written < 0 && errno == EINTR);
    if (written < 0)
        drop_lines();
    else
        keep_rest((size_t)written);
}
