/* The environment: opening with words for what is wrong, entering and leaving transactions, use of space. The complication is the map:
 * another process may have a larger one, and moving ours is allowed only while no transaction of this process is active. */
#include "store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "place.h"
#include "record.h"
#include "store_int.h"

#define META_RECORD_VERSION 1
#define META_POOL_BYTES     4096
#define MAP_WAIT_MS         100 /* for the other transactions of this process to end */
#define BOOT_ID_TEXT        36
#define FREE_DBI            0 /* LMDB's own list of free pages */

enum err store_err(int rc)
{
    switch (rc) {
    case MDB_SUCCESS: return ERR_OK;
    case MDB_NOTFOUND: return ERR_NOENT;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT: return ERR_FULL;
    case MDB_READERS_FULL: return ERR_LIMIT;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH: return ERR_CORRUPT;
    default: return ERR_IO;
    }
}

/* LMDB says EIO where a write was cut short, which a disk does that has just become full. */
int store_cause(const struct store *s, int rc)
{
    struct statvfs fs;

    if (rc != EIO || statvfs(s->directory, &fs) != 0)
        return rc;
    return (uint64_t)fs.f_bavail * fs.f_frsize < PLACE_ROOM_BYTES ? ENOSPC : rc;
}

/* Transactions */

static int begin_or_renew(struct store *s, unsigned flags, MDB_txn **txn)
{
    if (s->env == NULL)
        return MDB_PANIC;
    return *txn == NULL ? mdb_txn_begin(s->env, NULL, flags, txn) : mdb_txn_renew(*txn);
}

/* Those who read now are through in no time; a loop never waits with a transaction open. */
int store_lock_map(struct store *s)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += MAP_WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return pthread_rwlock_timedwrlock(&s->map_lock, &until) == 0 ? 0 : MDB_MAP_RESIZED;
}

/* Takes over the size that another process gave the map. */
static int follow_map(struct store *s)
{
    int rc = store_lock_map(s);

    if (rc != 0)
        return rc;
    rc = s->env != NULL ? mdb_env_set_mapsize(s->env, 0) : 0;
    (void)pthread_rwlock_unlock(&s->map_lock);
    return rc;
}

static int mend(struct store *s, int rc)
{
    return rc == MDB_MAP_RESIZED ? follow_map(s) : rc == MDB_PANIC ? env_reopen(s) : rc;
}

int store_enter(struct store *s, unsigned flags, MDB_txn **txn)
{
    int rc = 0;

    for (unsigned tries = 0; tries < 2; tries++) {
        if (tries > 0 && (rc = mend(s, rc)) != 0)
            return rc;
        (void)pthread_rwlock_rdlock(&s->map_lock);
        rc = begin_or_renew(s, flags, txn);
        if (rc == 0)
            return 0;
        (void)pthread_rwlock_unlock(&s->map_lock);
    }
    return rc;
}

void store_leave(struct store *s)
{
    (void)pthread_rwlock_unlock(&s->map_lock);
}

int store_get(const struct store *s, MDB_txn *txn, struct slice key, struct slice *ret)
{
    MDB_val k = val_of(key), v;
    int rc = mdb_get(txn, s->dbi, &k, &v);

    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    *ret = rc == 0 ? slice_of_val(v) : SLICE_NONE;
    return 0;
}

int store_put(const struct store *s, MDB_txn *txn, struct slice key, struct slice value)
{
    MDB_val k = val_of(key), v = val_of(value);

    return mdb_put(txn, s->dbi, &k, &v, 0);
}

/* The record about the database itself */

/* key_make's for issuer 0, CLASS_META: requests look at it, and pay for no pool. */
static struct slice meta_key(void)
{
    static const char key[] = { 0, 0, CLASS_META };

    return (struct slice){ key, sizeof(key) };
}

