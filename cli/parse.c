/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as git and curl write them: `--name value` or `--name=value`, flags without a value,
 * options and arguments in any order, `--` before words that only look like options, `-` as an
 * argument of its own. Given twice, the last one counts, so that a script can append; but a list
 * takes them all.
 *
 * Refused, each with one line that says what would be right: abbreviated names, single letters but
 * -o for --output, a value for a flag, an empty value, a number that is out of range or not plain
 * digits. Decimals become integers digit by digit; a floating-point detour would round them.
 */
#include "cli/parse.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base.h"
#include "engine/policy/suggest.h"

#define MILLI_DECIMALS 3

static int wrong(char message[TR_CLI_MESSAGE_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(char message[TR_CLI_MESSAGE_MAX], const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(message, TR_CLI_MESSAGE_MAX, format, list);
	va_end(list);
	return -1;
}

int tr_cli_number(const char *text, unsigned decimals, uint64_t *ret)
{
	uint64_t number = 0;
	unsigned missing = decimals;
	bool point = false, digit = false;

	for (; *text; text++) {
		if (*text == '.' && digit && !point && decimals > 0) {
			point = true;
			digit = false;
			continue;
		}
		if (*text < '0' || *text > '9' || (point && missing == 0))
			return -1;
		if (__builtin_mul_overflow(number, 10u, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			return -1;
		missing -= point;
		digit = true;
	}
	if (!digit)
		return -1;
	for (; missing > 0; missing--)
		if (__builtin_mul_overflow(number, 10u, &number))
			return -1;
	*ret = number;
	return 0;
}

/* Thousandths as the user would write them: 2500 is "2.5". */
static const char *milli_text(uint64_t milli, char text[32])
{
	size_t length =
		(size_t)snprintf(text, 32, "%" PRIu64 ".%03" PRIu64, milli / 1000, milli % 1000);

	while (text[length - 1] == '0')
		text[--length] = '\0';
	if (text[length - 1] == '.')
		text[length - 1] = '\0';
	return text;
}

static int take_number(const struct tr_option *option, const char *text, void *value,
		       char message[TR_CLI_MESSAGE_MAX])
{
	bool milli = option->kind == TR_OPTION_MILLI;
	uint64_t number = 0;
	char low[32], high[32];

	if (tr_cli_number(text, milli ? MILLI_DECIMALS : 0, &number) == 0 &&
	    number >= option->min && number <= option->max) {
		memcpy(value, &number, sizeof(number));
		return 0;
	}
	if (milli)
		return wrong(message,
			     "--%s: '%.64s' is not a decimal from %s to %s with at most three "
			     "digits after the point",
			     option->name, text, milli_text(option->min, low),
			     milli_text(option->max, high));
	return wrong(message, "--%s: '%.64s' is not a whole number from %" PRIu64 " to %" PRIu64,
		     option->name, text, option->min, option->max);
}

static int take_choice(const struct tr_option *option, const char *text, void *value,
		       char message[TR_CLI_MESSAGE_MAX])
{
	struct tr_suggest suggest;
	char list[256] = "";
	size_t length = 0;

	tr_suggest_begin(&suggest, text);
	for (unsigned i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], text) == 0) {
			memcpy(value, &i, sizeof(i));
			return 0;
		}
		tr_suggest_offer(&suggest, option->choices[i]);
		if (length < sizeof(list))
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
						   i ? ", " : "", option->choices[i]);
	}
	if (suggest.best)
		return wrong(message, "--%s: '%.64s' is none of %s; did you mean '%s'?",
			     option->name, text, list, suggest.best);
	return wrong(message, "--%s: '%.64s' is none of %s", option->name, text, list);
}

static int take_flag(const struct tr_option *option, const char *text, void *value,
		     char message[TR_CLI_MESSAGE_MAX])
{
	bool yes = true;

	(void)option;
	(void)text;
	(void)message;
	memcpy(value, &yes, sizeof(yes));
	return 0;
}

static int take_text(const struct tr_option *option, const char *text, void *value,
		     char message[TR_CLI_MESSAGE_MAX])
{
	(void)option;
	(void)message;
	memcpy(value, &text, sizeof(text));
	return 0;
}

