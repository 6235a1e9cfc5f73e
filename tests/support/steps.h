/* How many instructions a function takes: what an attacker with a perfect clock would see of it. A forked child runs it, one single step
 * at a time, so that the number is the same each time, however busy the machine is. */
#ifndef AVOUCH_STEPS_H
#define AVOUCH_STEPS_H

#include <stdbool.h>
#include <stdint.h>

/* Whatever is made at a first use costs instructions too, so the child runs it once before it counts. False: that cannot be done here (a
 * sandbox without ptrace, valgrind), which it says. */
bool steps_count(void (*run)(void *ctx), void *ctx, uint64_t *ret);

#endif
