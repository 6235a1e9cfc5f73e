/* For fuzz targets that need a place in the file system: a directory of their own, gone with the program. */
#ifndef AVOUCH_FUZZ_SCRATCH_H
#define AVOUCH_FUZZ_SCRATCH_H

#include <sys/un.h>

/* Made by the first call. */
const char *scratch_directory(void);
/* The address of a socket of this name in it. */
struct sockaddr_un scratch_socket(const char *name);

#endif
