/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 4180, strictly, but for one thing: a quoted field ends on the line on which it began. No
 * field that we read may hold a line break, and so one forgotten quote spoils one row, not all that
 * follow. Refused: a quote inside a field that is not quoted, text behind a closing quote, a
 * carriage return that ends no line, a row with more or fewer fields than the head.
 */
#include "traces/csv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/policy/suggest.h"
#include "traces/found.h"
#include "traces/lines.h"

#define NOWHERE	     SIZE_MAX
#define COLUMNS_HERE 16

struct field {
	const char *text;
	size_t length;
};

struct csv {
	const struct tr_csv_format *format;
	size_t place[COLUMNS_HERE]; /* of each of the format's columns in a row */
	size_t head_count;
	size_t count; /* fields of the row at hand */
	struct field fields[TR_CSV_COLUMNS_MAX];
	char unquoted[TR_CSV_LINE_MAX]; /* quoted fields without their quotes */
};

/* The field in quotes at *at, which is moved behind it; its text goes to *into. */
static const char *take_quoted(const char **at, const char *end, char **into, struct field *ret)
{
	char *begin = *into;
	const char *p = *at + 1;

	for (;;) {
		const char *quote = memchr(p, '"', (size_t)(end - p));

		if (!quote)
			return "a quote is not closed on its line";
		memcpy(*into, p, (size_t)(quote - p));
		*into += quote - p;
		p = quote + 1;
		if (p == end || *p != '"')
			break;
		*(*into)++ = '"';
		p++;
	}
	if (p < end && *p != ',')
		return "text follows a closing quote; expected a comma";
	*at = p;
	*ret = (struct field){begin, (size_t)(*into - begin)};
	return NULL;
}

static const char *take_plain(const char **at, const char *end, struct field *ret)
{
	const char *comma = memchr(*at, ',', (size_t)(end - *at));
	size_t length = (size_t)((comma ? comma : end) - *at);

	if (memchr(*at, '"', length))
		return "a quote stands inside a field; expected the whole field in quotes";
	if (memchr(*at, '\r', length))
		return "a carriage return stands inside the line; expected LF or CRLF ends";
	*ret = (struct field){*at, length};
	*at += length;
	return NULL;
}

/* Cut the line into fields. NULL, or what is wrong with it. */
static const char *cut(struct csv *csv, const char *text, size_t length)
{
	const char *at = text, *end = text + length, *wrong;
	char *into = csv->unquoted;

	csv->count = 0;
	for (;;) {
		struct field *field = &csv->fields[csv->count];

		if (csv->count == TR_CSV_COLUMNS_MAX)
			return "more than 256 fields";
		wrong = at < end && *at == '"' ? take_quoted(&at, end, &into, field)
					       : take_plain(&at, end, field);
		if (wrong)
			return wrong;
		csv->count++;
		if (at == end)
			return NULL;
		at++;
	}
}

static bool is_named(const struct field *field, const char *name)
{
	return field->length == strlen(name) && memcmp(field->text, name, field->length) == 0;
}

static bool is_known(const struct tr_csv_format *format, const struct field *field)
{
	for (size_t c = 0; c < format->column_count; c++)
		if (is_named(field, format->columns[c].name))
			return true;
	return false;
}

/* The unknown column that the missing one may have been meant to be. */
static const struct field *nearest_column(const struct csv *csv, const char *name)
{
	const struct field *nearest = NULL;
	size_t distance = SIZE_MAX;

	for (size_t i = 0; i < csv->count; i++) {
		const struct field *field = &csv->fields[i];
		struct tr_suggest suggest;
		char word[TR_FOUND_MAX];

		if (is_known(csv->format, field))
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)tr_min(field->length, sizeof(word)),
			 field->text);
		if (strcasecmp(word, name) == 0)
			return field;
		tr_suggest_begin(&suggest, word);
		tr_suggest_offer(&suggest, name);
		if (!suggest.best || suggest.distance >= distance)
			continue;
		nearest = field;
		distance = suggest.distance;
	}
	return nearest;
}

static int complain_missing(struct tr_source *source, const struct csv *csv, const char *name,
			    struct tr_diagnostic *ret_diagnostic)
{
	const struct field *nearest = nearest_column(csv, name);
	char list[256] = "", shown[TR_FOUND_MAX];
	size_t length = 0, i;
	bool any = nearest != NULL;

