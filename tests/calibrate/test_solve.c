/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/random.h"
#include "sim/calibrate/solve.h"

#define COUNT 60

static const double terms[TR_TERM_COUNT] = {[TR_TERM_STEP] = 0.02,
					    [TR_TERM_PREFILL] = 1e-4,
					    [TR_TERM_SEQUENCE] = 2e-4,
					    [TR_TERM_CONTEXT] = 1e-7};

static double draw(uint64_t number, double most)
{
	return (double)(tr_mix(number) % 1000 + 1) / 1000 * most;
}

/* Steps, prompt tokens, sequences and contexts that have nothing to do with each other. */
static void fill(struct tr_equation equations[COUNT])
{
	static const double most[TR_TERM_COUNT] = {[TR_TERM_STEP] = 500,
						   [TR_TERM_PREFILL] = 50000,
						   [TR_TERM_SEQUENCE] = 20000,
						   [TR_TERM_CONTEXT] = 3e7};

	memset(equations, 0, COUNT * sizeof *equations);
	for (unsigned i = 0; i < COUNT; i++) {
		equations[i].weight = 1;
		for (unsigned t = 0; t <= TR_TERM_CONTEXT; t++) {
			equations[i].x[t] = draw(100 * i + t, most[t]);
			equations[i].time += equations[i].x[t] * terms[t];
		}
	}
}

static void assert_near(double found, double is, double share)
{
	if (found < is - share * is || found > is + share * is)
		fail_msg("%g, and it is %g", found, is);
}

/* SIM-3 */
static void test_exact_times_have_exact_terms(void **state)
{
	struct tr_equation equations[COUNT];
	struct tr_solution solution;

	(void)state;
	fill(equations);
	assert_int_equal(tr_solve(equations, COUNT, &solution), 0);
	for (unsigned t = 0; t < TR_TERM_COUNT; t++)
		assert_near(solution.terms[t], terms[t], 1e-4);
}

/* SIM-3 */
static void test_a_few_rows_that_something_delayed_change_little(void **state)
{
	struct tr_equation equations[COUNT];
	struct tr_solution solution;

	(void)state;
	fill(equations);
	for (unsigned i = 0; i < COUNT; i += 10)
		equations[i].time *= 3;
	assert_int_equal(tr_solve(equations, COUNT, &solution), 0);
	for (unsigned t = 0; t <= TR_TERM_CONTEXT; t++)
		assert_near(solution.terms[t], terms[t], 0.02);
}

/* SIM-3 */
static void test_parts_that_always_come_together_have_large_errors(void **state)
{
	struct tr_equation equations[COUNT];
	struct tr_solution solution, judged;

	(void)state;
	fill(equations);
	for (unsigned i = 0; i < COUNT; i++) {
		double *x = equations[i].x;

		equations[i].time -= x[TR_TERM_CONTEXT] * terms[TR_TERM_CONTEXT];
		x[TR_TERM_CONTEXT] = 1000 * x[TR_TERM_SEQUENCE] * (1 + draw(i, 1e-4));
		equations[i].time += x[TR_TERM_CONTEXT] * terms[TR_TERM_CONTEXT];
		equations[i].time *= 0.99 + draw(7 * i, 0.02);
	}
	assert_int_equal(tr_solve(equations, COUNT, &solution), 0);
	assert_int_equal(tr_solve_judge(equations, COUNT, terms, &judged), 0);
	assert_true(judged.error[TR_TERM_SEQUENCE] > 0.5);
	assert_int_equal(judged.mistaken[TR_TERM_SEQUENCE], TR_TERM_CONTEXT);
	assert_true(judged.error[TR_TERM_STEP] < 0.02);
}

/* SIM-3 */
static void test_no_part_is_below_zero(void **state)
{
	struct tr_equation equations[COUNT];
	struct tr_solution solution;

	(void)state;
	fill(equations);
	for (unsigned i = 0; i < COUNT; i++)
		equations[i].time -=
			0.5 * equations[i].x[TR_TERM_PREFILL] * terms[TR_TERM_PREFILL] +
			3e-5 * equations[i].x[TR_TERM_SEQUENCE];
	assert_int_equal(tr_solve(equations, COUNT, &solution), 0);
	for (unsigned t = 0; t < TR_TERM_COUNT; t++)
		assert_true(solution.terms[t] >= 0);
}

static void test_fewer_rows_than_parts_are_refused(void **state)
{
	struct tr_equation equations[COUNT];
	struct tr_solution solution;

	(void)state;
	fill(equations);
	assert_int_equal(tr_solve(equations, TR_TERM_COUNT - 1, &solution), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_times_have_exact_terms),
		cmocka_unit_test(test_a_few_rows_that_something_delayed_change_little),
		cmocka_unit_test(test_parts_that_always_come_together_have_large_errors),
		cmocka_unit_test(test_no_part_is_below_zero),
		cmocka_unit_test(test_fewer_rows_than_parts_are_refused),
	};

	return cmocka_run_group_tests_name("calibrate solve", tests, NULL, NULL);
}
