/* What this machine says: the database, its owner and its disk, the clock. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "client.h"
#include "doctor.h"
#include "encode.h"
#include "person.h"
#include "tailnet.h"

#define CLOCK_BEHIND_MS INT64_C(300000)
#define DISK_FREE_MIN   ((uint64_t)64 << 20)

/* ---- database ---- */

static void check_space(struct doctor *d)
{
    struct store_usage usage;

    if (store_usage(d->c->store, &usage) != ERR_OK) {
        doctor_say(d, "database", FINDING_BAD, SL("Its size cannot be read."), NULL);
        return;
    }
    bool full = usage.percent >= STORE_ALARM_PERCENT;
    doctor_say(d, "database", full ? FINDING_BAD : FINDING_GOOD,
               pool_fmt(d->pool, "%llu MiB in use, %u%% of what it may grow to; %llu records.",
                        (unsigned long long)(usage.used_bytes >> 20), usage.percent, (unsigned long long)usage.entries),
               full ? "set database_max higher in avouch.yaml and restart avouch" : NULL);
}

static void check_disk(struct doctor *d)
{
    const char *directory = slice_cstr(d->pool, d->c->config.state);
    struct statvfs fs;

    if (statvfs(directory, &fs) != 0)
        return;
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    bool full = free_bytes < DISK_FREE_MIN;
    doctor_say(d, "disk", full ? FINDING_BAD : FINDING_GOOD,
               pool_fmt(d->pool, "%llu MiB are free where the database lies%s.", (unsigned long long)(free_bytes >> 20),
                        full ? ": when none is left nobody is signed in" : ""),
               full ? "make room" : NULL);
}

/* A file in the directory that is another user's, as after a subcommand that was run as somebody else; NULL: none. */
static const char *foreign_file(struct doctor *d, int directory, uid_t owner)
{
    DIR *list = fdopendir(directory);
    const struct dirent *entry;
    const char *found = NULL;
    struct stat st;

    if (list == NULL) {
        (void)close(directory);
        return NULL;
    }
    while (found == NULL && (entry = readdir(list)) != NULL)
        if (entry->d_name[0] != '.' && fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_uid != owner)
            found = slice_cstr(d->pool, slice_of(entry->d_name));
    (void)closedir(list);
    return found;
}

static void check_owner(struct doctor *d)
{
    const char *directory = slice_cstr(d->pool, d->c->config.state);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st = { .st_mode = 0 };

    if (fd < 0)
        return;
    (void)fstat(fd, &st);
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        doctor_say(d, "owner", FINDING_BAD, pool_fmt(d->pool, "Others may look into %s.", directory),
                   slice_cstr(d->pool, pool_fmt(d->pool, "chmod 700 %s", directory)));
    const char *foreign = foreign_file(d, fd, st.st_uid);
    if (foreign != NULL)
        doctor_say(d, "owner", FINDING_BAD,
                   pool_fmt(d->pool, "%s in %s does not belong to the directory's owner, so the server may not use it.",
                            foreign, directory),
                   slice_cstr(d->pool, pool_fmt(d->pool, "chown -R %u:%u %s", (unsigned)st.st_uid, (unsigned)st.st_gid,
                                                directory)));
}

static void check_synchronised(struct doctor *d)
{
    struct timex t = { 0 };
    int state = adjtimex(&t);

    if (state < 0 || state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
        doctor_say(
            d, "time source", FINDING_LOOK,
            SL("Nobody keeps this machine's clock right; applications refuse tokens from a clock that is minutes off."),
            "timedatectl set-ntp true");
}

static void check_clock(struct doctor *d)
{
    struct store_clock last;

    if (view_clock(d->c->view, &last) != ERR_OK)
        return;
    if (d->c->now.ms + CLOCK_BEHIND_MS < last.latest_ms)
        doctor_say(d, "clock", FINDING_BAD,
                   pool_fmt(d->pool, "It is behind what was issued last, at " SLICE_FMT ": nothing is issued.",
                            SLICE_ARG(time_format(d->pool, last.latest_ms / 1000))),
                   "timedatectl set-ntp true; if the clock is right now: avouch clock accept");
    else
        doctor_say(d, "clock", FINDING_GOOD, SL("Not behind what was issued last."), NULL);
}

static void check_tailnet(struct doctor *d)
{
    struct tailnet accepted, seen;
    struct txn *t = command_txn(d->c);

    if (!tailnet_load(t, TAILNET_ACCEPTED, &accepted))
        return;
    if (tailnet_load(t, TAILNET_SEEN, &seen))
        doctor_say(d, "tailnet", FINDING_BAD,
                   pool_fmt(d->pool, "Nobody is signed in: %s (" SLICE_FMT ", was " SLICE_FMT ").",
                            tailnet_change_text(tailnet_compare(&accepted, &seen)), SLICE_ARG(seen.name),
                            SLICE_ARG(accepted.name)),
                   "avouch tailnet accept, if user ids mean the same people there");
    else
        doctor_say(d, "tailnet", FINDING_GOOD,
                   pool_fmt(d->pool, "The database belongs to " SLICE_FMT ".", SLICE_ARG(accepted.name)), NULL);
}

static int count_held(struct command *c, const struct record *r, void *context)
{
    size_t *held = context;
    struct person person;

    *held += person_unpack(c->pool, r->value, &person) && person.held;
    return COMMAND_DONE;
}

static int count_without_pkce(struct command *c, const struct record *r, void *context)
{
    size_t *without = context;
    struct client client;

    *without += client_unpack(c->pool, r->value, &client) && !client_needs_pkce(&client, true);
    return COMMAND_DONE;
}

static void check_people(struct doctor *d)
{
    size_t held = 0, without = 0;

    if (command_scan(d->c, CLASS_PERSON, SLICE_NONE, count_held, &held) == COMMAND_DONE && held > 0)
        doctor_say(d, "people", FINDING_BAD,
                   pool_fmt(d->pool, "%zu known user ids came with another login and wait for a word.", held),
                   "avouch person list, then avouch person confirm WHO");
    if (command_scan(d->c, CLASS_CLIENT, SLICE_NONE, count_without_pkce, &without) == COMMAND_DONE)
        doctor_say(d, "pkce", FINDING_GOOD,
                   pool_fmt(d->pool, "%zu applications may sign in without PKCE (they have a secret).", without), NULL);
}

void doctor_check_database(struct doctor *d)
{
    struct txn *t;

    check_disk(d);
    check_owner(d);
    check_synchronised(d);
    if (!command_open(d->c, false)) {
        doctor_say(d, "database", FINDING_BAD, SL("It cannot be opened; the reason stands above."),
                   "start the server once, or say --state");
        return;
    }
    t = command_txn(d->c);
    d->has_issuer = issuer_load(t, &d->issuer);
    check_space(d);
    check_clock(d);
    check_tailnet(d);
    check_people(d);
}
