/* Which claims a place gets. A claim is written where its scope was granted and the client wants scope claims in that
 * place; the extra claims of the tailnet policy come on top, never under a name that means something to us or to
 * whoever verifies. */
#include "claims.h"

#include "scope.h"

#define EXTRA_MEMBERS_MAX  64    /* claims looked at in one extraClaims object */
#define EXTRA_ITEMS_MAX    256   /* of arrays that are united */
#define USERINFO_BYTES_MAX 49152 /* fits a record with room to spare */

/* Protocol claims (RFC 7519, RFC 8693, RFC 9068, OpenID Connect Core 2 and 5.6, Back-Channel Logout 2.4: `events` would
 * make a logout token of it), what we set ourselves, and picture: some applications fetch that URL with the person's
 * access token. */
static const char *const reserved[] = {
    "_claim_names",
    "_claim_sources",
    "acr",
    "act",
    "active",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "cnf",
    "client_id",
    "email",
    "events",
    "email_verified",
    "exp",
    "groups",
    "iat",
    "iss",
    "jti",
    "may_act",
    "name",
    "nbf",
    "nonce",
    "picture",
    "preferred_username",
    "roles",
    "s_hash",
    "scope",
    "sid",
    "sub",
    "sub_jwk",
    "token_type",
    "typ",
};

bool claims_is_reserved(struct slice name)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (slice_eq(name, slice_of(reserved[i])))
            return true;
    return false;
}

#define NAME(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

struct slices claims_names(void)
{
    static const struct slice names[] = {
        NAME("iss"),
        NAME("sub"),
        NAME("aud"),
        NAME("exp"),
        NAME("iat"),
        NAME("nonce"),
        NAME("acr"),
        NAME("auth_time"),
        NAME("at_hash"),
        NAME("name"),
        NAME("email"),
        NAME("email_verified"),
        NAME("preferred_username"),
        NAME("groups"),
        NAME("roles"),
    };

    return (struct slices){ names, sizeof(names) / sizeof(names[0]) };
}

struct writing {
    struct json_writer *w;
    struct pool *pool;
    const struct claims *c;
    enum client_claims where;
};

/* Null counts as empty too: a claim without a value is left out (OpenID Connect Core 5.3.2). */
static bool is_empty(struct pool *p, const struct json *v)
{
    struct slice text;

    if (json_text(v, &text))
        return text.n == 0;
    if (json_is_object(v) || json_is_array(v))
        return json_count(v) == 0;
    return v == NULL || slice_eq(json_dump(p, v), SL("null"));
}

/* What this extraClaims object sets under that name at this place; NULL: nothing. */
static const struct json *extra_value(const struct writing *x, size_t object, const char *name)
{
    const struct caps *caps = &x->c->peer->caps;

    if (x->where == CLAIMS_USERINFO && !caps->extra_in_userinfo[object])
        return NULL;
    const struct json *v = json_member(caps->extra_claims[object], name);
    return is_empty(x->pool, v) ? NULL : v;
}

/* Texts gathered without doubles. For arrays of any kind they are the items' JSON. */
struct united {
    struct slice *at;
    size_t n;
};

static void unite(struct united *u, struct slice one)
{
    if (u->n < EXTRA_ITEMS_MAX && !slices_have((struct slices){ u->at, u->n }, one))
        u->at[u->n++] = one;
}

/* Room for what is already there and the arrays under this name in this object and later ones. */
static struct united unite_begin(const struct writing *x, size_t object, const char *name, size_t there)
{
    size_t room = there;

    for (size_t i = object; i < x->c->peer->caps.extra_count; i++)
        room += json_count(extra_value(x, i, name));
    if (room > EXTRA_ITEMS_MAX)
        room = EXTRA_ITEMS_MAX;
    return (struct united){ .at = pool_alloc(x->pool, room * sizeof(struct slice)) };
}

/* The provider's own list; an array of texts that the policy sets under its name joins it, as arrays of several grants
 * do. */
static void write_list(const struct writing *x, const char *name, struct slices own)
{
    struct united u = unite_begin(x, 0, name, own.n);
    struct slice text;

    for (size_t i = 0; i < own.n; i++)
        if (own.at[i].n > 0)
            unite(&u, own.at[i]);
    for (size_t i = 0; i < x->c->peer->caps.extra_count; i++) {
        const struct json *more = extra_value(x, i, name);
        for (size_t j = 0; j < json_count(more) && json_is_array(more); j++)
            if (json_text(json_item(more, j), &text) && text.n > 0)
                unite(&u, text);
    }
    if (u.n > 0)
        jw_texts(x->w, name, (struct slices){ u.at, u.n });
}

static void write_scope_claims(const struct writing *x)
{
    const struct claims *c = x->c;

    if (c->scopes & SCOPE_PROFILE) {
        jw_text_if(x->w, "name", c->person->display_name);
        jw_text_if(x->w, "preferred_username", c->person->username);
    }
    if ((c->scopes & SCOPE_EMAIL) && c->person->email.n > 0) {
        jw_text(x->w, "email", c->person->email);
        jw_bool(x->w, "email_verified", c->issuer->email_verified);
    }
    if (c->scopes & SCOPE_GROUPS)
        write_list(x, "groups", c->peer->caps.groups);
    if (c->scopes & SCOPE_ROLES)
        write_list(x, "roles", c->peer->caps.roles);
}

/* Arrays under this name in this object and later ones, as one. */
static void write_array(const struct writing *x, size_t object, const char *name)
{
    struct united seen = unite_begin(x, object, name, 0);

    jw_array(x->w, name);
    for (size_t i = object; i < x->c->peer->caps.extra_count; i++) {
        const struct json *more = extra_value(x, i, name);
        for (size_t j = 0; j < json_count(more) && json_is_array(more); j++) {
            size_t before = seen.n;
            unite(&seen, json_dump(x->pool, json_item(more, j)));
            if (seen.n > before)
                jw_json(x->w, SLICE_NONE, json_item(more, j));
        }
    }
    jw_array_end(x->w);
}

static void write_extra(const struct writing *x, size_t object, struct slice name)
{
    const char *cname = slice_cstr(x->pool, name);
    const struct json *v = extra_value(x, object, cname);

    if (v == NULL || name.n == 0 || claims_is_reserved(name))
        return;
    for (size_t i = 0; i < object; i++)
        if (extra_value(x, i, cname) != NULL)
            return;
    if (json_is_array(v))
        write_array(x, object, cname);
    else
        jw_json(x->w, name, v);
}

static void write_extras(const struct writing *x)
{
    const struct caps *caps = &x->c->peer->caps;
    struct slice name;

    for (size_t i = 0; i < caps->extra_count; i++) {
        size_t n = json_count(caps->extra_claims[i]);
        for (size_t m = 0; m < n && m < EXTRA_MEMBERS_MAX; m++)
            if (json_member_at(caps->extra_claims[i], m, &name) != NULL)
                write_extra(x, i, name);
    }
}

void claims_write(struct json_writer *w, struct pool *p, const struct claims *c, enum client_claims where)
{
    const struct writing x = { w, p, c, where };

    jw_text(w, "sub", person_subject(p, c->issuer, c->person->user_id));
    if (c->client->claims != CLAIMS_BOTH && c->client->claims != where)
        return;
    write_scope_claims(&x);
    write_extras(&x);
}

struct slice claims_userinfo(struct pool *p, const struct claims *c)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, USERINFO_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    claims_write(&w, p, c, CLAIMS_USERINFO);
    jw_object_end(&w);
    return jw_finish(&w);
}
