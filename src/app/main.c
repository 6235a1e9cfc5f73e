/* avouch: an OpenID Connect provider for a tailnet. */
#include <string.h>

#include "command.h"
#include "serve_int.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return serve_run(argc - 2, argv + 2);
    return command_run(argc, argv);
}
