/* Load for tests/bench/run.sh. Prints a line of JSON for each phase: answers, seconds, CPU seconds of the server (all its
 * threads), own CPU seconds, latencies.
 *
 *   load [OPTION...] get PATH      one path, over and over
 *   load [OPTION...] phases        COUNT times authorize, then COUNT times token, then COUNT times userinfo
 *   load [OPTION...] userinfo      one token of each connection, over and over
 *   load [OPTION...] signin        whole sign-ins, each connection a browser and its application
 *   load [OPTION...] start -- COMMAND...   runs it, asks for PATH until it is answered, says how long that took
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "load.h"

#define START_TRIES_MAX 100000
#define START_PAUSE_NS  50000

struct options options = {
    .to = { .port = 9080, .sources = 1, .look_us = 100 },
    .connections = 32,
    .seconds = 1,
    .count = 1000,
    .host = "localhost:9080",
    .path = "/.well-known/openid-configuration",
    .client_id = "bench",
    .secret = "",
};

struct clients all;

/* ---- one path ---- */

static char get_request[REQUEST_BYTES_MAX];
static size_t get_n;

static void ask_again(struct client *c)
{
    const struct timespec pause = { 0, options.pause_us * 1000 };

    if (measure_is_over())
        return;
    if (options.pause_us > 0)
        (void)nanosleep(&pause, NULL);
    client_send(c, &all, get_request, get_n);
}

static void got(struct client *c, const struct response *r)
{
    if (r->status != 200)
        die("%s: %.200s", options.path, r->head);
    measure_note(r->ns);
    ask_again(c);
}

static void make_get(void)
{
    int n = snprintf(get_request, sizeof(get_request),
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n\r\n",
                     options.path, options.host);

    get_n = (size_t)n;
}

static void run_get(void)
{
    make_get();
    clients_open(&all, options.connections, &options.to, got);
    measure_until(options.seconds);
    measure_begin();
    for (unsigned i = 0; i < all.n; i++)
        client_send(&all.at[i], &all, get_request, get_n);
    clients_run(&all);
    measure_end("get");
}

/* ---- a start ---- */

/* True: answered with 200. */
static bool try_once(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((uint16_t)options.to.port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char answer[RESPONSE_BYTES_MAX];

    bool sent = fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
                write(fd, get_request, get_n) == (ssize_t)get_n;
    bool answered = sent && read(fd, answer, sizeof(answer)) > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0;
    if (fd >= 0)
        (void)close(fd);
    return answered;
}

static void run_start(char **command)
{
    const struct timespec pause = { 0, START_PAUSE_NS };
    unsigned tries = 0;

    make_get();
    int64_t began = now_ns();
    pid_t pid = fork();
    if (pid == 0) {
        (void)execv(command[0], command);
        die("%s: %s", command[0], strerror(errno));
    }
    while (!try_once()) {
        if (tries++ > START_TRIES_MAX || waitpid(pid, NULL, WNOHANG) != 0)
            die("it never answered");
        (void)nanosleep(&pause, NULL);
    }
    (void)printf("{\"phase\":\"start\",\"n\":1,\"wall_s\":%.6f}\n", (double)(now_ns() - began) / 1e9);
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
}

/* ---- the command line ---- */

static const struct option long_options[] = {
    { "port", required_argument, NULL, 'p' },
    { "unix", required_argument, NULL, 'u' },
    { "host", required_argument, NULL, 'h' },
    { "sources", required_argument, NULL, 's' },
    { "pid", required_argument, NULL, 'P' },
    { "connections", required_argument, NULL, 'c' },
    { "seconds", required_argument, NULL, 't' },
    { "count", required_argument, NULL, 'n' },
    { "client-id", required_argument, NULL, 'i' },
    { "secret", required_argument, NULL, 'b' },
    { "many-clients", required_argument, NULL, 'm' },
    { "forwarded", no_argument, NULL, 'f' },
    { "pause-us", required_argument, NULL, 'w' },
    { "look-us", required_argument, NULL, 'l' },
    { NULL, 0, NULL, 0 },
};

static void set(int option, char *value)
{
    switch (option) {
    case 'p': options.to.port = (int)number(value); break;
    case 'u': options.to.unix_path = value; break;
    case 'h': options.host = value; break;
    case 's': options.to.sources = (unsigned)number(value); break;
    case 'P': options.pid = (int)number(value); break;
    case 'c': options.connections = (unsigned)number(value); break;
    case 't': options.seconds = number(value); break;
    case 'n': options.count = (size_t)number(value); break;
    case 'i': options.client_id = value; break;
    case 'b': options.secret = value; break;
    case 'm': options.many = (unsigned)number(value); break;
    case 'f': options.forwarded = true; break;
    case 'w': options.pause_us = (int)number(value); break;
    case 'l': options.to.look_us = (int)number(value); break;
    default: exit(2);
    }
}

int main(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1)
        set(option, optarg);
    const char *mode = optind < argc ? argv[optind++] : "";
    if (strcmp(mode, "get") == 0) {
        options.path = optind < argc ? argv[optind] : options.path;
        run_get();
    } else if (strcmp(mode, "phases") == 0) {
        run_phases();
    } else if (strcmp(mode, "userinfo") == 0) {
        run_userinfo();
    } else if (strcmp(mode, "signin") == 0) {
        run_signin();
    } else if (strcmp(mode, "start") == 0 && optind < argc) {
        run_start(argv + optind + (strcmp(argv[optind], "--") == 0));
    } else {
        die("usage: the head of tests/bench/load.c");
    }
    clients_close(&all);
    return 0;
}
