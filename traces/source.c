/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all formats share: telling what a file is before reading it, lines, the order of arrivals,
 * counting and skipping.
 *
 * A row that arrives earlier than the good row before it is malformed like any other: with skip_bad
 * it is left out and the clock stays where it was. Nothing is sorted; that would take the memory of
 * the whole file. A file without one good row is refused: a simulation of nothing helps nobody.
 */
#include "traces/source.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "traces/found.h"
#include "traces/lines.h"

static const struct tr_source_kind *const kinds[TR_TRACE_FORMAT_COUNT] = {
	[TR_TRACE_AZURE] = &tr_source_azure,	   [TR_TRACE_MOONCAKE] = &tr_source_mooncake,
	[TR_TRACE_ARENA] = &tr_source_arena,	   [TR_TRACE_BURSTGPT] = &tr_source_burstgpt,
	[TR_TRACE_TAILRACE] = &tr_source_tailrace, [TR_TRACE_TRR] = &tr_source_trr,
};

/* What people take for a text file. */
static const struct {
	const char *bytes;
	size_t length;
	const char *text;
} foreign[] = {
	{"\x1f\x8b", 2, "the file is compressed (gzip); unpack it first"},
	{"\x28\xb5\x2f\xfd", 4, "the file is compressed (zstd); unpack it first"},
	{"\xfd\x37zXZ", 5, "the file is compressed (xz); unpack it first"},
	{"BZh", 3, "the file is compressed (bzip2); unpack it first"},
	{"PK\x03\x04", 4, "the file is a zip archive; unpack it first"},
	{"PAR1", 4, "the file is in Parquet format; convert it to CSV first"},
	{"\xff\xfe", 2, "the file is in UTF-16; convert it to UTF-8 first"},
	{"\xfe\xff", 2, "the file is in UTF-16; convert it to UTF-8 first"},
};

static unsigned line_number(const struct tr_source *source)
{
	uint64_t number = source->lines ? source->lines->number : source->row.line;

	return number > UINT_MAX ? UINT_MAX : (unsigned)number;
}

int tr_source_bad(const struct tr_source *source, struct tr_diagnostic *ret_diagnostic,
		  const char *key, const char *format, ...)
{
	char message[512];
	va_list list;

	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	tr_diagnose(ret_diagnostic, source->path, line_number(source), 0, key, "%s", message);
	return TR_SOURCE_BAD;
}

void tr_source_stamp(struct tr_source *source, const char *text, size_t length)
{
	if (length >= TR_STAMP_MAX)
		length = TR_STAMP_MAX - 1;
	memcpy(source->stamp, text, length);
	source->stamp[length] = '\0';
}

static bool is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != ' ' && text[i] != '\t')
			return false;
	return true;
}

enum tr_source_result tr_source_line(struct tr_source *source, const char **ret_text,
				     size_t *ret_length, struct tr_diagnostic *ret_diagnostic)
{
	const char *text = NULL;
	size_t length = 0;

	for (;;) {
		switch (tr_lines_next(source->lines, &text, &length)) {
		case TR_LINES_END:
			return TR_SOURCE_END;
		case TR_LINES_LONG:
			tr_source_bad(source, ret_diagnostic, "",
				      "the line is longer than %zu bytes", source->kind->line_cap);
			return TR_SOURCE_BAD;
		case TR_LINES_ERROR:
			tr_diagnose(ret_diagnostic, source->path, 0, 0, "", "cannot be read: %s",
				    strerror(errno));
			return TR_SOURCE_BROKEN;
		default:
			break;
		}
		if (is_blank(text, length))
			continue;
		if (memchr(text, '\0', length)) {
			tr_source_bad(source, ret_diagnostic, "",
				      "the line holds a NUL byte; expected text");
			return TR_SOURCE_BAD;
		}
		*ret_text = text;
		*ret_length = length;
		return TR_SOURCE_ROW;
	}
}

/* Nothing at all, or no text? */
static int look(struct tr_source *source, struct tr_diagnostic *ret_diagnostic)
{
	const unsigned char *bytes;
	size_t length = tr_lines_peek(source->lines, &bytes);

	if (source->lines->failed)
		return tr_diagnose(ret_diagnostic, source->path, 0, 0, "", "cannot be read: %s",
				   strerror(errno));
	if (length == 0)
		return tr_diagnose(ret_diagnostic, source->path, 0, 0, "", "the file is empty");
	for (size_t i = 0; i < TR_ARRAY_LENGTH(foreign); i++)
		if (length >= foreign[i].length &&
		    memcmp(bytes, foreign[i].bytes, foreign[i].length) == 0)
			return tr_diagnose(ret_diagnostic, source->path, 0, 0, "", "%s",
					   foreign[i].text);
	return 0;
}

