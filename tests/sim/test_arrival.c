/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offered load is checked against configured load, for each process.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/random.h"
#include "sim/workload.h"

#define START TR_WORKLOAD_EPOCH

struct moments {
	double rate; /* per second */
	double cv;   /* of the gaps */
};

static struct moments measure(const struct tr_process *process, uint64_t seed, uint64_t count)
{
	struct tr_process_clock clock;
	tr_time_ns last = START;
	double squares = 0, mean;

	tr_process_start(&clock, process, seed, START);
	for (uint64_t key = 1; key <= count; key++) {
		tr_time_ns time = tr_process_next(&clock, key);
		double gap = (double)(time - last) / 1e9;

		assert_true(time >= last);
		squares += gap * gap;
		last = time;
	}
	mean = (double)(last - START) / 1e9 / (double)count;
	return (struct moments){1 / mean,
				sqrt(fmax(squares / (double)count - mean * mean, 0)) / mean};
}

/* SIM-2 */
static void test_constant_arrivals_keep_their_rate_to_the_nanosecond(void **state)
{
	const struct tr_process process = {.kind = TR_PROCESS_CONSTANT, .rate_micro = 3000000};
	struct tr_process_clock clock;
	tr_time_ns time = 0;

	(void)state;
	tr_process_start(&clock, &process, 1, START);
	for (uint64_t key = 1; key <= 300000; key++)
		time = tr_process_next(&clock, key);
	/* 2^-16 ns lost at most each time. */
	assert_in_range(START + 100000 * TR_SECOND - time, 0, 5);
}

static void test_poisson_and_gamma_gaps_have_their_mean_and_variation(void **state)
{
	static const struct {
		enum tr_gamma shape;
		double cv;
	} rows[] = {
		{TR_GAMMA_0_25, 2}, {TR_GAMMA_0_5, 1.41421356}, {TR_GAMMA_1, 1},
		{TR_GAMMA_4, 0.5},  {TR_GAMMA_16, 0.25},
	};
	struct tr_process process = {.kind = TR_PROCESS_POISSON, .rate_micro = 7500000};
	struct moments got = measure(&process, 11, 400000);

	(void)state;
	assert_true(fabs(got.rate / 7.5 - 1) < 0.01);
	assert_true(fabs(got.cv - 1) < 0.01);
	process.kind = TR_PROCESS_GAMMA;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		process.shape = rows[i].shape;
		got = measure(&process, 12, 400000);
		assert_true(fabs(got.rate / 7.5 - 1) < 0.02);
		assert_true(fabs(got.cv / rows[i].cv - 1) < 0.02);
	}
}

static void test_bursts_keep_the_mean_and_vary_more(void **state)
{
	struct tr_process process = {.kind = TR_PROCESS_BURSTY,
				     .rate_micro = 20000000,
				     .burst_ns = 2 * TR_SECOND,
				     .pause_ns = 6 * TR_SECOND,
				     .burst_milli = 4000};
	struct moments got = measure(&process, 13, 2000000);

	(void)state;
	assert_true(tr_process_bursts_fit(&process));
	assert_true(fabs(got.rate / 20 - 1) < 0.03);
	/* An interrupted Poisson process with rate r in bursts, left at rate a, entered at rate b,
	 * has cv^2 = 1 + 2 r a / (a + b)^2 (Kuczura 1973): 1 + 2 x 80 x 0.5 / (0.5 + 1/6)^2 = 181.
	 */
	assert_true(fabs(got.cv * got.cv / 181 - 1) < 0.05);
	process.burst_milli = 4001;
	assert_false(tr_process_bursts_fit(&process));
	process.burst_milli = 1000;
	got = measure(&process, 13, 400000);
	assert_true(fabs(got.cv - 1) < 0.01);
}

static void test_a_diurnal_rate_swings_around_its_mean(void **state)
{
	const struct tr_process process = {.kind = TR_PROCESS_DIURNAL,
					   .rate_micro = 50000000,
					   .swing_permille = 800,
					   .period_ns = 1000 * TR_SECOND};
	struct tr_process_clock clock;
	uint64_t quarters[4] = {0}, all = 0;

	(void)state;
	tr_process_start(&clock, &process, 14, START);
	for (uint64_t key = 1;; key++) {
		tr_time_ns time = tr_process_next(&clock, key) - START;

		if (time >= 10000 * TR_SECOND)
			break;
		/* Quarters around peak, middle, trough, middle. */
		quarters[(time + 875 * TR_SECOND) % process.period_ns / (250 * TR_SECOND)]++;
		all++;
	}
	assert_true(fabs((double)all / 500000 - 1) < 0.01);
	/* Mean of 1 + 0.8 sin over the quarter around the peak: 1 + 0.8 x 0.9003. */
	assert_true(fabs((double)quarters[0] / 125000 - 1.7203) < 0.02);
	assert_true(fabs((double)quarters[2] / 125000 - 0.2797) < 0.02);
}

