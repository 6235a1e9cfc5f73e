/* From any login a valid user name, and an address only if it is one; what was made stays what it is when it is read again. */
#include <assert.h>

#include "person.h"

#define USER_ID 42

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_username(struct pool *p, struct slice name)
{
    assert(username_is_valid(name));
    assert(name.n <= USERNAME_BYTES_MAX);
    assert(slice_eq(username_from_login(p, name, USER_ID), name));
    /* what follows it where it is taken; person.c has another way out for `node` */
    assert(slice_eq(name, SL("node")) ||
           username_is_valid(pool_fmt(p, SLICE_FMT "-%d", SLICE_ARG(name), USERNAME_TRIES_MAX)));
}

/* An address goes into tokens, logs and other people's account tables: one @, nothing that is no ASCII, the domain in lower case. */
static void check_email(struct pool *p, struct slice email, struct slice login)
{
    size_t at = slice_find(email, '@');

    assert(email.n == login.n && slice_eq_nocase(email, login));
    assert(at > 0 && at + 1 < email.n && !slice_has(slice_from(email, at + 1), '@'));
    for (size_t i = 0; i < email.n; i++) {
        assert(email.p[i] > ' ' && email.p[i] <= '~' && email.p[i] != '"' && email.p[i] != '\\' && email.p[i] != ',');
        assert(i < at || email.p[i] < 'A' || email.p[i] > 'Z');
    }
    assert(slice_eq(email_from_login(p, email), email));
    assert(key_make(p, 1, CLASS_EMAIL, email, SLICE_NONE).n <= KEY_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice login = size == 0 ? SL("") : slice_bytes(data, size);
    struct pool *p = pool_create(1 << 20);

    check_username(p, username_from_login(p, login, USER_ID));
    struct slice email = email_from_login(p, login);
    if (!slice_is_none(email))
        check_email(p, email, login);
    /* an operator's own word */
    if (username_is_valid(login) && login.n <= USERNAME_BYTES_MAX)
        assert(slice_eq(username_from_login(p, login, USER_ID), login));
    (void)username_is_reserved(login);
    pool_destroy(p);
    return 0;
}
