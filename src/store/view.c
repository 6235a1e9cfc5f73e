/* Snapshots. A view keeps its LMDB transaction and with it its slot in the table of readers: resting and waking cost no lock of LMDB's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store_int.h"

struct view *view_create(struct store *s)
{
    struct view *v = calloc(1, sizeof(*v));

    if (v == NULL)
        abort();
    v->store = s;
    (void)pthread_mutex_lock(&s->views_lock);
    v->next = s->views;
    s->views = v;
    (void)pthread_mutex_unlock(&s->views_lock);
    return v;
}

static void leave_list(struct view *v)
{
    struct store *s = v->store;
    struct view **at = &s->views;

    (void)pthread_mutex_lock(&s->views_lock);
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    (void)pthread_mutex_unlock(&s->views_lock);
}

/* Under map_lock, or another thread's env_reopen could close the environment between leaving the list and giving up the slot. */
void view_destroy(struct view *v)
{
    if (v == NULL)
        return;
    view_rest(v);
    (void)pthread_rwlock_rdlock(&v->store->map_lock);
    leave_list(v);
    if (v->cursor != NULL)
        mdb_cursor_close(v->cursor);
    if (v->txn != NULL)
        mdb_txn_abort(v->txn);
    store_leave(v->store);
    free(v);
}

void view_rest(struct view *v)
{
    if (v->awake) {
        mdb_txn_reset(v->txn);
        store_leave(v->store);
    }
    v->awake = v->cursor_awake = false;
    v->err = ERR_OK;
}

static bool wake(struct view *v)
{
    if (v->awake || v->err != ERR_OK)
        return v->err == ERR_OK;
    v->err = store_err(store_enter(v->store, MDB_RDONLY, &v->txn));
    v->awake = v->err == ERR_OK;
    return v->awake;
}

uint64_t view_txn_id(struct view *v)
{
    return wake(v) ? mdb_txn_id(v->txn) : 0;
}

bool view_get(struct view *v, struct slice key, struct slice *ret, enum err *ret_err)
{
    struct slice value = SLICE_NONE;

    if (wake(v))
        v->err = store_err(store_get(v->store, v->txn, key, &value));
    *ret_err = v->err;
    if (v->err != ERR_OK || slice_is_none(value))
        return false;
    *ret = value;
    return true;
}

static int wake_cursor(struct view *v)
{
    int rc = 0;

    if (v->cursor == NULL)
        rc = mdb_cursor_open(v->txn, v->store->dbi, &v->cursor);
    else if (!v->cursor_awake)
        rc = mdb_cursor_renew(v->txn, v->cursor);
    v->cursor_awake = rc == 0;
    return rc;
}

bool view_next(struct view *v, struct slice from, struct record *ret, enum err *ret_err)
{
    MDB_val key = val_of(from), value = { 0 };
    int rc = MDB_NOTFOUND;

    if (wake(v)) {
        rc = wake_cursor(v);
        if (rc == 0)
            rc = mdb_cursor_get(v->cursor, &key, &value, from.n == 0 ? MDB_FIRST : MDB_SET_RANGE);
        v->err = rc == MDB_NOTFOUND ? ERR_OK : store_err(rc);
    }
    *ret_err = v->err;
    if (rc != 0)
        return false;
    *ret = (struct record){ slice_of_val(key), slice_of_val(value) };
    return true;
}

enum err view_clock(struct view *v, struct store_clock *ret)
{
    static const uint8_t unknown[BOOT_ID_BYTES];
    struct meta m = { 0 };

    if (wake(v))
        v->err = store_err(meta_load(v->store, v->txn, &m));
    if (v->err != ERR_OK)
        return v->err;
    *ret = (struct store_clock){
        .wall_ms = m.wall_ms,
        .boot_ms = m.boot_ms,
        .latest_ms = m.latest_ms,
        .same_boot =
            memcmp(m.boot_id, v->store->boot_id, BOOT_ID_BYTES) == 0 && memcmp(m.boot_id, unknown, BOOT_ID_BYTES) != 0,
    };
    return ERR_OK;
}
