/* The head of an answer, line by line: what it says of the document's kind and of how long it is good. Pure. */
#ifndef AVOUCH_FETCH_HEAD_H
#define AVOUCH_FETCH_HEAD_H

#include "pool.h"

#define FETCH_HEAD_BYTES_MAX 16384

struct head {
    size_t bytes;                 /* of all heads so far: an interim one (100, 103) may come before */
    struct slice type;            /* media type in lower case without parameters; none: none, a wrong one, or two */
    struct slice location;        /* none: none */
    bool typed;                   /* there was a Content-Type */
    bool stale;                   /* must not be stored, or what it says of its freshness makes no sense */
    int64_t max_age_s, expires_s; /* -1: not said; expires_s: Unix time */
    int64_t age_s, date_s;        /* date_s -1: not said */
};

void head_begin(struct head *h);
/* One line with or without its end. A status line begins anew. False: the heads are too large. */
bool head_line(struct head *h, struct pool *p, struct slice line);
/* How long it is good from now on (RFC 9111 4.2.1), at most FETCH_FRESH_S_MAX; 0: not to be stored; -1: nothing is said. */
int64_t head_fresh_s(const struct head *h, int64_t now_s);
/* application/json, or a type whose suffix says that it is JSON (RFC 6839 3.1). */
bool head_is_json(const struct head *h);

#endif
