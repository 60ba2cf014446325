/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small program with one option of every kind, so that the parser, the help screens and the
 * checks of stdout are tested apart from what the real commands do. Its commands print what they
 * were given.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "engine/base.h"

struct toy_values {
	bool loud;
	const char *file;
	uint64_t seed;
	uint64_t factor_milli;
	unsigned colour;
	struct tr_texts tags;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct tr_option toy_options[] = {
	{.name = "loud", .text = "say it loudly", .offset = offsetof(struct toy_values, loud)},
	{.name = "file",
	 .argument = "FILE",
	 .text = "where to write, in words long enough that they have to be broken into lines to "
		 "fit a terminal",
	 .kind = TR_OPTION_TEXT,
	 .offset = offsetof(struct toy_values, file)},
	{.name = "seed",
	 .argument = "N",
	 .text = "of every draw (default 1)",
	 .kind = TR_OPTION_U64,
	 .offset = offsetof(struct toy_values, seed),
	 .max = UINT64_MAX},
	{.name = "factor",
	 .argument = "X",
	 .text = "a decimal (default 1)",
	 .kind = TR_OPTION_MILLI,
	 .offset = offsetof(struct toy_values, factor_milli),
	 .min = 500,
	 .max = 100000},
	{.name = "colour",
	 .text = "which one (default red)",
	 .kind = TR_OPTION_CHOICE,
	 .offset = offsetof(struct toy_values, colour),
	 .choices = colours},
	{.name = "tag",
	 .argument = "WORD",
	 .text = "a word; many times",
	 .kind = TR_OPTION_TEXTS,
	 .offset = offsetof(struct toy_values, tags)},
};

static const struct toy_values toy_defaults = {.seed = 1, .factor_milli = 1000};

static int run_show(const void *values, int argument_count, char **arguments)
{
	const struct toy_values *toy = values;

	printf("loud %d, file %s, seed %" PRIu64 ", factor %" PRIu64 ", colour %s\n", toy->loud,
	       toy->file ? toy->file : "none", toy->seed, toy->factor_milli, colours[toy->colour]);
	for (unsigned i = 0; i < toy->tags.count; i++)
		printf("tag '%s'\n", toy->tags.items[i]);
	for (int i = 0; i < argument_count; i++)
		printf("argument '%s'\n", arguments[i]);
	return TR_EXIT_OK;
}

static int run_fail(const void *values, int argument_count, char **arguments)
{
	struct tr_diagnostic diagnostic = {.path = "some.yaml",
					   .line = 3,
					   .column = 9,
					   .key = "models.chat",
					   .message = "found 'x'; expected a mapping"};

	(void)values;
	printf("before the error\n");
	if (argument_count > 0)
		return tr_cli_fail(TR_EXIT_FAILED, "%s", arguments[0]);
	return tr_cli_fail_diagnostic(TR_EXIT_INPUT, &diagnostic);
}

static const struct tr_command show = {
	.name = "show",
	.summary = "print the options that were taken",
	.usage = "[OPTION...] [WORD...]",
	.example = "tailrace show --seed 7 --loud word",
	.options = toy_options,
	.option_count = TR_ARRAY_LENGTH(toy_options),
	.values_size = sizeof(struct toy_values),
	.defaults = &toy_defaults,
	.arguments_max = 3,
	.run = run_show,
};

static const struct tr_command pair_fail = {
	.name = "pair fail",
	.summary = "fail, with the given message or with a diagnostic",
	.usage = "[MESSAGE]",
	.example = "tailrace pair fail",
	.details = "Details come last.",
	.arguments_max = 1,
	.run = run_fail,
};

static const struct tr_command pair_need = {
	.name = "pair need",
	.summary = "want exactly one file",
	.usage = "FILE",
	.example = "tailrace pair need a.txt",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_show,
};

int main(int argc, char **argv)
{
	static const struct tr_command *const commands[] = {
		&show, &pair_fail, &pair_need, &tr_command_man, &tr_command_completion,
	};

	return tr_cli_main(commands, TR_ARRAY_LENGTH(commands), argc, argv);
}
