/* Runs a fuzz target over each file of a corpus folder: the unit test that the target also is. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX (1 << 20)

static int replay_file(const char *folder, const char *name)
{
    char path[4096];
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "rb");
    if (f == NULL || data == NULL) {
        perror(path);
        free(data);
        return 1;
    }
    size_t n = fread(data, 1, INPUT_BYTES_MAX, f);
    (void)fclose(f);
    /* an exact copy, so that a sanitizer sees a read past its end */
    uint8_t *exact = malloc(n ? n : 1);
    if (exact != NULL)
        memcpy(exact, data, n);
    free(data);
    int failed = exact == NULL || LLVMFuzzerTestOneInput(exact, n) != 0;
    free(exact);
    return failed;
}

int main(int argc, char **argv)
{
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    unsigned ran = 0, failed = 0;

    if (dir == NULL) {
        (void)fprintf(stderr, "usage: %s CORPUS-FOLDER (it must exist)\n", argv[0]);
        return 2;
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        failed += (unsigned)replay_file(argv[1], e->d_name);
        ran++;
    }
    (void)closedir(dir);
    printf("%u inputs, %u failed\n", ran, failed);
    return failed != 0 || ran == 0;
}
