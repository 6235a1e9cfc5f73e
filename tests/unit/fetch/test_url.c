/* What may be asked for at all, and which addresses are gone to for whom. */
#include "fetch_int.h"
#include "tap.h"

static struct pool *pool;

static struct fetching make(const char *url, bool dev, struct slices allow)
{
    return (struct fetching){ .pool = pool,
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .ask = {
                                  .url = slice_of(url), .explain = true, .settings = { .dev = dev, .allow = allow } } };
}

static void good(void)
{
    static const struct {
        const char *url, *host;
        uint16_t port;
    } rows[] = {
        { "https://app.example", "app.example", 443 },
        { "https://app.example/", "app.example", 443 },
        { "HTTPS://App.Example/a/b?c=d&e=%20", "App.Example", 443 },
        { "https://app.example:8443/x", "app.example", 8443 },
        { "https://app.example?x", "app.example", 443 },
        { "https://192.0.2.1/x", "192.0.2.1", 443 },
        { "https://[2001:db8::1]:444/x", "2001:db8::1", 444 },
        { "https://a_b.example/", "a_b.example", 443 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fetching f = make(rows[i].url, false, (struct slices){ NULL, 0 });
        CHECK(url_read(&f));
        CHECK_TEXT(f.host, rows[i].host);
        CHECK_INT(f.port, rows[i].port);
        CHECK(!f.http && !f.allowed);
    }
}

static void bad(void)
{
    static const char *const urls[] = {
        "",
        "app.example",
        "//app.example/",
        "http://app.example/",
        "ftp://app.example/",
        "file:///etc/passwd",
        "https:app.example",
        "https:///x",
        "https://",
        "https://user@app.example/",
        "https://user:pass@app.example/",
        "https://app.example@evil.example/",
        "https://app.example:0/",
        "https://app.example:65536/",
        "https://app.example:/",
        "https://app.example:x/",
        "https://app.example./",
        "https://app.example#x",
        "https://app.example/#",
        "https://app.example\\@evil.example/",
        "https://app.example/a b",
        "https://app.example/\t",
        "https://app.example/\x7f",
        "https://b\xc3\xbc.example/",
        "https://app.example/\xc3\xbc",
        "https://app%2eexample/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://1.2.3.4.5/",
        "https://[::1%25lo]/",
        "https://[::1/",
        "https://[127.0.0.1]/",
        "https://app.example/\"x\"",
        "https://app.example/<x>",
        "https://app~x.example/",
    };

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct fetching f = make(urls[i], false, (struct slices){ NULL, 0 });
        CHECK_TEXT(url_read(&f) ? slice_of(urls[i]) : SL("refused"), "refused");
        CHECK_INT(f.answer.outcome, FETCH_BAD_URL);
        CHECK(f.why[0] != '\0');
    }
}

static bool permits(struct fetching *f, const char *address, bool own)
{
    struct address a = { 0 };

    CHECK(address_parse(slice_of(address), &a));
    return resolve_is_permitted(f, &a, own);
}

static const char *const inside[] = { "127.0.0.1",        "::1",        "10.0.0.1",
                                      "fd00::1",          "100.64.0.1", "fd7a:115c:a1e0::1",
                                      "64:ff9b::10.0.0.1" };
static const char *const never[] = { "169.254.1.1",
                                     "169.254.169.254",
                                     "fe80::1",
                                     "224.0.0.1",
                                     "ff02::1",
                                     "0.0.0.0",
                                     "::",
                                     "255.255.255.255",
                                     "100.100.100.100",
                                     "192.0.2.1",
                                     "2002:7f00:1::",
                                     "2001:0:7f00:1::1",
                                     "64:ff9b::169.254.169.254",
                                     "168.63.129.16",
                                     "fd00:ec2::254" };

#define EACH(list, condition)                                     \
    for (size_t i = 0; i < sizeof(list) / sizeof((list)[0]); i++) \
    CHECK_TEXT((condition) ? SL("as it should be") : slice_of((list)[i]), "as it should be")

static void anybody(void)
{
    struct fetching f = make("https://app.example/", false, (struct slices){ NULL, 0 });

    CHECK(url_read(&f));
    CHECK(permits(&f, "8.8.8.8", false) && permits(&f, "2606:4700::1111", false) &&
          permits(&f, "64:ff9b::8.8.8.8", false));
    CHECK(!permits(&f, "8.8.8.8", true)); /* the machine's own */
    EACH(inside, !permits(&f, inside[i], false));
    EACH(never, !permits(&f, never[i], false));
}

static void allowed(void)
{
    static const struct slice allow[] = { SL("*.example") };
    struct fetching f = make("https://app.example/", false, (struct slices){ allow, 1 });

    CHECK(url_read(&f) && f.allowed);
    CHECK(permits(&f, "8.8.8.8", true));
    EACH(inside, permits(&f, inside[i], false));
    EACH(never, !permits(&f, never[i], false));
}

/* Under --dev this machine is the world; elsewhere https is needed there too. */
static void development(void)
{
    struct fetching f = make("http://localhost:9000/", true, (struct slices){ NULL, 0 });

    CHECK(url_read(&f) && f.http && f.port == 9000);
    CHECK(permits(&f, "127.0.0.1", true) && permits(&f, "::1", true));
    CHECK(!permits(&f, "8.8.8.8", false) && !permits(&f, "10.0.0.1", false) && !permits(&f, "100.64.0.1", false));
    f = make("https://localhost:9000/", true, (struct slices){ NULL, 0 });
    CHECK(url_read(&f) && permits(&f, "127.0.0.1", true) && permits(&f, "8.8.8.8", false));
    CHECK(!permits(&f, "10.0.0.1", false) && !permits(&f, "8.8.8.8", true));
    f = make("http://app.example/", true, (struct slices){ (const struct slice[]){ SL("app.example") }, 1 });
    CHECK(url_read(&f) && !permits(&f, "10.0.0.1", false) && permits(&f, "127.0.0.1", true));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "URLs that may be asked for", good },
        { "and those that may not", bad },
        { "addresses that are gone to for anybody", anybody },
        { "for hosts that outbound.allow names", allowed },
        { "under --dev", development },
    };

    pool = pool_create(1 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
