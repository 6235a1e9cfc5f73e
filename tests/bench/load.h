/* What the files of load share. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <sys/types.h>

#include "client.h"

#define REQUEST_BYTES_MAX 4096

struct options {
    struct target to;
    unsigned connections;
    pid_t pid; /* the server's; 0: not measured */
    double seconds;
    size_t count;
    const char *host, *path, *client_id, *secret;
    unsigned many;    /* 0: client_id alone; else client_id and a number below this, another one each time */
    bool forwarded;   /* X-Forwarded-For names the person, as behind `tailscale serve` */
    int64_t pause_us; /* of get, between two requests of a connection */
};

extern struct options options;
extern struct clients all;

/* measure.c */
void measure_begin(void);
void measure_note(int64_t ns); /* one more, and how long it took */
void measure_end(const char *name);
void measure_until(double seconds);
bool measure_is_over(void);

/* signin.c */
void run_phases(void);
void run_signin(void);
void run_userinfo(void);

#endif
