/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a failed attempt of one job: whether it is retried, when, where, and how often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene_retry.h"

/* RES-2 */
static void test_retries_are_bounded(void **state)
{
	for (uint32_t most = 0; most <= 4; most++) {
		uint64_t job;

		(void)state;
		set_up(2);
		plan.policy.retry.attempts = most;
		start();
		job = submit();
		for (uint32_t i = 0; i <= most; i++) {
			assert_int_equal(tr_stage_dispatches(&stage, job), i + 1);
			assert_int_equal(tr_stage_dispatch(&stage, job)->role,
					 i ? TR_ROLE_RETRY : TR_ROLE_FIRST);
			assert_int_equal(tr_stage_dispatch(&stage, job)->ordinal, i);
			tr_stage_fail(&stage, job, TR_CAUSE_SERVER_ERROR, 0);
			tr_stage_wait(&stage, TR_SECOND);
		}
		assert_int_equal(tr_stage_dispatches(&stage, job), most + 1);
		assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_FAILED);
		assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_SERVER_ERROR);
		assert_int_equal(tr_stage_finish(&stage, job)->attempts, most + 1);
		assert_int_equal(tr_stage_counts(&stage).retries, most);
		tr_stage_done(&stage);
	}
}

/* When the job's next attempt came, from now; waits for it. */
static tr_span_ns next_attempt(uint64_t job)
{
	tr_time_ns from = stage.now;
	size_t before = tr_stage_dispatches(&stage, job);

	while (tr_stage_dispatches(&stage, job) == before)
		tr_stage_wait_until(&stage, tr_max(tr_engine_deadline(stage.engine), stage.now));
	return stage.now - from;
}

/* RES-2: uniform between nothing and a bound that doubles up to its own. */
static void test_back_off_is_full_jitter_within_its_bounds(void **state)
{
	enum {
		JOBS = 400
	};
	static const tr_span_ns bounds[] = {100 * TR_MS, 200 * TR_MS, 300 * TR_MS};
	tr_span_ns sum[TR_ARRAY_LENGTH(bounds)] = {0}, longest[TR_ARRAY_LENGTH(bounds)] = {0};

	(void)state;
	set_up(4);
	plan.policy.retry.backoff_ns_max = 300 * TR_MS;
	start();
	stage.trusting = true;
	for (int i = 0; i < JOBS; i++) {
		uint64_t job = submit();

		for (size_t n = 0; n < TR_ARRAY_LENGTH(bounds); n++) {
			size_t before = stage.answer_count;
			tr_span_ns delay;

			tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
			delay = tr_stage_count(&stage, TR_ACTION_ATTEMPT_DISPATCH, before)
					? 0
					: next_attempt(job);
			assert_in_range(delay, 0, bounds[n]);
			sum[n] += delay;
			longest[n] = tr_max(longest[n], delay);
		}
		tr_stage_complete(&stage, job, 1);
	}
	for (size_t n = 0; n < TR_ARRAY_LENGTH(bounds); n++) {
		assert_in_range(sum[n] / JOBS, bounds[n] * 45 / 100, bounds[n] * 55 / 100);
		assert_in_range(longest[n], bounds[n] * 95 / 100, bounds[n]);
	}
	tr_stage_done(&stage);
}

/* RES-2: a job whose back-off would reach its deadline ends with the cause it has. */
static void test_a_retry_is_never_planned_past_the_deadline(void **state)
{
	uint32_t failed = 0, retried = 0;

	(void)state;
	set_up(2);
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = TR_SECOND;
	start();
	stage.trusting = true;
	for (int i = 0; i < 200; i++) {
		tr_time_ns deadline = stage.now + TR_SECOND / 2;
		uint64_t job =
			tr_stage_submit(&stage, (struct tr_event_job_submit){.deadline = deadline});

		tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
		if (tr_stage_finish(&stage, job)) {
			assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_FAILED);
			assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_RESET);
			failed++;
			continue;
		}
		if (tr_stage_dispatches(&stage, job) == 1)
			next_attempt(job);
		assert_true(stage.now < deadline);
		tr_stage_complete(&stage, job, 1);
		retried++;
	}
	/* Half a second of a second's jitter: about half each. */
	assert_in_range(failed, 70, 130);
	assert_in_range(retried, 70, 130);
	tr_stage_done(&stage);
}

