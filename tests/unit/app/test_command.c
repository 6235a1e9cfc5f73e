/* The subcommands, as typed: status, what is printed, what is in the database afterwards. Each has a fresh directory. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "json.h"
#include "person.h"
#include "store.h"
#include "tap.h"

#define ARGS_MAX   48
#define OUTPUT_MAX 65536

static struct pool *pool;
static char directory[] = "/tmp/avouch-test-XXXXXX", state[64];
static struct slice out, err; /* of the last run */

/* What went to a descriptor since it was pointed at this file. */
static struct slice taken(FILE *f)
{
    char *text = pool_alloc(pool, OUTPUT_MAX);

    rewind(f);
    return slice_bytes(text, fread(text, 1, OUTPUT_MAX, f));
}

static int run_args(int argc, char **argv)
{
    FILE *files[2] = { tmpfile(), tmpfile() };
    int saved[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };

    (void)fflush(stdout);
    CHECK(files[0] != NULL && files[1] != NULL && saved[0] >= 0 && saved[1] >= 0);
    CHECK(dup2(fileno(files[0]), STDOUT_FILENO) >= 0 && dup2(fileno(files[1]), STDERR_FILENO) >= 0);
    int status = command_run(argc, argv);
    (void)fflush(stdout);
    (void)dup2(saved[0], STDOUT_FILENO);
    (void)dup2(saved[1], STDERR_FILENO);
    out = taken(files[0]);
    err = taken(files[1]);
    for (unsigned i = 0; i < 2; i++)
        CHECK(fclose(files[i]) == 0 && close(saved[i]) == 0);
    return status;
}

/* A line as typed, without `avouch`; words between blanks, ' is a blank inside one. --state is added. */
static int run(const char *line)
{
    char *argv[ARGS_MAX] = { slice_cstr(pool, SL("avouch")) };
    struct slice rest = slice_of(line), word = SLICE_NONE;
    int argc = 1;

    while (slice_cut(&rest, ' ', &word)) {
        argv[argc] = slice_cstr(pool, word);
        for (char *c = argv[argc++]; *c != '\0'; c++)
            *c = *c == '\'' ? ' ' : *c;
    }
    argv[argc++] = slice_cstr(pool, pool_fmt(pool, "--state=%s", state));
    argv[argc] = NULL;
    return run_args(argc, argv);
}

static struct slice file_text(const char *file)
{
    FILE *f = fopen(file, "re");

    CHECK(f != NULL);
    if (f == NULL)
        return SLICE_NONE;
    struct slice text = taken(f);
    CHECK_INT(fclose(f), 0);
    return text;
}

