/* The settings: each kind of value from each of the three sources, and the sentence of each error. */
#include "config.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static struct pool *pool;
static struct config config;
static struct config_error error;

static enum err yaml(const char *text)
{
    config_defaults(&config);
    error.text = SLICE_NONE;
    return config_read_yaml(pool, SL("avouch.yaml"), slice_of(text), &config, &error);
}

static void refused(const char *text, const char *sentence)
{
    CHECK_INT(yaml(text), ERR_CONFIG);
    CHECK_TEXT(error.text, sentence);
}

static void test_defaults(void)
{
    CHECK_INT(yaml(""), ERR_OK);
    CHECK(slice_is_none(config.issuer) && slice_is_none(config.tls_key) && slice_is_none(config.contact));
    CHECK_INT(config.tailscale_mode, TAILSCALE_AUTO);
    CHECK_TEXT(config.tailscale_socket, "/run/tailscale/tailscaled.sock");
    CHECK(!config.shared_in && !config.subject_is_tsidp && config.email_verified && !config.log_documents);
    CHECK_INT(config.lifetimes.code, 60);
    CHECK_INT(config.lifetimes.session, 604800);
    CHECK_TEXT(config.log_level, "info");
}

static void test_files_that_say_nothing(void)
{
    static const char *const texts[] = { "# only a comment\n", "---\n", "---\n...\n",
                                         "tls:\n  #key: /x\n", "{}",    "contact:\nlog: ~\n",
                                         "issuer: null\n" };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_INT(yaml(texts[i]), ERR_OK);
        CHECK(slice_is_none(config.issuer) && slice_is_none(config.contact));
    }
}

static void test_every_setting(void)
{
    CHECK_INT(
        yaml(
            "issuer: https://idp.example.ts.net\n"
            "listen: [tailnet:443, \"ops:[::1]:9090\"]\n"
            "tls: {certificate: /c.pem, key: /k.pem}\n"
            "state: /srv/avouch\ndatabase_max: 64MiB\nseal_key_file: /srv/seal\ncontact: 'ask Bob'\n"
            "tailscale: {mode: userspace, socket: /run/s}\n"
            "shared_in: allow\nsubject: userid\nemail_verified: false\n"
            "lifetimes: {code: 30s, access: 5m, id: 2h, refresh_idle: 1d, refresh: 2d, session_idle: 3h, session: 4d}\n"
            "log:\n  level: debug\n  documents: true\n"),
        ERR_OK);
    CHECK_TEXT(config.issuer, "https://idp.example.ts.net");
    CHECK_INT(config.listen.n, 2);
    CHECK_TEXT(config.listen.at[0], "tailnet:443");
    CHECK_TEXT(config.listen.at[1], "ops:[::1]:9090");
    CHECK_TEXT(config.tls_certificate, "/c.pem");
    CHECK_TEXT(config.tls_key, "/k.pem");
    CHECK_TEXT(config.state, "/srv/avouch");
    CHECK_INT(config.database_max, INT64_C(64) << 20);
    CHECK_TEXT(config.seal_key_file, "/srv/seal");
    CHECK_TEXT(config.contact, "ask Bob");
    CHECK_INT(config.tailscale_mode, TAILSCALE_USERSPACE);
    CHECK_TEXT(config.tailscale_socket, "/run/s");
    CHECK(config.shared_in && config.subject_is_tsidp && !config.email_verified && config.log_documents);
    CHECK_TEXT(config.log_level, "debug");
}

static void test_outbound(void)
{
    CHECK_INT(
        yaml("outbound: {ca_file: /ca.pem, allow: [app.example.ts.net, '*.corp.example', 10.0.0.5, 'fd00::5']}\n"),
        ERR_OK);
    const struct fetch_settings s = config_outbound(&config);
    CHECK_TEXT(s.ca_file, "/ca.pem");
    CHECK_INT(s.allow.n, 4);
    CHECK_TEXT(s.tailscaled, "/run/tailscale/tailscaled.sock");
    CHECK(!s.dev);
    refused(
        "outbound:\n  allow: [app.example.com, 'https://app.example.com']\n",
        "avouch.yaml:2:28: `outbound.allow` is a list of hosts such as [\"app.example.ts.net\", \"*.example.ts.net\", "
        "\"10.0.0.5\"], not `https://app.example.com`");
    refused(
        "outbound: {allow: ['*']}\n",
        "avouch.yaml:1:20: `outbound.allow` is a list of hosts such as [\"app.example.ts.net\", \"*.example.ts.net\", "
        "\"10.0.0.5\"], not `*`");
}

