/* What tests of the store share: a small database in a temporary directory, and short ways to put and get one text. */
#ifndef AVOUCH_TEST_DISK_H
#define AVOUCH_TEST_DISK_H

#include <sys/types.h>

#include "store.h"
#include "tap.h"

#define DISK_ISSUER    1
#define DISK_MAP_BYTES ((size_t)4 << 20)

struct disk {
    char directory[64];
    size_t map_bytes;
    struct pool *pool; /* of the whole test: nothing read ends before it */
    struct store *store;
    struct view *view;
};

void disk_open(struct disk *d, size_t map_bytes); /* ends the test program if there is no database to be had */
void disk_close(struct disk *d);                  /* and removes it */

/* The same by parts. */
void disk_make(struct disk *d);                      /* a new directory, with nothing in it */
void disk_at(struct disk *d, const char *directory); /* another process's */
void disk_attach(struct disk *d);                    /* opens what lies in the directory */
void disk_detach(struct disk *d);                    /* as at the end of a process */

struct slice disk_key(struct disk *d, const char *id); /* of DISK_ISSUER */
struct txn *disk_begin(struct disk *d);                /* on the newest commit */
enum err disk_commit(struct disk *d, struct txn *t);

/* Each in a transaction of its own. */
void disk_put(struct disk *d, const char *id, const char *text);
void disk_del(struct disk *d, const char *id);
struct slice disk_get(struct disk *d, const char *id); /* none: absent */
uint32_t disk_count(struct disk *d, const char *id);
uint64_t disk_txn_id(struct disk *d); /* of the newest commit */

/* This program once more, as another process, with the arguments ROLE DIRECTORY. */
pid_t disk_start_self(const char *role, const char *directory);
int disk_wait_for(pid_t child); /* its exit status; -1: it was killed */
int disk_run_self(const char *role, const char *directory);
/* Does fn fail an assertion? Asked in a child. */
bool disk_aborts(void (*fn)(void));

#endif
