/* `avouch doctor`: looks at everything a sign-in rests on, says what each finding means and which command mends it. */
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "job_wait.h"

#define DOCTOR_TIMEOUT_MS 10000

void doctor_say(struct doctor *d, const char *check, enum finding_state state, struct slice text, const char *mend)
{
    if (d->n < FINDINGS_MAX)
        d->finding[d->n++] = (struct finding){ check, state, text, slice_of(mend) };
}

/* ---- asking ---- */

bool doctor_ask(struct doctor *d, const char *path, int *ret_status, struct slice *ret_body, const char **ret_why)
{
    struct ask ask = { .pool = d->pool, .path = slice_of(path) };

    job_wait_ask(d->c->config.tailscale_socket, DOCTOR_TIMEOUT_MS, &ask);
    if (ask.job.err != ERR_OK) {
        *ret_why = err_text(ask.job.err);
        return false;
    }
    *ret_status = ask.ret_status;
    *ret_body = ask.ret_body;
    return true;
}

/* ---- telling ---- */

static const char *state_name(enum finding_state s)
{
    static const char *const name[FINDING_STATE_COUNT] = { "good", "look", "bad" };

    return name[s];
}

static void print_json(const struct doctor *d)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, d->pool, COMMAND_OUTPUT_MAX);
    jw_init(&w, &b);
    jw_array(&w, NULL);
    for (size_t i = 0; i < d->n; i++) {
        const struct finding *f = &d->finding[i];
        jw_object(&w, NULL);
        jw_text(&w, "check", slice_of(f->check));
        jw_text(&w, "state", slice_of(state_name(f->state)));
        jw_text(&w, "finding", f->text);
        jw_text_if(&w, "mend", f->mend);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    command_print(jw_finish(&w));
    command_print(SL("\n"));
}

static void print_text(const struct doctor *d)
{
    static const char *const mark[FINDING_STATE_COUNT] = { "ok  ", "look", "BAD " };

    for (size_t i = 0; i < d->n; i++) {
        const struct finding *f = &d->finding[i];
        command_print(pool_fmt(d->pool, "%s  %-14s " SLICE_FMT "\n", mark[f->state], f->check, SLICE_ARG(f->text)));
        if (f->mend.n > 0)
            command_print(pool_fmt(d->pool, "%20s to mend it: " SLICE_FMT "\n", "", SLICE_ARG(f->mend)));
    }
}

static int verdict(const struct doctor *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->finding[i].state == FINDING_BAD)
            return COMMAND_FAILED;
    return COMMAND_DONE;
}

static int tell(const struct doctor *d)
{
    if (d->c->args.json)
        print_json(d);
    else
        print_text(d);
    return verdict(d);
}

/* Root becomes the server's user, whose rights are what counts: to the database, to certificates, to files. */
static bool become_owner(const struct command *c)
{
    struct stat st;

    if (geteuid() != 0 || stat(slice_cstr(c->pool, c->config.state), &st) != 0 || st.st_uid == 0)
        return true;
    return setgroups(0, NULL) == 0 && setgid(st.st_gid) == 0 && setuid(st.st_uid) == 0;
}

int cmd_doctor(struct command *c)
{
    struct doctor *d = pool_zalloc(c->pool, sizeof(*d));

    d->c = c;
    d->pool = c->pool;
    if (!command_configure(c))
        return COMMAND_FAILED;
    if (!slice_is_none(c->args.fetch)) {
        doctor_check_fetch(d);
        return tell(d);
    }
    if (!become_owner(c))
        return command_refuse(c, "this process cannot become the owner of " SLICE_FMT, SLICE_ARG(c->config.state));
    if (c->config.dev)
        doctor_say(d, "mode", FINDING_LOOK, SL("Development mode: people are made up, and tailscaled is not asked."),
                   NULL);
    else
        doctor_check_tailscaled(d);
    doctor_check_database(d);
    if (!c->config.dev)
        doctor_check_name(d);
    if (d->has_status && d->status.running) {
        doctor_check_node(d);
        doctor_check_peers(d);
        doctor_check_serve_config(d);
        doctor_check_neighbours(d);
    }
    return tell(d);
}
