/* What the process gives up before it listens to anybody: new privileges, cores, files to write, most of its descriptors and memory. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "fetch_int.h"

#define CPU_S        20
#define FILES_MAX    32
#define MEMORY_BYTES ((rlim_t)1 << 30)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define MEMORY_IS_BOUND false /* sanitizers map terabytes */
#elif defined(__has_feature)
#    define MEMORY_IS_BOUND (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#    define MEMORY_IS_BOUND true
#endif

static bool limit(__rlimit_resource_t what, rlim_t most)
{
    const struct rlimit l = { most, most };

    return setrlimit(what, &l) == 0;
}

bool fence(const struct fetch_ask *ask)
{
    (void)ask;
    bool done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
                limit(RLIMIT_CPU, CPU_S) && limit(RLIMIT_NOFILE, FILES_MAX) &&
                (!MEMORY_IS_BOUND || limit(RLIMIT_AS, MEMORY_BYTES));

    if (!done)
        perror("avouch-fetch: a limit cannot be set");
    return done;
}
