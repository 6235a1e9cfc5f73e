/* Parameters into an endpoint's struct, by its table. What is wrong is noted and not judged here: where an error may go is
 * known only once client and redirect URI are proven. */
#include "params.h"

#include <assert.h>

#include "form.h"

struct reading {
    struct pool *pool;
    const struct param_table *table;
    char *ret;
    struct params_fault *fault;
    uint64_t seen; /* bit per row */
    size_t pairs;
    bool in_query;
};

static void note(struct reading *x, enum fault_kind kind, const char *name)
{
    if (x->fault->kind == FAULT_NONE)
        *x->fault = (struct params_fault){ kind, name };
}

static void *target(const struct reading *x, const struct param *row)
{
    return x->ret + row->offset;
}

static void add_repeated(struct reading *x, const struct param *row, struct slice value)
{
    struct slices *all = target(x, row);

    if (all->n == PARAM_REPEATS_MAX) {
        note(x, FAULT_TOO_MANY, row->name);
        return;
    }
    struct slice *at = pool_alloc(x->pool, (all->n + 1) * sizeof(*at));
    for (size_t i = 0; i < all->n; i++)
        at[i] = all->at[i];
    at[all->n] = value;
    *all = (struct slices){ at, all->n + 1 };
}

static void take(struct reading *x, size_t i, struct slice value)
{
    const struct param *row = &x->table->at[i];
    uint64_t bit = UINT64_C(1) << i;
    bool again = (x->seen & bit) != 0;

    x->seen |= bit;
    if (x->in_query && x->table->body_only) {
        note(x, FAULT_IN_QUERY, row->name);
    } else if (again && !row->repeatable) {
        note(x, FAULT_TWICE, row->name);
        *(struct slice *)target(x, row) = SLICE_NONE;
    } else if (value.n > row->max) {
        note(x, FAULT_TOO_LONG, row->name);
    } else if (value.n > 0 && row->valid != NULL && !row->valid(value)) {
        note(x, FAULT_INVALID, row->name);
    } else if (value.n > 0 && row->repeatable) {
        add_repeated(x, row, value);
    } else if (value.n > 0) {
        *(struct slice *)target(x, row) = value;
    }
}

/* Of its row; table->n: it has none. */
static size_t find_row(const struct param_table *table, struct slice name)
{
    for (size_t i = 0; i < table->n; i++) {
        const char *row = table->at[i].name;

        /* the first letter says no to most */
        if (name.n > 0 && row[0] == name.p[0] && slice_eq(name, slice_of(row)))
            return i;
    }
    return table->n;
}

bool params_have(const struct param_table *table, struct slice name)
{
    return find_row(table, name) < table->n;
}

static void match(struct reading *x, struct slice name, struct slice value)
{
    size_t i = find_row(x->table, name);

    if (i < x->table->n)
        take(x, i, value);
}

static void read_text(struct reading *x, struct slice text)
{
    struct slice rest = text, name, value;
    enum form_next next = FORM_END;

    while (!slice_is_none(text) && (next = form_next(x->pool, &rest, &name, &value)) == FORM_PAIR) {
        if (++x->pairs > PARAM_PAIRS_MAX) {
            note(x, FAULT_TOO_MANY, NULL);
            return;
        }
        match(x, name, value);
    }
    if (next == FORM_BAD)
        note(x, FAULT_MALFORMED, NULL);
}

void params_read(struct pool *p, const struct param_table *table, struct slice query, struct slice body, void *ret,
                 struct params_fault *ret_fault)
{
    struct reading x = { .pool = p, .table = table, .ret = ret, .fault = ret_fault, .in_query = true };

    assert(table->n <= 64);
    *ret_fault = (struct params_fault){ FAULT_NONE, NULL };
    read_text(&x, query);
    x.in_query = false;
    read_text(&x, body);
}

const char *fault_text(enum fault_kind k)
{
    static const char *const text[FAULT_COUNT] = {
        [FAULT_NONE] = "is right",
        [FAULT_MALFORMED] = "is not well-formed (application/x-www-form-urlencoded in UTF-8)",
        [FAULT_TOO_MANY] = "is there too often",
        [FAULT_TWICE] = "is repeated",
        [FAULT_TOO_LONG] = "is too long",
        [FAULT_INVALID] = "is not of the required form",
        [FAULT_IN_QUERY] = "belongs in the body, not in the URL",
    };

    return text[k];
}

const char *fault_hint(struct pool *p, const struct params_fault *f)
{
    if (f->name != NULL)
        return slice_cstr(p, pool_fmt(p, "The parameter %s %s.", f->name, fault_text(f->kind)));
    if (f->kind == FAULT_TOO_MANY)
        return "There are too many parameters.";
    return "The request is not well-formed: a broken escape, or text that is not UTF-8.";
}