	for (i = 0; i < csv->count; i++)
		any = any || is_known(csv->format, &csv->fields[i]);
	for (i = 0; i < csv->count && length < sizeof(list) - TR_FOUND_MAX; i++)
		length += (size_t)snprintf(
			list + length, sizeof(list) - length, "%s%s", i ? ", " : "",
			tr_found(csv->fields[i].text, csv->fields[i].length, shown));
	tr_source_bad(source, ret_diagnostic, "", "no column '%s'; found %s%s%s%s", name, list,
		      i < csv->count ? ", ..." : "", nearest ? "; nearest: " : "",
		      nearest ? tr_found(nearest->text, nearest->length, shown)
		      : any   ? ""
			      : "; the first line must name the columns");
	return -1;
}

static int find_columns(struct tr_source *source, struct csv *csv,
			struct tr_diagnostic *ret_diagnostic)
{
	for (size_t c = 0; c < csv->format->column_count; c++) {
		const struct tr_csv_column *column = &csv->format->columns[c];

		csv->place[c] = NOWHERE;
		for (size_t i = 0; i < csv->count; i++) {
			if (!is_named(&csv->fields[i], column->name))
				continue;
			if (csv->place[c] != NOWHERE) {
				tr_source_bad(source, ret_diagnostic, "",
					      "column '%s' is there twice", column->name);
				return -1;
			}
			csv->place[c] = i;
		}
		if (column->required && csv->place[c] == NOWHERE)
			return complain_missing(source, csv, column->name, ret_diagnostic);
	}
	csv->head_count = csv->count;
	return 0;
}

int tr_csv_begin(struct tr_source *source, const struct tr_csv_format *format,
		 struct tr_diagnostic *ret_diagnostic)
{
	struct csv *csv = malloc(sizeof(*csv));
	const char *text, *wrong;
	size_t length;

	TR_ASSERT(format->column_count <= COLUMNS_HERE);
	if (!csv)
		return tr_diagnose(ret_diagnostic, source->path, 0, 0, "", "not enough memory");
	csv->format = format;
	source->state = csv;
	switch (tr_source_line(source, &text, &length, ret_diagnostic)) {
	case TR_SOURCE_ROW:
		break;
	case TR_SOURCE_END:
		return tr_diagnose(ret_diagnostic, source->path, 0, 0, "", "the file is empty");
	case TR_SOURCE_BAD:
	case TR_SOURCE_BROKEN:
		return -1;
	}
	wrong = cut(csv, text, length);
	if (wrong) {
		tr_source_bad(source, ret_diagnostic, "", "%s", wrong);
		return -1;
	}
	return find_columns(source, csv, ret_diagnostic);
}

enum tr_source_result tr_csv_next(struct tr_source *source, struct tr_diagnostic *ret_diagnostic)
{
	struct csv *csv = source->state;
	const char *text, *wrong;
	size_t length;
	enum tr_source_result result = tr_source_line(source, &text, &length, ret_diagnostic);

	if (result != TR_SOURCE_ROW)
		return result;
	source->row.line = source->lines->number;
	wrong = cut(csv, text, length);
	if (wrong)
		return tr_source_bad(source, ret_diagnostic, "", "%s", wrong);
	if (csv->count != csv->head_count)
		return tr_source_bad(source, ret_diagnostic, "",
				     "found %zu fields, expected %zu as in the head", csv->count,
				     csv->head_count);
	for (size_t c = 0; c < csv->format->column_count; c++) {
		const struct tr_csv_column *column = &csv->format->columns[c];
		const struct field *field;
		char key[64], shown[TR_FOUND_MAX];

		if (csv->place[c] == NOWHERE)
			continue;
		field = &csv->fields[csv->place[c]];
		if (column->take(source, field->text, field->length))
			continue;
		snprintf(key, sizeof(key), "column '%s'", column->name);
		return tr_source_bad(source, ret_diagnostic, key, "found %s, expected %s",
				     tr_found(field->text, field->length, shown), column->expected);
	}
	return csv->format->check ? csv->format->check(source, ret_diagnostic) : TR_SOURCE_ROW;
}

void tr_csv_end(struct tr_source *source)
{
	free(source->state);
}