static void test_lifetimes(void)
{
    CHECK_INT(yaml("lifetimes: {code: 30s, access: 5m, id: 2h, refresh_idle: 1d, refresh: 2d, session_idle: 3h, "
                   "session: 4d}\n"),
              ERR_OK);
    CHECK_INT(config.lifetimes.code, 30);
    CHECK_INT(config.lifetimes.access, 300);
    CHECK_INT(config.lifetimes.id, 7200);
    CHECK_INT(config.lifetimes.refresh_idle, 86400);
    CHECK_INT(config.lifetimes.refresh, 172800);
    CHECK_INT(config.lifetimes.session_idle, 10800);
    CHECK_INT(config.lifetimes.session, 345600);
}

static void test_unknown_settings(void)
{
    refused("contact: x\n\nisuer: https://x\n", "avouch.yaml:3:1: there is no setting `isuer`; did you mean `issuer`?");
    refused("tailscale:\n  sockt: /x\n",
            "avouch.yaml:2:3: there is no setting `tailscale.sockt`; did you mean `tailscale.socket`?");
    refused("socket: /x\n", "avouch.yaml:1:1: there is no setting `socket`; did you mean `tailscale.socket`?");
    refused("registration: members\n", "avouch.yaml:1:1: there is no setting `registration`");
    refused("tls.key: /x\n",
            "avouch.yaml:1:1: write `tls.key` as a section: what follows the dot stands below, indented");
    refused("\"a\\0b\": 1\n", "avouch.yaml:1:1: this is not the name of a setting");
    refused("tls: {\"key\\0x\": /x}\n", "avouch.yaml:1:7: this is not the name of a setting");
    refused("<<: {contact: x}\n", "avouch.yaml:1:1: there is no setting `<<`");
    refused("[a]: 1\n", "avouch.yaml:1:1: the name of a setting is a word");
}

static void test_doubles(void)
{
    refused("contact: a\nstate: /x\ncontact: b\n", "avouch.yaml:3:1: `contact` stands here a second time");
    refused("tls: {key: /a}\ntls: {certificate: /b}\n", "avouch.yaml:2:1: `tls` stands here a second time");
    refused("tls: {key: /a, key: /b}\n", "avouch.yaml:1:16: `tls.key` stands here a second time");
    refused("contact: a\n---\ncontact: b\n", "avouch.yaml:2:1: a second document begins here; all settings are one");
}

static void test_wrong_types(void)
{
    refused("contact: [a]\n", "avouch.yaml:1:10: `contact` is a text such as \"ask Bob\", not a list");
    refused("state: {a: b}\n", "avouch.yaml:1:8: `state` is a directory's absolute path, not a section");
    refused("listen: tailnet:443\n",
            "avouch.yaml:1:9: `listen` is a list such as [\"tailnet:443\", \"ops:[::1]:9090\"]");
    refused("listen: [[a]]\n", "avouch.yaml:1:10: an entry of `listen` is a text");
    refused("listen: []\n", "avouch.yaml:1:9: `listen` is empty; leave it out for the default");
    refused("tls: /x\n", "avouch.yaml:1:6: `tls` is a section: its settings stand below it, indented");
    refused("- contact\n", "avouch.yaml:1:1: settings are lines of the form `name: value`");
    refused("contact\n", "avouch.yaml:1:1: settings are lines of the form `name: value`");
}

