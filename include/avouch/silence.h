/* Whether a sign-in may be silent: the table of docs/decisions.md as one pure function. */
#ifndef AVOUCH_SILENCE_H
#define AVOUCH_SILENCE_H

#include "consent.h"
#include "session.h"

/* OpenID Connect Core 3.1.2.1; bits, as prompt is a list. */
#define PROMPT_NONE (1U << 0)
#define PROMPT_LOGIN (1U << 1)
#define PROMPT_CONSENT (1U << 2)
#define PROMPT_SELECT_ACCOUNT (1U << 3)
bool prompt_parse(struct slice text, unsigned *ret); /* empty: 0; unknown values are ignored; false: none beside others */

/* Why a page is shown; the first that applies, in this order. The page says it in one sentence (page_continue.c). */
enum page_reason {
    SILENT,             /* no page */
    PAGE_LOGIN,         /* prompt=login */
    PAGE_ACCOUNT,       /* prompt=select_account */
    PAGE_CONSENT,       /* prompt=consent */
    PAGE_OTHER_PERSON,  /* this browser's session was somebody else's */
    PAGE_MAX_AGE,       /* the sign-in is older than max_age */
    PAGE_SIGNED_OUT,    /* the signed-out marker of this person and node */
    PAGE_ROUTER,        /* a person's node that routes for others */
    PAGE_EVERY_TIME,    /* --page always */
    PAGE_LOCAL,         /* loopback or private-use redirect of a public client: any local program may wait there */
    PAGE_FIRST_TIME,    /* no consent yet, and nobody vouches or --page first */
};
#define PAGE_REASON_COUNT 11

struct silence {
    const struct client *client;
    struct slice redirect_uri;
    const struct peer *peer;
    const struct session *session;      /* NULL: none, or somebody else's */
    bool other_person;                  /* the browser's session was another person's */
    bool signed_out, consented;
    unsigned prompt;
    int64_t max_age;                    /* -1: none */
    struct now now;
};

enum page_reason silence_judge(const struct silence *s);

#endif
