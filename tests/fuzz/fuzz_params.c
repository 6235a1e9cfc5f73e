/* Query and body, with a line feed between them, by a table of every kind of row. What is found is judged by counting again. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "encode.h"
#include "form.h"
#include "params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fields {
    struct slice a, short_one, digits;
    struct slices many;
};

#define AT(member) offsetof(struct fields, member)

static bool are_digits(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
    return true;
}

static const struct param rows[] = {
    { "a", 64, NULL, false, AT(a) },
    { "s", 3, NULL, false, AT(short_one) },
    { "digits", 16, are_digits, false, AT(digits) },
    { "m", 8, NULL, true, AT(many) },
};

/* How often the name occurs, and its only value; SIZE_MAX: the text cannot be read to its end. */
static size_t count(struct pool *p, struct slice text, const char *name, struct slice *ret_value)
{
    struct slice rest = text, found, value;
    enum form_next next = FORM_END;
    size_t n = 0;

    while (!slice_is_none(text) && (next = form_next(p, &rest, &found, &value)) == FORM_PAIR) {
        if (!slice_eq(found, slice_of(name)))
            continue;
        n++;
        *ret_value = value;
    }
    return next == FORM_BAD ? SIZE_MAX : n;
}

static void judge_one(struct pool *p, const struct param *row, struct slice got, struct slice query, struct slice body)
{
    struct slice value = SLICE_NONE;
    size_t in_query = count(p, query, row->name, &value), in_body = count(p, body, row->name, &value);

    assert(slice_is_none(got) || (got.n > 0 && got.n <= row->max && utf8_is_valid(got) && !slice_has(got, '\0')));
    assert(slice_is_none(got) || row->valid == NULL || row->valid(got));
    if (in_query == SIZE_MAX || in_body == SIZE_MAX)
        return;
    if (in_query + in_body != 1)
        assert(slice_is_none(got));
    else if (value.n > 0 && value.n <= row->max && (row->valid == NULL || row->valid(value)))
        assert(slice_eq(got, value));
}

static void judge(struct pool *p, const struct fields *f, const struct params_fault *fault, struct slice query,
                  struct slice body)
{
    bool cut = fault->kind == FAULT_TOO_MANY && fault->name == NULL;

    if (!cut) {
        judge_one(p, &rows[0], f->a, query, body);
        judge_one(p, &rows[1], f->short_one, query, body);
        judge_one(p, &rows[2], f->digits, query, body);
    }
    assert(f->many.n <= PARAM_REPEATS_MAX);
    for (size_t i = 0; i < f->many.n; i++)
        assert(f->many.at[i].n > 0 && f->many.at[i].n <= rows[3].max);
    assert((unsigned)fault->kind < FAULT_COUNT);
    assert(fault->kind != FAULT_NONE || fault->name == NULL);
    assert(text_is_printable(slice_of(fault_hint(p, fault))));
}

static void judge_body_only(const struct fields *in_body, const struct fields *anywhere,
                            const struct params_fault *fault, struct slice query)
{
    if (!slice_is_none(query))
        return;
    assert(fault->kind != FAULT_IN_QUERY);
    assert(slice_eq(in_body->a, anywhere->a) && slice_eq(in_body->digits, anywhere->digits));
    assert(in_body->many.n == anywhere->many.n);
}

static void judge_both(struct pool *p, struct slice query, struct slice body)
{
    const struct param_table anywhere = { rows, 4, sizeof(struct fields), false },
                             body_only = { rows, 4, sizeof(struct fields), true };
    struct fields f = { .a = SLICE_NONE }, g = { .a = SLICE_NONE };
    struct params_fault fault, stricter;

    params_read(p, &anywhere, query, body, &f, &fault);
    judge(p, &f, &fault, query, body);
    params_read(p, &body_only, query, body, &g, &stricter);
    judge_body_only(&g, &f, &stricter, query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_bytes(data, size);
    size_t at = slice_find(text, '\n');

    if (size > 65536)
        return 0;
    struct pool *p = pool_create(1 << 22);
    judge_both(p, at > 0 ? slice_head(text, at) : SLICE_NONE, at < text.n ? slice_from(text, at + 1) : SLICE_NONE);
    pool_destroy(p);
    return 0;
}
