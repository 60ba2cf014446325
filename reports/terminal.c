/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printf's grouping flag depends on the locale, hence groups by hand. Names come out of other
 * people's files; an escape sequence among them must not reach the terminal.
 */
#include "reports/terminal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool tr_terminal_colors(FILE *stream)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no && *no)
		return false;
	if (term && strcmp(term, "dumb") == 0)
		return false;
	return isatty(fileno(stream));
}

const char *tr_number_grouped(uint64_t value, char text[TR_NUMBER_WIDTH_MAX])
{
	char digits[24];
	size_t count = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value), at = 0;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

const char *tr_number_decimal(double value, unsigned decimals, char text[TR_NUMBER_WIDTH_MAX])
{
	static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
	uint64_t power, units;
	size_t length;

	/* Written so that what is no number fails it, too. */
	if (!(value >= 0 && value < 1e12) || decimals >= sizeof powers / sizeof powers[0])
		return memcpy(text, "-", sizeof "-");
	power = powers[decimals];
	units = (uint64_t)(value * (double)power + 0.5);
	tr_number_grouped(units / power, text);
	length = strlen(text);
	if (decimals)
		(void)snprintf(text + length, TR_NUMBER_WIDTH_MAX - length, ".%0*" PRIu64,
			       (int)decimals, units % power);
	return text;
}

static bool continues(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t tr_text_columns(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += !continues(*text);
	return columns;
}

void tr_text_tame(const char *text, char *ret, size_t size)
{
	size_t length = 0;

	for (; text[length] && length + 1 < size; length++) {
		unsigned char byte = (unsigned char)text[length];
		/* C1 controls are two bytes, 0xc2 0x80..0x9f. */
		bool control = byte < 0x20 || byte == 0x7f ||
			       (length > 0 && (unsigned char)text[length - 1] == 0xc2 &&
				byte >= 0x80 && byte <= 0x9f);

		ret[length] = control ? '?' : text[length];
		if (control && byte >= 0x80)
			ret[length - 1] = '?';
	}
	while (length > 0 && text[length] && continues(text[length]))
		length--;
	ret[length] = '\0';
}