/* RES-2 */
static void test_a_retry_prefers_an_endpoint_not_yet_tried(void **state)
{
	tr_name tried[4];
	uint64_t job;

	(void)state;
	set_up(3);
	start();
	job = submit();
	for (int i = 0; i < 4; i++) {
		tried[i] = tr_stage_dispatch(&stage, job)->endpoint;
		tr_stage_fail(&stage, job, TR_CAUSE_CONNECT, 0);
		tr_stage_wait(&stage, TR_SECOND);
	}
	assert_int_not_equal(tried[0], tried[1]);
	assert_int_not_equal(tried[0], tried[2]);
	assert_int_not_equal(tried[1], tried[2]);
	/* All were tried: any will do. */
	assert_int_equal(tr_stage_dispatches(&stage, job), 4);
	tr_stage_done(&stage);
}

/* RES-2: what lies in ours alone is tried elsewhere at once, and nowhere twice. */
static void test_refused_credentials_move_on_without_back_off(void **state)
{
	tr_name first;
	uint64_t job;

	(void)state;
	set_up(2);
	start();
	job = submit();
	first = tr_stage_dispatch(&stage, job)->endpoint;
	tr_stage_fail(&stage, job, TR_CAUSE_CREDENTIALS, 0);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	assert_int_not_equal(tr_stage_dispatch(&stage, job)->endpoint, first);
	tr_stage_fail(&stage, job, TR_CAUSE_CREDENTIALS, 0);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_FAILED);
	tr_stage_done(&stage);
}

/* RES-2: each cause that hosts report, by its rule. */
static void test_each_cause_is_retried_as_its_row_says(void **state)
{
	(void)state;
	for (int cause = TR_CAUSE_CONNECT; cause <= TR_CAUSE_BAD_REQUEST; cause++) {
		uint64_t job;

		set_up(2);
		start();
		job = submit();
		tr_stage_fail(&stage, job, (enum tr_cause)cause, 0);
		tr_stage_wait(&stage, TR_SECOND);
		assert_int_equal(tr_stage_dispatches(&stage, job),
				 tr_causes[cause].retry == TR_RETRY_NO ? 1 : 2);
		tr_stage_done(&stage);
	}
	assert_int_equal(tr_causes[TR_CAUSE_BAD_REQUEST].retry, TR_RETRY_NO);
	assert_int_equal(tr_causes[TR_CAUSE_RATE_LIMITED].retry, TR_RETRY_YES);
}

static void test_nothing_is_retried_once_the_stream_is_committed(void **state)
{
	uint64_t job;

	(void)state;
	set_up(2);
	plan.policy.timeouts.between_tokens_ns = TR_SECOND;
	start();
	job = submit();
	tr_stage_first_token(&stage, job);
	tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
	assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_FAILED);
	assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_RESET);
	assert_int_equal(tr_stage_finish(&stage, job)->tokens_out, TR_STAGE_TOKENS_FAILED);
	job = submit();
	tr_stage_first_token(&stage, job);
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_TIMEOUT_BETWEEN_TOKENS);
	assert_int_equal(tr_stage_counts(&stage).retries, 0);
	tr_stage_done(&stage);
}

/* What was begun is finished first: a retry goes before all that wait in queues. */
static void test_a_retry_goes_before_the_queue(void **state)
{
	uint64_t job, rival, next;

	(void)state;
	set_up(2);
	plan.endpoints[0].slots = plan.endpoints[1].slots = 1;
	start();
	job = submit();
	rival = submit();
	next = submit();
	tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
	assert_int_equal(tr_stage_dispatches(&stage, next), 1);
	submit();
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_complete(&stage, rival, 1);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	tr_stage_done(&stage);
}

