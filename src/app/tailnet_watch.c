/* Who we are on the tailnet, asked of tailscaled again and again: without it nobody can be told from ourselves. */
#include <string.h>

#include "serve_int.h"

#define WATCH_POOL_BYTES (1U << 20)

/* False: it does not say; the last status stays. */
static bool read_status(struct serve *s, struct job *j, struct tailnet_status *ret)
{
    struct tailnet_watch *w = &s->watch;

    if (j->err != ERR_OK || w->ask.ret_status != 200 || status_parse(w->ask.pool, w->ask.ret_body, ret) != ERR_OK) {
        LOG(w->known ? LOG_WARN : LOG_ERROR, "tailscaled does not say who we are",
            LOG_TEXT("socket", s->config.tailscale_socket),
            LOG_TEXT("why", slice_of(j->err != ERR_OK ? err_text(j->err) : "an answer that cannot be used")));
        return false;
    }
    if (ret->running && !slice_is_none(ret->stable_id))
        return true;
    LOG(LOG_WARN, "tailscaled is not running yet", LOG_TEXT("state", ret->backend_state));
    return false;
}

static void on_status(struct job *j)
{
    struct serve *s = j->owner;
    struct tailnet_watch *w = &s->watch;
    struct tailnet_status status;

    w->asking = false;
    if (!read_status(s, j, &status)) {
        pool_destroy(w->ask.pool);
        return;
    }
    pool_destroy(w->pool);
    w->pool = w->ask.pool;
    w->status = status;
    w->known = true;
    s->machine.daemon_uid = asker_daemon_uid(s->asker);
    serve_on_status(s);
}

void tailnet_watch_tick(void *serve)
{
    struct serve *s = serve;
    struct tailnet_watch *w = &s->watch;

    if (w->asking || (w->known && ++w->ticks % STATUS_REFRESH != 0))
        return;
    w->ask = (struct ask){ .pool = pool_create(WATCH_POOL_BYTES), .path = SL(STATUS_PATH) };
    w->ask.job =
        (struct job){ .at = asker_queue(s->asker), .home = loop_inbox(s->loop), .land = on_status, .owner = s };
    w->asking = true;
    job_send(&w->ask.job);
}
