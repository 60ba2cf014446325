/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimals without floating point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/parse.h"
#include "engine/base.h"

static void test_number_is_exact_or_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned decimals;
		int result;
		uint64_t number;
	} rows[] = {
		{"0", 0, 0, 0},
		{"007", 0, 0, 7},
		{"18446744073709551615", 0, 0, UINT64_MAX},
		{"18446744073709551616", 0, -1, 0},
		{"1.5", 0, -1, 0},
		{"1.5", 3, 0, 1500},
		{"1.050", 3, 0, 1050},
		{"1.0501", 3, -1, 0},
		{"18446744073709551.615", 3, 0, UINT64_MAX},
		{"18446744073709551.616", 3, -1, 0},
		{"18446744073709552", 3, -1, 0},
		{"", 3, -1, 0},
		{".", 3, -1, 0},
		{".5", 3, -1, 0},
		{"5.", 3, -1, 0},
		{"1..2", 3, -1, 0},
		{"+1", 3, -1, 0},
		{"-1", 3, -1, 0},
		{" 1", 3, -1, 0},
		{"1e3", 3, -1, 0},
		{"0x10", 3, -1, 0},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		uint64_t number = 42;
		int result = tr_cli_number(rows[i].text, rows[i].decimals, &number);

		print_message("# '%s'\n", rows[i].text);
		assert_int_equal(result, rows[i].result);
		assert_true(number == (result == 0 ? rows[i].number : 42));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_is_exact_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
