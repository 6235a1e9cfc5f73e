/* The machine itself, with an endpoint made up for it: what is put is settled before the answer leaves, whatever the list ends with. */
#include <string.h>

#include "audit.h"
#include "endpoints.h"
#include "harness.h"
#include "identity.h"
#include "record.h"
#include "reply.h"
#include "sign_in.h"
#include "stored.h"

#define NOTES CLASS_NODE /* a class that nothing else uses here */

static const struct endpoint *table[ROUTE_COUNT];

/* "/" is answered by this endpoint. */
static void put_in_place(struct world *w, const struct endpoint *e)
{
    memcpy(table, endpoints, sizeof(table));
    table[ROUTE_HOME] = e;
    w->machine.endpoints = table;
}

static struct slice note_key(struct txn *t, const char *name)
{
    return key_make(txn_pool(t), txn_issuer(t), NOTES, slice_of(name), SLICE_NONE);
}

static void put_note(struct txn *t, const char *name, int64_t number)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), 1, 0);
    pack_i64(&k, number);
    stored_put(t, note_key(t, name), &k);
}

static int64_t get_note(struct txn *t, const char *name)
{
    struct slice value;
    struct unpacker u;

    if (!txn_get(t, note_key(t, name), &value))
        return 0;
    unpack_begin(&u, txn_pool(t), value);
    return unpack_i64(&u);
}

static int64_t note_now(struct world *w, const char *name)
{
    return get_note(world_begin(w), name);
}

static const struct seen *ask(struct world *w)
{
    struct guest g = program_at(ALICE_LAPTOP);

    return world_get(w, &g, SL("/"));
}

/* ---- steps ---- */

static enum next count_up(struct req *r)
{
    put_note(r->txn, "count", get_note(r->txn, "count") + 1);
    return NEXT;
}

static enum next answer(struct req *r)
{
    return reply_json(r, 200, SL("{\"done\":true}"));
}

static enum next refuse(struct req *r)
{
    return deny(r, OAUTH_INVALID_GRANT, "No.", "refused");
}

/* ---- what a list ends with ---- */

static void settled(struct world *w)
{
    static const struct named_step steps[] = {
        { "count", count_up },
        { "settle", settle },
        { "answer", answer },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };

    put_in_place(w, &e);
    CHECK_INT(ask(w)->status, 200);
    CHECK(world_agrees(w, (unsigned)note_now(w, "count"), 1));
    CHECK_INT(ask(w)->status, 200);
    CHECK(world_agrees(w, (unsigned)note_now(w, "count"), 2));
}

static void unsettled(struct world *w)
{
    static const struct named_step steps[] = {
        { "count", count_up },
        { "answer", answer },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };

    put_in_place(w, &e);
    CHECK_INT(ask(w)->status, 200);
    CHECK(world_agrees(w, (unsigned)note_now(w, "count"), 1));
}

static void denied(struct world *w)
{
    static const struct named_step steps[] = {
        { "count", count_up },
        { "refuse", refuse },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };

    put_in_place(w, &e);
    const struct seen *s = ask(w);
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "invalid_grant");
    CHECK(world_agrees(w, (unsigned)note_now(w, "count"), 1));
}

static enum next fail(struct req *r)
{
    return req_fail(r, ERR_CORRUPT);
}

static void failed(struct world *w)
{
    static const struct named_step steps[] = {
        { "count", count_up },
        { "fail", fail },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };

    put_in_place(w, &e);
    const struct seen *s = ask(w);
    CHECK_INT(s->status, 500);
    CHECK_TEXT(seen_error(w, s), "server_error");
    CHECK_INT(note_now(w, "count"), 0);
}

/* ---- again ---- */

struct once {
    unsigned runs; /* of this state */
};

/* A denial whose commit met a change is thought over: what is there now decides. */
static enum next refuse_first(struct req *r)
{
    struct once *o = r->state;
    int64_t count = get_note(r->txn, "count");

    CHECK_INT(o->runs++, 0); /* zero at the first step of each run */
    CHECK_INT(r->back, BACK_PAGE);
    CHECK_INT(r->answer.header_count, 0);
    req_raise(r, BACK_REDIRECT);
    put_note(r->txn, "count", count + 1);
    return count == 0 ? deny(r, OAUTH_INVALID_GRANT, "The first is refused.", "first") : NEXT;
}

