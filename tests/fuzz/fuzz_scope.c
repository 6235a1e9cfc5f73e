/* Scopes: what is accepted has no character that no scope may have, is made of what we know, and says the same when it is written. */
#include <assert.h>

#include "scope.h"

#define KNOWN (SCOPE_OPENID | SCOPE_PROFILE | SCOPE_EMAIL | SCOPE_GROUPS | SCOPE_ROLES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 6749 appendix A.4, and blanks */
static bool is_clean(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c > 0x7e || c == 0x22 || c == 0x5c)
            return false;
    }
    return true;
}

static size_t count_tokens(struct slice text)
{
    size_t tokens = 0;

    for (size_t i = 0; i < text.n; i++)
        tokens += text.p[i] != ' ' && (i == 0 || text.p[i - 1] == ' ');
    return tokens;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = size == 0 ? SL("") : slice_bytes(data, size);
    bool is_good = is_clean(text) && size <= SCOPE_BYTES_MAX && count_tokens(text) <= SCOPE_TOKENS_MAX;
    unsigned scopes = ~0U, again = ~0U;
    enum scope_outcome outcome = scope_parse(text, &scopes);

    assert(is_good == (outcome != SCOPE_BAD));
    if (outcome != SCOPE_OK) {
        assert(scopes == ~0U);
        assert(outcome != SCOPE_COMMAS || slice_has(text, ','));
        return 0;
    }
    assert((scopes & ~KNOWN) == 0);
    assert(count_tokens(text) > 0 || scopes == SCOPE_DEFAULT);
    struct pool *p = pool_create(1 << 16);
    struct slice written = scope_text(p, scopes);
    outcome = scope_parse(written, &again);
    assert(outcome == SCOPE_OK && again == (scopes == 0 ? SCOPE_DEFAULT : scopes));
    pool_destroy(p);
    return 0;
}
