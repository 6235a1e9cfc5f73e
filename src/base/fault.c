/* Faults on purpose. */
#include "fault.h"

#ifdef AVOUCH_FAULTS

#    include <signal.h>
#    include <stdatomic.h>
#    include <stdlib.h>
#    include <unistd.h>

#    include "slice.h"

/* The list's entry of this name; *ret_number is what stands behind its colon. */
static bool find(const char *name, uint64_t *ret_number)
{
    struct slice rest = slice_of(getenv("AVOUCH_FAULT")), entry, word;

    while (slice_cut(&rest, ',', &entry)) {
        (void)slice_cut(&entry, ':', &word);
        if (!slice_eq(word, slice_of(name)))
            continue;
        *ret_number = 0;
        (void)slice_to_u64(entry, UINT64_MAX, ret_number);
        return true;
    }
    return false;
}

bool fault_is(const char *name)
{
    uint64_t number = 0;

    return find(name, &number);
}

uint64_t fault_number(const char *name)
{
    uint64_t number = 0;

    return find(name, &number) ? number : 0;
}

void fault_point(const char *name)
{
    static atomic_uint_fast64_t passed;
    uint64_t number = 0;

    if (find(name, &number) && atomic_fetch_add(&passed, 1) + 1 >= number)
        (void)kill(getpid(), SIGKILL);
}

#endif
