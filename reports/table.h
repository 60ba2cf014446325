/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An aligned table of short cells: the first column to the left, the others to the right.
 */
#ifndef TR_REPORTS_TABLE_H
#define TR_REPORTS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#define TR_TABLE_COLUMNS_MAX 12
#define TR_TABLE_ROWS_MAX    40
#define TR_TABLE_CELL_MAX    48

struct tr_report_table {
	unsigned rows;
	unsigned columns; /* of the widest row */
	char cells[TR_TABLE_ROWS_MAX][TR_TABLE_COLUMNS_MAX][TR_TABLE_CELL_MAX];
};

/* Begin a row; its number. Beyond the cap the last row is written anew. */
unsigned tr_report_table_row(struct tr_report_table *table);
/* Fill a cell of the last row; the text is tamed and cut to size. */
void tr_report_table_cell(struct tr_report_table *table, unsigned column, const char *text);
/* Print; with `head` the first row is underlined or emphasised. */
void tr_report_table_print(const struct tr_report_table *table, FILE *stream, bool head,
			   bool colors);

#endif
