/* Made-up people, as whois would tell of them. The answer lands at the loop's next turn, like a real one. */
#include "dev.h"

#include <string.h>

#include "ask.h"
#include "encode.h"
#include "json.h"

#define DEV_SUFFIX       "dev.ts.net"
#define DEV_ANSWER_BYTES 2048
#define DEV_PATH_PREFIX  "/localapi/v0/whois?addr="
#define DEV_TAILNET_BYTE 64 /* 100.64.0.x */

struct address dev_address(size_t index)
{
    return (struct address){ .ip = { 127, 0, 0, (uint8_t)(index + 1) } };
}

bool dev_find(const struct dev *d, const struct address *a, size_t *ret_index)
{
    static const uint8_t loopback[3] = { 127, 0, 0 }, tailnet[3] = { 100, DEV_TAILNET_BYTE, 0 };
    size_t index = 0;

    if (a->v6) {
        if (!address_is_loopback(a))
            return false;
    } else {
        if (memcmp(a->ip, loopback, sizeof(loopback)) != 0 && memcmp(a->ip, tailnet, sizeof(tailnet)) != 0)
            return false;
        if (a->ip[3] == 0)
            return false;
        index = a->ip[3] - 1U;
    }
    if (index >= d->people.n)
        return false;
    *ret_index = index;
    return true;
}

/* "ann.example@mail.example.com" is shown as "Ann Example". */
static struct slice display_name(struct pool *p, struct slice login)
{
    struct slice local = slice_head(login, slice_find(login, '@'));
    char *name = slice_cstr(p, local);
    bool first = true;

    for (size_t i = 0; i < local.n; i++) {
        if (name[i] == '.' || name[i] == '_' || name[i] == '-')
            name[i] = ' ';
        else if (first && name[i] >= 'a' && name[i] <= 'z')
            name[i] = (char)(name[i] - 'a' + 'A');
        first = name[i] == ' ';
    }
    return slice_bytes(name, local.n);
}

static void write_node(struct json_writer *w, struct pool *p, size_t index)
{
    jw_object(w, "Node");
    jw_int(w, "ID", (int64_t)index + 1);
    jw_text(w, "StableID", pool_fmt(p, "nDev%zuCNTRL", index + 1));
    jw_text(w, "Name", pool_fmt(p, "device-%zu." DEV_SUFFIX ".", index + 1));
    jw_int(w, "User", (int64_t)index + 1);
    jw_array(w, "Addresses");
    jw_text(w, NULL, pool_fmt(p, "100.%d.0.%zu/32", DEV_TAILNET_BYTE, index + 1));
    jw_array_end(w);
    jw_object_end(w);
}

static struct slice whois_text(struct pool *p, struct slice login, size_t index)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, p, DEV_ANSWER_BYTES);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    write_node(&w, p, index);
    jw_object(&w, "UserProfile");
    jw_int(&w, "ID", (int64_t)index + 1);
    jw_text(&w, "LoginName", login);
    jw_text(&w, "DisplayName", display_name(p, login));
    jw_object_end(&w);
    jw_object_end(&w);
    return jw_finish(&w);
}

/* The address that is asked about: "...?addr=127.0.0.1%3A4711&proto=tcp". */
static bool read_path(struct pool *p, struct slice path, struct address *ret)
{
    struct slice text;

    if (!slice_starts(path, SL(DEV_PATH_PREFIX)))
        return false;
    path = slice_from(path, sizeof(DEV_PATH_PREFIX) - 1);
    return percent_decode(p, slice_head(path, slice_find(path, '&')), false, &text) && address_parse(text, ret);
}

static struct slice answer_about(struct dev *d, size_t index)
{
    if (d->pool == NULL)
        d->pool = pool_create((size_t)DEV_PEOPLE_MAX * 2 * DEV_ANSWER_BYTES);
    if (slice_is_none(d->answers[index]))
        d->answers[index] = whois_text(d->pool, d->people.at[index], index);
    return d->answers[index];
}

static void answer(struct queue *q, struct job *j)
{
    struct dev *d = (struct dev *)q;
    struct ask *ask = (struct ask *)j;
    struct address a;
    size_t index = 0;

    ask->ret_status = 404;
    ask->ret_body = SL("no match for IP:port");
    if (read_path(ask->pool, ask->path, &a) && dev_find(d, &a, &index)) {
        ask->ret_status = 200;
        ask->ret_body = answer_about(d, index);
    }
    job_pass(j);
}

void dev_init(struct dev *d, struct slices people)
{
    *d = (struct dev){ .queue = { .send = answer }, .people = people };
}

void dev_finish(struct dev *d)
{
    pool_destroy(d->pool);
    *d = (struct dev){ .people = { NULL, 0 } };
}
