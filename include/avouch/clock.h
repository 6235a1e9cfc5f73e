/* May the clock be believed? What is issued by a wrong one lives too long or not at all, and what is swept by it is gone. So after a
 * jump nothing is issued until the kernel says that the time is synchronised, or CLOCK_HOLD_MS have passed; while the clock is behind
 * the time at which something was issued last nothing is issued at all, until it is right or the operator says that it is (`avouch clock
 * accept`). What has expired by such a clock is not told so: clients throw tokens away for that. */
#ifndef AVOUCH_CLOCK_H
#define AVOUCH_CLOCK_H

#include "req.h"

#define CLOCK_JUMP_MS 10000         /* a change against the time since the machine started that counts as a jump */
#define CLOCK_HOLD_MS 60000         /* how long nothing is issued after one */
#define CLOCK_BEHIND_MS 300000      /* how far it may be behind what was issued last */
#define CLOCK_SWEEP_HOLD_MS 3600000 /* how long nothing is swept or rotated after a jump that nobody confirms */

enum clock_state { CLOCK_RIGHT, CLOCK_JUMPED, CLOCK_BEHIND };

/* By the machine's clock door and the store's view_clock; told to the log when it changes. A reading without boot_ms (tests that make
 * time up) is right. Allocates nothing. */
enum clock_state clock_judge(struct machine *m, struct now now);
/* A step: NEXT, or DENY with temporarily_unavailable. */
enum next clock_check(struct req *r);
/* May records be removed and keys be rotated for their age? */
bool clock_may_sweep(struct machine *m, struct now now);

#endif
