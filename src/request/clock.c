/* The clock's guards. The wall clock is compared with the time since the machine started, which nobody sets: while the server runs with
 * what it saw last, at its first look with what the last commit of any process left. */
#include "clock.h"

#include <stdlib.h>

#include "log.h"

static const char jumped_hint[] = "The clock of this server has just jumped: it waits until the time is sure.";
static const char behind_hint[] = "The clock of this server is wrong: whoever runs it has to set it right.";

static bool is_synchronised(struct machine *m)
{
    return m->clock_is_synchronised != NULL && m->clock_is_synchronised(m->clock_ctx);
}

static void look(struct machine *m, const struct store_clock *last, struct now now)
{
    struct clock_guard *g = &m->clock_guard;
    int64_t offset_ms = now.ms - now.boot_ms;

    if (!g->known)
        g->offset_ms = last->same_boot ? last->wall_ms - last->boot_ms : offset_ms;
    g->known = true;
    if (llabs(offset_ms - g->offset_ms) > CLOCK_JUMP_MS) {
        g->held = true;
        g->jumped_at_ms = now.boot_ms;
        LOG(LOG_WARN, "the clock has jumped", LOG_NUM("by_ms", offset_ms - g->offset_ms));
    }
    g->offset_ms = offset_ms;
    g->seen_ms = now.boot_ms;
}

/* After a jump, for so long, unless the kernel says that the new time is the right one. */
static bool is_held(struct machine *m, struct now now, int64_t limit_ms)
{
    struct clock_guard *g = &m->clock_guard;

    if (g->held && is_synchronised(m))
        g->held = false;
    return g->held && now.boot_ms - g->jumped_at_ms < limit_ms;
}

static void tell(struct machine *m, enum clock_state state, int64_t behind_ms)
{
    if (m->clock_guard.told == (int)state)
        return;
    m->clock_guard.told = (int)state;
    switch (state) {
    case CLOCK_RIGHT: LOG(LOG_INFO, "the clock is believed again: codes and tokens are issued"); break;
    case CLOCK_JUMPED:
        LOG(LOG_ERROR, "the clock has jumped: nothing is issued until the time is synchronised, or for a minute",
            LOG_TEXT("do", SL("see that the time is right and kept so: timedatectl status, timedatectl set-ntp true")));
        break;
    case CLOCK_BEHIND:
        LOG(LOG_ERROR, "the clock is behind what was issued last: nothing is issued",
            LOG_NUM("behind_s", behind_ms / 1000),
            LOG_TEXT("do", SL("set the clock right; if it is right, and was wrong before: avouch clock accept")));
        break;
    }
}

enum clock_state clock_judge(struct machine *m, struct now now)
{
    struct store_clock last;

    if (now.boot_ms == 0 || view_clock(m->view, &last) != ERR_OK)
        return CLOCK_RIGHT;                    /* a database that cannot be read says so itself */
    if (now.boot_ms >= m->clock_guard.seen_ms) /* a request may have begun before the last look */
        look(m, &last, now);
    int64_t behind_ms = last.latest_ms - now.ms;
    enum clock_state state = behind_ms > CLOCK_BEHIND_MS      ? CLOCK_BEHIND
                             : is_held(m, now, CLOCK_HOLD_MS) ? CLOCK_JUMPED
                                                              : CLOCK_RIGHT;
    tell(m, state, behind_ms);
    return state;
}

enum next clock_check(struct req *r)
{
    switch (clock_judge(r->m, r->now)) {
    case CLOCK_RIGHT: txn_rest_on_clock(r->txn, r->now.ms); return NEXT;
    case CLOCK_JUMPED: return deny(r, OAUTH_TEMPORARILY_UNAVAILABLE, jumped_hint, "the clock has jumped");
    case CLOCK_BEHIND: break;
    }
    return deny(r, OAUTH_TEMPORARILY_UNAVAILABLE, behind_hint, "the clock is behind what was issued last");
}

bool clock_may_sweep(struct machine *m, struct now now)
{
    return clock_judge(m, now) == CLOCK_RIGHT && !is_held(m, now, CLOCK_SWEEP_HOLD_MS);
}
