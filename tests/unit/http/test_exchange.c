#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "wire.h"

static struct server server;

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* One request on its own connection: everything in `wants` comes. */
static char *ask_until(int fd, const char *request, const char *until)
{
    wire_send(fd, request);
    return wire_read(fd, until, NULL);
}

static void get(void)
{
    int fd = wire_connect(server.port);
    char *text = ask_until(fd, "GET /echo?a=b?c HTTP/1.1\r\nHost: name:80 \r\nX-Test:  v w \t\r\nAccept: */*\r\n\r\n",
                           "class=dev\n");

    CHECK(strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
    CHECK(
        strstr(text,
               "method=GET path=/echo query=a=b?c host=name:80 x-test=v w headers=2 body=0: tls=0 unix=0 loopback=1") !=
        NULL);
    CHECK(strstr(text, "content-type: text/plain\r\nx-made-of: pool\r\n") != NULL);
    CHECK(strstr(text, "\r\nDate: ") != NULL);
    CHECK(strstr(text, "\r\nContent-Length: ") != NULL);
    CHECK(strstr(text, "\r\nConnection: keep-alive\r\n") != NULL);
    CHECK(strstr(text, "erver:") == NULL);
    free(text);
    text = ask_until(fd, GET("/nowhere"), "not here\n");
    CHECK(strncmp(text, "HTTP/1.1 404 Not Found\r\n", 24) == 0);
    free(text);
    (void)close(fd);
}

static long number_at(const char *text)
{
    return strtol(text, NULL, 10);
}

static void head(void)
{
    int fd = wire_connect(server.port);
    char *text = ask_until(fd, "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n" GET("/nowhere"), "not here\n");
    const char *length = strstr(text, "Content-Length: ");

    CHECK(length != NULL && number_at(length + 16) > 50);
    CHECK(strstr(text, "method=") == NULL);
    CHECK(strstr(text, "\r\n\r\nHTTP/1.1 404") != NULL);
    free(text);
    (void)close(fd);
}

static void no_content(void)
{
    int fd = wire_connect(server.port);
    char *text = ask_until(fd, GET("/empty") GET("/echo"), "class=dev\n");
    const char *second = strstr(text, "HTTP/1.1 200");

    CHECK(strncmp(text, "HTTP/1.1 204 No Content\r\n", 25) == 0);
    CHECK(second != NULL);
    const char *length = strstr(text, "Content-Length");
    CHECK(length != NULL && length > second); /* RFC 9110 section 8.6: none with a 204 */
    CHECK(strstr(text, "chunked") == NULL);
    free(text);
    (void)close(fd);
}

static void bodies(void)
{
    int fd = wire_connect(server.port);
    char *text = ask_until(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "class=dev\n");

    CHECK(strstr(text, "method=POST path=/echo query= host=a x-test= headers=0 body=5:hello ") != NULL);
    free(text);
    text = ask_until(fd,
                     "POST /echo HTTP/1.1\r\nHost: a\r\nX-Test: y\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
                     "class=dev\n");
    CHECK(strstr(text, "x-test=y headers=1 body=7:abcdefg ") != NULL);
    free(text);
    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
    (void)usleep(20000);
    wire_send(fd, "cd");
    (void)usleep(20000);
    text = ask_until(fd, "ef", "class=dev\n");
    CHECK(strstr(text, "body=6:abcdef ") != NULL);
    free(text);
    text = ask_until(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
                     "\r\n\r\n");
    CHECK(strcmp(text, "HTTP/1.1 100 Continue\r\n\r\n") == 0);
    free(text);
    text = ask_until(fd, "ok", "class=dev\n");
    CHECK(strstr(text, "body=2:ok ") != NULL);
    free(text);
    (void)close(fd);
}

static void pipelined(void)
{
    int fd = wire_connect(server.port);
    char *text = ask_until(
        fd,
        GET("/echo?1") "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz" GET("/echo?3") GET("/close"),
        "not here\n");
    const char *one = strstr(text, "query=1"), *two = strstr(text, "late\n"), *three = strstr(text, "query=3");

    CHECK(one != NULL && two > one && three > two && strstr(three, "not here\n") != NULL);
    free(text);
    (void)close(fd);
}

static void later_from_another_thread(void)
{
    int fd = wire_connect(server.port);

    for (int i = 0; i < 3; i++) {
        char *text = ask_until(fd, GET("/later"), "late\n");

        CHECK(strstr(text, "HTTP/1.1 200") != NULL && strstr(text, "late\n") != NULL);
        free(text);
    }
    (void)close(fd);
}

static void closing(void)
{
    bool closed;
    char *text = wire_ask(server.port, GET("/close"), &closed);

    CHECK(closed && strstr(text, "Connection: close\r\n") != NULL);
    free(text);
    text = wire_ask(server.port, "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &closed);
    CHECK(closed && strstr(text, "Connection: close\r\n") != NULL && strstr(text, "method=GET") != NULL);
    free(text);
}

static void reset(int fd)
{
    struct linger now = { 1, 0 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)close(fd);
}

static void hung_up(void)
{
    int before = atomic_load(&server.gone), waiting = atomic_load(&server.waiting);
    int fd = wire_connect(server.port);

    wire_send(fd, GET("/never"));
    CHECK(wire_wait(&server.waiting, waiting + 1));
    CHECK_INT(atomic_load(&server.gone), before);
    reset(fd);
    CHECK(wire_wait(&server.gone, before + 1));
    (void)usleep(50000);
    CHECK_INT(atomic_load(&server.gone), before + 1);

    /* a job is out: it lands without a client */
    fd = wire_connect(server.port);
    for (int i = 0; i < 20; i++) {
        int one = wire_connect(server.port);

        wire_send(one, GET("/later"));
        reset(one);
    }
    char *text = ask_until(fd, GET("/later"), "late\n");
    CHECK(strstr(text, "late\n") != NULL);
    free(text);
    (void)close(fd);
}

static void half_closed(void)
{
    int fd = wire_connect(server.port);
    bool ended;

    wire_send(fd, GET("/later"));
    (void)shutdown(fd, SHUT_WR);
    char *text = wire_read(fd, "", &ended);
    CHECK(ended && strstr(text, "late\n") != NULL);
    free(text);
    (void)close(fd);
}

static void refused(void)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
        { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 400 },
        { "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
        { "GET /echo HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400 },
        { "GET /echo HTTP/1.1\nHost: a\n\n", 400 },
        { "GET /echo HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400 },
        { "GET /echo HTTP/1.1\r\nX: b\r\n\r\n", 400 },
        { "GET /echo HTTP/1.0\r\nHost: a\r\n\r\n", 505 },
        { "GET http://a/echo HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 400 },
        { "GET /echo HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: y\r\n\r\n", 400 },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400 },    /* h2o's own */
        { "GET /\1 HTTP/1.1\r\nHost: a\r\n\r\n", 400 }, /* h2o's own */
        { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1<script>\r\n\r\n", 400 },
        { "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: <script>\r\n\r\n", 400 },
        { "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n<script>\r\n", 400 },
        { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: <script>\r\n\r\n", 417 },
        { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413 },
        { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413 },
    };

    int before = atomic_load(&server.calls);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool closed;
        int fd = wire_connect(server.port);

        wire_send(fd, rows[i].request);
        if (strstr(rows[i].request, "65537") != NULL) {
            char *body = calloc(1, 65537);

            wire_send_bytes(fd, body, 65537);
            free(body);
        }
        char *text = wire_read(fd, "", &closed);
        if (strncmp(text, "HTTP/1.1 ", 9) != 0 || number_at(text + 9) != rows[i].status)
            printf("# row %zu: %.300s\n", i, text);
        CHECK_INT(number_at(text + (strlen(text) > 9 ? 9 : 0)), rows[i].status);
        CHECK(closed);
        CHECK(strstr(text, "<script>") == NULL);
        CHECK(strstr(text, "html") == NULL);
        CHECK(strstr(text, "onnection: close") != NULL);
        free(text);
        (void)close(fd);
    }
    CHECK_INT(atomic_load(&server.calls), before);
}

static void refusal_is_json(void)
{
    bool closed;
    char *text = wire_ask(server.port, "GET / HTTP/1.1\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n", &closed);

    CHECK(closed);
    CHECK(strstr(text, "content-type: application/json\r\ncache-control: no-store\r\n") != NULL);
    CHECK(strstr(text, "{\"error\":\"invalid_request\",\"error_description\":\"there must be one Host "
                       "header, naming a host\"}\n") != NULL);
    CHECK(strstr(text, "method=") == NULL);
    free(text);
    text = wire_ask(server.port, "HEAD / HTTP/1.1\r\n\r\n", &closed);
    CHECK(closed && strstr(text, "{") == NULL);
    free(text);
}

static void body_limit(void)
{
    int fd = wire_connect(server.port);
    char *body = malloc(BODY_BYTES_MAX);
    bool closed;

    memset(body, 'b', BODY_BYTES_MAX);
    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
    wire_send_bytes(fd, body, BODY_BYTES_MAX);
    char *text = wire_read(fd, "class=dev\n", NULL);
    CHECK(strstr(text, "body=65536:bbb") != NULL);
    free(text);
    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n");
    wire_send_bytes(fd, body, BODY_BYTES_MAX);
    wire_send(fd, "\r\n0\r\n\r\n");
    text = wire_read(fd, "class=dev\n", NULL);
    CHECK(strstr(text, "body=65536:bbb") != NULL);
    free(text);
    wire_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n");
    wire_send_bytes(fd, body, BODY_BYTES_MAX);
    wire_send(fd, "b\r\n0\r\n\r\n");
    text = wire_read(fd, "", &closed);
    CHECK(closed && strncmp(text, "HTTP/1.1 413", 12) == 0);
    free(text);
    free(body);
    (void)close(fd);
}

static void big_answer(void)
{
    bool closed;
    char *text = wire_ask(server.port, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &closed);
    const char *body = strstr(text, "\r\n\r\n");

    CHECK(closed && body != NULL && strlen(body + 4) == 1 << 20);
    free(text);
}

static void no_split_answers(void)
{
    bool closed;
    char *text = wire_ask(server.port, GET("/split"), &closed);

    CHECK(closed && strncmp(text, "HTTP/1.1 500", 12) == 0);
    CHECK(strstr(text, "set-cookie") == NULL);
    free(text);
}

static void requests_left_at_the_end(void)
{
    struct server own;
    int fd;

    server_start(&own);
    fd = wire_connect(own.port);
    wire_send(fd, GET("/never"));
    CHECK(wire_wait(&own.waiting, 1));
    server_stop(&own);
    CHECK_INT(atomic_load(&own.gone), 1);
    (void)close(fd);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "GET, and what stands in an answer", get },
        { "HEAD has the length and no body", head },
        { "204 has neither", no_content },
        { "bodies: by length, chunked, in pieces, after 100-continue", bodies },
        { "pipelined requests are answered in order", pipelined },
        { "an answer that comes later, from another thread", later_from_another_thread },
        { "Connection: close, ours and theirs", closing },
        { "a client that hung up: told once", hung_up },
        { "a client that only ended its own side is answered", half_closed },
        { "refusals close the connection, call no handler and repeat no input", refused },
        { "a refusal of the scanner is JSON; what follows it is not read", refusal_is_json },
        { "the body's limit is exact", body_limit },
        { "an answer larger than any buffer", big_answer },
        { "a header value with a line end is withheld", no_split_answers },
        { "a request that waits when the loop ends is told", requests_left_at_the_end },
    };

    server_start(&server);
    int status = TAP_RUN(tests);
    server_stop(&server);
    return status;
}
