#include "scratch.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char directory[80];

static void remove_directory(void)
{
    DIR *dir = opendir(directory);

    for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir))
        (void)unlinkat(dirfd(dir), e->d_name, 0); /* . and .. are no files */
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(directory);
}

static void make_directory(void)
{
    const char *tmp = getenv("TMPDIR");

    (void)snprintf(directory, sizeof(directory), "%.50s/avouch-fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
    char *made = mkdtemp(directory);
    assert(made != NULL);
    (void)made;
    (void)atexit(remove_directory);
}

const char *scratch_directory(void)
{
    if (directory[0] == '\0')
        make_directory();
    return directory;
}

struct sockaddr_un scratch_socket(const char *name)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", scratch_directory(), name);
    assert(n > 0 && (size_t)n < sizeof(a.sun_path));
    (void)n;
    return a;
}
