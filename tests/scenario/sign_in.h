/* What most scenarios have in common: applications, browsers, and the steps of a sign-in. */
#ifndef AVOUCH_TEST_SIGN_IN_H
#define AVOUCH_TEST_SIGN_IN_H

#include "world.h"

/* An application as its own side knows it. */
struct app {
    const char *client_id, *name;
    const char *secret; /* NULL: public */
    const char *redirect_uri;
    const char *verifier;              /* NULL: no PKCE */
    const char *scope, *state, *nonce; /* NULL: the common ones */
};

extern const struct app grafana; /* confidential, https, no PKCE */
extern const struct app argo;    /* confidential, https, PKCE */
extern const struct app cli;     /* public, loopback, PKCE */

/* As an administrator adds it; its ID tokens are ES256. */
struct client app_client(const struct app *a);
void app_add(struct world *w, const struct app *a);
/* As it registers itself: nobody vouches for it. */
void app_register(struct world *w, const struct app *a);

struct guest browser_at(const char *address);
struct guest program_at(const char *address);

/* Path and query of an authorization request: response_type, client, redirect URI, scope, state, nonce, challenge; `more` is put
 * behind them ("&prompt=none"), NULL: nothing. */
struct slice app_request(struct world *w, const struct app *a, const char *more);
struct slice app_form(struct world *w, const struct app *a, struct slice code); /* of the token request */
const struct seen *app_token(struct world *w, const struct app *a, struct slice code);
const struct seen *app_userinfo(struct world *w, struct slice access_token);

/* The code that comes without a page. */
struct slice sign_in_silently(struct world *w, struct guest *browser, const struct app *a, const char *more);
/* Presses a button of a page of ours: its form with this action. */
const struct seen *press(struct world *w, struct guest *browser, const struct seen *page, const char *button);
/* The page, wherever it takes to get there: a redirect of ours to /authorize?flow=... is followed. */
const struct seen *open_page(struct world *w, struct guest *browser, struct slice target);
/* open_page's, and Continue. */
const struct seen *sign_in_by_page(struct world *w, struct guest *browser, const struct app *a, const char *more);

/* Somebody who was not there before, at an application that was not there before. */
void sign_in_as_carol(struct world *w);

#endif
