/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floating point is fine here: what is tested is integers, and within a tolerance.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/random.h"
#include "sim/quantile.h"

static const double shapes[TR_GAMMA_COUNT] = {
	[TR_GAMMA_0_1] = 0.1, [TR_GAMMA_0_25] = 0.25, [TR_GAMMA_0_5] = 0.5, [TR_GAMMA_1] = 1,
	[TR_GAMMA_2] = 2,     [TR_GAMMA_4] = 4,	      [TR_GAMMA_16] = 16,
};

static double unit(uint64_t q32)
{
	return (double)q32 / 4294967296.0;
}

/* The n-th moment of the interpolated distribution, exactly: cell by cell. */
static double table_moment(enum tr_gamma shape, int n)
{
	double sum = 0;

	for (int half = 0; half < 2; half++)
		for (int i = 0; i + 1 < TR_QUANTILE_KNOTS; i++) {
			double a = tr_gamma_knots[shape][half][i] / 16777216.0;
			double b = tr_gamma_knots[shape][half][i + 1] / 16777216.0;
			int octave = TR_QUANTILE_OCTAVES - 1 - (i - 1) / TR_QUANTILE_CELLS;
			double weight = i == 0 ? ldexp(1, -TR_QUANTILE_OCTAVES - 1)
					       : ldexp(1, -octave - 2) / TR_QUANTILE_CELLS;
			double power = 0;

			for (int k = 0; k <= n; k++)
				power += pow(a, k) * pow(b, n - k);
			sum += weight * power / (n + 1);
		}
	return sum;
}

/* SIM-2 */
static void test_tables_have_the_moments_of_the_gamma_distribution(void **state)
{
	(void)state;
	for (enum tr_gamma shape = 0; shape < TR_GAMMA_COUNT; shape++) {
		double mean = table_moment(shape, 1);
		double variance = table_moment(shape, 2) - mean * mean;

		assert_true(fabs(mean - 1) < 1e-6);
		assert_true(fabs(variance * shapes[shape] - 1) < 1e-3);
	}
}

static void test_draws_have_the_moments_of_the_tables(void **state)
{
	const uint64_t count = 2000000;

	(void)state;
	for (enum tr_gamma shape = TR_GAMMA_0_5; shape < TR_GAMMA_COUNT; shape++) {
		double sum = 0, squares = 0, mean;

		for (uint64_t i = 0; i < count; i++) {
			double x = unit(tr_gamma_variate(shape, tr_draw(1, i, TR_PURPOSE_TEST, 0)));

			sum += x;
			squares += x * x;
		}
		mean = sum / (double)count;
		/* Four standard errors of 1/sqrt(count x shape), and some for the variance. */
		assert_true(fabs(mean - 1) < 4 / sqrt((double)count * shapes[shape]));
		assert_true(fabs((squares / (double)count - mean * mean) * shapes[shape] - 1) <
			    0.02);
	}
}

static void test_the_exponential_quantiles_are_logarithms(void **state)
{
	(void)state;
	for (int i = 1; i < 1000; i++) {
		double u = i / 1000.0, want = -log1p(-u);
		double got = unit(tr_exponential_variate((uint64_t)(u * 18446744073709551616.0)));

		assert_true(fabs(got - want) < 3e-4 * (1 + want));
	}
}

static void test_variates_grow_with_their_bits(void **state)
{
	(void)state;
	for (enum tr_gamma shape = 0; shape < TR_GAMMA_COUNT; shape++) {
		uint64_t last = 0;

		for (uint64_t i = 0; i < 100000; i++) {
			uint64_t x = tr_gamma_variate(shape, i * (UINT64_MAX / 99999));

			assert_true(x >= last);
			last = x;
		}
		assert_true(tr_gamma_variate(shape, UINT64_MAX) >= last);
		assert_true(tr_gamma_variate(shape, 0) <= tr_gamma_variate(shape, 1));
	}
}

static void test_sizes_have_the_quantiles_that_were_asked_for(void **state)
{
	const struct tr_sizes sizes = {4,
				       {{0, 10}, {500000, 100}, {900000, 1000}, {1000000, 2000}}};
	const struct tr_sizes constant = {1, {{0, 77}}};
	uint32_t below100 = 0, below1000 = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		uint32_t size = tr_sizes_variate(&sizes, tr_draw(5, i, TR_PURPOSE_TEST, 0));

		assert_in_range(size, 10, 2000);
		below100 += size < 100;
		below1000 += size < 1000;
	}
	assert_in_range(below100, 49500, 50500);
	assert_in_range(below1000, 89700, 90300);
	assert_int_equal(tr_sizes_variate(&sizes, 0), 10);
	assert_int_equal(tr_sizes_variate(&sizes, UINT64_MAX), 2000);
	assert_int_equal(tr_sizes_variate(&constant, UINT64_MAX), 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_have_the_moments_of_the_gamma_distribution),
		cmocka_unit_test(test_draws_have_the_moments_of_the_tables),
		cmocka_unit_test(test_the_exponential_quantiles_are_logarithms),
		cmocka_unit_test(test_variates_grow_with_their_bits),
		cmocka_unit_test(test_sizes_have_the_quantiles_that_were_asked_for),
	};

	return cmocka_run_group_tests_name("sim quantile", tests, NULL, NULL);
}
