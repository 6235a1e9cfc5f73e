/* Signing keys while requests rest on them: rotated, removed, not made yet. */
#include <string.h>

#include "harness.h"
#include "jose.h"
#include "sign_in.h"
#include "upkeep.h"

static struct visit *send_token(struct world *w, struct guest *server, struct slice code)
{
    const struct call c = { .target = SL("/token"), .body = app_form(w, &grafana, code) };

    return world_send(w, server, &c);
}

static struct slice begin(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    app_add(w, &grafana);
    return sign_in_silently(w, &browser, &grafana, NULL);
}

static void add_client(struct world *w, enum sign_alg alg)
{
    struct client c = app_client(&grafana);

    c.id_token_alg = alg;
    world_put_client(w, &c);
}

static struct slice kid_of(struct world *w, const struct seen *tokens)
{
    struct jws token = { .kid = SLICE_NONE };

    CHECK_INT(jws_parse(w->pool, seen_member(w, tokens, "id_token"), &token), ERR_OK);
    return token.kid;
}

/* ---- changed between prepare and settle ---- */

/* Another process replaces the key: what is signed with the old one is not given out. */
static void rotated(struct world *w)
{
    struct guest server = program_at(MACHINE);
    struct visit *v = send_token(w, &server, begin(w));

    (void)world_drain(w, &w->asks);
    (void)world_drain(w, &w->signing);
    struct signing_key old = world_keys(w).key[0];
    world_generate(w, ALG_ES256);
    struct txn *t = world_begin(w);
    signing_keys_remove(t, &old.number, 1);
    world_commit(w, t);
    world_run(w);
    const struct seen *s = world_answer(w, v);
    CHECK_INT(s->status, 200);
    CHECK(slice_eq(kid_of(w, s), world_keys(w).key[0].kid));
    (void)world_claims(w, seen_member(w, s, "id_token"), ALG_ES256);
    CHECK_INT(world_count(w, CLASS_ACCESS, 0), 1);
}

/* A newer one beside it takes nothing away: whichever signs is published. */
static void another_beside(struct world *w)
{
    struct guest server = program_at(MACHINE);
    struct visit *v = send_token(w, &server, begin(w));

    (void)world_drain(w, &w->asks);
    (void)world_drain(w, &w->signing);
    world_generate(w, ALG_ES256);
    world_run(w);
    const struct seen *s = world_answer(w, v);
    CHECK_INT(s->status, 200);
    (void)world_claims(w, seen_member(w, s, "id_token"), ALG_ES256);
}

/* The signer has forgotten it, while the request is on its way there: nothing is used up. */
static void forgotten(struct world *w)
{
    struct guest server = program_at(MACHINE);
    struct slice code = begin(w);
    struct visit *v = send_token(w, &server, code);

    (void)world_drain(w, &w->asks);
    struct signing_key old = world_keys(w).key[0];
    struct unsealing m = { .msg = { .task = SIGNER_FORGET, .pool = w->pool },
                           .key = key_handle(w->issuer.number, old.number) };
    signer_run(w->signer, &m.msg.job);
    world_run(w);
    CHECK_INT(v->seen.status, 503);
    CHECK_TEXT(seen_error(w, &v->seen), "temporarily_unavailable");
    CHECK_INT(world_count(w, CLASS_ACCESS, 0), 0);
    world_generate(w, ALG_ES256);
    CHECK_INT(app_token(w, &grafana, code)->status, 200);
}

/* ---- not made yet ---- */

/* The first start: a request that needs a key waits until a signer has made it. */
static void first_start(struct world *w)
{
    struct guest server = program_at(MACHINE), browser = browser_at(ALICE_LAPTOP);

    add_client(w, ALG_RS256);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    CHECK_INT(world_keys(w).n, 0);
    struct visit *v = send_token(w, &server, code);
    world_run(w);
    const struct seen *s = world_answer(w, v);
    CHECK_INT(s->status, 200);
    CHECK_TEXT(claim_text(world_claims(w, seen_member(w, s, "id_token"), ALG_RS256), "sub"), "1");
    struct keyring ring = world_keys(w);
    CHECK_INT(ring.n, 2); /* ES256 beside it: both are made at the start */
    CHECK_INT(ring.key[0].state, KEY_ACTIVE);
    CHECK_INT(ring.key[1].state, KEY_ACTIVE);
    CHECK_INT(world_audited(w, "key_created"), 2);
}

