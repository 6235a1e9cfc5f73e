/* Made-up people for --dev and benchmarks: a stand-in for tailscaled behind the same door (ask.h). The first is the peer at
 * 127.0.0.1 and ::1, the next at 127.0.0.2, ...; their nodes have addresses 100.64.0.1, .2, ..., by which they are asked about again.
 * Answers are whois texts, read like real ones. */
#ifndef AVOUCH_DEV_H
#define AVOUCH_DEV_H

#include "address.h"
#include "job.h"

#define DEV_PEOPLE_MAX 64

struct dev {
    struct queue queue;         /* first; what machine.asks points to */
    struct slices people;       /* logins; owned by whoever fills it */
    struct pool *pool;          /* of the answers; NULL: nobody has been asked about yet */
    struct slice answers[DEV_PEOPLE_MAX]; /* what whois says of each, written when it is asked first */
};

void dev_init(struct dev *d, struct slices people);
void dev_finish(struct dev *d);
/* The loopback address of one of them. */
struct address dev_address(size_t index);
/* Who is at this address? False: nobody. */
bool dev_find(const struct dev *d, const struct address *a, size_t *ret_index);

#endif
