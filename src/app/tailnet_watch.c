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
    own_node_on_status(s, ret);
    if (ret->running && !slice_is_none(ret->stable_id))
        return true;
    LOG(LOG_WARN, "tailscaled is not running yet", LOG_TEXT("state", ret->backend_state));
    return false;
}

/* All that is asked is there: the new answers take the old ones' place. */
static void take_over(struct serve *s)
{
    struct tailnet_watch *w = &s->watch;

    bool was_online = !w->known || w->status.online;
    pool_destroy(w->pool);
    w->pool = w->ask.pool;
    w->status = w->fresh;
    w->known = true;
    tailnet_note_online(s, was_online);
    s->machine.daemon_uid = asker_daemon_uid(s->asker);
    if (tailnet_judge(s, w->control_url))
        serve_on_status(s);
}

static void give_up(struct tailnet_watch *w)
{
    pool_destroy(w->ask.pool);
    w->asking = false;
}

static void ask(struct serve *s, struct slice path, void (*land)(struct job *))
{
    struct ask *ask = &s->watch.ask;

    ask->path = path;
    ask->job = (struct job){ .at = asker_queue(s->asker), .home = loop_inbox(s->loop), .land = land, .owner = s };
    job_send(&ask->job);
}

/* About ourselves: what this tailscaled says of a node that is all it should be. */
static void on_ourselves(struct job *j)
{
    struct serve *s = j->owner;
    struct tailnet_watch *w = &s->watch;

    if (j->err == ERR_OK) /* else as before: the rest of what it says counts */
        w->tells_authorized = w->ask.ret_status == 200 && whois_tells_authorized(w->ask.pool, w->ask.ret_body);
    w->asking = false;
    take_over(s);
}

/* An old tailscaled, or one that we may not ask, does not say which control server it obeys: then the other marks count. */
static void on_prefs(struct job *j)
{
    struct serve *s = j->owner;
    struct tailnet_watch *w = &s->watch;
    struct address own;

    if (j->err != ERR_OK) {
        give_up(w);
        return;
    }
    if (w->ask.ret_status != 200 || prefs_parse(w->ask.pool, w->ask.ret_body, &w->control_url) != ERR_OK)
        w->control_url = SLICE_NONE;
    if (w->fresh.addresses.n > 0 && address_parse(w->fresh.addresses.at[0], &own)) {
        ask(s, whois_path(w->ask.pool, &own, false, SLICE_NONE), on_ourselves);
        return;
    }
    w->asking = false;
    take_over(s);
}

static void on_status(struct job *j)
{
    struct serve *s = j->owner;

    if (read_status(s, j, &s->watch.fresh))
        ask(s, SL(PREFS_PATH), on_prefs);
    else
        give_up(&s->watch);
}

/* In seconds: often enough to notice within the limit that the control server is gone. */
static unsigned refresh_every(const struct serve *s)
{
    int64_t limit = s->config.tailscale_max_stale;

    return limit >= INT64_C(2) * STATUS_REFRESH ? STATUS_REFRESH : (unsigned)(limit + 1) / 2;
}

static bool is_settled(const struct serve *s)
{
    return s->watch.known && s->machine.refusal == NULL && !serve_waits_for_status(s);
}

void tailnet_watch_tick(void *serve)
{
    struct serve *s = serve;
    struct tailnet_watch *w = &s->watch;

    tailnet_judge_freshness(s);
    if (w->asking || (is_settled(s) && ++w->ticks % refresh_every(s) != 0))
        return;
    w->ask = (struct ask){ .pool = pool_create(WATCH_POOL_BYTES) };
    w->asking = true;
    ask(s, SL(STATUS_PATH), on_status);
}
