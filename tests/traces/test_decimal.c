/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimals and dates to integers: the same text is the same number everywhere. (SIM-2)
 */
#include "engine/random.h"
#include "tests/traces/rows.h"
#include "traces/decimal.h"

struct decimal_case {
	const char *text;
	unsigned scale;
	int64_t value; /* -1: refused */
	bool exact;
};

static void test_decimals_are_exact_integers(void **state) /* SIM-2 */
{
	static const struct decimal_case cases[] = {
		{"0", 9, 0, true},
		{"0.0", 9, 0, true},
		{"0e99", 9, 0, true},
		{"12", 0, 12, true},
		{"0012", 0, 12, true},
		{"12.0", 0, 12, true},
		{"12.5", 0, 13, false},
		{"12.4999999999999999999999999", 0, 12, false},
		{"0.20793754160099873", 9, 207937542, false},
		{"599.9831114123588", 9, 599983111412, false},
		{"1e-05", 9, 10000, true},
		{"1E-05", 9, 10000, true},
		{"5e-10", 9, 1, false},
		{"4.9e-10", 9, 0, false},
		{"1e-9999", 9, 0, false},
		{"3.0E+2", 0, 300, true},
		{"3.25e1", 0, 33, false},
		{"0.000000000000000000000000000000000001e36", 0, 1, true},
		{"1000000000000000000000000000000000000e-36", 0, 1, true},
		{"9223372036854775807", 0, INT64_MAX, true},
		{"9223372036854775808", 0, -1, false},
		{"9223372036.854775807", 9, INT64_MAX, true},
		{"9223372036.8547758075", 9, -1, false},
		{"99999999999999999999", 0, -1, false},
		{"1e30", 0, -1, false},
		{"1e9999", 0, -1, false},
		{"1e10000", 0, -1, false},
		{"", 0, -1, false},
		{".5", 0, -1, false},
		{"5.", 0, -1, false},
		{".", 0, -1, false},
		{"-1", 0, -1, false},
		{"+1", 0, -1, false},
		{" 1", 0, -1, false},
		{"1 ", 0, -1, false},
		{"1,5", 0, -1, false},
		{"1_000", 0, -1, false},
		{"0x10", 0, -1, false},
		{"1e", 0, -1, false},
		{"1e+", 0, -1, false},
		{"1.2.3", 0, -1, false},
		{"nan", 0, -1, false},
		{"inf", 0, -1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct decimal_case *c = &cases[i];
		uint64_t value = 77;
		bool exact = true;
		int got = tr_decimal_parse(c->text, strlen(c->text), c->scale, TR_TRACE_TIME_MAX,
					   &value, &exact);

		if (got != (c->value < 0 ? -1 : 0) ||
		    (got == 0 && (value != (uint64_t)c->value || exact != c->exact)) ||
		    (got < 0 && value != 77))
			fail_msg("'%s': %d, %llu, exact %d", c->text, got,
				 (unsigned long long)value, exact);
	}
}

static void test_digits_beyond_sixty_four_change_nothing_but_exactness(void **state)
{
	char text[400];
	uint64_t value;
	bool exact;

	(void)state;
	memset(text, '0', sizeof(text));
	text[0] = '7';
	text[1] = '.';
	text[sizeof(text) - 1] = '1';
	assert_int_equal(tr_decimal_parse(text, sizeof(text), 9, UINT64_MAX, &value, &exact), 0);
	assert_true(value == 7000000000);
	assert_false(exact);
	text[sizeof(text) - 1] = '0';
	assert_int_equal(tr_decimal_parse(text, sizeof(text), 9, UINT64_MAX, &value, &exact), 0);
	assert_true(exact);
}

static void test_random_decimals_come_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t value, whole, part;
		char text[64];

		whole = tr_below(tr_draw(1, i, TR_PURPOSE_TEST, 0), 1000000000);
		part = tr_below(tr_draw(1, i, TR_PURPOSE_TEST, 1), 1000000000);
		snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)whole,
			 (unsigned long long)part);
		assert_int_equal(tr_decimal_parse(text, strlen(text), 9, UINT64_MAX, &value, NULL),
				 0);
		assert_true(value == whole * 1000000000 + part);
	}
}

