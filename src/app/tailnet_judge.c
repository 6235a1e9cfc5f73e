/* May what tailscaled says be relied on? The first tailnet seen is the database's; another one is refused until `avouch tailnet
 * accept`, because there the same user ids may be other people. And tailscaled answers from memory for ever when it has lost its
 * control server, so past a limit nothing new is issued. */
#include <time.h>

#include "audit.h"
#include "tailnet.h"

#include "serve_int.h"

#define JUDGE_POOL_BYTES (1U << 20)

static const char foreign[] =
    "This server's own node has moved to another tailnet, where a number may stand for somebody else. "
    "Whoever runs this server has to say that this is right: avouch tailnet accept.";

static const char stale[] =
    "This server's own node has been without its control server for too long: it does not know who has left the tailnet. "
    "It goes on by itself when the control server can be reached again.";

static void set_refusal(struct serve *s)
{
    s->machine.refusal = s->watch.foreign ? foreign : s->watch.stale ? stale : NULL;
}

/* ---- whose tailnet ---- */

static struct tailnet seen_now(const struct serve *s, struct slice control_url)
{
    const struct tailnet_status *status = &s->watch.status;

    return (struct tailnet){ .control_url = control_url,
                             .name = status->tailnet_name,
                             .stable_id = status->stable_id,
                             .node_created_at = status->created_at,
                             .at = s->machine.clock(NULL).s };
}

static void complain(const struct serve *s, const struct tailnet *accepted, const struct tailnet *seen)
{
    if (s->watch.foreign)
        return; /* said before */
    LOG(LOG_ERROR, "nobody is signed in until `avouch tailnet accept`",
        LOG_TEXT("why", slice_of(tailnet_change_text(tailnet_compare(accepted, seen)))),
        LOG_TEXT("accepted", accepted->name), LOG_TEXT("accepted_control_url", accepted->control_url),
        LOG_TEXT("seen", seen->name), LOG_TEXT("seen_control_url", seen->control_url));
}

/* It counts as ours without an operator's word, and leaves a trace. */
static void take_over(struct serve *s, struct txn *t, const struct tailnet *seen, enum tailnet_change change)
{
    const struct audit audit = { .event = AUDIT_TAILNET_ACCEPTED,
                                 .stable_id = seen->stable_id,
                                 .detail = slice_of(tailnet_change_text(change)) };

    tailnet_put(t, TAILNET_ACCEPTED, seen);
    if (change != TAILNET_SAME)
        audit_log(t, &audit, s->machine.clock(NULL));
}

/* Puts what has to be remembered; true: it is our tailnet. */
static bool compare(struct serve *s, struct txn *t, const struct tailnet *seen)
{
    struct tailnet accepted, noted;

    if (!tailnet_load(t, TAILNET_ACCEPTED, &accepted)) {
        tailnet_put(t, TAILNET_ACCEPTED, seen);
        return true;
    }
    if (tailnet_is_acceptable(&accepted, seen)) {
        enum tailnet_change change = tailnet_compare(&accepted, seen);
        if (change != TAILNET_SAME || (accepted.control_url.n == 0 && seen->control_url.n > 0))
            take_over(s, t, seen, change);
        if (tailnet_load(t, TAILNET_SEEN, &noted))
            tailnet_remove(t, TAILNET_SEEN);
        return true;
    }
    complain(s, &accepted, seen);
    if (!tailnet_load(t, TAILNET_SEEN, &noted) || tailnet_compare(&noted, seen) != TAILNET_SAME)
        tailnet_put(t, TAILNET_SEEN, seen);
    return false;
}

bool tailnet_judge(struct serve *s, struct slice control_url)
{
    struct pool *p = pool_create(JUDGE_POOL_BYTES);
    const struct tailnet seen = seen_now(s, control_url);

    view_rest(s->view);
    struct txn *t = txn_create(p, s->view, ISSUER_NUMBER);
    bool ours = compare(s, t, &seen);
    enum err e = txn_err(t);
    if (e == ERR_OK && txn_is_dirty(t))
        e = store_commit_one(s->store, t);
    view_rest(s->view);
    pool_destroy(p);
    if (e != ERR_OK) {
        LOG(LOG_ERROR, "the tailnet cannot be compared with the one remembered",
            LOG_TEXT("why", slice_of(err_text(e))));
        return false;
    }
    if (ours && s->watch.foreign)
        LOG(LOG_INFO, "the tailnet is accepted");
    s->watch.foreign = !ours;
    set_refusal(s);
    s->watch.ids_for_ever = tailnet_ids_are_for_ever(&seen);
    return true;
}

/* ---- how old what it says may be ---- */

/* Suspended time counts: nothing was heard then either. */
static int64_t boot_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec;
}

void tailnet_note_online(struct serve *s, bool was_online)
{
    struct tailnet_watch *w = &s->watch;

    if (w->status.online || w->online_at == 0)
        w->online_at = boot_s();
    if (was_online && !w->status.online)
        LOG(LOG_WARN, "our node has lost its control server: what changes on the tailnet does not show",
            LOG_NUM("max_stale_s", s->config.tailscale_max_stale));
    if (!was_online && w->status.online)
        LOG(LOG_INFO, "our node has its control server again");
    tailnet_judge_freshness(s);
}

void tailnet_judge_freshness(struct serve *s)
{
    struct tailnet_watch *w = &s->watch;
    bool is_stale = w->online_at != 0 && boot_s() - w->online_at > s->config.tailscale_max_stale;

    if (is_stale == w->stale)
        return;
    w->stale = is_stale;
    set_refusal(s);
    if (is_stale)
        LOG(LOG_ERROR, "nobody is signed in: our node has been without its control server for too long",
            LOG_NUM("max_stale_s", s->config.tailscale_max_stale));
    else
        LOG(LOG_INFO, "people are signed in again");
}
