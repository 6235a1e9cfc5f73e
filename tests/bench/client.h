/* Keep-alive HTTP/1.1 clients for measuring: many connections, one thread, one request at a time on each. Just enough of the
 * protocol for answers with a Content-Length. Whatever goes wrong ends the program: a measurement with errors is none. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#define RESPONSE_BYTES_MAX 32768

struct client;

struct response {
    int status;
    const char *head, *body; /* NUL-terminated each; gone when the callback returns */
    size_t body_n;
    int64_t ns; /* from sending to having it all */
};

typedef void client_answered(struct client *c, const struct response *r);

struct client {
    int fd;
    unsigned index; /* the how-manieth */
    int64_t sent_at;
    size_t n; /* bytes of in */
    char in[RESPONSE_BYTES_MAX];
    /* the caller's */
    unsigned stage;
    size_t slot;
    char cookie[512], code[128], token[128];
};

struct clients {
    int epoll;
    int64_t look_us; /* between two looks at the sockets; 0: sleeps on them */
    unsigned n, busy;
    struct client *at;
    client_answered *answered;
};

struct target {
    const char *unix_path; /* NULL: TCP to 127.0.0.1 */
    int port;
    unsigned sources; /* client i comes from 127.0.0.(1 + i % sources) */
    int64_t look_us;  /* see struct clients */
};

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int64_t now_ns(void);
double number(const char *text); /* what it begins with; none: the end */

void clients_open(struct clients *all, unsigned n, const struct target *to, client_answered *answered);
void clients_close(struct clients *all);
void client_send(struct client *c, struct clients *all, const char *request, size_t n);
void clients_run(struct clients *all); /* until nobody waits for an answer */

#endif
