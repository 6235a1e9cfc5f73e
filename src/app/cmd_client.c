/* `avouch client`: applications, by hand. The rules are oauth/client.c's; here they meet options and paper. One
 * complication: an attempt runs again when others changed what it read, so a secret is made before the first one and
 * shown after the last. */
#include "cmd_client.h"

#include <string.h>

#include "issuer.h"

#define ID_TRIES_MAX 20 /* grafana, grafana-2, ...: each is a read of the transaction */

/* One act on one client, over its attempts. */
struct act {
    struct client client; /* as it was left by the last attempt */
    struct slice secret;  /* none: none is set */
    struct slice issuer;  /* none: not known yet */
    int64_t old_until;
    enum audit_event event;
    const char *detail;
};

static void note(struct command *c, struct txn *t, const struct act *act)
{
    const struct audit audit = { .event = act->event, .client_id = act->client.id, .detail = slice_of(act->detail) };

    audit_log(t, &audit, c->now);
}

static bool secret_is_valid(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n >= CLIENT_SECRET_BYTES_MIN && s.n <= CLIENT_SECRET_BYTES_MAX;
}

/* The operator's own secret, or one of ours. */
static int choose_secret(struct command *c, struct slice *ret)
{
    if (slice_is_none(c->args.secret_file)) {
        *ret = client_secret_make(c->pool);
        return COMMAND_DONE;
    }
    if (!command_read_secret(c, c->args.secret_file, CLIENT_SECRET_BYTES_MAX, ret))
        return COMMAND_FAILED;
    if (!secret_is_valid(*ret))
        return command_refuse(c, "a secret has %d to %d characters, visible ASCII without blanks",
                              CLIENT_SECRET_BYTES_MIN, CLIENT_SECRET_BYTES_MAX);
    return COMMAND_DONE;
}

static int load(struct command *c, struct txn *t, struct client *ret)
{
    if (client_load(t, c->operand[0], ret))
        return COMMAND_DONE;
    return command_refuse(c, "there is no client " SLICE_FMT "; see avouch client list", SLICE_ARG(c->operand[0]));
}

/* ---- paper ---- */

static void write_client(struct command *c, struct json_writer *w, struct buf *b, const struct act *act)
{
    buf_init(b, c->pool, COMMAND_OUTPUT_MAX);
    jw_init(w, b);
    jw_object(w, NULL);
    client_write_json(w, c->pool, &act->client);
    if (!slice_is_none(act->secret)) {
        jw_text(w, "client_secret", act->secret);
        jw_int(w, "client_secret_expires_at", 0); /* RFC 7591 3.2.1: it never does */
    }
    jw_object_end(w);
}

static void print_urls(struct command *c, struct slice issuer)
{
    static const char *const urls[][2] = { { "issuer", "" },
                                           { "discovery", "/.well-known/openid-configuration" },
                                           { "authorization endpoint", "/authorize" },
                                           { "token endpoint", "/token" },
                                           { "userinfo endpoint", "/userinfo" },
                                           { "keys (JWKS)", "/.well-known/jwks.json" } };

    if (slice_is_none(issuer)) {
        command_print(SL("\nThe issuer is not known yet: it is this node's name, once `avouch serve` has run.\n"));
        return;
    }
    command_print(SL("\nPaste into the application, which needs the issuer or the endpoints:\n"));
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        command_print(pool_fmt(c->pool, "  %-24s " SLICE_FMT "%s\n", urls[i][0], SLICE_ARG(issuer), urls[i][1]));
    command_print(pool_fmt(c->pool, "  %-24s openid profile email groups\n", "scopes"));
}

/* What somebody who has just made a client or a secret needs, and nothing else. */
static void print_credentials(struct command *c, const struct act *act)
{
    const struct client *client = &act->client;

    command_print(pool_fmt(c->pool, "%-26s " SLICE_FMT "\n", "client_id", SLICE_ARG(client->id)));
    if (!slice_is_none(act->secret) && slice_is_none(c->args.secret_file))
        command_print(
            pool_fmt(c->pool, "%-26s " SLICE_FMT "    (shown this once)\n", "client_secret", SLICE_ARG(act->secret)));
    if (client->auth_method == AUTH_NONE)
        command_print(pool_fmt(c->pool, "%-26s none: a public client, it must use PKCE\n", "client_secret"));
}

static void print_act(struct command *c, const struct act *act, bool credentials)
{
    struct json_writer w;
    struct buf b;

    if (credentials && !c->args.json) {
        print_credentials(c, act);
        print_urls(c, act->issuer);
        return;
    }
    write_client(c, &w, &b, act);
    command_print_json(c, &w);
}

/* ---- add ---- */

static struct slice free_id(struct command *c, struct txn *t)
{
    struct slice slug = cmd_client_slug(c->pool, c->args.name), id = slug;
    struct client taken;