int meta_load(const struct store *s, MDB_txn *txn, struct meta *ret)
{
    struct slice value = SLICE_NONE;
    struct meta m = { 0 };
    struct unpacker u;
    int rc = store_get(s, txn, meta_key(), &value);

    if (rc != 0 || slice_is_none(value))
        return rc != 0 ? rc : MDB_NOTFOUND;
    unpack_begin(&u, NULL, value);
    m.schema = unpack_u32(&u);
    m.wall_ms = unpack_i64(&u);
    m.boot_ms = unpack_i64(&u);
    unpack_bytes(&u, m.boot_id, BOOT_ID_BYTES);
    m.latest_ms = unpack_more(&u) ? unpack_i64(&u) : m.wall_ms;
    if (unpack_end(&u) != ERR_OK || m.schema == 0)
        return MDB_CORRUPTED;
    *ret = m;
    return 0;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t = { 0 };

    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int meta_stamp(const struct store *s, MDB_txn *txn, struct pool *p, int64_t latest_ms)
{
    int64_t wall_ms = clock_ms(CLOCK_REALTIME);
    struct packer k;

    pack_begin(&k, p, META_RECORD_VERSION, 0);
    pack_u32(&k, STORE_SCHEMA);
    pack_i64(&k, wall_ms);
    pack_i64(&k, clock_ms(CLOCK_BOOTTIME));
    pack_bytes(&k, s->boot_id, BOOT_ID_BYTES);
    pack_i64(&k, latest_ms != 0 ? latest_ms : wall_ms);
    return store_put(s, txn, meta_key(), pack_end(&k));
}

/* Opening */

struct opening {
    struct pool *pool;
    const struct store_options *options;
    struct store *store;
    bool is_new;
    struct slice why;
};

static enum err refuse(struct opening *o, enum err e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* "DIRECTORY what is wrong and what to do" */
static enum err refuse(struct opening *o, enum err e, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    o->why = pool_fmt(o->pool, "%s %s", o->options->directory, text);
    return e;
}

static enum err refuse_rc(struct opening *o, int rc)
{
    switch (rc) {
    case ENOSPC:
    case EDQUOT: return refuse(o, ERR_FULL, "is on a full disk: make room there");
    case MDB_MAP_FULL: return refuse(o, ERR_FULL, "holds a database that is full");
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return refuse(o, ERR_CORRUPT,
                      "holds a " PLACE_DATA_FILE " that is no database of avouch, or a damaged one: "
                      "restore a backup, or name another directory with --state");
    case MDB_VERSION_MISMATCH:
        return refuse(o, ERR_CORRUPT,
                      "holds a database of another version of LMDB: restore a backup into a new directory");
    case MDB_READERS_FULL: return refuse(o, ERR_LIMIT, "is open in too many processes: end some of them");
    case ENOMEM:
        return refuse(o, ERR_CONFIG,
                      "cannot be mapped for want of address space: lift its limit (ulimit -v, LimitAS=)");
    case EROFS: return refuse(o, ERR_CONFIG, "is on a file system that is mounted read-only");
    case EACCES:
        return refuse(o, ERR_CONFIG, "cannot be opened: its files must be readable and writable for uid %u",
                      (unsigned)geteuid());
    default: return refuse(o, ERR_IO, "cannot be opened: %s", mdb_strerror(rc));
    }
}

/* The first read takes a lock on the byte of our process number; two PID namespaces give the same number twice. */
static enum err refuse_begin(struct opening *o, int rc)
{
    if (rc == EAGAIN || rc == EACCES || rc == EINVAL)
        return refuse(o, ERR_CONFIG,
                      "is open in another PID namespace, which numbers processes as this one does: "
                      "run this inside the container that has it open");
    return refuse_rc(o, rc);
}

static enum err open_env(struct opening *o)
{
    int rc = env_open(o->store);

    return rc == 0 ? ERR_OK : refuse_rc(o, rc);
}

static enum err judge_meta(struct opening *o, int rc, const struct meta *m, size_t entries)
{
    if (rc == MDB_NOTFOUND && entries == 0) {
        o->is_new = true; /* or made by a process that got no further */
        return ERR_OK;
    }
    if (rc != 0)
        return refuse_rc(o, rc == MDB_NOTFOUND ? MDB_INVALID : rc);
    if (m->schema > STORE_SCHEMA)
        return refuse(o, ERR_CONFIG, "was written by a newer avouch (schema %u, this one knows %u): install that one",
                      (unsigned)m->schema, (unsigned)STORE_SCHEMA);
    return ERR_OK;
}

static enum err look_inside(struct opening *o)
{
    struct store *s = o->store;
    struct meta m = { 0 };
    MDB_txn *txn = NULL;
    MDB_stat stat = { 0 };
    int rc = store_enter(s, MDB_RDONLY, &txn);

    if (rc != 0)
        return refuse_begin(o, rc);
    rc = env_find_database(s, txn);
    if (rc == 0)
        rc = mdb_stat(txn, s->dbi, &stat);
    if (rc == 0)
        rc = meta_load(s, txn, &m);
    mdb_txn_abort(txn);
    store_leave(s);
    return judge_meta(o, rc, &m, stat.ms_entries);
}

/* A second process may be doing the same: then there is nothing left to do. */
static enum err initialise(struct opening *o)
{
    struct store *s = o->store;
    struct meta m;
    MDB_txn *txn = NULL;
    int rc = store_enter(s, 0, &txn);

    if (rc != 0)
        return refuse_rc(o, rc);
    rc = meta_load(s, txn, &m);
    if (rc == MDB_NOTFOUND)
        rc = meta_stamp(s, txn, o->pool, 0);
    if (rc == 0)
        rc = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    store_leave(s);
    if (rc == 0 && !o->options->no_sync)
        rc = place_sync(o->options->directory);
    return rc == 0 ? ERR_OK : refuse_rc(o, rc);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "7a9e6b1c-..."; stays zero where the kernel does not tell. */
static void read_boot_id(uint8_t ret[static BOOT_ID_BYTES])
{
    char text[BOOT_ID_TEXT];
    size_t n = 0;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

    if (fd >= 0)
        (void)close(fd);
    for (ssize_t i = 0; i < got && n < 2 * (size_t)BOOT_ID_BYTES; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            continue;
        ret[n / 2] = (uint8_t)(ret[n / 2] << 4 | digit);
        n++;
    }
}

static struct store *create(const struct store_options *o)
{
    struct store *s = calloc(1, sizeof(*s));
    char *directory = strdup(o->directory);

    if (s == NULL || directory == NULL || pthread_rwlock_init(&s->map_lock, NULL) != 0 ||
        pthread_mutex_init(&s->views_lock, NULL) != 0 || pthread_mutex_init(&s->commit_lock, NULL) != 0) {
        (void)fprintf(stderr, "avouch: out of memory (opening the database)\n");
        abort();
    }
    s->directory = directory;
    s->map_bytes = o->map_bytes != 0          ? o->map_bytes
                   : FAULT_NUMBER("map") != 0 ? (size_t)FAULT_NUMBER("map")
                                              : STORE_MAP_BYTES;
    s->flags = MDB_NOTLS | (o->no_sync || FAULT_IS("no-sync") ? (unsigned)MDB_NOSYNC : 0);
    read_boot_id(s->boot_id);
    return s;
}

enum err store_open(struct pool *p, const struct store_options *o, struct store **ret, struct slice *ret_why)
{
    struct opening opening = { .pool = p, .options = o };
    enum err e = place_prepare(p, o->directory, o->must_exist, &opening.why);

    if (e == ERR_OK) {
        opening.store = create(o);
        e = open_env(&opening);
    }
    if (e == ERR_OK)
        e = look_inside(&opening);
    if (e == ERR_OK && opening.is_new)
        e = initialise(&opening);
    if (e != ERR_OK) {
        store_close(opening.store);
        *ret_why = opening.why;
        return e;
    }
    (void)store_check_readers(opening.store);
    *ret = opening.store;
    return ERR_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->env != NULL)
        mdb_env_close(s->env);
    (void)pthread_rwlock_destroy(&s->map_lock);
    (void)pthread_mutex_destroy(&s->views_lock);
    (void)pthread_mutex_destroy(&s->commit_lock);
    free(s->directory);
    free(s);
}

/* Use of space */

/* Pages that commits gave up and later ones will take. The record of one commit begins with their number. */
static int count_free(MDB_txn *txn, uint64_t *ret)
{
    MDB_cursor *cursor;
    MDB_val key, list;
    uint64_t n = 0;
    int rc = mdb_cursor_open(txn, FREE_DBI, &cursor);

    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &list, MDB_NEXT)) == 0) {
        size_t pages = 0;

        memcpy(&pages, list.mv_data, list.mv_size < sizeof(pages) ? list.mv_size : sizeof(pages));
        n += pages;
    }
    mdb_cursor_close(cursor);
    if (rc != MDB_NOTFOUND)
        return rc;
    *ret = n;
    return 0;
}

