/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doubling growth; one byte is always kept for the NUL.
 */
#include "engine/policy/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base.h"

static bool reserve(struct tr_text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : 1024;
	char *bytes;

	if (text->failed)
		return false;
	TR_ASSERT(more < SIZE_MAX / 4);
	while (capacity - text->length <= more)
		capacity *= 2;
	if (capacity == text->capacity)
		return true;
	bytes = realloc(text->bytes, capacity);
	if (!bytes) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->capacity = capacity;
	return true;
}

void tr_text_addn(struct tr_text *text, const char *bytes, size_t length)
{
	if (!reserve(text, length))
		return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

void tr_text_add(struct tr_text *text, const char *string)
{
	tr_text_addn(text, string, strlen(string));
}

void tr_text_addf(struct tr_text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	TR_ASSERT(length >= 0);
	if (!reserve(text, (size_t)length))
		return;
	va_start(arguments, format);
	(void)vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->length += (size_t)length;
}

void tr_text_add_json(struct tr_text *text, const char *string)
{
	tr_text_addn(text, "\"", 1);
	for (const char *p = string; *p; p++) {
		if (*p == '"' || *p == '\\')
			tr_text_addn(text, "\\", 1);
		if ((unsigned char)*p < 0x20)
			tr_text_addf(text, "\\u%04x", (unsigned)(unsigned char)*p);
		else
			tr_text_addn(text, p, 1);
	}
	tr_text_addn(text, "\"", 1);
}

char *tr_text_take(struct tr_text *text, size_t *ret_length)
{
	char *bytes;

	if (!reserve(text, 0)) {
		free(text->bytes);
		*text = (struct tr_text){0};
		return NULL;
	}
	bytes = text->bytes;
	bytes[text->length] = '\0';
	if (ret_length)
		*ret_length = text->length;
	*text = (struct tr_text){0};
	return bytes;
}