static bool says(struct slice text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

#define CHECK_SAYS(text, part)                                                                                   \
    do {                                                                                                         \
        if (!says((text), (part))) {                                                                             \
            tap_failures++;                                                                                      \
            printf("# %s:%d: \"%s\" is not in \"%.*s\"\n", __FILE__, __LINE__, (part), (int)(text).n, (text).p); \
        }                                                                                                        \
    } while (0)

/* The members of the object that was printed. */
static const struct json *printed(void)
{
    const struct json *root = NULL;

    CHECK_INT(json_parse(pool, out, OUTPUT_MAX, &root), ERR_OK);
    return root;
}

static struct slice text_of(const char *member)
{
    struct slice text = SLICE_NONE;

    (void)json_text(json_member(printed(), member), &text);
    return text;
}

static struct slice text_in(const char *member, size_t i)
{
    struct slice text = SLICE_NONE;

    (void)json_text(json_item(json_member(printed(), member), i), &text);
    return text;
}

/* ---- the database, directly ---- */

struct direct {
    struct store *store;
    struct view *view;
};

static struct txn *begin(struct direct *d)
{
    const struct store_options o = { .directory = state };
    struct slice why = SLICE_NONE;

    CHECK_INT(store_open(pool, &o, &d->store, &why), ERR_OK);
    d->view = view_create(d->store);
    return txn_create(pool, d->view, ISSUER_NUMBER);
}

static void end(struct direct *d, struct txn *t)
{
    if (txn_is_dirty(t))
        CHECK_INT(store_commit_one(d->store, t), ERR_OK);
    view_destroy(d->view);
    store_close(d->store);
}

static struct client stored(const char *id)
{
    struct client c = { .epoch = 99 };
    struct direct d;
    struct txn *t = begin(&d);

    CHECK(client_load(t, slice_of(id), &c));
    end(&d, t);
    return c;
}

static const struct now now = { 1795617068, 1795617068000 };

static void meet(int64_t user_id, const char *login, const char *stable_id)
{
    const struct issuer issuer = { .number = ISSUER_NUMBER, .email_verified = true };
    const struct peer peer = { .kind = PEER_PERSON,
                               .user_id = user_id,
                               .login = slice_of(login),
                               .display_name = SL("X"),
                               .stable_id = slice_of(stable_id),
                               .address = SL("100.64.0.2") };
    struct person person;
    struct direct d;
    struct txn *t = begin(&d);

    CHECK_INT(person_meet(t, &issuer, &peer, now, &person), ERR_OK);
    end(&d, t);
}

static void fresh(void)
{
    static unsigned n;

    (void)snprintf(state, sizeof(state), "%s/%u", directory, n++);
}

/* ---- clients ---- */

#define ADD "client add --name Grafana --redirect-uri https://g.example/cb"

static void test_add(void)
{
    fresh();
    CHECK_INT(run(ADD " --json"), COMMAND_DONE);
    CHECK_TEXT(text_of("client_id"), "grafana");
    CHECK_INT(text_of("client_secret").n, 43);
    CHECK_TEXT(text_of("client_name"), "Grafana");
    CHECK_TEXT(text_of("token_endpoint_auth_method"), "client_secret_basic");
    CHECK_TEXT(text_in("redirect_uris", 0), "https://g.example/cb");
    struct slice secret = text_of("client_secret");
    struct client c = stored("grafana");
    CHECK(client_secret_matches(&c, secret, now));
    CHECK_INT(c.origin, CLIENT_ADDED);
}

static void test_add_for_people(void)
{
    fresh();
    CHECK_INT(run(ADD), COMMAND_DONE);
    CHECK_SAYS(out, "grafana\n");
    CHECK_SAYS(out, "(shown this once)");
    CHECK_SAYS(out, "The issuer is not known yet");
}

static void test_add_with_an_issuer(void)
{
    const struct issuer_record record = { .url = SL("https://idp.example") };
    struct direct d;

    fresh();
    struct txn *t = begin(&d);
    issuer_put(t, &record);
    end(&d, t);
    CHECK_INT(run(ADD), COMMAND_DONE);
    CHECK_SAYS(out, "https://idp.example\n");
    CHECK_SAYS(out, "https://idp.example/.well-known/openid-configuration\n");
    CHECK_SAYS(out, "https://idp.example/token\n");
}

static void test_ids(void)
{
    fresh();
    CHECK_INT(run(ADD " --json"), COMMAND_DONE);
    CHECK_INT(run(ADD " --json"), COMMAND_DONE);
    CHECK_TEXT(text_of("client_id"), "grafana-2");
    CHECK_INT(run("client add --name Argo'CD'(test) --redirect-uri https://a.example/cb --json"), COMMAND_DONE);
    CHECK_TEXT(text_of("client_id"), "argo-cd-test");
    CHECK_INT(run("client add --name \xc3\xa9 --redirect-uri https://a.example/cb --json"), COMMAND_DONE);
    CHECK_TEXT(text_of("client_id"), "client");
    CHECK_INT(run(ADD " --client-id My.App --json"), COMMAND_DONE);
    CHECK_TEXT(text_of("client_id"), "My.App");
    CHECK_INT(run(ADD " --client-id My.App"), COMMAND_FAILED);
    CHECK_SAYS(err, "there is a client My.App already");
}

static void test_every_option_of_add(void)
{
    fresh();
    CHECK_INT(run("client add --name App --redirect-uri https://a.example/1 --redirect-uri https://a.example/2"
                  " --post-logout-redirect-uri https://a.example/out --public --id-token-alg ES256"
                  " --claims userinfo --page always"
                  " --require-pkce yes --frames --reach public --scope openid'email"
                  " --lifetime code=30s --lifetime id=2h --json"),
              COMMAND_DONE);
    CHECK(slice_is_none(text_of("client_secret")));
    CHECK_TEXT(text_of("token_endpoint_auth_method"), "none");
    struct client c = stored("app");
    CHECK_INT(c.redirect_uris.n, 2);
    CHECK_INT(c.post_logout_redirect_uris.n, 1);
    CHECK(c.auth_method == AUTH_NONE && c.id_token_alg == ALG_ES256 && c.claims == CLAIMS_USERINFO &&
          c.page == PAGE_ALWAYS);
    CHECK(c.require_pkce == CHOICE_YES && c.frames && c.reach_public);
    CHECK_TEXT(c.scope, "openid email");
    CHECK(c.lifetimes.code == 30 && c.lifetimes.id == 7200 && c.lifetimes.access == 0);
}

static void test_secret_of_ones_own(void)
{
    char file[96];

    fresh();
    (void)snprintf(file, sizeof(file), "%s/secret", directory);
    FILE *f = fopen(file, "we");
    CHECK(f != NULL && fputs("0123456789abcdefghijklmnopq\n", f) >= 0 && fclose(f) == 0);
    struct slice line = pool_fmt(pool, ADD " --secret-file %s", file);
    CHECK_INT(run(slice_cstr(pool, line)), COMMAND_DONE);
    CHECK(!says(out, "0123456789"));
    struct client c = stored("grafana");
    CHECK(client_secret_matches(&c, SL("0123456789abcdefghijklmnopq"), now));

    f = fopen(file, "we");
    CHECK(f != NULL && fputs("short\n", f) >= 0 && fclose(f) == 0);
    CHECK_INT(run(slice_cstr(pool, line)), COMMAND_FAILED);
    CHECK_SAYS(err, "a secret has 24 to 100 characters");
    CHECK_INT(run(ADD " --secret-file /nonexistent"), COMMAND_FAILED);
    CHECK_SAYS(err, "/nonexistent: No such file or directory");
}

static void test_refused_clients(void)
{
    fresh();
    CHECK_INT(run("client add --name X --redirect-uri https://g.example/cb#f"), COMMAND_FAILED);
    CHECK_SAYS(err, "redirect_uris[0]");
    CHECK_INT(run("client add --name X --redirect-uri javascript:alert(1)"), COMMAND_FAILED);
    CHECK_INT(run("client list --json"), COMMAND_DONE);
    CHECK_TEXT(out, "[]\n");
}

static void test_edit(void)
{
    fresh();
    CHECK_INT(run(ADD), COMMAND_DONE);
    CHECK_INT(
        run("client edit grafana --redirect-uri https://g.example/2 --name G --page first --lifetime code=30s --json"),
        COMMAND_DONE);
    CHECK_TEXT(text_of("client_name"), "G");
    CHECK_INT(json_count(json_member(printed(), "redirect_uris")), 2);
    CHECK_INT(run("client edit grafana --remove-redirect-uri https://g.example/cb --page default"
                  " --lifetime code=default --json"),
              COMMAND_DONE);
    CHECK_TEXT(text_in("redirect_uris", 0), "https://g.example/2");
    struct client c = stored("grafana");
    CHECK(c.redirect_uris.n == 1 && c.page == PAGE_AS_DUE && c.lifetimes.code == 0);
    CHECK_TEXT(c.name, "G");
    CHECK_INT(run("client edit grafana --remove-redirect-uri https://g.example/none"), COMMAND_FAILED);
    CHECK_SAYS(err, "it has no redirect URI https://g.example/none");
    CHECK_INT(run("client edit nobody --page first"), COMMAND_FAILED);
    CHECK_SAYS(err, "there is no client nobody");
}

static void test_edit_of_the_method(void)
{
    fresh();
    CHECK_INT(run(ADD " --public"), COMMAND_DONE);
    CHECK_INT(run("client edit grafana --auth-method client_secret_post --json"), COMMAND_DONE);
    struct slice secret = text_of("client_secret");
    CHECK_INT(secret.n, 43);
    struct client c = stored("grafana");
    CHECK(client_secret_matches(&c, secret, now));
    CHECK_INT(run("client edit grafana --name New --json"), COMMAND_DONE);
    CHECK(slice_is_none(text_of("client_secret")));
    c = stored("grafana");
    CHECK(client_secret_matches(&c, secret, now));
    CHECK_INT(run("client edit grafana --public"), COMMAND_DONE);
    c = stored("grafana");
    CHECK(!client_secret_matches(&c, secret, now) && c.auth_method == AUTH_NONE);
}

static void test_rotate_secret(void)
{
    fresh();
    CHECK_INT(run(ADD " --json"), COMMAND_DONE);
    struct slice old = text_of("client_secret");
    CHECK_INT(run("client rotate-secret grafana --keep-old 1h --json"), COMMAND_DONE);
    struct slice new = text_of("client_secret");
    struct client c = stored("grafana");
    CHECK(!slice_eq(old, new) && client_secret_matches(&c, new, now));
    CHECK(client_secret_matches(&c, old, (struct now){ c.secret_at + 3599, 0 }));
    CHECK(!client_secret_matches(&c, old, (struct now){ c.secret_at + 3601, 0 }));
    CHECK_INT(run("client rotate-secret grafana"), COMMAND_DONE);
    c = stored("grafana");
    CHECK(!client_secret_matches(&c, new, (struct now){ c.secret_at, 0 }));
    CHECK_INT(run("client rotate-secret grafana --keep-old soon"), COMMAND_USAGE);
    CHECK_INT(run("client add --name P --redirect-uri https://p.example/cb --public"), COMMAND_DONE);
    CHECK_INT(run("client rotate-secret p"), COMMAND_FAILED);
    CHECK_SAYS(err, "p is a public client: it has no secret");
}

static void test_disable_and_remove(void)
{
    fresh();
    CHECK_INT(run(ADD), COMMAND_DONE);
    uint32_t epoch = stored("grafana").epoch;
    CHECK_INT(run("client disable grafana"), COMMAND_DONE);
    CHECK_TEXT(out, "grafana is disabled\n");
    CHECK(stored("grafana").disabled && stored("grafana").epoch == epoch + 1);
    CHECK_INT(run("client disable grafana"), COMMAND_DONE);
    CHECK_INT(stored("grafana").epoch, epoch + 1);
    CHECK_INT(run("client enable grafana"), COMMAND_DONE);
    CHECK(!stored("grafana").disabled && stored("grafana").epoch == epoch + 1);
    CHECK_INT(run("client approve grafana"), COMMAND_DONE);
    CHECK(stored("grafana").approved);
    CHECK_INT(run("client remove grafana"), COMMAND_DONE);
    CHECK_INT(run("client show grafana"), COMMAND_FAILED);
}

static void test_list_and_show(void)
{
    fresh();
    CHECK_INT(run(ADD), COMMAND_DONE);
    CHECK_INT(run("client add --name Proxmox --redirect-uri https://pve.example:8006"), COMMAND_DONE);
    CHECK_INT(run("client list"), COMMAND_DONE);
    CHECK_SAYS(out, "grafana ");
    CHECK_SAYS(out, "Proxmox\n");
    CHECK_INT(run("client list --json"), COMMAND_DONE);
    CHECK_INT(json_count(printed()), 2);
    CHECK_INT(run("client show proxmox"), COMMAND_DONE);
    CHECK_SAYS(out, "client_name                  Proxmox\n");
    CHECK_SAYS(out, "https://pve.example:8006\n");
}

/* More than one look at the database. */
static void test_long_list(void)
{
    struct direct d;

    fresh();
    for (unsigned i = 0; i < 600; i += 4) {
        struct txn *t = begin(&d);
        for (unsigned j = i; j < i + 4; j++) {
            struct slice uri = SL("https://a.example/");
            const struct client c = {
                .id = pool_fmt(pool, "c%u", j), .name = SL("N"), .redirect_uris = { &uri, 1 }, .created_at = 1
            };
            CHECK_INT(client_create(t, &c), ERR_OK);
        }
        end(&d, t);
    }
    CHECK_INT(run("client list"), COMMAND_DONE);
    size_t lines = 0;
    for (size_t i = 0; i < out.n; i++)
        lines += out.p[i] == '\n';
    CHECK_INT(lines, 601);
}

/* ---- people ---- */

static void test_people(void)
{
    fresh();
    meet(7, "alice@example.com", "n1");
    meet(8, "bob@example.com", "n2");
    CHECK_INT(run("person list"), COMMAND_DONE);
    CHECK_SAYS(out, "alice@example.com\n");
    CHECK_INT(run("person list --json"), COMMAND_DONE);
    CHECK_INT(json_count(printed()), 2);
    static const char *const names[] = { "7", "userid:7", "alice", "Alice@Example.com" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CHECK_INT(run(slice_cstr(pool, pool_fmt(pool, "person show %s --json", names[i]))), COMMAND_DONE);
        CHECK_TEXT(text_of("login"), "alice@example.com");
    }
    CHECK_INT(run("person show carol"), COMMAND_FAILED);
    CHECK_SAYS(err, "there is nobody carol");
    CHECK_INT(run("person show 9"), COMMAND_FAILED);
}

static void test_person_edit(void)
{
    fresh();
    meet(7, "alice@example.com", "n1");
    meet(8, "bob@example.com", "n2");
    CHECK_INT(run("person edit 7 --username al --email al@example.com --json"), COMMAND_DONE);
    CHECK_TEXT(text_of("preferred_username"), "al");
    CHECK_TEXT(text_of("email"), "al@example.com");
    CHECK_INT(run("person edit bob --username al"), COMMAND_FAILED);
    CHECK_INT(run("person edit bob"), COMMAND_USAGE);
    CHECK_SAYS(err, "say --username or --email");
}

static void test_person_block(void)
{
    fresh();
    meet(7, "alice@example.com", "n1");
    CHECK_INT(run("person block alice --json"), COMMAND_DONE);
    CHECK_SAYS(out, "\"blocked\":true");
    CHECK_INT(run("person unblock alice --json"), COMMAND_DONE);
    CHECK_SAYS(out, "\"blocked\":false");
}

static void test_person_link(void)
{
    fresh();
    meet(7, "alice@example.com", "n1");
    meet(9, "alice@new.example", "n2");
    CHECK_INT(run("person link 7 9 --json"), COMMAND_DONE);
    CHECK_TEXT(text_of("preferred_username"), "alice");
    CHECK_INT(run("person link 7"), COMMAND_USAGE);
    CHECK_SAYS(err, "OLD NEW is missing");
}

/* ---- keys, audit ---- */

static void test_keys(void)
{
    fresh();
    CHECK_INT(run(ADD), COMMAND_DONE);
    CHECK_INT(run("key list --json"), COMMAND_DONE);
    CHECK_TEXT(out, "[]\n");
    CHECK_INT(run("key rotate"), COMMAND_DONE);
    CHECK_TEXT(out, "queued: the server carries it out\n");
    CHECK_INT(run("key rotate --now --json"), COMMAND_DONE);
    CHECK_TEXT(out, "{\"queued\":true}\n");
}

static void test_audit(void)
{
    fresh();
    CHECK_INT(run(ADD), COMMAND_DONE);
    CHECK_INT(run("client disable grafana"), COMMAND_DONE);
    CHECK_INT(run("key rotate"), COMMAND_DONE);
    CHECK_INT(run("audit show --json"), COMMAND_DONE);
    CHECK_INT(json_count(printed()), 3);
    CHECK_SAYS(out, "\"event\":\"client_added\"");
    CHECK_SAYS(out, "\"client_id\":\"grafana\"");
    CHECK_INT(run("audit show --last 1"), COMMAND_DONE);
    CHECK_SAYS(out, "key_rotation_ordered");
    CHECK(!says(out, "client_added"));
    CHECK_INT(run("audit show --last 0"), COMMAND_USAGE);
}

/* ---- usage ---- */

static void test_wrong_usage(void)
{
    static const char *const lines[][2] = {
        { "client add --redirect-uri https://g.example/cb", "--name is missing; see avouch client add --help\n" },
        { "client add --name X", "--redirect-uri is missing" },
        { "client add --name X --name Y", "--name is given twice" },
        { "client add --nam X", "there is no option --nam;" },
        { "client add --name X --redirect-uri u --remove-redirect-uri u", "there is no option --remove-redirect-uri" },
        { ADD " --public=yes", "--public takes no value" },
        { ADD " --frames=maybe", "--frames is yes or no" },
        { ADD " --auth-method basic", "--auth-method is client_secret_basic, client_secret_post or none" },
        { ADD " --public --auth-method client_secret_post", "--public contradicts --auth-method" },
        { ADD " --public --secret-file x", "--secret-file contradicts --public" },
        { ADD " --id-token-alg HS256", "--id-token-alg is RS256, ES256 or PS256" },
        { ADD " --claims all", "--claims is both, id_token or userinfo" },
        { ADD " --page often", "--page is never, first, always or default" },
        { ADD " --require-pkce maybe", "--require-pkce is yes, no or default" },
        { ADD " --reach everywhere", "--reach is tailnet or public" },
        { ADD " --lifetime code", "--lifetime is NAME=DURATION" },
        { ADD " --lifetime cod=1s", "--lifetime is NAME=DURATION" },
        { ADD " --lifetime code=1h", "`lifetimes.code` lies between 1s and 600s" },
        { ADD " --client-id a/b", "--client-id has 1 to 100 letters" },
        { ADD " more", "`more` is one argument too many" },
        { "client show", "ID is missing" },
        { "client frob", "there is no `client frob`" },
        { "frob", "there is no subcommand `frob`" },
        { "client show -x", "options begin with --, not like -x" },
        { "client edit grafana --page often", "--page is" },
    };

    fresh();
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        CHECK_INT(run(lines[i][0]), COMMAND_USAGE);
        CHECK_SAYS(err, lines[i][1]);
        CHECK_INT(out.n, 0);
        CHECK_SAYS(err, "see avouch");
        CHECK_INT(access(state, F_OK), -1); /* nothing was made */
    }
}

