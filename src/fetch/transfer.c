/* TLS and HTTP over a connection that is there already; the only file that knows libcurl, which has a unix socket to speak to (relay.c)
 * and nothing else: it resolves nothing, and redirects, proxies, compression, cookies and HTTP/2 are off. */
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <curl/curl.h>

#include "buf.h"
#include "encode.h"
#include "fetch_int.h"
#include "head.h"

#define LOCAL_MS 2000 /* for tailscaled: it may hang, and the name not be its own */

struct transfer {
    struct fetching *f;
    CURL *curl;
    struct head head;
    struct buf body;
    bool head_over;
    char error[CURL_ERROR_SIZE];
};

/* ---- callbacks ---- */

static curl_socket_t open_unix_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)ctx;
    (void)purpose;
    return address->family == AF_UNIX ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : CURL_SOCKET_BAD;
}

static size_t take_line(char *line, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;

    (void)size;
    t->head_over |= !head_line(&t->head, t->f->pool, slice_bytes(line, n));
    return t->head_over ? 0 : n;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;

    (void)size;
    buf_put(&t->body, slice_bytes(bytes, n));
    return t->body.over ? 0 : n;
}

/* ---- settings ---- */

#define SET(option, value) (curl_easy_setopt(t->curl, (option), (value)) == CURLE_OK)

static bool set_limits(struct transfer *t)
{
    return SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_TIMEOUT_MS, (long)fetching_left_ms(t->f)) &&
           SET(CURLOPT_ERRORBUFFER, t->error) && SET(CURLOPT_WRITEFUNCTION, take_body) && SET(CURLOPT_WRITEDATA, t) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOPROXY, "*") && SET(CURLOPT_USERAGENT, "avouch/" AVOUCH_VERSION) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_unix_socket);
}

/* Where the system's authorities lie in a folder by their hash, one that is looked for is found there, and the one file with all of them
 * need not be read: three quarters of the cost of a fetch. */
static bool has_folder_of_authorities(void)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

    return v->age >= CURLVERSION_SEVENTH && v->capath != NULL && v->cainfo != NULL &&
           slice_starts(slice_of(v->cainfo), slice_of(v->capath));
}

static bool set_authorities(struct transfer *t)
{
    struct slice own = t->f->ask.settings.ca_file;

    if (own.n > 0)
        return SET(CURLOPT_CAINFO, slice_cstr(t->f->pool, own)); /* the folder stays */
    return !has_folder_of_authorities() || SET(CURLOPT_CAINFO, NULL);
}

static bool set_tls(struct transfer *t)
{
    return SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
           SET(CURLOPT_SSL_VERIFYHOST, 2L) && SET(CURLOPT_CERTINFO, 1L) && set_authorities(t);
}

static bool set_request(struct transfer *t, const char *relay)
{
    static char line[] = "Accept: application/json";
    static struct curl_slist accept = { .data = line };

    return SET(CURLOPT_PROTOCOLS_STR, t->f->http ? "http" : "https") &&
           SET(CURLOPT_URL, slice_cstr(t->f->pool, t->f->ask.url)) && SET(CURLOPT_HTTPHEADER, &accept) &&
           SET(CURLOPT_ABSTRACT_UNIX_SOCKET, relay) && SET(CURLOPT_HEADERFUNCTION, take_line) &&
           SET(CURLOPT_HEADERDATA, t);
}

/* ---- what came ---- */

static struct slice certificate_line(struct transfer *t, const char *name)
{
    struct curl_certinfo *chain = NULL;

