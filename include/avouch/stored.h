/* What records under time-ordered ids share: their key, an id that is free, and the put itself. */
#ifndef AVOUCH_STORED_H
#define AVOUCH_STORED_H

#include "ids.h"
#include "record.h"
#include "txn.h"

#define STORED_ID_TRIES 4   /* gets spent on an id that nobody has */

/* A new id of this class. Its absence is in the read set, so two who make the same one cannot both commit. ERR_LIMIT on
 * the transaction when the tries are spent. */
void stored_id_make(struct txn *t, enum key_class class, struct now now, uint8_t ret[static ID_BYTES]);
struct slice stored_key(struct txn *t, enum key_class class, const uint8_t id[static ID_BYTES]);

/* Ends the packing and puts the record; ERR_LIMIT on the transaction where it exceeds RECORD_BYTES_MAX. */
void stored_put(struct txn *t, struct slice key, struct packer *k);

#endif
