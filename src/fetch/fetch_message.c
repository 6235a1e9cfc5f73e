/* Frames, asks and answers as bytes. Both programs are of one version and know all members, so a member that is missing or of
 * another kind is no message. */
#include "fetch_message.h"

#include <assert.h>
#include <endian.h>

#include "encode.h"
#include "json.h"

#define HEAD_BYTES      8
#define PATH_BYTES_MAX  4096
#define ALLOW_MAX       64
#define ALLOW_BYTES_MAX 253
#define NAME_BYTES_MAX  16

static const char *const outcomes[FETCH_OUTCOME_COUNT] = {
    [FETCH_OK] = "ok",
    [FETCH_BAD_URL] = "bad_url",
    [FETCH_NO_ADDRESS] = "no_address",
    [FETCH_REFUSED] = "refused",
    [FETCH_UNREACHABLE] = "unreachable",
    [FETCH_BAD_TLS] = "bad_tls",
    [FETCH_GARBLED] = "garbled",
    [FETCH_REDIRECTED] = "redirected",
    [FETCH_BAD_STATUS] = "bad_status",
    [FETCH_BAD_TYPE] = "bad_type",
    [FETCH_TOO_LARGE] = "too_large",
    [FETCH_TOO_SLOW] = "too_slow",
    [FETCH_BUSY] = "busy",
    [FETCH_BROKEN] = "broken",
};

static const char *const stages[FETCH_STAGE_COUNT] = {
    [FETCH_AT_START] = "process",   [FETCH_AT_URL] = "url", [FETCH_AT_NAME] = "name",
    [FETCH_AT_ADDRESS] = "address", [FETCH_AT_WAY] = "way", [FETCH_AT_TLS] = "certificate",
    [FETCH_AT_ANSWER] = "answer",
};

const char *fetch_outcome_name(enum fetch_outcome o)
{
    return outcomes[o];
}

const char *fetch_stage_name(enum fetch_stage s)
{
    return stages[s];
}

static bool find_name(const char *const *names, size_t n, struct slice name, unsigned *ret)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(slice_of(names[i]), name)) {
            *ret = (unsigned)i;
            return true;
        }
    return false;
}

/* ---- frames ---- */

static uint32_t read_u32(const char *p)
{
    uint32_t big_endian;

    memcpy(&big_endian, p, sizeof(big_endian));
    return be32toh(big_endian);
}

enum fetch_frame_state fetch_frame_read(struct slice in, struct fetch_frame *ret)
{
    if (in.n < HEAD_BYTES)
        return FRAME_MORE;
    size_t n = read_u32(in.p + 4);
    if (n > FETCH_FRAME_BYTES_MAX)
        return FRAME_BAD;
    if (in.n - HEAD_BYTES < n)
        return FRAME_MORE;
    *ret = (struct fetch_frame){ read_u32(in.p), slice_head(slice_from(in, HEAD_BYTES), n), HEAD_BYTES + n };
    return FRAME_WHOLE;
}

struct slice fetch_frame_write(struct pool *p, uint32_t id, struct slice text)
{
    uint32_t head[2] = { htobe32(id), htobe32((uint32_t)text.n) };
    struct buf b;

    assert(text.n <= FETCH_FRAME_BYTES_MAX);
    buf_init(&b, p, HEAD_BYTES + text.n);
    buf_put(&b, slice_bytes(head, sizeof(head)));
    buf_put(&b, text);
    return buf_finish(&b);
}

static void begin(struct json_writer *w, struct buf *b, struct pool *p)
{
    buf_init(b, p, FETCH_FRAME_BYTES_MAX);
    jw_init(w, b);
    jw_object(w, NULL);
}

static struct slice end(struct json_writer *w)
{
    jw_object_end(w);
    struct slice text = jw_finish(w);
    assert(!slice_is_none(text)); /* the limits of its members leave room */
    return text;
}

/* ---- asks ---- */

