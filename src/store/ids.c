/* Time-ordered ids. */
#include "ids.h"

#include "digest.h"

#define MS_BITS      48
#define MS_BYTES     (MS_BITS / 8)
#define RANDOM_BYTES (ID_BYTES - MS_BYTES)

void id_make(struct now now, uint8_t ret[static ID_BYTES])
{
    uint64_t ms = (uint64_t)now.ms;

    for (unsigned i = 0; i < MS_BYTES; i++)
        ret[i] = (uint8_t)(ms >> (MS_BITS - 8 - 8 * i));
    random_bytes(ret + MS_BYTES, RANDOM_BYTES);
}

int64_t id_time_ms(const uint8_t id[static ID_BYTES])
{
    uint64_t ms = 0;

    for (unsigned i = 0; i < MS_BYTES; i++)
        ms = ms << 8 | id[i];
    return (int64_t)ms;
}
