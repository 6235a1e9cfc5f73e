/* The issuer and what it signs with. Everything here runs before the server has other threads. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "serve_int.h"

#define SEAL_FILE       "seal.key"
#define SECRETS_BYTES   ((size_t)2 * SHA256_BYTES)
#define START_TRIES_MAX 8

/* ---- the sealing key ---- */

static const char *seal_file(struct serve *s)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");

    if (!slice_is_none(s->config.seal_key_file))
        return slice_cstr(s->pool, s->config.seal_key_file);
    if (credentials != NULL) {
        const char *file = slice_cstr(s->pool, pool_fmt(s->pool, "%s/" SEAL_FILE, credentials));
        if (access(file, R_OK) == 0)
            return file;
    }
    return slice_cstr(s->pool, pool_fmt(s->pool, SLICE_FMT "/" SEAL_FILE, SLICE_ARG(s->config.state)));
}

static bool start_signer(struct serve *s)
{
    uint8_t key[SEAL_KEY_BYTES];
    const char *why = "", *file = seal_file(s);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    enum err e = seal_key_load(file, slice_is_none(s->config.seal_key_file), key, &why);
    if (e != ERR_OK)
        return serve_complain("the sealing key %s %s", file, why);
    e = signer_create(cores > 0 ? (unsigned)cores : 1, key, &s->signer);
    return e == ERR_OK || serve_complain("the signer cannot start: %s (is RLIMIT_MEMLOCK too low?)", err_text(e));
}

/* ---- the issuer's record: made at the first start ---- */

static struct slice seal_new_secret(struct serve *s, struct pool *p)
{
    uint8_t *secret = pool_secret(p, SHA256_BYTES);

    random_bytes(secret, SHA256_BYTES);
    return signer_seal_secret(s->signer, p, slice_bytes(secret, SHA256_BYTES));
}

/* The record as it is stored, made if there is none: by whoever commits first, should two start at once. */
static enum err load_record(struct serve *s, struct pool *p, struct issuer_record *ret)
{
    enum err e = ERR_CHANGED;

    for (unsigned i = 0; e == ERR_CHANGED && i < START_TRIES_MAX; i++) {
        view_rest(s->view);
        struct txn *t = txn_create(p, s->view, ISSUER_NUMBER);
        if (issuer_load(t, ret) || txn_err(t) != ERR_OK)
            return txn_err(t);
        *ret = (struct issuer_record){ .sealed_page_key = seal_new_secret(s, p),
                                       .sealed_refresh_key = seal_new_secret(s, p) };
        issuer_put(t, ret);
        e = store_commit_one(s->store, t);
    }
    return e;
}

static enum err unseal(struct serve *s, struct pool *p, struct unsealing *u)
{
    u->msg.task = SIGNER_UNSEAL;
    u->msg.pool = p;
    signer_run(s->signer, &u->msg.job);
    return u->msg.job.err;
}

static enum err unseal_secret(struct serve *s, struct pool *p, struct slice sealed, uint8_t *ret)
{
    struct unsealing u = { .is_secret = true, .sealed = sealed };
    enum err e = unseal(s, p, &u);

    if (e == ERR_OK && u.ret_secret.n == SHA256_BYTES)
        memcpy(ret, u.ret_secret.p, SHA256_BYTES);
    return e == ERR_OK && u.ret_secret.n != SHA256_BYTES ? ERR_CORRUPT : e;
}

static bool lock_secrets(struct serve *s)
{
    s->secrets = mmap(NULL, SECRETS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s->secrets == MAP_FAILED || mlock(s->secrets, SECRETS_BYTES) != 0)
        return serve_complain("a page of memory cannot be locked (is RLIMIT_MEMLOCK too low?)");
    (void)madvise(s->secrets, SECRETS_BYTES, MADV_DONTDUMP);
    return true;
}

