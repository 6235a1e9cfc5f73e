/* What is known of the one fetch of this process. The worker adds to it; at the deadline the main thread reads it, whatever the worker
 * is waiting for then. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "encode.h"
#include "fetch_int.h"

int64_t fetching_left_ms(const struct fetching *f)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t left_ms = f->deadline_ms - ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
    return left_ms > 0 ? left_ms : 0;
}

static void format(char ret[static FETCH_TEXT_BYTES_MAX + 1], const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Names, headers and certificates are strangers' words: what is not printable, or was cut, becomes question marks. */
static void format(char ret[static FETCH_TEXT_BYTES_MAX + 1], const char *fmt, va_list args)
{
    (void)vsnprintf(ret, FETCH_TEXT_BYTES_MAX + 1, fmt, args);
    if (text_is_printable(slice_of(ret)))
        return;
    for (char *c = ret; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

bool fetching_fail(struct fetching *f, enum fetch_outcome o, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)pthread_mutex_lock(&f->lock);
    if (f->answer.outcome == FETCH_OK) {
        f->answer.outcome = o;
        format(f->why, fmt, args);
    }
    (void)pthread_mutex_unlock(&f->lock);
    va_end(args);
    return false;
}

void fetching_step(struct fetching *f, enum fetch_stage stage, bool good, const char *fmt, ...)
{
    char text[FETCH_TEXT_BYTES_MAX + 1];
    va_list args;

    if (!f->ask.explain)
        return;
    va_start(args, fmt);
    format(text, fmt, args);
    va_end(args);
    struct fetch_step step = { stage, good, pool_dup(f->pool, slice_of(text)) };
    (void)pthread_mutex_lock(&f->lock);
    if (f->answer.step_n < FETCH_STEPS_MAX)
        f->steps[f->answer.step_n++] = step;
    (void)pthread_mutex_unlock(&f->lock);
}

void fetching_do(struct fetching *f, const char *doing)
{
    (void)pthread_mutex_lock(&f->lock);
    f->doing = doing;
    (void)pthread_mutex_unlock(&f->lock);
}

struct slice fetching_answer(struct fetching *f, struct pool *p)
{
    (void)pthread_mutex_lock(&f->lock);
    struct fetch_answer answer = f->answer;
    answer.steps = f->steps;
    answer.why = slice_of(f->why);
    if (answer.outcome != FETCH_OK)
        answer.type = answer.body = SLICE_NONE;
    struct slice text = fetch_answer_write(p, &answer);
    (void)pthread_mutex_unlock(&f->lock);
    return text;
}
