/* Every page in every variant that people can meet, with made-up facts: for the unit test, and for the browser. */
#ifndef AVOUCH_PAGE_VARIANTS_H
#define AVOUCH_PAGE_VARIANTS_H

#include "page.h"

#define PAGE_VARIANTS_MAX 128

struct page_variant {
    struct slice name; /* "continue-approved", "error-node_tagged": also the file's */
    struct slice html;
    bool hostile; /* outside fields hold VARIANT_HOSTILE, or are as long as they get: no limit on the size */
};

/* Markup, both quotes, a right-to-left override and a zero-width space. */
#define VARIANT_HOSTILE "<script>alert(\"1\")</script>'\xE2\x80\xAE\xE2\x80\x8Bgpj.exe"

/* All of them, rendered; *ret holds PAGE_VARIANTS_MAX. */
size_t page_variants(struct pool *p, struct page_variant *ret);

#endif