/* Many wait for the same key: it is made once. */
static void many_wait(struct world *w)
{
    struct guest server = program_at(MACHINE), browser = browser_at(ALICE_LAPTOP);
    struct visit *visits[8];

    add_client(w, ALG_RS256);
    for (unsigned i = 0; i < 8; i++)
        visits[i] = send_token(w, &server, sign_in_silently(w, &browser, &grafana, NULL));
    upkeep_keys(&w->machine); /* the timer's tick, at the same time */
    world_run(w);
    for (unsigned i = 0; i < 8; i++)
        CHECK_INT(world_answer(w, visits[i])->status, 200);
    CHECK_INT(world_keys(w).n, 2);
}

static void made_on_first_use(struct world *w)
{
    struct guest browser = browser_at(ALICE_LAPTOP);

    add_client(w, ALG_PS256);
    struct slice code = sign_in_silently(w, &browser, &grafana, NULL);
    const struct seen *s = app_token(w, &grafana, code);
    CHECK_INT(s->status, 200);
    CHECK_TEXT(claim_text(world_claims(w, seen_member(w, s, "id_token"), ALG_PS256), "sub"), "1");
    unsigned keys = (unsigned)world_keys(w).n;
    CHECK_INT(app_token(w, &grafana, sign_in_silently(w, &browser, &grafana, NULL))->status, 200);
    CHECK_INT(world_keys(w).n, keys); /* once */
}

/* Somebody else takes the number while the key is being made: it is given back, and made again under another one. */
static void number_taken(struct world *w)
{
    upkeep_keys(&w->machine);
    (void)world_drain(w, &w->signing);
    CHECK(world_signer_holds(w, 1));
    struct txn *t = world_begin(w);
    struct signing_key retired = { .number = 1,
                                   .alg = ALG_ES256,
                                   .kid = SL("retired"),
                                   .public_jwk = SL("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"AA\",\"y\":\"AA\"}"),
                                   .sealed = SL("x") };
    keyring_add(t, &retired, true, world_now(w));
    retired.state = KEY_RETIRED;
    retired.retired_at = world_now(w).s;
    signing_key_put(t, &retired);
    world_commit(w, t);
    world_run(w);
    world_upkeep(w);
    struct keyring ring = world_keys(w);
    CHECK_INT(ring.n, 3);
    CHECK(!world_signer_holds(w, 1));
    for (size_t i = 1; i < ring.n; i++)
        CHECK(world_signer_holds(w, ring.key[i].number));
    CHECK(keyring_signing(&ring, ALG_RS256, world_now(w)) != NULL);
    CHECK(keyring_signing(&ring, ALG_ES256, world_now(w)) != NULL);
}

/* /healthz says when there is a key to sign with. */
static void health(struct world *w)
{
    struct guest probe = { .address = "127.0.0.1", .class = LISTEN_OPS, .is_program = true };
    const struct call c = { .target = SL("/healthz"), .host = "127.0.0.1:9090" };

    CHECK_INT(world_call(w, &probe, &c)->status, 503);
    world_upkeep(w);
    CHECK_INT(world_call(w, &probe, &c)->status, 200);
    const struct call elsewhere = { .target = SL("/token"), .host = "127.0.0.1:9090", .body = SL("a=b") };
    CHECK_INT(world_call(w, &probe, &elsewhere)->status, 404);
}

int main(void)
{
    static const struct scenario scenarios[] = {
        { "a key that is replaced before the commit signs nothing", rotated, .races = true },
        { "another key beside it takes nothing away", another_beside },
        { "a key that the signer has forgotten: 503, and the code is not used up", forgotten, .calm = true },
        { "at the first start a request waits for its key", first_start, .bare = true },
        { "many wait for one key", many_wait, .bare = true, .every = 5, .races = true },
        { "PS256 is made on first use", made_on_first_use },
        { "a key whose number is taken meanwhile is given back", number_taken, .bare = true, .calm = true },
        { "/healthz waits for the first key", health, .bare = true },
    };

    return SCENARIOS_PLAY(scenarios);
}
