/* "/": who the tailnet says you are. */
#include "endpoints.h"
#include "identity.h"
#include "reply.h"

static enum next show_home(struct req *r)
{
    enum oauth_error error = caller_error(r->caller);
    const struct home_page page = { .frame = reply_frame(r), .peer = r->caller };

    r->log_person = r->caller->login;
    if (error != OAUTH_NO_ERROR && error != OAUTH_NODE_TAGGED)
        return deny(r, error, NULL, "the caller is nobody of this tailnet");
    return reply_page(r, 200, page_home(r->pool, &page), SLICE_NONE);
}

static const struct named_step steps[] = {
    { "know caller", know_caller },
    { "show home", show_home },
    { NULL, NULL },
};

const struct endpoint home_endpoint = { .steps = steps, .speech = SPEAK_PAGE };