static void test_tenants_and_sizes_move_no_arrival(void **state)
{
	const struct tr_workload_share tenants[] = {{"a", 1, 3}, {"b", 2, 1}};
	struct tr_synthetic_options options = {
		.seed = 9,
		.start = START,
		.process = {.kind = TR_PROCESS_POISSON, .rate_micro = 5000000},
		.tokens_in = tr_sizes_in_default,
		.tokens_out = tr_sizes_out_default,
		.requests_max = 40000,
	};
	struct tr_synthetic plain, shared;
	struct tr_workload left, right;
	struct tr_arrival a, b;
	uint64_t first = 0, count = 0;

	(void)state;
	tr_synthetic_init(&plain, &options);
	options.labels = (struct tr_workload_labels){.tenants = tenants, .tenant_count = 2};
	options.tokens_out = (struct tr_sizes){.count = 1, .knots = {{0, 5}}};
	tr_synthetic_init(&shared, &options);
	left = tr_synthetic_workload(&plain);
	right = tr_synthetic_workload(&shared);
	while (left.next(left.self, &a, NULL) == 1) {
		assert_int_equal(right.next(right.self, &b, NULL), 1);
		assert_true(a.time == b.time);
		assert_int_equal(a.tokens_in, b.tokens_in);
		assert_int_equal(b.tokens_out, 5);
		assert_true(a.tenant == 0);
		first += b.tenant == 1;
		count++;
	}
	assert_int_equal(count, 40000);
	assert_int_equal(right.next(right.self, &b, NULL), 0);
	assert_in_range(first, 29500, 30500);
}

static void test_profiles_intents_and_sessions_move_no_tenant(void **state)
{
	const struct tr_workload_share tenants[] = {{"a", 1, 3}, {"b", 2, 1}};
	const struct tr_workload_share profiles[] = {{"fast", 7, 1}, {"slow", 8, 4}};
	const struct tr_workload_share intents[] = {{"ask", 2, 1}, {"write", 3, 2}};
	const struct tr_workload_share sessions[] = {{"x", 4, 1}, {"y", 5, 1}, {"z", 6, 1}};
	const struct tr_workload_labels plain = {.tenants = tenants, .tenant_count = 2};
	const struct tr_workload_labels full = {.tenants = tenants,
						.profiles = profiles,
						.intents = intents,
						.sessions = sessions,
						.tenant_count = 2,
						.profile_count = 2,
						.intent_count = 2,
						.session_count = 3};
	uint64_t fast = 0, ask = 0, first = 0;

	(void)state;
	for (uint64_t number = 1; number <= 30000; number++) {
		struct tr_arrival a = {0}, b = {0};

		tr_workload_label(&plain, 9, number, &a);
		tr_workload_label(&full, 9, number, &b);
		assert_true(a.tenant == b.tenant);
		assert_true(a.profile == 0);
		assert_true(a.intent == 0);
		assert_true(a.session == 0);
		fast += b.profile == 7;
		ask += b.intent == 2;
		first += b.session == 4;
		assert_string_equal(b.session_text, sessions[b.session - 4].text);
	}
	assert_in_range(fast, 5700, 6300);
	assert_in_range(ask, 9700, 10300);
	assert_in_range(first, 9700, 10300);
}

static void test_a_duration_ends_a_workload(void **state)
{
	struct tr_synthetic_options options = {
		.seed = 9,
		.start = START,
		.process = {.kind = TR_PROCESS_CONSTANT, .rate_micro = 10000000},
		.tokens_in = tr_sizes_in_default,
		.tokens_out = tr_sizes_out_default,
		.duration = 5 * TR_SECOND,
	};
	struct tr_synthetic synthetic;
	struct tr_workload workload;
	struct tr_arrival arrival = {0};
	unsigned count = 0;

	(void)state;
	tr_synthetic_init(&synthetic, &options);
	workload = tr_synthetic_workload(&synthetic);
	while (workload.next(workload.self, &arrival, NULL) == 1)
		count++;
	assert_int_equal(count, 49);
	assert_true(arrival.time < START + 5 * TR_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant_arrivals_keep_their_rate_to_the_nanosecond),
		cmocka_unit_test(test_poisson_and_gamma_gaps_have_their_mean_and_variation),
		cmocka_unit_test(test_bursts_keep_the_mean_and_vary_more),
		cmocka_unit_test(test_a_diurnal_rate_swings_around_its_mean),
		cmocka_unit_test(test_tenants_and_sizes_move_no_arrival),
		cmocka_unit_test(test_profiles_intents_and_sessions_move_no_tenant),
		cmocka_unit_test(test_a_duration_ends_a_workload),
	};

	return cmocka_run_group_tests_name("sim arrival", tests, NULL, NULL);
}
