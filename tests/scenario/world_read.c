/* What an answer says. */
#include <string.h>

#include "encode.h"
#include "form.h"
#include "jose.h"
#include "world_int.h"

#define ANSWER_JSON_BYTES_MAX ((size_t)1 << 20)
#define MASKED_MIN            16 /* letters of a run that is taken out */

struct slice seen_header(const struct seen *s, const char *name)
{
    for (size_t i = 0; i < s->header_count; i++)
        if (slice_eq(s->headers[i].name, slice_of(name)))
            return s->headers[i].value;
    return SLICE_NONE;
}

struct slice seen_param(struct world *w, const struct seen *s, const char *name)
{
    struct slice location = seen_header(s, "location"), found, value;
    size_t at = slice_find(location, '?');

    if (at == location.n)
        return SLICE_NONE;
    for (struct slice rest = slice_from(location, at + 1); form_next(w->pool, &rest, &found, &value) == FORM_PAIR;)
        if (slice_eq(found, slice_of(name)))
            return value;
    return SLICE_NONE;
}

bool seen_goes_to(const struct seen *s, const char *uri)
{
    struct slice location = seen_header(s, "location"), wanted = slice_of(uri);

    return slice_starts(location, wanted) && (location.n == wanted.n || location.p[wanted.n] == '?');
}

bool seen_has(const struct seen *s, const char *text)
{
    return memmem(s->body.p, s->body.n, text, strlen(text)) != NULL;
}

/* What stands in the body between the first `before` and the next `end`. */
static struct slice between(struct slice body, const char *before, char end)
{
    const char *at = memmem(body.p, body.n, before, strlen(before));

    if (at == NULL)
        return SLICE_NONE;
    at += strlen(before);
    struct slice rest = slice_from(body, (size_t)(at - body.p));
    return slice_head(rest, slice_find(rest, end));
}

struct slice seen_flow(const struct seen *s)
{
    return between(s->body, "name=\"flow\" value=\"", '"');
}

struct slice seen_action(const struct seen *s, const char *id)
{
    char span[64];
    const char *at;
    struct slice before, found = SLICE_NONE;

    (void)snprintf(span, sizeof(span), "\"><span id=\"%s\">", id);
    at = memmem(s->body.p, s->body.n, span, strlen(span));
    if (at == NULL)
        return SLICE_NONE;
    before = slice_head(s->body, (size_t)(at - s->body.p));
    for (struct slice rest = before, piece; slice_cut(&rest, '"', &piece);)
        found = piece;
    return found;
}

static const struct json *object_of(struct world *w, const struct seen *s)
{
    const struct json *all = NULL;

    if (json_parse(w->pool, s->body, ANSWER_JSON_BYTES_MAX, &all) != ERR_OK)
        return NULL;
    return all;
}

struct slice seen_member(struct world *w, const struct seen *s, const char *name)
{
    struct slice value = SLICE_NONE;

    (void)json_text(json_member(object_of(w, s), name), &value);
    return value;
}

int64_t seen_number(struct world *w, const struct seen *s, const char *name)
{
    int64_t value = -1;

    (void)json_int(json_member(object_of(w, s), name), &value);
    return value;
}

struct slice seen_error(struct world *w, const struct seen *s)
{
    if (!slice_is_none(seen_header(s, "location")))
        return seen_param(w, s, "error");
    if (slice_starts(seen_header(s, "content-type"), SL("text/html"))) {
        struct slice shown = between(s->body, "<code id=\"error\">", '<');
        return slice_is_none(shown) ? between(s->body, "name=\"error\" value=\"", '"') : shown;
    }
    return seen_member(w, s, "error");
}

/* ---- tokens ---- */

static struct jwk *published_key(struct world *w, struct slice kid)
{
    struct guest g = { .address = ALICE_LAPTOP, .is_program = true };
    const struct seen *s = &world_send(w, &g, &(struct call){ .target = SL("/.well-known/jwks.json") })->seen;
    const struct json *keys = json_member(object_of(w, s), "keys");
    struct jwk *key = NULL;
    struct slice found;

    for (size_t i = 0; i < json_count(keys) && key == NULL; i++) {
        const struct json *one = json_item(keys, i);
        if (json_text(json_member(one, "kid"), &found) && slice_eq(found, kid))
            CHECK_INT(jwk_parse(w->pool, json_dump(w->pool, one), &key), ERR_OK);
    }
    return key;
}

const struct json *world_claims(struct world *w, struct slice jwt, enum sign_alg alg)
{
    struct jws token;

    if (slice_is_none(jwt) || jws_parse(w->pool, jwt, &token) != ERR_OK) {
        WORLD_FAIL("a token that can be read");
        return NULL;
    }
    struct jwk *key = published_key(w, token.kid);
    CHECK_TEXT(token.typ, "JWT");
    CHECK_INT(token.alg, alg);
    CHECK(key != NULL);
    CHECK(key != NULL && jws_verify(w->pool, &token, key));
    return token.claims;
}

struct slice claim_text(const struct json *claims, const char *name)
{
    struct slice value = SLICE_NONE;

    (void)json_text(json_member(claims, name), &value);
    return value;
}

int64_t claim_number(const struct json *claims, const char *name)
{
    int64_t value = -1;

    (void)json_int(json_member(claims, name), &value);
    return value;
}

/* ---- the whole of it ---- */

static bool is_of_credential(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static size_t run_at(struct slice s, bool *ret_random)
{
    size_t n = 0;

    *ret_random = false;
    for (; n < s.n && is_of_credential(s.p[n]); n++)
        *ret_random |= (s.p[n] >= 'A' && s.p[n] <= 'Z') || (s.p[n] >= '0' && s.p[n] <= '9');
    return n;
}

/* Long runs of letters and digits are handles, codes, hashes, numbers of requests; words of ours have no digits. */
static void put_masked(struct buf *b, struct slice s)
{
    while (s.n > 0) {
        bool random = false;
        size_t n = run_at(s, &random);

        if (n >= MASKED_MIN && random)
            buf_char(b, '*');
        else
            buf_put(b, slice_head(s, n > 0 ? n : 1));
        s = slice_from(s, n > 0 ? n : 1);
    }
}

struct slice seen_mask(struct world *w, const struct seen *s)
{
    struct buf b;

    buf_init(&b, w->pool, ANSWER_JSON_BYTES_MAX);
    buf_fmt(&b, "%u\n", s->status);
    for (size_t i = 0; i < s->header_count; i++) {
        buf_put(&b, s->headers[i].name);
        buf_put(&b, SL(": "));
        put_masked(&b, s->headers[i].value);
        buf_char(&b, '\n');
    }
    put_masked(&b, s->body);
    return buf_finish(&b);
}
