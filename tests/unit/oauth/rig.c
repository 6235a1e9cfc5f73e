#include "rig.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stored.h"

#define RIG_POOL_BYTES (64UL << 20)
#define RIG_MAP_BYTES  (16UL << 20)

static const uint8_t page_key[SHA256_BYTES] = "page key of the tests, 32 bytes",
                     refresh_key[SHA256_BYTES] = "another key";

static void require(bool holds, const char *what, struct slice why)
{
    if (holds)
        return;
    printf("Bail out! %s: " SLICE_FMT "\n", what, SLICE_ARG(why));
    exit(1);
}

void rig_open(struct rig *r)
{
    static const struct slice uris[] = { { RIG_URI, sizeof(RIG_URI) - 1 } };
    struct slice why = SLICE_NONE;

    memset(r, 0, sizeof(*r));
    (void)strcpy(r->directory, "/tmp/avouch-test-XXXXXX");
    require(mkdtemp(r->directory) != NULL, "mkdtemp", SL("no directory for a database"));
    r->pool = pool_create(RIG_POOL_BYTES);
    const struct store_options options = { .directory = r->directory, .map_bytes = RIG_MAP_BYTES, .no_sync = true };
    require(store_open(r->pool, &options, &r->store, &why) == ERR_OK, "store_open", why);
    r->view = view_create(r->store);
    r->issuer = (struct issuer){ .number = 1,
                                 .url = SL("https://idp.example.ts.net"),
                                 .host = SL("idp.example.ts.net"),
                                 .https = true,
                                 .lifetimes = LIFETIMES_DEFAULT,
                                 .email_verified = true,
                                 .page_key = page_key,
                                 .refresh_key = refresh_key };
    r->issuer_record = (struct issuer_record){ .url = r->issuer.url, .epoch = 3 };
    r->person = (struct person){ .user_id = RIG_USER,
                                 .login = SL("alice@example.com"),
                                 .display_name = SL("Alice Example"),
                                 .picture = SL("https://elsewhere.example/alice.png"),
                                 .username = SL("alice"),
                                 .email = SL("alice@example.com"),
                                 .epoch = 5 };
    r->client =
        (struct client){ .id = SL(RIG_CLIENT), .name = SL("Grafana"), .redirect_uris = { uris, 1 }, .epoch = 7 };
    r->peer = (struct peer){ .kind = PEER_PERSON,
                             .user_id = RIG_USER,
                             .login = SL("alice@example.com"),
                             .stable_id = SL("nLaptop1CNTRL"),
                             .address = SL("100.64.0.7") };
    rig_at(r, 0);
    rig_save_issuer(r);
    rig_save_person(r);
    rig_save_client(r);
}

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

void rig_close(struct rig *r)
{
    view_destroy(r->view);
    store_close(r->store);
    pool_destroy(r->pool);
    remove_directory(r->directory);
}

struct txn *rig_begin(struct rig *r)
{
    view_rest(r->view);
    return txn_create(r->pool, r->view, r->issuer.number);
}

enum err rig_commit(struct rig *r, struct txn *t)
{
    enum err e = store_commit_one(r->store, t);

    view_rest(r->view);
    return e;
}

void rig_at(struct rig *r, int64_t after_start_s)
{
    r->now.s = RIG_START_S + after_start_s;
    r->now.ms = r->now.s * 1000;
}

void rig_save_issuer(struct rig *r)
{
    struct txn *t = rig_begin(r);

    issuer_put(t, &r->issuer_record);
    CHECK_INT(rig_commit(r, t), ERR_OK);
}

void rig_save_person(struct rig *r)
{
    struct txn *t = rig_begin(r);

    person_put(t, &r->person);
    CHECK_INT(rig_commit(r, t), ERR_OK);
}

void rig_save_client(struct rig *r)
{
    struct txn *t = rig_begin(r);

    client_put(t, &r->client);
    CHECK_INT(rig_commit(r, t), ERR_OK);
}

uint32_t rig_count(struct rig *r, enum key_class class, struct slice whose)
{
    struct txn *t = rig_begin(r);

    return txn_count_now(t, issuer_count_key(t, class, whose));
}

int64_t rig_expires_at(struct rig *r, enum key_class class, const uint8_t id[static 8])
{
    struct txn *t = rig_begin(r);
    struct slice value;

    return txn_get(t, stored_key(t, class, id), &value) ? record_expires_at(value) : -1;
}