static void test_wrong_values(void)
{
    refused("lifetimes:\n  code: 1 minute\n",
            "avouch.yaml:2:9: `lifetimes.code` is a duration such as 60s, 10m, 12h or 30d, not `1 minute`");
    refused("lifetimes: {access: 10}\n",
            "avouch.yaml:1:21: `lifetimes.access` is a duration such as 60s, 10m, 12h or 30d, not `10`");
    refused("lifetimes: {access: 10w}\n",
            "avouch.yaml:1:21: `lifetimes.access` is a duration such as 60s, 10m, 12h or 30d, not `10w`");
    refused("database_max: 4GB\n", "avouch.yaml:1:15: `database_max` is a size such as 4GiB, not `4GB`");
    refused("database_max: 99999999TiB\n",
            "avouch.yaml:1:15: `database_max` is a size such as 4GiB, not `99999999TiB`");
    refused("database_max: 1MiB\n", "avouch.yaml:1:15: `database_max` lies between 16MiB and 1024GiB, not at 1MiB");
    refused("lifetimes: {code: 11m}\n", "avouch.yaml:1:19: `lifetimes.code` lies between 1s and 600s, not at 660s");
    refused("lifetimes: {session: 0s}\n",
            "avouch.yaml:1:22: `lifetimes.session` lies between 1s and 315360000s, not at 0s");
    refused("tailscale: {mode: tun}\n",
            "avouch.yaml:1:19: `tailscale.mode` is auto, kernel, userspace or own, not `tun`");
    refused("email_verified: maybe\n", "avouch.yaml:1:17: `email_verified` is true or false, not `maybe`");
    refused("email_verified: yes\n", "avouch.yaml:1:17: `email_verified` is true or false, not `yes`");
    refused("state: var/lib\n", "avouch.yaml:1:8: `state` is a directory's absolute path, not `var/lib`");
    refused("contact: ''\n", "avouch.yaml:1:10: `contact` is empty; leave it out for the default");
    refused("contact: \"a\\0b\"\n",
            "avouch.yaml:1:10: `contact` has a line break, a NUL or another character that cannot be shown");
    refused("contact: |\n  a\n  b\n",
            "avouch.yaml:1:10: `contact` has a line break, a NUL or another character that cannot be shown");
}

static void test_too_long(void)
{
    char text[1024] = "contact: ";

    memset(text + 9, 'x', 201);
    refused(text, "avouch.yaml:1:10: `contact` has 201 bytes, more than 200");
    text[9 + 200] = '\0';
    CHECK_INT(yaml(text), ERR_OK);
    memcpy(text, "state: xx", 9);
    refused(text, "avouch.yaml:1:8: `state` is a directory's absolute path, not "
                  "`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...`");
    static char large[CONFIG_BYTES_MAX + 2];
    memset(large, '#', sizeof(large) - 1);
    refused(large, "avouch.yaml: larger than 65536 bytes");
}

static const char *list_of(size_t n)
{
    struct buf b;

    buf_init(&b, pool, 2048);
    for (size_t i = 0; i < n; i++)
        buf_put(&b, i == 0 ? SL("listen: [x") : SL(",x"));
    buf_char(&b, ']');
    return slice_cstr(pool, buf_finish(&b));
}

static void test_too_many(void)
{
    CHECK_INT(yaml(list_of(CONFIG_LIST_MAX)), ERR_OK);
    CHECK_INT(config.listen.n, CONFIG_LIST_MAX);
    refused(list_of(CONFIG_LIST_MAX + 1), "avouch.yaml:1:138: `listen` has more than 64 entries");
}

static void test_yaml_we_do_not_want(void)
{
    refused("contact: &a x\nissuer: *a\n",
            "avouch.yaml:1:10: anchors and aliases (& and *) are not used here; quote the value if it is a text");
    refused("contact: !!int 5\n", "avouch.yaml:1:10: tags (!) are not used here; quote the value if it is a text");
    refused("contact: [[[[[[[[[x]]]]]]]]]\n", "avouch.yaml:1:17: nested too deep");
    refused("contact: 'x\n", "avouch.yaml:2:1: not YAML: found unexpected end of stream");
    refused("a: b: c\n", "avouch.yaml:1:5: not YAML: mapping values are not allowed in this context");
    refused("state: /x\nco\x01ntact: x\n", "avouch.yaml:2:3: not YAML: control characters are not allowed");
    refused("contact: \xff\n", "avouch.yaml:1:10: not YAML: invalid leading UTF-8 octet");
}

/* NULL-terminated texts as an environment, which is not const. */
static enum err environment(const char *const *texts)
{
    char *e[8];
    size_t n = 0;

    for (; texts[n] != NULL; n++)
        e[n] = slice_cstr(pool, slice_of(texts[n]));
    e[n] = NULL;
    config_defaults(&config);
    return config_read_environment(pool, e, &config, &error);
}

static void test_environment(void)
{
    static const char *const good[] = { "AVOUCH_TAILSCALE_MODE=kernel",
                                        "AVOUCH_LISTEN=tailnet:443, ops:[::1]:9090,",
                                        "AVOUCH_NOBODY_KNOWS=1",
                                        "AVOUCH_ISSUER=",
                                        "AVOUCH_LIFETIMES_SESSION_IDLE=1h",
                                        "PATH=/",
                                        NULL };
    static const char *const bad[] = { "AVOUCH_LIFETIMES_CODE=60", NULL };

    CHECK_INT(environment(good), ERR_OK);
    CHECK_INT(config.tailscale_mode, TAILSCALE_KERNEL);
    CHECK_INT(config.listen.n, 2);
    CHECK_TEXT(config.listen.at[1], "ops:[::1]:9090");
    CHECK_INT(config.lifetimes.session_idle, 3600);
    CHECK(slice_is_none(config.issuer));
    CHECK_INT(environment(bad), ERR_CONFIG);
    CHECK_TEXT(error.text,
               "AVOUCH_LIFETIMES_CODE: `lifetimes.code` is a duration such as 60s, 10m, 12h or 30d, not `60`");
}

