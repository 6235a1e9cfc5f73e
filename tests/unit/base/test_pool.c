#include "pool.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#if defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define WITH_ASAN 1
#    endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#    define WITH_ASAN 1
#endif
#ifdef WITH_ASAN
#    include <sanitizer/asan_interface.h>
#endif

#define CAP (1 << 20)

static void allocates(void)
{
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 2048, 2049, 5000, 70000 };
    struct pool *p = pool_create(SIZE_MAX);
    char *blocks[500];

    for (size_t i = 0; i < 500; i++) {
        size_t n = sizes[i % 10];

        blocks[i] = pool_alloc(p, n);
        CHECK((uintptr_t)blocks[i] % 16 == 0);
        memset(blocks[i], (int)(i & 0x7f), n);
    }
    for (size_t i = 0; i < 500; i++) {
        bool kept = true;

        for (size_t k = 0; k < sizes[i % 10]; k++)
            kept = kept && blocks[i][k] == (char)(i & 0x7f);
        CHECK(kept);
    }
    pool_destroy(p);
    pool_destroy(NULL);
}

static void clears(void)
{
    struct pool *p = pool_create(CAP);
    struct pool_mark start = pool_mark(p);
    static const char zeros[3000];

    memset(pool_alloc(p, 3000), 0xff, 3000);
    pool_rewind(p, start);
    CHECK(memcmp(pool_zalloc(p, 3000), zeros, 3000) == 0);
    memset(pool_secret(p, 100), 0xff, 100);
    pool_rewind(p, start);
    CHECK(memcmp(pool_secret(p, 3000), zeros, 3000) == 0);
    pool_destroy(p);
}

static void copies_text(void)
{
    struct pool *p = pool_create(CAP);
    char text[] = "abc";
    struct slice s = pool_dup(p, slice_of(text));

    text[0] = 'x';
    CHECK_TEXT(s, "abc");
    CHECK(slice_is_none(pool_dup(p, SLICE_NONE)));
    CHECK(!slice_is_none(pool_dup(p, SL(""))));
    CHECK_INT(strcmp(slice_cstr(p, slice_head(SL("abcdef"), 2)), "ab"), 0);
    CHECK_INT(strcmp(slice_cstr(p, SLICE_NONE), ""), 0);
    CHECK_TEXT(pool_fmt(p, "%s=%d", "a", 12), "a=12");
    for (int n = 250; n < 262; n++) {
        struct slice f = pool_fmt(p, "%*d", n, 1);

        CHECK_INT(f.n, n);
        CHECK(f.p[n - 1] == '1');
    }
    pool_destroy(p);
}

static char order[8];
static size_t n_noted;

static void note(void *object)
{
    order[n_noted++] = *(const char *)object;
}

static void defers_newest_first(void)
{
    static char a = 'a', b = 'b', c = 'c', d = 'd';
    struct pool *p = pool_create(CAP);

    pool_defer(p, &a, note);
    struct pool_mark mark = pool_mark(p);
    pool_defer(p, &b, note);
    pool_defer(p, &c, note);
    pool_rewind(p, mark);
    CHECK_TEXT(slice_bytes(order, n_noted), "cb");
    pool_defer(p, &d, note);
    pool_destroy(p);
    CHECK_TEXT(slice_bytes(order, n_noted), "cbda");
}

struct holder {
    char *large, *small;
    bool seen;
};

static bool *seen_out;

static void look(void *object)
{
    struct holder *h = object;

    *seen_out = h->large[69999] == 'l' && h->small[0] == 's';
}

static void deferred_functions_see_newer_memory(void)
{
    struct pool *p = pool_create(CAP);
    struct holder *h = pool_zalloc(p, sizeof(*h));
    bool seen = false;

    seen_out = &seen;
    pool_defer(p, h, look);
    h->large = pool_alloc(p, 70000);
    h->large[69999] = 'l';
    for (int i = 0; i < 100; i++)
        h->small = pool_alloc(p, 1000);
    h->small[0] = 's';
    pool_destroy(p);
    CHECK(seen);
}

static bool was_wiped;
static const char *secret;

static void look_at_secret(void *object)
{
    was_wiped = memcmp(secret, "\0\0\0\0\0\0\0\0", 8) == 0;
}

static void wipes_secrets(void)
{
    struct pool *p = pool_create(CAP);
    struct pool_mark start = pool_mark(p);

    for (int round = 0; round < 2; round++) {
        was_wiped = false;
        pool_defer(p, p, look_at_secret); /* older than the secret, so it runs after the wipe */
        char *s = pool_secret(p, 8);
        memset(s, 'x', 8);
        secret = s;
        if (round == 0)
            pool_rewind(p, start);
        else
            pool_destroy(p);
        CHECK(was_wiped);
    }
}

static void rewinds(void)
{
    struct pool *p = pool_create(CAP);
    char *kept = pool_alloc(p, 3000), *large = pool_alloc(p, 5000);

    memset(kept, 'k', 3000);
    memset(large, 'l', 5000);
    struct pool_mark mark = pool_mark(p);
    size_t used = pool_used(p);
    char *first = pool_alloc(p, 100);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++)
            memset(pool_alloc(p, 999), 'x', 999);
        memset(pool_alloc(p, 70000), 'x', 70000);
        pool_rewind(p, mark);
        CHECK_INT(pool_used(p), used);
        CHECK(pool_alloc(p, 100) == first);
    }
    CHECK(kept[0] == 'k' && kept[2999] == 'k' && large[0] == 'l' && large[4999] == 'l');
    pool_destroy(p);
}

