/* Whole sign-ins, as a browser and its application make them: authorize, token, userinfo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define CREDENTIAL_BYTES 55
#define REDIRECT         "https%3A%2F%2Fapp.example.com%2Fcallback"
/* RFC 7636 appendix B: what a client does to make a verifier is not the server's to pay for. */
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

enum stage { AUTHORIZE, TOKEN, USERINFO };

#define STAGE_COUNT 3

static struct {
    char (*credential)[CREDENTIAL_BYTES + 1]; /* of each slot: its code, later its token */
    size_t next;
    enum stage stage;
} phases;

/* Which client a sign-in is for: a walk over all of them that comes to each. */
static unsigned client_number(const struct client *c)
{
    return options.many == 0 ? 0 : (unsigned)(c->slot * 7919 % options.many);
}

static int write_client_id(char *ret, size_t room, const struct client *c)
{
    return options.many == 0 ? snprintf(ret, room, "%s", options.client_id)
                             : snprintf(ret, room, "%s%u", options.client_id, client_number(c));
}

static void write_base64(char *to, const char *text, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3) {
        unsigned bits = (unsigned)(unsigned char)text[i] << 16;

        bits |= i + 1 < n ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
        bits |= i + 2 < n ? (unsigned)(unsigned char)text[i + 2] : 0;
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = i + 1 < n ? digits[bits >> 6 & 63] : '=';
        *to++ = i + 2 < n ? digits[bits & 63] : '=';
    }
    *to = '\0';
}

static const char *forwarded(const struct client *c)
{
    static char header[64];

    if (!options.forwarded)
        return "";
    (void)snprintf(header, sizeof(header), "X-Forwarded-For: 100.64.0.%u\r\n", 1 + c->index % options.to.sources);
    return header;
}

static void send_authorize(struct client *c)
{
    char request[REQUEST_BYTES_MAX], id[128];

    (void)write_client_id(id, sizeof(id), c);
    int n =
        snprintf(request, sizeof(request),
                 "GET /authorize?response_type=code&client_id=%s&redirect_uri=%s"
                 "&scope=openid%%20profile%%20email%%20groups&state=%08x%08zx&nonce=n-%08x%08zx"
                 "&code_challenge=" CHALLENGE "&code_challenge_method=S256 HTTP/1.1\r\nHost: %s\r\n"
                 "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
                 "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
                 "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
                 "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n%s%s%s%s\r\n",
                 id, REDIRECT, c->index, c->slot, c->index, c->slot, options.host, forwarded(c),
                 c->cookie[0] != '\0' ? "Cookie: " : "", c->cookie, c->cookie[0] != '\0' ? "\r\n" : "");

    client_send(c, &all, request, (size_t)n);
}

static void send_token(struct client *c)
{
    char body[1024], request[REQUEST_BYTES_MAX], credentials[512], basic[700];
    int n = write_client_id(credentials, 128, c);

    n += snprintf(credentials + n, sizeof(credentials) - (size_t)n, ":%s", options.secret);
    write_base64(basic, credentials, (size_t)n);
    int body_n =
        snprintf(body, sizeof(body), "grant_type=authorization_code&code=%s&redirect_uri=%s&code_verifier=" VERIFIER,
                 c->code, REDIRECT);
    n = snprintf(request, sizeof(request),
                 "POST /token HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n"
                 "Authorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\n%s"
                 "Content-Length: %d\r\n\r\n%s",
                 options.host, basic, forwarded(c), body_n, body);

    client_send(c, &all, request, (size_t)n);
}

static void send_userinfo(struct client *c)
{
    char request[REQUEST_BYTES_MAX];
    int n = snprintf(request, sizeof(request),
                     "GET /userinfo HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n%s"
                     "Authorization: Bearer %s\r\n\r\n",
                     options.host, forwarded(c), c->token);

    client_send(c, &all, request, (size_t)n);
}

/* What stands between a mark and one of the characters that end it. */
static void cut(char *ret, size_t room, const char *text, const char *mark, const char *ends)
{
    const char *from = strstr(text, mark);

    if (from == NULL)
        die("there is no %s in %.1000s", mark, text);
    from += strlen(mark);
    size_t n = strcspn(from, ends);
    if (n >= room)
        die("%s is too long", mark);
    memcpy(ret, from, n);
    ret[n] = '\0';
}

