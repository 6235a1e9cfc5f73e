/* What the parts of the world know of each other. */
#ifndef AVOUCH_TEST_WORLD_INT_H
#define AVOUCH_TEST_WORLD_INT_H

#include "world.h"

void doors_open(struct world *w);
bool doors_are_empty(const struct world *w);

void signing_drawer(struct world *w, struct generating *g); /* a key pair, made once per program and used again */

struct slice with_nul(struct pool *p, struct slice s);              /* a key's next one; a record with a longer tail */
void world_require(bool holds, const char *what, struct slice why); /* ends the program */

#endif
