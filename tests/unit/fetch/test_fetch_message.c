/* Frames, asks and answers: what goes in comes out, and nothing else is taken for one. */
#include "fetch_message.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static struct pool *pool;

static void frames(void)
{
    struct slice one = fetch_frame_write(pool, 7, SL("{}")), two = fetch_frame_write(pool, UINT32_MAX, SL(""));
    struct fetch_frame f = { .id = 99 };

    CHECK_INT(one.n, 10);
    CHECK(memcmp(one.p, "\0\0\0\7\0\0\0\2{}", 10) == 0);
    for (size_t n = 0; n < one.n; n++)
        CHECK_INT(fetch_frame_read(slice_head(one, n), &f), FRAME_MORE);
    CHECK_INT(f.id, 99); /* untouched until it is whole */
    char *joined = pool_alloc(pool, one.n + two.n);
    memcpy(joined, one.p, one.n);
    memcpy(joined + one.n, two.p, two.n);
    struct slice both = slice_bytes(joined, one.n + two.n);
    CHECK_INT(fetch_frame_read(both, &f), FRAME_WHOLE);
    CHECK(f.id == 7 && f.bytes == 10);
    CHECK_TEXT(f.text, "{}");
    CHECK_INT(fetch_frame_read(slice_from(both, f.bytes), &f), FRAME_WHOLE);
    CHECK(f.id == UINT32_MAX && f.bytes == 8 && f.text.n == 0);
}

static void too_long_a_frame(void)
{
    struct fetch_frame f;

    CHECK_INT(fetch_frame_read(slice_bytes("\0\0\0\1\0\x08\0\0", 8), &f), FRAME_MORE); /* 2^19 */
    CHECK_INT(fetch_frame_read(slice_bytes("\0\0\0\1\0\x08\0\1", 8), &f), FRAME_BAD);
    CHECK_INT(fetch_frame_read(slice_bytes("\0\0\0\1\xff\xff\xff\xff", 8), &f), FRAME_BAD);
}

static void asks(void)
{
    static const struct slice allow[] = { SL("app.example.ts.net"), SL("*.corp.example") };
    const struct fetch_ask a = {
        .url = SL("https://app.example/\"x"),
        .bytes_max = 5120,
        .time_ms = 9999,
        .explain = true,
        .settings = { .dev = true, .ca_file = SL("/ca.pem"), .tailscaled = SL("/s"), .allow = { allow, 2 } }
    };
    struct fetch_ask b = { .bytes_max = 0 };

    CHECK(fetch_ask_read(pool, fetch_ask_write(pool, &a), &b));
    CHECK_TEXT(b.url, "https://app.example/\"x");
    CHECK(b.bytes_max == 5120 && b.time_ms == 9999 && b.explain && b.settings.dev);
    CHECK_TEXT(b.settings.ca_file, "/ca.pem");
    CHECK_TEXT(b.settings.tailscaled, "/s");
    CHECK_INT(b.settings.allow.n, 2);
    CHECK_TEXT(b.settings.allow.at[1], "*.corp.example");
}

static void wrong_asks(void)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"url\":\"u\",\"bytes_max\":1,\"time_ms\":1,\"explain\":true,\"dev\":false}",
        "{\"url\":7,\"bytes_max\":1,\"time_ms\":1,\"explain\":true,\"dev\":false,\"allow\":[]}",
        "{\"url\":\"u\",\"bytes_max\":0,\"time_ms\":1,\"explain\":true,\"dev\":false,\"allow\":[]}",
        "{\"url\":\"u\",\"bytes_max\":65537,\"time_ms\":1,\"explain\":true,\"dev\":false,\"allow\":[]}",
        "{\"url\":\"u\",\"bytes_max\":1,\"time_ms\":0,\"explain\":true,\"dev\":false,\"allow\":[]}",
        "{\"url\":\"u\",\"bytes_max\":1,\"time_ms\":10001,\"explain\":true,\"dev\":false,\"allow\":[]}",
        "{\"url\":\"u\",\"bytes_max\":1,\"time_ms\":1,\"explain\":1,\"dev\":false,\"allow\":[]}",
        "{\"url\":\"u\",\"bytes_max\":1,\"time_ms\":1,\"explain\":true,\"dev\":false,\"allow\":[1]}",
        "{\"url\":\"u\",\"url\":\"v\",\"bytes_max\":1,\"time_ms\":1,\"explain\":true,\"dev\":false,\"allow\":[]}",
    };
    struct fetch_ask a;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_TEXT(fetch_ask_read(pool, slice_of(texts[i]), &a) ? slice_of(texts[i]) : SL("refused"), "refused");
}

static void documents(void)
{
    static const struct fetch_step steps[] = { { FETCH_AT_NAME, true, SL("It leads to 1 address.") },
                                               { FETCH_AT_WAY, false, SL("10.0.0.1:443: no.") } };
    const struct fetch_answer a = { .status = 200,
                                    .fresh_s = 300,
                                    .type = SL("application/json"),
                                    .body = SL("{\"a\":\n\"\xc3\xa4\x7f\"}"),
                                    .steps = steps,
                                    .step_n = 2 };
    struct fetch_answer b = { .status = 0 };

    CHECK(fetch_answer_read(pool, fetch_answer_write(pool, &a), &b));
    CHECK(b.outcome == FETCH_OK && b.status == 200 && b.fresh_s == 300 && b.step_n == 2);
    CHECK_TEXT(b.type, "application/json");
    CHECK_TEXT(b.body, "{\"a\":\n\"\xc3\xa4\x7f\"}");
    CHECK(slice_is_none(b.why));
    CHECK(b.steps[0].stage == FETCH_AT_NAME && b.steps[0].good && b.steps[1].stage == FETCH_AT_WAY && !b.steps[1].good);
    CHECK_TEXT(b.steps[1].text, "10.0.0.1:443: no.");
}

