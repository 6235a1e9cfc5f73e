/* Who may use what: this issuer's own word about the person and the client, then the tailnet's. */
#include "policy.h"

static bool tailnet_allows(const struct caps *caps, const struct client *client)
{
    return !caps->clients_limited || slices_have(caps->clients, client->id) || slices_have(caps->clients, SL("*"));
}

enum policy policy_allows(const struct person *person, const struct peer *peer, const struct client *client)
{
    if (person->blocked)
        return POLICY_BLOCKED;
    if (person->held)
        return POLICY_HELD;
    if (client->disabled)
        return POLICY_CLIENT_OFF;
    return tailnet_allows(&peer->caps, client) ? POLICY_OK : POLICY_NOT_FOR_YOU;
}

const char *policy_text(enum policy p)
{
    static const char *const text[POLICY_COUNT] = {
        [POLICY_OK] = "allowed",
        [POLICY_BLOCKED] = "the person is blocked here",
        [POLICY_HELD] = "another login than before under this user id",
        [POLICY_CLIENT_OFF] = "the client is disabled",
        [POLICY_NOT_FOR_YOU] = "the tailnet's grants name other clients",
    };

    return text[p];
}
