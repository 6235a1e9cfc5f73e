/* Pieces of tailscaled's JSON that whois and status have in common. All of it is outside text: what is not of the
 * expected form reads as absent. */
#ifndef AVOUCH_NODE_H
#define AVOUCH_NODE_H

#include "json.h"

#define NODE_LIST_MAX       64  /* addresses, tags, certificate names, health lines */
#define NODE_NAME_BYTES_MAX 253 /* RFC 1035 2.3.4, without the dot at the end */
#define NODE_ID_BYTES_MAX   64  /* StableID: part of database keys and of `sub` */
#define NODE_TEXT_BYTES_MAX 2048

/* A DNS name: lower case, without the dot at the end; none if it has other characters than a host name. */
struct slice node_name(struct pool *p, const struct json *v);
/* Letters, digits and `-` only (it becomes part of `sub`), at most NODE_ID_BYTES_MAX; none otherwise. */
struct slice node_stable_id(const struct json *v);
/* Printable text of 1 to NODE_TEXT_BYTES_MAX bytes; none otherwise. */
struct slice node_text(const struct json *v);
/* The node_texts among an array's first NODE_LIST_MAX items. */
struct slices node_texts(struct pool *p, const struct json *v);
/* RFC 3339 text as seconds since 1970. 0: absent, unreadable, or before 1970 (Go's zero time says "never"). */
int64_t node_time(const struct json *v);
/* A flag that forbids something: true unless absent, null or false, so that an unexpected form errs on the safe
 * side. */
bool node_forbids(struct pool *p, const struct json *v);

#endif
