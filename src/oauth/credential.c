/* The text of a code, token or handle, and what is stored of it. The type is hashed with the rest, so that nothing of
 * one type passes for another, and only one spelling of each is read. */
#include <string.h>

#include "encode.h"
#include "grant.h"

bool credential_read(struct slice text, enum credential type, struct credential_parts *ret)
{
    uint8_t bytes[CREDENTIAL_BYTES];
    bool right = base64url_read(text, bytes, sizeof(bytes)) && bytes[0] == (uint8_t)type;

    if (right) {
        memcpy(ret->id, bytes + 1, ID_BYTES);
        sha256(slice_bytes(bytes, sizeof(bytes)), ret->hash);
    }
    wipe(bytes, sizeof(bytes));
    return right;
}

struct slice credential_write(struct pool *p, enum credential type, const uint8_t id[static ID_BYTES],
                              const uint8_t secret[static 32], uint8_t ret_hash[static SHA256_BYTES])
{
    uint8_t bytes[CREDENTIAL_BYTES];

    bytes[0] = (uint8_t)type;
    memcpy(bytes + 1, id, ID_BYTES);
    memcpy(bytes + 1 + ID_BYTES, secret, 32);
    sha256(slice_bytes(bytes, sizeof(bytes)), ret_hash);
    struct slice text = base64url_encode(p, slice_bytes(bytes, sizeof(bytes)));
    wipe(bytes, sizeof(bytes));
    return text;
}
