/* What scenarios happen in: a whole server but for sockets and threads. The test owns the machine's doors: a clock that is a number,
 * three queues that collect jobs until somebody drains them, an inbox that wakes nobody; and the other ends: a made-up tailnet, browsers
 * with their cookies, another process on the database. Everything that is seen lives as long as the world. */
#ifndef AVOUCH_TEST_WORLD_H
#define AVOUCH_TEST_WORLD_H

#include <setjmp.h>

#include "ask.h"
#include "client.h"
#include "fetch.h"
#include "machine.h"
#include "person.h"
#include "req.h"
#include "tap.h"
#include "txn.h"

#define WORLD_START_S       1764000000
#define WORLD_HOST          "idp.example.ts.net"
#define WORLD_URL           "https://" WORLD_HOST
#define WORLD_SUFFIX        "tail1234.ts.net"
#define WORLD_NODES_MAX     12
#define WORLD_SECRETS_MAX   1024
#define WORLD_KEYS_MAX      32
#define COURSE_LANDINGS_MAX 8192
#define COURSE_ANSWERS_MAX  2048
#define CALL_HEADERS_MAX    8

#define ALICE        1
#define BOB          2
#define CAROL        3
#define ALICE_LAPTOP "100.64.0.2"
#define BOB_PHONE    "100.64.0.3"
#define MACHINE      "100.64.0.4"
#define ALICE_PHONE  "100.64.0.5"
#define CAROL_LAPTOP "100.64.0.6"
#define EXPIRED      "100.64.0.7"
#define ROUTER       "100.64.0.8"
#define SHARED_IN    "100.64.0.9"
#define NOBODY       "100.64.0.99"

/* What is done to a suspension of a scenario that is played again. */
enum injection {
    INJECT_NOTHING,
    INJECT_HANG_UP, /* the client leaves while the job is out */
    INJECT_CHANGED, /* the commit meets a change */
    INJECT_TOUCHED, /* the same by a real one: another process writes a record that was read, and says the same with it */
    INJECT_FULL,    /* the disk is full */
    INJECT_CRYPTO,  /* the signer fails */
    INJECT_SILENCE, /* tailscaled, or who serves a document, does not answer */
};

#define INJECTION_COUNT 7

enum suspension { AT_ASK, AT_FETCH, AT_SIGN, AT_GENERATE, AT_FORGET, AT_COMMIT };

#define SUSPENSION_COUNT 6

/* The undisturbed course of a scenario, which replays are compared with. */
struct course {
    struct pool *pool;
    unsigned landings;
    enum suspension at[COURSE_LANDINGS_MAX];
    size_t answers;
    struct slice answer[COURSE_ANSWERS_MAX];
    uint64_t records;
};

/* A node of the made-up tailnet, as whois tells of it. */
struct tailnet_node {
    const char *address, *stable_id, *name;
    int64_t user_id; /* 0: tagged */
    const char *login, *display;
    const char *tags;   /* a JSON array; NULL: none */
    const char *grants; /* a JSON array: what the capability says; NULL: none */
    const char *more;   /* more members of Node; NULL: none */
    const char *fqdn;   /* NULL: name and the tailnet's suffix */
    const char *source; /* in userspace mode: the address of the machine itself that it seems to come from */
    bool gone;
};

enum tailscaled {
    TAILSCALED_UP,
    TAILSCALED_STARTING, /* knows nobody yet */
    TAILSCALED_DOWN,
    TAILSCALED_HUNG,
    TAILSCALED_GARBAGE,
    TAILSCALED_ERROR,
};

/* Somebody who sends requests: a browser with its cookies, or a program. */
struct guest {
    const char *address;
    enum listener_class class;
    bool by_unix;
    uint32_t uid;    /* of a unix socket's peer, or one on loopback; 0: not known */
    bool is_program; /* sends none of a browser's headers and keeps no cookies */
    bool drops_cookies;
    char cookie[128]; /* the value of our cookie; empty: none */
    char dev_cookie[8];
};

/* A request to be sent. */
struct call {
    const char *method;        /* NULL: GET, or POST with a body */
    struct slice target, body; /* path and query; none: no body */
    const char *host;          /* NULL: ours */

    struct {
        const char *name;
        struct slice value; /* in place of what the guest would send; none: not sent at all */
    } headers[CALL_HEADERS_MAX];

    size_t header_count;
};

/* An answer as it came. */
struct seen {
    unsigned status;
    struct http_header headers[ANSWER_HEADERS_MAX];
    size_t header_count;
    struct slice body;
};

/* A request on its way. */
struct visit {
    struct client_conn client; /* first */
    struct world *w;
    struct visit *next; /* older */
    struct guest *guest;
    struct call call;
    struct slice request_id; /* of one that was hung up on */
    bool gone, committed;    /* its client left; what it wanted was committed all the same */
    bool struck;             /* a failure was injected into it */
    unsigned answers;
    struct seen seen;
};

struct door {
    struct queue queue; /* first */
    struct job *head, **tail;
};

