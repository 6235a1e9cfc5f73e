/* `avouch person`: who has been here. Applications keep accounts by the names shown here, so changes are the
 * operator's and audited. */
#include "person.h"

#include <string.h>

#include "client.h"
#include "command_int.h"
#include "encode.h"

/* ---- whom ---- */

struct search {
    struct slice text;
    int64_t user_id; /* 0: not found yet */
};

static int match_one(struct command *c, const struct record *r, void *context)
{
    struct search *s = context;
    struct person person;

    if (!person_unpack(c->pool, r->value, &person))
        return command_refuse(c, "a person's record cannot be read");
    if (slice_eq_nocase(person.username, s->text) || slice_eq_nocase(person.login, s->text))
        s->user_id = person.user_id;
    return COMMAND_DONE;
}

/* By user id, user name or login: a user name is never digits only. */
static int find(struct command *c, struct slice who, int64_t *ret_user_id)
{
    struct search s = { who, 0 };
    struct slice id = slice_starts(who, SL("userid:")) ? slice_from(who, sizeof("userid:") - 1) : who;
    int status = COMMAND_DONE;

    if (!user_id_parse(id, &s.user_id))
        status = command_scan(c, CLASS_PERSON, SLICE_NONE, match_one, &s);
    if (status == COMMAND_DONE && s.user_id == 0)
        return command_refuse(c, "there is nobody " SLICE_FMT "; see avouch person list", SLICE_ARG(who));
    *ret_user_id = s.user_id;
    return status;
}

static int load(struct command *c, struct txn *t, int64_t user_id, struct person *ret)
{
    if (person_load(t, user_id, ret))
        return COMMAND_DONE;
    return command_refuse(c, "nobody with the user id " SLICE_FMT " has been here; see avouch person list",
                          SLICE_ARG(user_id_text(c->pool, user_id)));
}

/* ---- paper ---- */

static void write_time(struct json_writer *w, const char *name, int64_t at_s)
{
    if (at_s > 0)
        jw_int(w, name, at_s);
}

