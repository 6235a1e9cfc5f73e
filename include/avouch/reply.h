/* The one exit for each kind of answer; nobody else touches headers. The result is DONE. Answers of people's and clients' requests are
 * never stored (Cache-Control: no-store). */
#ifndef AVOUCH_REPLY_H
#define AVOUCH_REPLY_H

#include "page.h"
#include "req.h"

/* The Content-Security-Policy of a page up to form-action (house style: nothing inline, nothing from elsewhere). */
#define PAGE_POLICY \
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "

enum next reply_json(struct req *r, uint16_t status, struct slice body);
/* form_to: a redirect URI that the page's form may lead to (its origin is added to form-action), or none. */
enum next reply_page(struct req *r, uint16_t status, struct slice html, struct slice form_to);
/* 302 after a GET, 303 after a POST, never 307 (RFC 9700 4.12). */
enum next reply_redirect(struct req *r, struct slice location);
enum next reply_form_post(struct req *r, const struct form_post_page *f);

/* The answer to a denial, in the endpoint's speech; called by the driver. */
void reply_deny(struct req *r);
/* An error page, with what the endpoint knows besides the code. */
void reply_error_page(struct req *r, struct error_page *page);

void reply_cookie(struct req *r, struct slice set_cookie);
void reply_www_authenticate(struct req *r, struct slice challenge);
struct page_frame reply_frame(const struct req *r);

/* Headers of every answer, and of a page; also for what the router answers itself. */
void reply_common(struct answer *a, const struct issuer *issuer);
void reply_cors(struct answer *a);
struct slice error_json(struct pool *p, enum oauth_error code, const char *hint);

#endif
