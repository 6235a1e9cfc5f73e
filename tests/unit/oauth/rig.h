/* What tests of rules that need a transaction share: a temporary database with one issuer, a person, a client and their
 * node, and a clock that is a number. */
#ifndef AVOUCH_TEST_RIG_H
#define AVOUCH_TEST_RIG_H

#include "client.h"
#include "person.h"
#include "record.h"
#include "store.h"
#include "tap.h"

#define RIG_START_S 1764000000
#define RIG_USER    42
#define RIG_CLIENT  "grafana"
#define RIG_URI     "https://grafana.example/cb"

struct rig {
    char directory[64];
    struct pool *pool; /* of the whole test: nothing read ends before it */
    struct store *store;
    struct view *view;
    struct issuer issuer;
    struct issuer_record issuer_record;
    struct person person;
    struct client client;
    struct peer peer;
    struct now now;
};

void rig_open(struct rig *r); /* ends the test program if there is no database to be had */
void rig_close(struct rig *r);

struct txn *rig_begin(struct rig *r); /* on the newest commit */
enum err rig_commit(struct rig *r, struct txn *t);
void rig_at(struct rig *r, int64_t after_start_s); /* sets the clock */

/* Put anew as they stand in the rig, and committed. */
void rig_save_issuer(struct rig *r);
void rig_save_person(struct rig *r);
void rig_save_client(struct rig *r);

uint32_t rig_count(struct rig *r, enum key_class class, struct slice whose);
int64_t rig_expires_at(struct rig *r, enum key_class class,
                       const uint8_t id[static 8]); /* -1: there is no such record */

#endif
