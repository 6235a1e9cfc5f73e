/* What `client add` and `client edit` take: options laid on a client. Checked once without a database, so that a
 * wrong word is refused as wrong usage before anything is opened. */
#include "cmd_client.h"

#include <string.h>

#include "config_int.h"
#include "scope.h"

static int set_method(struct command *c, struct client *client)
{
    const struct args *a = &c->args;

    if (a->public && !slice_is_none(a->auth_method) && !slice_eq(a->auth_method, SL("none")))
        return command_usage(c, "--public contradicts --auth-method");
    if (a->public)
        client->auth_method = AUTH_NONE;
    else if (!slice_is_none(a->auth_method) && !auth_method_parse(a->auth_method, &client->auth_method))
        return command_usage(c, "--auth-method is client_secret_basic, client_secret_post or none");
    if (client->auth_method == AUTH_NONE && !slice_is_none(a->secret_file))
        return command_usage(c, "--secret-file contradicts --public: such a client has no secret");
    return COMMAND_DONE;
}

static int set_pkce(struct command *c, struct client *client)
{
    static const char *const words[CHOICE_COUNT] = {
        [CHOICE_DEFAULT] = "default", [CHOICE_YES] = "yes", [CHOICE_NO] = "no"
    };

    for (unsigned i = 0; i < CHOICE_COUNT; i++)
        if (slice_eq(c->args.require_pkce, slice_of(words[i]))) {
            client->require_pkce = (enum choice)i;
            return COMMAND_DONE;
        }
    return command_usage(c, "--require-pkce is yes, no or default");
}

static int set_words(struct command *c, struct client *client)
{
    const struct args *a = &c->args;
    bool to_public = slice_eq(a->reach, SL("public"));

    if (!slice_is_none(a->id_token_alg) && !sign_alg_parse(a->id_token_alg, &client->id_token_alg))
        return command_usage(c, "--id-token-alg is RS256, ES256 or PS256");
    if (!slice_is_none(a->claims) && !client_claims_parse(a->claims, &client->claims))
        return command_usage(c, "--claims is both, id_token or userinfo");
    if (slice_eq(a->page, SL("default")))
        client->page = PAGE_AS_DUE;
    else if (!slice_is_none(a->page) && !client_page_parse(a->page, &client->page))
        return command_usage(c, "--page is never, first, always or default");
    if (!slice_is_none(a->reach) && !to_public && !slice_eq(a->reach, SL("tailnet")))
        return command_usage(c, "--reach is tailnet or public");
    if (!slice_is_none(a->reach))
        client->reach_public = to_public;
    if (a->frames != NOT_GIVEN)
        client->frames = a->frames == GIVEN_YES;
    return slice_is_none(a->require_pkce) ? COMMAND_DONE : set_pkce(c, client);
}

/* "code=30s": the settings' own table knows the names and their bounds. */
static int set_lifetime(struct command *c, struct client *client, struct slice rest)
{
    struct config config = { .lifetimes = client->lifetimes };
    struct config_error error = { SLICE_NONE };
    struct slice name = SLICE_NONE;

    (void)slice_cut(&rest, '=', &name);
    struct slice key_name = pool_fmt(c->pool, "lifetimes." SLICE_FMT, SLICE_ARG(name));
    const struct key *k = config_key_find(key_name);
    if (k == NULL || slice_is_none(rest))
        return command_usage(c, "--lifetime is NAME=DURATION, NAME one of code, access, id, refresh_idle, refresh, "
                                "session_idle, session");
    if (slice_eq(rest, SL("default")))
        *(int64_t *)config_key_target(&config, k) = 0;
    else if (config_set(c->pool, &config, k->name, rest, &error) != ERR_OK)
        return command_usage(c, "--lifetime: " SLICE_FMT, SLICE_ARG(error.text));
    client->lifetimes = config.lifetimes;
    return COMMAND_DONE;
}

static struct slices united(struct pool *p, struct slices have, struct slices more)
{
    struct slice *at = pool_alloc(p, (have.n + more.n + 1) * sizeof(*at));
    struct slices all = { at, have.n };

    if (have.n > 0)
        memcpy(at, have.at, have.n * sizeof(*at));
    for (size_t i = 0; i < more.n; i++)
        if (!slices_have(all, more.at[i]))
            at[all.n++] = more.at[i];
    return all;
}

int cmd_client_fill(struct command *c, struct client *client)
{
    const struct args *a = &c->args;
    int status = set_method(c, client);

    if (status == COMMAND_DONE)
        status = set_words(c, client);
    for (size_t i = 0; status == COMMAND_DONE && i < a->lifetimes.n; i++)
        status = set_lifetime(c, client, a->lifetimes.at[i]);
    if (status != COMMAND_DONE)
        return status;
    unsigned scopes = 0;
    if (a->scope.n > 0 && scope_parse(a->scope, &scopes) != SCOPE_OK)
        return command_usage(c, "--scope is a list of scopes with blanks between them, such as \"openid email\"");
    if (!slice_is_none(a->scope))
        client->scope = a->scope.n > 0 ? a->scope : SLICE_NONE;
    if (!slice_is_none(a->name))
        client->name = a->name;
    client->redirect_uris = united(c->pool, client->redirect_uris, a->redirect_uris);
    client->post_logout_redirect_uris = united(c->pool, client->post_logout_redirect_uris, a->post_logout_uris);
    return COMMAND_DONE;
}

int cmd_client_drop_uris(struct command *c, struct client *client)
{
    struct slices gone = c->args.remove_redirect_uris;
    struct slice *at = pool_alloc(c->pool, (client->redirect_uris.n + 1) * sizeof(*at));
    size_t n = 0;

    for (size_t i = 0; i < gone.n; i++)
        if (!slices_have(client->redirect_uris, gone.at[i]))
            return command_refuse(c, "it has no redirect URI " SLICE_FMT, SLICE_ARG(gone.at[i]));
    for (size_t i = 0; i < client->redirect_uris.n; i++)
        if (!slices_have(gone, client->redirect_uris.at[i]))
            at[n++] = client->redirect_uris.at[i];
    client->redirect_uris = (struct slices){ at, n };
    return COMMAND_DONE;
}

/* A name in ASCII lower case, runs of other characters one `-`: "Grafana (test)" is grafana-test. */
struct slice cmd_client_slug(struct pool *p, struct slice name)
{
    struct buf b;

    buf_init(&b, p, CLIENT_NAME_BYTES_MAX);
    for (size_t i = 0; i < name.n && b.n < SLUG_BYTES_MAX; i++) {
        char lower = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] - 'A' + 'a') : name.p[i];
        bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        if (plain)
            buf_char(&b, lower);
        else if (b.n > 0 && b.p[b.n - 1] != '-')
            buf_char(&b, '-');
    }
    struct slice slug = buf_finish(&b);
    if (slice_ends(slug, SL("-")))
        slug.n--;
    return slug.n > 0 ? slug : SL("client");
}
