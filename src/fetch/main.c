/* avouch-fetch: one document from the outside, by https. avouch starts it for each fetch, so that what strangers serve is parsed in a
 * process that has no key, no database, nothing to write and ten seconds to live. Standard input is a socket: an ask comes in, an
 * answer goes out. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "fetch_int.h"

#define POOL_BYTES  (32U << 20)
#define CHANNEL     STDIN_FILENO
#define ANSWER_POOL (4U << 20)

static bool read_ask(struct fetching *f, uint32_t *ret_id)
{
    size_t size = FETCH_FRAME_BYTES_MAX, n = 0;
    char *in = pool_alloc(f->pool, size);
    enum fetch_frame_state state = FRAME_MORE;
    struct fetch_frame frame;

    while ((state = fetch_frame_read(slice_bytes(in, n), &frame)) == FRAME_MORE && n < size) {
        ssize_t got = read(CHANNEL, in + n, size - n);
        if (got <= 0 && errno != EINTR)
            return false;
        n += got > 0 ? (size_t)got : 0;
    }
    *ret_id = state == FRAME_WHOLE ? frame.id : 0;
    return state == FRAME_WHOLE && fetch_ask_read(f->pool, frame.text, &f->ask);
}

static bool write_answer(struct fetching *f, uint32_t id)
{
    struct pool *p = pool_create(ANSWER_POOL);
    struct slice rest = fetch_frame_write(p, id, fetching_answer(f, p));
    ssize_t sent = 1;

    while (rest.n > 0 && sent > 0) {
        sent = write(CHANNEL, rest.p, rest.n);
        rest = slice_from(rest, sent > 0 ? (size_t)sent : 0);
    }
    return rest.n == 0;
}

static void *work(void *fetching)
{
    struct fetching *f = fetching;
    int fd = -1;

    if (url_read(f) && resolve(f) && reach(f, &fd))
        (void)transfer(f, fd);
    fetching_end(f);
    return NULL;
}

/* The resolver cannot be told when to give up, so the one who answers does not wait for the one who works. */
static void run(struct fetching *f)
{
    pthread_t worker;

    f->deadline_ms -= FETCH_TIMEOUT_MS - f->ask.time_ms; /* it waited for others before */
    if (pthread_create(&worker, NULL, work, f) != 0) {
        (void)fetching_fail(f, FETCH_BROKEN, "avouch-fetch has no thread.");
        return;
    }
    (void)pthread_detach(worker);
    fetching_wait(f);
}

int main(int argc, char **argv)
{
    static struct fetching f;
    uint32_t id = 0;

    (void)argv;
    if (argc > 1 || isatty(CHANNEL) == 1) {
        (void)fputs("avouch-fetch: avouch starts it; avouch doctor --fetch URL shows what it does\n", stderr);
        return 2;
    }
    fetching_init(&f, pool_create(POOL_BYTES));
    if (!read_ask(&f, &id) || !fence(&f))
        return 1;
    run(&f);
    _exit(write_answer(&f, id) ? 0 : 1); /* the worker may still run */
}
