/* Counts answers, latencies and CPU, the server's (all its threads, by its process clock: what /proc/PID/stat counts as utime
 * and stime, without its ticks of 10 ms) and our own. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

/* CPU by the name of the thread, in ticks: how it is shared out, not how much it is. */
enum role { LOOP, SIGNER, WRITER };

#define ROLE_COUNT  3
#define UTIME_FIELD 14 /* of /proc/PID/stat; stime follows */

static struct {
    size_t n, room;
    int64_t *ns;
    int64_t began;
    double cpu, own_cpu;
    unsigned long ticks[ROLE_COUNT];
} seen;

static double clock_seconds(clockid_t clock)
{
    struct timespec t = { 0 };

    if (clock_gettime(clock, &t) != 0)
        die("clock_gettime: %s", strerror(errno));
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double server_cpu(void)
{
    clockid_t clock;

    if (options.pid == 0)
        return 0;
    if (clock_getcpuclockid(options.pid, &clock) != 0)
        die("there is no process %d", (int)options.pid);
    return clock_seconds(clock);
}

static void add_thread(const char *task, unsigned long ticks[static ROLE_COUNT])
{
    char path[64], text[512];

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stat", (int)options.pid, task);
    FILE *f = fopen(path, "re");
    size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);
    if (f != NULL)
        (void)fclose(f);
    text[n] = '\0';
    char *at = strrchr(text, ')'); /* the name may hold anything */
    for (unsigned field = 2; at != NULL && field < UTIME_FIELD; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return;
    unsigned long user = strtoul(at, &at, 10), kernel = strtoul(at, NULL, 10);
    ticks[strstr(text, "(signer)") ? SIGNER : strstr(text, "(writer)") ? WRITER : LOOP] += user + kernel;
}

static void read_threads(unsigned long ticks[static ROLE_COUNT])
{
    char path[64];
    const struct dirent *entry;

    memset(ticks, 0, ROLE_COUNT * sizeof(*ticks));
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)options.pid);
    DIR *tasks = options.pid == 0 ? NULL : opendir(path);
    while (tasks != NULL && (entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            add_thread(entry->d_name, ticks);
    if (tasks != NULL)
        (void)closedir(tasks);
}

void measure_begin(void)
{
    read_threads(seen.ticks);
    seen.n = 0;
    seen.cpu = server_cpu();
    seen.own_cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    seen.began = now_ns();
}

void measure_note(int64_t ns)
{
    if (seen.n == seen.room) {
        seen.room = seen.room == 0 ? 1 << 16 : seen.room * 2;
        seen.ns = realloc(seen.ns, seen.room * sizeof(*seen.ns));
        if (seen.ns == NULL)
            die("no memory");
    }
    seen.ns[seen.n++] = ns;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double percentile(double p)
{
    return seen.n == 0 ? 0 : (double)seen.ns[(size_t)(p * (double)(seen.n - 1))] / 1000;
}

void measure_end(const char *name)
{
    double wall = (double)(now_ns() - seen.began) / 1e9, cpu = server_cpu() - seen.cpu;
    double own = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - seen.own_cpu;
    unsigned long ticks[ROLE_COUNT];
    double tick = 1 / (double)sysconf(_SC_CLK_TCK);

    read_threads(ticks);
    qsort(seen.ns, seen.n, sizeof(*seen.ns), by_size);
    (void)printf("{\"phase\":\"%s\",\"n\":%zu,\"wall_s\":%.6f,\"cpu_s\":%.6f,\"own_cpu_s\":%.6f,"
                 "\"loop_s\":%.2f,\"signer_s\":%.2f,\"writer_s\":%.2f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
                 name, seen.n, wall, cpu, own, (double)(ticks[LOOP] - seen.ticks[LOOP]) * tick,
                 (double)(ticks[SIGNER] - seen.ticks[SIGNER]) * tick,
                 (double)(ticks[WRITER] - seen.ticks[WRITER]) * tick, percentile(0.5), percentile(0.99));
    (void)fflush(stdout);
}

static int64_t until_ns;

void measure_until(double seconds)
{
    until_ns = now_ns() + (int64_t)(seconds * 1e9);
}

bool measure_is_over(void)
{
    return now_ns() >= until_ns;
}
