/* Answers as tailscaled's LocalAPI does, quickly: bodies are written in advance (tests/support/localapi.py makes them), so what
 * a row with it measures is the asking, not Python.
 *
 *   localapi SOCKET ANSWERS      ANSWERS has lines "QUESTION<TAB>JSON"; a question is "status", "prefs" or "whois ADDRESS"
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWERS_MAX     1024
#define REQUEST_BYTES   8192
#define EVENTS_MAX      64
#define HEAD_BYTES_MAX  256
#define CONNECTIONS_MAX 1024

static struct answer {
    char *question, *response;
    size_t n; /* bytes of the response, head and body */
} answers[ANSWERS_MAX];

static size_t answer_n;

struct conn {
    int fd;
    size_t n;
    char in[REQUEST_BYTES];
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "localapi: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void add_answer(const char *question, const char *json)
{
    struct answer *a = &answers[answer_n++];
    size_t n = strlen(json);

    if (answer_n == ANSWERS_MAX)
        die("too many answers");
    a->question = strdup(question);
    a->response = malloc(n + HEAD_BYTES_MAX);
    if (a->question == NULL || a->response == NULL)
        die("no memory");
    a->n = (size_t)sprintf(a->response,
                           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTailscale-Version: 1.102.5\r\n"
                           "Tailscale-Cap: 142\r\nContent-Length: %zu\r\n\r\n%s",
                           n, json);
}

static void read_answers(const char *file)
{
    FILE *f = fopen(file, "re");
    char *line = NULL;
    size_t room = 0;

    if (f == NULL)
        die(file);
    while (getline(&line, &room, f) > 0) {
        char *tab = strchr(line, '\t');

        if (tab == NULL)
            continue;
        *tab = '\0';
        tab[1 + strcspn(tab + 1, "\n")] = '\0';
        add_answer(line, tab + 1);
    }
    free(line);
    (void)fclose(f);
}

/* Does this text start with the word, and end there? */
static bool is_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    return strncmp(text, word, n) == 0 && strchr("&%? ", text[n]) != NULL;
}

/* "GET /localapi/v0/whois?addr=100.64.0.7&proto=tcp HTTP/1.1" asks "whois 100.64.0.7". */
static bool asks(const char *request, const char *question)
{
    static const char whois[] = "whois ";
    const char *path = strstr(request, "/localapi/v0/"), *address = strstr(request, "addr=");

    if (strncmp(question, whois, sizeof(whois) - 1) == 0)
        return address != NULL && is_word(address + strlen("addr="), question + sizeof(whois) - 1);
    return path != NULL && is_word(path + strlen("/localapi/v0/"), question);
}

static void answer(const struct conn *c)
{
    static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 21\r\n\r\nno match for IP:port\n";
    const struct answer *found = NULL;

    for (size_t i = 0; i < answer_n && found == NULL; i++)
        if (asks(c->in, answers[i].question))
            found = &answers[i];
    const char *response = found != NULL ? found->response : missing;
    size_t n = found != NULL ? found->n : sizeof(missing) - 1;
    if (write(c->fd, response, n) != (ssize_t)n)
        die("write");
}

/* False: it is gone. Questions come one at a time and without a body. */
static bool serve(struct conn *c)
{
    ssize_t got = read(c->fd, c->in + c->n, sizeof(c->in) - 1 - c->n);

    if (got <= 0)
        return false;
    c->n += (size_t)got;
    c->in[c->n] = '\0';
    if (strstr(c->in, "\r\n\r\n") == NULL)
        return true;
    answer(c);
    c->n = 0;
    return true;
}

static void watch(int epoll, int fd, void *data)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = data };

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        die("epoll_ctl");
}

static void take_connection(int epoll, int listening)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        die("no memory");
    c->fd = accept(listening, NULL, NULL);
    if (c->fd < 0)
        die("accept");
    watch(epoll, c->fd, c);
} /* NOLINT(clang-analyzer-unix.Malloc): c is epoll's now */

static int listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
        die(path);
    memcpy(a.sun_path, path, strlen(path));
    (void)unlink(path);
    if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, CONNECTIONS_MAX) != 0)
        die(path);
    return fd;
}

static void on_ready(int epoll, int listening, struct conn *c)
{
    if (c == NULL) {
        take_connection(epoll, listening);
    } else if (!serve(c)) {
        (void)close(c->fd);
        free(c);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_MAX];

    if (argc != 3)
        die("usage: localapi SOCKET ANSWERS");
    (void)signal(SIGPIPE, SIG_IGN);
    read_answers(argv[2]);
    int epoll = epoll_create1(0), listening = listen_at(argv[1]);
    watch(epoll, listening, NULL);
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < n; i++)
            on_ready(epoll, listening, events[i].data.ptr);
    }
}
