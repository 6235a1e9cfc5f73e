/* LMDB's handles, for the files that share them: store.c, view.c, commit.c, backup.c. Not for anybody else. */
#ifndef AVOUCH_STORE_INT_H
#define AVOUCH_STORE_INT_H

#include <pthread.h>

#include <lmdb.h>

#include "recent.h"
#include "store.h"

#define BOOT_ID_BYTES 16

/* Every transaction of this process holds map_lock shared while it is active. Who moves the map (another process has a larger
 * one) or opens the environment anew holds it exclusively. */
struct store {
    MDB_env *env; /* NULL: it failed, and could not be opened again yet */
    MDB_dbi dbi;
    char *directory;
    size_t map_bytes;
    unsigned flags;
    pthread_rwlock_t map_lock;
    pthread_mutex_t commit_lock; /* of recent: one commit of this process at a time, as LMDB has it anyway */
    struct recent recent;
    pthread_mutex_t views_lock;
    struct view *views;             /* by next */
    uint8_t boot_id[BOOT_ID_BYTES]; /* of the kernel's run; zero where it is not known */
};

/* LMDB's number or errno in our words. */
enum err store_err(int rc);
/* LMDB's number for what is wrong, or a better one. */
int store_cause(const struct store *s, int rc);

/* Begins a transaction, or renews *txn if there is one. On failure (LMDB's number) nothing is held. Whoever has ended the transaction,
 * or let it rest, calls store_leave. */
int store_enter(struct store *s, unsigned flags, MDB_txn **txn);
void store_leave(struct store *s);

/* With map_lock held exclusively. LMDB's number or errno. */
int env_open(struct store *s);
/* The one database in it, and its order. */
int env_find_database(struct store *s, MDB_txn *txn);
/* After MDB_PANIC: closes the environment with all that views hold of it, and opens it anew. */
int env_reopen(struct store *s);
int store_lock_map(struct store *s); /* exclusively, or MDB_MAP_RESIZED after MAP_WAIT_MS */

/* Whoever reads: known to the store for env_reopen. */
struct view {
    struct view *next;
    struct store *store;
    MDB_txn *txn;       /* NULL before the first use */
    MDB_cursor *cursor; /* NULL before the first view_next */
    bool awake;         /* the transaction is active */
    bool cursor_awake;  /* the cursor belongs to this snapshot */
    enum err err;       /* until view_rest */
};

int store_get(const struct store *s, MDB_txn *txn, struct slice key,
              struct slice *ret); /* none if absent; borrowed from the map */
int store_put(const struct store *s, MDB_txn *txn, struct slice key, struct slice value);

/* The record CLASS_META: version 1 | 0 | schema (4) | wall (8, ms) | since boot (8, ms) | boot id (16) | latest wall (8, ms). */
struct meta {
    uint32_t schema;
    int64_t wall_ms, boot_ms;
    uint8_t boot_id[BOOT_ID_BYTES];
    int64_t latest_ms;
};

int meta_load(const struct store *s, MDB_txn *txn,
              struct meta *ret); /* MDB_NOTFOUND, MDB_CORRUPTED; allocates nothing */
/* Puts it with the clocks of now. latest_ms: 0 for now. */
int meta_stamp(const struct store *s, MDB_txn *txn, struct pool *p, int64_t latest_ms);

/* LMDB reads what these point to and never writes there, but has no const. */
static inline MDB_val val_of(struct slice s)
{
    return (MDB_val){ .mv_size = s.n, .mv_data = (void *)(uintptr_t)s.p };
}

static inline struct slice slice_of_val(MDB_val v)
{
    return (struct slice){ v.mv_data, v.mv_size };
}

#endif
