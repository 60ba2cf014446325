/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From argv to a command and back to an exit code.
 *
 * A command is one word or two ("trace info"); two win where both fit. `--help` anywhere before
 * `--` shows help and nothing is run. No command at all, or a group without its second word, shows
 * the list but is still a wrong command line (exit 2): a script whose variable was empty must not
 * pass for a check that held.
 */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/help.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/table.h"
#include "engine/base.h"
#include "engine/policy/suggest.h"

static struct tr_command_table table;

const struct tr_command_table *tr_cli_table(void)
{
	return &table;
}

const struct tr_command *tr_cli_find(const struct tr_command_table *in, const char *name)
{
	for (size_t i = 0; i < in->count; i++)
		if (strcmp(in->commands[i]->name, name) == 0)
			return in->commands[i];
	return NULL;
}

bool tr_cli_in_group(const struct tr_command *command, const char *group)
{
	size_t length = strlen(group);

	return strncmp(command->name, group, length) == 0 && command->name[length] == ' ';
}

bool tr_cli_is_group(const struct tr_command_table *in, const char *name)
{
	for (size_t i = 0; i < in->count; i++)
		if (tr_cli_in_group(in->commands[i], name))
			return true;
	return false;
}

int tr_cli_fail(int code, const char *format, ...)
{
	va_list list;

	fflush(stdout);
	fputs("tailrace: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return code;
}

void tr_cli_say_diagnostic(const struct tr_diagnostic *diagnostic)
{
	char text[sizeof(struct tr_diagnostic) + 64];

	tr_cli_fail(TR_EXIT_FAILED, "%s", tr_diagnostic_text(diagnostic, text, sizeof(text)));
}

static bool is_word(const char *word, const char *name)
{
	return word && strcmp(word, name) == 0;
}

static bool asks_for_help(int count, char **words)
{
	for (int i = 0; i < count && !is_word(words[i], "--"); i++)
		if (is_word(words[i], "--help") || is_word(words[i], "-h"))
			return true;
	return false;
}

/* The command named by the first words, and how many they are; NULL: none. */
static const struct tr_command *match(int count, char **words, int *ret_taken)
{
	const struct tr_command *command;
	char name[64];

	if (count > 1) {
		int length = snprintf(name, sizeof(name), "%s %s", words[0], words[1]);

		command = length < (int)sizeof(name) ? tr_cli_find(&table, name) : NULL;
		if (command) {
			*ret_taken = 2;
			return command;
		}
	}
	*ret_taken = 1;
	return tr_cli_find(&table, words[0]);
}

/* Words that name no command: say which one they may have meant. A single word is compared with
 * first words only. */
static int fail_unknown(int count, char **words)
{
	bool group = count > 1 && tr_cli_is_group(&table, words[0]);
	struct tr_suggest suggest;
	char typed[64], candidate[64] = "", best[64];

	snprintf(typed, sizeof(typed), "%s%s%s", words[0], group ? " " : "", group ? words[1] : "");
	tr_suggest_begin(&suggest, typed);
	for (size_t i = 0; i < table.count; i++) {
		const char *name = table.commands[i]->name;
		size_t length = group ? strlen(name) : strcspn(name, " ");

		snprintf(candidate, sizeof(candidate), "%.*s", (int)length, name);
		tr_suggest_offer(&suggest, candidate);
		if (suggest.best == candidate) {
			memcpy(best, candidate, sizeof(best));
			suggest.best = best;
		}
	}
	if (suggest.best)
		return tr_cli_fail(TR_EXIT_USAGE, "unknown command '%s'; did you mean '%s'?", typed,
				   suggest.best);
	return tr_cli_fail(TR_EXIT_USAGE, "unknown command '%s'; 'tailrace --help' lists them all",
			   typed);
}

static int show_help(int count, char **words)
{
	const struct tr_command *command;
	int taken;

	if (count == 0) {
		tr_cli_help_list(&table, NULL);
		return TR_EXIT_OK;
	}
	command = match(count, words, &taken);
	if (command) {
		tr_cli_help_command(command);
		return TR_EXIT_OK;
	}
	if (tr_cli_is_group(&table, words[0]) && (count == 1 || words[1][0] == '-')) {
		tr_cli_help_list(&table, words[0]);
		return TR_EXIT_OK;
	}
	return fail_unknown(count, words);
}

static int run(const struct tr_command *command, int count, char **words)
{
	void *values = calloc(1, command->values_size ? command->values_size : 1);
	char **arguments = calloc((size_t)count + 1, sizeof(*arguments));
	char message[TR_CLI_MESSAGE_MAX];
	int argument_count = 0, code;

	TR_ASSERT(values);
	TR_ASSERT(arguments);
	if (command->defaults)
		memcpy(values, command->defaults, command->values_size);
	if (tr_cli_parse(command, count, words, values, arguments, &argument_count, message) < 0)
		code = tr_cli_fail(TR_EXIT_USAGE, "%s\n'tailrace %s --help' says more", message,
				   command->name);
	else
		code = command->run(values, argument_count, arguments);
	free(arguments);
	free(values);
	return code;
}

static int dispatch(int count, char **words)
{
	const struct tr_command *command;
	int taken;

	if (count == 0) {
		tr_cli_help_list(&table, NULL);
		return TR_EXIT_USAGE;
	}
	if (is_word(words[0], "--version")) {
		printf("tailrace " TR_VERSION "\n");
		return TR_EXIT_OK;
	}
	if (is_word(words[0], "help"))
		return show_help(count - 1, words + 1);
	if (is_word(words[0], "--help") || is_word(words[0], "-h"))
		return show_help(0, NULL);
	if (words[0][0] == '-')
		return tr_cli_fail(TR_EXIT_USAGE,
				   "unknown option '%.64s'; options come after the command",
				   words[0]);
	command = match(count, words, &taken);
	if (command && !asks_for_help(count - taken, words + taken))
		return run(command, count - taken, words + taken);
	if (command || asks_for_help(count, words))
		return show_help(count, words);
	if (count == 1 && tr_cli_is_group(&table, words[0])) {
		tr_cli_help_list(&table, words[0]);
		return TR_EXIT_USAGE;
	}
	return fail_unknown(count, words);
}

/* The last word of a program that has found itself wrong; it ends by a signal after it. */
static void last_word(const char *condition, const char *file, int line)
{
	fprintf(stderr,
		"tailrace: this is an error of tailrace itself: %s (%s:%d); please report it\n",
		condition, file, line);
}

int tr_cli_main(const struct tr_command *const *commands, size_t count, int argc, char **argv)
{
	tr_panic_hook_set(last_word);
	TR_ASSERT(count > 0);
	tr_output_init();
	table = (struct tr_command_table){.commands = commands, .count = count};
	return tr_output_done(dispatch(argc > 0 ? argc - 1 : 0, argv + (argc > 0)));
}
