/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manual page and the shell's completion, written from the command table, so that neither can
 * promise an option that the parser does not take. Both go to stdout; the build installs them:
 *
 *   tailrace man | man -l -
 *   source <(tailrace completion bash)
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/table.h"

/* Text for roff: a hyphen is a minus that can be copied, and no line begins with a request. */
static void print_roff(const char *text)
{
	bool line_begins = true;

	for (; *text; text++) {
		if (line_begins && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
		line_begins = *text == '\n';
	}
}

static void print_roff_option(const char *name, const char *argument, const char *text)
{
	fputs(".TP\n\\fB\\-\\-", stdout);
	print_roff(name);
	fputs("\\fR", stdout);
	if (argument) {
		fputs(" \\fI", stdout);
		print_roff(argument);
		fputs("\\fR", stdout);
	}
	putchar('\n');
	print_roff(text);
	putchar('\n');
}

static void print_roff_command(const struct tr_command *command)
{
	fputs(".SS tailrace ", stdout);
	print_roff(command->name);
	if (*command->usage)
		putchar(' ');
	print_roff(command->usage);
	putchar('\n');
	print_roff(command->summary);
	fputs(".\n.PP\n.nf\n", stdout);
	print_roff(command->example);
	fputs("\n.fi\n", stdout);
	for (size_t i = 0; i < command->option_count; i++)
		print_roff_option(command->options[i].name, command->options[i].argument,
				  command->options[i].text);
	if (command->details) {
		fputs(".PP\n.nf\n", stdout);
		print_roff(command->details);
		fputs("\n.fi\n", stdout);
	}
}

static int run_man(const void *values, int argument_count, char **arguments)
{
	const struct tr_command_table *table = tr_cli_table();

	(void)values;
	(void)argument_count;
	(void)arguments;
	fputs(".TH TAILRACE 1 \"\" \"tailrace " TR_VERSION "\"\n"
	      ".SH NAME\ntailrace \\- rehearse LLM traffic before it flows\n"
	      ".SH SYNOPSIS\n.B tailrace\n\\fICOMMAND\\fR [\\fIOPTION\\fR...] "
	      "[\\fIARGUMENT\\fR...]\n"
	      ".SH COMMANDS\n",
	      stdout);
	for (size_t i = 0; i < table->count; i++)
		print_roff_command(table->commands[i]);
	fputs(".SH EXIT STATUS\n", stdout);
#define X(name, value, text) fputs(".TP\n" #value "\n" text "\n", stdout);
	TR_EXIT_MAP(X)
#undef X
	return TR_EXIT_OK;
}

/* What may follow a command: its options, and after an option its words (none: a file). */
static void print_bash_case(const struct tr_command *command)
{
	bool values = false;

	printf("\t\"%s\")\n\t\twords=\"", command->name);
	for (size_t i = 0; i < command->option_count; i++)
		printf("--%s ", command->options[i].name);
	printf("--help\"");
	for (size_t i = 0; i < command->option_count; i++) {
		const struct tr_option *option = &command->options[i];

		if (option->kind == TR_OPTION_FLAG)
			continue;
		if (!values)
			printf("\n\t\tcase $previous in");
		values = true;
		printf("\n\t\t--%s) words=\"", option->name);
		for (size_t k = 0; option->kind == TR_OPTION_CHOICE && option->choices[k]; k++)
			printf("%s%s", k ? " " : "", option->choices[k]);
		printf("\" ;;");
	}
	printf("%s ;;\n", values ? "\n\t\tesac" : "");
}

/* Does no earlier command have the same first word? */
static bool first_of_group(const struct tr_command_table *table, size_t at)
{
	const char *name = table->commands[at]->name;
	size_t length = strcspn(name, " ");

	for (size_t i = 0; i < at; i++)
		if (strncmp(table->commands[i]->name, name, length) == 0 &&
		    table->commands[i]->name[length] == ' ')
			return false;
	return true;
}

static void print_bash_words(const struct tr_command_table *table)
{
	printf("\t\"\")\n\t\twords=\"");
	for (size_t i = 0; i < table->count; i++)
		if (first_of_group(table, i))
			printf("%.*s ", (int)strcspn(table->commands[i]->name, " "),
			       table->commands[i]->name);
	printf("help --help --version\" ;;\n");
	for (size_t i = 0; i < table->count; i++) {
		const char *name = table->commands[i]->name;
		size_t length = strcspn(name, " ");

		if (!name[length] || !first_of_group(table, i))
			continue;
		printf("\t\"%.*s\")\n\t\twords=\"", (int)length, name);
		for (size_t k = i; k < table->count; k++)
			if (strncmp(table->commands[k]->name, name, length + 1) == 0)
				printf("%s ", table->commands[k]->name + length + 1);
		printf("--help\" ;;\n");
	}
}

static int run_completion(const void *values, int argument_count, char **arguments)
{
	const struct tr_command_table *table = tr_cli_table();

	(void)values;
	(void)argument_count;
	if (strcmp(arguments[0], "bash") != 0)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "no completion for '%.64s'; there is one for bash",
				   arguments[0]);
	printf("# Completion of tailrace " TR_VERSION " for bash\n"
	       "_tailrace()\n{\n"
	       "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal command= words=\n\n"
	       "\t[ \"$COMP_CWORD\" -gt 1 ] && command=${COMP_WORDS[1]}\n"
	       "\t[ \"$COMP_CWORD\" -gt 2 ] && case $command in\n");
	for (size_t i = 0; i < table->count; i++)
		if (strchr(table->commands[i]->name, ' ') && first_of_group(table, i))
			printf("\t%.*s) command=\"$command ${COMP_WORDS[2]}\" ;;\n",
			       (int)strcspn(table->commands[i]->name, " "),
			       table->commands[i]->name);
	printf("\tesac\n\tcase $command in\n");
	print_bash_words(table);
	for (size_t i = 0; i < table->count; i++)
		print_bash_case(table->commands[i]);
	printf("\tesac\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\n"
	       "complete -o default -F _tailrace tailrace\n");
	return TR_EXIT_OK;
}

const struct tr_command tr_command_man = {
	.name = "man",
	.summary = "write the manual page (roff) to standard output",
	.usage = "",
	.example = "tailrace man | man -l -",
	.run = run_man,
};

const struct tr_command tr_command_completion = {
	.name = "completion",
	.summary = "write the shell's completion script to standard output",
	.usage = "bash",
	.example = "source <(tailrace completion bash)",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_completion,
};
