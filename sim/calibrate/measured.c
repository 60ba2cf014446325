/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of JSON lines, and what is common to both sources: order, clock, caps.
 */
#include "sim/calibrate/measured.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "engine/policy/suggest.h"
#include "traces/decimal.h"
#include "traces/found.h"
#include "traces/json_lines.h"
#include "traces/lines.h"

#define SECOND_DIGITS 9

enum kind {
	SECONDS,
	TOKENS
};

struct field {
	const char *name;
	enum kind kind;
	bool required;
	size_t offset; /* in struct tr_measured_row */
};

static const struct field fields[] = {
	{"arrival_time", SECONDS, false, offsetof(struct tr_measured_row, arrival)},
	{"queued_ts", SECONDS, false, offsetof(struct tr_measured_row, queued)},
	{"scheduled_ts", SECONDS, false, offsetof(struct tr_measured_row, scheduled)},
	{"first_token_ts", SECONDS, true, offsetof(struct tr_measured_row, first)},
	{"last_token_ts", SECONDS, true, offsetof(struct tr_measured_row, last)},
	{"input_toks", TOKENS, true, offsetof(struct tr_measured_row, tokens_in)},
	{"output_toks", TOKENS, true, offsetof(struct tr_measured_row, tokens_out)},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

static const char *const expected[] = {
	[SECONDS] = "seconds above 0",
	[TOKENS] = "a whole number from 1 to 16777216",
};

struct reader {
	const char *path;
	struct tr_lines lines;
	const char *text;
	size_t length;
	struct tr_diagnostic *diagnostic;
};

static int bad(struct reader *reader, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int bad(struct reader *reader, const char *name, const char *format, ...)
{
	char key[64] = "", message[256];
	va_list list;

	va_start(list, format);
	vsnprintf(message, sizeof message, format, list);
	va_end(list);
	if (name)
		snprintf(key, sizeof key, "field '%s'", name);
	return tr_diagnose(reader->diagnostic, reader->path,
			   (unsigned)tr_min(reader->lines.number, UINT32_MAX), 0, key, "%s",
			   message);
}

/* ------------------------------------------------------------------------------------- one row */

static bool take(const struct field *field, const struct tr_json_member *member, char *row)
{
	char number[TR_STAMP_MAX];
	const char *at;
	size_t length;
	bool exact = true;
	uint64_t value;

	if (!tr_json_number(member, number, &at, &length))
		return false;
	if (field->kind == SECONDS) {
		if (tr_decimal_parse(at, length, SECOND_DIGITS, TR_TRACE_TIME_MAX, &value, NULL) <
		    0)
			return false;
		memcpy(row + field->offset, &value, sizeof value);
		return value > 0;
	}
	if (tr_decimal_parse(at, length, 0, TR_MEASURED_TOKENS_MAX, &value, &exact) < 0)
		return false;
	memcpy(row + field->offset, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
	return exact && value > 0;
}

/* A member that is near to the name: most likely a slip of the pen. */
static int missing(struct reader *reader, const struct field *field, json_t *object)
{
	struct tr_suggest suggest;
	const char *name;
	json_t *value;

	tr_suggest_begin(&suggest, field->name);
	json_object_foreach(object, name, value) tr_suggest_offer(&suggest, name);
	return bad(reader, field->name, "missing, expected %s%s%s%s", expected[field->kind],
		   suggest.best ? "; is it '" : "", suggest.best ? suggest.best : "",
		   suggest.best ? "'?" : "");
}

static int wrong(struct reader *reader, const struct field *field, const json_t *value)
{
	char shown[TR_FOUND_MAX];
	char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);

	bad(reader, field->name, "found %s, expected %s",
	    tr_found(dump ? dump : "", dump ? strlen(dump) : 0, shown), expected[field->kind]);
	free(dump);
	return -1;
}

static int take_fields(struct reader *reader, json_t *object, struct tr_measured_row *row)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct field *field = &fields[i];
		json_t *value = json_object_get(object, field->name);
		struct tr_json_member member = {field->name, value, reader->text, reader->length};

		if (!value && !field->required)
			continue;
		if (!value)
			return missing(reader, field, object);
		if (!take(field, &member, (char *)row))
			return wrong(reader, field, value);
	}
	if (!row->arrival && !row->queued)
		return bad(reader, "arrival_time",
			   "missing, and so is 'queued_ts': one of both must "
			   "say when the request came");
	if (!row->queued)
		row->queued = row->arrival;
	if (!row->arrival)
		row->arrival = row->queued;
	return 0;
}

/* The times of a row, in the order in which they must stand. */
static int check_order(struct reader *reader, const struct tr_measured_row *row)
{
	const struct {
		const char *name;
		tr_time_ns time;
	} times[] = {
		{"queued_ts", row->queued},
		{"scheduled_ts", row->scheduled ? row->scheduled : row->queued},
		{"first_token_ts", row->first},
		{"last_token_ts", row->last},
	};

	for (size_t i = 1; i < sizeof times / sizeof times[0]; i++)
		if (times[i].time < times[i - 1].time)
			return bad(reader, times[i].name, "is %" PRIu64 " us before '%s'",
				   (times[i - 1].time - times[i].time + 999) / 1000,
				   times[i - 1].name);
	if (row->tokens_out > 1 && row->first == row->last)
		return bad(reader, "last_token_ts",
			   "is that of the first token, and there are %" PRIu32 " of them",
			   row->tokens_out);
	return 0;
}

static bool is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(" \t\r", text[i]) || text[i] == '\0')
			return false;
	return true;
}

