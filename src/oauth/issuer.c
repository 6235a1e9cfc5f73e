/* What the database remembers of an issuer, and the form of its name. The name is compared byte by byte by every application
 * there is, so there must be no second spelling of it: no slash, no capitals, no port that goes without saying. */
#include "issuer.h"

#include "record.h"
#include "stored.h"
#include "uri.h"

static struct slice make_key(struct txn *t)
{
    return key_make(txn_pool(t), txn_issuer(t), CLASS_ISSUER, SLICE_NONE, SLICE_NONE);
}

static bool unpack(struct pool *p, struct slice value, struct issuer_record *ret)
{
    struct issuer_record rec;
    struct unpacker u;

    unpack_begin(&u, p, value);
    rec.url = unpack_text(&u);
    rec.epoch = unpack_u32(&u);
    rec.sealed_page_key = unpack_text(&u);
    rec.sealed_refresh_key = unpack_text(&u);
    if (unpack_end(&u) != ERR_OK)
        return false;
    *ret = rec;
    return true;
}

bool issuer_load(struct txn *t, struct issuer_record *ret)
{
    struct slice value;

    if (!txn_get(t, make_key(t), &value))
        return false;
    if (unpack(txn_pool(t), value, ret))
        return true;
    txn_fail(t, ERR_CORRUPT);
    return false;
}

void issuer_put(struct txn *t, const struct issuer_record *rec)
{
    struct packer k;

    pack_begin(&k, txn_pool(t), ISSUER_RECORD_VERSION, 0);
    pack_text(&k, rec->url);
    pack_u32(&k, rec->epoch);
    pack_text(&k, rec->sealed_page_key);
    pack_text(&k, rec->sealed_refresh_key);
    stored_put(t, make_key(t), &k);
}

struct slice issuer_count_key(struct txn *t, enum key_class counted, struct slice whose)
{
    const char class = (char)counted;

    return key_make(txn_pool(t), txn_issuer(t), CLASS_COUNT, slice_bytes(&class, 1), whose);
}

static const char *judge_scheme(const struct uri *u, bool allow_http)
{
    if (slice_eq(u->scheme, SL("https")))
        return NULL;
    if (!slice_eq(u->scheme, SL("http")))
        return "an issuer begins with https:// (in lower case)";
    if (!allow_http)
        return "an issuer begins with https://; http is for development mode alone";
    return uri_host_is_loopback(u->host) ? NULL : "an issuer with http must be localhost or a loopback address";
}

static const char *judge_host(struct slice host)
{
    if (host.n == 0)
        return "an issuer has a host";
    if (slice_starts(host, SL(".")) || slice_ends(host, SL(".")))
        return "an issuer's host neither begins nor ends with a dot";
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] >= 'A' && host.p[i] <= 'Z')
            return "an issuer's host is in lower case";
    return NULL;
}

static const char *judge_port(const struct uri *u)
{
    if (slice_is_none(u->port))
        return NULL;
    if (slice_starts(u->port, SL("0")))
        return "an issuer's port begins with another digit than 0";
    if (slice_eq(u->port, slice_eq(u->scheme, SL("https")) ? SL("443") : SL("80")))
        return "an issuer leaves out the port that its scheme implies";
    return NULL;
}

static const char *judge_url(struct slice url, const struct uri *u, bool allow_http)
{
    const char *why = judge_scheme(u, allow_http);

    if (why == NULL)
        why = judge_host(u->host);
    if (why == NULL)
        why = judge_port(u);
    if (why == NULL && slice_eq(u->tail, SL("/")))
        why = "an issuer has no slash at its end";
    if (why == NULL && (u->tail.n > 0 || slice_has(url, '#')))
        why = "an issuer has no path, query or fragment";
    return why;
}

bool issuer_url_check(struct slice url, bool allow_http, struct slice *ret_host, bool *ret_https, const char **ret_why)
{
    struct uri u;
    const char *why = "an issuer is a URL such as https://idp.example.ts.net";

    if (uri_split(url, &u) && u.has_authority)
        why = judge_url(url, &u, allow_http);
    if (why != NULL) {
        *ret_why = why;
        return false;
    }
    *ret_https = slice_eq(u.scheme, SL("https"));
    *ret_host = slice_from(url, u.scheme.n + 3);
    return true;
}