struct world {
    char directory[128];
    struct pool *pool;
    struct store *store;
    struct view *view, *outside;
    struct signer *signer;
    struct inbox inbox;
    struct issuer issuer, first_issuer;
    struct machine machine;
    struct listener *listeners[LISTENER_CLASS_COUNT];
    int64_t now_ms, boot_ms; /* boot_ms 0: the clock is made up, and nothing watches it */
    bool synchronised;       /* the kernel's word */
    struct door asks, fetches, signing, commit;
    enum tailscaled tailscaled;
    struct tailnet_node nodes[WORLD_NODES_MAX];
    unsigned node_n, whois_asked;
    struct fetch_answer served; /* what whoever fetches gets */
    unsigned served_n;
    uint64_t held[WORLD_KEYS_MAX]; /* handles that the signer has */
    unsigned held_n, generated[SIGN_ALG_COUNT];
    struct visit *visits;                    /* the newest */
    struct slice secrets[WORLD_SECRETS_MAX]; /* what no log and no record may hold */
    unsigned secret_n;
    struct course *course;
    bool replayed; /* course is complete, and answers are compared with it */
    bool races;    /* answers are not compared one by one */
    bool over;     /* the scenario has been played; what follows is not part of its course */
    size_t answers;
    unsigned landings;

    struct {
        enum injection kind;
        unsigned at;
        bool struck, unasked; /* unasked: upkeep was struck */
    } injection;

    unsigned lost;        /* answers whose client had left though their effects were committed */
    bool counters_preset; /* counters no longer tell how many records there are */
    jmp_buf end;          /* the scenario cannot go on: a token request was answered to nobody */
};

/* bare: as at the very first start, without a signing key; else there is one of ES256. */
void world_open(struct world *w, struct course *course, bool bare);
void world_close(struct world *w);

/* The clock. It moves a millisecond at each look. */
void world_at(struct world *w, int64_t after_start_s);
struct now world_now(const struct world *w);
/* From now on the time is the machine's, and clock.h watches it. */
void world_watch_clock(struct world *w);
void world_pass(struct world *w, int64_t seconds); /* time goes on */
void world_jump(struct world *w, int64_t seconds); /* somebody sets the clock */

/* ---- requests (world_call.c) ---- */

struct visit *world_send(struct world *w, struct guest *g, const struct call *c);
/* Drains all doors until nothing moves. */
void world_run(struct world *w);
/* One door: what lies in it now is worked off and lands. How many jobs. */
unsigned world_drain(struct world *w, const struct door *d);
/* The answer, after world_run. A client that was failed by an injection checks how it was told, and asks again. */
const struct seen *world_answer(struct world *w, struct visit *v);

const struct seen *world_call(struct world *w, struct guest *g, const struct call *c);
const struct seen *world_get(struct world *w, struct guest *g, struct slice target);
const struct seen *world_post(struct world *w, struct guest *g, const char *path, struct slice form);
void call_header(struct call *c, const char *name, struct slice value);
/* The ticks of upkeep, until there is nothing more to do. */
void world_upkeep(struct world *w);
void world_hang_up(struct visit *v);

/* ---- what an answer says (world_read.c); none where it does not ---- */

struct slice seen_header(const struct seen *s, const char *name);
struct slice seen_param(struct world *w, const struct seen *s, const char *name); /* of the Location's query */
bool seen_goes_to(const struct seen *s, const char *uri);       /* the Location is this URI with or without a query */
struct slice seen_error(struct world *w, const struct seen *s); /* of a page's #error, a JSON object, or a Location */
struct slice seen_flow(const struct seen *s);                   /* a page's hidden field */
struct slice seen_action(const struct seen *s, const char *id); /* what the button with this span sends */
bool seen_has(const struct seen *s, const char *text);          /* the body */
struct slice seen_member(struct world *w, const struct seen *s, const char *name);
int64_t seen_number(struct world *w, const struct seen *s, const char *name); /* -1: none */
/* Of a token that verifies with the published keys. */
const struct json *world_claims(struct world *w, struct slice jwt, enum sign_alg alg);
struct slice claim_text(const struct json *claims, const char *name);
int64_t claim_number(const struct json *claims, const char *name);
struct slice seen_mask(struct world *w, const struct seen *s); /* all of it, with what is random taken out */

/* What should not have come to pass. */
#define WORLD_FAIL(what) tap_check(__FILE__, __LINE__, (what), false)

/* ---- the made-up tailnet (world_doors.c) ---- */

struct tailnet_node *world_node(struct world *w, const char *address);

/* ---- another process on the database (world_store.c) ---- */

struct txn *world_begin(struct world *w);
void world_commit(struct world *w, struct txn *t);
void world_put_client(struct world *w, const struct client *c);
struct client world_client(struct world *w, const char *id);
struct person world_person(struct world *w, int64_t user_id);
void world_put_person(struct world *w, const struct person *person);
unsigned world_count(struct world *w, enum key_class class, int64_t user_id);   /* records; 0: of anybody */
unsigned world_counter(struct world *w, enum key_class class, int64_t user_id); /* what the counter says */
void world_set_counter(struct world *w, enum key_class class, int64_t user_id, uint32_t number);
unsigned world_audited(struct world *w, const char *event);         /* records of this event */
struct slice world_audit_last(struct world *w, const char *member); /* of the newest record */
struct keyring world_keys(struct world *w);
void world_generate(struct world *w, enum sign_alg alg); /* a key that signs at once */
bool world_signer_holds(const struct world *w, uint32_t number);
void world_keep_secret(struct world *w, struct slice secret);
/* How often something was done. An answer that was lost is asked for again, and then it may have been done once more. */
bool world_agrees(const struct world *w, unsigned got, unsigned want);
/* What must hold in every state: chain, counters, nothing secret in records or logs. */
void world_inspect(struct world *w);
struct slice world_log(struct world *w); /* all lines so far */

#endif
