/* The texts of `--help`. */
#ifndef AVOUCH_COMMAND_HELP_H
#define AVOUCH_COMMAND_HELP_H

extern const char command_help_all[], command_help_client[], command_help_person[], command_help_key[],
    command_help_audit[], command_help_serve[], command_help_issuer[], command_help_tailnet[], command_help_clock[],
    command_help_doctor[];

#endif
