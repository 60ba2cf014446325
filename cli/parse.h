/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's words, taken apart by its option table.
 */
#ifndef TR_CLI_PARSE_H
#define TR_CLI_PARSE_H

#include "cli/command.h"

/* Longest message of tr_cli_parse, with its NUL. */
#define TR_CLI_MESSAGE_MAX 512

/*
 * Take `words` apart: options go to `values` (values_size bytes, already holding the defaults), the
 * other words, in order, to `ret_arguments` (room for word_count). Returns 0 and the number of
 * arguments; or -1 and one line of what is wrong in `ret_message`. O(words x options).
 */
int tr_cli_parse(const struct tr_command *command, int word_count, char **words, void *values,
		 char **ret_arguments, int *ret_argument_count,
		 char ret_message[TR_CLI_MESSAGE_MAX]);

/* Decimal text to an integer in units of 10^-decimals: "2.5" with 3 is 2500. No sign, no exponent,
 * no blank, no more decimals than that. Returns 0 and *ret, or -1 (also where it does not fit). */
int tr_cli_number(const char *text, unsigned decimals, uint64_t *ret);

#endif
