/* What a client is and may: its secret, its choices, its words on the wire. Where an application is unknown, or has no secret,
 * the same work is done against the hash of nothing, so that time tells a stranger no client's name. */
#include "client.h"

#include <assert.h>
#include <string.h>

#define SECRET_BYTES 43 /* base64url of 32 random bytes */

struct slice client_secret_make(struct pool *p)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *text = pool_secret(p, SECRET_BYTES);

    random_bytes(text, SECRET_BYTES);
    /* six bits a letter; the last one has the four that are left of 32 bytes */
    for (size_t i = 0; i < SECRET_BYTES; i++)
        text[i] = alphabet[(unsigned char)text[i] & (i < SECRET_BYTES - 1 ? 0x3f : 0x3c)];
    return (struct slice){ text, SECRET_BYTES };
}

void client_secret_set(struct client *c, struct slice secret, int64_t old_until, struct now now)
{
    if (old_until > now.s)
        memcpy(c->old_secret_hash, c->secret_hash, SHA256_BYTES);
    else
        memset(c->old_secret_hash, 0, SHA256_BYTES);
    c->old_secret_until = old_until > now.s ? old_until : 0;
    sha256(secret, c->secret_hash);
    c->secret_at = now.s;
}

bool client_secret_matches(const struct client *c, struct slice secret, struct now now)
{
    static const struct client nobody = { .auth_method = AUTH_NONE };
    const struct client *judged = c != NULL ? c : &nobody;
    uint8_t hash[SHA256_BYTES];

    sha256(secret, hash);
    struct slice given = slice_bytes(hash, SHA256_BYTES);
    bool is_new = equal_ct(given, slice_bytes(judged->secret_hash, SHA256_BYTES));
    bool is_old = equal_ct(given, slice_bytes(judged->old_secret_hash, SHA256_BYTES));
    return (is_new || (is_old && now.s < judged->old_secret_until)) && client_is_confidential(judged);
}

bool client_is_confidential(const struct client *c)
{
    return c->auth_method != AUTH_NONE;
}

/* OAuth 2.1 wants PKCE of everybody; OpenID Connect's own profile knows none, and its nonce does the same for confidential clients
 * (RFC 9700 2.1.1). */
bool client_needs_pkce(const struct client *c, bool asks_openid)
{
    if (c->require_pkce != CHOICE_DEFAULT)
        return c->require_pkce == CHOICE_YES;
    return !client_is_confidential(c) || !asks_openid;
}

bool client_is_vouched_for(const struct client *c)
{
    return c->origin == CLIENT_ADDED || c->approved;
}

static int64_t either(int64_t own, int64_t common)
{
    return own > 0 ? own : common;
}

struct lifetimes client_lifetimes(const struct client *c, const struct issuer *issuer)
{
    const struct lifetimes *own = &c->lifetimes, *common = &issuer->lifetimes;

    return (struct lifetimes){
        .code = either(own->code, common->code),
        .access = either(own->access, common->access),
        .id = either(own->id, common->id),
        .refresh_idle = either(own->refresh_idle, common->refresh_idle),
        .refresh = either(own->refresh, common->refresh),
        .session_idle = either(own->session_idle, common->session_idle),
        .session = either(own->session, common->session),
    };
}

static const char *const auth_methods[AUTH_METHOD_COUNT] = {
    [AUTH_BASIC] = "client_secret_basic",
    [AUTH_POST] = "client_secret_post",
    [AUTH_NONE] = "none",
};

static const char *const claims_places[CLIENT_CLAIMS_COUNT] = {
    [CLAIMS_BOTH] = "both",
    [CLAIMS_ID_TOKEN] = "id_token",
    [CLAIMS_USERINFO] = "userinfo",
};

static const char *const pages[CLIENT_PAGE_COUNT] = {
    [PAGE_AS_DUE] = "as_due",
    [PAGE_NEVER] = "never",
    [PAGE_FIRST] = "first",
    [PAGE_ALWAYS] = "always",
};

static const char *const origins[CLIENT_ORIGIN_COUNT] = {
    [CLIENT_ADDED] = "added",
    [CLIENT_REGISTERED] = "registered",
    [CLIENT_DOCUMENT] = "document",
};