static void read_code(struct client *c, const struct response *r)
{
    if (r->status != 302)
        die("authorize: %s%s", r->head, r->body);
    cut(c->code, sizeof(c->code), r->head, "code=", "&\r");
    if (strstr(r->head, "set-cookie: ") != NULL)
        cut(c->cookie, sizeof(c->cookie), r->head, "set-cookie: ", ";\r");
}

static void read_token(struct client *c, const struct response *r)
{
    if (r->status != 200 || strstr(r->body, "\"id_token\":") == NULL)
        die("token: %s%s", r->head, r->body);
    cut(c->token, sizeof(c->token), r->body, "\"access_token\":\"", "\"");
}

static void read_answer(struct client *c, const struct response *r)
{
    switch ((enum stage)c->stage) {
    case AUTHORIZE: read_code(c, r); break;
    case TOKEN: read_token(c, r); break;
    case USERINFO:
        if (r->status != 200)
            die("userinfo: %s%s", r->head, r->body);
        break;
    }
}

static void send_stage(struct client *c)
{
    switch ((enum stage)c->stage) {
    case AUTHORIZE: send_authorize(c); break;
    case TOKEN: send_token(c); break;
    case USERINFO: send_userinfo(c); break;
    }
}

/* A phase: every slot once, by whichever connection is free. */
static void next_slot(struct client *c)
{
    if (phases.next == options.count)
        return;
    c->slot = phases.next++;
    c->stage = phases.stage;
    memcpy(c->code, phases.credential[c->slot], CREDENTIAL_BYTES + 1);
    memcpy(c->token, phases.credential[c->slot], CREDENTIAL_BYTES + 1);
    send_stage(c);
}

static void phase_answered(struct client *c, const struct response *r)
{
    read_answer(c, r);
    measure_note(r->ns);
    if (c->stage != USERINFO)
        memcpy(phases.credential[c->slot], c->stage == AUTHORIZE ? c->code : c->token, CREDENTIAL_BYTES + 1);
    next_slot(c);
}

static void whole_answered(struct client *c, const struct response *r)
{
    read_answer(c, r);
    c->stage = (c->stage + 1) % STAGE_COUNT;
    if (c->stage == AUTHORIZE) {
        measure_note(now_ns() - (int64_t)c->slot);
        if (measure_is_over())
            return;
        c->slot = (size_t)now_ns();
    }
    send_stage(c);
}

static void first_answered(struct client *c, const struct response *r)
{
    read_answer(c, r);
}

/* Each browser's first visit makes its session: not part of what is measured. */
static void open_sessions(void)
{
    clients_open(&all, options.connections, &options.to, first_answered);
    for (unsigned i = 0; i < all.n; i++)
        send_authorize(&all.at[i]);
    clients_run(&all);
}

void run_phases(void)
{
    static const char *const names[STAGE_COUNT] = { "authorize", "token", "userinfo" };

    phases.credential = calloc(options.count, sizeof(*phases.credential));
    if (phases.credential == NULL)
        die("no memory");
    open_sessions();
    all.answered = phase_answered;
    for (phases.stage = AUTHORIZE; phases.stage < STAGE_COUNT; phases.stage++) {
        phases.next = 0;
        measure_begin();
        for (unsigned i = 0; i < all.n; i++)
            next_slot(&all.at[i]);
        clients_run(&all);
        measure_end(names[phases.stage]);
    }
}

void run_signin(void)
{
    open_sessions();
    all.answered = whole_answered;
    measure_until(options.seconds);
    measure_begin();
    for (unsigned i = 0; i < all.n; i++) {
        all.at[i].slot = (size_t)now_ns();
        all.at[i].stage = AUTHORIZE;
        send_stage(&all.at[i]);
    }
    clients_run(&all);
    measure_end("signin");
}

static void token_answered(struct client *c, const struct response *r)
{
    read_answer(c, r);
    if (c->stage == TOKEN)
        return;
    c->stage = TOKEN;
    send_stage(c);
}

static void userinfo_answered(struct client *c, const struct response *r)
{
    read_answer(c, r);
    measure_note(r->ns);
    if (!measure_is_over())
        send_stage(c);
}

void run_userinfo(void)
{
    clients_open(&all, options.connections, &options.to, token_answered);
    for (unsigned i = 0; i < all.n; i++)
        send_authorize(&all.at[i]);
    clients_run(&all);
    all.answered = userinfo_answered;
    measure_until(options.seconds);
    measure_begin();
    for (unsigned i = 0; i < all.n; i++) {
        all.at[i].stage = USERINFO;
        send_stage(&all.at[i]);
    }
    clients_run(&all);
    measure_end("userinfo");
}