static int begin(struct tr_source *source, struct tr_diagnostic *ret_diagnostic)
{
	if (source->kind->line_cap > 0) {
		struct tr_lines *lines = malloc(sizeof(*lines));

		if (!lines || tr_lines_init(lines, source->file, source->kind->line_cap) < 0) {
			free(lines);
			return tr_diagnose(ret_diagnostic, source->path, 0, 0, "",
					   "not enough memory");
		}
		source->lines = lines;
		if (look(source, ret_diagnostic) < 0)
			return -1;
	}
	return source->kind->begin ? source->kind->begin(source, ret_diagnostic) : 0;
}

int tr_source_open(enum tr_trace_format format, const char *path, FILE *file, bool skip_bad,
		   struct tr_source **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_source *source = calloc(1, sizeof(*source));

	TR_ASSERT(format < TR_TRACE_FORMAT_COUNT);
	TR_ASSERT(file != NULL);
	if (!source)
		return tr_diagnose(ret_diagnostic, path, 0, 0, "", "not enough memory");
	source->kind = kinds[format];
	source->path = path;
	source->file = file;
	source->skip_bad = skip_bad;
	if (begin(source, ret_diagnostic) < 0) {
		tr_source_close(source);
		return -1;
	}
	*ret = source;
	return 0;
}

void tr_source_close(struct tr_source *source)
{
	if (!source)
		return;
	if (source->kind->end)
		source->kind->end(source);
	tr_lines_done(source->lines);
	free(source->lines);
	free(source);
}

uint64_t tr_source_bytes(const struct tr_source *source)
{
	if (source->kind->bytes)
		return source->kind->bytes(source);
	return source->lines ? source->lines->bytes : 0;
}

/* The fields of a row that a format does not have stay at these. */
static void clear_row(struct tr_source *source)
{
	memset(&source->row, 0, offsetof(struct tr_trace_row, tenant));
	source->row.tenant[0] = '\0';
	source->row.session[0] = '\0';
	source->row.model[0] = '\0';
	source->stamp[0] = '\0';
	source->adjusted = false;
}

static enum tr_source_result take_row(struct tr_source *source,
				      struct tr_diagnostic *ret_diagnostic)
{
	enum tr_source_result result;

	clear_row(source);
	result = source->kind->next(source, ret_diagnostic);
	if (result != TR_SOURCE_ROW)
		return result;
	TR_ASSERT(source->row.tokens_in >= 1);
	TR_ASSERT(source->row.tokens_out >= 1 || source->row.failed);
	if (source->counts.rows > 0 && source->row.arrival < source->arrival_before) {
		char here[TR_FOUND_MAX], before[TR_FOUND_MAX];

		return tr_source_bad(
			source, ret_diagnostic, source->kind->stamp_key,
			"found %s, expected no earlier than the row before (%s)",
			tr_found(source->stamp, strlen(source->stamp), here),
			tr_found(source->stamp_before, strlen(source->stamp_before), before));
	}
	return TR_SOURCE_ROW;
}

static int finish(struct tr_source *source, struct tr_diagnostic *ret_diagnostic)
{
	source->ended = true;
	if (source->counts.rows > 0)
		return 0;
	if (source->counts.skipped > 0)
		return tr_diagnose(ret_diagnostic, source->path, 0, 0, "",
				   "no rows: all %llu are malformed",
				   (unsigned long long)source->counts.skipped);
	return tr_diagnose(ret_diagnostic, source->path, 0, 0, "", "no rows");
}

int tr_source_next(struct tr_source *source, const struct tr_trace_row **ret_row,
		   struct tr_diagnostic *ret_diagnostic)
{
	struct tr_diagnostic diagnostic;

	if (source->ended)
		return 0;
	for (;;) {
		switch (take_row(source, &diagnostic)) {
		case TR_SOURCE_END:
			return finish(source, ret_diagnostic);
		case TR_SOURCE_ROW:
			source->counts.rows++;
			source->counts.adjusted += source->adjusted;
			source->arrival_before = source->row.arrival;
			memcpy(source->stamp_before, source->stamp, TR_STAMP_MAX);
			*ret_row = &source->row;
			return 1;
		case TR_SOURCE_BAD:
			source->counts.skipped++;
			if (source->skip_bad)
				continue;
			source->counts.skipped = 0;
			break;
		case TR_SOURCE_BROKEN:
			break;
		}
		source->ended = true;
		*ret_diagnostic = diagnostic;
		return -1;
	}
}