static void denied_again(struct world *w)
{
    static const struct named_step steps[] = {
        { "refuse first", refuse_first },
        { "settle", settle },
        { "answer", answer },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON, .state_bytes = sizeof(struct once) };
    struct guest g = program_at(ALICE_LAPTOP);

    put_in_place(w, &e);
    struct visit *a = world_send(w, &g, &(struct call){ .target = SL("/") });
    struct visit *b = world_send(w, &g, &(struct call){ .target = SL("/") });
    world_run(w); /* one batch: the second rests on what the first changes */
    unsigned first = world_answer(w, a)->status, second = world_answer(w, b)->status;
    if (w->injection.kind == INJECT_NOTHING)
        CHECK(first == 400 && second == 200);
    else if (w->lost == 0)
        CHECK_INT(first + second, 600); /* whichever came first */
    CHECK(world_agrees(w, (unsigned)note_now(w, "count"), 2));
}

/* Each refusal in its own words: those of a run that did not count are forgotten. */
static enum next refuse_in_turn(struct req *r)
{
    int64_t count = get_note(r->txn, "count");

    put_note(r->txn, "count", count + 1);
    return count == 0 ? deny(r, OAUTH_INVALID_GRANT, "The first.", "first")
                      : deny(r, OAUTH_INVALID_SCOPE, "Another.", "another");
}

static void denied_otherwise(struct world *w)
{
    static const struct named_step steps[] = {
        { "refuse in turn", refuse_in_turn },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };
    struct guest g = program_at(ALICE_LAPTOP);
    unsigned first = 0;

    put_in_place(w, &e);
    struct visit *visits[] = { world_send(w, &g, &(struct call){ .target = SL("/") }),
                               world_send(w, &g, &(struct call){ .target = SL("/") }) };
    world_run(w);
    for (unsigned i = 0; i < 2; i++) {
        const struct seen *s = world_answer(w, visits[i]);
        CHECK_INT(s->status, 400);
        first += slice_eq(seen_error(w, s), SL("invalid_grant"));
    }
    CHECK(first == 1 || (first == 0 && w->lost > 0)); /* that answer may have been the lost one */
}

/* Somebody else is faster each time. */
static void never_settled(struct world *w)
{
    static const struct named_step steps[] = {
        { "count", count_up },
        { "settle", settle },
        { "answer", answer },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };
    struct guest g = program_at(ALICE_LAPTOP);

    put_in_place(w, &e);
    uint64_t before = w->machine.count.again;
    struct visit *v = world_send(w, &g, &(struct call){ .target = SL("/") });
    unsigned tries = 0;
    while (w->commit.head != NULL) {
        struct txn *t = world_begin(w);
        put_note(t, "count", 100 + ++tries);
        world_commit(w, t);
        (void)world_drain(w, &w->commit);
    }
    CHECK_INT(tries, REQ_TRIES_MAX);
    CHECK_INT(w->machine.count.again - before, REQ_TRIES_MAX);
    CHECK_INT(v->seen.status, 503);
    CHECK_TEXT(seen_error(w, &v->seen), "temporarily_unavailable");
    CHECK_INT(note_now(w, "count"), 100 + REQ_TRIES_MAX);
}

/* ---- outside answers ---- */

static enum next know_once(struct req *r)
{
    if (r->tries > 0)
        CHECK(r->caller != NULL); /* asked once, however often the list runs */
    return NEXT;
}

