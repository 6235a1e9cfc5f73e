/* `avouch audit`: what was written down with each act. Shown as it stands. */
#include "chain.h"
#include "command_int.h"
#include "encode.h"
#include "record.h"

#define SEQUENCE_BYTES 8

struct listing {
    size_t n; /* printed so far */
};

static uint64_t sequence_of(struct slice key)
{
    struct slice id = SLICE_NONE;
    uint16_t issuer = 0;
    uint8_t class = 0;
    uint64_t v = 0;

    if (!key_split(key, &issuer, &class, &id) || id.n != SEQUENCE_BYTES)
        return 0;
    for (size_t i = 0; i < SEQUENCE_BYTES; i++)
        v = v << 8 | (uint8_t)id.p[i];
    return v;
}

static const struct json *read_link(struct command *c, struct slice value)
{
    const struct json *root = NULL;
    struct unpacker u;

    unpack_begin(&u, c->pool, value);
    struct slice text = unpack_text(&u);
    if (u.bad || json_parse(c->pool, text, RECORD_BYTES_MAX, &root) != ERR_OK || !json_is_object(root))
        return NULL;
    return root;
}

static struct slice member(struct command *c, const struct json *root, const char *name)
{
    const struct json *v = json_member(root, name);
    struct slice text = SLICE_NONE;

    if (v == NULL)
        return SL("-");
    return json_text(v, &text) ? text : json_dump(c->pool, v);
}

static struct slice time_of(struct command *c, const struct json *root)
{
    int64_t at = 0;

    return json_int(json_member(root, "at"), &at) ? time_format(c->pool, at) : member(c, root, "at");
}

static void print_line(struct command *c, uint64_t sequence, const struct json *root)
{
    struct slice login = member(c, root, "login"), client = member(c, root, "client_id");
    struct slice event = member(c, root, "event"), detail = member(c, root, "detail"), at = time_of(c, root);

    command_print(pool_fmt(c->pool, "%-8llu %-20.*s %-24.*s %-32.*s %-24.*s " SLICE_FMT "\n",
                           (unsigned long long)sequence, SLICE_ARG(at), SLICE_ARG(event), SLICE_ARG(login),
                           SLICE_ARG(client), SLICE_ARG(detail)));
}

static void print_record(struct command *c, uint64_t sequence, const struct json *root)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, c->pool, COMMAND_OUTPUT_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_int(&w, "sequence", (int64_t)sequence);
    for (size_t i = 0; i < json_count(root); i++) {
        struct slice name = SLICE_NONE;
        const struct json *v = json_member_at(root, i, &name);
        jw_json(&w, name, v);
    }
    jw_object_end(&w);
    command_print(jw_finish(&w));
}

static int show_one(struct command *c, const struct record *r, void *context)
{
    struct listing *list = context;
    const struct json *root = read_link(c, r->value);
    uint64_t sequence = sequence_of(r->key);

    if (root == NULL || sequence == 0)
        return command_refuse(c, "record %llu cannot be read", (unsigned long long)sequence);
    if (c->args.json) {
        command_print(list->n > 0 ? SL(",\n") : SLICE_NONE);
        print_record(c, sequence, root);
    } else {
        print_line(c, sequence, root);
    }
    list->n++;
    return COMMAND_DONE;
}

/* The key of the newest `last` records' first one. */
static struct slice start(struct command *c, uint64_t last)
{
    struct txn *t = command_txn(c);
    struct slice value = SLICE_NONE;
    struct chain head;

    if (!txn_get(t, key_make(c->pool, ISSUER_NUMBER, CLASS_AUDIT_HEAD, SLICE_NONE, SLICE_NONE), &value) ||
        !chain_unpack_head(value, &head) || head.sequence <= last)
        return SLICE_NONE;
    return key_make(c->pool, ISSUER_NUMBER, CLASS_AUDIT, key_u64(c->pool, head.sequence - last + 1), SLICE_NONE);
}

int cmd_audit_show(struct command *c)
{
    struct listing list = { .n = 0 };
    struct slice from = SLICE_NONE;
    uint64_t last = 0;

    if (!slice_is_none(c->args.last) && (!slice_to_u64(c->args.last, INT64_MAX, &last) || last == 0))
        return command_usage(c, "--last is a number from 1 on");
    if (!command_open(c, false))
        return COMMAND_FAILED;
    if (last > 0)
        from = start(c, last);
    command_print(c->args.json ? SL("[")
                               : pool_fmt(c->pool, "%-8s %-20s %-24s %-32s %-24s %s\n", "NUMBER", "TIME", "EVENT",
                                          "LOGIN", "CLIENT ID", "DETAIL"));
    int status = command_scan(c, CLASS_AUDIT, from, show_one, &list);
    command_print(c->args.json ? SL("]\n") : SLICE_NONE);
    return status;
}
