/* The subcommands, as typed: status, what is printed, what is in the database afterwards. */
#ifndef AVOUCH_TEST_TYPED_H
#define AVOUCH_TEST_TYPED_H

#include "client.h"
#include "command.h"
#include "json.h"
#include "person.h"
#include "store.h"
#include "tap.h"

#define OUTPUT_MAX 65536
#define ADD        "client add --name Grafana --redirect-uri https://g.example/cb"

extern struct pool *pool;
extern char directory[], state[]; /* of all tests; the database's of this one */
extern struct slice out, err;     /* of the last run */
extern const struct now now;

void fresh(void); /* another `state`, that is not there yet */

/* A line as typed, without `avouch`; words between blanks, ' is a blank inside one. --state is added. */
int run(const char *line);

/* Of what was printed as JSON. */
const struct json *printed(void);
struct slice text_of(const char *member);
struct slice text_in(const char *member, size_t i);

bool says(struct slice text, const char *part);
void check_says(const char *file, int line, struct slice text, const char *part);
#define CHECK_SAYS(text, part) check_says(__FILE__, __LINE__, (text), (part))

/* The database, directly. */
struct direct {
    struct store *store;
    struct view *view;
};

struct txn *begin(struct direct *d);
void end(struct direct *d, struct txn *t); /* commits */
struct client stored(const char *id);
void meet(int64_t user_id, const char *login, const char *stable_id); /* a person comes by */

struct slice file_text(const char *file);

/* What main does, `directory` and all. */
int typed_run(const struct tap_test *tests, size_t n);

#endif
