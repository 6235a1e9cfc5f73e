/* A world's beginning and end. */
#include "world.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "endpoints.h"
#include "log.h"
#include "world_int.h"

#define WORLD_POOL_BYTES ((size_t)256 << 20)
#define WORLD_MAP_BYTES  ((size_t)32 << 20)
#define DRAWER_MAX       4

static const uint8_t page_key[SHA256_BYTES] = "page key of the tests, 32 bytes",
                     refresh_key[SHA256_BYTES] = "another key";

void world_require(bool holds, const char *what, struct slice why)
{
    if (holds)
        return;
    printf("Bail out! %s: " SLICE_FMT "\n", what, SLICE_ARG(why));
    exit(1);
}

/* ---- the tailnet ---- */

static const struct tailnet_node tailnet[] = {
    { "100.64.0.1", "nIdpCNTRL", "idp", 0, "tagged-devices", "Tagged Devices", .tags = "[\"tag:idp\"]" },
    { ALICE_LAPTOP, "nLaptopCNTRL", "laptop", ALICE, "alice@example.com", "Alice Example",
      .grants = "[{\"groups\":[\"people\"]}]" },
    { BOB_PHONE, "nBobCNTRL", "bobs-phone", BOB, "bob@example.com", "Bob Example" },
    { MACHINE, "nCiCNTRL", "ci", 0, "tagged-devices", "Tagged Devices", .tags = "[\"tag:server\"]" },
    { ALICE_PHONE, "nPhoneCNTRL", "phone", ALICE, "alice@example.com", "Alice Example" },
    { CAROL_LAPTOP, "nCarolCNTRL", "carols-laptop", CAROL, "carol@example.com", "Carol Example" },
    { EXPIRED, "nExpiredCNTRL", "old-laptop", 4, "dave@example.com", "Dave Example",
      .more = "\"Expired\":true,\"KeyExpiry\":\"2025-11-20T10:00:00Z\"" },
    { ROUTER, "nRouterCNTRL", "router", 5, "erin@example.com", "Erin Example",
      .more = "\"AllowedIPs\":[\"100.64.0.8/32\",\"10.0.0.0/8\"]" },
    { SHARED_IN, "nSharedCNTRL", "elsewhere", 6, "mallory@elsewhere.example", "Mallory",
      .more = "\"Hostinfo\":{\"ShareeNode\":true}", .fqdn = "elsewhere.tail9999.ts.net." },
};

/* ---- the clock ---- */

static struct now look(void *ctx)
{
    struct world *w = ctx;

    w->now_ms++;
    w->boot_ms += w->boot_ms != 0;
    return world_now(w);
}

static bool say_synchronised(void *ctx)
{
    return ((const struct world *)ctx)->synchronised;
}

struct now world_now(const struct world *w)
{
    return (struct now){ .s = w->now_ms / 1000, .ms = w->now_ms, .boot_ms = w->boot_ms };
}

static int64_t real_ms(clockid_t clock)
{
    struct timespec t = { 0 };

    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void world_watch_clock(struct world *w)
{
    w->now_ms = real_ms(CLOCK_REALTIME);
    w->boot_ms = real_ms(CLOCK_BOOTTIME);
}

void world_pass(struct world *w, int64_t seconds)
{
    w->now_ms += seconds * 1000;
    w->boot_ms += seconds * 1000;
}

void world_jump(struct world *w, int64_t seconds)
{
    w->now_ms += seconds * 1000;
}

void world_at(struct world *w, int64_t after_start_s)
{
    w->now_ms = (WORLD_START_S + after_start_s) * 1000;
}

/* ---- keys ---- */

/* RSA keys take long to make: each program makes one once, and every world that comes to its turn gets it again. */
static struct drawer {
    struct pool *pool;
    size_t n[SIGN_ALG_COUNT];

    struct pair {
        struct slice public, sealed;
    } pair[SIGN_ALG_COUNT][DRAWER_MAX];
} drawer;

static void make_pair(struct world *w, struct generating *g, struct pair *ret)
{
    if (drawer.pool == NULL)
        drawer.pool = pool_create(WORLD_POOL_BYTES);
    signer_run(w->signer, &g->msg.job);
    world_require(g->msg.job.err == ERR_OK, "the signer", slice_of(err_text(g->msg.job.err)));
    *ret = (struct pair){ pool_dup(drawer.pool, g->ret_public), pool_dup(drawer.pool, g->ret_sealed) };
}

void signing_drawer(struct world *w, struct generating *g)
{
    unsigned turn = w->generated[g->alg]++;
    struct pair *pair = &drawer.pair[g->alg][turn < DRAWER_MAX ? turn : 0];

    if (turn >= DRAWER_MAX || turn >= drawer.n[g->alg]) {
        struct pair made;
        make_pair(w, g, turn < DRAWER_MAX ? pair : &made);
        drawer.n[g->alg] += turn < DRAWER_MAX;
        return;
    }
    struct unsealing u = {
        .msg = { .task = SIGNER_UNSEAL, .pool = g->msg.pool }, .key = g->key, .alg = g->alg, .sealed = pair->sealed
    };
    signer_run(w->signer, &u.msg.job);
    g->msg.job.err = u.msg.job.err;
    g->ret_public = pair->public;
    g->ret_sealed = pair->sealed;
}

void world_generate(struct world *w, enum sign_alg alg)
{
    struct txn *t = world_begin(w);
    struct signing_key key = { .alg = alg, .number = keyring_next_number(t) };
    struct generating g = { .msg = { .task = SIGNER_GENERATE, .pool = w->pool },
                            .key = key_handle(w->issuer.number, key.number),
                            .alg = alg };

    signing_drawer(w, &g);
    w->held[w->held_n++] = g.key;
    key.public_jwk = g.ret_public;
    key.sealed = g.ret_sealed;
    keyring_add(t, &key, true, world_now(w));
    world_commit(w, t);
}

/* ---- beginning ---- */

static void open_store(struct world *w)
{
    const struct store_options options = { .directory = w->directory, .map_bytes = WORLD_MAP_BYTES, .no_sync = true };
    struct slice why = SLICE_NONE;

    /* in memory where that can be had: there are thousands of them */
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL)
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    int n = snprintf(w->directory, sizeof(w->directory), "%s/avouch-test-XXXXXX", tmp);
    world_require(n > 0 && (size_t)n < sizeof(w->directory), "TMPDIR", SL("its path is too long"));
    world_require(mkdtemp(w->directory) != NULL, "mkdtemp", SL("no directory for a database"));
    world_require(store_open(w->pool, &options, &w->store, &why) == ERR_OK, "store_open", why);
    w->view = view_create(w->store);
    w->outside = view_create(w->store);
}

