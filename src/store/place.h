/* Is a directory a place for a database? Looked at before LMDB is, because LMDB's errors name no cause. */
#ifndef AVOUCH_PLACE_H
#define AVOUCH_PLACE_H

#include <stdint.h>

#include "err.h"
#include "pool.h"

#define PLACE_DATA_FILE "data.mdb"
#define PLACE_LOCK_FILE "lock.mdb"

#define PLACE_ROOM_BYTES \
    (1U << 20) /* free on a disk where a new database begins: LMDB's lock file is a sparse map, SIGBUS without room */

/* Makes the directory (and what is missing above it) with 0700 unless must_exist. ERR_NOENT, ERR_CONFIG, ERR_FULL, ERR_IO with a
 * sentence in *ret_why. */
enum err place_prepare(struct pool *p, const char *directory, bool must_exist, struct slice *ret_why) MUST_CHECK;

/* By statfs's f_type. Where memory maps and file locks are not those of one machine's kernel, LMDB loses data. */
enum fs_verdict { FS_FINE, FS_DOUBTFUL, FS_REFUSED };
enum fs_verdict place_judge_fs(uint32_t magic, const char **ret_name);

/* If the database's files belong to somebody else: a sentence. None otherwise. */
struct slice place_foreign_file(struct pool *p, const char *directory);

/* The names of new files survive a crash of the machine. errno or 0. */
int place_sync(const char *directory);

#endif
