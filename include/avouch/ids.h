/* Time-ordered ids: 48 bits of milliseconds, 16 random bits, big-endian. Neighbours in time are neighbours in the database, and
 * the oldest lie in front. Unique because whoever puts one has read its absence in the same transaction. */
#ifndef AVOUCH_IDS_H
#define AVOUCH_IDS_H

#include "now.h"
#include "slice.h"

#define ID_BYTES 8

void id_make(struct now now, uint8_t ret[static ID_BYTES]);
int64_t id_time_ms(const uint8_t id[static ID_BYTES]);

#endif
