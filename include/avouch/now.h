/* The time of a request: read once when it starts, passed down. Rules never ask a clock. */
#ifndef AVOUCH_NOW_H
#define AVOUCH_NOW_H

#include <stdint.h>

struct now {
    int64_t s;   /* seconds since 1970, UTC */
    int64_t ms;  /* the same in milliseconds: for time-ordered ids */
    int64_t boot_ms; /* since the machine started, CLOCK_BOOTTIME; 0: not told. For clock.h alone */
};

#endif