    for (unsigned i = 2; i <= ID_TRIES_MAX && client_load(t, id, &taken); i++)
        id = pool_fmt(c->pool, SLICE_FMT "-%u", SLICE_ARG(slug), i);
    return id;
}

static int attempt_add(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;
    struct client *client = &act->client;
    struct issuer_record issuer = { SLICE_NONE };
    struct slice why = SLICE_NONE;

    client->id = slice_is_none(c->args.client_id) ? free_id(c, t) : c->args.client_id;
    if (!slice_is_none(act->secret))
        client_secret_set(client, act->secret, 0, c->now);
    if (client_check(c->pool, client, &why) != ERR_OK)
        return command_refuse(c, SLICE_FMT, SLICE_ARG(why));
    if (client_create(t, client) != ERR_OK)
        return command_refuse(c, "there is a client " SLICE_FMT " already", SLICE_ARG(client->id));
    if (issuer_load(t, &issuer))
        act->issuer = issuer.url;
    note(c, t, act);
    return COMMAND_DONE;
}

int cmd_client_add(struct command *c)
{
    struct act act = { .event = AUDIT_CLIENT_ADDED, .detail = "command line" };
    int status = COMMAND_DONE;

    if (c->args.name.n == 0)
        return command_usage(c, "--name is missing");
    if (c->args.redirect_uris.n == 0)
        return command_usage(c, "--redirect-uri is missing");
    if (!slice_is_none(c->args.client_id) && !client_id_is_valid(c->args.client_id))
        return command_usage(c, "--client-id has 1 to %d letters, digits, `.`, `_`, `~` or `-`", CLIENT_ID_BYTES_MAX);
    act.client.origin = CLIENT_ADDED;
    act.client.created_at = c->now.s;
    status = cmd_client_fill(c, &act.client);
    if (status == COMMAND_DONE && act.client.auth_method != AUTH_NONE)
        status = choose_secret(c, &act.secret);
    if (status == COMMAND_DONE && !command_open(c, true))
        status = COMMAND_FAILED;
    if (status == COMMAND_DONE)
        status = command_commit(c, attempt_add, &act);
    if (status == COMMAND_DONE)
        print_act(c, &act, true);
    return status;
}

/* ---- edit ---- */

static int attempt_edit(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;
    struct client *client = &act->client;
    struct slice why = SLICE_NONE;
    int status = load(c, t, client);
    bool had_secret = status == COMMAND_DONE && client->auth_method != AUTH_NONE;

    if (status == COMMAND_DONE)
        status = cmd_client_fill(c, client);
    if (status == COMMAND_DONE)
        status = cmd_client_drop_uris(c, client);
    if (status != COMMAND_DONE)
        return status;
    bool needs = client->auth_method != AUTH_NONE && (!had_secret || !slice_is_none(c->args.secret_file));
    if (needs && slice_is_none(act->secret))
        status = choose_secret(c, &act->secret);
    if (status != COMMAND_DONE)
        return status;
    if (client->auth_method == AUTH_NONE) {
        memset(client->secret_hash, 0, sizeof(client->secret_hash));
        client->old_secret_until = 0;
    } else if (needs) {
        client_secret_set(client, act->secret, 0, c->now);
    }
    if (client_check(c->pool, client, &why) != ERR_OK)
        return command_refuse(c, SLICE_FMT, SLICE_ARG(why));
    client_put(t, client);
    note(c, t, act);
    return COMMAND_DONE;
}

int cmd_client_edit(struct command *c)
{
    struct act act = { .event = AUDIT_CLIENT_CHANGED, .detail = "command line: edited" };
    struct client nobody = { .created_at = 0 };
    int status = cmd_client_fill(c, &nobody);

    if (!slice_is_none(c->args.name) && c->args.name.n == 0)
        return command_usage(c, "--name is empty");
    if (status == COMMAND_DONE && !command_open(c, false))
        status = COMMAND_FAILED;
    if (status == COMMAND_DONE)
        status = command_commit(c, attempt_edit, &act);
    if (status == COMMAND_DONE)
        print_act(c, &act, false);
    return status;
}

/* ---- rotate-secret ---- */

static int attempt_rotate(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;
    int status = load(c, t, &act->client);

    if (status != COMMAND_DONE)
        return status;
    if (!client_is_confidential(&act->client))
        return command_refuse(c, SLICE_FMT " is a public client: it has no secret", SLICE_ARG(act->client.id));
    client_secret_set(&act->client, act->secret, act->old_until, c->now);
    client_put(t, &act->client);
    note(c, t, act);
    return COMMAND_DONE;
}