static int take_texts(const struct tr_option *option, const char *text, void *value,
		      char message[TR_CLI_MESSAGE_MAX])
{
	struct tr_texts *texts = value;

	if (texts->count == TR_TEXTS_MAX)
		return wrong(message, "--%s is given more than %u times", option->name,
			     TR_TEXTS_MAX);
	texts->items[texts->count++] = text;
	return 0;
}

static int (*const takers[])(const struct tr_option *, const char *, void *, char *) = {
	[TR_OPTION_FLAG] = take_flag,	  [TR_OPTION_TEXT] = take_text,
	[TR_OPTION_U64] = take_number,	  [TR_OPTION_MILLI] = take_number,
	[TR_OPTION_CHOICE] = take_choice, [TR_OPTION_TEXTS] = take_texts,
};

/* `name` is what stands between "--" and "=" or the end. NULL and a message if there is no such
 * option. */
static const struct tr_option *find_option(const struct tr_command *command, const char *name,
					   size_t length, char message[TR_CLI_MESSAGE_MAX])
{
	struct tr_suggest suggest;
	char typed[64];

	snprintf(typed, sizeof(typed), "%.*s", (int)(length < 63 ? length : 63), name);
	tr_suggest_begin(&suggest, typed);
	for (size_t i = 0; i < command->option_count; i++) {
		const struct tr_option *option = &command->options[i];

		if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
			return option;
		tr_suggest_offer(&suggest, option->name);
	}
	if (suggest.best)
		wrong(message, "unknown option '--%s'; did you mean '--%s'?", typed, suggest.best);
	else
		wrong(message, "unknown option '--%s'", typed);
	return NULL;
}

/* The one that -o is short for; NULL: this is not -o, or the command has none. */
static const struct tr_option *find_letter(const struct tr_command *command, const char *word)
{
	for (size_t i = 0; i < command->option_count && strcmp(word, "-o") == 0; i++)
		if (strcmp(command->options[i].name, "output") == 0)
			return &command->options[i];
	return NULL;
}

/* One option at words[*at]; moves *at to the last word that belongs to it. */
static int take_option(const struct tr_command *command, int word_count, char **words, int *at,
		       void *values, char message[TR_CLI_MESSAGE_MAX])
{
	const char *name = words[*at] + 2;
	const char *text = strchr(name, '=');
	size_t length = text ? (size_t)(text - name) : strlen(name);
	const struct tr_option *option = find_letter(command, words[*at]);

	if (!option)
		option = find_option(command, name, length, message);
	if (!option)
		return -1;
	TR_ASSERT(option->offset < command->values_size);
	if (text)
		text++;
	if (option->kind == TR_OPTION_FLAG) {
		if (text)
			return wrong(message, "--%s takes no value", option->name);
	} else {
		if (!text && *at + 1 < word_count)
			text = words[++*at];
		if (!text || !*text)
			return wrong(message, "--%s needs a value: --%s %s", option->name,
				     option->name, option->argument ? option->argument : "VALUE");
	}
	return takers[option->kind](option, text, (char *)values + option->offset, message);
}

static int check_count(const struct tr_command *command, int count, char **arguments,
		       char message[TR_CLI_MESSAGE_MAX])
{
	if (count >= 0 && (unsigned)count < command->arguments_min)
		return wrong(message, "an argument is missing: tailrace %s %s", command->name,
			     command->usage);
	if ((unsigned)count > command->arguments_max)
		return wrong(message, "unexpected argument '%.64s': tailrace %s %s",
			     arguments[command->arguments_max], command->name, command->usage);
	return 0;
}

int tr_cli_parse(const struct tr_command *command, int word_count, char **words, void *values,
		 char **ret_arguments, int *ret_argument_count,
		 char ret_message[TR_CLI_MESSAGE_MAX])
{
	bool options_ended = false;
	int count = 0;

	for (int i = 0; i < word_count; i++) {
		char *word = words[i];

		if (options_ended || word[0] != '-' || word[1] == '\0')
			ret_arguments[count++] = word;
		else if (strcmp(word, "--") == 0)
			options_ended = true;
		else if (word[1] != '-' && !find_letter(command, word))
			return wrong(ret_message,
				     "unknown option '%.64s'; options are written --name", word);
		else if (take_option(command, word_count, words, &i, values, ret_message) < 0)
			return -1;
	}
	if (check_count(command, count, ret_arguments, ret_message) < 0)
		return -1;
	*ret_argument_count = count;
	return 0;
}
