/* What an issuer may be called, and what the database remembers of one. */
#include "issuer.h"

#include <string.h>

#include "rig.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct rig r;

/* ---- its URL ---- */

static void test_good_urls(void)
{
    static const struct {
        const char *url;
        bool allow_http;
        const char *host;
        bool https;
    } rows[] = {
        { "https://idp.example.ts.net", false, "idp.example.ts.net", true },
        { "https://idp.example.ts.net", true, "idp.example.ts.net", true },
        { "https://idp.example.ts.net:8443", false, "idp.example.ts.net:8443", true },
        { "https://idp.example.ts.net:80", false, "idp.example.ts.net:80", true },
        { "https://idp", false, "idp", true },
        { "https://192.0.2.1", false, "192.0.2.1", true },
        { "https://[2001:db8::1]:8443", false, "[2001:db8::1]:8443", true },
        { "https://localhost", false, "localhost", true },
        { "http://localhost:9080", true, "localhost:9080", false },
        { "http://127.0.0.1:9080", true, "127.0.0.1:9080", false },
        { "http://[::1]", true, "[::1]", false },
        { "http://localhost:443", true, "localhost:443", false },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice host = SLICE_NONE;
        bool https = !rows[i].https;
        const char *why = "untouched";
        bool ok = issuer_url_check(slice_of(rows[i].url), rows[i].allow_http, &host, &https, &why);
        CHECK(ok);
        if (!ok) {
            printf("# %s: %s\n", rows[i].url, why);
            continue;
        }
        CHECK_TEXT(host, rows[i].host);
        CHECK(https == rows[i].https);
        CHECK(strcmp(why, "untouched") == 0);
    }
}

