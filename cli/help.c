/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A help screen fits a terminal of 80 columns and leads with what most people look for: what the
 * command does and a line to copy. Nothing here is written twice; every word comes from the command
 * table or from the map of exit codes.
 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "engine/base.h"

#define COLUMNS 80

/* Text broken at blanks before the last column; the lines after the first are indented. The cursor
 * stands at `column`. */
static void print_wrapped(const char *text, size_t column, size_t indent)
{
	bool line_begins = true;

	while (*text) {
		size_t blanks = line_begins ? 0 : strspn(text, " ");
		size_t length = strcspn(text + blanks, " ");

		if (!line_begins && column + blanks + length > COLUMNS) {
			printf("\n%*s", (int)indent, "");
			column = indent;
			text += blanks;
			blanks = 0;
		}
		fwrite(text, 1, blanks + length, stdout);
		column += blanks + length;
		text += blanks + length;
		line_begins = false;
	}
	putchar('\n');
}

/* Lines as they are written, but none wider than the screen. */
static void print_lines(const char *text)
{
	char line[512];

	while (*text) {
		size_t length = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		print_wrapped(line, 0, strspn(line, " "));
		text += length + (text[length] == '\n');
	}
}

/* "  LEFT    TEXT", with TEXT indented under itself. */
static void print_row(const char *left, size_t left_width, const char *text)
{
	printf("  %-*s  ", (int)left_width, left);
	print_wrapped(text, left_width + 4, left_width + 4);
}

/* "--seed N", "-o, --output FILE"; a choice without an argument name shows its words. */
static void option_title(const struct tr_option *option, char *title, size_t size)
{
	bool output = strcmp(option->name, "output") == 0;
	size_t length = (size_t)snprintf(title, size, "%s--%s", output ? "-o, " : "", option->name);

	if (option->argument) {
		snprintf(title + length, size - length, " %s", option->argument);
		return;
	}
	if (option->kind != TR_OPTION_CHOICE)
		return;
	for (size_t i = 0; option->choices[i] && length < size; i++)
		length += (size_t)snprintf(title + length, size - length, "%c%s", i ? '|' : ' ',
					   option->choices[i]);
}

void tr_cli_help_list(const struct tr_command_table *table, const char *group)
{
	const struct tr_command *first = NULL;
	size_t width = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct tr_command *command = table->commands[i];

		if (group && !tr_cli_in_group(command, group))
			continue;
		if (!first)
			first = command;
		if (strlen(command->name) > width)
			width = strlen(command->name);
	}
	TR_ASSERT(first);
	if (group)
		printf("tailrace %s: one of the commands below\n", group);
	else
		printf("tailrace " TR_VERSION ": rehearse LLM traffic before it flows\n");
	printf("\nExample:\n  %s\n\nCommands:\n", first->example);
	for (size_t i = 0; i < table->count; i++)
		if (!group || tr_cli_in_group(table->commands[i], group))
			print_row(table->commands[i]->name, width, table->commands[i]->summary);
	printf("\n'tailrace COMMAND --help' says more.\n");
	if (group)
		return;
	printf("\nExit codes:\n");
#define X(name, value, text) print_row(#value, 1, text);
	TR_EXIT_MAP(X)
#undef X
}

void tr_cli_help_command(const struct tr_command *command)
{
	char title[96];
	size_t width = strlen("--help"), column;

	for (size_t i = 0; i < command->option_count; i++) {
		option_title(&command->options[i], title, sizeof(title));
		if (strlen(title) > width)
			width = strlen(title);
	}
	column = (size_t)printf("tailrace %s: ", command->name);
	print_wrapped(command->summary, column, 0);
	printf("\nExample:\n  %s\n\nUsage:\n  tailrace %s%s%s\n\nOptions:\n", command->example,
	       command->name, *command->usage ? " " : "", command->usage);
	for (size_t i = 0; i < command->option_count; i++) {
		option_title(&command->options[i], title, sizeof(title));
		print_row(title, width, command->options[i].text);
	}
	print_row("--help", width, "show this and exit");
	if (command->details) {
		putchar('\n');
		print_lines(command->details);
	}
}
