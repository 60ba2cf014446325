/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command table as a whole, for the parts that speak of every command: finding, help, the
 * manual page, completion.
 */
#ifndef TR_CLI_TABLE_H
#define TR_CLI_TABLE_H

#include "cli/command.h"

struct tr_command_table {
	const struct tr_command *const *commands;
	size_t count;
};

/* The table tr_cli_main() was given. */
const struct tr_command_table *tr_cli_table(void);

/* The command with this name, or NULL. */
const struct tr_command *tr_cli_find(const struct tr_command_table *table, const char *name);
/* "trace" of "trace info": is `name` the first word of a command with two? */
bool tr_cli_is_group(const struct tr_command_table *table, const char *name);
/* Is the command's first word `group`, with a second one after it? */
bool tr_cli_in_group(const struct tr_command *command, const char *group);

#endif
