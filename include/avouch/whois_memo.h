/* The last answers of whois with what was read from them. Every request that needs an identity still asks
 * (docs/decisions.md, Identity); but tailscaled says the same of a node for hours, and reading it anew costs more than all else
 * that a request does. Nothing is believed because it is here: an answer counts only if its text is the same to the byte. */
#ifndef AVOUCH_WHOIS_MEMO_H
#define AVOUCH_WHOIS_MEMO_H

#include "whois.h"

#define WHOIS_MEMO_PLACES 32            /* that an answer may hash to */
#define WHOIS_MEMO_ANSWERS 8            /* at each of them; a few KiB an answer */
#define WHOIS_MEMO_BYTES_MAX 16384      /* of an answer that is remembered */

struct whois_memo {                     /* zero at first */
    struct known_answer *at[WHOIS_MEMO_PLACES][WHOIS_MEMO_ANSWERS];
    unsigned next;                      /* of a place's answers, whose turn it is to be replaced */
};

/* whois_parse, and its result lives as long as the pool. One thread, and the pool ends in that thread too. */
enum err whois_read(struct whois_memo *m, struct pool *p, struct slice body, const struct address *asked,
                    const struct tailnet_self *self, struct peer *ret) MUST_CHECK;
void whois_memo_finish(struct whois_memo *m);

#endif
