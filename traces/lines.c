/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines come out of one buffer of twice the longest line, so that a file of any size takes the same
 * memory, and a "line" of a gigabyte (a binary file, a forgotten newline) takes no more: it is
 * passed over and reported. LF ends a line; a CR before it belongs to the end. A CR alone is an
 * ordinary byte, which the formats then refuse with a better message than we could give.
 */
#include "traces/lines.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base.h"

#define PEEK_MAX 8

int tr_lines_init(struct tr_lines *lines, FILE *file, size_t cap)
{
	char *buffer;

	TR_ASSERT(cap >= PEEK_MAX);
	TR_ASSERT(file != NULL);
	buffer = malloc(2 * cap);
	if (!buffer)
		return -1;
	*lines = (struct tr_lines){.file = file, .buffer = buffer, .cap = cap};
	return 0;
}

void tr_lines_done(struct tr_lines *lines)
{
	if (!lines)
		return;
	free(lines->buffer);
	*lines = (struct tr_lines){0};
}

/* Make room at the end and read once. False when nothing came. */
static bool refill(struct tr_lines *lines)
{
	size_t got;

	if (lines->drained)
		return false;
	if (lines->start > 0) {
		memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
		lines->end -= lines->start;
		lines->start = 0;
	}
	TR_ASSERT(lines->end < 2 * lines->cap);
	got = fread(lines->buffer + lines->end, 1, 2 * lines->cap - lines->end, lines->file);
	if (got == 0) {
		lines->drained = true;
		lines->failed = ferror(lines->file) != 0;
	}
	lines->end += got;
	return got > 0;
}

size_t tr_lines_peek(struct tr_lines *lines, const unsigned char **ret_bytes)
{
	TR_ASSERT(lines->number == 0);
	while (lines->end < PEEK_MAX && refill(lines))
		;
	*ret_bytes = (const unsigned char *)lines->buffer;
	return lines->end < PEEK_MAX ? lines->end : PEEK_MAX;
}

static void drop_mark(struct tr_lines *lines)
{
	const unsigned char *bytes;

	if (tr_lines_peek(lines, &bytes) >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		lines->start = 3;
		lines->bytes = 3;
	}
}

/* The line has no end within the cap: throw away what there is of it, up to and with its LF. */
static void pass_over(struct tr_lines *lines)
{
	for (;;) {
		const char *from = lines->buffer + lines->start;
		const char *newline = memchr(from, '\n', lines->end - lines->start);
		size_t length = newline ? (size_t)(newline - from) + 1 : lines->end - lines->start;

		lines->start += length;
		lines->bytes += length;
		if (newline || !refill(lines))
			return;
	}
}

int tr_lines_next(struct tr_lines *lines, const char **ret_text, size_t *ret_length)
{
	size_t searched = 0, length, ended = 0;
	const char *newline = NULL;

	if (lines->number == 0)
		drop_mark(lines);
	for (;;) {
		const char *from = lines->buffer + lines->start;

		length = lines->end - lines->start;
		newline = memchr(from + searched, '\n', length - searched);
		if (newline) {
			length = (size_t)(newline - from);
			ended = 1;
			break;
		}
		searched = length;
		if (length > lines->cap || !refill(lines))
			break;
	}
	if (lines->failed)
		return TR_LINES_ERROR;
	if (length + ended == 0)
		return TR_LINES_END;
	lines->number++;
	if (length > lines->cap) {
		pass_over(lines);
		return lines->failed ? TR_LINES_ERROR : TR_LINES_LONG;
	}
	*ret_text = lines->buffer + lines->start;
	lines->start += length + ended;
	lines->bytes += length + ended;
	*ret_length = length > 0 && (*ret_text)[length - 1] == '\r' ? length - 1 : length;
	return TR_LINES_LINE;
}
