/* What the two halves of the configuration share: config_key.c knows the table of keys and what a value must be,
 * config.c the YAML file. */
#ifndef AVOUCH_CONFIG_INT_H
#define AVOUCH_CONFIG_INT_H

#include "config.h"

#define CONFIG_NAME_BYTES_MAX 64

enum kind {
    TEXT,
    PATH,
    TEXTS,
    DURATION,
    SIZE,
    FLAG, /* two words, the second is true */
    MODE, /* enum tailscale_mode, words in its order */
    WORD, /* a text, one of the words */
};

struct key {
    const char *name, *form; /* form: "`name` is ..." */
    enum kind kind;
    size_t offset;
    int64_t max;                         /* bytes, or seconds */
    const char *words;                   /* separated by | */
    bool (*accepts)(struct slice value); /* NULL: whatever else is right */
};

/* Where a value stands, and where to say what is wrong with it. */
struct place {
    struct pool *pool;
    struct slice source; /* file or variable; none: a flag */
    size_t line, column; /* 0: no lines there */
    struct config_error *error;
};

/* Writes the sentence; always ERR_CONFIG. */
enum err config_fail(const struct place *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const struct key *config_key_find(struct slice name); /* NULL: there is none */
bool config_is_section(struct slice name);            /* some key's name begins with it and a dot */
void *config_key_target(struct config *c, const struct key *k);
/* One value, or one item of a list, checked and put. The value must live as long as the configuration. */
enum err config_key_set(const struct place *at, const struct key *k, struct slice value, void *target) MUST_CHECK;
enum err config_key_append(const struct place *at, const struct key *k, struct slice value,
                           struct slices *list) MUST_CHECK;
/* The key a wrong name was meant to be: a small typing error, or a right name in the wrong section. NULL: no idea. */
const char *config_key_nearest(struct slice name);

#endif
