/* A small server on a thread, and a client that sees the bytes. For tests of the socket layer only. */
#ifndef AVOUCH_TEST_WIRE_H
#define AVOUCH_TEST_WIRE_H

#include "http_int.h"

#define WIRE_BYTES_MAX   (1 << 21)
#define WIRE_WAIT_MS     3000
#define WIRE_PATIENCE_MS 30000 /* of wire_wait, on a busy machine */

/* The handler's paths: /echo says what came; /later answers from a thread of its own; /never does not answer; /close
 * ends the connection; /big is 1 MiB of x; /empty is a 204; /split has a line end in a header; all others are 404. */
struct server {
    struct pool *pool;
    struct loop *loop;
    struct listener *listener;
    uint16_t port;
    pthread_t thread, worker;
    struct work_queue work;
    atomic_int calls, gone, waiting;
    atomic_int sweeps; /* so far: one every 10 ms, beside the loop's own */
};

void server_open(struct server *s, const char *spec, struct ssl_ctx_st *tls); /* to be completed by server_run */
void server_run(struct server *s);
void server_start(struct server *s); /* both, on 127.0.0.1 */
void server_stop(struct server *s);
void server_join(struct server *s); /* where the loop ends by itself */

int wire_connect(uint16_t port);
void wire_send(int fd, const char *text);
void wire_send_bytes(int fd, const void *bytes, size_t n);
/* Reads until the text has come (the text "" waits for the end), or WIRE_WAIT_MS have passed. What came,
 * NUL-terminated, for the caller to free; *ret_ended: the other side closed. */
char *wire_read(int fd, const char *until, bool *ret_ended);
/* One request on a connection of its own; all that came until the server closed or nothing came any more. */
char *wire_ask(uint16_t port, const char *request, bool *ret_closed);
bool wire_wait(atomic_int *value, int at_least);

#endif
