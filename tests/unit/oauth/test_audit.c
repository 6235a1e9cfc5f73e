/* Audit records: one JSON object each, on one line, whatever a name or a login holds. */
#include "audit.h"

#include <string.h>

#include "chain.h"
#include "encode.h"
#include "json.h"
#include "rig.h"

static struct rig r;

static const enum audit_event events[] = {

#define AUDIT_EVENT(id, name) AUDIT_##id,
#include "audit_event.def"
#undef AUDIT_EVENT
};
#define EVENTS (sizeof(events) / sizeof(events[0]))

/* The text of the record with this number, as it is stored. */
static struct slice stored(uint64_t sequence)
{
    struct txn *t = rig_begin(&r);
    struct slice value = SLICE_NONE, text = SL("");
    struct chain chain = { 0 };

    for (uint64_t i = 1; i <= sequence; i++) {
        CHECK(txn_get(t, key_make(r.pool, 1, CLASS_AUDIT, key_u64(r.pool, i), SLICE_NONE), &value));
        CHECK_INT(chain_follow(&chain, i, value, &text), ERR_OK);
    }
    return text;
}

static void log_one(const struct audit *a)
{
    struct txn *t = rig_begin(&r);

    audit_log(t, a, r.now);
    CHECK(txn_is_dirty(t));
    CHECK_INT(rig_commit(&r, t), ERR_OK);
}

static void test_form(void)
{
    const struct audit a = { .event = AUDIT_SIGN_IN,
                             .user_id = 42,
                             .login = SL("alice@example.com"),
                             .stable_id = SL("nLaptop1CNTRL"),
                             .address = SL("100.64.0.7"),
                             .client_id = SL("grafana"),
                             .detail = SL("openid email"),
                             .request_id = SL("r1") };

    rig_open(&r);
    log_one(&a);
    CHECK_TEXT(stored(1), "{\"at\":1764000000,\"event\":\"sign_in\",\"user_id\":42,\"login\":\"alice@example.com\","
                          "\"stable_id\":\"nLaptop1CNTRL\",\"address\":\"100.64.0.7\",\"client_id\":\"grafana\","
                          "\"detail\":\"openid email\",\"request_id\":\"r1\"}");
    rig_close(&r);
}

static void test_what_says_nothing(void)
{
    const struct audit nobody = { .event = AUDIT_KEY_CREATED },
                       empty = { .event = AUDIT_KEY_CREATED, .login = SL(""), .detail = SL("") };

    rig_open(&r);
    log_one(&nobody);
    rig_at(&r, 5);
    log_one(&empty);
    CHECK_TEXT(stored(1), "{\"at\":1764000000,\"event\":\"key_created\"}");
    CHECK_TEXT(stored(2), "{\"at\":1764000005,\"event\":\"key_created\"}");
    rig_close(&r);
}

static void test_names(void)
{
    rig_open(&r);
    for (size_t i = 0; i < EVENTS; i++) {
        struct slice name = slice_of(audit_event_name(events[i]));
        CHECK(name.n > 0);
        for (size_t k = 0; k < name.n; k++)
            CHECK((name.p[k] >= 'a' && name.p[k] <= 'z') || name.p[k] == '_');
        for (size_t k = 0; k < i; k++)
            CHECK(!slice_eq(name, slice_of(audit_event_name(events[k]))));
        log_one(&(struct audit){ .event = events[i] });
        CHECK(slice_eq(stored(i + 1),
                       pool_fmt(r.pool, "{\"at\":1764000000,\"event\":\"" SLICE_FMT "\"}", SLICE_ARG(name))));
    }
    CHECK_TEXT(slice_of(audit_event_name(AUDIT_SIGN_IN)), "sign_in");
    rig_close(&r);
}

static struct slice member(struct slice text, const char *name)
{
    const struct json *root = NULL;
    struct slice value = SLICE_NONE;

    CHECK_INT(json_parse(r.pool, text, TXN_LOG_BYTES_MAX, &root), ERR_OK);
    (void)json_text(json_member(root, name), &value);
    return value;
}

/* Log injection: nothing ends a line, moves a cursor or leaves the string, and what was said is still there. */
static void test_control_characters(void)
{
    char bytes[255], c1[64];
    struct audit a = { .event = AUDIT_SIGN_IN_REFUSED };

    rig_open(&r);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i + 1); /* all but NUL; from 128 on no UTF-8 */
    for (unsigned i = 0; i < sizeof(c1); i += 2)
        memcpy(c1 + i, (const char[]){ (char)0xc2, (char)(0x80 + i / 2) }, 2);
    a.login = a.stable_id = a.address = a.client_id = a.request_id = slice_bytes(bytes, 127);
    a.detail = slice_bytes(c1, sizeof(c1));
    log_one(&a);
    struct slice text = stored(1);
    CHECK(text_is_printable(text));
    CHECK(slice_eq(member(text, "login"), a.login));
    CHECK(slice_eq(member(text, "stable_id"), a.login));
    CHECK(slice_eq(member(text, "address"), a.login));
    CHECK(slice_eq(member(text, "client_id"), a.login));
    CHECK(slice_eq(member(text, "request_id"), a.login));
    CHECK(slice_eq(member(text, "detail"), a.detail));
    a.login = slice_bytes(bytes, sizeof(bytes));
    log_one(&a);
    CHECK(text_is_printable(stored(2)));
    a.login = SL("x\",\"event\":\"sign_in\",\"y\":\"\r\n{\"at\":1}");
    log_one(&a);
    text = stored(3);
    CHECK(text_is_printable(text));
    CHECK_TEXT(member(text, "event"), "sign_in_refused");
    CHECK(slice_eq(member(text, "login"), a.login));
    rig_close(&r);
}

static void test_too_long(void)
{
    struct audit a = { .event = AUDIT_SIGN_IN };

    rig_open(&r);
    char *zeros = pool_zalloc(r.pool, TXN_LOG_BYTES_MAX);
    struct txn *t = rig_begin(&r);
    a.login = slice_bytes(zeros, TXN_LOG_BYTES_MAX);
    audit_log(t, &a, r.now);
    CHECK_INT(txn_err(t), ERR_LIMIT); /* no act without its record */
    CHECK_INT(rig_commit(&r, t), ERR_LIMIT);
    rig_close(&r);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "one JSON object, members in order", test_form },
        { "what says nothing is left out", test_what_says_nothing },
        { "every event has a name of its own", test_names },
        { "no line-end and no control character gets through", test_control_characters },
        { "one that is too long stops the act", test_too_long },
    };

    return TAP_RUN(tests);
}