static void outside_answers(struct world *w)
{
    static const struct named_step steps[] = {
        { "know once", know_once }, { "know caller", know_caller }, { "count", count_up },
        { "settle", settle },       { "answer", answer },           { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };

    put_in_place(w, &e);
    CHECK_INT(ask(w)->status, 200);
    if (w->injection.kind == INJECT_CHANGED || w->injection.kind == INJECT_TOUCHED)
        CHECK_INT(w->whois_asked, 1);
}

/* ---- documents from the outside ---- */

/* What landed outlives AGAIN; an endpoint has a place for it among what is from outside. */
static const struct fetch_answer *document;

static enum next document_landed(struct req *r)
{
    const struct fetch *k = (const struct fetch *)r->landed;

    if (k->job.err == ERR_INPUT)
        return deny(r, OAUTH_INVALID_REQUEST, "The document cannot be used.", fetch_outcome_name(k->ret.outcome));
    if (k->job.err != ERR_OK)
        return deny(r, OAUTH_TEMPORARILY_UNAVAILABLE, "Try again.", err_text(k->job.err));
    document = &k->ret;
    req_keep(r);
    return NEXT;
}

static enum next fetch_document(struct req *r)
{
    struct fetch *k;

    if (r->tries == 0)
        document = NULL;
    if (document != NULL)
        return NEXT;
    k = pool_zalloc(r->pool, sizeof(*k));
    k->pool = r->pool;
    k->url = SL("https://app.example/client.json");
    k->bytes_max = 5120;
    k->job.at = r->m->fetches;
    return req_wait(r, &k->job, document_landed);
}

static enum next answer_document(struct req *r)
{
    return reply_json(r, 200, document->body);
}

static const struct named_step fetch_steps[] = {
    { "fetch document", fetch_document },   { "count", count_up }, { "settle", settle },
    { "answer document", answer_document }, { NULL, NULL },
};
static const struct endpoint fetching = { .steps = fetch_steps, .speech = SPEAK_JSON };

static void fetched_once(struct world *w)
{
    put_in_place(w, &fetching);
    w->served =
        (struct fetch_answer){ .status = 200, .type = SL("application/json"), .body = SL("{\"from\":\"outside\"}") };
    const struct seen *s = ask(w);
    CHECK_INT(s->status, 200);
    CHECK_TEXT(s->body, "{\"from\":\"outside\"}");
    CHECK(world_agrees(w, (unsigned)note_now(w, "count"), 1));
    if (w->injection.kind == INJECT_CHANGED || w->injection.kind == INJECT_TOUCHED)
        CHECK_INT(w->served_n, 1);
}

static void document_refused(struct world *w)
{
    put_in_place(w, &fetching);
    w->served = (struct fetch_answer){ .outcome = FETCH_REFUSED, .why = SL("No.") };
    const struct seen *s = ask(w);
    CHECK_INT(s->status, 400);
    CHECK_TEXT(seen_error(w, s), "invalid_request");
    CHECK_INT(note_now(w, "count"), 0);
}

static void nothing_to_fetch_with(struct world *w)
{
    put_in_place(w, &fetching);
    w->served = (struct fetch_answer){ .outcome = FETCH_BROKEN, .why = SL("No process.") };
    const struct seen *s = ask(w);
    CHECK_INT(s->status, 503);
    CHECK_TEXT(seen_error(w, s), "temporarily_unavailable");
    CHECK_INT(note_now(w, "count"), 0);
}

/* ---- memory ---- */

static enum next use_too_much(struct req *r)
{
    (void)pool_zalloc(r->pool, REQ_POOL_BYTES);
    put_note(r->txn, "count", 1);
    return NEXT;
}

static void too_much_memory(struct world *w)
{
    static const struct named_step steps[] = {
        { "use too much", use_too_much },
        { "settle", settle },
        { "answer", answer },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };

    put_in_place(w, &e);
    const struct seen *s = ask(w);
    CHECK_INT(s->status, 503);
    CHECK_INT(note_now(w, "count"), 0);
}

/* More reads than a transaction remembers. */
static enum next read_too_much(struct req *r)
{
    for (unsigned i = 0; i <= TXN_READS_MAX; i++)
        (void)get_note(r->txn, slice_cstr(r->pool, pool_fmt(r->pool, "note-%u", i)));
    put_note(r->txn, "count", 1);
    return NEXT;
}

static void too_many_reads(struct world *w)
{
    static const struct named_step steps[] = {
        { "read too much", read_too_much },
        { "settle", settle },
        { "answer", answer },
        { NULL, NULL },
    };
    static const struct endpoint e = { .steps = steps, .speech = SPEAK_JSON };

    put_in_place(w, &e);
    CHECK_INT(ask(w)->status, 503);
    CHECK_INT(note_now(w, "count"), 0);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "what is put is there when the answer comes", settled },
        { "and where the list forgot to settle", unsettled },
        { "and where the answer is a refusal", denied },
        { "but not where something broke", failed },
        { "a refusal whose commit met a change does not outlive it", denied_again, .races = true },
        { "and each has its own words", denied_otherwise, .races = true },
        { "commits that meet a change each time end with 503", never_settled, .calm = true },
        { "outside answers are asked for once", outside_answers },
        { "a document is fetched once, and kept", fetched_once },
        { "one that cannot be used is the request's fault", document_refused },
        { "that nothing can be fetched is ours: 503", nothing_to_fetch_with },
        { "a request that needs too much memory is 503, and nothing is kept", too_much_memory },
        { "and one that reads too much", too_many_reads },
    };

    return SCENARIOS_PLAY(scenarios);
}
