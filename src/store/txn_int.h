/* What txn.c gathers and commit.c carries out. */
#ifndef AVOUCH_TXN_INT_H
#define AVOUCH_TXN_INT_H

#include "txn.h"

struct txn_write {
    struct slice key, value; /* value none: delete */
};

struct txn_count {
    struct slice key;
    int64_t delta;
    uint32_t max;
};

struct txn {
    struct job job;
    struct pool *pool;
    struct view *view;
    uint16_t issuer;
    enum err err;
    size_t read_n, write_n, count_n;
    uint64_t snapshot; /* of the first read; those after a wait may be of later ones */
    struct slice log;  /* none: nothing to log */
    int64_t clock_ms;  /* 0: does not rest on the clock */
    bool accepts_clock;
    /* what follows is not cleared: two thousand bytes for every request */
    struct record read[TXN_READS_MAX]; /* value none: was absent */
    uint64_t read_hash[TXN_READS_MAX]; /* recent.h's, of the key */
    struct txn_write write[TXN_WRITES_MAX];
    struct txn_count count[TXN_COUNTS_MAX];
};

/* A counter's value: version 1 | 0 | number (4). None reads as 0. */
bool count_unpack(struct slice value, uint32_t *ret);
struct slice count_pack(struct pool *p, uint32_t number);

#endif
