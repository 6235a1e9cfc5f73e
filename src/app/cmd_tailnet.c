/* `avouch tailnet`: whose tailnet this database belongs to, and saying that another one is right. */
#include "command_int.h"
#include "tailnet.h"

static void write_tailnet(struct json_writer *w, const char *name, const struct tailnet *tailnet)
{
    jw_object(w, name);
    jw_text_if(w, "control_url", tailnet->control_url);
    jw_text_if(w, "tailnet", tailnet->name);
    jw_text_if(w, "stable_id", tailnet->stable_id);
    if (tailnet->node_created_at > 0)
        jw_int(w, "node_created_at", tailnet->node_created_at);
    jw_int(w, "at", tailnet->at);
    jw_object_end(w);
}

struct both {
    struct tailnet accepted, seen;
    bool has_accepted, has_seen;
};

static void load(struct txn *t, struct both *ret)
{
    ret->has_accepted = tailnet_load(t, TAILNET_ACCEPTED, &ret->accepted);
    ret->has_seen = tailnet_load(t, TAILNET_SEEN, &ret->seen);
}

static void print(struct command *c, const struct both *b)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, c->pool, COMMAND_OUTPUT_MAX);
    jw_init(&w, &out);
    jw_object(&w, NULL);
    if (b->has_accepted)
        write_tailnet(&w, "accepted", &b->accepted);
    if (b->has_seen) {
        write_tailnet(&w, "seen", &b->seen);
        jw_text(&w, "change", slice_of(tailnet_change_text(tailnet_compare(&b->accepted, &b->seen))));
    }
    jw_bool(&w, "refused", b->has_seen);
    jw_object_end(&w);
    command_print_json(c, &w);
}

static int attempt_show(struct command *c, struct txn *t, void *context)
{
    struct both *b = context;

    load(t, b);
    if (txn_err(t) != ERR_OK || b->has_accepted)
        return COMMAND_DONE;
    return command_refuse(c, "no tailnet is remembered yet: the server notes it at its first start");
}

static int attempt_accept(struct command *c, struct txn *t, void *context)
{
    const struct audit audit = { .event = AUDIT_TAILNET_ACCEPTED, .detail = SL("command line") };
    struct both *b = context;

    load(t, b);
    if (txn_err(t) != ERR_OK)
        return COMMAND_DONE;
    if (!b->has_seen)
        return command_refuse(c, "no other tailnet was seen: there is nothing to accept");
    b->seen.at = c->now.s;
    tailnet_put(t, TAILNET_ACCEPTED, &b->seen);
    tailnet_remove(t, TAILNET_SEEN);
    audit_log(t, &audit, c->now);
    b->accepted = b->seen;
    b->has_accepted = true;
    b->has_seen = false;
    return COMMAND_DONE;
}

static int run(struct command *c, command_attempt *attempt)
{
    struct both b = { .has_seen = false };
    int status = command_open(c, false) ? command_commit(c, attempt, &b) : COMMAND_FAILED;

    if (status == COMMAND_DONE)
        print(c, &b);
    return status;
}

int cmd_tailnet_show(struct command *c)
{
    return run(c, attempt_show);
}

int cmd_tailnet_accept(struct command *c)
{
    return run(c, attempt_accept);
}
