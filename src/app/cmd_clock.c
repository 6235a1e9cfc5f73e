/* `avouch clock`: the time at which something was issued last, and saying that now is right although that was later. */
#include "command_int.h"

static int print(struct command *c, const struct store_clock *clock)
{
    int64_t behind_ms = clock->latest_ms - c->now.ms;
    struct json_writer w;
    struct buf b;

    buf_init(&b, c->pool, COMMAND_OUTPUT_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_int(&w, "now_at", c->now.s);
    jw_int(&w, "last_issue_at", clock->latest_ms / 1000);
    jw_int(&w, "behind_s", behind_ms > 0 ? behind_ms / 1000 : 0);
    jw_object_end(&w);
    command_print_json(c, &w);
    return COMMAND_DONE;
}

static int show(struct command *c)
{
    struct store_clock clock;
    enum err e = view_clock(c->view, &clock);

    view_rest(c->view);
    return e == ERR_OK ? print(c, &clock) : command_refuse(c, "the database: %s", err_text(e));
}

int cmd_clock_show(struct command *c)
{
    return command_open(c, false) ? show(c) : COMMAND_FAILED;
}

static int attempt_accept(struct command *c, struct txn *t, void *context)
{
    const struct audit audit = { .event = AUDIT_CLOCK_ACCEPTED, .detail = SL("command line") };

    (void)context;
    txn_accept_clock(t, c->now.ms);
    audit_log(t, &audit, c->now);
    return COMMAND_DONE;
}

int cmd_clock_accept(struct command *c)
{
    int status = command_open(c, false) ? command_commit(c, attempt_accept, NULL) : COMMAND_FAILED;

    return status == COMMAND_DONE ? show(c) : status;
}