static void test_flags(void)
{
    CHECK_INT(yaml("listen: [a, b]\n"), ERR_OK);
    CHECK_INT(config_set(pool, &config, "listen", SL("dev:9080"), &error), ERR_OK);
    CHECK_INT(config.listen.n, 1);
    CHECK_INT(config_set(pool, &config, "listen", SL("ops:9090"), &error), ERR_OK);
    CHECK_INT(config.listen.n, 2);
    CHECK_TEXT(config.listen.at[0], "dev:9080");
    CHECK_INT(config_set(pool, &config, "state", SL("/srv"), &error), ERR_OK);
    CHECK_TEXT(config.state, "/srv");
    CHECK_INT(config_set(pool, &config, "state", SL("srv"), &error), ERR_CONFIG);
    CHECK_TEXT(error.text, "`state` is a directory's absolute path, not `srv`");
    CHECK_TEXT(config.state, "/srv");
    CHECK_INT(config_set(pool, &config, "stat", SL("/x"), &error), ERR_CONFIG);
    CHECK_TEXT(error.text, "there is no setting `stat`");
}

static void test_durations(void)
{
    static const char *const bad[] = { "",          "s",     "60", "-1s",  "+1s",   "1 s",
                                       "1.5h",      "1h30m", "1S", "0x1s", "3651d", "99999999999999999999s",
                                       "315360001s" };
    int64_t s = 7;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!duration_parse(slice_of(bad[i]), &s));
    CHECK_INT(s, 7);
    CHECK(duration_parse(SL("0s"), &s) && s == 0);
    CHECK(duration_parse(SL("90m"), &s) && s == 5400);
    CHECK(duration_parse(SL("3650d"), &s) && s == 315360000);
    CHECK(duration_parse(SL("315360000s"), &s) && s == 315360000);
}

static void test_completion(void)
{
    config_defaults(&config);
    config_complete(pool, &config);
    CHECK_TEXT(config.state, "/var/lib/avouch");
    CHECK_INT(config.listen.n, 2);
    CHECK_TEXT(config.listen.at[0], "tailnet:443");

    config_defaults(&config);
    config.dev = true;
    CHECK_INT(setenv("XDG_STATE_HOME", "/people/a/.state", 1), 0);
    config_complete(pool, &config);
    CHECK_TEXT(config.state, "/people/a/.state/avouch-dev");
    CHECK_TEXT(config.listen.at[0], "dev:127.0.0.1:9080");

    config.state = SLICE_NONE;
    CHECK_INT(setenv("XDG_STATE_HOME", "relative", 1), 0);
    CHECK_INT(setenv("HOME", "/people/a", 1), 0);
    config_complete(pool, &config);
    CHECK_TEXT(config.state, "/people/a/.local/state/avouch-dev");
}

static void test_files(void)
{
    config_defaults(&config);
    CHECK_INT(config_read_file(pool, "/nonexistent/avouch.yaml", false, &config, &error), ERR_OK);
    CHECK_INT(config_read_file(pool, "/nonexistent/avouch.yaml", true, &config, &error), ERR_CONFIG);
    CHECK_TEXT(error.text, "/nonexistent/avouch.yaml: No such file or directory");
    CHECK_INT(config_read_file(pool, "/", true, &config, &error), ERR_CONFIG);
    CHECK_TEXT(error.text, "/: Is a directory");
}

/* The lines that a reader of the example may uncomment: those that begin with #, not with "# ". */
static struct slice uncommented(struct slice rest)
{
    struct slice line = SLICE_NONE;
    struct buf b;

    buf_init(&b, pool, CONFIG_BYTES_MAX);
    while (slice_cut(&rest, '\n', &line)) {
        bool setting = line.n > 1 && line.p[0] == '#' && line.p[1] != ' ';
        bool indented = slice_starts(line, SL("#  "));
        buf_put(&b, setting || indented ? slice_from(line, 1) : SLICE_NONE);
        buf_char(&b, '\n');
    }
    return buf_finish(&b);
}

