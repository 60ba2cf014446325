/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a foreign file goes to a terminal only in printable form and cut to size. UTF-8 is
 * taken by the table of RFC 3629; the C1 controls count as control characters.
 */
#include "traces/found.h"

#include <stdint.h>
#include <stdio.h>

#define SHOWN_MAX 40

const char *tr_found(const char *text, size_t length, char shown[TR_FOUND_MAX])
{
	size_t at = 0, i;

	if (length == 0)
		return "nothing";
	shown[at++] = '\'';
	for (i = 0; i < length && at < SHOWN_MAX; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte >= 0x20 && byte < 0x7f)
			shown[at++] = (char)byte;
		else
			at += (size_t)snprintf(shown + at, 5, "\\x%02x", byte);
	}
	snprintf(shown + at, TR_FOUND_MAX - at, i < length ? "...'" : "'");
	return shown;
}

/* Bytes of the UTF-8 character at `bytes`, 0 if it is none. */
static size_t character_length(const unsigned char *bytes, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = bytes[0] < 0x80	  ? 1
			: bytes[0] < 0xc2 ? 0
			: bytes[0] < 0xe0 ? 2
			: bytes[0] < 0xf0 ? 3
			: bytes[0] < 0xf5 ? 4
					  : 0;
	uint32_t code;

	if (length < 2 || length > left)
		return length > left ? 0 : length;
	code = bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (bytes[i] & 0x3fu);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return code >= 0x80 && code < 0xa0 ? 0 : length;
}

bool tr_found_is_name(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;

	for (size_t i = 0, step; i < length; i += step) {
		step = character_length(bytes + i, length - i);
		if (step == 0 || bytes[i] < 0x20 || bytes[i] == 0x7f)
			return false;
	}
	return true;
}
