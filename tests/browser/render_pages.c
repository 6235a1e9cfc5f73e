/* Writes every page variant and the static files into a directory: render_pages DIR. */
#include <stdio.h>
#include <stdlib.h>

#include "page_variants.h"

#define POOL_CAP ((size_t)16 * 1024 * 1024)

static bool save(struct pool *p, const char *dir, struct slice name, struct slice body)
{
    const char *path = slice_cstr(p, pool_fmt(p, "%s/" SLICE_FMT, dir, SLICE_ARG(name)));
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(body.p, 1, body.n, f) == body.n;

    if (f && fclose(f))
        ok = false;
    if (!ok)
        (void)fprintf(stderr, "render_pages: cannot write %s\n", path);
    return ok;
}

static bool save_static(struct pool *p, const char *dir)
{
    const struct static_file *file;
    bool ok = true;

    for (size_t i = 0; ok && (file = static_file_at(i)); i++)
        ok = save(p, dir, slice_from(file->path, sizeof "/static/" - 1), file->body);
    return ok;
}

int main(int argc, char **argv)
{
    static struct page_variant variants[PAGE_VARIANTS_MAX];
    struct pool *p = pool_create(POOL_CAP);
    size_t n = page_variants(p, variants);
    bool ok = argc == 2 && save_static(p, argv[1]);

    for (size_t i = 0; ok && i < n; i++)
        ok = save(p, argv[1], pool_fmt(p, SLICE_FMT ".html", SLICE_ARG(variants[i].name)), variants[i].html);
    pool_destroy(p);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
