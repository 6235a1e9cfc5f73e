/* The operator's certificate files: loaded at start and at SIGHUP, and again by themselves when whoever renews them has. One
 * complication: a renewal writes two files, one after the other, so they are loaded when they have stood still for a tick. */
#include <string.h>
#include <sys/stat.h>

#include "encode.h"
#include "serve_int.h"

#define FILES_POOL_BYTES (1U << 20)

/* Renewers replace files, or what a symbolic link leads to, or write into them: each of these shows here. All zero: not there. */
static struct file_mark mark_of(struct pool *p, struct slice file)
{
    struct stat st;

    if (stat(slice_cstr(p, file), &st) != 0)
        return (struct file_mark){ .inode = 0 };
    return (struct file_mark){
        .device = st.st_dev, .inode = st.st_ino, .size = st.st_size, .written = st.st_mtim, .changed = st.st_ctim
    };
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && same_time(a->written, b->written) &&
           same_time(a->changed, b->changed);
}

static bool same_marks(const struct file_mark a[static 2], const struct file_mark b[static 2])
{
    return same_mark(&a[0], &b[0]) && same_mark(&a[1], &b[1]);
}

static void look(const struct serve *s, struct pool *p, struct file_mark ret[static 2])
{
    ret[0] = mark_of(p, s->config.tls_certificate);
    ret[1] = mark_of(p, s->config.tls_key);
}

bool serve_load_tls(struct serve *s)
{
    struct cert_files *f = &s->cert_files;
    struct ssl_ctx_st *tls = NULL;
    struct slice why = SLICE_NONE;

    if (slice_is_none(s->config.tls_certificate))
        return true;
    look(s, s->settings, f->tried);
    memcpy(f->seen, f->tried, sizeof(f->seen));
    if (tls_load(s->settings, s->config.tls_certificate, s->config.tls_key, &tls, &why) != ERR_OK)
        return serve_complain(SLICE_FMT, SLICE_ARG(why));
    serve_set_tls(s, tls);
    return true;
}

static void load_changed(struct serve *s, struct pool *p)
{
    struct ssl_ctx_st *tls = NULL;
    struct slice why = SLICE_NONE;

    if (tls_load(p, s->config.tls_certificate, s->config.tls_key, &tls, &why) != ERR_OK) {
        LOG(LOG_ERROR, "the certificate files have changed and cannot be used: the old certificate stays",
            LOG_TEXT("why", why));
        return;
    }
    serve_set_tls(s, tls);
    LOG(LOG_INFO, "the certificate files have changed, and were loaded",
        LOG_TEXT("until", time_format(p, tls_expires_at(tls))));
}

void cert_files_tick(void *serve)
{
    struct serve *s = serve;
    struct cert_files *f = &s->cert_files;
    struct file_mark now[2];

    if (slice_is_none(s->config.tls_certificate))
        return;
    struct pool *p = pool_create(FILES_POOL_BYTES);
    look(s, p, now);
    bool still = same_marks(now, f->seen);
    memcpy(f->seen, now, sizeof(f->seen));
    if (still && !same_marks(now, f->tried)) {
        memcpy(f->tried, now, sizeof(f->tried));
        load_changed(s, p);
    }
    pool_destroy(p);
}
