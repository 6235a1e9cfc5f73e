/* The only place where private keys and the sealing key exist. Messages in, bytes out, no pointer to anything else:
 * threads today, a process by changing signer.c. One thread per core, niced; each has its own copies of the keys.
 * Every message begins with struct signer_msg and is sent to signer_queue(); text it returns lies in msg.pool, which
 * the message's owner lends (the message owns the request meanwhile). */
#ifndef AVOUCH_SIGNER_H
#define AVOUCH_SIGNER_H

#include "job.h"
#include "pool.h"

#define SEAL_KEY_BYTES 32
#define SIGNER_KEYS_MAX 64      /* unsealed at one time, all issuers together */

/* Algorithms we sign with. Their names are RFC 7518's. */
enum sign_alg { ALG_RS256, ALG_ES256, ALG_PS256 };
#define SIGN_ALG_COUNT 3

const char *sign_alg_name(enum sign_alg a);
bool sign_alg_parse(struct slice name, enum sign_alg *ret);

enum signer_task { SIGNER_SIGN, SIGNER_GENERATE, SIGNER_UNSEAL, SIGNER_FORGET };

struct signer_msg {
    struct job job;             /* first */
    enum signer_task task;
    struct pool *pool;
};

/* SIGNER_SIGN: each input is "base64url(header).base64url(claims)"; ret_jwt is input.signature. All or none of them.
 * ERR_NOENT: no such key unsealed; ERR_CRYPTO. */
#define SIGNING_TOKENS_MAX 2
struct signing {
    struct signer_msg msg;      /* first */
    unsigned n;
    struct {
        uint64_t key;           /* see keyring.h: key_handle() */
        struct slice input, ret_jwt;
    } token[SIGNING_TOKENS_MAX];
};

/* SIGNER_GENERATE: a new key pair (RSA 2048 or P-256), unsealed at once as `key`. ret_public: the public JWK's
 * members as a JSON object without kid, alg, use, in the order of RFC 7638: the text is the thumbprint's input as well.
 * ret_sealed: for the store. ERR_EXISTS: the handle is in use (a key that was made and could not be stored is given
 * back by SIGNER_FORGET); ERR_LIMIT: SIGNER_KEYS_MAX; ERR_CRYPTO. */
struct generating {
    struct signer_msg msg;
    uint64_t key;
    enum sign_alg alg;
    struct slice ret_public, ret_sealed;
};

/* SIGNER_UNSEAL: a sealed private key becomes usable as `key`, in place of one held under that handle; with is_secret
 * the sealed 32 bytes come back in ret_secret (wiped memory of msg.pool) and no key is touched. ERR_CRYPTO: sealed
 * with another key, for another purpose, or altered; ERR_CORRUPT: not such a key; ERR_LIMIT: SIGNER_KEYS_MAX.
 * SIGNER_FORGET: key is destroyed; ERR_NOENT: it was not held. */
struct unsealing {
    struct signer_msg msg;
    uint64_t key;
    enum sign_alg alg;
    bool is_secret;
    struct slice sealed;
    struct slice ret_secret;
};

struct signer;

/* seal_key is copied into locked memory and wiped where it came from. threads 0: none; signer_run does the work
 * (tests, CLI). ERR_LIMIT: no thread, memory or locked page to be had (RLIMIT_MEMLOCK). */
enum err signer_create(unsigned threads, uint8_t seal_key[static SEAL_KEY_BYTES], struct signer **ret) MUST_CHECK;
void signer_destroy(struct signer *s);              /* joins; NULL is fine */
struct queue *signer_queue(struct signer *s);
size_t signer_backlog(const struct signer *s);      /* jobs waiting and signatures under way: the writer gathers while there are some */
void signer_run(struct signer *s, struct job *j);   /* one message on this thread, without passing it on */

/* Seals 32 secret bytes (an HMAC key) without a message: at the first start and in the CLI. None: crypto failed. */
struct slice signer_seal_secret(struct signer *s, struct pool *pool, struct slice secret);

/* Reads the file (32 bytes; ours or root's; 0600 or stricter, or 0640 where owner and group are root, as systemd
 * credentials appear) or, where there is none and `create`, makes it. ERR_CONFIG, ERR_IO: *ret_why is the predicate of
 * a sentence ("does not exist"), to be put behind the file's name; it lives forever. */
enum err seal_key_load(const char *file, bool create, uint8_t ret[static SEAL_KEY_BYTES],
                       const char **ret_why) MUST_CHECK;

#endif
