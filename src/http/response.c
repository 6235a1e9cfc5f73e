/* Reads a response from the start whenever more of it has come: answers of the LocalAPI are small and come in one
 * piece, so nothing is gained by remembering where reading stopped. */
#include "response.h"

#include <string.h>

#define CHUNK_DIGITS_MAX 8

enum framing { BY_END, BY_LENGTH, BY_CHUNKS };

struct head {
    struct response response;
    enum framing framing;
    bool has_length;
    uint64_t length;
};

/* Takes a line with its CR LF off the front. RESPONSE_DONE: *ret_line is it, without its end. */
static enum response_next take_line(struct slice *rest, struct slice *ret_line)
{
    size_t end = slice_find(*rest, '\n');

    if (end == rest->n)
        return RESPONSE_MORE;
    if (end == 0 || rest->p[end - 1] != '\r')
        return RESPONSE_BAD;
    *ret_line = slice_head(*rest, end - 1);
    *rest = slice_from(*rest, end + 1);
    return RESPONSE_DONE;
}

static bool read_status(struct slice line, int *ret)
{
    uint64_t status;

    if (!slice_starts(line, SL("HTTP/1.1 ")) || line.n < 12 || (line.n > 12 && line.p[12] != ' '))
        return false;
    if (!slice_to_u64(slice_head(slice_from(line, 9), 3), 999, &status) || status < 200)
        return false; /* nothing of ours asks for an interim response */
    *ret = (int)status;
    return true;
}

/* RFC 9110 section 7.6.1: a list of options. */
static bool says_close(struct slice value)
{
    struct slice option;

    while (slice_cut(&value, ',', &option))
        if (slice_eq_nocase(slice_trim(option), SL("close")))
            return true;
    return false;
}

static bool read_header(struct slice line, struct head *h)
{
    size_t colon = slice_find(line, ':');
    struct slice name = slice_head(line, colon);

    if (colon == 0 || colon == line.n || slice_has(name, ' ') || slice_has(name, '\t'))
        return false;
    struct slice value = slice_trim(slice_from(line, colon + 1));
    if (slice_eq_nocase(name, SL("content-length"))) {
        bool again = h->has_length;

        h->has_length = true;
        return !again && slice_to_u64(value, UINT32_MAX, &h->length);
    }
    if (slice_eq_nocase(name, SL("transfer-encoding"))) {
        bool again = h->response.chunked;

        h->response.chunked = true;
        return !again && slice_eq_nocase(value, SL("chunked"));
    }
    if (slice_eq_nocase(name, SL("connection")) && says_close(value))
        h->response.keep_alive = false;
    return true;
}

static enum response_next read_head(struct slice *rest, struct head *h)
{
    struct slice line;
    enum response_next n = take_line(rest, &line);

    if (n != RESPONSE_DONE)
        return n;
    if (!read_status(line, &h->response.status))
        return RESPONSE_BAD;
    while ((n = take_line(rest, &line)) == RESPONSE_DONE && line.n != 0)
        if (!read_header(line, h))
            return RESPONSE_BAD;
    return n;
}

/* RFC 9112 section 6.3. */
static bool choose_framing(struct head *h)
{
    bool is_empty = h->response.status == 204 || h->response.status == 304;

    if (h->response.chunked && h->has_length)
        return false;
    if (is_empty) {
        h->response.chunked = false;
        h->length = 0;
    }
    if (h->response.chunked)
        h->framing = BY_CHUNKS;
    else
        h->framing = h->has_length || is_empty ? BY_LENGTH : BY_END;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 9112 section 7.1; extensions are skipped. */
static bool read_chunk_size(struct slice line, size_t *ret)
{
    size_t n = slice_find(line, ';'), size = 0;
    struct slice digits = slice_trim(slice_head(line, n));

    if (digits.n == 0 || digits.n > CHUNK_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        int digit = hex_value(digits.p[i]);

        if (digit < 0)
            return false;
        size = size * 16 + (size_t)digit;
    }
    *ret = size;
    return true;
}

/* The next chunk's bytes; an empty one is the last. */
static enum response_next take_chunk(struct slice *rest, struct slice *ret)
{
    struct slice line;
    size_t size;
    enum response_next n = take_line(rest, &line);

    if (n != RESPONSE_DONE)
        return n;
    if (!read_chunk_size(line, &size))
        return RESPONSE_BAD;
    if (size == 0) {
        *ret = slice_head(*rest, 0);
        return RESPONSE_DONE;
    }
    if (rest->n < size + 2)
        return RESPONSE_MORE;
    if (rest->p[size] != '\r' || rest->p[size + 1] != '\n')
        return RESPONSE_BAD;
    *ret = slice_head(*rest, size);
    *rest = slice_from(*rest, size + 2);
    return RESPONSE_DONE;
}

static enum response_next read_chunks(struct slice *rest)
{
    struct slice piece;
    enum response_next n;

    while ((n = take_chunk(rest, &piece)) == RESPONSE_DONE && piece.n != 0)
        continue;
    while (n == RESPONSE_DONE && (n = take_line(rest, &piece)) == RESPONSE_DONE && piece.n != 0)
        continue; /* trailers */
    return n;
}

static enum response_next read_body(struct slice *rest, bool ended, struct head *h)
{
    struct slice from = *rest;
    enum response_next n = RESPONSE_DONE;

    switch (h->framing) {
    case BY_CHUNKS: n = read_chunks(rest); break;
    case BY_LENGTH:
        if (rest->n < h->length)
            return RESPONSE_MORE;
        *rest = slice_from(*rest, h->length);
        break;
    case BY_END:
        if (!ended)
            return RESPONSE_MORE;
        h->response.keep_alive = false;
        *rest = slice_from(*rest, rest->n);
        break;
    }
    h->response.framed = slice_head(from, from.n - rest->n);
    return n;
}

enum response_next response_read(struct slice in, bool ended, struct response *ret)
{
    struct head h = { .response.keep_alive = true };
    struct slice rest = slice_head(in, in.n < RESPONSE_HEAD_BYTES_MAX ? in.n : RESPONSE_HEAD_BYTES_MAX);
    enum response_next n = read_head(&rest, &h);

    if (n == RESPONSE_MORE && in.n >= RESPONSE_HEAD_BYTES_MAX)
        return RESPONSE_BAD;
    if (n != RESPONSE_DONE)
        return n;
    if (!choose_framing(&h))
        return RESPONSE_BAD;
    rest = slice_from(in, (size_t)(rest.p - in.p));
    n = read_body(&rest, ended, &h);
    if (n != RESPONSE_DONE)
        return n;
    h.response.bytes = in.n - rest.n;
    if (rest.n != 0)
        h.response.keep_alive = false; /* nothing was asked that this could answer */
    *ret = h.response;
    return RESPONSE_DONE;
}

struct slice response_body(struct pool *p, const struct response *r)
{
    struct slice rest = r->framed, piece;

    if (!r->chunked)
        return pool_dup(p, r->framed);
    char *body = pool_alloc(p, r->framed.n), *to = body;
    while (take_chunk(&rest, &piece) == RESPONSE_DONE && piece.n != 0) {
        memcpy(to, piece.p, piece.n);
        to += piece.n;
    }
    return slice_bytes(body, (size_t)(to - body));
}