static void test_no_database(void)
{
    fresh();
    CHECK_INT(run("client list"), COMMAND_FAILED);
    CHECK(err.n > 0 && access(state, F_OK) != 0);
    CHECK_INT(run("key rotate"), COMMAND_FAILED);
    CHECK_INT(access(state, F_OK), -1);
}

static void test_help(void)
{
    fresh();
    CHECK_INT(run("--help"), COMMAND_DONE);
    CHECK_SAYS(out, "avouch serve");
    CHECK_INT(run("--version"), COMMAND_DONE);
    CHECK_TEXT(out, "avouch " AVOUCH_VERSION "\n");
    CHECK_INT(run("client --help"), COMMAND_DONE);
    CHECK_SAYS(out, "--redirect-uri URI");
    CHECK_INT(run("client add --help"), COMMAND_DONE);
    CHECK_SAYS(out, "--redirect-uri URI");
    CHECK_INT(run("person block -h"), COMMAND_DONE);
    CHECK_SAYS(out, "avouch person block WHO");
}

/* Every option stands in the help of its noun, every word of help in the manual. */
static void test_options_are_explained(void)
{
    static const char *const nouns[] = { "client", "person", "key", "audit" };
    const char *const *names = NULL;
    struct buf all;

    buf_init(&all, pool, OUTPUT_MAX);
    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++) {
        CHECK_INT(run(slice_cstr(pool, pool_fmt(pool, "%s help", nouns[i]))), COMMAND_DONE);
        buf_put(&all, out);
    }
    struct slice help = buf_finish(&all), manual = file_text(AVOUCH_MANUAL);
    for (size_t i = 0, n = command_options(&names); i < n; i++) {
        CHECK_SAYS(help, slice_cstr(pool, pool_fmt(pool, "--%s", names[i])));
        CHECK_SAYS(manual, slice_cstr(pool, pool_fmt(pool, "Fl -%s", names[i])));
    }
}

