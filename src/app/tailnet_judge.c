/* Whose tailnet is this? The first one seen is the database's; another one is refused until `avouch tailnet accept`, because
 * there the same user ids may be other people. */
#include "tailnet.h"

#include "serve_int.h"

#define JUDGE_POOL_BYTES (1U << 20)

static const char refusal[] =
    "This server's own node has moved to another tailnet, where a number may stand for somebody else. "
    "Whoever runs this server has to say that this is right: avouch tailnet accept.";

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
    if (s->machine.refusal != NULL)
        return; /* said before */
    LOG(LOG_ERROR, "nobody is signed in until `avouch tailnet accept`",
        LOG_TEXT("why", slice_of(tailnet_change_text(tailnet_compare(accepted, seen)))),
        LOG_TEXT("accepted", accepted->name), LOG_TEXT("accepted_control_url", accepted->control_url),
        LOG_TEXT("seen", seen->name), LOG_TEXT("seen_control_url", seen->control_url));
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
        if (tailnet_compare(&accepted, seen) != TAILNET_SAME ||
            (accepted.control_url.n == 0 && seen->control_url.n > 0))
            tailnet_put(t, TAILNET_ACCEPTED, seen);
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
    if (ours && s->machine.refusal != NULL)
        LOG(LOG_INFO, "the tailnet is accepted");
    s->machine.refusal = ours ? NULL : refusal;
    s->watch.ids_for_ever = tailnet_ids_are_for_ever(&seen);
    return true;
}
