/* One job, and a loop until it lands. */
#include "job_wait.h"

static void on_land(struct job *j)
{
    loop_stop(j->owner);
}

static void refuse_all(void *ctx, const struct http_request *r, struct client_conn *client)
{
    (void)ctx;
    (void)r;
    client->answer(client, &(struct answer){ .status = 503, .body = SL("") });
}

struct loop *job_wait_loop(void)
{
    return loop_create(refuse_all, NULL);
}

void job_wait(struct loop *loop, struct job *j)
{
    j->home = loop_inbox(loop);
    j->land = on_land;
    j->owner = loop;
    job_send(j);
    loop_run(loop);
}

void job_wait_ask(struct slice socket, unsigned timeout_ms, struct ask *ask)
{
    struct loop *loop = job_wait_loop();
    struct asker *asker = asker_create(loop, socket);

    asker_set_timeout(asker, timeout_ms);
    ask->job.at = asker_queue(asker);
    job_wait(loop, &ask->job);
    asker_destroy(asker);
    loop_destroy(loop);
}