static int take_row(struct reader *reader, struct tr_measured *measured)
{
	struct tr_measured_row row = {.line = reader->lines.number};
	json_error_t error;
	json_t *object = json_loadb(reader->text, reader->length, JSON_REJECT_DUPLICATES, &error);
	int err;

	if (!object)
		return bad(reader, NULL, "is not JSON: %.160s", error.text);
	err = json_is_object(object) ? take_fields(reader, object, &row)
				     : bad(reader, NULL, "is not a JSON object, one a request");
	json_decref(object);
	if (err < 0 || check_order(reader, &row) < 0)
		return -1;
	if (measured->count == 0)
		measured->scheduled = row.scheduled > 0;
	if (measured->scheduled != (row.scheduled > 0))
		return bad(reader, "scheduled_ts", "%s in this row, and %s in those before",
			   row.scheduled ? "there" : "missing",
			   row.scheduled ? "missing" : "there");
	return tr_measured_add(measured, &row, reader->diagnostic);
}

/* ------------------------------------------------------------------------------------- all rows */

int tr_measured_add(struct tr_measured *measured, const struct tr_measured_row *row,
		    struct tr_diagnostic *ret_diagnostic)
{
	uint32_t count = measured->count;
	struct tr_measured_row *rows = measured->rows;

	if (count == TR_MEASURED_ROWS_MAX)
		return tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL, "more than %d requests",
				   TR_MEASURED_ROWS_MAX);
	/* Room for 256, 512, 1024, ... */
	if (count == 0 || (count >= 256 && (count & (count - 1)) == 0)) {
		rows = realloc(rows, (count ? 2 * (size_t)count : 256) * sizeof *rows);
		if (!rows)
			return tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL, "not enough memory");
		measured->rows = rows;
	}
	rows[measured->count++] = *row;
	return 0;
}

static int read_lines(FILE *file, const char *path, struct tr_measured *ret,
		      struct tr_diagnostic *ret_diagnostic)
{
	struct reader reader = {.path = path, .diagnostic = ret_diagnostic};
	int result, err = 0;

	if (tr_lines_init(&reader.lines, file, TR_JSON_LINE_MAX) < 0)
		return tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "not enough memory");
	while (err == 0 && (result = tr_lines_next(&reader.lines, &reader.text, &reader.length)) !=
				   TR_LINES_END) {
		if (result == TR_LINES_ERROR)
			err = tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "%s", strerror(errno));
		else if (result == TR_LINES_LONG)
			err = bad(&reader, NULL, "is longer than %u bytes", TR_JSON_LINE_MAX);
		else if (!is_blank(reader.text, reader.length))
			err = take_row(&reader, ret);
	}
	tr_lines_done(&reader.lines);
	return err;
}

static int by_arrival(const void *a, const void *b)
{
	const struct tr_measured_row *left = a, *right = b;

	if (left->arrival != right->arrival)
		return left->arrival < right->arrival ? -1 : 1;
	return left->line < right->line ? -1 : left->line > right->line;
}

static bool is_recording(FILE *file)
{
	int c = getc(file);

	ungetc(c, file);
	return c != EOF && c != '{' && c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != 0xEF;
}

int tr_measured_read(const char *path, const char *endpoint, struct tr_measured *ret,
		     struct tr_diagnostic *ret_diagnostic)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "rbe");
	struct tr_measured measured = {0};
	int err;

	if (!file)
		return tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "%s", strerror(errno));
	*ret_diagnostic = (struct tr_diagnostic){0};
	if (is_recording(file))
		err = tr_measured_read_recording(file, path, endpoint, &measured, ret_diagnostic);
	else if (endpoint)
		err = tr_diagnose(ret_diagnostic, path, 0, 0, NULL,
				  "an endpoint is to be chosen, and this is no recording");
	else
		err = read_lines(file, path, &measured, ret_diagnostic);
	if (!standard)
		fclose(file);
	if (err == 0 && measured.count == 0)
		err = tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "no request is in it");
	if (err < 0) {
		if (!ret_diagnostic->path[0])
			snprintf(ret_diagnostic->path, sizeof ret_diagnostic->path, "%s", path);
		tr_measured_done(&measured);
		return -1;
	}
	qsort(measured.rows, measured.count, sizeof measured.rows[0], by_arrival);
	*ret = measured;
	return 0;
}

void tr_measured_done(struct tr_measured *measured)
{
	free(measured->rows);
	*measured = (struct tr_measured){0};
}

/* ------------------------------------------------------------------------------------ the clock */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void tr_measured_align(struct tr_measured *measured, uint32_t count)
{
	struct tr_measured_row *rows = measured->rows;
	int64_t least = INT64_MAX, zero;

	TR_ASSERT(count > 0);
	TR_ASSERT(count <= measured->count);
	for (uint32_t i = 0; i < count; i++)
		least = earlier(least, (int64_t)rows[i].queued - (int64_t)rows[i].arrival);
	zero = (int64_t)rows[0].arrival + least;
	for (uint32_t i = 0; i < measured->count; i++)
		zero = earlier(zero, (int64_t)rows[i].queued);
	for (uint32_t i = 0; i < measured->count; i++) {
		struct tr_measured_row *row = &rows[i];

		row->arrival = (tr_time_ns)((int64_t)row->arrival + least - zero);
		row->queued = (tr_time_ns)((int64_t)row->queued - zero);
		row->arrival = tr_min(row->arrival, row->queued);
		if (row->scheduled)
			row->scheduled = (tr_time_ns)((int64_t)row->scheduled - zero);
		row->first = (tr_time_ns)((int64_t)row->first - zero);
		row->last = (tr_time_ns)((int64_t)row->last - zero);
	}
	qsort(rows, measured->count, sizeof *rows, by_arrival);
}
