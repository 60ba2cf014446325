/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt: the order of what it may report, and the limits of its silence, each with a cause of
 * its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene_retry.h"

/* ---- time-outs ---- */

static void reach_dispatched(uint64_t job)
{
	(void)job;
}

static void reach_connected(uint64_t job)
{
	assert_int_equal(tr_stage_connected(&stage, job), 0);
}

static void reach_headers(uint64_t job)
{
	reach_connected(job);
	assert_int_equal(tr_stage_headers(&stage, job), 0);
}

static void reach_streaming(uint64_t job)
{
	reach_headers(job);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
}

static void reach_progress(uint64_t job)
{
	reach_streaming(job);
	tr_stage_wait(&stage, 3 * TR_SECOND);
	assert_int_equal(tr_stage_progress(&stage, job, 9), 0);
}

/* RES-4 */
static void test_each_phase_has_its_own_time_out(void **state)
{
	static const struct {
		void (*reach)(uint64_t);
		tr_span_ns limit;
		enum tr_cause cause;
	} rows[] = {
		{reach_dispatched, TR_SECOND, TR_CAUSE_TIMEOUT_CONNECT},
		{reach_connected, 2 * TR_SECOND, TR_CAUSE_TIMEOUT_HEADERS},
		{reach_headers, 3 * TR_SECOND, TR_CAUSE_TIMEOUT_FIRST_TOKEN},
		{reach_streaming, 4 * TR_SECOND, TR_CAUSE_TIMEOUT_BETWEEN_TOKENS},
		{reach_progress, 4 * TR_SECOND, TR_CAUSE_TIMEOUT_BETWEEN_TOKENS},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		uint64_t job;

		set_up(1);
		plan.policy.retry.attempts = 0;
		plan.policy.timeouts = (struct tr_policy_timeouts){
			.connect_ns = TR_SECOND,
			.headers_ns = 2 * TR_SECOND,
			.first_token_ns = 3 * TR_SECOND,
			.between_tokens_ns = 4 * TR_SECOND,
		};
		start();
		job = submit();
		rows[i].reach(job);
		tr_stage_wait(&stage, rows[i].limit - 1);
		assert_null(tr_stage_abort(&stage, job));
		tr_stage_wait(&stage, 1);
		assert_non_null(tr_stage_abort(&stage, job));
		assert_int_equal(tr_stage_abort(&stage, job)->cause, rows[i].cause);
		assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_FAILED);
		assert_int_equal(tr_stage_finish(&stage, job)->cause, rows[i].cause);
		tr_stage_done(&stage);
	}
}

/* RES-4: whatever phases a host reports, and whatever its server does in them. */
static void test_the_wait_for_the_first_token_counts_from_the_dispatch(void **state)
{
	static void (*const reached[])(uint64_t) = {reach_dispatched, reach_connected,
						    reach_headers};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(reached); i++) {
		uint64_t job;

		set_up(1);
		plan.policy.retry.attempts = 0;
		plan.policy.timeouts = (struct tr_policy_timeouts){
			.connect_ns = TR_MINUTE,
			.headers_ns = i % 2 ? TR_MINUTE : 0,
			.first_token_ns = 3 * TR_SECOND,
		};
		start();
		job = submit();
		tr_stage_wait(&stage, 2 * TR_SECOND);
		reached[i](job);
		tr_stage_wait(&stage, TR_SECOND - 1);
		assert_null(tr_stage_abort(&stage, job));
		tr_stage_wait(&stage, 1);
		assert_int_equal(tr_stage_abort(&stage, job)->cause, TR_CAUSE_TIMEOUT_FIRST_TOKEN);
		assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_TIMEOUT_FIRST_TOKEN);
		job = submit();
		reach_streaming(job);
		tr_stage_wait(&stage, TR_MINUTE);
		assert_int_equal(tr_stage_complete(&stage, job, 1), 0);
		tr_stage_done(&stage);
	}
}

/* RES-4: 0 is no limit, of each kind. */
static void test_without_limits_silence_lasts(void **state)
{
	static void (*const reached[])(uint64_t) = {reach_dispatched, reach_connected,
						    reach_headers, reach_streaming};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(reached); i++) {
		uint64_t job;

		set_up(1);
		start();
		job = submit();
		reached[i](job);
		tr_stage_wait(&stage, 400 * TR_DAY);
		assert_null(tr_stage_finish(&stage, job));
		assert_int_equal(tr_stage_complete(&stage, job, 9), 0);
		tr_stage_done(&stage);
	}
}

/* RES-4: from its admission, as policy.h says, so that time in the queue counts too. */
static void test_the_total_time_out_counts_from_admission(void **state)
{
	uint64_t first, job;

	(void)state;
	set_up(1);
	plan.endpoints[0].slots = 1;
	start();
	first = submit();
	tr_stage_done(&stage);
	plan.policy.timeouts.total_ns = 10 * TR_SECOND;
	start();
	first = submit();
	tr_stage_wait(&stage, 2 * TR_SECOND);
	job = submit();
	tr_stage_wait(&stage, 4 * TR_SECOND);
	tr_stage_complete(&stage, first, 1);
	assert_int_equal(tr_stage_dispatches(&stage, job), 1);
	tr_stage_wait(&stage, 6 * TR_SECOND - 1);
	assert_null(tr_stage_finish(&stage, job));
	tr_stage_wait(&stage, 1);
	assert_non_null(tr_stage_finish(&stage, job));
	assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_EXPIRED);
	assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_TIMEOUT_TOTAL);
	tr_stage_done(&stage);
}

/* A host may leave phases out; it may not go back or repeat one. */
static void test_an_attempt_only_goes_forward(void **state)
{
	uint64_t job;

	(void)state;
	set_up(1);
	start();
	job = submit();
	assert_int_equal(tr_stage_progress(&stage, job, 1), TR_E_STATE);
	assert_int_equal(tr_stage_headers(&stage, job), 0);
	assert_int_equal(tr_stage_connected(&stage, job), TR_E_STATE);
	assert_int_equal(tr_stage_headers(&stage, job), TR_E_STATE);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(tr_stage_first_token(&stage, job), TR_E_STATE);
	assert_int_equal(tr_stage_progress(&stage, job, 9), 0);
	assert_int_equal(tr_stage_progress(&stage, job, 8), TR_E_INVALID);
	assert_int_equal(tr_stage_complete(&stage, job, 8), TR_E_INVALID);
	assert_int_equal(tr_stage_complete(&stage, job, 9), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 9), TR_E_STALE);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_phase_has_its_own_time_out),
		cmocka_unit_test(test_the_wait_for_the_first_token_counts_from_the_dispatch),
		cmocka_unit_test(test_without_limits_silence_lasts),
		cmocka_unit_test(test_the_total_time_out_counts_from_admission),
		cmocka_unit_test(test_an_attempt_only_goes_forward),
	};

	return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
