/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help screens, to stdout, from the tables that the parser uses.
 */
#ifndef TR_CLI_HELP_H
#define TR_CLI_HELP_H

#include "cli/table.h"

/* All commands; with a group ("trace") only its own. */
void tr_cli_help_list(const struct tr_command_table *table, const char *group);
/* One command: summary, example, usage, options, details. */
void tr_cli_help_command(const struct tr_command *command);

#endif
