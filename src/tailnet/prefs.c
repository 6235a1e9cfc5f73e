/* tailscaled's prefs: the one thing we need of them is which control server it obeys. */
#include "status.h"

#include "json.h"
#include "node.h"

enum err prefs_parse(struct pool *p, struct slice body, struct slice *ret_control_url)
{
    const struct json *root = NULL;

    if (json_parse(p, body, STATUS_BYTES_MAX, &root) != ERR_OK || !json_is_object(root))
        return ERR_INPUT;
    *ret_control_url = node_text(json_member(root, "ControlURL"));
    return ERR_OK;
}
