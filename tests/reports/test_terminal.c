/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "reports/table.h"
#include "reports/terminal.h"

static void test_thousands_stand_in_groups(void **state)
{
	char text[TR_NUMBER_WIDTH_MAX];

	(void)state;
	assert_string_equal(tr_number_grouped(0, text), "0");
	assert_string_equal(tr_number_grouped(999, text), "999");
	assert_string_equal(tr_number_grouped(1000, text), "1,000");
	assert_string_equal(tr_number_grouped(1234567, text), "1,234,567");
	assert_string_equal(tr_number_grouped(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

static void test_decimals_are_rounded_and_nonsense_is_a_dash(void **state)
{
	char text[TR_NUMBER_WIDTH_MAX];

	(void)state;
	assert_string_equal(tr_number_decimal(1234.5678, 1, text), "1,234.6");
	assert_string_equal(tr_number_decimal(0.0005, 3, text), "0.001");
	assert_string_equal(tr_number_decimal(9.995, 0, text), "10");
	assert_string_equal(tr_number_decimal(-1, 1, text), "-");
	assert_string_equal(tr_number_decimal(NAN, 1, text), "-");
	assert_string_equal(tr_number_decimal(INFINITY, 1, text), "-");
	assert_string_equal(tr_number_decimal(1e300, 6, text), "-");
	assert_string_equal(tr_number_decimal(1, 7, text), "-");
}

static void test_no_control_character_reaches_a_terminal(void **state)
{
	char text[32];

	(void)state;
	tr_text_tame("a\033[31mb\n\x7f", text, sizeof text);
	assert_string_equal(text, "a?[31mb??");
	/* A C1 control written as UTF-8, and a letter that shares its first byte. */
	tr_text_tame("x\xc2\x9b"
		     "1m \xc2\xa9",
		     text, sizeof text);
	assert_string_equal(text, "x??1m \xc2\xa9");
	tr_text_tame("", text, sizeof text);
	assert_string_equal(text, "");
}

static void test_texts_are_cut_between_characters(void **state)
{
	char text[5];

	(void)state;
	tr_text_tame("ab\xe2\x82\xac", text, sizeof text);
	assert_string_equal(text, "ab");
	tr_text_tame("a\xe2\x82\xac", text, sizeof text);
	assert_string_equal(text, "a\xe2\x82\xac");
	assert_int_equal(tr_text_columns("a\xe2\x82\xac"), 2);
}

static void test_columns_line_up(void **state)
{
	static struct tr_report_table table;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	(void)state;
	assert_non_null(stream);
	tr_report_table_row(&table);
	tr_report_table_cell(&table, 1, "n");
	tr_report_table_row(&table);
	tr_report_table_cell(&table, 0, "caf\xc3\xa9");
	tr_report_table_cell(&table, 1, "1,000");
	tr_report_table_row(&table);
	tr_report_table_cell(&table, 0, "x");
	tr_report_table_cell(&table, 1, "2");
	tr_report_table_print(&table, stream, true, false);
	(void)fclose(stream);
	assert_string_equal(text, "            n\n  caf\xc3\xa9  1,000\n  x         2\n");
	free(text);
}

static void test_colour_is_not_for_files(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_false(tr_terminal_colors(file));
	(void)fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thousands_stand_in_groups),
		cmocka_unit_test(test_decimals_are_rounded_and_nonsense_is_a_dash),
		cmocka_unit_test(test_no_control_character_reaches_a_terminal),
		cmocka_unit_test(test_texts_are_cut_between_characters),
		cmocka_unit_test(test_columns_line_up),
		cmocka_unit_test(test_colour_is_not_for_files),
	};

	return cmocka_run_group_tests_name("reports terminal", tests, NULL, NULL);
}