int cmd_client_rotate_secret(struct command *c)
{
    struct act act = { .event = AUDIT_CLIENT_SECRET, .detail = "command line" };
    int64_t keep_s = 0;

    if (!slice_is_none(c->args.keep_old) && !duration_parse(c->args.keep_old, &keep_s))
        return command_usage(c, "--keep-old is a duration such as 60s, 10m, 12h or 30d");
    act.old_until = keep_s > 0 ? c->now.s + keep_s : 0;
    int status = choose_secret(c, &act.secret);
    if (status == COMMAND_DONE && !command_open(c, false))
        status = COMMAND_FAILED;
    if (status == COMMAND_DONE)
        status = command_commit(c, attempt_rotate, &act);
    if (status != COMMAND_DONE)
        return status;
    if (c->args.json)
        print_act(c, &act, false);
    else
        print_credentials(c, &act);
    return COMMAND_DONE;
}

/* ---- remove, disable, enable, approve ---- */

static int attempt_change(struct command *c, struct txn *t, void *context)
{
    struct act *act = context;
    struct client *client = &act->client;
    int status = load(c, t, client);

    if (status != COMMAND_DONE)
        return status;
    if (c->verb == CLIENT_REMOVE) {
        client_remove(t, client);
        note(c, t, act);
        return COMMAND_DONE;
    }
    bool disabled = c->verb == CLIENT_DISABLE || (client->disabled && c->verb != CLIENT_ENABLE);
    bool approved = client->approved || c->verb == CLIENT_APPROVE;
    if (disabled == client->disabled && approved == client->approved)
        return COMMAND_DONE; /* it is so already: nothing to write down */
    /* what it got so far ends with it, and does not come back with it */
    client->epoch += disabled && !client->disabled;
    client->disabled = disabled;
    client->approved = approved;
    client_put(t, client);
    note(c, t, act);
    return COMMAND_DONE;
}

static int change(struct command *c, enum audit_event event, const char *detail, const char *done)
{
    struct act act = { .event = event, .detail = detail };
    int status = command_open(c, false) ? command_commit(c, attempt_change, &act) : COMMAND_FAILED;

    if (status == COMMAND_DONE && c->args.json)
        print_act(c, &act, false);
    else if (status == COMMAND_DONE)
        command_print(pool_fmt(c->pool, SLICE_FMT " %s\n", SLICE_ARG(act.client.id), done));
    return status;
}

int cmd_client_remove(struct command *c)
{
    return change(c, AUDIT_CLIENT_REMOVED, "command line", "is removed");
}

int cmd_client_disable(struct command *c)
{
    return change(c, AUDIT_CLIENT_CHANGED, "command line: disabled", "is disabled");
}

int cmd_client_enable(struct command *c)
{
    return change(c, AUDIT_CLIENT_CHANGED, "command line: enabled", "is enabled");
}

int cmd_client_approve(struct command *c)
{
    return change(c, AUDIT_CLIENT_CHANGED, "command line: approved", "is approved");
}

/* ---- list, show ---- */

int cmd_client_show(struct command *c)
{
    struct act act = { .secret = SLICE_NONE };

    if (!command_open(c, false))
        return COMMAND_FAILED;
    int status = load(c, command_txn(c), &act.client);
    if (status == COMMAND_DONE)
        print_act(c, &act, false);
    return status;
}

static const char *standing(const struct client *client)
{
    if (client->disabled)
        return "disabled";
    if (client->origin == CLIENT_ADDED)
        return "added";
    return client->approved ? "approved" : "registered";
}

static int list_one(struct command *c, const struct record *r, void *context)
{
    struct act act = { .secret = SLICE_NONE };
    size_t *n = context;
    struct json_writer w;
    struct buf b;

    if (!client_unpack(c->pool, r->value, &act.client))
        return command_refuse(c, "a client's record cannot be read");
    if (!c->args.json) {
        command_print(pool_fmt(c->pool, "%-32.*s %-10s %-20s " SLICE_FMT "\n", (int)act.client.id.n, act.client.id.p,
                               standing(&act.client), auth_method_name(act.client.auth_method),
                               SLICE_ARG(act.client.name)));
        return COMMAND_DONE;
    }
    write_client(c, &w, &b, &act);
    command_print(*n > 0 ? SL(",\n") : SLICE_NONE);
    command_print(jw_finish(&w));
    ++*n;
    return COMMAND_DONE;
}

int cmd_client_list(struct command *c)
{
    size_t n = 0;

    if (!command_open(c, false))
        return COMMAND_FAILED;
    command_print(c->args.json
                      ? SL("[")
                      : pool_fmt(c->pool, "%-32s %-10s %-20s %s\n", "CLIENT ID", "STANDING", "AUTHENTICATION", "NAME"));
    int status = command_scan(c, CLASS_CLIENT, SLICE_NONE, list_one, &n);
    command_print(c->args.json ? SL("]\n") : SLICE_NONE);
    return status;
}
