/* avouch person, key and audit, wrong usage, help. Each test has a fresh directory. */
#include <string.h>
#include <unistd.h>

#include "typed.h"

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
    static const char *const nouns[] = { "client", "person", "key", "audit", "doctor" };
    const char *const *names = NULL;
    struct buf all;

    buf_init(&all, pool, OUTPUT_MAX);
    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++) {
        CHECK_INT(run(slice_cstr(pool, pool_fmt(pool, "%s --help", nouns[i]))), COMMAND_DONE);
        buf_put(&all, out);
    }
    struct slice help = buf_finish(&all), manual = file_text(AVOUCH_MANUAL);
    for (size_t i = 0, n = command_options(&names); i < n; i++) {
        CHECK_SAYS(help, slice_cstr(pool, pool_fmt(pool, "--%s", names[i])));
        CHECK_SAYS(manual, slice_cstr(pool, pool_fmt(pool, "Fl -%s", names[i])));
    }
}

static const struct tap_test tests[] = {
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
    return typed_run(tests, sizeof(tests) / sizeof(tests[0]));
}