static bool unseal_all(struct serve *s, struct pool *p)
{
    struct issuer_record record;
    struct keyring ring;
    enum err e = load_record(s, p, &record);

    if (e == ERR_OK)
        e = unseal_secret(s, p, record.sealed_page_key, s->secrets);
    if (e == ERR_OK)
        e = unseal_secret(s, p, record.sealed_refresh_key, s->secrets + SHA256_BYTES);
    if (e == ERR_OK)
        e = keyring_read(p, s->view, ISSUER_NUMBER, &ring);
    for (size_t i = 0; e == ERR_OK && i < ring.n; i++) {
        struct unsealing u = { .key = key_handle(ISSUER_NUMBER, ring.key[i].number),
                               .alg = ring.key[i].alg,
                               .sealed = ring.key[i].sealed };
        e = unseal(s, p, &u);
    }
    view_rest(s->view);
    if (e == ERR_CRYPTO)
        return serve_complain(
            "the keys in the database cannot be unsealed: is %s the sealing key they were sealed with?", seal_file(s));
    return e == ERR_OK || serve_complain("the keys in the database: %s", err_text(e));
}

bool serve_open_keys(struct serve *s)
{
    struct pool *p = pool_create(SERVE_POOL_BYTES);
    bool done = start_signer(s) && lock_secrets(s) && unseal_all(s, p);

    pool_destroy(p);
    return done;
}

/* ---- its name ---- */

/* Remembered once chosen, because every application keeps it. Not under --dev. */
static bool remember(struct serve *s, struct pool *p, struct slice url)
{
    struct issuer_record record;
    enum err e = ERR_CHANGED;

    for (unsigned i = 0; e == ERR_CHANGED && i < START_TRIES_MAX; i++) {
        view_rest(s->view);
        struct txn *t = txn_create(p, s->view, ISSUER_NUMBER);
        if (!issuer_load(t, &record))
            return serve_complain("the issuer's record cannot be read");
        if (slice_eq(record.url, url))
            return true;
        if (record.url.n > 0)
            return serve_complain("this database belongs to the issuer " SLICE_FMT ", not to " SLICE_FMT
                                  ": every application knows it by that name. Put it back, or move "
                                  "deliberately: avouch issuer rename",
                                  SLICE_ARG(record.url), SLICE_ARG(url));
        record.url = url;
        issuer_put(t, &record);
        e = store_commit_one(s->store, t);
    }
    return e == ERR_OK || serve_complain("the issuer's name cannot be remembered: %s", err_text(e));
}

static struct issuer *make(struct serve *s, struct slice url, struct slice host, bool https)
{
    const struct config *c = &s->config;
    struct issuer *issuer = pool_zalloc(s->settings, sizeof(*issuer));

    *issuer = (struct issuer){
        .number = ISSUER_NUMBER,
        .url = url,
        .host = host,
        .https = https,
        .dev = c->dev,
        .lifetimes = c->lifetimes,
        .contact = c->contact,
        .subject_is_tsidp = c->subject_is_tsidp,
        .email_verified = c->email_verified,
        .shared_in = c->shared_in,
        .ids_for_ever = s->watch.ids_for_ever,
        .page_key = s->secrets,
        .refresh_key = s->secrets + SHA256_BYTES,
    };
    issuer->self.service = c->tailscale_service;
    if (s->watch.known) {
        issuer->self.stable_id = pool_dup(s->settings, s->watch.status.stable_id);
        issuer->self.suffix = pool_dup(s->settings, s->watch.status.suffix);
        issuer->self.tells_authorized = s->watch.tells_authorized;
    }
    return issuer;
}

bool serve_make_issuer(struct serve *s, struct slice url)
{
    struct pool *p = pool_create(SERVE_POOL_BYTES);
    struct slice host = SLICE_NONE;
    const char *why = "";
    bool https = false, done = false;

    url = pool_dup(s->settings, url);
    if (!issuer_url_check(url, s->config.dev, &host, &https, &why))
        (void)serve_complain("issuer " SLICE_FMT ": %s", SLICE_ARG(url), why);
    else
        done = s->config.dev || remember(s, p, url);
    view_rest(s->view);
    pool_destroy(p);
    if (!done)
        return false;
    s->issuer = make(s, url, host, https);
    s->machine.issuer = s->issuer;
    return true;
}
