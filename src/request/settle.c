/* Sign and commit, one suspension: loop, signer, writer, loop. What was signed is seen only if what was put is durable. */
#include "req.h"

#include <assert.h>

#include "fault.h"

/* A change met at the commit runs the list again; the signature is dropped unseen. */
static enum next settled(struct req *r)
{
    enum err e = r->signing.n > 0 && r->signing.msg.job.err != ERR_OK ? r->signing.msg.job.err : txn_job(r->txn)->err;

    FAULT_POINT("settle-landed");
    if (e == ERR_CHANGED)
        return AGAIN;
    if (e != ERR_OK)
        return req_fail(r, e);
    r->settled = true;
    return r->end == NEXT ? NEXT : r->end;
}

enum next settle(struct req *r)
{
    struct job *commit = txn_job(r->txn), *sign = &r->signing.msg.job;

    if (r->settled || (r->signing.n == 0 && !txn_is_dirty(r->txn)))
        return NEXT;
    *commit = (struct job){ .at = r->m->commit };
    if (r->signing.n == 0)
        return req_wait(r, commit, settled);
    r->signing.msg.task = SIGNER_SIGN;
    r->signing.msg.pool = r->pool;
    *sign = (struct job){ .at = r->m->signer, .then = commit };
    return req_wait(r, sign, settled);
}

unsigned req_sign(struct req *r, uint64_t key, struct slice input)
{
    unsigned i = r->signing.n;

    assert(i < SIGNING_TOKENS_MAX);
    r->signing.token[i].key = key;
    r->signing.token[i].input = input;
    r->signing.n++;
    return i;
}
