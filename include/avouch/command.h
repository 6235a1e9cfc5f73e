/* The subcommands: `avouch client add` and its kin. They open the database directly, with the server up or down. */
#ifndef AVOUCH_COMMAND_H
#define AVOUCH_COMMAND_H

#include <stddef.h>

/* Every database key begins with its issuer's number. There is one issuer today, and this is its number; whoever
 * serves several will choose among them where this name stands. */
#define ISSUER_NUMBER 1

/* Exit status, of `serve` too. */
#define COMMAND_DONE   0
#define COMMAND_FAILED 1 /* refused or failed; the reason is on standard error */
#define COMMAND_USAGE  2 /* one line names the option */

/* Everything but `serve`: NOUN VERB, help, --help, --version. The result is the exit status. */
int command_run(int argc, char **argv);

/* The names of all their options, without --: help and manual must explain them. */
size_t command_options(const char *const **ret_names);

#endif
