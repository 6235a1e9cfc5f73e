/* The environment itself: opened, and opened anew. A disk that fails while the last page of a commit is written leaves LMDB of two minds
 * about what is durable: it refuses everything from then on (MDB_PANIC) until it is opened again and reads what is there. */
#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "store_int.h"

#define READERS_MAX 126

static int order8(const char *x, const char *y)
{
    uint64_t v, w;

    memcpy(&v, x, sizeof(v));
    memcpy(&w, y, sizeof(w));
    v = be64toh(v);
    w = be64toh(w);
    return (v > w) - (v < w);
}

/* The order that LMDB has by itself (memcmp, the shorter first), so that its own programs can read the database; eight bytes at a
 * time, the last eight overlapping, as each look-up compares a dozen keys. */
static int compare_keys(const MDB_val *a, const MDB_val *b)
{
    const char *x = a->mv_data, *y = b->mv_data;
    size_t n = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
    int order = n == 0 || n >= 8 ? 0 : memcmp(x, y, n);

    for (size_t at = 0; at + 8 < n && order == 0; at += 8)
        order = order8(x + at, y + at);
    if (n >= 8 && order == 0)
        order = order8(x + n - 8, y + n - 8);
    return order != 0 ? order : (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
}

int env_find_database(struct store *s, MDB_txn *txn)
{
    int rc = mdb_dbi_open(txn, NULL, 0, &s->dbi);

    return rc == 0 ? mdb_set_compare(txn, s->dbi, compare_keys) : rc;
}

int env_open(struct store *s)
{
    int rc = mdb_env_create(&s->env);

    if (rc == 0)
        rc = mdb_env_set_mapsize(s->env, s->map_bytes);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_open(s->env, s->directory, s->flags, S_IRUSR | S_IWUSR);
    return rc;
}

/* Nobody is awake: whoever is holds the lock. */
static void drop_views(struct store *s)
{
    (void)pthread_mutex_lock(&s->views_lock);
    for (struct view *v = s->views; v != NULL; v = v->next) {
        if (v->cursor != NULL)
            mdb_cursor_close(v->cursor);
        if (v->txn != NULL)
            mdb_txn_abort(v->txn);
        v->cursor = NULL;
        v->txn = NULL;
    }
    (void)pthread_mutex_unlock(&s->views_lock);
}

static void close_env(struct store *s)
{
    if (s->env != NULL)
        mdb_env_close(s->env);
    s->env = NULL;
}

/* Another thread may have done it while this one waited. */
static bool is_well(struct store *s)
{
    MDB_txn *txn = NULL;

    if (s->env == NULL || mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    mdb_txn_abort(txn);
    return true;
}

static int open_anew(struct store *s)
{
    MDB_txn *txn = NULL;

    drop_views(s);
    close_env(s);
    int rc = env_open(s);
    if (rc == 0)
        rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc == 0)
        rc = env_find_database(s, txn);
    mdb_txn_abort(txn);
    if (rc != 0)
        close_env(s);
    LOG(rc == 0 ? LOG_WARN : LOG_ERROR,
        rc == 0 ? "the database was opened anew after its disk had failed" : "the database cannot be opened anew",
        LOG_TEXT("cause", slice_of(rc == 0 ? "a commit could not be finished" : mdb_strerror(rc))));
    return rc;
}

int env_reopen(struct store *s)
{
    int rc = store_lock_map(s);

    if (rc != 0)
        return rc;
    rc = is_well(s) ? 0 : open_anew(s);
    (void)pthread_rwlock_unlock(&s->map_lock);
    return rc;
}
