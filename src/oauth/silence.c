/* Silent, but not a drive-by: the table of docs/decisions.md, row by row, the first that applies. Nothing here undoes what the
 * application or the person asked for; --page only decides where an administrator vouches for the client. */
#include "silence.h"

#include "redirect.h"

bool prompt_parse(struct slice text, unsigned *ret)
{
    static const struct {
        struct slice name;
        unsigned bit;
    } prompts[] = {
        { SL("none"), PROMPT_NONE },
        { SL("login"), PROMPT_LOGIN },
        { SL("consent"), PROMPT_CONSENT },
        { SL("select_account"), PROMPT_SELECT_ACCOUNT },
    };
    struct slice rest = text, token;
    unsigned bits = 0;
    bool others = false;

    while (slice_cut(&rest, ' ', &token)) {
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof(prompts) / sizeof(prompts[0]); i++)
            bit |= slice_eq(token, prompts[i].name) ? prompts[i].bit : 0;
        bits |= bit;
        others = others || (token.n > 0 && bit != PROMPT_NONE);
    }
    /* OpenID Connect Core 3.1.2.1: `none` with any other value is an error, one that we do not know included */
    if ((bits & PROMPT_NONE) && others)
        return false;
    *ret = bits;
    return true;
}

/* max_age=0 asks once: whoever pressed Continue is not judged again, so the code comes (field 36). A session that is made in
 * this very request has auth_time now, so that without one no other max_age is exceeded. */
static bool is_too_old(const struct silence *s)
{
    if (s->max_age <= 0)
        return s->max_age == 0;
    return s->session != NULL && s->now.s - s->session->auth_time > s->max_age;
}

/* Any program on the person's device may wait behind such a redirect URI, and nothing at /token tells it from the right one. */
static bool is_local(const struct silence *s, enum redirect_kind kind)
{
    bool vouched = client_is_vouched_for(s->client);

    if (kind != REDIRECT_LOOPBACK && kind != REDIRECT_PRIVATE)
        return false;
    if (!vouched)
        return true;
    if (client_is_confidential(s->client) || s->client->page == PAGE_NEVER)
        return false;
    return s->client->page != PAGE_FIRST || !s->consented;
}

static bool is_first_time(const struct silence *s, enum redirect_kind kind)
{
    if (s->consented)
        return false;
    if (!client_is_vouched_for(s->client) || s->client->page == PAGE_FIRST)
        return true;
    /* whoever is on the way can read the code, and nothing at /token stops them */
    return kind == REDIRECT_HTTP && !client_is_confidential(s->client) && s->client->page != PAGE_NEVER;
}

static enum page_reason judge_request(const struct silence *s)
{
    if (s->prompt & PROMPT_LOGIN)
        return PAGE_LOGIN;
    if (s->prompt & PROMPT_SELECT_ACCOUNT)
        return PAGE_ACCOUNT;
    if (s->prompt & PROMPT_CONSENT)
        return PAGE_CONSENT;
    if (s->other_person)
        return PAGE_OTHER_PERSON;
    if (is_too_old(s))
        return PAGE_MAX_AGE;
    if (s->signed_out)
        return PAGE_SIGNED_OUT;
    return s->peer->routes_for_others ? PAGE_ROUTER : SILENT;
}

enum page_reason silence_judge(const struct silence *s)
{
    enum page_reason reason = judge_request(s);
    enum redirect_kind kind = redirect_kind(s->redirect_uri);

    if (reason != SILENT)
        return reason;
    if (s->client->page == PAGE_ALWAYS)
        return PAGE_EVERY_TIME;
    if (is_local(s, kind))
        return PAGE_LOCAL;
    return is_first_time(s, kind) ? PAGE_FIRST_TIME : SILENT;
}
