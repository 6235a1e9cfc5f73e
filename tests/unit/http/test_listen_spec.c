#include "listener.h"
#include "tap.h"

static void classes(void)
{
    static const char *const texts[] = { "tailnet:443",       "serve:unix:/run/avouch.sock",
                                         "proxy:10.0.0.1:80", "public:0.0.0.0:443",
                                         "ops:[::1]:9090",    "dev:127.0.0.1:9080" };
    struct listen_spec s;

    for (unsigned i = 0; i < LISTENER_CLASS_COUNT; i++) {
        struct slice text = slice_of(texts[i]);

        CHECK(listen_spec_parse(text, &s));
        CHECK_INT(s.class, i);
        CHECK(slice_starts(text, slice_of(listener_class_name(s.class))));
    }
}

static void addresses(void)
{
    static const struct address v4 = { .ip = { 127, 0, 0, 1 } };
    struct listen_spec s;

    CHECK(listen_spec_parse(SL("tailnet:443"), &s));
    CHECK(s.any_own_address && slice_is_none(s.unix_path));
    CHECK_INT(s.address.port, 443);

    CHECK(listen_spec_parse(SL("tailnet:100.64.0.1:8443"), &s));
    CHECK(!s.any_own_address && address_is_tailnet(&s.address));
    CHECK_INT(s.address.port, 8443);

    CHECK(listen_spec_parse(SL("ops:[::1]:9090"), &s));
    CHECK(s.address.v6 && address_is_loopback(&s.address));
    CHECK_INT(s.address.port, 9090);

    CHECK(listen_spec_parse(SL("dev:localhost:9080"), &s));
    CHECK(address_same_ip(&s.address, &v4));
    CHECK_INT(s.address.port, 9080);

    CHECK(listen_spec_parse(SL("dev:127.0.0.1:0"), &s));
    CHECK_INT(s.address.port, 0);

    CHECK(listen_spec_parse(SL("ops:unix:/run/x"), &s));
    CHECK_TEXT(s.unix_path, "/run/x");
    CHECK(!s.any_own_address);
}

/* As a path it is one byte too long for a socket's name: sun_path has 108, with the NUL. */
#define NAME_107                                                   \
    "012345678901234567890123456789012345678901234567890123456789" \
    "01234567890123456789012345678901234567890123456"

static void refused(void)
{
    static const char path_too_long[] = "ops:unix:/" NAME_107;
    static const char *const texts[] = {
        "",
        "tailnet",
        "tailnet:",
        "443",
        ":443",
        "Tailnet:443",
        "tailnet:65536",
        "tailnet:0443",
        "tailnet:4 43",
        "tailnet:-1",
        "dev:9080",
        "dev:127.0.0.1",
        "dev:127.0.0.1:",
        "dev:127.0.0.1:65536",
        "dev:127.0.0.1:80x",
        "dev:localhost",
        "dev:localhost:",
        "dev:localhost:x",
        "dev:example.org:80",
        "dev::1:80",
        "dev:[::1]",
        "dev:[::1]:",
        "dev:[::1:80",
        "dev:*:80",
        "nobody:127.0.0.1:80",
        "127.0.0.1:9080",
        "ops:unix:",
        "ops:unix:run/x",
        "ops:unix:/run/",
        "ops:unix:/run/a\nb",
        path_too_long,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct listen_spec s = { .class = LISTEN_SERVE };

        if (listen_spec_parse(slice_of(texts[i]), &s))
            printf("# parsed: %s\n", texts[i]);
        CHECK(!listen_spec_parse(slice_of(texts[i]), &s));
        CHECK_INT(s.class, LISTEN_SERVE);
    }
    CHECK(!listen_spec_parse(SL("ops:unix:/run/a\0b"), &(struct listen_spec){ 0 }));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "every class by its name", classes },
        { "addresses, ports, paths", addresses },
        { "anything else is refused", refused },
    };

    return TAP_RUN(tests);
}
