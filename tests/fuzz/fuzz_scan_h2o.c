/* Two parsers of one head: whatever ours accepts, h2o's accepts too and reads the same in it. (h2o does not ship its
 * parser's header.) */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor_version, struct phr_header *headers, size_t *num_headers,
                      size_t last_len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Our reading of the lines between request line and empty line, as the scanner's rules say they must look. */
static void check_headers(struct slice lines, const struct phr_header *theirs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t end = slice_find(lines, '\r');
        struct slice line = slice_head(lines, end);
        size_t colon = slice_find(line, ':');

        assert(colon < line.n && end + 1 < lines.n);
        assert(slice_eq(slice_head(line, colon), slice_bytes(theirs[i].name, theirs[i].name_len)));
        assert(slice_eq(slice_trim(slice_from(line, colon + 1)),
                        slice_trim(slice_bytes(theirs[i].value, theirs[i].value_len))));
        lines = slice_from(lines, end + 2);
    }
    assert(slice_eq(lines, SL("\r\n")));
}

/* What h2o makes of the headers that decide where a request ends. */
static void check_meaning(const struct scan_head *h, const struct phr_header *theirs, size_t count)
{
    unsigned hosts = 0, lengths = 0, encodings = 0;

    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_bytes(theirs[i].name, theirs[i].name_len);
        struct slice value = slice_trim(slice_bytes(theirs[i].value, theirs[i].value_len));

        if (slice_eq_nocase(name, SL("host"))) {
            hosts++;
            assert(slice_eq(value, h->host));
        } else if (slice_eq_nocase(name, SL("content-length"))) {
            uint64_t length = 0;

            lengths++;
            assert(slice_to_u64(value, UINT64_MAX, &length) && length == h->content_length);
        } else if (slice_eq_nocase(name, SL("transfer-encoding"))) {
            encodings++;
            assert(h->chunked && slice_eq_nocase(value, SL("chunked")));
        }
    }
    assert(hosts == 1 && lengths <= 1 && encodings <= 1 && lengths + encodings <= 1);
    assert(h->chunked == (encodings == 1));
}

static void compare(struct slice in, const struct scan_head *h)
{
    struct phr_header headers[HEAD_LINES_MAX];
    size_t count = HEAD_LINES_MAX, method_len, path_len;
    const char *method, *path;
    int minor;

    int bytes = phr_parse_request(in.p, in.n, &method, &method_len, &path, &path_len, &minor, headers, &count, 0);
    assert(bytes > 0 && (size_t)bytes == h->bytes && minor == 1);
    assert(method == h->method.p && method_len == h->method.n);
    assert(path == h->target.p && path_len == h->target.n);
    const char *lines = path + path_len + strlen(" HTTP/1.1\r\n");
    check_headers(slice_bytes(lines, (size_t)(in.p + h->bytes - lines)), headers, count);
    check_meaning(h, headers, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_bytes(data, size);
    struct scan_head h;

    if (scan_head(in, &h) == SCAN_OK)
        compare(in, &h);
    return 0;
}