enum err store_usage(struct store *s, struct store_usage *ret)
{
    MDB_txn *txn = NULL;
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t free_pages = 0;
    int rc = store_enter(s, MDB_RDONLY, &txn);

    if (rc != 0)
        return store_err(rc);
    rc = mdb_env_info(s->env, &info);
    if (rc == 0)
        rc = mdb_stat(txn, s->dbi, &stat);
    if (rc == 0)
        rc = count_free(txn, &free_pages);
    mdb_txn_abort(txn);
    store_leave(s);
    if (rc != 0)
        return store_err(rc);
    uint64_t pages = (uint64_t)info.me_last_pgno + 1;
    *ret = (struct store_usage){ .map_bytes = info.me_mapsize,
                                 .used_bytes = (pages - (free_pages < pages ? free_pages : pages)) * stat.ms_psize,
                                 .entries = stat.ms_entries,
                                 .last_txn = info.me_last_txnid,
                                 .readers = info.me_numreaders };
    ret->percent = (unsigned)(ret->used_bytes * 100 / ret->map_bytes);
    return ERR_OK;
}

int store_check_readers(struct store *s)
{
    int dead = 0;

    (void)pthread_rwlock_rdlock(&s->map_lock);
    int rc = s->env != NULL ? mdb_reader_check(s->env, &dead) : MDB_PANIC;
    store_leave(s);
    return rc == 0 ? dead : -1;
}