struct slice fetch_ask_write(struct pool *p, const struct fetch_ask *a)
{
    struct json_writer w;
    struct buf b;

    begin(&w, &b, p);
    jw_text(&w, "url", a->url);
    jw_int(&w, "bytes_max", (int64_t)a->bytes_max);
    jw_int(&w, "time_ms", a->time_ms);
    jw_bool(&w, "explain", a->explain);
    jw_bool(&w, "dev", a->settings.dev);
    jw_text_if(&w, "ca_file", a->settings.ca_file);
    jw_text_if(&w, "tailscaled", a->settings.tailscaled);
    jw_texts(&w, "allow", a->settings.allow);
    return end(&w);
}

struct ask_members {
    struct fetch_ask ask;
    int64_t bytes_max;
};

static const struct json_field ask_fields[] = {
    { "url", JSON_TEXT, true, FETCH_URL_BYTES_MAX, offsetof(struct ask_members, ask.url) },
    { "bytes_max", JSON_INT, true, 0, offsetof(struct ask_members, bytes_max) },
    { "time_ms", JSON_INT, true, 0, offsetof(struct ask_members, ask.time_ms) },
    { "explain", JSON_BOOL, true, 0, offsetof(struct ask_members, ask.explain) },
    { "dev", JSON_BOOL, true, 0, offsetof(struct ask_members, ask.settings.dev) },
    { "ca_file", JSON_TEXT, false, PATH_BYTES_MAX, offsetof(struct ask_members, ask.settings.ca_file) },
    { "tailscaled", JSON_TEXT, false, PATH_BYTES_MAX, offsetof(struct ask_members, ask.settings.tailscaled) },
    { "allow", JSON_TEXTS, true, ALLOW_MAX, offsetof(struct ask_members, ask.settings.allow) },
};

bool fetch_ask_read(struct pool *p, struct slice text, struct fetch_ask *ret)
{
    struct ask_members m = { .bytes_max = 0 };
    const struct json *root = NULL;
    const char *bad = "";

    if (json_parse(p, text, FETCH_FRAME_BYTES_MAX, &root) != ERR_OK ||
        json_read(p, root, ask_fields, sizeof(ask_fields) / sizeof(ask_fields[0]), &m, &bad) != ERR_OK)
        return false;
    if (m.bytes_max < 1 || m.bytes_max > FETCH_BODY_BYTES_MAX || m.ask.time_ms < 1 || m.ask.time_ms > FETCH_TIMEOUT_MS)
        return false;
    for (size_t i = 0; i < m.ask.settings.allow.n; i++)
        if (m.ask.settings.allow.at[i].n > ALLOW_BYTES_MAX)
            return false;
    m.ask.bytes_max = (size_t)m.bytes_max;
    *ret = m.ask;
    return true;
}

/* ---- answers ---- */

static void write_steps(struct json_writer *w, const struct fetch_answer *a)
{
    jw_array(w, "steps");
    for (size_t i = 0; i < a->step_n; i++) {
        jw_object(w, NULL);
        jw_text(w, "stage", slice_of(fetch_stage_name(a->steps[i].stage)));
        jw_bool(w, "good", a->steps[i].good);
        jw_text(w, "text", a->steps[i].text);
        jw_object_end(w);
    }
    jw_array_end(w);
}

struct slice fetch_answer_write(struct pool *p, const struct fetch_answer *a)
{
    struct json_writer w;
    struct buf b;

    begin(&w, &b, p);
    jw_text(&w, "outcome", slice_of(fetch_outcome_name(a->outcome)));
    jw_int(&w, "status", a->status);
    jw_int(&w, "fresh_s", a->fresh_s);
    if (a->outcome == FETCH_OK) {
        jw_text(&w, "type", a->type);
        jw_text(&w, "body", a->body);
    } else {
        jw_text(&w, "why", a->why);
    }
    write_steps(&w, a);
    return end(&w);
}

