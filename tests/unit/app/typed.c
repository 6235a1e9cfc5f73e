#include "typed.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX 48

struct pool *pool;
char directory[] = "/tmp/avouch-test-XXXXXX", state[64];
struct slice out, err;

/* What went to a descriptor since it was pointed at this file. */
static struct slice taken(FILE *f)
{
    char *text = pool_alloc(pool, OUTPUT_MAX);

    rewind(f);
    return slice_bytes(text, fread(text, 1, OUTPUT_MAX, f));
}

static int run_args(int argc, char **argv)
{
    FILE *files[2] = { tmpfile(), tmpfile() };
    int saved[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };

    (void)fflush(stdout);
    CHECK(files[0] != NULL && files[1] != NULL && saved[0] >= 0 && saved[1] >= 0);
    CHECK(dup2(fileno(files[0]), STDOUT_FILENO) >= 0 && dup2(fileno(files[1]), STDERR_FILENO) >= 0);
    int status = command_run(argc, argv);
    (void)fflush(stdout);
    (void)dup2(saved[0], STDOUT_FILENO);
    (void)dup2(saved[1], STDERR_FILENO);
    out = taken(files[0]);
    err = taken(files[1]);
    for (unsigned i = 0; i < 2; i++)
        CHECK(fclose(files[i]) == 0 && close(saved[i]) == 0);
    return status;
}

int run(const char *line)
{
    char *argv[ARGS_MAX] = { slice_cstr(pool, SL("avouch")) };
    struct slice rest = slice_of(line), word = SLICE_NONE;
    int argc = 1;

    while (slice_cut(&rest, ' ', &word)) {
        argv[argc] = slice_cstr(pool, word);
        for (char *c = argv[argc++]; *c != '\0'; c++)
            *c = *c == '\'' ? ' ' : *c;
    }
    argv[argc++] = slice_cstr(pool, pool_fmt(pool, "--state=%s", state));
    argv[argc] = NULL;
    return run_args(argc, argv);
}

struct slice file_text(const char *file)
{
    FILE *f = fopen(file, "re");

    CHECK(f != NULL);
    if (f == NULL)
        return SLICE_NONE;
    struct slice text = taken(f);
    CHECK_INT(fclose(f), 0);
    return text;
}

bool says(struct slice text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

void check_says(const char *file, int line, struct slice text, const char *part)
{
    if (says(text, part))
        return;
    tap_failures++;
    printf("# %s:%d: \"%s\" is not in \"" SLICE_FMT "\"\n", file, line, part, SLICE_ARG(text));
}

const struct json *printed(void)
{
    const struct json *root = NULL;

    CHECK_INT(json_parse(pool, out, OUTPUT_MAX, &root), ERR_OK);
    return root;
}

struct slice text_of(const char *member)
{
    struct slice text = SLICE_NONE;

    (void)json_text(json_member(printed(), member), &text);
    return text;
}

struct slice text_in(const char *member, size_t i)
{
    struct slice text = SLICE_NONE;

    (void)json_text(json_item(json_member(printed(), member), i), &text);
    return text;
}

/* ---- the database, directly ---- */

struct txn *begin(struct direct *d)
{
    const struct store_options o = { .directory = state };
    struct slice why = SLICE_NONE;

    CHECK_INT(store_open(pool, &o, &d->store, &why), ERR_OK);
    d->view = view_create(d->store);
    return txn_create(pool, d->view, ISSUER_NUMBER);
}

void end(struct direct *d, struct txn *t)
{
    if (txn_is_dirty(t))
        CHECK_INT(store_commit_one(d->store, t), ERR_OK);
    view_destroy(d->view);
    store_close(d->store);
}

struct client stored(const char *id)
{
    struct client c = { .epoch = 99 };
    struct direct d;
    struct txn *t = begin(&d);

    CHECK(client_load(t, slice_of(id), &c));
    end(&d, t);
    return c;
}

const struct now now = { 1795617068, 1795617068000 };

void meet(int64_t user_id, const char *login, const char *stable_id)
{
    const struct issuer issuer = { .number = ISSUER_NUMBER, .email_verified = true };
    const struct peer peer = { .kind = PEER_PERSON,
                               .user_id = user_id,
                               .login = slice_of(login),
                               .display_name = SL("X"),
                               .stable_id = slice_of(stable_id),
                               .address = SL("100.64.0.2") };
    struct person person;
    struct direct d;
    struct txn *t = begin(&d);

    CHECK_INT(person_meet(t, &issuer, &peer, now, &person), ERR_OK);
    end(&d, t);
}

void fresh(void)
{
    static unsigned n;

    (void)snprintf(state, sizeof(state), "%s/%u", directory, n++);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

int typed_run(const struct tap_test *tests, size_t n)
{
    pool = pool_create(64 << 20);
    CHECK(mkdtemp(directory) != NULL);
    CHECK(setenv("AVOUCH_STATE", directory, 1) == 0); /* --state wins */
    int status = tap_run(tests, n);
    CHECK_INT(nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    pool_destroy(pool);
    return status;
}
