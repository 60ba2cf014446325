/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The histogram against what it stands for: a sorted array of the same values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/histogram.h"
#include "engine/random.h"

#define VALUES 3000
#define TOP    ((UINT64_C(1) << TR_HISTOGRAM_TOP) - 1)

static struct tr_histogram histogram, other;
static uint64_t values[VALUES];

static void clear(void)
{
	histogram = other = (struct tr_histogram){0};
}

/* What a single value is shown as, when a larger one keeps the maximum out of the way. */
static uint64_t shown(uint64_t value)
{
	clear();
	tr_histogram_add(&histogram, value);
	tr_histogram_add(&histogram, TOP);
	return tr_histogram_quantile(&histogram, 5000);
}

static void check_value(uint64_t value)
{
	uint64_t as = shown(value);

	/* Never below it, and above it by a 128th of it at most. */
	assert_true(as >= value);
	assert_true((as - value) << TR_HISTOGRAM_BITS <= value);
}

static void test_every_value_is_shown_within_its_bound(void **state)
{
	(void)state;
	for (uint64_t value = 0; value < 4096; value++)
		check_value(value);
	for (uint32_t bit = 12; bit < TR_HISTOGRAM_TOP; bit++)
		for (uint64_t sub = 0; sub < 1u << (TR_HISTOGRAM_BITS + 1); sub++) {
			uint64_t cell =
				(UINT64_C(1) << bit) + (sub << (bit - TR_HISTOGRAM_BITS - 1));

			check_value(cell - 1);
			check_value(cell);
			check_value(tr_min(cell + tr_below(tr_draw(1, cell, TR_PURPOSE_TEST, sub),
							   UINT64_C(1) << (bit - 1)),
					   TOP));
		}
}

static void test_small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t value = 0; value < 1u << TR_HISTOGRAM_BITS; value++)
		assert_int_equal(shown(value), value);
}

static void test_the_largest_is_exact_and_beyond_the_top_is_the_top(void **state)
{
	(void)state;
	clear();
	assert_int_equal(tr_histogram_quantile(&histogram, 10000), 0);
	tr_histogram_add(&histogram, 1234567891);
	for (uint32_t at = 0; at <= 10000; at += 2500)
		assert_int_equal(tr_histogram_quantile(&histogram, at), 1234567891);
	tr_histogram_add(&histogram, UINT64_MAX);
	assert_true(histogram.max == UINT64_MAX);
	assert_true(histogram.sum == UINT64_MAX);
	assert_int_equal(tr_histogram_quantile(&histogram, 10000), TOP);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void test_a_quantile_is_that_of_the_sorted_values(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t count = 1 + tr_below(tr_draw(seed, 0, TR_PURPOSE_TEST, 0), VALUES);

		clear();
		for (uint64_t i = 0; i < count; i++) {
			uint64_t draw = tr_draw(seed, 1, TR_PURPOSE_TEST, i);

			values[i] = (draw >> 16) >> (draw % 48);
			tr_histogram_add(&histogram, values[i]);
		}
		qsort(values, count, sizeof *values, ascending);
		for (uint64_t at = 0; at <= 10000; at += 25) {
			/* The smallest value with at least this share at or below it. */
			uint64_t rank = (count * at + 9999) / 10000;
			uint64_t exact = values[rank ? rank - 1 : 0];
			uint64_t got = tr_histogram_quantile(&histogram, (uint32_t)at);

			assert_true(got >= exact);
			assert_true((got - exact) << TR_HISTOGRAM_BITS <= exact);
			assert_true(got <= values[count - 1]);
		}
		assert_true(tr_histogram_quantile(&histogram, 10000) == values[count - 1]);
	}
}

static void test_merging_is_adding(void **state)
{
	static struct tr_histogram together;

	(void)state;
	clear();
	together = (struct tr_histogram){0};
	for (uint64_t i = 0; i < 5000; i++) {
		uint64_t value = tr_draw(3, i, TR_PURPOSE_TEST, 0) >> (16 + i % 40);

		tr_histogram_add(i % 3 ? &histogram : &other, value);
		tr_histogram_add(&together, value);
	}
	tr_histogram_merge(&histogram, &other);
	assert_memory_equal(&histogram, &together, sizeof together);
	other = (struct tr_histogram){0};
	tr_histogram_merge(&histogram, &other);
	assert_memory_equal(&histogram, &together, sizeof together);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_value_is_shown_within_its_bound),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_the_largest_is_exact_and_beyond_the_top_is_the_top),
		cmocka_unit_test(test_a_quantile_is_that_of_the_sorted_values),
		cmocka_unit_test(test_merging_is_adding),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
