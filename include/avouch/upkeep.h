/* What the server does unasked: lists of steps like any request's, started by a loop timer. On one loop only. */
#ifndef AVOUCH_UPKEEP_H
#define AVOUCH_UPKEEP_H

#include "machine.h"

#define UPKEEP_EVERY_MS 1000

void upkeep_keys(struct machine *m);    /* signing keys and orders of the command line; also at once when somebody waits for a key */
void upkeep_sweep(struct machine *m);   /* expired records, at most SWEEP_WRITES_MAX a call */

#endif