static void open_signer(struct world *w)
{
    uint8_t key[SEAL_KEY_BYTES] = "sealing key of the tests";

    world_require(signer_create(0, key, &w->signer) == ERR_OK, "signer_create", SL("no locked memory"));
}

static void make_issuer(struct world *w)
{
    const struct issuer_record record = { .url = SL(WORLD_URL), .epoch = 3 };

    w->issuer = (struct issuer){ .number = 1,
                                 .url = record.url,
                                 .host = SL(WORLD_HOST),
                                 .https = true,
                                 .lifetimes = LIFETIMES_DEFAULT,
                                 .contact = SL("ask Bob"),
                                 .self = { .stable_id = SL("nIdpCNTRL"), .suffix = SL(WORLD_SUFFIX) },
                                 .email_verified = true,
                                 .page_key = page_key,
                                 .refresh_key = refresh_key };
    struct txn *t = world_begin(w);
    w->first_issuer = w->issuer;
    issuer_put(t, &record);
    world_commit(w, t);
}

static void make_machine(struct world *w)
{
    w->machine = (struct machine){ .issuer = &w->issuer,
                                   .endpoints = endpoints,
                                   .view = w->view,
                                   .inbox = &w->inbox,
                                   .asks = &w->asks.queue,
                                   .fetches = &w->fetches.queue,
                                   .signer = &w->signing.queue,
                                   .commit = &w->commit.queue,
                                   .clock = look,
                                   .clock_is_synchronised = say_synchronised,
                                   .clock_ctx = w,
                                   .daemon_uid = NO_UID };
    machine_init(&w->machine);
    w->machine.leaving.holds = true;
    for (unsigned c = 0; c < LISTENER_CLASS_COUNT; c++)
        w->listeners[c] = listener_fake(w->pool, (enum listener_class)c, true);
}

/* Lines of all worlds go to one file, which each begins anew. */
static int log_file(void)
{
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("log", MFD_CLOEXEC);
        world_require(fd >= 0, "memfd_create", SL("no file for the log"));
        log_open(fd, LOG_DEBUG, false);
    }
    return fd;
}

struct slice world_log(struct world *w)
{
    log_flush();
    off_t n = lseek(log_file(), 0, SEEK_END);
    char *text = pool_alloc(w->pool, (size_t)n + 1);

    world_require(pread(log_file(), text, (size_t)n, 0) == n, "pread", SL("the log"));
    return slice_bytes(text, (size_t)n);
}

void world_open(struct world *w, struct course *course, bool bare)
{
    memset(w, 0, sizeof(*w));
    log_flush();
    world_require(ftruncate(log_file(), 0) == 0 && lseek(log_file(), 0, SEEK_SET) == 0, "ftruncate", SL("the log"));
    w->pool = pool_create(WORLD_POOL_BYTES);
    w->course = course;
    memcpy(w->nodes, tailnet, sizeof(tailnet));
    w->node_n = sizeof(tailnet) / sizeof(tailnet[0]);
    world_at(w, 0);
    doors_open(w);
    inbox_init(&w->inbox, NULL);
    open_store(w);
    open_signer(w);
    make_issuer(w);
    make_machine(w);
    if (!bare)
        world_generate(w, ALG_ES256);
}

/* ---- end ---- */

static void remove_directory(const char *directory)
{
    DIR *dir = opendir(directory);

    for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(directory);
}

void world_close(struct world *w)
{
    CHECK_INT(w->machine.waiting, 0);
    CHECK(doors_are_empty(w));
    world_require(w->machine.waiting == 0, "the machine", SL("requests are left at the end"));
    machine_finish(&w->machine);
    signer_destroy(w->signer);
    inbox_finish(&w->inbox);
    view_destroy(w->view);
    view_destroy(w->outside);
    store_close(w->store);
    pool_destroy(w->pool);
    remove_directory(w->directory);
}
