/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka needs the headers above. */
#include <cmocka.h>

#include "engine/base.h"
#include "engine/policy/number.h"
#include "engine/policy/suggest.h"
#include "engine/random.h"

static void test_decimals_become_exact_fixed_point(void **state)
{
	static const struct {
		const char *text;
		unsigned scale;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"0", 9, 0},
		{"7", 0, 7},
		{"0.15", 6, 150000},
		{"0.1", 9, 100000000},
		{"2.50", 1, 25},
		{"2.000000000000", 0, 2},
		{"10.0", 0, 10},
		{"100", 2, 10000},
		{"0.000001", 6, 1},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073.709551615", 9, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(cases); i++) {
		uint64_t value = 99;

		assert_int_equal(tr_number_parse(cases[i].text, strlen(cases[i].text),
						 cases[i].scale, &value),
				 TR_NUMBER_OK);
		assert_int_equal(value, cases[i].value);
	}
}

static void test_what_is_no_plain_number_is_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned scale;
		enum tr_number_error error;
	} cases[] = {
		{"", 0, TR_NUMBER_NOT},
		{"-", 0, TR_NUMBER_NOT},
		{"+1", 0, TR_NUMBER_NOT},
		{"1e3", 0, TR_NUMBER_NOT},
		{"0x10", 0, TR_NUMBER_NOT},
		{"007", 0, TR_NUMBER_NOT},
		{"00", 0, TR_NUMBER_NOT},
		{"1_000", 0, TR_NUMBER_NOT},
		{".5", 3, TR_NUMBER_NOT},
		{"5.", 3, TR_NUMBER_NOT},
		{"1.2.3", 3, TR_NUMBER_NOT},
		{" 1", 0, TR_NUMBER_NOT},
		{"1 ", 0, TR_NUMBER_NOT},
		{"nan", 0, TR_NUMBER_NOT},
		{"-1", 0, TR_NUMBER_NEGATIVE},
		{"-0.5", 3, TR_NUMBER_NEGATIVE},
		{"0.15", 1, TR_NUMBER_FRACTION},
		{"1.5", 0, TR_NUMBER_FRACTION},
		{"18446744073709551616", 0, TR_NUMBER_TOO_LARGE},
		{"18446744073709551615", 1, TR_NUMBER_TOO_LARGE},
		{"99999999999999999999999999999999", 9, TR_NUMBER_TOO_LARGE},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(cases); i++) {
		uint64_t value = 99;

		assert_int_equal(tr_number_parse(cases[i].text, strlen(cases[i].text),
						 cases[i].scale, &value),
				 cases[i].error);
		assert_int_equal(value, 99);
	}
}

static void test_every_number_survives_its_text(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		uint64_t bits = tr_draw(seed, 0, TR_PURPOSE_TEST, 0);
		uint64_t value = bits >> (seed % 64), again = 0;
		unsigned scale = (unsigned)(seed % 10);
		char text[TR_NUMBER_TEXT_MAX];

		tr_number_text(value, scale, text);
		assert_int_equal(tr_number_parse(text, strlen(text), scale, &again), TR_NUMBER_OK);
		assert_int_equal(again, value);
	}
}

static const char *nearest(const char *typed)
{
	static const char *const words[] = {"quality", "price", "fallback", "endpoints", "a"};
	struct tr_suggest suggest;

	tr_suggest_begin(&suggest, typed);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(words); i++)
		tr_suggest_offer(&suggest, words[i]);
	return suggest.best ? suggest.best : "none";
}

static void test_the_nearest_name_is_suggested(void **state)
{
	(void)state;
	assert_string_equal(nearest("qualty"), "quality");
	assert_string_equal(nearest("qaulity"), "quality");
	assert_string_equal(nearest("QUALITY"), "quality");
	assert_string_equal(nearest("prices"), "price");
	assert_string_equal(nearest("fall_back"), "fallback");
	assert_string_equal(nearest("endpiont"), "endpoints");
}

static void test_a_name_that_is_far_from_all_gets_no_suggestion(void **state)
{
	char longest[400];

	(void)state;
	memset(longest, 'q', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_string_equal(nearest("temperature"), "none");
	assert_string_equal(nearest("z"), "none");
	assert_string_equal(nearest(""), "none");
	assert_string_equal(nearest(longest), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimals_become_exact_fixed_point),
		cmocka_unit_test(test_what_is_no_plain_number_is_refused),
		cmocka_unit_test(test_every_number_survives_its_text),
		cmocka_unit_test(test_the_nearest_name_is_suggested),
		cmocka_unit_test(test_a_name_that_is_far_from_all_gets_no_suggestion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
