/* Subcommands: reading the command line by two tables (verbs, options), then the verb. The database is opened by the
 * verb itself, after all that can be said about the command line has been said. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command_help.h"
#include "command_int.h"
#include "encode.h"

#define POOL_BYTES (64U << 20)

enum option_kind { SWITCH, SWITCH_OR_NOT, TEXT, TEXTS };

struct option {
    const char *name;
    size_t offset;
    enum option_kind kind;
    uint32_t verbs; /* bit per verb that knows it */
};

#define AT(member) offsetof(struct args, member)
#define ON(verb)   (UINT32_C(1) << (verb))
#define ON_ALL     UINT32_MAX
#define ON_FORM    (ON(CLIENT_ADD) | ON(CLIENT_EDIT))
static const struct option options[] = {
    { "help", AT(help), SWITCH, ON_ALL },
    { "json", AT(json), SWITCH, ON_ALL },
    { "state", AT(state), TEXT, ON_ALL },
    { "config", AT(config), TEXT, ON_ALL },
    { "dev", AT(dev), SWITCH, ON_ALL },
    { "name", AT(name), TEXT, ON_FORM },
    { "redirect-uri", AT(redirect_uris), TEXTS, ON_FORM },
    { "remove-redirect-uri", AT(remove_redirect_uris), TEXTS, ON(CLIENT_EDIT) },
    { "post-logout-redirect-uri", AT(post_logout_uris), TEXTS, ON_FORM },
    { "auth-method", AT(auth_method), TEXT, ON_FORM },
    { "public", AT(public), SWITCH, ON_FORM },
    { "client-id", AT(client_id), TEXT, ON(CLIENT_ADD) },
    { "secret-file", AT(secret_file), TEXT, ON_FORM | ON(CLIENT_ROTATE_SECRET) },
    { "id-token-alg", AT(id_token_alg), TEXT, ON_FORM },
    { "claims", AT(claims), TEXT, ON_FORM },
    { "page", AT(page), TEXT, ON_FORM },
    { "require-pkce", AT(require_pkce), TEXT, ON_FORM },
    { "frames", AT(frames), SWITCH_OR_NOT, ON_FORM },
    { "reach", AT(reach), TEXT, ON_FORM },
    { "scope", AT(scope), TEXT, ON_FORM },
    { "lifetime", AT(lifetimes), TEXTS, ON_FORM },
    { "keep-old", AT(keep_old), TEXT, ON(CLIENT_ROTATE_SECRET) },
    { "username", AT(username), TEXT, ON(PERSON_EDIT) },
    { "email", AT(email), TEXT, ON(PERSON_EDIT) },
    { "now", AT(now), SWITCH, ON(KEY_ROTATE) },
    { "last", AT(last), TEXT, ON(AUDIT_SHOW) },
    { "fetch", AT(fetch), TEXT, ON(DOCTOR) },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static const struct {
    const char *title;
    command_verb *run;
    size_t operands;
    const char *operand_names;
    const char *help;
} verbs[VERB_COUNT] = {
    [CLIENT_ADD] = { "client add", cmd_client_add, 0, "", command_help_client },
    [CLIENT_LIST] = { "client list", cmd_client_list, 0, "", command_help_client },
    [CLIENT_SHOW] = { "client show", cmd_client_show, 1, "ID", command_help_client },
    [CLIENT_EDIT] = { "client edit", cmd_client_edit, 1, "ID", command_help_client },
    [CLIENT_REMOVE] = { "client remove", cmd_client_remove, 1, "ID", command_help_client },
    [CLIENT_DISABLE] = { "client disable", cmd_client_disable, 1, "ID", command_help_client },
    [CLIENT_ENABLE] = { "client enable", cmd_client_enable, 1, "ID", command_help_client },
    [CLIENT_ROTATE_SECRET] = { "client rotate-secret", cmd_client_rotate_secret, 1, "ID", command_help_client },
    [CLIENT_APPROVE] = { "client approve", cmd_client_approve, 1, "ID", command_help_client },
    [PERSON_LIST] = { "person list", cmd_person_list, 0, "", command_help_person },
    [PERSON_SHOW] = { "person show", cmd_person_show, 1, "WHO", command_help_person },
    [PERSON_EDIT] = { "person edit", cmd_person_edit, 1, "WHO", command_help_person },
    [PERSON_CONFIRM] = { "person confirm", cmd_person_confirm, 1, "WHO", command_help_person },
    [PERSON_LINK] = { "person link", cmd_person_link, 2, "OLD NEW", command_help_person },
    [PERSON_BLOCK] = { "person block", cmd_person_block, 1, "WHO", command_help_person },
    [PERSON_UNBLOCK] = { "person unblock", cmd_person_unblock, 1, "WHO", command_help_person },
    [KEY_LIST] = { "key list", cmd_key_list, 0, "", command_help_key },
    [KEY_ROTATE] = { "key rotate", cmd_key_rotate, 0, "", command_help_key },
    [AUDIT_SHOW] = { "audit show", cmd_audit_show, 0, "", command_help_audit },
    [ISSUER_SHOW] = { "issuer show", cmd_issuer_show, 0, "", command_help_issuer },
    [ISSUER_RENAME] = { "issuer rename", cmd_issuer_rename, 1, "URL", command_help_issuer },
    [TAILNET_SHOW] = { "tailnet show", cmd_tailnet_show, 0, "", command_help_tailnet },
    [TAILNET_ACCEPT] = { "tailnet accept", cmd_tailnet_accept, 0, "", command_help_tailnet },
    [CLOCK_SHOW] = { "clock show", cmd_clock_show, 0, "", command_help_clock },
    [DOCTOR] = { "doctor", cmd_doctor, 0, "", command_help_doctor },
    [CLOCK_ACCEPT] = { "clock accept", cmd_clock_accept, 0, "", command_help_clock },
};

static const struct {
    const char *name, *help;
} nouns[] = {
    { "client", command_help_client }, { "person", command_help_person }, { "key", command_help_key },
    { "audit", command_help_audit },   { "issuer", command_help_issuer }, { "tailnet", command_help_tailnet },
    { "clock", command_help_clock },
};

/* ---- speaking ---- */

static void complain(const char *title, const char *end, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

static void complain(const char *title, const char *end, const char *fmt, va_list args)
{
    (void)fprintf(stderr, "avouch%s%s: ", *title != '\0' ? " " : "", title);
    (void)vfprintf(stderr, fmt, args);
    (void)fprintf(stderr, "%s\n", end);
}

int command_usage(const struct command *c, const char *fmt, ...)
{
    char end[64];
    va_list args;

    (void)snprintf(end, sizeof(end), "; see avouch%s%s --help", *c->title != '\0' ? " " : "", c->title);
    va_start(args, fmt);
    complain(c->title, end, fmt, args);
    va_end(args);
    return COMMAND_USAGE;
}

int command_refuse(const struct command *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    complain(c->title, "", fmt, args);
    va_end(args);
    return COMMAND_FAILED;
}

void command_print(struct slice text)
{
    if (text.n > 0)
        (void)fwrite(text.p, 1, text.n, stdout);
}

static struct slice value_text(struct pool *p, struct slice name, const struct json *v)
{
    struct slice text = SLICE_NONE;
    int64_t n = 0;
    bool b = false;

    if (json_text(v, &text))
        return text;
    if (json_bool(v, &b))
        return b ? SL("yes") : SL("no");
    if (json_int(v, &n) && n > 0 && slice_ends(name, SL("_at")))
        return time_format(p, n);
    return json_dump(p, v);
}

/* An empty array or object says nothing; a filled object is one line. */
static size_t lines_of(const struct json *v)
{
    if (json_is_array(v))
        return json_count(v);
    return json_is_object(v) && json_count(v) == 0 ? 0 : 1;
}

static void print_member(struct command *c, struct slice name, const struct json *v)
{
    for (size_t i = 0; i < lines_of(v); i++) {
        struct slice text = value_text(c->pool, name, json_is_array(v) ? json_item(v, i) : v);
        command_print(pool_fmt(c->pool, "%-28.*s " SLICE_FMT "\n", i == 0 ? (int)name.n : 0, name.p, SLICE_ARG(text)));
    }
}

void command_print_object(struct command *c, struct slice json)
{
    const struct json *root = NULL;
    struct slice name = SLICE_NONE;

    /* our own text: it reads back */
    if (json_parse(c->pool, json, COMMAND_OUTPUT_MAX, &root) != ERR_OK)
        return;
    for (size_t i = 0; i < json_count(root); i++) {
        const struct json *v = json_member_at(root, i, &name);
        print_member(c, name, v);
    }
}

void command_print_json(struct command *c, struct json_writer *w)
{
    struct slice text = jw_finish(w);

    if (!c->args.json) {
        command_print_object(c, text);
        return;
    }
    command_print(text);
    command_print(SL("\n"));
}

/* ---- the database ---- */

bool command_configure(struct command *c)
{
    struct config_error error = { SLICE_NONE };
    struct pool *p = c->pool;
    bool given = !slice_is_none(c->args.config);
    enum err e = ERR_OK;

    config_defaults(&c->config);
    c->config.dev = c->args.dev;
    if (given || !c->args.dev)
        e = config_read_file(p, given ? slice_cstr(p, c->args.config) : CONFIG_FILE, given, &c->config, &error);
    if (e == ERR_OK)
        e = config_read_environment(p, environ, &c->config, &error);
    if (e != ERR_OK)
        (void)command_refuse(c, SLICE_FMT, SLICE_ARG(error.text));
    if (!slice_is_none(c->args.state))
        c->config.state = c->args.state;
    config_complete(p, &c->config);
    return e == ERR_OK;
}

bool command_open(struct command *c, bool create)
{
    struct slice why = SLICE_NONE;

    if (!command_configure(c))
        return false;
    struct store_options o = { .directory = slice_cstr(c->pool, c->config.state),
                               .must_exist = !create,
                               .map_bytes = (size_t)c->config.database_max };
    enum err e = store_open(c->pool, &o, &c->store, &why);
    if (e != ERR_OK) {
        (void)command_refuse(c, SLICE_FMT, SLICE_ARG(slice_is_none(why) ? slice_of(err_text(e)) : why));
        return false;
    }
    c->view = view_create(c->store);
    return true;
}

struct txn *command_txn(struct command *c)
{
    return txn_create(c->pool, c->view, ISSUER_NUMBER);
}

int command_commit(struct command *c, command_attempt *attempt, void *context)
{
    enum err e = ERR_CHANGED;

    for (unsigned i = 0; e == ERR_CHANGED && i < COMMAND_TRIES_MAX; i++) {
        view_rest(c->view);
        struct txn *t = command_txn(c);
        int status = attempt(c, t, context);
        if (txn_err(t) != ERR_OK)
            return command_refuse(c, "the database: %s", err_text(txn_err(t)));
        if (status != COMMAND_DONE)
            return status;
        e = txn_is_dirty(t) ? store_commit_one(c->store, t) : ERR_OK;
    }
    view_rest(c->view);
    if (e == ERR_CHANGED)
        return command_refuse(c, "others kept changing the same records; try again");
    return e == ERR_OK ? COMMAND_DONE : command_refuse(c, "nothing was changed: %s", err_text(e));
}

int command_scan(struct command *c, enum key_class class, struct slice from, command_each *each, void *context)
{
    struct slice prefix = key_make(c->pool, ISSUER_NUMBER, class, SLICE_NONE, SLICE_NONE);
    static char next[KEY_BYTES_MAX + 1]; /* outlives the page it was found on */
    struct record *page = pool_alloc(c->pool, COMMAND_PAGE * sizeof(*page));
    struct pool_mark mark = pool_mark(c->pool);
    int status = COMMAND_DONE;
    size_t n = COMMAND_PAGE;

    while (status == COMMAND_DONE && n == COMMAND_PAGE) {
        struct txn *t = command_txn(c);
        n = txn_scan(t, prefix, slice_is_none(from) ? prefix : from, COMMAND_PAGE, page);
        if (txn_err(t) != ERR_OK)
            return command_refuse(c, "the database: %s", err_text(txn_err(t)));
        for (size_t i = 0; status == COMMAND_DONE && i < n; i++)
            status = each(c, &page[i], context);
        if (n == 0 || status != COMMAND_DONE)
            break;
        /* the key after the last one */
        memcpy(next, page[n - 1].key.p, page[n - 1].key.n);
        next[page[n - 1].key.n] = '\0';
        from = slice_bytes(next, page[n - 1].key.n + 1);
        pool_rewind(c->pool, mark);
    }
    return status;
}

bool command_read_secret(struct command *c, struct slice file, size_t max, struct slice *ret)
{
    bool standard = slice_eq(file, SL("-"));
    int fd = standard ? STDIN_FILENO : open(slice_cstr(c->pool, file), O_RDONLY | O_CLOEXEC);
    char *text = pool_secret(c->pool, max + 3); /* a line end, and one byte to see that there is more */
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && n < max + 3) {
        got = read(fd, text + n, max + 3 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        (void)command_refuse(c, SLICE_FMT ": %s", SLICE_ARG(file), strerror(errno));
    if (fd >= 0 && !standard)
        (void)close(fd);
    n -= n > 0 && text[n - 1] == '\n';
    n -= n > 0 && text[n - 1] == '\r';
    *ret = slice_bytes(text, n);
    return got >= 0;
}

/* ---- the command line ---- */

static const struct option *find_option(struct slice name, enum verb verb)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (slice_eq(slice_of(options[i].name), name) && (options[i].verbs & ON(verb)) != 0)
            return &options[i];
    return NULL;
}

static void add_text(struct pool *p, struct slices *list, struct slice value)
{
    struct slice *longer = pool_alloc(p, (list->n + 1) * sizeof(*longer));

    if (list->n > 0)
        memcpy(longer, list->at, list->n * sizeof(*longer));
    longer[list->n] = value;
    *list = (struct slices){ longer, list->n + 1 };
}

/* value none: there was no "=". */
static int take_switch(struct command *c, const struct option *o, struct slice value)
{
    void *target = (char *)&c->args + o->offset;
    bool no = slice_eq(value, SL("no"));

    if (o->kind == SWITCH && slice_is_none(value))
        *(bool *)target = true;
    else if (o->kind == SWITCH_OR_NOT && (slice_is_none(value) || no || slice_eq(value, SL("yes"))))
        *(enum choice_given *)target = no ? GIVEN_NO : GIVEN_YES;
    else
        return command_usage(c, o->kind == SWITCH ? "--%s takes no value" : "--%s is yes or no", o->name);
    return COMMAND_DONE;
}

static int take_text(struct command *c, const struct option *o, struct slice value)
{
    void *target = (char *)&c->args + o->offset;

    if (!text_is_printable(value))
        return command_usage(c, "--%s has a character that cannot be shown", o->name);
    if (o->kind == TEXTS) {
        add_text(c->pool, target, value);
        return COMMAND_DONE;
    }
    if (!slice_is_none(*(struct slice *)target))
        return command_usage(c, "--%s is given twice", o->name);
    *(struct slice *)target = value;
    return COMMAND_DONE;
}

/* argv[*i] begins with --. Its value is behind = or the next argument. */
static int take_option(struct command *c, int argc, char **argv, int *i)
{
    struct slice value = slice_of(argv[*i] + 2), name = SLICE_NONE;

    (void)slice_cut(&value, '=', &name);
    const struct option *o = find_option(name, c->verb);
    if (o == NULL)
        return command_usage(c, "there is no option --" SLICE_FMT, SLICE_ARG(name));
    if (o->kind == SWITCH || o->kind == SWITCH_OR_NOT)
        return take_switch(c, o, value);
    if (slice_is_none(value) && *i + 1 >= argc)
        return command_usage(c, "--%s needs a value", o->name);
    if (slice_is_none(value))
        value = slice_of(argv[++*i]);
    return take_text(c, o, value);
}

static int take_operand(struct command *c, const char *text)
{
    if (c->operands == verbs[c->verb].operands)
        return command_usage(c, "`%s` is one argument too many", text);
    if (*text == '\0' || !text_is_printable(slice_of(text)))
        return command_usage(c, "an argument is empty or cannot be shown");
    c->operand[c->operands++] = slice_of(text);
    return COMMAND_DONE;
}

static int take_all(struct command *c, int argc, char **argv)
{
    int status = COMMAND_DONE;
    bool only_operands = false;

    for (int i = 0; status == COMMAND_DONE && i < argc; i++) {
        if (only_operands || argv[i][0] != '-')
            status = take_operand(c, argv[i]);
        else if (strcmp(argv[i], "--") == 0)
            only_operands = true;
        else if (strcmp(argv[i], "-h") == 0)
            c->args.help = true;
        else if (argv[i][1] == '-')
            status = take_option(c, argc, argv, &i);
        else
            status = command_usage(c, "options begin with --, not like %s", argv[i]);
    }
    return status;
}

static int run_verb(enum verb verb, int argc, char **argv)
{
    struct timespec clock;
    struct command c = { .pool = pool_create(POOL_BYTES), .verb = verb, .title = verbs[verb].title };

    (void)clock_gettime(CLOCK_REALTIME, &clock);
    c.now = (struct now){ clock.tv_sec, (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000 };
    int status = take_all(&c, argc, argv);
    if (status == COMMAND_DONE && c.args.help)
        command_print(slice_of(verbs[verb].help));
    else if (status == COMMAND_DONE && c.operands < verbs[verb].operands)
        status = command_usage(&c, "%s is missing", verbs[verb].operand_names);
    else if (status == COMMAND_DONE)
        status = verbs[verb].run(&c);
    view_destroy(c.view);
    store_close(c.store);
    pool_destroy(c.pool);
    return status;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int run_noun(const char *noun, const char *help, int argc, char **argv)
{
    const struct command c = { .title = noun };

    if (argc > 0 && is_help(argv[0])) {
        command_print(slice_of(help));
        return COMMAND_DONE;
    }
    if (argc == 0)
        return command_usage(&c, "say what to do");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        struct slice verb = slice_of(verbs[i].title), word = SLICE_NONE;
        if (slice_cut(&verb, ' ', &word) && slice_eq(word, slice_of(noun)) && slice_eq(verb, slice_of(argv[0])))
            return run_verb((enum verb)i, argc - 1, argv + 1);
    }
    return command_usage(&c, "there is no `%s %s`", noun, argv[0]);
}

static int run(int argc, char **argv)
{
    const struct command c = { .title = "" };

    if (argc < 2)
        return command_usage(&c, "say what to do");
    if (is_help(argv[1])) {
        command_print(slice_of(command_help_all));
        return COMMAND_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        command_print(SL("avouch " AVOUCH_VERSION "\n"));
        return COMMAND_DONE;
    }
    if (strcmp(argv[1], verbs[DOCTOR].title) == 0)
        return run_verb(DOCTOR, argc - 2, argv + 2);
    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++)
        if (strcmp(argv[1], nouns[i].name) == 0)
            return run_noun(nouns[i].name, nouns[i].help, argc - 2, argv + 2);
    return command_usage(&c, "there is no subcommand `%s`", argv[1]);
}

size_t command_options(const char *const **ret_names)
{
    static const char *names[OPTION_COUNT];

    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[i] = options[i].name;
    *ret_names = names;
    return OPTION_COUNT;
}

int command_run(int argc, char **argv)
{
    int status = run(argc, argv);

    /* a secret that went nowhere must not look as if it had been shown */
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)fprintf(stderr, "avouch: standard output: %s\n", strerror(errno));
        return COMMAND_FAILED;
    }
    return status;
}