static const struct tap_test tests[] = {
    { "client add", test_add },
    { "client add prints what to paste", test_add_for_people },
    { "client add knows the issuer's addresses", test_add_with_an_issuer },
    { "client ids made and chosen", test_ids },
    { "every option of client add", test_every_option_of_add },
    { "a secret from a file is not printed", test_secret_of_ones_own },
    { "clients that are refused", test_refused_clients },
    { "client edit", test_edit },
    { "client edit to public and back", test_edit_of_the_method },
    { "client rotate-secret", test_rotate_secret },
    { "client disable, enable, approve, remove", test_disable_and_remove },
    { "client list and show", test_list_and_show },
    { "600 clients", test_long_list },
    { "person list and show", test_people },
    { "person edit", test_person_edit },
    { "person block and unblock", test_person_block },
    { "person link", test_person_link },
    { "key list and rotate", test_keys },
    { "audit show", test_audit },
    { "wrong usage", test_wrong_usage },
    { "without a database", test_no_database },
    { "help and version", test_help },
    { "every option is explained", test_options_are_explained },
};

int main(void)
{
    int status = 1;

    pool = pool_create(64 << 20);
    CHECK(mkdtemp(directory) != NULL);
    CHECK(setenv("AVOUCH_STATE", directory, 1) == 0); /* --state wins */
    status = TAP_RUN(tests);
    struct slice sweep = pool_fmt(pool, "rm -rf %s", directory);
    CHECK(system(slice_cstr(pool, sweep)) == 0);
    pool_destroy(pool);
    return status;
}
