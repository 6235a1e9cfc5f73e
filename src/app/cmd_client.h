/* What the two halves of `avouch client` share. */
#ifndef AVOUCH_CMD_CLIENT_H
#define AVOUCH_CMD_CLIENT_H

#include "client.h"
#include "command_int.h"

#define SLUG_BYTES_MAX 40

/* Lays the options on a client. COMMAND_USAGE: one is wrong, and that was said. */
int cmd_client_fill(struct command *c, struct client *client);
/* Takes away what --remove-redirect-uri names; a URI that is not there is refused. */
int cmd_client_drop_uris(struct command *c, struct client *client);
/* A client_id made from a name. */
struct slice cmd_client_slug(struct pool *p, struct slice name);

#endif
