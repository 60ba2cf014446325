/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens between the attempts of a job: retry and back-off, hedges, the time-out of each
 * phase, and that nothing of it happens once the stream is committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/stage.h"

static struct tr_plan plan;
static struct tr_stage stage;

/* One model of so many endpoints of four slots; three retries. */
static void set_up(uint32_t endpoints)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), endpoints, 4);
	plan.policy.retry.attempts = 3;
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

static uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

/* ---- retry ---- */

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

/* ---- hedge ---- */

static void set_up_hedges(uint32_t attempts)
{
	set_up(4);
	plan.intents[0].hedge = 1;
	plan.policy.hedge.delay_ns = TR_SECOND;
	plan.policy.hedge.attempts = attempts;
	start();
}

/* RES-3 */
static void test_a_hedge_loses_silently(void **state)
{
	tr_attempt_handle first, hedge;
	uint64_t job;

	(void)state;
	for (int winner = 0; winner < 2; winner++) {
		set_up_hedges(1);
		job = submit();
		first = tr_stage_dispatch(&stage, job)->attempt;
		tr_stage_wait(&stage, TR_SECOND - 1);
		assert_int_equal(tr_stage_dispatches(&stage, job), 1);
		tr_stage_wait(&stage, 1);
		assert_int_equal(tr_stage_dispatches(&stage, job), 2);
		assert_int_equal(tr_stage_dispatch(&stage, job)->role, TR_ROLE_HEDGE);
		assert_int_not_equal(stage.answers[1].action.attempt_dispatch.endpoint,
				     tr_stage_dispatch(&stage, job)->endpoint);
		hedge = tr_stage_dispatch(&stage, job)->attempt;
		tr_stage_event(&stage, TR_EVENT_ATTEMPT_FIRST_TOKEN)->attempt_first_token.attempt =
			winner ? hedge : first;
		assert_int_equal(tr_stage_give(&stage), 0);
		assert_int_equal(stage.actions.count, 2);
		assert_int_equal(stage.actions.items[0].attempt_abort.attempt.slot1,
				 winner ? first.slot1 : hedge.slot1);
		assert_int_equal(stage.actions.items[0].attempt_abort.cause, TR_CAUSE_HEDGE_LOST);
		assert_int_equal(stage.actions.items[1].stream_commit.attempt.slot1,
				 winner ? hedge.slot1 : first.slot1);
		/* The loser is gone: nothing it says is heard. */
		tr_stage_event(&stage, TR_EVENT_ATTEMPT_FIRST_TOKEN)->attempt_first_token.attempt =
			winner ? first : hedge;
		assert_int_equal(tr_stage_give(&stage), TR_E_STALE);
		tr_stage_wait(&stage, 10 * TR_SECOND);
		assert_int_equal(tr_stage_dispatches(&stage, job), 2);
		tr_stage_done(&stage);
	}
}

/* RES-3 */
static void test_hedges_are_bounded(void **state)
{
	(void)state;
	for (uint32_t most = 0; most <= 3; most++) {
		uint64_t job;

		set_up_hedges(most);
		job = submit();
		tr_stage_wait(&stage, 20 * TR_SECOND);
		assert_int_equal(tr_stage_dispatches(&stage, job), 1 + most);
		assert_int_equal(tr_stage_counts(&stage).hedges, most);
		tr_stage_done(&stage);
	}
}

static void test_only_an_intent_that_permits_it_is_hedged(void **state)
{
	uint64_t job;

	(void)state;
	set_up(2);
	plan.policy.hedge.delay_ns = TR_SECOND;
	plan.policy.hedge.attempts = 1;
	start();
	job = submit();
	tr_stage_wait(&stage, 5 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 1);
	tr_stage_done(&stage);
}

static void test_a_job_lives_while_one_of_its_attempts_does(void **state)
{
	tr_attempt_handle first;
	uint64_t job;

	(void)state;
	set_up_hedges(1);
	plan.policy.retry.attempts = 0;
	job = submit();
	first = tr_stage_dispatch(&stage, job)->attempt;
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_fail_attempt(&stage, first, TR_CAUSE_BAD_REQUEST), 0);
	assert_null(tr_stage_finish(&stage, job));
	assert_int_equal(tr_stage_complete(&stage, job, 3), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_COMPLETED);
	assert_int_equal(tr_stage_finish(&stage, job)->hedges, 1);
	tr_stage_done(&stage);
}

static void test_a_canceled_job_aborts_its_hedges_too(void **state)
{
	uint64_t job;

	(void)state;
	set_up_hedges(3);
	job = submit();
	tr_stage_wait(&stage, 3 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 4);
	tr_stage_cancel(&stage, job, TR_CAUSE_CANCEL_CLIENT);
	assert_int_equal(stage.actions.count, 5);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(stage.actions.items[i].kind, TR_ACTION_ATTEMPT_ABORT);
	assert_int_equal(stage.actions.items[4].kind, TR_ACTION_JOB_FINISH);
	tr_stage_done(&stage);
}

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
		cmocka_unit_test(test_retries_are_bounded),
		cmocka_unit_test(test_back_off_is_full_jitter_within_its_bounds),
		cmocka_unit_test(test_a_retry_is_never_planned_past_the_deadline),
		cmocka_unit_test(test_a_retry_prefers_an_endpoint_not_yet_tried),
		cmocka_unit_test(test_refused_credentials_move_on_without_back_off),
		cmocka_unit_test(test_each_cause_is_retried_as_its_row_says),
		cmocka_unit_test(test_nothing_is_retried_once_the_stream_is_committed),
		cmocka_unit_test(test_a_retry_goes_before_the_queue),
		cmocka_unit_test(test_a_hedge_loses_silently),
		cmocka_unit_test(test_hedges_are_bounded),
		cmocka_unit_test(test_only_an_intent_that_permits_it_is_hedged),
		cmocka_unit_test(test_a_job_lives_while_one_of_its_attempts_does),
		cmocka_unit_test(test_a_canceled_job_aborts_its_hedges_too),
		cmocka_unit_test(test_each_phase_has_its_own_time_out),
		cmocka_unit_test(test_the_total_time_out_counts_from_admission),
		cmocka_unit_test(test_an_attempt_only_goes_forward),
	};

	return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
