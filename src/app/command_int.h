/* What command.c gives to the subcommands (cmd_*.c): options already read, the database, and ways to speak. */
#ifndef AVOUCH_COMMAND_INT_H
#define AVOUCH_COMMAND_INT_H

#include "audit.h"
#include "command.h"
#include "config.h"
#include "json.h"
#include "store.h"

#define COMMAND_OPERANDS_MAX 2
#define COMMAND_TRIES_MAX    8   /* when others change what was read */
#define COMMAND_PAGE         256 /* records a look at the database */
#define COMMAND_OUTPUT_MAX   (1 << 20)

enum verb {
    CLIENT_ADD,
    CLIENT_LIST,
    CLIENT_SHOW,
    CLIENT_EDIT,
    CLIENT_REMOVE,
    CLIENT_DISABLE,
    CLIENT_ENABLE,
    CLIENT_ROTATE_SECRET,
    CLIENT_APPROVE,
    PERSON_LIST,
    PERSON_SHOW,
    PERSON_EDIT,
    PERSON_CONFIRM,
    PERSON_LINK,
    PERSON_BLOCK,
    PERSON_UNBLOCK,
    KEY_LIST,
    KEY_ROTATE,
    AUDIT_SHOW,
    ISSUER_SHOW,
    ISSUER_RENAME,
    TAILNET_SHOW,
    TAILNET_ACCEPT,
    CLOCK_SHOW,
    CLOCK_ACCEPT,
    DOCTOR,
};

#define VERB_COUNT 26

/* Options as given; none, empty or false: not given. A switch may be turned off (--frames=no). */
struct args {
    bool help, json, dev, now, public;

    enum choice_given { NOT_GIVEN, GIVEN_YES, GIVEN_NO } frames;
    struct slice state, config;
    struct slice name, client_id, secret_file, auth_method, id_token_alg, claims, page, require_pkce, reach, scope;
    struct slice keep_old, username, email, last, fetch;
    struct slices redirect_uris, remove_redirect_uris, post_logout_uris, lifetimes;
};

struct command {
    struct pool *pool;
    enum verb verb;
    const char *title; /* "client add" */
    struct args args;
    struct slice operand[COMMAND_OPERANDS_MAX];
    size_t operands;
    struct config config;
    struct store *store;
    struct view *view;
    struct now now;
};

/* One line on standard error; the result is the status to return. */
int command_usage(const struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int command_refuse(const struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads the settings (file, variables, --state) into c->config. False: said why. */
bool command_configure(struct command *c) MUST_CHECK;
/* Opens the database of --state, AVOUCH_STATE, the configuration file or the default. False: said why. */
bool command_open(struct command *c, bool create) MUST_CHECK;
struct txn *command_txn(struct command *c);

/* Runs the attempt in a transaction and commits, again when what it read was changed meanwhile. The attempt returns
 * COMMAND_DONE, or another status after it said why. */
typedef int command_attempt(struct command *c, struct txn *t, void *context);
int command_commit(struct command *c, command_attempt *attempt, void *context);

/* All records of a class, COMMAND_PAGE at a time; memory of one page is given up before the next, unless `each`
 * fails. */
typedef int command_each(struct command *c, const struct record *r, void *context);
int command_scan(struct command *c, enum key_class class, struct slice from, command_each *each, void *context);

/* Standard output. A written object as an aligned list for people: NAME VALUE, one line a value. */
void command_print(struct slice text);
void command_print_object(struct command *c, struct slice json);
/* Prints what the writer wrote: as it is with --json, else by command_print_object. */
void command_print_json(struct command *c, struct json_writer *w);

/* The text of FILE, or of standard input for "-", without the line end, in memory that is wiped. False: said why. */
bool command_read_secret(struct command *c, struct slice file, size_t max, struct slice *ret) MUST_CHECK;

typedef int command_verb(struct command *c);
command_verb cmd_client_add, cmd_client_list, cmd_client_show, cmd_client_edit, cmd_client_remove, cmd_client_disable,
    cmd_client_enable, cmd_client_rotate_secret, cmd_client_approve;
command_verb cmd_person_list, cmd_person_show, cmd_person_edit, cmd_person_confirm, cmd_person_link, cmd_person_block,
    cmd_person_unblock;
command_verb cmd_key_list, cmd_key_rotate;
command_verb cmd_audit_show;
command_verb cmd_issuer_show, cmd_issuer_rename;
command_verb cmd_tailnet_show, cmd_tailnet_accept;
command_verb cmd_doctor;
command_verb cmd_clock_show, cmd_clock_accept;

#endif
