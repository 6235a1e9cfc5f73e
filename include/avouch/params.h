/* Parameters by a table: name, longest value, validator, required, repeatable. An empty value is an absent one (RFC 6749 3.1); a
 * parameter of the table that comes twice is refused (3.1), in query and body together; others are ignored. Values are copied. */
#ifndef AVOUCH_PARAMS_H
#define AVOUCH_PARAMS_H

#include "pool.h"

#define PARAM_PAIRS_MAX 256         /* pairs in one query or body, unknown ones included */
#define PARAM_REPEATS_MAX 16        /* of a repeatable one */

struct param {
    const char *name;
    size_t max;                     /* bytes */
    bool (*valid)(struct slice value); /* NULL: anything */
    bool repeatable;
    size_t offset;                  /* of a struct slice (repeatable: struct slices) in the endpoint's struct */
};

struct param_table {
    const struct param *at;
    size_t n;
    size_t bytes;                   /* of the endpoint's struct, zero at first */
    bool body_only;                 /* a parameter of the table in the query is refused (RFC 6749 3.2) */
};

enum fault_kind {
    FAULT_NONE,
    FAULT_MALFORMED,                /* a broken escape, NUL, not UTF-8: no name */
    FAULT_TOO_MANY,                 /* PARAM_PAIRS_MAX, PARAM_REPEATS_MAX */
    FAULT_TWICE,
    FAULT_TOO_LONG,
    FAULT_INVALID,                  /* the validator says no */
    FAULT_IN_QUERY,                 /* body_only */
};
#define FAULT_COUNT 7

/* The first thing that is wrong. The value it is about is left absent. */
struct params_fault {
    enum fault_kind kind;
    const char *name;               /* from the table; NULL: none in particular */
};

/* query and body: none where there is none. *ret points to zeroed memory of table->bytes, filled as far as it goes. */
void params_read(struct pool *p, const struct param_table *table, struct slice query, struct slice body, void *ret,
                 struct params_fault *ret_fault);
bool params_have(const struct param_table *table, struct slice name); /* a row of it */
const char *fault_text(enum fault_kind k);              /* "is repeated": a predicate for log and hint */
/* One public sentence, e.g. "The parameter state is repeated." In the pool, NUL-terminated. */
const char *fault_hint(struct pool *p, const struct params_fault *f);

#endif