static const char *name_of(const char *const *names, size_t count, size_t i)
{
    assert(i < count);
    return names[i];
}

/* count: there is none of this name. */
static size_t find(const char *const *names, size_t count, struct slice s)
{
    size_t i = 0;

    while (i < count && !slice_eq(s, slice_of(names[i])))
        i++;
    return i;
}

const char *auth_method_name(enum auth_method m)
{
    return name_of(auth_methods, AUTH_METHOD_COUNT, m);
}

bool auth_method_parse(struct slice s, enum auth_method *ret)
{
    size_t i = find(auth_methods, AUTH_METHOD_COUNT, s);

    if (i == AUTH_METHOD_COUNT)
        return false;
    *ret = (enum auth_method)i;
    return true;
}

const char *client_claims_name(enum client_claims c)
{
    return name_of(claims_places, CLIENT_CLAIMS_COUNT, c);
}

bool client_claims_parse(struct slice s, enum client_claims *ret)
{
    size_t i = find(claims_places, CLIENT_CLAIMS_COUNT, s);

    if (i == CLIENT_CLAIMS_COUNT)
        return false;
    *ret = (enum client_claims)i;
    return true;
}

const char *client_page_name(enum client_page p)
{
    return name_of(pages, CLIENT_PAGE_COUNT, p);
}

bool client_page_parse(struct slice s, enum client_page *ret)
{
    size_t i = find(pages, CLIENT_PAGE_COUNT, s);

    if (i == CLIENT_PAGE_COUNT)
        return false;
    *ret = (enum client_page)i;
    return true;
}

static void write_lifetimes(struct json_writer *w, const struct lifetimes *l)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        { "code", l->code },       { "access", l->access },
        { "id", l->id },           { "refresh_idle", l->refresh_idle },
        { "refresh", l->refresh }, { "session_idle", l->session_idle },
        { "session", l->session },
    };

    jw_object(w, "lifetimes"); /* seconds; what is not here is the issuer's */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].value > 0)
            jw_int(w, rows[i].name, rows[i].value);
    jw_object_end(w);
}

static void write_ours(struct json_writer *w, const struct client *c)
{
    jw_text(w, "origin", slice_of(name_of(origins, CLIENT_ORIGIN_COUNT, c->origin)));
    jw_text_if(w, "added_by", c->added_by);
    jw_bool(w, "approved", c->approved);
    jw_bool(w, "disabled", c->disabled);
    jw_text(w, "claims", slice_of(client_claims_name(c->claims)));
    jw_text(w, "page", slice_of(client_page_name(c->page)));
    if (c->require_pkce != CHOICE_DEFAULT)
        jw_bool(w, "require_pkce", c->require_pkce == CHOICE_YES);
    jw_bool(w, "frames", c->frames);
    if (c->reach_public)
        jw_text(w, "reach", SL("public"));
    if (client_is_confidential(c))
        jw_int(w, "client_secret_made_at", c->secret_at);
    write_lifetimes(w, &c->lifetimes);
}

void client_write_json(struct json_writer *w, struct pool *p, const struct client *c)
{
    (void)p;
    jw_text(w, "client_id", c->id);
    jw_int(w, "client_id_issued_at", c->created_at);
    jw_text_if(w, "client_name", c->name);
    jw_texts(w, "redirect_uris", c->redirect_uris);
    if (c->post_logout_redirect_uris.n > 0)
        jw_texts(w, "post_logout_redirect_uris", c->post_logout_redirect_uris);
    jw_text(w, "token_endpoint_auth_method", slice_of(auth_method_name(c->auth_method)));
    jw_array(w, "grant_types");
    jw_text(w, NULL, SL("authorization_code"));
    jw_array_end(w);
    jw_array(w, "response_types");
    jw_text(w, NULL, SL("code"));
    jw_array_end(w);
    jw_text(w, "id_token_signed_response_alg", slice_of(sign_alg_name(c->id_token_alg)));
    jw_text_if(w, "scope", c->scope);
    jw_text_if(w, "client_uri", c->client_uri);
    jw_text_if(w, "logo_uri", c->logo_uri);
    jw_text_if(w, "policy_uri", c->policy_uri);
    jw_text_if(w, "tos_uri", c->tos_uri);
    write_ours(w, c);
}
