#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"
#include "wire.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static char folder[] = "/tmp/avouch-listener-XXXXXX";
static struct pool *pool;

static void handle(void *ctx, const struct http_request *r, struct client_conn *c)
{
    c->answer(c, &(struct answer){ .status = 200, .body = SL("") });
}

static struct listen_spec parsed(const char *text)
{
    struct listen_spec spec = { 0 };

    CHECK(listen_spec_parse(slice_of(text), &spec));
    return spec;
}

/* What listener_open says; "" where it opened. */
static const char *try_to_open(const char *text, int fd)
{
    struct listen_spec spec = parsed(text);
    struct slice why = SL("");
    struct listener *made = NULL;
    struct loop *l = loop_create(handle, NULL);
    enum err e = listener_open(l, &spec, fd, NULL, pool, &made, &why);

    CHECK((e == ERR_OK) == (made != NULL));
    CHECK(e == ERR_OK || e == ERR_CONFIG);
    CHECK((e == ERR_OK) == (why.n == 0));
    loop_destroy(l);
    return slice_cstr(pool, why);
}

static void classes_have_their_places(void)
{
    static const struct {
        const char *spec, *says;
    } rows[] = {
        { "dev:127.0.0.1:0", NULL },
        { "dev:127.0.0.2:0", NULL },
        { "dev:[::1]:0", NULL },
        { "dev:0.0.0.0:0", "loopback" },
        { "dev:10.0.0.1:0", "loopback" },
        { "dev:[::]:0", "loopback" },
        { "dev:unix:/tmp/x", "loopback" },
        { "ops:127.0.0.1:0", NULL },
        { "ops:[::1]:0", NULL },
        { "ops:127.0.0.2:0", "[::1]" },
        { "ops:0.0.0.0:0", "[::1]" },
        { "tailnet:127.0.0.1:0", NULL },
        { "tailnet:0.0.0.0:0", "of this node" },
        { "tailnet:[::]:0", "of this node" },
        { "tailnet:unix:/tmp/x", "of this node" },
        { "serve:127.0.0.1:0", "unix socket" },
        { "public:0.0.0.0:0", NULL },
        { "proxy:127.0.0.1:0", NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *why = try_to_open(rows[i].spec, -1);
        bool as_wanted = rows[i].says == NULL ? *why == '\0' : strstr(why, rows[i].says) != NULL;

        if (!as_wanted)
            printf("# %s: %s\n", rows[i].spec, why);
        CHECK(as_wanted);
    }
}

static void sentences(void)
{
    struct server s;

    server_open(&s, "dev:127.0.0.1:0", NULL);
    const char *why = try_to_open(slice_cstr(pool, pool_fmt(pool, "dev:127.0.0.1:%u", s.port)), -1);
    CHECK(strstr(why, "cannot listen on 127.0.0.1:") == why && strstr(why, "another program listens there") != NULL);
    server_run(&s);
    server_stop(&s);
    CHECK(strstr(try_to_open("public:192.0.2.1:0", -1), "no such address") != NULL);
    CHECK(strstr(try_to_open("ops:unix:/nowhere/at/all", -1), "the folder does not exist") != NULL);
    CHECK(strstr(try_to_open("ops:unix:/etc/passwd", -1), "a file of another kind") != NULL);
}

static int unix_connect(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(to.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void unix_socket(void)
{
    const char *path = slice_cstr(pool, pool_fmt(pool, "%s/socket", folder));
    const char *spec = slice_cstr(pool, pool_fmt(pool, "serve:unix:%s", path));
    struct server s;
    struct stat at;

    for (int i = 0; i < 2; i++) { /* the second time over the file that the first has left */
        server_open(&s, spec, NULL);
        CHECK(lstat(path, &at) == 0 && S_ISSOCK(at.st_mode) && (at.st_mode & 0777) == 0660);
        CHECK_INT(listener_port(s.listener), 0);
        CHECK(strstr(try_to_open(spec, -1), "another program listens there") != NULL);
        server_run(&s);
        int fd = unix_connect(path);
        wire_send(fd, GET("/echo"));
        char *text = wire_read(fd, "class=serve\n", NULL);
        CHECK(strstr(text, "unix=1") != NULL);
        free(text);
        (void)close(fd);
        server_stop(&s);
        CHECK(lstat(path, &at) == 0);
    }
    (void)unlink(path);
}

static void handed_over(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pipes[2];

    CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    const char *spec = slice_cstr(pool, pool_fmt(pool, "dev:127.0.0.1:%u", ntohs(at.sin_port)));
    CHECK(strstr(try_to_open(spec, fd), "not a listening socket") != NULL);
    CHECK_INT(listen(fd, 1), 0);
    CHECK(strstr(try_to_open("dev:127.0.0.1:1", fd), "elsewhere") != NULL);
    CHECK(strstr(try_to_open("serve:unix:/tmp/x", fd), "elsewhere") != NULL);
    CHECK(strstr(try_to_open("dev:10.0.0.1:80", fd), "loopback") != NULL);
    CHECK_INT(pipe(pipes), 0);
    CHECK(strstr(try_to_open(spec, pipes[0]), "not a listening socket") != NULL);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    CHECK(strcmp(try_to_open(spec, fd), "") == 0);
    CHECK(fcntl(fd, F_GETFD) < 0); /* it was taken, and closed with the loop */
}

static void fakes(void)
{
    struct listener *l = listener_fake(pool, LISTEN_PUBLIC, true);

    CHECK_INT(listener_class(l), LISTEN_PUBLIC);
    CHECK(listener_has_tls(l));
    CHECK(!listener_has_tls(listener_fake(pool, LISTEN_DEV, false)));
    CHECK_INT(listener_port(l), 0);
}

/* From a proxy that shares its connections between people, one request each. */
static void a_proxy_gets_one_request_a_connection(void)
{
    struct server s;
    bool closed;

    server_open(&s, "proxy:127.0.0.1:0", NULL);
    server_run(&s);
    char *text = wire_ask(s.port, GET("/echo?1") GET("/echo?2"), &closed);
    CHECK(closed && strstr(text, "query=1") != NULL && strstr(text, "query=2") == NULL);
    free(text);
    server_stop(&s);
}

/* A context with a key and certificate made on the spot, whose name is `name`. */
static SSL_CTX *make_tls(const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                     -1, 0);
    (void)X509_set_issuer_name(cert, X509_get_subject_name(cert));
    (void)X509_set_pubkey(cert, key);
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    CHECK_INT(SSL_CTX_use_certificate(ctx, cert), 1);
    CHECK_INT(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ctx;
}

struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    char name[64]; /* of the server's certificate */
};

static bool tls_connect(struct tls_client *c, uint16_t port)
{
    *c = (struct tls_client){ .ctx = SSL_CTX_new(TLS_client_method()), .fd = wire_connect(port) };
    c->ssl = SSL_new(c->ctx);
    (void)SSL_set_fd(c->ssl, c->fd);
    if (SSL_connect(c->ssl) != 1)
        return false;
    X509 *cert = SSL_get1_peer_certificate(c->ssl);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, c->name, sizeof(c->name));
    X509_free(cert);
    return true;
}

static void tls_close(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    (void)close(c->fd);
}

static bool tls_ask(struct tls_client *c, const char *request, const char *wanted)
{
    char text[4096] = "";
    size_t n = 0;

    (void)SSL_write(c->ssl, request, (int)strlen(request));
    while (n + 1 < sizeof(text) && strstr(text, wanted) == NULL) {
        int got = SSL_read(c->ssl, text + n, (int)(sizeof(text) - 1 - n));

        if (got <= 0)
            return false;
        n += (size_t)got;
        text[n] = '\0';
    }
    return true;
}

struct swap {
    struct job job;
    struct listener *listener;
    SSL_CTX *to;
    atomic_int done;
};

static void swap_tls(struct job *j)
{
    struct swap *s = (struct swap *)j;

    listener_set_tls(s->listener, s->to);
    SSL_CTX_free(s->to);
    atomic_store(&s->done, 1);
}

static void tls(void)
{
    SSL_CTX *first = make_tls("first");
    struct server s;
    struct tls_client old, new;
    struct swap order = { .job.land = swap_tls, .to = make_tls("second") };

    server_open(&s, "dev:127.0.0.1:0", first);
    SSL_CTX_free(first); /* the listener has its own reference */
    CHECK(listener_has_tls(s.listener));
    server_run(&s);
    order.listener = s.listener;
    order.job.home = loop_inbox(s.loop);
    CHECK(tls_connect(&old, s.port));
    CHECK(strcmp(old.name, "first") == 0);
    CHECK(tls_ask(&old, GET("/echo"), "tls=1"));
    CHECK(tls_ask(&old, GET("/later"), "late\n"));
    inbox_push(order.job.home, &order.job);
    CHECK(wire_wait(&order.done, 1));
    CHECK(tls_connect(&new, s.port));
    CHECK(strcmp(new.name, "second") == 0);
    CHECK(tls_ask(&new, GET("/echo"), "tls=1"));
    CHECK(tls_ask(&old, GET("/echo"), "tls=1")); /* a live connection goes on */
    (void)SSL_write(new.ssl, GET("/never"), sizeof(GET("/never")) - 1);
    CHECK(wire_wait(&s.waiting, 2));
    char *text = wire_ask(s.port, GET("/echo"), NULL); /* plain text on a TLS port */
    CHECK(strstr(text, "method=") == NULL);
    free(text);
    tls_close(&old);
    tls_close(&new);
    server_stop(&s);
    CHECK_INT(atomic_load(&s.gone), 1);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "each class listens only where it may", classes_have_their_places },
        { "what is wrong is said in a sentence", sentences },
        { "unix sockets: mode, leftovers, one that lives", unix_socket },
        { "sockets handed over are checked and taken", handed_over },
        { "fakes for the layers above", fakes },
        { "a proxy gets one request a connection", a_proxy_gets_one_request_a_connection },
        { "TLS, and another certificate while it runs", tls },
    };

    if (mkdtemp(folder) == NULL)
        return 1;
    pool = pool_create(1 << 20);
    int status = TAP_RUN(tests);
    pool_destroy(pool);
    (void)rmdir(folder);
    return status;
}
