/* The static files, compiled in by templates/compile.py. Their names carry their hashes, so whoever has one may
 * keep it for ever. */
#include "page.h"
#include "tpl.h"

const struct static_file *static_file_find(struct slice path)
{
    for (size_t i = 0; i < TPL_STATIC_COUNT; i++)
        if (slice_eq(path, tpl_static[i].path))
            return &tpl_static[i];
    return NULL;
}

const struct static_file *static_file_at(size_t i)
{
    return i < TPL_STATIC_COUNT ? &tpl_static[i] : NULL;
}

struct slice static_style_path(void)
{
    return SL(TPL_STYLE_CSS_PATH);
}

struct slice static_form_post_path(void)
{
    return SL(TPL_FORM_POST_JS_PATH);
}
