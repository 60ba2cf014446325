/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace files of JSON lines: one object a line, its members found by name.
 */
#ifndef TR_TRACES_JSON_LINES_H
#define TR_TRACES_JSON_LINES_H

#include <jansson.h>

#include "traces/source.h"

/* Longest line. */
#define TR_JSON_LINE_MAX (1u << 20)

/* One member of the line's object. */
struct tr_json_member {
	const char *name;
	const json_t *value;
	const char *line;
	size_t length;
};

struct tr_json_field {
	const char *name;
	bool required; /* an optional one may be absent or null */
	const char *expected;
	/* Put the value into source->row; false if it is not what is expected. */
	bool (*take)(struct tr_source *source, const struct tr_json_member *member);
};

struct tr_json_format {
	const struct tr_json_field *fields;
	size_t field_count;
	bool closed; /* no other members may be there */
	/* What one field alone cannot tell; NULL: nothing. */
	enum tr_source_result (*check)(struct tr_source *source,
				       struct tr_diagnostic *ret_diagnostic);
};

/* For the rows of tr_source_kind. */
enum tr_source_result tr_json_next(struct tr_source *source, const struct tr_json_format *format,
				   struct tr_diagnostic *ret_diagnostic);

/* The number as it is written: *ret_at is not terminated, and points into the line or into `text`.
 * False if the member is no number. */
bool tr_json_number(const struct tr_json_member *member, char text[TR_STAMP_MAX],
		    const char **ret_at, size_t *ret_length);

#endif
