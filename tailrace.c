/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: the table of its commands, and nothing else.
 */
#include "cli/commands.h"
#include "engine/base.h"

int main(int argc, char **argv)
{
	static const struct tr_command *const commands[] = {
#define X(name) &tr_command_##name,
		TR_COMMAND_MAP(X)
#undef X
	};

	return tr_cli_main(commands, TR_ARRAY_LENGTH(commands), argc, argv);
}
