/* The two things we need of libsystemd, which would bring 0.8 MiB and seven libraries. sd_notify(3), sd_listen_fds(3). */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve_int.h"

#define LISTEN_FDS_START 3
#define LISTEN_FDS_MAX   64

void systemd_notify(const char *state)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *path = getenv("NOTIFY_SOCKET");

    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract one */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, n) < 0)
        LOG(LOG_WARN, "the supervisor could not be told", LOG_TEXT("state", slice_of(state)));
    (void)close(fd);
}

static bool read_number(const char *name, uint64_t max, uint64_t *ret)
{
    return slice_to_u64(slice_of(getenv(name)), max, ret);
}

unsigned systemd_listen_fds(void)
{
    uint64_t pid = 0, n = 0;

    if (!read_number("LISTEN_PID", INT32_MAX, &pid) || (pid_t)pid != getpid() ||
        !read_number("LISTEN_FDS", LISTEN_FDS_MAX, &n))
        n = 0;
    for (unsigned i = 0; i < n; i++)
        (void)fcntl(LISTEN_FDS_START + (int)i, F_SETFD, FD_CLOEXEC);
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return (unsigned)n;
}
