#include "json.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static struct pool *pool;
static struct buf buf;
static struct json_writer w;

static void start(void)
{
    buf_init(&buf, pool, 10000);
    jw_init(&w, &buf);
}

static void writes_scopes(void)
{
    start();
    jw_object(&w, NULL);
    jw_text(&w, "a", SL("x"));
    jw_object(&w, "o");
    jw_object_end(&w);
    jw_array(&w, "l");
    jw_int(&w, NULL, -1);
    jw_array(&w, NULL);
    jw_array_end(&w);
    jw_object(&w, NULL);
    jw_bool(&w, "t", true);
    jw_bool(&w, "f", false);
    jw_object_end(&w);
    jw_null(&w, NULL);
    jw_array_end(&w);
    jw_text_if(&w, "none", SLICE_NONE);
    jw_text_if(&w, "empty", SL(""));
    jw_text_if(&w, "some", SL("s"));
    jw_text(&w, "absent", SLICE_NONE);
    jw_texts(&w, "ts", (struct slices){ (const struct slice[]){ SL("p"), SL("q") }, 2 });
    jw_texts(&w, "no", (struct slices){ NULL, 0 });
    jw_object_end(&w);
    CHECK_TEXT(jw_finish(&w),
               "{\"a\":\"x\",\"o\":{},\"l\":[-1,[],{\"t\":true,\"f\":false},null],\"some\":\"s\",\"absent\":\"\","
               "\"ts\":[\"p\",\"q\"],\"no\":[]}");
}

static struct slice string(struct slice text)
{
    start();
    jw_text(&w, NULL, text);
    return jw_finish(&w);
}

static void escapes(void)
{
    CHECK_TEXT(string(SL("a\"b\\c/")), "\"a\\\"b\\\\c/\"");
    CHECK_TEXT(string(SL("\n\r\t\b\x1b\x7f\0")), "\"\\n\\r\\t\\u0008\\u001b\\u007f\\u0000\"");
    CHECK_TEXT(string(SL("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    CHECK_TEXT(string(SL("\xc2\x80\xc2\x9b\xc2\xa0")), "\"\\u0080\\u009b\xc2\xa0\"");
    CHECK_TEXT(string(SL("a\xff\xc3")), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK_TEXT(string(SL("\xed\xa0\x80")), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK_TEXT(string(SL("\xc3\"")), "\"\xef\xbf\xbd\\\"\""); /* a cut character does not swallow the quote */
    start();
    jw_object(&w, NULL);
    jw_int(&w, "a\"\n", 1);
    jw_object_end(&w);
    CHECK_TEXT(jw_finish(&w), "{\"a\\\"\\n\":1}");
}

static void every_byte_reads_back(void)
{
    for (int i = 1; i < 128; i++) {
        char c = (char)i;
        const struct json *v = NULL;
        struct slice back = SLICE_NONE;

        CHECK_INT(json_parse(pool, string(slice_bytes(&c, 1)), 100, &v), ERR_OK);
        CHECK(json_text(v, &back) && slice_eq(back, slice_bytes(&c, 1)));
    }
}

static void puts_read_values(void)
{
    const struct json *v = NULL;

    CHECK_INT(json_parse(pool, SL("{ \"b\" : [1, {\"c\": null}] }"), 100, &v), ERR_OK);
    start();
    jw_object(&w, NULL);
    jw_json(&w, SL("a\nb"), v);
    jw_json(&w, SL("n"), NULL);
    jw_array(&w, "l");
    jw_json(&w, SLICE_NONE, v);
    jw_json(&w, SLICE_NONE, v);
    jw_array_end(&w);
    jw_object_end(&w);
    CHECK_TEXT(
        jw_finish(&w),
        "{\"a\\nb\":{\"b\":[1,{\"c\":null}]},\"n\":null,\"l\":[{\"b\":[1,{\"c\":null}]},{\"b\":[1,{\"c\":null}]}]}");
}

static void overflow_is_absent(void)
{
    buf_init(&buf, pool, 10);
    jw_init(&w, &buf);
    jw_object(&w, NULL);
    jw_text(&w, "abc", SL("defghij"));
    jw_object_end(&w);
    CHECK(slice_is_none(jw_finish(&w)));
}

static void forget_to_close(void)
{
    jw_object(&w, NULL);
    (void)jw_finish(&w);
}

static void close_the_wrong_scope(void)
{
    jw_object(&w, NULL);
    jw_array_end(&w);
}

static void close_too_much(void)
{
    jw_object_end(&w);
}

static void forget_the_name(void)
{
    jw_object(&w, NULL);
    jw_int(&w, NULL, 1);
}

static void name_an_item(void)
{
    jw_array(&w, NULL);
    jw_int(&w, "a", 1);
}

static void nest_too_deep(void)
{
    for (int i = 0; i < 64; i++)
        jw_array(&w, NULL);
}

/* Our own bugs: each in a child, which must abort. */
static void wrong_use_asserts(void)
{
    static void (*const uses[])(void) = { forget_to_close, close_the_wrong_scope, close_too_much,
                                          forget_the_name, name_an_item,          nest_too_deep };

    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
            (void)close(STDERR_FILENO);
            (void)signal(SIGABRT, SIG_DFL);
            start();
            uses[i]();
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "writes scopes, commas and names", writes_scopes },     { "escapes, and repairs what is not UTF-8", escapes },
        { "every ASCII byte reads back", every_byte_reads_back }, { "puts values that were read", puts_read_values },
        { "an overflown text is absent", overflow_is_absent },    { "wrong use asserts", wrong_use_asserts },
    };

    pool = pool_create(1 << 20);
    int r = TAP_RUN(tests);
    pool_destroy(pool);
    return r;
}
