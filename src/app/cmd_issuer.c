/* `avouch issuer`: the name that every application knows us by. */
#include "command_int.h"
#include "issuer.h"

static void print(struct command *c, const struct issuer_record *record)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, c->pool, COMMAND_OUTPUT_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_text_if(&w, "issuer", record->url);
    jw_int(&w, "epoch", record->epoch);
    jw_object_end(&w);
    command_print_json(c, &w);
}

static int load(struct command *c, struct txn *t, struct issuer_record *ret)
{
    if (issuer_load(t, ret) || txn_err(t) != ERR_OK)
        return COMMAND_DONE;
    return command_refuse(c, "there is no issuer yet: the server chooses its name at its first start");
}

static int attempt_show(struct command *c, struct txn *t, void *context)
{
    return load(c, t, context);
}

/* Sign-ins under the old name end with it: their tokens name an issuer that is no more. */
static int attempt_rename(struct command *c, struct txn *t, void *context)
{
    const struct audit audit = { .event = AUDIT_ISSUER_RENAMED, .detail = SL("command line") };
    struct issuer_record *record = context;
    int status = load(c, t, record);

    if (status != COMMAND_DONE || txn_err(t) != ERR_OK || slice_eq(record->url, c->operand[0]))
        return status;
    record->url = c->operand[0];
    record->epoch++;
    issuer_put(t, record);
    audit_log(t, &audit, c->now);
    return COMMAND_DONE;
}

static int run(struct command *c, command_attempt *attempt)
{
    struct issuer_record record = { .epoch = 0 };
    int status = command_open(c, false) ? command_commit(c, attempt, &record) : COMMAND_FAILED;

    if (status == COMMAND_DONE)
        print(c, &record);
    return status;
}

int cmd_issuer_show(struct command *c)
{
    return run(c, attempt_show);
}

int cmd_issuer_rename(struct command *c)
{
    struct slice host;
    bool https = false;
    const char *why = "";

    if (!issuer_url_check(c->operand[0], false, &host, &https, &why))
        return command_refuse(c, "%s", why);
    return run(c, attempt_rename);
}
