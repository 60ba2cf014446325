/* SPDX-License-Identifier: Apache-2.0 */
/* RES-1: answers that begin too late open a breaker as faults do, by a share of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene_breaker.h"

/* A first token later than this is slow. */
#define SLOW (3 * TR_SECOND)

static void one(bool bad)
{
	uint64_t job = submit();

	if (bad)
		assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0), 0);
	else
		assert_int_equal(tr_stage_complete(&stage, job, 1), 0);
}

static void set_up_slow(uint32_t endpoints)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), endpoints, 20);
	plan.policy.breaker.consecutive = 0;
	plan.policy.breaker.requests_min = 10;
	plan.policy.breaker.slow_percent = 40;
	plan.policy.breaker.slow_ns = SLOW;
	plan.policy.breaker.window_ns = 1000 * TR_SECOND;
}

/* Dispatched now, its first token after a span; the rest of a stream does not matter. */
static void answer_after(tr_span_ns span, bool stream)
{
	uint64_t job = submit();

	tr_stage_wait(&stage, span);
	if (stream) {
		assert_int_equal(tr_stage_first_token(&stage, job), 0);
		tr_stage_wait(&stage, 2 * SLOW);
	}
	assert_int_equal(tr_stage_complete(&stage, job, 2), 0);
}

/* RES-1: of a stream the first token counts, of an answer in one piece all of it. */
static void test_an_answer_is_slow_by_its_first_token(void **state)
{
	(void)state;
	set_up_slow(1);
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	answer_after(SLOW, true);
	answer_after(SLOW, false);
	assert_int_equal(window_of(0).slow, 0);
	answer_after(SLOW + 1, true);
	assert_int_equal(window_of(0).slow, 1);
	answer_after(SLOW + 1, false);
	assert_int_equal(window_of(0).slow, 2);
	assert_int_equal(window_of(0).requests, 4);
	assert_int_equal(window_of(0).faults, 0);
	tr_stage_done(&stage);
}

/* RES-1: the same volume as errors need, and a share of its own; neither adds to the other. */
static void test_a_slow_rate_opens_at_its_percent_exactly(void **state)
{
	static const uint32_t rows[][2] = {{6, 4}, {7, 5}, {12, 8}, {0, 10}};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		set_up_slow(1);
		tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
		for (uint32_t k = 0; k < rows[i][0]; k++)
			one(k % 3 == 0);
		for (uint32_t k = 0; k < rows[i][1]; k++) {
			assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
			answer_after(SLOW + 1, true);
		}
		assert_int_equal(breaker_of(0), TR_BREAKER_OPEN);
		tr_stage_done(&stage);
	}
}

/* RES-1: by default no answer is slow; and a slow one is no fault. */
static void test_a_slow_answer_is_no_fault_and_none_is_slow_unless_the_policy_says(void **state)
{
	(void)state;
	set_up_slow(1);
	plan.policy.breaker.slow_ns = 0;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	for (int i = 0; i < 30; i++)
		answer_after(100 * TR_SECOND, false);
	assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
	tr_stage_done(&stage);

	set_up_slow(1);
	plan.policy.breaker.consecutive = 3;
	plan.policy.breaker.error_percent = 100;
	plan.policy.breaker.slow_percent = 100;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	for (int i = 0; i < 6; i++) {
		one(true);
		one(true);
		answer_after(SLOW + 1, true);
		assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
	}
	tr_stage_done(&stage);
}

/* RES-1: what is ejected for being slow counts as what is ejected for failing. */
static void test_slow_endpoints_are_ejected_no_more_than_their_share(void **state)
{
	uint32_t out = 0;

	(void)state;
	set_up_slow(4);
	plan.policy.breaker.requests_min = 1;
	plan.policy.breaker.eject_percent = 50;
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = 10000 * TR_SECOND;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	for (int i = 0; i < 20; i++)
		answer_after(SLOW + 1, false);
	for (uint32_t i = 0; i < 4; i++)
		out += breaker_of(i) != TR_BREAKER_CLOSED;
	assert_int_equal(out, 2);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_is_slow_by_its_first_token),
		cmocka_unit_test(test_a_slow_rate_opens_at_its_percent_exactly),
		cmocka_unit_test(
			test_a_slow_answer_is_no_fault_and_none_is_slow_unless_the_policy_says),
		cmocka_unit_test(test_slow_endpoints_are_ejected_no_more_than_their_share),
	};

	return cmocka_run_group_tests_name("slow", tests, NULL, NULL);
}
