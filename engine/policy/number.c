/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is a number: digits, then perhaps a point and digits; the grammar of JSON without sign and
 * exponent. YAML 1.1's other spellings (0x10, 0o7, 1_000, 007, .5, +1) are refused, because two
 * readers of one file would not agree on all of them.
 */
#include "engine/policy/number.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "engine/base.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The length of "DIGITS" or "DIGITS.DIGITS" that fills the text, 0 if it is something else; the
 * fraction starts behind *ret_point. */
static bool is_decimal(const char *text, size_t length, size_t *ret_point)
{
	size_t at = 0;

	while (at < length && is_digit(text[at]))
		at++;
	if (at == 0 || (at > 1 && text[0] == '0'))
		return false;
	*ret_point = at;
	if (at == length)
		return true;
	if (text[at] != '.' || at + 1 == length)
		return false;
	for (at++; at < length; at++) {
		if (!is_digit(text[at]))
			return false;
	}
	return true;
}

enum tr_number_error tr_number_parse(const char *text, size_t length, unsigned scale, uint64_t *ret)
{
	size_t point = 0, fraction;
	uint64_t value = 0;

	TR_ASSERT(scale <= 9);
	if (length > 1 && text[0] == '-')
		return is_decimal(text + 1, length - 1, &point) ? TR_NUMBER_NEGATIVE
								: TR_NUMBER_NOT;
	if (!is_decimal(text, length, &point))
		return TR_NUMBER_NOT;
	while (length > point && (text[length - 1] == '0' || text[length - 1] == '.'))
		length--;
	fraction = length > point ? length - point - 1 : 0;
	if (fraction > scale)
		return TR_NUMBER_FRACTION;
	for (size_t i = 0; i < length + (scale - fraction); i++) {
		uint64_t digit = i < length && i != point ? (uint64_t)(text[i] - '0') : 0;

		if (i == point && i < length)
			continue;
		if (value > (UINT64_MAX - digit) / 10)
			return TR_NUMBER_TOO_LARGE;
		value = value * 10 + digit;
	}
	*ret = value;
	return TR_NUMBER_OK;
}

const char *tr_number_text(uint64_t value, unsigned scale, char text[TR_NUMBER_TEXT_MAX])
{
	uint64_t unit = 1;
	int length;

	TR_ASSERT(scale <= 9);
	for (unsigned i = 0; i < scale; i++)
		unit *= 10;
	length = snprintf(text, TR_NUMBER_TEXT_MAX, "%" PRIu64, value / unit);
	if (value % unit == 0)
		return text;
	length += snprintf(text + length, TR_NUMBER_TEXT_MAX - (size_t)length, ".%0*" PRIu64,
			   (int)scale, value % unit);
	while (text[length - 1] == '0')
		text[--length] = '\0';
	return text;
}