static void write_person(struct command *c, struct json_writer *w, struct buf *b, const struct person *person)
{
    buf_init(b, c->pool, COMMAND_OUTPUT_MAX);
    jw_init(w, b);
    jw_object(w, NULL);
    jw_int(w, "user_id", person->user_id);
    jw_text_if(w, "login", person->login);
    jw_text_if(w, "name", person->display_name);
    jw_text_if(w, "preferred_username", person->username);
    jw_text_if(w, "email", person->email);
    jw_bool(w, "email_by_operator", person->email_by_operator);
    jw_bool(w, "blocked", person->blocked);
    jw_bool(w, "held", person->held);
    jw_text_if(w, "held_login", person->held_login);
    write_time(w, "created_at", person->created_at);
    write_time(w, "seen_at", person->seen_at);
    jw_array(w, "nodes");
    for (unsigned i = 0; i < person->pair_count; i++) {
        jw_object(w, NULL);
        jw_text(w, "stable_id", person->pairs[i].stable_id);
        jw_text(w, "address", person->pairs[i].address);
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
}

static void print_person(struct command *c, const struct person *person)
{
    struct json_writer w;
    struct buf b;

    write_person(c, &w, &b, person);
    command_print_json(c, &w);
}

/* ---- acts ---- */

struct act {
    int64_t user_id, to_user_id;
    struct person person;
};

static void note(struct command *c, struct txn *t, enum audit_event event, const struct person *person,
                 const char *detail)
{
    const struct audit audit = {
        .event = event, .user_id = person->user_id, .login = person->login, .detail = slice_of(detail)
    };

    audit_log(t, &audit, c->now);
}

static int judge(const struct command *c, enum err e, struct slice why)
{
    if (e == ERR_OK)
        return COMMAND_DONE;
    return command_refuse(c, SLICE_FMT, SLICE_ARG(slice_is_none(why) ? slice_of(err_text(e)) : why));
}

static int attempt_edit(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;
    struct slice why = SLICE_NONE;
    int status = load(c, t, act->user_id, &act->person);

    if (status == COMMAND_DONE && !slice_is_none(c->args.username))
        status = judge(c, person_set_username(t, &act->person, c->args.username, &why), why);
    if (status == COMMAND_DONE && !slice_is_none(c->args.email))
        status = judge(c, person_set_email(t, &act->person, c->args.email, &why), why);
    if (status == COMMAND_DONE)
        note(c, t, AUDIT_PERSON_CHANGED, &act->person, "command line: edited");
    return status;
}

static int attempt_confirm(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;
    int status = load(c, t, act->user_id, &act->person);

    if (status != COMMAND_DONE || !act->person.held)
        return status;
    person_confirm(t, &act->person);
    note(c, t, AUDIT_PERSON_CHANGED, &act->person, "command line: login confirmed");
    return COMMAND_DONE;
}

static int attempt_link(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;
    struct slice why = SLICE_NONE;
    struct person to = { .user_id = 0 };
    int status = load(c, t, act->user_id, &act->person);

    if (status == COMMAND_DONE)
        status = load(c, t, act->to_user_id, &to);
    if (status == COMMAND_DONE)
        status = judge(c, person_link(t, &act->person, &to, &why), why);
    if (status != COMMAND_DONE)
        return status;
    note(c, t, AUDIT_PERSON_CHANGED, &to, "command line: name and address moved here");
    act->person = to;
    return COMMAND_DONE;
}

static int attempt_block(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;
    bool block = c->verb == PERSON_BLOCK;
    int status = load(c, t, act->user_id, &act->person);

    if (status != COMMAND_DONE || act->person.blocked == block)
        return status;
    person_block(t, &act->person, block);
    note(c, t, block ? AUDIT_PERSON_BLOCKED : AUDIT_PERSON_UNBLOCKED, &act->person, "command line");
    return COMMAND_DONE;
}

static int run(struct command *c, command_attempt *attempt)
{
    struct act act = { .user_id = 0 };
    int status = command_open(c, false) ? find(c, c->operand[0], &act.user_id) : COMMAND_FAILED;

    if (status == COMMAND_DONE && c->operands > 1)
        status = find(c, c->operand[1], &act.to_user_id);
    if (status == COMMAND_DONE)
        status = command_commit(c, attempt, &act);
    if (status == COMMAND_DONE)
        print_person(c, &act.person);
    return status;
}

int cmd_person_edit(struct command *c)
{
    if (slice_is_none(c->args.username) && slice_is_none(c->args.email))
        return command_usage(c, "say --username or --email");
    return run(c, attempt_edit);
}

int cmd_person_confirm(struct command *c)
{
    return run(c, attempt_confirm);
}

int cmd_person_link(struct command *c)
{
    return run(c, attempt_link);
}

int cmd_person_block(struct command *c)
{
    return run(c, attempt_block);
}

int cmd_person_unblock(struct command *c)
{
    return run(c, attempt_block);
}

static int attempt_show(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;

    return load(c, t, act->user_id, &act->person);
}

int cmd_person_show(struct command *c)
{
    return run(c, attempt_show);
}

/* ---- list ---- */

static const char *standing(const struct person *person)
{
    if (person->blocked)
        return "blocked";
    return person->held ? "held" : "-";
}

static int list_one(struct command *c, const struct record *r, void *context)
{
    size_t *n = context;
    struct person person;
    struct json_writer w;
    struct buf b;

    if (!person_unpack(c->pool, r->value, &person))
        return command_refuse(c, "a person's record cannot be read");
    if (!c->args.json) {
        struct slice email = slice_is_none(person.email) ? SL("-") : person.email;
        command_print(pool_fmt(c->pool, "%-20.*s %-24.*s %-32.*s %-8s " SLICE_FMT "\n",
                               SLICE_ARG(user_id_text(c->pool, person.user_id)), SLICE_ARG(person.username),
                               SLICE_ARG(email), standing(&person), SLICE_ARG(person.login)));
        return COMMAND_DONE;
    }
    write_person(c, &w, &b, &person);
    command_print(*n > 0 ? SL(",\n") : SLICE_NONE);
    command_print(jw_finish(&w));
    ++*n;
    return COMMAND_DONE;
}

int cmd_person_list(struct command *c)
{
    size_t n = 0;

    if (!command_open(c, false))
        return COMMAND_FAILED;
    command_print(c->args.json ? SL("[")
                               : pool_fmt(c->pool, "%-20s %-24s %-32s %-8s %s\n", "USER ID", "USER NAME", "EMAIL",
                                          "STANDING", "LOGIN"));
    int status = command_scan(c, CLASS_PERSON, SLICE_NONE, list_one, &n);
    command_print(c->args.json ? SL("]\n") : SLICE_NONE);
    return status;
}
