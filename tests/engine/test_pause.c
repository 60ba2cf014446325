/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must never trip a breaker: back-pressure, which pauses the endpoint instead, a client's
 * mistake, and an attempt that was aborted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene_breaker.h"

#define GOOD false

static void end(uint64_t job, bool bad)
{
	if (bad)
		assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0), 0);
	else
		assert_int_equal(tr_stage_complete(&stage, job, 1), 0);
}

/* RES-1, RES-5: 429 and 503 pause; the endpoint is asked again when it said. */
static void test_back_pressure_pauses_and_never_trips(void **state)
{
	uint64_t waits;

	(void)state;
	set_up(1);
	plan.policy.breaker.consecutive = 1;
	plan.policy.breaker.requests_min = 1;
	start();
	for (int i = 0; i < 20; i++) {
		enum tr_cause cause = i % 2 ? TR_CAUSE_RATE_LIMITED : TR_CAUSE_OVERLOADED;

		assert_int_equal(tr_stage_fail(&stage, submit(), cause, 3 * TR_SECOND), 0);
		waits = submit();
		assert_int_equal(tr_stage_dispatches(&stage, waits), 0);
		tr_stage_wait(&stage, 3 * TR_SECOND - 1);
		assert_int_equal(tr_stage_dispatches(&stage, waits), 0);
		tr_stage_wait(&stage, 1);
		assert_int_equal(tr_stage_dispatches(&stage, waits), 1);
		end(waits, GOOD);
	}
	assert_int_equal(tr_stage_counts(&stage).breaker_trips, 0);
	tr_stage_done(&stage);
}

static void test_a_pause_is_cut_to_the_longest_and_has_a_default(void **state)
{
	uint64_t waits;

	(void)state;
	set_up(1);
	plan.policy.retry.retry_after_ns_max = 5 * TR_SECOND;
	start();
	tr_stage_fail(&stage, submit(), TR_CAUSE_RATE_LIMITED, TR_DAY);
	waits = submit();
	tr_stage_wait(&stage, 5 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, waits), 1);
	tr_stage_fail(&stage, waits, TR_CAUSE_RATE_LIMITED, 0);
	waits = submit();
	tr_stage_wait(&stage, plan.policy.retry.backoff_ns - 1);
	assert_int_equal(tr_stage_dispatches(&stage, waits), 0);
	tr_stage_wait(&stage, 1);
	assert_int_equal(tr_stage_dispatches(&stage, waits), 1);
	tr_stage_done(&stage);
}

/* RES-5: the longer of two wishes holds, and whoever waits for it is woken by it. */
static void test_a_pause_that_was_made_longer_wakes_who_waits(void **state)
{
	uint64_t first, second, waits;

	(void)state;
	set_up(1);
	start();
	first = submit();
	second = submit();
	tr_stage_fail(&stage, first, TR_CAUSE_RATE_LIMITED, TR_SECOND);
	tr_stage_fail(&stage, second, TR_CAUSE_RATE_LIMITED, 2 * TR_SECOND);
	waits = submit();
	tr_stage_wait(&stage, 2 * TR_SECOND - 1);
	assert_int_equal(tr_stage_dispatches(&stage, waits), 0);
	tr_stage_wait(&stage, 1);
	assert_int_equal(tr_stage_dispatches(&stage, waits), 1);
	tr_stage_done(&stage);
}

/* RES-1 */
static void test_a_clients_mistake_counts_for_nobody(void **state)
{
	(void)state;
	set_up(1);
	plan.policy.breaker.consecutive = 1;
	plan.policy.breaker.requests_min = 1;
	start();
	for (int i = 0; i < 10; i++) {
		tr_stage_fail(&stage, submit(), TR_CAUSE_BAD_REQUEST, 0);
		tr_stage_fail(&stage, submit(), TR_CAUSE_CREDENTIALS, 0);
		tr_stage_cancel(&stage, submit(), TR_CAUSE_CANCEL_DISCONNECT);
	}
	assert_int_equal(window_of(0).requests, 0);
	assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
	tr_stage_done(&stage);
}

/* RES-1, RES-3 */
static void test_a_canceled_hedge_counts_for_nobody(void **state)
{
	uint32_t sum = 0;

	(void)state;
	set_up(2);
	plan.policy.breaker.consecutive = 1;
	plan.intents[0].hedge = 1;
	plan.policy.hedge.delay_ns = TR_SECOND;
	plan.policy.hedge.attempts = 1;
	start();
	for (int i = 0; i < 6; i++) {
		uint64_t job = submit();

		tr_stage_wait(&stage, TR_SECOND);
		assert_int_equal(tr_stage_dispatches(&stage, job), 2);
		end(job, GOOD);
		tr_stage_wait(&stage, TR_MS);
	}
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(window_of(i).faults, 0);
		assert_int_equal(breaker_of(i), TR_BREAKER_CLOSED);
		sum += window_of(i).requests;
	}
	assert_int_equal(sum, 6);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_pressure_pauses_and_never_trips),
		cmocka_unit_test(test_a_pause_is_cut_to_the_longest_and_has_a_default),
		cmocka_unit_test(test_a_pause_that_was_made_longer_wakes_who_waits),
		cmocka_unit_test(test_a_clients_mistake_counts_for_nobody),
		cmocka_unit_test(test_a_canceled_hedge_counts_for_nobody),
	};

	return cmocka_run_group_tests_name("pause", tests, NULL, NULL);
}
