/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the truth is known, the simulator is held to it. With one output token, no prompt time and
 * full noise a server is an exponential one; behind Poisson arrivals that is M/M/c, and the mean
 * wait is Erlang's (1917). The tolerance is that of a finite run near saturation.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/world.h"

#define REQUESTS  200000
#define SERVICE_S 1.0

struct waits {
	double sum_s;
	uint64_t count;
};

static void add_wait(void *self, const struct tr_engine *engine, const struct tr_event *event,
		     const struct tr_actions *actions)
{
	struct waits *waits = self;

	(void)engine;
	(void)event;
	for (uint32_t i = 0; i < actions->count; i++)
		if (actions->items[i].kind == TR_ACTION_JOB_FINISH) {
			waits->sum_s += (double)actions->items[i].job_finish.queue / 1e9;
			waits->count++;
		}
}

/* Mean wait in a queue of c servers at load rho, in service times. */
static double erlang_wait(int c, double rho)
{
	double a = c * rho, term = 1, sum = 1, delayed;

	for (int k = 1; k < c; k++) {
		term *= a / k;
		sum += term;
	}
	term *= a / c / (1 - rho);
	delayed = term / (sum + term);
	return delayed / (c * (1 - rho));
}

static double simulated_wait(uint32_t c, double rho, uint32_t noise_permille)
{
	static struct world world;
	static struct tr_result result;
	struct waits waits = {0};

	world_init(&world, 21, 1, c);
	world.class.queue_limit = 1 << 16;
	world.servers[0].profile = (struct tr_server_profile){
		.ttft_base_ns = TR_SECOND,
		.prefill_milli = TR_SECOND * 1000,
		.service_noise_permille = noise_permille,
	};
	world.options.requests_max = REQUESTS;
	world.options.tokens_in.knots[0].value = 1;
	world.options.tokens_out.knots[0].value = 1;
	world.options.process.rate_micro = (uint64_t)(rho * c / SERVICE_S * 1e6);
	world_run_observed(&world, add_wait, &waits, &result);
	assert_int_equal(waits.count, REQUESTS);
	assert_int_equal(result.all.completed, REQUESTS);
	return waits.sum_s / (double)waits.count;
}

/* SIM-3 */
static void test_exponential_servers_have_erlangs_waits(void **state)
{
	static const struct {
		uint32_t servers;
		double rho;
		double tolerance;
	} rows[] = {
		{1, 0.3, 0.03}, {1, 0.7, 0.04}, {1, 0.9, 0.10},
		{4, 0.5, 0.04}, {4, 0.8, 0.05}, {16, 0.9, 0.08},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		double want = erlang_wait((int)rows[i].servers, rows[i].rho) * SERVICE_S;
		double got = simulated_wait(rows[i].servers, rows[i].rho, 1000);

		print_message("# M/M/%u at %.1f: wait %.4f s, Erlang %.4f s\n", rows[i].servers,
			      rows[i].rho, got, want);
		assert_true(fabs(got / want - 1) < rows[i].tolerance);
	}
}

/* Pollaczek and Khinchine: half the wait of exponential service. */
static void test_constant_servers_wait_half_as_long(void **state)
{
	double want = erlang_wait(1, 0.7) / 2, got = simulated_wait(1, 0.7, 0);

	(void)state;
	assert_true(fabs(got / want - 1) < 0.04);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exponential_servers_have_erlangs_waits),
		cmocka_unit_test(test_constant_servers_wait_half_as_long),
	};

	return cmocka_run_group_tests_name("sim queueing", tests, NULL, NULL);
}
