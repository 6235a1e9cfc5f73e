/* The pages people see: facts in, HTML out. Words and look: one design, all of it in templates/ (escaped by
 * construction) and request/page.c (which sentence for which fact). No HTTP here: reply.c sends what comes out,
 * with the policy that goes with it. */
#ifndef AVOUCH_PAGE_H
#define AVOUCH_PAGE_H

#include "oauth_error.h"
#include "redirect.h"
#include "scope.h"
#include "silence.h"

/* What every page needs. */
struct page_frame {
    struct slice host;              /* the issuer's */
    struct slice contact;           /* "ask Bob", or none */
    struct slice tailnet_suffix;    /* to say "On your tailnet"; may be none */
    struct now now;
    struct slice request_id;
    bool dev;                       /* made-up people: the page says so and links to the dev page */
};

/* The Continue page: templates/continue.html. */
struct continue_page {
    struct page_frame frame;
    const struct client *client;
    struct slice redirect_uri;      /* proven */
    const struct person *person;
    const struct peer *peer;
    enum page_reason reason;
    int64_t signed_out_at;          /* PAGE_SIGNED_OUT */
    struct slice previous_login;    /* PAGE_OTHER_PERSON */
    unsigned scopes;
    struct slice flow;              /* the handle, a hidden field (POST /decision; buttons action=continue|cancel) */
};
struct slice page_continue(struct pool *p, const struct continue_page *c);

/* An error page, templates/error.html: h1, why, what to do, facts, footer with the code in #error. */
struct error_page {
    struct page_frame frame;
    enum oauth_error code;
    struct slice hint;              /* one public sentence from a fixed list, or none */
    struct slice app;               /* client name, or none */
    bool app_vouched;               /* an unchecked name is quoted */
    struct slice client_id;         /* as sent, for unknown_client; or the proven one */
    struct slice sent_uri, registered_uri; /* invalid_redirect_uri; the nearest */
    enum redirect_difference difference;
    const struct peer *peer;        /* who, where known; NULL */
    struct slice address;           /* where the connection came from */
    struct slice return_host, return_uri; /* with return_flow: [Back], POST /decision action=return, and where it leads */
    struct slice return_flow;
    struct slice again_uri;         /* what [Try again] opens: a path of ours; none: the page's own address */
    int retry_after_s;              /* 0: none */
};
struct slice page_error(struct pool *p, const struct error_page *e);

/* response_mode=form_post: a page that posts itself to redirect_uri by one script file of ours
 * (form_post_script_path), and has a button. */
struct form_post_page {
    struct page_frame frame;
    struct slice app, redirect_uri;
    const struct redirect_param *params;
    size_t param_count;
};
struct slice page_form_post(struct pool *p, const struct form_post_page *f);

/* Development mode: become another of the made-up people (POST /dev, field "person" = index). */
struct dev_page {
    struct page_frame frame;
    struct slices people;           /* logins */
    size_t current;
    struct slice back;              /* a path of ours to go on to, or none; hidden field "back" */
};
struct slice page_dev(struct pool *p, const struct dev_page *d);

/* "/" in its first form: who the tailnet says you are. */
struct home_page {
    struct page_frame frame;
    const struct peer *peer;
};
struct slice page_home(struct pool *p, const struct home_page *h);

/* Static files, compiled in, content hash in the name: "/static/style-1a2b3c4d.css". */
struct static_file {
    struct slice path, content_type, body;
};
const struct static_file *static_file_find(struct slice path); /* NULL: none */
const struct static_file *static_file_at(size_t i);              /* NULL past the last */
struct slice static_style_path(void);
struct slice static_form_post_path(void);

/* How outside text is shown: what page*.c share. All results live as long as the pool. */
#define PAGE_BYTES_MAX ((size_t)512 * 1024) /* of one page; past it a page is SLICE_NONE */
#define PAGE_NAME_CHARS_MAX 100
#define PAGE_URI_BYTES_MAX 512

/* A name without the characters that hide or turn text (C0, C1, zero-width, bidirectional); longer ones end in
 * "...". Never none. */
struct slice page_name(struct pool *p, struct slice name);
/* An application's name in a sentence: as it is where an administrator vouches, else quoted. None or nothing
 * visible: fallback. */
struct slice page_app(struct pool *p, struct slice name, bool vouched, const char *fallback);
/* An outside URI or id as ASCII text: other characters as \u{202e}, cut at PAGE_URI_BYTES_MAX. None stays none. */
struct slice page_uri(struct pool *p, struct slice uri);
/* Host and port of an http(s) URI, "app.x:" of another; as page_uri. */
struct slice page_host(struct pool *p, struct slice uri);
/* Does the URI's host lie on the tailnet? No application can write this line. False for both where the suffix is
 * not known. */
void page_place(const struct page_frame *f, struct slice uri, bool *ret_inside, bool *ret_outside);
/* "3 minutes ago", "today at 14:02", "on 3 November"; in the process's time zone. */
struct slice page_when(struct pool *p, int64_t at_s, struct now now);
struct slice page_join(struct pool *p, struct slices names); /* "admins, people", each as page_name; or none */
struct slice page_contact(struct pool *p, struct slice contact); /* "Bob"; unset: "whoever runs this server" */

struct tpl_layout;
void page_layout(struct pool *p, const struct page_frame *f, struct tpl_layout *ret);

#endif