/* There is no second spelling of an issuer: each of these would be one, or is none at all. */
static void test_bad_urls(void)
{
    static const struct {
        struct slice url;
        const char *words;
    } rows[] = {
        { SLICE_NONE, "is a URL such as" },
        { SL(""), "is a URL such as" },
        { SL("idp.example.ts.net"), "is a URL such as" },
        { SL("https:idp.example.ts.net"), "is a URL such as" },
        { SL("https://user@idp.example.ts.net"), "is a URL such as" },
        { SL("https://idp.example.ts.net:"), "is a URL such as" },
        { SL("https://idp.example.ts.net:65536"), "is a URL such as" },
        { SL("https://idp.example.ts.net\n"), "is a URL such as" },
        { SL("https://idp.example.ts.net\0"), "is a URL such as" },
        { SL("https://idp example"), "is a URL such as" },
        { SL("https://m\xc3\xbcnchen.example"), "is a URL such as" },
        { SL("https://127.1"), "is a URL such as" },
        { SL("https://"), "has a host" },
        { SL("https:///path"), "has a host" },
        { SL("https://:8443"), "has a host" },
        { SL("ftp://idp.example.ts.net"), "begins with https://" },
        { SL("HTTPS://idp.example.ts.net"), "begins with https:// (in lower case)" },
        { SL("https://Idp.example.ts.net"), "lower case" },
        { SL("https://idp.example.ts.neT"), "lower case" },
        { SL("https://idp.example.ts.net."), "nor ends with a dot" },
        { SL("https://.example.ts.net"), "neither begins" },
        { SL("https://idp.example.ts.net:443"), "its scheme implies" },
        { SL("https://idp.example.ts.net:08443"), "another digit than 0" },
        { SL("https://idp.example.ts.net:0"), "another digit than 0" },
        { SL("https://idp.example.ts.net/"), "no slash at its end" },
        { SL("https://idp.example.ts.net/oidc"), "no path, query or fragment" },
        { SL("https://idp.example.ts.net//"), "no path, query or fragment" },
        { SL("https://idp.example.ts.net?x"), "no path, query or fragment" },
        { SL("https://idp.example.ts.net?"), "no path, query or fragment" },
        { SL("https://idp.example.ts.net#x"), "no path, query or fragment" },
        { SL("https://idp.example.ts.net#"), "no path, query or fragment" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice host = SL("untouched");
        bool https = true, ok;
        const char *why = "";
        ok = issuer_url_check(rows[i].url, true, &host, &https, &why);
        CHECK(!ok);
        CHECK(strstr(why, rows[i].words) != NULL);
        CHECK_TEXT(host, "untouched");
        if (ok || strstr(why, rows[i].words) == NULL)
            printf("# " SLICE_FMT ": %s\n", SLICE_ARG(rows[i].url), why);
    }
}

static void test_http(void)
{
    static const struct {
        const char *url;
        bool allowed;
        const char *words;
    } rows[] = {
        { "http://localhost:9080", false, "development mode alone" },
        { "http://idp.example.ts.net", false, "development mode alone" },
        { "http://idp.example.ts.net", true, "must be localhost or a loopback address" },
        { "http://10.0.0.1", true, "must be localhost or a loopback address" },
        { "http://localhost.example", true, "must be localhost or a loopback address" },
        { "http://localhost:80", true, "its scheme implies" },
        { "http://LOCALHOST", true, "lower case" },
        { "http://localhost.", true, "nor ends with a dot" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice host;
        bool https;
        const char *why = "";
        CHECK(!issuer_url_check(slice_of(rows[i].url), rows[i].allowed, &host, &https, &why));
        CHECK(strstr(why, rows[i].words) != NULL);
    }
}

/* ---- its record ---- */

static void test_round_trip(void)
{
    const struct issuer_record rec = { .url = SL("https://idp.example.ts.net"),
                                       .epoch = UINT32_MAX,
                                       .sealed_page_key = SL("sealed\0page"),
                                       .sealed_refresh_key = SL("sealed refresh") };
    struct issuer_record loaded = { .epoch = 1 };

    rig_open(&r);
    r.issuer_record = rec;
    rig_save_issuer(&r);
    CHECK(issuer_load(rig_begin(&r), &loaded));
    CHECK_TEXT(loaded.url, "https://idp.example.ts.net");
    CHECK_INT(loaded.epoch, UINT32_MAX);
    CHECK(slice_eq(loaded.sealed_page_key, rec.sealed_page_key));
    CHECK(slice_eq(loaded.sealed_refresh_key, rec.sealed_refresh_key));
    r.issuer_record = (struct issuer_record){ .epoch = 0 };
    rig_save_issuer(&r);
    CHECK(issuer_load(rig_begin(&r), &loaded));
    CHECK(slice_is_none(loaded.url) && slice_is_none(loaded.sealed_page_key) &&
          slice_is_none(loaded.sealed_refresh_key));
    rig_close(&r);
}

static void test_each_issuer_its_own(void)
{
    struct issuer_record loaded;

    rig_open(&r);
    CHECK(issuer_load(rig_begin(&r), &loaded));
    struct txn *t = txn_create(r.pool, r.view, 2);
    CHECK(!issuer_load(t, &loaded));
    CHECK_INT(txn_err(t), ERR_OK); /* there is none, and nothing is wrong */
    issuer_put(t, &(struct issuer_record){ .epoch = 77 });
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    CHECK(issuer_load(rig_begin(&r), &loaded));
    CHECK_INT(loaded.epoch, 3);
    CHECK(issuer_load(txn_create(r.pool, r.view, 2), &loaded));
    CHECK_INT(loaded.epoch, 77);
    rig_close(&r);
}

static void test_corrupt_record(void)
{
    struct issuer_record loaded;

    rig_open(&r);
    struct txn *t = rig_begin(&r);
    txn_put(t, key_make(r.pool, 1, CLASS_ISSUER, SLICE_NONE, SLICE_NONE), SL("\1nonsense"));
    CHECK_INT(rig_commit(&r, t), ERR_OK);
    t = rig_begin(&r);
    CHECK(!issuer_load(t, &loaded));
    CHECK_INT(txn_err(t), ERR_CORRUPT);
    rig_close(&r);
}

/* No two counters share a key, and each is of this issuer. */
static void test_count_keys(void)
{
    struct slice keys[5], id;
    uint16_t number;
    uint8_t class;

    rig_open(&r);
    struct txn *t = rig_begin(&r), *of_two = txn_create(r.pool, r.view, 2);
    keys[0] = issuer_count_key(t, CLASS_SESSION, SLICE_NONE);
    keys[1] = issuer_count_key(t, CLASS_SESSION, key_user(r.pool, 42));
    keys[2] = issuer_count_key(t, CLASS_SESSION, key_user(r.pool, 43));
    keys[3] = issuer_count_key(t, CLASS_GRANT, key_user(r.pool, 42));
    keys[4] = issuer_count_key(of_two, CLASS_SESSION, SLICE_NONE);
    for (size_t i = 0; i < COUNT(keys); i++) {
        CHECK(key_split(keys[i], &number, &class, &id));
        CHECK_INT(class, CLASS_COUNT);
        CHECK_INT(number, i == 4 ? 2 : 1);
        for (size_t k = 0; k < i; k++)
            CHECK(!slice_eq(keys[i], keys[k]));
    }
    CHECK(slice_eq(keys[1], issuer_count_key(t, CLASS_SESSION, key_user(r.pool, 42))));
    rig_close(&r);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "good URLs, and the Host that goes with them", test_good_urls },
        { "bad URLs: no second spelling", test_bad_urls },
        { "http is for development on the own machine", test_http },
        { "everything is stored", test_round_trip },
        { "each issuer has its own record", test_each_issuer_its_own },
        { "a record that makes no sense is an error, not an absence", test_corrupt_record },
        { "counters", test_count_keys },
    };

    return TAP_RUN(tests);
}