static void knows_its_cap(void)
{
    struct pool *p = pool_create(1000);
    struct pool_mark start = pool_mark(p);

    (void)pool_alloc(p, 900);
    CHECK(!pool_is_over(p));
    struct pool_mark below = pool_mark(p);
    char *last = pool_alloc(p, 200);
    CHECK(pool_is_over(p));
    (void)pool_resize(p, last, 200, 16);
    CHECK(pool_used(p) < 1000);
    CHECK(pool_is_over(p)); /* sticky */
    (void)pool_alloc(p, 2000);
    struct pool_mark above = pool_mark(p);
    (void)pool_alloc(p, 1);
    pool_rewind(p, above);
    CHECK(pool_is_over(p));
    pool_rewind(p, below);
    CHECK(!pool_is_over(p));
    (void)pool_alloc(p, 5000); /* a block of its own counts too */
    CHECK(pool_is_over(p));
    pool_rewind(p, start);
    CHECK(!pool_is_over(p));
    CHECK_INT(pool_used(p), 0);
    pool_destroy(p);
}

static void resizes(void)
{
    struct pool *p = pool_create(CAP);
    char *a = pool_alloc(p, 10);

    memset(a, 'a', 10);
    CHECK(pool_resize(p, a, 10, 1000) == a);
    CHECK_INT(pool_used(p), 1008);
    CHECK(pool_resize(p, a, 1000, 10) == a);
    CHECK_INT(pool_used(p), 16);
    (void)pool_alloc(p, 1);
    char *moved = pool_resize(p, a, 10, 20); /* not the newest any more */
    CHECK(moved != a);
    CHECK(memcmp(moved, "aaaaaaaaaa", 10) == 0);
    CHECK(pool_resize(p, a, 10, 5) == a);

    char *huge = pool_resize(p, moved, 20, 9000); /* not in this chunk */
    CHECK(memcmp(huge, "aaaaaaaaaa", 10) == 0);
    huge[8999] = 'x';
    pool_destroy(p);
}

static void a_mark_stops_growing_in_place(void)
{
    struct pool *p = pool_create(CAP);
    char *a = pool_alloc(p, 16);
    struct pool_mark mark = pool_mark(p);

    memset(a, 'a', 16);
    CHECK(pool_resize(p, a, 16, 64) != a);
    pool_rewind(p, mark);
    memset(pool_alloc(p, 64), 'b', 64);
    CHECK(a[15] == 'a');
    pool_destroy(p);
}

static void poisons(void)
{
#ifdef WITH_ASAN
    struct pool *p = pool_create(CAP);
    struct pool_mark start = pool_mark(p);
    char *a = pool_alloc(p, 20), *b = pool_alloc(p, 20);

    CHECK(!__asan_address_is_poisoned(a + 19));
    CHECK(__asan_address_is_poisoned(a + 20));
    CHECK(__asan_address_is_poisoned(b - 1));
    CHECK(__asan_address_is_poisoned(b + 20));
    (void)pool_resize(p, b, 20, 30);
    CHECK(!__asan_address_is_poisoned(b + 29));
    (void)pool_resize(p, b, 30, 10);
    CHECK(__asan_address_is_poisoned(b + 10));
    pool_rewind(p, start);
    CHECK(__asan_address_is_poisoned(a));
    CHECK(!__asan_address_is_poisoned(pool_alloc(p, 1)));
    start = pool_mark(p);
    char *large = pool_alloc(p, 70000);
    pool_rewind(p, start);
    CHECK(__asan_address_is_poisoned(large));
    pool_destroy(p);
#endif
}

/* In a child: without memory the process ends by abort, after a message. */
static void ends_without_memory(void)
{
    char text[64] = "";
    int fds[2], status = 0;

    CHECK_INT(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        (void)dup2(fds[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        (void)pool_alloc(pool_create(CAP), SIZE_MAX - 1);
        _exit(0);
    }
    (void)close(fds[1]);
    CHECK(read(fds[0], text, sizeof(text) - 1) > 0);
    (void)close(fds[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(slice_starts(slice_of(text), SL("avouch: out of memory")));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "allocates aligned blocks that do not overlap", allocates },
        { "clears where it says so", clears },
        { "copies text", copies_text },
        { "runs deferred functions newest first", defers_newest_first },
        { "keeps newer memory for deferred functions", deferred_functions_see_newer_memory },
        { "wipes secrets at rewind and at the end", wipes_secrets },
        { "rewinds to a mark, chunks and large blocks alike", rewinds },
        { "is over its cap until a rewind", knows_its_cap },
        { "resizes the newest block in place", resizes },
        { "does not resize in place past a mark", a_mark_stops_growing_in_place },
        { "poisons what is not handed out (ASan)", poisons },
        { "ends the process without memory", ends_without_memory },
    };

    return TAP_RUN(tests);
}
