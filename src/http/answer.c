/* The parts of an exchange that know no server: headers in, headers out, reason phrases. */
#include <assert.h>

#include "http_int.h"

struct slice http_header(const struct http_request *r, const char *name)
{
    struct slice wanted = slice_of(name);

    for (size_t i = 0; i < r->header_count; i++)
        if (slice_eq(r->headers[i].name, wanted))
            return r->headers[i].value;
    return SLICE_NONE;
}

struct slice http_header_only(const struct http_request *r, const char *name)
{
    struct slice wanted = slice_of(name), found = SLICE_NONE;

    for (size_t i = 0; i < r->header_count; i++) {
        if (!slice_eq(r->headers[i].name, wanted))
            continue;
        if (!slice_is_none(found))
            return SLICE_NONE;
        found = r->headers[i].value;
    }
    return found;
}

void answer_header(struct answer *a, const char *name, struct slice value)
{
    assert(a->header_count < ANSWER_HEADERS_MAX);
    a->headers[a->header_count++] = (struct http_header){ slice_of(name), value };
}

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 409, "Conflict" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 421, "Misdirected Request" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
};

/* RFC 9112 section 4: the phrase may be empty. */
const char *answer_reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}
