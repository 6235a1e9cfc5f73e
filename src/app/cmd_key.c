/* `avouch key`: the signing keys. Only the server can unseal and make them, so a rotation is an order that it
 * carries out. */
#include "keyring.h"

#include "command_int.h"
#include "encode.h"

static void write_key(struct json_writer *w, const struct signing_key *k)
{
    jw_object(w, NULL);
    jw_text(w, "kid", k->kid);
    jw_text(w, "alg", slice_of(sign_alg_name(k->alg)));
    jw_text(w, "state", slice_of(key_state_name(k->state)));
    jw_int(w, "created_at", k->created_at);
    if (k->active_at > 0)
        jw_int(w, "active_at", k->active_at);
    if (k->retired_at > 0)
        jw_int(w, "retired_at", k->retired_at);
    jw_object_end(w);
}

static void print_table(struct command *c, const struct keyring *ring)
{
    command_print(pool_fmt(c->pool, "%-44s %-6s %-10s %s\n", "KEY ID", "ALG", "STATE", "CREATED"));
    for (size_t i = 0; i < ring->n; i++) {
        const struct signing_key *k = &ring->key[i];
        command_print(pool_fmt(c->pool, "%-44.*s %-6s %-10s " SLICE_FMT "\n", SLICE_ARG(k->kid), sign_alg_name(k->alg),
                               key_state_name(k->state), SLICE_ARG(time_format(c->pool, k->created_at))));
    }
}

int cmd_key_list(struct command *c)
{
    struct keyring ring;
    struct json_writer w;
    struct buf b;

    if (!command_open(c, false))
        return COMMAND_FAILED;
    enum err e = keyring_read(c->pool, c->view, ISSUER_NUMBER, &ring);
    if (e != ERR_OK)
        return command_refuse(c, "the keys: %s", err_text(e));
    if (!c->args.json) {
        print_table(c, &ring);
        return COMMAND_DONE;
    }
    buf_init(&b, c->pool, COMMAND_OUTPUT_MAX);
    jw_init(&w, &b);
    jw_array(&w, NULL);
    for (size_t i = 0; i < ring.n; i++)
        write_key(&w, &ring.key[i]);
    jw_array_end(&w);
    command_print(jw_finish(&w));
    command_print(SL("\n"));
    return COMMAND_DONE;
}

static int attempt_rotate(struct command *c, struct txn *t, void *context)
{
    const struct audit audit = { .event = AUDIT_KEY_ROTATION,
                                 .detail = c->args.now ? SL("command line: now") : SL("command line") };
    struct keyring ring;

    (void)context;
    if (!c->args.now && keyring_read(c->pool, c->view, ISSUER_NUMBER, &ring) == ERR_OK && !keyring_has_room(&ring))
        return command_refuse(
            c, "there are %zu keys already: wait until some have retired and gone, or rotate with --now", ring.n);
    order_put(t, c->args.now ? ORDER_ROTATE_NOW : ORDER_ROTATE, SLICE_NONE, c->now);
    audit_log(t, &audit, c->now);
    return COMMAND_DONE;
}

int cmd_key_rotate(struct command *c)
{
    int status = command_open(c, false) ? command_commit(c, attempt_rotate, NULL) : COMMAND_FAILED;

    if (status == COMMAND_DONE)
        command_print(c->args.json ? SL("{\"queued\":true}\n") : SL("queued: the server carries it out\n"));
    return status;
}
