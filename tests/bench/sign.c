/* Nothing but signatures, as the server's signers make them: a thread per core, each with a copy of the key and a prepared
 * context of its own, a digest in, a signature out. Prints one line of JSON, with this process's CPU seconds.
 *
 *   sign RS256|ES256 SECONDS
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#define DIGEST_BYTES    32
#define SIGNATURE_BYTES 512
#define THREADS_MAX     256

static atomic_bool over;

struct thread {
    pthread_t id;
    EVP_PKEY *key;
    unsigned long n;
};

static void require(int holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static EVP_PKEY_CTX *prepare(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    require(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1, "EVP_PKEY_sign_init");
    require(!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1, "padding");
    require(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1, "digest");
    return ctx;
}

static void *serve(void *thread)
{
    struct thread *t = thread;
    EVP_PKEY *own = EVP_PKEY_dup(t->key); /* blinding is a lock per key object */
    EVP_PKEY_CTX *ctx = prepare(own);
    unsigned char digest[DIGEST_BYTES] = { 1 }, signature[SIGNATURE_BYTES];

    for (; !atomic_load(&over); t->n++) {
        size_t n = sizeof(signature);

        memcpy(digest, &t->n, sizeof(t->n));
        require(EVP_PKEY_sign(ctx, signature, &n, digest, sizeof(digest)) == 1, "EVP_PKEY_sign");
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
    return NULL;
}

static double seconds_of(clockid_t clock)
{
    struct timespec t = { 0 };

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long sign_for(EVP_PKEY *key, const char *seconds)
{
    static struct thread threads[THREADS_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores;
    unsigned long n = 0;

    for (size_t i = 0; i < count; i++) {
        threads[i].key = key;
        require(pthread_create(&threads[i].id, NULL, serve, &threads[i]) == 0, "pthread_create");
    }
    const double ns = strtod(seconds, NULL) * 1e9;
    const struct timespec pause = { (time_t)(ns / 1e9), (long)ns % 1000000000 };
    (void)nanosleep(&pause, NULL);
    atomic_store(&over, true);
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i].id, NULL);
        n += threads[i].n;
    }
    return n;
}

int main(int argc, char **argv)
{
    require(argc == 3, "usage: sign RS256|ES256 SECONDS;");
    EVP_PKEY *key = strcmp(argv[1], "ES256") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                                  : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    require(key != NULL, "making a key");
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID), wall = seconds_of(CLOCK_MONOTONIC);
    unsigned long n = sign_for(key, argv[2]);
    (void)printf("{\"phase\":\"sign\",\"n\":%lu,\"wall_s\":%.6f,\"cpu_s\":%.6f}\n", n,
                 seconds_of(CLOCK_MONOTONIC) - wall, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    EVP_PKEY_free(key);
    return 0;
}
