/* Codes, tokens and handles: a text that is accepted is accepted as one type only, and is what would be written. */
#include <assert.h>
#include <string.h>

#include "encode.h"
#include "grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_accepted(struct pool *p, struct slice text, enum credential type,
                           const struct credential_parts *parts)
{
    uint8_t hash[SHA256_BYTES], secret[32];
    struct slice bytes;
    bool decoded = base64url_decode(p, text, &bytes);

    assert(decoded && bytes.n == CREDENTIAL_BYTES);
    memcpy(secret, bytes.p + 1 + ID_BYTES, sizeof(secret));
    assert(slice_eq(credential_write(p, type, parts->id, secret, hash), text));
    assert(memcmp(hash, parts->hash, SHA256_BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum credential types[] = { CREDENTIAL_CODE, CREDENTIAL_ACCESS, CREDENTIAL_REFRESH, CREDENTIAL_FLOW };
    struct slice text = slice_bytes(data, size);
    struct pool *p = pool_create(1 << 16);
    struct credential_parts parts;
    unsigned accepted = 0;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!credential_read(text, types[i], &parts))
            continue;
        accepted++;
        check_accepted(p, text, types[i], &parts);
    }
    assert(accepted <= 1);
    pool_destroy(p);
    return 0;
}