struct clock_case {
	const char *text;
	int64_t seconds; /* -1: refused */
	uint32_t ns;
};

static void test_dates_are_nanoseconds_since_the_epoch(void **state) /* SIM-2 */
{
	static const struct clock_case cases[] = {
		{"1970-01-01 00:00:00", 0, 0},
		{"2023-11-16 18:17:03.9799600", 1700158623, 979960000},
		{"2023-11-16T18:17:03.9799600", 1700158623, 979960000},
		{"2023-11-16T18:17:03Z", 1700158623, 0},
		{"2024-05-10 00:00:00.009930+00:00", 1715299200, 9930000},
		{"2024-05-12 00:00:00+00:00", 1715472000, 0},
		{"2024-05-12 02:00:00+02:00", 1715472000, 0},
		{"2024-05-11 18:30:00-0530", 1715472000, 0},
		{"2024-05-12 01:00:00+01", 1715472000, 0},
		{"2024-02-29 12:00:00", 1709208000, 0},
		{"2000-02-29 00:00:00", 951782400, 0},
		{"2024-12-31 23:59:59.999999999", 1735689599, 999999999},
		{"2024-12-31 23:59:59.9999999999", 1735689600, 0},
		{"2024-03-01 00:00:00", 1709251200, 0},
		{"2023-03-01 00:00:00", 1677628800, 0},
		{"2261-12-31 23:59:59", 9214646399, 0},
		{"2023-02-29 12:00:00", -1, 0},
		{"2100-02-29 12:00:00", -1, 0},
		{"2024-04-31 12:00:00", -1, 0},
		{"2024-13-01 12:00:00", -1, 0},
		{"2024-00-01 12:00:00", -1, 0},
		{"2024-01-00 12:00:00", -1, 0},
		{"2024-01-01 24:00:00", -1, 0},
		{"2024-01-01 23:60:00", -1, 0},
		{"2024-01-01 23:59:60", -1, 0},
		{"1969-12-31 23:59:59", -1, 0},
		{"1970-01-01 00:00:00+01:00", -1, 0},
		{"2262-01-01 00:00:00", -1, 0},
		{"2024-01-01", -1, 0},
		{"2024-01-01 12:00", -1, 0},
		{"2024-01-01  12:00:00", -1, 0},
		{"2024-1-1 12:00:00", -1, 0},
		{"2024-01-01 12:00:00.", -1, 0},
		{"2024-01-01 12:00:00.5x", -1, 0},
		{"2024-01-01 12:00:00+", -1, 0},
		{"2024-01-01 12:00:00+1", -1, 0},
		{"2024-01-01 12:00:00+15:00", -1, 0},
		{"2024-01-01 12:00:00+01:60", -1, 0},
		{"2024-01-01 12:00:00 UTC", -1, 0},
		{"01/02/2024 12:00:00", -1, 0},
		{"", -1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct clock_case *c = &cases[i];
		tr_time_ns time = 77;
		int got = tr_clock_parse(c->text, strlen(c->text), &time);
		uint64_t wanted = c->seconds < 0 ? 77 : (uint64_t)c->seconds * TR_SECOND + c->ns;

		if (got != (c->seconds < 0 ? -1 : 0) || time != wanted)
			fail_msg("'%s': %d, %llu", c->text, got, (unsigned long long)time);
	}
}

static void test_dates_come_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char text[TR_CLOCK_TEXT_MAX];
		tr_time_ns time, back;

		time = tr_below(tr_draw(1, i, TR_PURPOSE_TEST, 0),
				UINT64_C(9214646400) * TR_SECOND);
		if (i % 2)
			time -= time % 100;
		tr_clock_format(time, text);
		assert_int_equal(strlen(text), i % 2 ? 27 : time % 100 ? 29 : 27);
		assert_int_equal(tr_clock_parse(text, strlen(text), &back), 0);
		assert_true(back == time);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimals_are_exact_integers),
		cmocka_unit_test(test_digits_beyond_sixty_four_change_nothing_but_exactness),
		cmocka_unit_test(test_random_decimals_come_back),
		cmocka_unit_test(test_dates_are_nanoseconds_since_the_epoch),
		cmocka_unit_test(test_dates_come_back),
	};

	return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
