#include "steps.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTHING_STEPS_MAX 1000 /* more of them are not ours: valgrind's, say */

/* It stops by itself before and after. */
static void play(void (*run)(void *ctx), void *ctx)
{
    run(ctx);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(1);
    (void)raise(SIGSTOP);
    run(ctx);
    (void)raise(SIGSTOP);
    _exit(0);
}

/* The signal that stopped it; 0: it ended. */
static int wait_for(pid_t child)
{
    int status = 0;

    return waitpid(child, &status, 0) == child && WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

static bool step_through(pid_t child, uint64_t *ret)
{
    uint64_t n = 0;
    int stopped = wait_for(child);

    if (stopped != SIGSTOP || ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL) != 0)
        return false;
    do {
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0)
            return false;
        stopped = wait_for(child);
        n++;
    } while (stopped == SIGTRAP);
    *ret = n;
    return stopped == SIGSTOP;
}

static bool count(void (*run)(void *ctx), void *ctx, uint64_t *ret)
{
    pid_t child = fork();

    if (child < 0)
        return false;
    if (child == 0)
        play(run, ctx);
    bool counted = step_through(child, ret);
    (void)kill(child, SIGKILL);
    while (wait_for(child) != 0)
        continue;
    return counted;
}

static void do_nothing(void *ctx)
{
    (void)ctx;
}

bool steps_count(void (*run)(void *ctx), void *ctx, uint64_t *ret)
{
    uint64_t least = 0;

    if (count(do_nothing, NULL, &least) && least <= NOTHING_STEPS_MAX && count(run, ctx, ret))
        return true;
    printf("# passed over: instructions cannot be counted here\n");
    return false;
}
