/* Manual pages. */
#ifndef ANA_CLI_MAN_H
#define ANA_CLI_MAN_H

#include "cli/command.h"

/* The page of a command, in troff's man macros, to standard output. */
void man_print(const struct command *command);

#endif
