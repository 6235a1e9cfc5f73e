/* /dev: in development mode a browser, which always comes from 127.0.0.1, becomes another of the made-up people. */
#include "cookie.h"
#include "endpoints.h"
#include "identity.h"
#include "reply.h"

#define BACK_BYTES_MAX 2048
#define DEV_COOKIE_S   86400

struct become_params {
    struct slice person, back;
};

static const struct param rows[] = {
    { "person", 8, NULL, false, offsetof(struct become_params, person) },
    { "back", BACK_BYTES_MAX, NULL, false, offsetof(struct become_params, back) },
};

static const struct param_table table = { rows, 2, sizeof(struct become_params), false };

/* A path of ours and nothing that a browser could read as another host. */
static bool is_own_path(struct slice back)
{
    if (back.n == 0 || back.p[0] != '/' || slice_has(back, '\\'))
        return false;
    for (size_t i = 0; i < back.n; i++)
        if (back.p[i] <= ' ' || back.p[i] > '~')
            return false;
    return back.n == 1 || back.p[1] != '/';
}

static enum next choose(struct req *r, const struct become_params *p)
{
    uint64_t index = 0;

    if (!slice_to_u64(p->person, DEV_PEOPLE_MAX, &index) || index >= r->m->dev.people.n)
        return deny(r, OAUTH_INVALID_REQUEST, "There is no such person.", "person is no index");
    reply_cookie(r, cookie_make(r->pool, r->issuer, SL(COOKIE_NAME_DEV), p->person, DEV_COOKIE_S));
    return reply_redirect(r, is_own_path(p->back) ? p->back : SL("/"));
}

static enum next show_or_choose(struct req *r)
{
    const struct become_params *p = r->params;
    struct dev_page page = { .frame = reply_frame(r), .people = r->m->dev.people };

    if (r->fault.kind != FAULT_NONE)
        return deny(r, OAUTH_INVALID_REQUEST, fault_hint(r->pool, &r->fault), "a parameter is wrong");
    if (r->origin.post)
        return choose(r, p);
    if (!dev_choice(r, &page.current))
        (void)dev_find(&r->m->dev, &r->origin.address, &page.current);
    page.back = is_own_path(p->back) ? p->back : SLICE_NONE;
    return reply_page(r, 200, page_dev(r->pool, &page), SLICE_NONE);
}

static const struct named_step steps[] = {
    { "show or choose", show_or_choose },
    { NULL, NULL },
};

const struct endpoint become_endpoint = { .steps = steps, .params = &table, .speech = SPEAK_PAGE };
