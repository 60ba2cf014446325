/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics are filled in place and never allocated: reporting that memory is out must work.
 *
 * What a file contains may end up on a terminal, so control characters are shown as '?'. A text
 * that is too long is cut between characters, not inside one.
 */
#include "engine/policy/diagnostic.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Drop a UTF-8 character that was cut, and defuse what a terminal would obey. */
static void make_printable(char *text, size_t size)
{
	size_t length = strlen(text);
	size_t start = length;

	while (length + 1 == size && start > 0 && length - start < 3 &&
	       ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (length + 1 == size && start > 0 && (unsigned char)text[start - 1] >= 0xc0)
		text[start - 1] = '\0';
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;

		if (c1)
			*p++ = '?';
		if (c1 || *p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

int tr_diagnose(struct tr_diagnostic *ret, const char *path, unsigned line, unsigned column,
		const char *key, const char *format, ...)
{
	va_list arguments;

	memset(ret, 0, sizeof *ret);
	(void)snprintf(ret->path, sizeof ret->path, "%s", path ? path : "");
	(void)snprintf(ret->key, sizeof ret->key, "%s", key ? key : "");
	va_start(arguments, format);
	(void)vsnprintf(ret->message, sizeof ret->message, format, arguments);
	va_end(arguments);
	make_printable(ret->path, sizeof ret->path);
	make_printable(ret->key, sizeof ret->key);
	make_printable(ret->message, sizeof ret->message);
	ret->line = line;
	ret->column = line ? column : 0;
	return -1;
}

const char *tr_diagnostic_text(const struct tr_diagnostic *diagnostic, char *text, size_t size)
{
	char place[32] = "";

	if (diagnostic->line && diagnostic->column)
		(void)snprintf(place, sizeof place, "%u:%u: ", diagnostic->line,
			       diagnostic->column);
	else if (diagnostic->line)
		(void)snprintf(place, sizeof place, "%u: ", diagnostic->line);
	(void)snprintf(text, size, "%s%s%s%s%s%s", diagnostic->path,
		       !*diagnostic->path ? ""
		       : *place		  ? ":"
					  : ": ",
		       place, diagnostic->key, *diagnostic->key ? ": " : "", diagnostic->message);
	return text;
}