/* RES-2: a class may permit fewer than the policy, of the policy the job was admitted under. */
static void test_a_class_may_permit_fewer_retries(void **state)
{
	uint64_t old, new;

	(void)state;
	set_up(2);
	plan.classes[0].retries = 1;
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = 0;
	start();
	old = submit();
	plan.policy.id = 2;
	plan.classes[0].retries = 0;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	new = submit();
	tr_stage_fail(&stage, new, TR_CAUSE_RESET, 0);
	assert_int_equal(tr_stage_finish(&stage, new)->cause, TR_CAUSE_RESET);
	tr_stage_fail(&stage, old, TR_CAUSE_RESET, 0);
	assert_int_equal(tr_stage_dispatches(&stage, old), 2);
	tr_stage_fail(&stage, old, TR_CAUSE_RESET, 0);
	assert_int_equal(tr_stage_finish(&stage, old)->attempts, 2);
	assert_int_equal(tr_stage_counts(&stage).retries_denied, 0);
	tr_stage_done(&stage);
}

/* RES-2: the endpoint is left alone as long as it asked; another is asked meanwhile. */
static void test_a_wish_to_be_left_alone_is_kept(void **state)
{
	tr_name first;
	uint64_t job;

	(void)state;
	set_up(2);
	start();
	job = submit();
	first = tr_stage_dispatch(&stage, job)->endpoint;
	tr_stage_fail(&stage, job, TR_CAUSE_RATE_LIMITED, 5 * TR_SECOND);
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	assert_int_not_equal(tr_stage_dispatch(&stage, job)->endpoint, first);
	tr_stage_fail(&stage, job, TR_CAUSE_OVERLOADED, 20 * TR_SECOND);
	tr_stage_wait(&stage, 4 * TR_SECOND - 1);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	tr_stage_wait(&stage, 1);
	assert_int_equal(tr_stage_dispatches(&stage, job), 3);
	assert_int_equal(tr_stage_dispatch(&stage, job)->endpoint, first);
	tr_stage_done(&stage);
}

/* RES-2: a wish that lasts beyond the deadline is not broken, nor is the deadline. */
static void test_a_wish_beyond_the_deadline_ends_in_expiry(void **state)
{
	uint64_t job;

	(void)state;
	set_up(1);
	start();
	job = tr_stage_submit(&stage,
			      (struct tr_event_job_submit){.deadline = stage.now + 3 * TR_SECOND});
	tr_stage_fail(&stage, job, TR_CAUSE_RATE_LIMITED, 5 * TR_SECOND);
	tr_stage_wait(&stage, 3 * TR_SECOND - 1);
	assert_null(tr_stage_finish(&stage, job));
	tr_stage_wait(&stage, 1);
	assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_EXPIRED);
	assert_int_equal(tr_stage_dispatches(&stage, job), 1);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retries_are_bounded),
		cmocka_unit_test(test_back_off_is_full_jitter_within_its_bounds),
		cmocka_unit_test(test_a_retry_is_never_planned_past_the_deadline),
		cmocka_unit_test(test_a_retry_prefers_an_endpoint_not_yet_tried),
		cmocka_unit_test(test_refused_credentials_move_on_without_back_off),
		cmocka_unit_test(test_each_cause_is_retried_as_its_row_says),
		cmocka_unit_test(test_nothing_is_retried_once_the_stream_is_committed),
		cmocka_unit_test(test_a_retry_goes_before_the_queue),
		cmocka_unit_test(test_a_class_may_permit_fewer_retries),
		cmocka_unit_test(test_a_wish_to_be_left_alone_is_kept),
		cmocka_unit_test(test_a_wish_beyond_the_deadline_ends_in_expiry),
	};

	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
