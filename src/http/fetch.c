/* The fetcher: hands asks to the zygote that starts avouch-fetch (app/fetch_zygote.c) and takes answers from it, over one socket. Asks
 * come from any thread through a list and an eventfd; everything else happens on the loop. A fetch's time runs from when it was sent,
 * waiting included. The zygote bounds each process too; that its answer does not come is the last resort. */
#include "fetch.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

#include "encode.h"
#include "http_int.h"
#include "log.h"

#define FETCH_GRACE_MS 2000

struct under_way {
    struct fetch *fetch; /* NULL: a free place */
    uint32_t id;
};

struct fetcher {
    struct mailbox mailbox; /* first */
    struct loop *loop;
    const struct fetch_settings *settings;
    h2o_socket_t *channel; /* NULL: gone */
    unsigned timeout_ms, grace_ms;
    struct job_list waiting;
    size_t waiting_n;
    struct under_way places[FETCHES_MAX];
    uint32_t last_id;
    h2o_iovec_t writing; /* the frame on its way; base NULL: none */
};

/* ---- ends ---- */

enum err fetch_err(enum fetch_outcome o)
{
    switch (o) {
    case FETCH_OK: return ERR_OK;
    case FETCH_BUSY: return ERR_LIMIT;
    case FETCH_TOO_SLOW: return ERR_TIMEOUT;
    case FETCH_NO_ADDRESS:
    case FETCH_UNREACHABLE:
    case FETCH_BROKEN: return ERR_IO;
    case FETCH_BAD_URL:
    case FETCH_REFUSED:
    case FETCH_BAD_TLS:
    case FETCH_GARBLED:
    case FETCH_REDIRECTED:
    case FETCH_BAD_STATUS:
    case FETCH_BAD_TYPE:
    case FETCH_TOO_LARGE: return ERR_INPUT;
    }
    return ERR_IO;
}

static void end_fetch(struct fetch *k, const struct fetch_answer *a)
{
    k->ret = *a;
    k->job.err = fetch_err(a->outcome);
    job_pass(&k->job);
}

/* why: static. */
static void fail_fetch(struct fetch *k, enum fetch_outcome o, const char *why)
{
    end_fetch(k, &(struct fetch_answer){ .outcome = o, .fresh_s = -1, .why = slice_of(why) });
}

static const char no_fetcher[] = "avouch stops.";
static const char no_zygote[] = "The process that starts avouch-fetch has ended; avouch must be started anew.";

static struct fetch *take_waiting(struct fetcher *f)
{
    struct job *j = job_list_take(&f->waiting);

    f->waiting_n -= j != NULL;
    return (struct fetch *)j;
}

static void fail_all(struct fetcher *f, const char *why)
{
    struct fetch *k;

    for (size_t i = 0; i < FETCHES_MAX; i++) {
        k = f->places[i].fetch;
        f->places[i].fetch = NULL;
        if (k != NULL)
            fail_fetch(k, FETCH_BROKEN, why);
    }
    while ((k = take_waiting(f)) != NULL)
        fail_fetch(k, FETCH_BROKEN, why);
}

static void lose_channel(struct fetcher *f, const char *why)
{
    LOG(LOG_ERROR, "nothing can be fetched any more: start avouch anew", LOG_TEXT("why", slice_of(why)));
    h2o_socket_close(f->channel);
    f->channel = NULL;
    free(f->writing.base);
    f->writing = (h2o_iovec_t){ NULL, 0 };
    fail_all(f, no_zygote);
}

/* ---- answers ---- */

static struct under_way *find_place(struct fetcher *f, uint32_t id)
{
    for (size_t i = 0; i < FETCHES_MAX; i++)
        if (f->places[i].fetch != NULL && f->places[i].id == id)
            return &f->places[i];
    return NULL;
}

/* Nobody waits any more for an answer that comes too late. */
static void land_answer(struct fetcher *f, const struct fetch_frame *frame)
{
    struct under_way *place = find_place(f, frame->id);
    struct fetch_answer answer;

    if (place == NULL)
        return;
    struct fetch *k = place->fetch;
    place->fetch = NULL;
    if (fetch_answer_read(k->pool, frame->text, &answer) && answer.body.n <= k->bytes_max)
        end_fetch(k, &answer);
    else
        fail_fetch(k, FETCH_BROKEN, "avouch-fetch has given an answer that makes no sense.");
}

static void start_more(struct fetcher *f);

static void on_answer(h2o_socket_t *sock, const char *err)
{
    struct fetcher *f = sock->data;
    enum fetch_frame_state state;
    struct fetch_frame frame;

    while ((state = fetch_frame_read(slice_bytes(sock->input->bytes, sock->input->size), &frame)) == FRAME_WHOLE) {
        land_answer(f, &frame);
        h2o_buffer_consume(&sock->input, frame.bytes);
    }
    if (err != NULL || state == FRAME_BAD)
        lose_channel(f, err != NULL ? "the process that starts avouch-fetch has ended" : "it talks nonsense");
    start_more(f);
}

/* ---- asks ---- */

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct fetcher *f = sock->data;

    free(f->writing.base);
    f->writing = (h2o_iovec_t){ NULL, 0 };
    if (err != NULL)
        lose_channel(f, "it does not read");
    start_more(f);
}

