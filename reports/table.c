/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/table.h"

#include <string.h>

#include "reports/terminal.h"

#define GAP  "  "
#define BOLD "\033[1m"
#define END  "\033[0m"

unsigned tr_report_table_row(struct tr_report_table *table)
{
	if (table->rows < TR_TABLE_ROWS_MAX)
		table->rows++;
	memset(table->cells[table->rows - 1], 0, sizeof table->cells[0]);
	return table->rows - 1;
}

void tr_report_table_cell(struct tr_report_table *table, unsigned column, const char *text)
{
	if (table->rows == 0 || column >= TR_TABLE_COLUMNS_MAX)
		return;
	tr_text_tame(text, table->cells[table->rows - 1][column], TR_TABLE_CELL_MAX);
	if (column >= table->columns)
		table->columns = column + 1;
}

static void print_cell(FILE *stream, const char *text, size_t width, bool left)
{
	int pad = (int)(width - tr_text_columns(text));

	if (left)
		fprintf(stream, "%s%*s", text, pad, "");
	else
		fprintf(stream, "%*s%s", pad, "", text);
}

void tr_report_table_print(const struct tr_report_table *table, FILE *stream, bool head,
			   bool colors)
{
	size_t widths[TR_TABLE_COLUMNS_MAX] = {0};

	for (unsigned row = 0; row < table->rows; row++)
		for (unsigned column = 0; column < table->columns; column++) {
			size_t width = tr_text_columns(table->cells[row][column]);

			widths[column] = width > widths[column] ? width : widths[column];
		}
	for (unsigned row = 0; row < table->rows; row++) {
		unsigned last = table->columns;

		/* No blanks at the end of a line. */
		while (last > 0 && !table->cells[row][last - 1][0])
			last--;
		if (head && row == 0 && colors)
			fputs(BOLD, stream);
		for (unsigned column = 0; column < last; column++) {
			fputs(GAP, stream);
			if (column == 0 && last == 1)
				fputs(table->cells[row][0], stream);
			else
				print_cell(stream, table->cells[row][column], widths[column],
					   column == 0);
		}
		if (head && row == 0 && colors)
			fputs(END, stream);
		fputc('\n', stream);
	}
}
