/* The settings of `avouch serve`: file, then AVOUCH_* variables, then flags. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command_help.h"
#include "serve_int.h"

struct flag {
    const char *name, *setting; /* NULL: handled here */
    bool has_value;
};

static const struct flag flags[] = {
    { "config", NULL, true },   { "dev", NULL, false },       { "dev-user", NULL, true }, { "listen", "listen", true },
    { "state", "state", true }, { "issuer", "issuer", true }, { "help", NULL, false },
};

#define FLAG_COUNT (sizeof(flags) / sizeof(flags[0]))

/* A look at the command line: one flag after another. */
struct walk {
    struct pool *pool;
    int argc, at;
    char **argv;
};

bool serve_complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)fputs("avouch serve: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return false;
}

static int usage(const char *why, const char *what)
{
    (void)serve_complain("%s%s; see avouch serve --help", why, what);
    return COMMAND_USAGE;
}

/* COMMAND_DONE with *ret NULL at the end. */
static int next_flag(struct walk *w, const struct flag **ret, struct slice *ret_value)
{
    struct slice name, rest;

    *ret = NULL;
    if (w->at >= w->argc)
        return COMMAND_DONE;
    const char *word = w->argv[w->at++];
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0')
        return usage("there is no argument like ", word);
    rest = slice_of(word + 2);
    (void)slice_cut(&rest, '=', &name);
    for (size_t i = 0; i < FLAG_COUNT && *ret == NULL; i++)
        if (slice_eq(slice_of(flags[i].name), name))
            *ret = &flags[i];
    if (*ret == NULL)
        return usage("there is no option ", word);
    if (!(*ret)->has_value)
        return slice_is_none(rest) ? COMMAND_DONE : usage("this option takes no value: ", word);
    if (slice_is_none(rest) && w->at >= w->argc)
        return usage("a value is missing for ", word);
    *ret_value = slice_is_none(rest) ? slice_of(w->argv[w->at++]) : rest;
    return COMMAND_DONE;
}

static void add_dev_user(struct pool *p, struct config *c, struct slice login)
{
    struct slice *at = pool_alloc(p, (c->dev_users.n + 1) * sizeof(*at));

    for (size_t i = 0; i < c->dev_users.n; i++)
        at[i] = c->dev_users.at[i];
    at[c->dev_users.n] = login;
    c->dev_users = (struct slices){ at, c->dev_users.n + 1 };
}

/* Those that say where everything else is read from. */
static int read_first_flags(struct walk w, struct config *c, const char **ret_file)
{
    const struct flag *f;
    struct slice value = SLICE_NONE;
    int status = COMMAND_DONE;

    while ((status = next_flag(&w, &f, &value)) == COMMAND_DONE && f != NULL) {
        if (strcmp(f->name, "help") == 0) {
            (void)fputs(command_help_serve, stdout);
            return SERVE_HELPED;
        }
        if (strcmp(f->name, "dev") == 0)
            c->dev = true;
        else if (strcmp(f->name, "config") == 0)
            *ret_file = slice_cstr(w.pool, value);
    }
    return status;
}

/* Under --dev a bare HOST:PORT is meant for development. */
static struct slice listen_value(struct pool *p, const struct config *c, struct slice value)
{
    struct listen_spec spec;

    if (!c->dev || listen_spec_parse(value, &spec))
        return value;
    struct slice as_dev = pool_fmt(p, "dev:" SLICE_FMT, SLICE_ARG(value));
    return listen_spec_parse(as_dev, &spec) ? as_dev : value;
}

static int read_other_flags(struct walk w, struct config *c)
{
    struct config_error error = { SLICE_NONE };
    const struct flag *f;
    struct slice value = SLICE_NONE;
    int status = COMMAND_DONE;

    while ((status = next_flag(&w, &f, &value)) == COMMAND_DONE && f != NULL) {
        if (strcmp(f->name, "dev-user") == 0)
            add_dev_user(w.pool, c, value);
        if (f->setting == NULL)
            continue;
        if (strcmp(f->setting, "listen") == 0)
            value = listen_value(w.pool, c, value);
        if (config_set(w.pool, c, f->setting, value, &error) != ERR_OK) {
            (void)serve_complain("--%s: " SLICE_FMT, f->name, SLICE_ARG(error.text));
            return COMMAND_USAGE;
        }
    }
    return status;
}

static int read_sources(struct serve *s, const char *file, struct config *c)
{
    struct config_error error = { SLICE_NONE };
    enum err e = ERR_OK;

    /* a newcomer's trial must not depend on an operator's file */
    if (file != NULL || !c->dev)
        e = config_read_file(s->settings, file != NULL ? file : CONFIG_FILE, file != NULL, c, &error);
    c->lists_begun = 0;
    if (e == ERR_OK)
        e = config_read_environment(s->settings, environ, c, &error);
    c->lists_begun = 0;
    if (e == ERR_OK)
        return COMMAND_DONE;
    (void)serve_complain(SLICE_FMT, SLICE_ARG(error.text));
    return COMMAND_FAILED;
}

static int check(const struct config *c)
{
    if (!c->dev && c->dev_users.n > 0)
        return usage("--dev-user", " is for --dev");
    if (c->dev_users.n > DEV_PEOPLE_MAX)
        return usage("there are too many --dev-user", "");
    if (c->tailscale_service.n > 0 && slice_is_none(c->issuer)) {
        (void)serve_complain(
            "tailscale.service has a name of its own: say it as issuer, such as https://idp.example.ts.net");
        return COMMAND_FAILED;
    }
    if (slice_is_none(c->tls_certificate) != slice_is_none(c->tls_key)) {
        (void)serve_complain("tls.certificate and tls.key belong together: set both or neither");
        return COMMAND_FAILED;
    }
    return COMMAND_DONE;
}

int serve_read_settings(struct serve *s, struct config *ret)
{
    static const struct slice people[] = { { "alice@example.com", 17 }, { "bob@example.com", 15 } };
    struct walk w = { s->settings, s->argc, 0, s->argv };
    const char *file = NULL;
    struct config c;
    int status = COMMAND_DONE;

    config_defaults(&c);
    status = read_first_flags(w, &c, &file);
    if (status == COMMAND_DONE)
        status = read_sources(s, file, &c);
    if (status == COMMAND_DONE)
        status = read_other_flags(w, &c);
    if (status == COMMAND_DONE)
        status = check(&c);
    if (status != COMMAND_DONE)
        return status;
    if (c.dev && c.dev_users.n == 0)
        c.dev_users = (struct slices){ people, 2 };
    config_complete(s->settings, &c);
    *ret = c;
    return COMMAND_DONE;
}