    if (curl_easy_getinfo(t->curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL || chain->num_of_certs < 1)
        return SL("?");
    for (const struct curl_slist *i = chain->certinfo[0]; i != NULL; i = i->next)
        if (slice_starts(slice_of(i->data), slice_of(name)))
            return slice_of(i->data + strlen(name));
    return SL("?");
}

static void tell_certificate(struct transfer *t)
{
    struct slice subject = certificate_line(t, "Subject:"), issuer = certificate_line(t, "Issuer:"),
                 until = certificate_line(t, "Expire date:");

    fetching_step(t->f, FETCH_AT_TLS, true, "Good until " SLICE_FMT ": " SLICE_FMT ", issued by " SLICE_FMT ".",
                  SLICE_ARG(until), SLICE_ARG(subject), SLICE_ARG(issuer));
}

static bool fail_transfer(struct transfer *t, CURLcode rc)
{
    struct fetching *f = t->f;
    const char *text = t->error[0] != '\0' ? t->error : curl_easy_strerror(rc);

    if (t->body.over || rc == CURLE_FILESIZE_EXCEEDED)
        return fetching_fail(f, FETCH_TOO_LARGE, "The document is larger than %zu bytes.", f->ask.bytes_max);
    if (t->head_over)
        return fetching_fail(f, FETCH_TOO_LARGE, "The head of the answer is larger than %d bytes.",
                             FETCH_HEAD_BYTES_MAX);
    switch ((int)rc) {
    case CURLE_OPERATION_TIMEDOUT: return fetching_fail(f, FETCH_TOO_SLOW, "The document did not come in time.");
    case CURLE_SSL_CACERT_BADFILE:
        return fetching_fail(f, FETCH_BROKEN, "outbound.ca_file cannot be used: " SLICE_FMT ".",
                             SLICE_ARG(f->ask.settings.ca_file));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return fetching_fail(f, FETCH_BAD_TLS, "%s.", text);
    default: return fetching_fail(f, FETCH_GARBLED, "%s.", text);
    }
}

static bool judge_status(struct fetching *f, const struct head *h)
{
    int status = f->answer.status;

    if (status >= 300 && status < 400 && h->location.n > 0)
        return fetching_fail(f, FETCH_REDIRECTED, "It says %d and names " SLICE_FMT ", which is not followed.", status,
                             SLICE_ARG(h->location));
    return status == 200 || fetching_fail(f, FETCH_BAD_STATUS, "It says %d, not 200.", status);
}

static bool judge_answer(struct transfer *t)
{
    struct fetching *f = t->f;
    struct slice body = buf_finish(&t->body);

    if (!judge_status(f, &t->head))
        return false;
    if (slice_is_none(t->head.type))
        return fetching_fail(f, FETCH_BAD_TYPE, "It does not say which kind of document it is (Content-Type).");
    if (!head_is_json(&t->head))
        return fetching_fail(f, FETCH_BAD_TYPE, "It says that it is " SLICE_FMT ", not JSON.", SLICE_ARG(t->head.type));
    if (!utf8_is_valid(body) || slice_has(body, '\0'))
        return fetching_fail(f, FETCH_BAD_TYPE, "It says that it is JSON and is no text in UTF-8.");
    fetching_document(f, t->head.type, body, head_fresh_s(&t->head, time(NULL)));
    return true;
}

static void tell_answer(struct transfer *t)
{
    struct fetching *f = t->f;
    curl_off_t took_us = 0;

    (void)curl_easy_getinfo(t->curl, CURLINFO_TOTAL_TIME_T, &took_us);
    fetching_step(f, FETCH_AT_ANSWER, f->answer.status == 200, "Status %d, %zu bytes, in %ld ms.", f->answer.status,
                  t->body.n, (long)(took_us / 1000));
}

static bool perform(struct transfer *t)
{
    struct fetching *f = t->f;
    long status = 0;

    fetching_do(f, "waiting for the document");
    CURLcode rc = curl_easy_perform(t->curl);
    if (curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status >= 100 && status <= 599)
        fetching_status(f, (int)status);
    if (!f->http && f->answer.status != 0)
        tell_certificate(t);
    if (rc != CURLE_OK)
        return fail_transfer(t, rc);
    tell_answer(t);
    return judge_answer(t);
}

static bool begin(struct transfer *t, size_t bytes_max)
{
    buf_init(&t->body, t->f->pool, bytes_max);
    head_begin(&t->head);
    t->curl = curl_easy_init();
    return t->curl != NULL && set_limits(t);
}

bool transfer(struct fetching *f, int fd)
{
    struct transfer t = { .f = f };
    const char *relay = NULL;
    bool done;

    if (relay_start(f, fd, &relay) && begin(&t, f->ask.bytes_max) && set_tls(&t) && set_request(&t, relay))
        done = perform(&t);
    else
        done = fetching_fail(f, FETCH_BROKEN, "libcurl does not do what is needed of it.");
    curl_easy_cleanup(t.curl);
    return done;
}

bool transfer_local(struct fetching *f, const char *path, size_t bytes_max, struct slice *ret)
{
    struct transfer local = { .f = f }, *t = &local;
    const char *url = slice_cstr(f->pool, pool_fmt(f->pool, "http://local-tailscaled.sock%s", path));
    int64_t left_ms = fetching_left_ms(f) < LOCAL_MS ? fetching_left_ms(f) : LOCAL_MS;
    long status = 0;

    bool done = begin(t, bytes_max) && SET(CURLOPT_PROTOCOLS_STR, "http") && SET(CURLOPT_URL, url) &&
                SET(CURLOPT_TIMEOUT_MS, (long)left_ms) &&
                SET(CURLOPT_UNIX_SOCKET_PATH, slice_cstr(f->pool, f->ask.settings.tailscaled)) &&
                curl_easy_perform(t->curl) == CURLE_OK &&
                curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
    *ret = done ? buf_finish(&t->body) : SLICE_NONE;
    curl_easy_cleanup(t->curl);
    return done;
}
