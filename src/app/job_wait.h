/* Waiting for one job, for what has no loop of its own or runs before it. */
#ifndef AVOUCH_JOB_WAIT_H
#define AVOUCH_JOB_WAIT_H

#include "ask.h"
#include "loop.h"

struct loop *job_wait_loop(void); /* serves nobody; the caller's */
/* Sends the job and runs the loop until it lands. job.at is the caller's to fill. */
void job_wait(struct loop *loop, struct job *j);
/* A question to tailscaled at this socket, on a loop made for it: fills ask->ret_* and ask->job.err, within timeout_ms. */
void job_wait_ask(struct slice socket, unsigned timeout_ms, struct ask *ask);

#endif
