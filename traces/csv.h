/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace files in CSV: columns found by their names in the head, in any order; columns that the
 * format does not know are passed over.
 */
#ifndef TR_TRACES_CSV_H
#define TR_TRACES_CSV_H

#include "traces/source.h"

/* Longest line and most columns of a file. */
#define TR_CSV_LINE_MAX	   65536
#define TR_CSV_COLUMNS_MAX 256

struct tr_csv_column {
	const char *name;
	bool required;	      /* an optional one is left out of rows or of the whole file */
	const char *expected; /* "a whole number from 1 to 2147483647" */
	/* Put the field into source->row; false if it is not what is expected. */
	bool (*take)(struct tr_source *source, const char *text, size_t length);
};

struct tr_csv_format {
	const struct tr_csv_column *columns;
	size_t column_count; /* at most 16 */
	/* What one column alone cannot tell; NULL: nothing. */
	enum tr_source_result (*check)(struct tr_source *source,
				       struct tr_diagnostic *ret_diagnostic);
};

/* For the rows of tr_source_kind. */
int tr_csv_begin(struct tr_source *source, const struct tr_csv_format *format,
		 struct tr_diagnostic *ret_diagnostic);
enum tr_source_result tr_csv_next(struct tr_source *source, struct tr_diagnostic *ret_diagnostic);
void tr_csv_end(struct tr_source *source);

#endif