static void failures(void)
{
    for (unsigned o = 1; o < FETCH_OUTCOME_COUNT; o++) {
        const struct fetch_answer a = {
            .outcome = (enum fetch_outcome)o, .status = 404, .fresh_s = -1, .why = SL("Why.")
        };
        struct fetch_answer b;

        CHECK(fetch_answer_read(pool, fetch_answer_write(pool, &a), &b));
        CHECK(b.outcome == a.outcome && b.status == 404 && b.step_n == 0 && slice_is_none(b.body));
        CHECK_TEXT(b.why, "Why.");
    }
}

/* The largest of everything fits into a frame. */
static void largest(void)
{
    char *body = malloc(FETCH_BODY_BYTES_MAX), text[FETCH_TEXT_BYTES_MAX];
    struct fetch_step steps[FETCH_STEPS_MAX];
    struct fetch_answer b;

    memset(body, 1, FETCH_BODY_BYTES_MAX); /* \u0001 */
    memset(text, '"', sizeof(text));
    for (size_t i = 0; i < FETCH_STEPS_MAX; i++)
        steps[i] = (struct fetch_step){ FETCH_AT_ADDRESS, true, slice_bytes(text, sizeof(text)) };
    const struct fetch_answer a = { .status = 200,
                                    .type = SL("application/json"),
                                    .body = slice_bytes(body, FETCH_BODY_BYTES_MAX),
                                    .steps = steps,
                                    .step_n = FETCH_STEPS_MAX };
    struct slice out = fetch_answer_write(pool, &a);
    CHECK(out.n > 6 * (size_t)FETCH_BODY_BYTES_MAX && out.n <= FETCH_FRAME_BYTES_MAX);
    CHECK(fetch_answer_read(pool, out, &b) && slice_eq(b.body, a.body) && b.step_n == FETCH_STEPS_MAX);
    free(body);
}

static void wrong_answers(void)
{
#define FETCHED(more) "{\"outcome\":\"ok\",\"status\":200,\"fresh_s\":-1," more "\"steps\":[]}"
#define DOCUMENT      "\"type\":\"application/json\",\"body\":\"{}\","
#define FAILED(more)  "{\"outcome\":\"refused\",\"status\":0,\"fresh_s\":-1," more "}"
    static const char *const texts[] = {
        "null",
        "{\"outcome\":\"fine\",\"status\":200,\"fresh_s\":-1," DOCUMENT "\"steps\":[]}",
        "{\"outcome\":\"ok\",\"status\":404,\"fresh_s\":-1," DOCUMENT "\"steps\":[]}",
        "{\"outcome\":\"ok\",\"status\":200,\"fresh_s\":-2," DOCUMENT "\"steps\":[]}",
        "{\"outcome\":\"ok\",\"status\":200,\"fresh_s\":31536001," DOCUMENT "\"steps\":[]}",
        "{\"outcome\":\"ok\",\"status\":4294967496,\"fresh_s\":-1," DOCUMENT "\"steps\":[]}",
        "{\"outcome\":\"ok\",\"status\":200,\"fresh_s\":0.5," DOCUMENT "\"steps\":[]}",
        FETCHED(""),
        FETCHED("\"type\":\"application/json\","),
        FETCHED(DOCUMENT "\"why\":\"Why.\","),
        FETCHED("\"type\":\"a\\u0007\",\"body\":\"{}\","),
        FETCHED("\"type\":\"application/json\",\"body\":\"\\u0000\","),
        FAILED("\"steps\":[]"),
        FAILED("\"why\":\"\",\"steps\":[]"),
        FAILED("\"why\":\"a\\nb\",\"steps\":[]"),
        FAILED("\"why\":\"a\"," DOCUMENT "\"steps\":[]"),
        FAILED("\"why\":\"a\""),
        FAILED("\"why\":\"a\",\"steps\":{}"),
        FAILED("\"why\":\"a\",\"steps\":[1]"),
        FAILED("\"why\":\"a\",\"steps\":[{\"stage\":\"moon\",\"good\":true,\"text\":\"x\"}]"),
        FAILED("\"why\":\"a\",\"steps\":[{\"stage\":\"way\",\"good\":true,\"text\":\"\\u001b[31m\"}]"),
        FAILED("\"why\":\"a\",\"steps\":[]} "),
    };
    struct fetch_answer a;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_TEXT(fetch_answer_read(pool, slice_of(texts[i]), &a) ? slice_of(texts[i]) : SL("refused"), "refused");
    CHECK(fetch_answer_read(pool, slice_of(FETCHED(DOCUMENT)), &a)); /* the rows above fail for what they name */
    CHECK(fetch_answer_read(pool, slice_of(FAILED("\"why\":\"a\",\"steps\":[]")), &a));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "frames", frames },
        { "a frame that is too long", too_long_a_frame },
        { "asks", asks },
        { "what is no ask", wrong_asks },
        { "answers with a document", documents },
        { "answers without", failures },
        { "the largest answer fits", largest },
        { "what is no answer", wrong_answers },
    };

    pool = pool_create(1 << 24);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    return status;
}
