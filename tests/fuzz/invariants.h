/* What must hold of every answer, whatever was asked before: nobody is sent to a redirect URI that is not registered, no token without a
 * proven client and a code that was issued to it, each code once, nothing answered with 500 unless a signer has failed, and no secret
 * where it does not belong. Judged from outside: by what was sent and what came back. */
#ifndef AVOUCH_FUZZ_INVARIANTS_H
#define AVOUCH_FUZZ_INVARIANTS_H

#include "sign_in.h"
#include "world.h"

#define ISSUED_MAX 128

struct issued {
    struct slice code, access_token, id_token; /* none: not redeemed */
    const struct app *app;
    int64_t user_id;
};

/* Everything that was given out, in order. Memory is the world's. */
struct history {
    struct world *w;
    const struct app *apps[2];
    bool signer_failed;
    struct issued issued[ISSUED_MAX];
    size_t n;
};

/* Before a request is sent. Whoever sends a secret as what it is not, say as a client_id, finds it in the log: from then on it is none. */
void history_note_call(struct history *h, const struct call *c);
/* A visit with an answer; each once. What does not hold is told to tap.h. */
void history_judge(struct history *h, const struct visit *v);
/* The newest; NULL: none. */
const struct issued *history_last(const struct history *h);

#endif
