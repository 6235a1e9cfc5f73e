/* avouch client. Each test has a fresh directory. */
#include <stdlib.h>
#include <string.h>

#include "typed.h"

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

static void write_file(const char *file, const char *text)
{
    FILE *f = fopen(file, "we");

    CHECK(f != NULL);
    if (f == NULL)
        return;
    CHECK(fputs(text, f) >= 0);
    CHECK_INT(fclose(f), 0);
}

static void test_secret_of_ones_own(void)
{
    char file[96];

    fresh();
    (void)snprintf(file, sizeof(file), "%s/secret", directory);
    write_file(file, "0123456789abcdefghijklmnopq\n");
    struct slice line = pool_fmt(pool, ADD " --secret-file %s", file);
    CHECK_INT(run(slice_cstr(pool, line)), COMMAND_DONE);
    CHECK(!says(out, "0123456789"));
    struct client c = stored("grafana");
    CHECK(client_secret_matches(&c, SL("0123456789abcdefghijklmnopq"), now));

    write_file(file, "short\n");
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
};

int main(void)
{
    return typed_run(tests, sizeof(tests) / sizeof(tests[0]));
}
