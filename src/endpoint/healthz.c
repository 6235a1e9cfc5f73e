/* /healthz: can the database be read, and is there a key to sign with? For supervisors and load balancers. */
#include "endpoints.h"
#include "keys.h"
#include "reply.h"

static enum next report(struct req *r)
{
    const struct keyring *keys = keys_read(r->m);

    if (keys == NULL)
        return deny(r, OAUTH_TEMPORARILY_UNAVAILABLE, "The database cannot be read.", "no keyring");
    if (keyring_signing(keys, ALG_RS256, r->now) == NULL)
        return deny(r, OAUTH_TEMPORARILY_UNAVAILABLE, "The first signing key is being made.", "no signing key yet");
    return reply_json(r, 200, SL("{\"status\":\"ok\"}"));
}

static const struct named_step steps[] = {
    { "report", report },
    { NULL, NULL },
};

const struct endpoint healthz_endpoint = { .steps = steps, .speech = SPEAK_JSON };
