/* The setting outbound.allow: hosts that may be reached at addresses of the tailnet, of private networks and of this machine. */
#ifndef AVOUCH_FETCH_ALLOW_H
#define AVOUCH_FETCH_ALLOW_H

#include "slice.h"

/* "app.example.ts.net", "*.example.ts.net" (every name below it), or an IP address without brackets. */
bool fetch_allow_is_valid(struct slice pattern);
/* host: a name without a final dot in any case, or an IP address without brackets. */
bool fetch_allow_names(struct slices allow, struct slice host);

#endif
