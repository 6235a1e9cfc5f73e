/* What avouch and avouch-fetch say to each other over a socket: frames of four bytes for whom it is, four bytes of length (both
 * big-endian) and one JSON object, an ask in one direction, an answer in the other. Answers are made of what strangers serve, so
 * their reader takes nothing but the one form. */
#ifndef AVOUCH_FETCH_MESSAGE_H
#define AVOUCH_FETCH_MESSAGE_H

#include "pool.h"

#define FETCH_TIMEOUT_MS 10000          /* the whole of a fetch, from when it was asked for */
#define FETCH_URL_BYTES_MAX 2048
#define FETCH_BODY_BYTES_MAX 65536      /* a document */
#define FETCH_TYPE_BYTES_MAX 127        /* a media type (RFC 6838 4.2) */
#define FETCH_TEXT_BYTES_MAX 512        /* a sentence about it */
#define FETCH_STEPS_MAX 48
#define FETCH_FRESH_S_MAX 31536000      /* what a document says of its own freshness */
#define FETCH_FRAME_BYTES_MAX (1 << 19) /* in JSON a byte of a document may become six */

/* How a fetch ended. FETCH_OK alone has a document. */
enum fetch_outcome {
    FETCH_OK,
    FETCH_BAD_URL,      /* not an https address that may be fetched */
    FETCH_NO_ADDRESS,   /* the name leads nowhere */
    FETCH_REFUSED,      /* it leads to addresses that are not gone to */
    FETCH_UNREACHABLE,  /* nobody answers there */
    FETCH_BAD_TLS,      /* certificate or handshake */
    FETCH_GARBLED,      /* not HTTP, or cut off */
    FETCH_REDIRECTED,   /* another address is named; it is not followed */
    FETCH_BAD_STATUS,   /* another status than 200 */
    FETCH_BAD_TYPE,     /* not JSON in UTF-8 */
    FETCH_TOO_LARGE,
    FETCH_TOO_SLOW,
    FETCH_BUSY,         /* too many wait already */
    FETCH_BROKEN,       /* avouch-fetch cannot be started, or has ended in the middle */
};
#define FETCH_OUTCOME_COUNT 14

/* What it was doing, for those who look for a fault. */
enum fetch_stage { FETCH_AT_START, FETCH_AT_URL, FETCH_AT_NAME, FETCH_AT_ADDRESS, FETCH_AT_WAY, FETCH_AT_TLS, FETCH_AT_ANSWER };
#define FETCH_STAGE_COUNT 7

const char *fetch_outcome_name(enum fetch_outcome o);   /* "bad_tls" */
const char *fetch_stage_name(enum fetch_stage s);       /* "certificate" */

struct fetch_frame {
    uint32_t id;
    struct slice text;                  /* borrowed */
    size_t bytes;                       /* of the whole frame */
};

enum fetch_frame_state { FRAME_MORE, FRAME_WHOLE, FRAME_BAD };

/* The frame at the beginning of `in`. FRAME_BAD: no frame is that long. */
enum fetch_frame_state fetch_frame_read(struct slice in, struct fetch_frame *ret);
struct slice fetch_frame_write(struct pool *p, uint32_t id, struct slice text);

/* The operator's word on where fetches may go. */
struct fetch_settings {
    bool dev;                           /* loopback addresses, by http too */
    struct slice ca_file;               /* believed besides the system's authorities; none: none */
    struct slice tailscaled;            /* its socket, for the tailnet; none: there is none */
    struct slices allow;                /* fetch_allow.h */
};

struct fetch_ask {
    struct slice url;
    size_t bytes_max;                   /* of the document; at most FETCH_BODY_BYTES_MAX */
    int64_t time_ms;                    /* that is left for it */
    bool explain;                       /* the answer has steps */
    struct fetch_settings settings;
};

struct fetch_step {
    enum fetch_stage stage;
    bool good;
    struct slice text;
};

/* All texts are printable; why and steps are sentences for operators. */
struct fetch_answer {
    enum fetch_outcome outcome;
    int status;                         /* HTTP's; 0: none came */
    int64_t fresh_s;                    /* RFC 9111 4.2.1, age taken off; 0: not to be stored; -1: nothing was said */
    struct slice type, body;            /* FETCH_OK: media type in lower case without parameters; UTF-8, without NUL */
    struct slice why;                   /* none for FETCH_OK */
    const struct fetch_step *steps;
    size_t step_n;
};

struct slice fetch_ask_write(struct pool *p, const struct fetch_ask *a);
bool fetch_ask_read(struct pool *p, struct slice text, struct fetch_ask *ret);
struct slice fetch_answer_write(struct pool *p, const struct fetch_answer *a);
bool fetch_answer_read(struct pool *p, struct slice text, struct fetch_answer *ret);

#endif
