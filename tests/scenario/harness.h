/* Scenarios are played once as they are, and then again once for each job that was sent and each failure that can be injected there. */
#ifndef AVOUCH_TEST_HARNESS_H
#define AVOUCH_TEST_HARNESS_H

#include "world.h"

struct scenario {
    const char *name;
    void (*play)(struct world *w);
    bool bare;      /* as at the very first start: no signing key yet */
    bool races;     /* which of several requests gets which answer may change: the scenario judges that itself */
    bool calm;      /* brings failures of its own: not replayed */
    unsigned every; /* replayed at each n-th suspension only, where there are very many; 0: at each */
};

/* Speaks TAP; the exit status of main. */
int scenarios_play(const struct scenario *scenarios, size_t n);
#define SCENARIOS_PLAY(list) scenarios_play((list), sizeof(list) / sizeof((list)[0]))

#endif