static struct slice file_text(const char *file)
{
    FILE *f = fopen(file, "re");
    char *text = pool_alloc(pool, CONFIG_BYTES_MAX);

    CHECK(f != NULL);
    if (f == NULL)
        return SL("");
    size_t n = fread(text, 1, CONFIG_BYTES_MAX, f);
    bool closed = fclose(f) == 0;
    CHECK(closed);
    return slice_bytes(text, n);
}

/* ANCESTOR.KEY as the line "#  KEY:", or KEY as "#KEY:" */
static bool shows(struct slice text, const char *name)
{
    const char *dot = strchr(name, '.');
    struct slice line = pool_fmt(pool, "\n#%s%s:", dot != NULL ? "  " : "", dot != NULL ? dot + 1 : name);

    return memmem(text.p, text.n, line.p, line.n) != NULL;
}

static void test_example(void)
{
    struct slice text = file_text(AVOUCH_EXAMPLE);
    const char *const *names = NULL;

    config_defaults(&config);
    CHECK_INT(config_read_yaml(pool, SL("example"), text, &config, &error), ERR_OK);
    CHECK(slice_is_none(config.contact));
    CHECK_INT(config_read_yaml(pool, SL("example"), uncommented(text), &config, &error), ERR_OK);
    CHECK(slice_is_none(error.text) || !slice_starts(error.text, SL("example")));
    CHECK_TEXT(config.contact, "ask Bob");
    for (size_t i = 0, n = config_keys(&names); i < n; i++)
        if (!shows(text, names[i])) {
            printf("# %s is missing\n", names[i]);
            CHECK(false);
        }
}

static void test_manual(void)
{
    struct slice text = file_text(AVOUCH_MANUAL);
    const char *const *names = NULL;

    for (size_t i = 0, n = config_keys(&names); i < n; i++) {
        struct slice item = pool_fmt(pool, "\n.It Ic %s\n", names[i]);
        if (memmem(text.p, text.n, item.p, item.n) == NULL) {
            printf("# %s is missing\n", names[i]);
            CHECK(false);
        }
    }
}

/* What the example shows as a default must be one. */
static void test_example_defaults(void)
{
    struct config defaults;

    config_defaults(&config);
    config_defaults(&defaults);
    defaults.dev = false;
    config_complete(pool, &defaults);
    CHECK_INT(config_read_yaml(pool, SL("example"), uncommented(file_text(AVOUCH_EXAMPLE)), &config, &error), ERR_OK);
    CHECK_INT(config.lifetimes.code, defaults.lifetimes.code);
    CHECK(memcmp(&config.lifetimes, &defaults.lifetimes, sizeof(defaults.lifetimes)) == 0);
    CHECK(slice_eq(config.state, defaults.state) && slice_eq(config.log_level, defaults.log_level));
    CHECK(slice_eq(config.tailscale_socket, defaults.tailscale_socket) &&
          config.tailscale_mode == defaults.tailscale_mode);
    CHECK_INT(config.listen.n, defaults.listen.n);
    for (size_t i = 0; i < config.listen.n && i < defaults.listen.n; i++)
        CHECK(slice_eq(config.listen.at[i], defaults.listen.at[i]));
    CHECK(config.shared_in == defaults.shared_in && config.subject_is_tsidp == defaults.subject_is_tsidp);
    CHECK(config.email_verified == defaults.email_verified && config.log_documents == defaults.log_documents);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "defaults", test_defaults },
        { "empty files, sections and values", test_files_that_say_nothing },
        { "every setting", test_every_setting },
        { "outbound", test_outbound },
        { "lifetimes", test_lifetimes },
        { "unknown settings, and what was meant", test_unknown_settings },
        { "doubles and second documents", test_doubles },
        { "wrong types", test_wrong_types },
        { "wrong values", test_wrong_values },
        { "too long", test_too_long },
        { "too many", test_too_many },
        { "anchors, tags, depth, broken YAML", test_yaml_we_do_not_want },
        { "environment", test_environment },
        { "flags replace a list, then add", test_flags },
        { "durations", test_durations },
        { "what depends on --dev", test_completion },
        { "files", test_files },
        { "contrib/avouch.yaml parses and names every setting", test_example },
        { "contrib/avouch.yaml shows the defaults", test_example_defaults },
        { "avouch.yaml(5) explains every setting", test_manual },
    };

    pool = pool_create(8 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
