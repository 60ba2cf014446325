/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command of the program, in the order in which `tailrace --help` lists them; each is
 * defined in cli/ as tr_command_NAME.
 */
#ifndef TR_CLI_COMMANDS_H
#define TR_CLI_COMMANDS_H

#include "cli/command.h"

/* X(name) */
#define TR_COMMAND_MAP(X)                                                                          \
	X(sim)                                                                                     \
	X(merge)                                                                                   \
	X(replay)                                                                                  \
	X(calibrate)                                                                               \
	X(check)                                                                                   \
	X(trace_info)                                                                              \
	X(trace_cat)                                                                               \
	X(trace_convert)                                                                           \
	X(trace_sample)                                                                            \
	X(trace_verify)                                                                            \
	X(completion)                                                                              \
	X(man)

#define X(name) extern const struct tr_command tr_command_##name;
TR_COMMAND_MAP(X)
#undef X

#endif
