/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces from texts, for the tests of the readers.
 */
#ifndef TR_TESTS_TRACES_ROWS_H
#define TR_TESTS_TRACES_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/policy/diagnostic.h"
#include "traces/trace.h"

#define PLAIN                                                                                      \
	{                                                                                          \
		.amplify_milli = 1000, .repeat = 1                                                 \
	}

/* What reading a text came to: rows up to a cap, and how it ended. */
struct rows {
	struct tr_trace_row *rows;
	size_t count;
	int end; /* 0, or -1 with the diagnostic as text */
	char wrong[1024];
	struct tr_trace_counts counts;
};

#define ROWS_MAX 200000

static inline struct rows read_stream(enum tr_trace_format format, FILE *stream,
				      const struct tr_trace_options *options)
{
	struct rows rows = {.end = -1};
	struct tr_diagnostic diagnostic;
	struct tr_trace *trace;
	size_t capacity = 0;

	assert_non_null(stream);
	if (tr_trace_open_stream(format, "t", stream, options, &trace, &diagnostic) < 0) {
		tr_diagnostic_text(&diagnostic, rows.wrong, sizeof(rows.wrong));
		return rows;
	}
	for (;;) {
		if (rows.count == capacity) {
			capacity = capacity ? 2 * capacity : 16;
			rows.rows = realloc(rows.rows, capacity * sizeof(*rows.rows));
			assert_non_null(rows.rows);
		}
		rows.end = tr_trace_next(trace, &rows.rows[rows.count], &diagnostic);
		if (rows.end <= 0)
			break;
		rows.count++;
		assert_true(rows.count < ROWS_MAX);
	}
	if (rows.end < 0)
		tr_diagnostic_text(&diagnostic, rows.wrong, sizeof(rows.wrong));
	rows.counts = tr_trace_counts(trace);
	tr_trace_close(trace);
	return rows;
}

static inline struct rows read_bytes(enum tr_trace_format format, const void *bytes, size_t length,
				     const struct tr_trace_options *options)
{
	return read_stream(format, fmemopen((void *)(uintptr_t)bytes, length, "r"), options);
}

static inline struct rows read_text(enum tr_trace_format format, const char *text,
				    const struct tr_trace_options *options)
{
	return read_bytes(format, text, strlen(text), options);
}

static inline void free_rows(struct rows *rows)
{
	free(rows->rows);
	rows->rows = NULL;
}

#endif