struct answer_members {
    struct fetch_answer answer;
    struct slice outcome;
    int64_t status;
    const struct json *steps;
};

static const struct json_field answer_fields[] = {
    { "outcome", JSON_TEXT, true, NAME_BYTES_MAX, offsetof(struct answer_members, outcome) },
    { "status", JSON_INT, true, 0, offsetof(struct answer_members, status) },
    { "fresh_s", JSON_INT, true, 0, offsetof(struct answer_members, answer.fresh_s) },
    { "type", JSON_TEXT, false, FETCH_TYPE_BYTES_MAX, offsetof(struct answer_members, answer.type) },
    { "body", JSON_TEXT, false, FETCH_BODY_BYTES_MAX, offsetof(struct answer_members, answer.body) },
    { "why", JSON_TEXT, false, FETCH_TEXT_BYTES_MAX, offsetof(struct answer_members, answer.why) },
    { "steps", JSON_VALUE, true, 0, offsetof(struct answer_members, steps) },
};

struct step_members {
    struct slice stage, text;
    bool good;
};

static const struct json_field step_fields[] = {
    { "stage", JSON_TEXT, true, NAME_BYTES_MAX, offsetof(struct step_members, stage) },
    { "good", JSON_BOOL, true, 0, offsetof(struct step_members, good) },
    { "text", JSON_TEXT, true, FETCH_TEXT_BYTES_MAX, offsetof(struct step_members, text) },
};

static bool read_steps(struct pool *p, const struct json *array, struct fetch_answer *ret)
{
    const char *bad = "";

    if (!json_is_array(array) || json_count(array) > FETCH_STEPS_MAX)
        return false;
    struct fetch_step *steps = pool_alloc(p, json_count(array) * sizeof(*steps));
    for (size_t i = 0; i < json_count(array); i++) {
        struct step_members m = { .good = false };
        unsigned stage = 0;

        if (json_read(p, json_item(array, i), step_fields, sizeof(step_fields) / sizeof(step_fields[0]), &m, &bad) !=
                ERR_OK ||
            !find_name(stages, FETCH_STAGE_COUNT, m.stage, &stage) || !text_is_printable(m.text))
            return false;
        steps[i] = (struct fetch_step){ (enum fetch_stage)stage, m.good, m.text };
    }
    ret->steps = steps;
    ret->step_n = json_count(array);
    return true;
}

/* The members that its outcome promises, and no others. */
static bool is_consistent(const struct fetch_answer *a)
{
    bool has_document = !slice_is_none(a->type) && !slice_is_none(a->body);

    if (a->status != 0 && (a->status < 100 || a->status > 599))
        return false;
    if (a->fresh_s < -1 || a->fresh_s > FETCH_FRESH_S_MAX)
        return false;
    if (a->outcome == FETCH_OK)
        return has_document && a->status == 200 && slice_is_none(a->why) && text_is_printable(a->type);
    return slice_is_none(a->type) && slice_is_none(a->body) && a->why.n > 0 && text_is_printable(a->why);
}

bool fetch_answer_read(struct pool *p, struct slice text, struct fetch_answer *ret)
{
    struct answer_members m = { .status = 0 };
    const struct json *root = NULL;
    const char *bad = "";
    unsigned outcome = 0;

    if (json_parse(p, text, FETCH_FRAME_BYTES_MAX, &root) != ERR_OK ||
        json_read(p, root, answer_fields, sizeof(answer_fields) / sizeof(answer_fields[0]), &m, &bad) != ERR_OK ||
        !find_name(outcomes, FETCH_OUTCOME_COUNT, m.outcome, &outcome) || !read_steps(p, m.steps, &m.answer) ||
        m.status < 0 || m.status > 599)
        return false;
    m.answer.outcome = (enum fetch_outcome)outcome;
    m.answer.status = (int)m.status;
    if (!is_consistent(&m.answer))
        return false;
    *ret = m.answer;
    return true;
}
