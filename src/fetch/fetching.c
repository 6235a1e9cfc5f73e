/* What is known of the one fetch of this process. The worker adds to it; at the deadline the main thread reads it, whatever the worker
 * is waiting for then. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "encode.h"
#include "fetch_int.h"

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void fetching_init(struct fetching *f, struct pool *p)
{
    pthread_condattr_t attr;

    *f = (struct fetching){ .pool = p, .deadline_ms = now_ms() + FETCH_TIMEOUT_MS, .answer.fresh_s = -1 };
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&f->ended, &attr);
    (void)pthread_condattr_destroy(&attr);
    f->doing = "it was started";
}

int64_t fetching_left_ms(const struct fetching *f)
{
    int64_t left_ms = f->deadline_ms - now_ms();

    return left_ms > 0 ? left_ms : 0;
}

static void format(char ret[static FETCH_TEXT_BYTES_MAX + 1], const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Names, headers and certificates are strangers' words: what is not printable, or was cut, becomes question marks. */
static void format(char ret[static FETCH_TEXT_BYTES_MAX + 1], const char *fmt, va_list args)
{
    (void)vsnprintf(ret, FETCH_TEXT_BYTES_MAX + 1, fmt, args);
    if (text_is_printable(slice_bytes(ret, strlen(ret))))
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

void fetching_status(struct fetching *f, int status)
{
    (void)pthread_mutex_lock(&f->lock);
    f->answer.status = status;
    (void)pthread_mutex_unlock(&f->lock);
}

void fetching_document(struct fetching *f, struct slice type, struct slice body, int64_t fresh_s)
{
    (void)pthread_mutex_lock(&f->lock);
    f->answer.type = type;
    f->answer.body = body;
    f->answer.fresh_s = fresh_s;
    (void)pthread_mutex_unlock(&f->lock);
}

void fetching_end(struct fetching *f)
{
    (void)pthread_mutex_lock(&f->lock);
    f->has_ended = true;
    (void)pthread_cond_signal(&f->ended);
    (void)pthread_mutex_unlock(&f->lock);
}

void fetching_wait(struct fetching *f)
{
    const struct timespec until = { .tv_sec = f->deadline_ms / 1000, .tv_nsec = f->deadline_ms % 1000 * 1000000 };
    int r = 0;

    (void)pthread_mutex_lock(&f->lock);
    while (!f->has_ended && r == 0)
        r = pthread_cond_timedwait(&f->ended, &f->lock, &until);
    bool ended = f->has_ended;
    const char *doing = f->doing;
    (void)pthread_mutex_unlock(&f->lock);
    if (!ended)
        (void)fetching_fail(f, FETCH_TOO_SLOW, "The time was up while %s.", doing);
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