static void start(struct fetcher *f, struct under_way *place, struct fetch *k)
{
    struct fetch_ask ask = { .url = k->url,
                             .bytes_max = k->bytes_max,
                             .time_ms = k->deadline_ms - loop_clock_ms(),
                             .explain = k->explain,
                             .settings = *f->settings };

    if (ask.time_ms < 1) {
        fail_fetch(k, FETCH_TOO_SLOW, "It waited too long for other fetches.");
        return;
    }
    *place = (struct under_way){ k, ++f->last_id };
    struct slice frame = fetch_frame_write(k->pool, place->id, fetch_ask_write(k->pool, &ask));
    /* a copy: the fetch may be over before the frame is on its way */
    f->writing = h2o_iovec_init(h2o_mem_alloc(frame.n), frame.n);
    memcpy(f->writing.base, frame.p, frame.n);
    h2o_socket_write(f->channel, &f->writing, 1, on_written);
}

static struct under_way *find_free_place(struct fetcher *f)
{
    for (size_t i = 0; i < FETCHES_MAX; i++)
        if (f->places[i].fetch == NULL)
            return &f->places[i];
    return NULL;
}

static void start_more(struct fetcher *f)
{
    struct under_way *place;

    while (f->channel != NULL && f->writing.base == NULL && f->waiting_n > 0 && (place = find_free_place(f)) != NULL)
        start(f, place, take_waiting(f));
}

static void take(struct fetcher *f, struct fetch *k)
{
    assert(k->bytes_max >= 1 && k->bytes_max <= FETCH_BODY_BYTES_MAX);
    if (k->url.n > FETCH_URL_BYTES_MAX || !text_is_printable(k->url)) {
        fail_fetch(k, FETCH_BAD_URL, "The URL is too long, or has a character that no URL has.");
    } else if (f->channel == NULL) {
        fail_fetch(k, FETCH_BROKEN, no_zygote);
    } else if (f->waiting_n == FETCHES_WAITING_MAX) {
        fail_fetch(k, FETCH_BUSY, "Too many fetches wait already.");
    } else {
        job_list_add(&f->waiting, &k->job);
        f->waiting_n++;
    }
}

static void on_jobs(struct mailbox *m, struct job *j)
{
    struct fetcher *f = (struct fetcher *)m;
    int64_t deadline_ms = loop_clock_ms() + f->timeout_ms;

    if (j != NULL)
        mailbox_alarm(m, deadline_ms);
    for (struct job *next; j != NULL; j = next) {
        next = j->next;
        ((struct fetch *)j)->deadline_ms = deadline_ms;
        take(f, (struct fetch *)j);
    }
    start_more(f);
}

/* The earliest deadline that is left; INT64_MAX: none. The waiting are in the order of theirs. */
static int64_t expire(struct fetcher *f, int64_t now_ms)
{
    int64_t earliest_ms = INT64_MAX;

    while (f->waiting.head != NULL && ((struct fetch *)f->waiting.head)->deadline_ms <= now_ms)
        fail_fetch(take_waiting(f), FETCH_TOO_SLOW, "It waited too long for other fetches.");
    if (f->waiting.head != NULL)
        earliest_ms = ((struct fetch *)f->waiting.head)->deadline_ms;
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        struct fetch *k = f->places[i].fetch;

        if (k != NULL && k->deadline_ms + f->grace_ms <= now_ms) {
            f->places[i].fetch = NULL;
            fail_fetch(k, FETCH_TOO_SLOW, "avouch-fetch did not answer in time.");
        } else if (k != NULL && k->deadline_ms + f->grace_ms < earliest_ms) {
            earliest_ms = k->deadline_ms + f->grace_ms;
        }
    }
    return earliest_ms;
}

static void on_alarm(struct mailbox *m)
{
    struct fetcher *f = (struct fetcher *)m;
    int64_t next_ms = expire(f, loop_clock_ms());

    if (next_ms != INT64_MAX)
        mailbox_alarm(m, next_ms);
    start_more(f);
}

/* ---- life ---- */

static void open_channel(struct fetcher *f, int channel)
{
    if (channel < 0)
        return;
    (void)fcntl(channel, F_SETFL, fcntl(channel, F_GETFL) | O_NONBLOCK);
    f->channel = h2o_evloop_socket_create(f->loop->evloop, channel, 0);
    f->channel->data = f;
    h2o_socket_read_start(f->channel, on_answer);
}

struct fetcher *fetcher_create(struct loop *l, int channel, const struct fetch_settings *settings)
{
    struct fetcher *f = h2o_mem_alloc(sizeof(*f));

    memset(f, 0, sizeof(*f));
    mailbox_init(&f->mailbox, l, on_jobs, on_alarm);
    f->loop = l;
    f->settings = settings;
    f->timeout_ms = FETCH_TIMEOUT_MS;
    f->grace_ms = FETCH_GRACE_MS;
    job_list_init(&f->waiting);
    open_channel(f, channel);
    return f;
}

void fetcher_destroy(struct fetcher *f)
{
    if (f == NULL)
        return;
    fail_all(f, no_fetcher);
    for (struct job *j = mailbox_take_all(&f->mailbox), *next; j != NULL; j = next) {
        next = j->next;
        fail_fetch((struct fetch *)j, FETCH_BROKEN, no_fetcher);
    }
    if (f->channel != NULL)
        h2o_socket_close(f->channel);
    free(f->writing.base);
    mailbox_finish(&f->mailbox);
    free(f);
}

void fetcher_set_timeout(struct fetcher *f, unsigned ms, unsigned grace_ms)
{
    f->timeout_ms = ms;
    f->grace_ms = grace_ms;
}

struct queue *fetcher_queue(struct fetcher *f)
{
    return &f->mailbox.queue;
}
