/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-6: preemption. First soft, who goes before whom when a slot is free; then hard, how a slot
 * that is not free changes hands and what stays of it in the books. Whose: test_victim.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene_preempt.h"

static void fail_once(uint64_t job_id)
{
	assert_int_equal(tr_stage_fail(&stage, job_id, TR_CAUSE_CONNECT, 0), 0);
}

/* ---- soft ---- */

static void test_a_retry_lets_a_class_that_preempts_go_first(void **state)
{
	static const enum tr_preempt rules[] = {TR_PREEMPT_NONE, TR_PREEMPT_SOFT};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rules); i++) {
		uint64_t low, high;

		set_up(1, 1, rules[i]);
		start();
		low = submit(BATCH);
		high = submit(URGENT);
		assert_true(runs(low));
		fail_once(low);
		assert_int_equal(runs(high), rules[i] == TR_PREEMPT_SOFT);
		assert_int_equal(runs(low), rules[i] == TR_PREEMPT_NONE);
		complete(rules[i] == TR_PREEMPT_SOFT ? high : low);
		assert_true(runs(low) || runs(high));
		assert_int_equal(tr_stage_counts(&stage).retries, 1);
		tr_stage_done(&stage);
	}
}

static void test_a_retry_yields_to_higher_classes_only(void **state)
{
	uint64_t high, low;

	(void)state;
	set_up(1, 1, TR_PREEMPT_NONE);
	plan.classes[batch].preempt = TR_PREEMPT_HARD;
	start();
	high = submit(INTERACTIVE);
	low = submit(BATCH);
	fail_once(high);
	assert_true(runs(high));
	assert_false(runs(low));
	tr_stage_done(&stage);
}

static void test_a_retry_waits_only_for_jobs_that_race(void **state)
{
	uint64_t low, running, capped;

	(void)state;
	set_up(1, 2, TR_PREEMPT_SOFT);
	plan.tenants[tr_plan_tenant(&plan, TR_NAME("small"))].max_concurrent = 1;
	start();
	low = submit(BATCH);
	running = tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = URGENT,
								       .tenant = TR_NAME("small")});
	capped = tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = URGENT,
								      .tenant = TR_NAME("small")});
	assert_true(runs(running));
	fail_once(low);
	assert_true(runs(low));
	assert_int_equal(state_of(capped), TR_JOB_QUEUED);
	tr_stage_done(&stage);
}

static void test_a_retry_goes_when_those_before_it_cannot_be_placed(void **state)
{
	uint64_t low, high;

	(void)state;
	set_up(1, 3, TR_PREEMPT_SOFT);
	plan.endpoints[0].tokens_per_minute = 1000;
	start();
	submit(BATCH);
	low = submit(BATCH);
	/* More than a minute's allowance passes only when the rate is untouched. */
	high = tr_stage_submit(
		&stage, (struct tr_event_job_submit){.class_name = URGENT, .tokens_in = 2000});
	assert_int_equal(state_of(high), TR_JOB_QUEUED);
	fail_once(low);
	assert_true(runs(low));
	assert_int_equal(state_of(high), TR_JOB_QUEUED);
	tr_stage_done(&stage);
}

/* A retry holds the very row that the other lacks: waiting for each other they would wait for ever.
 */
static void test_a_retry_does_not_wait_for_who_has_no_row(void **state)
{
	struct tr_limits limits = tr_stage_limits;
	uint64_t low, high;

	(void)state;
	set_up(1, 1, TR_PREEMPT_SOFT);
	limits.active = limits.attempts = 1;
	tr_stage_init(&stage, &limits, &plan.policy);
	low = submit(BATCH);
	high = submit(URGENT);
	fail_once(low);
	assert_true(runs(low));
	complete(low);
	assert_true(runs(high));
	tr_stage_done(&stage);
}

/* SCH-1: what a class is owed goes before a class that preempts, and counts in its floor. */
static void test_a_retry_that_is_owed_its_floor_goes_first(void **state)
{
	uint64_t low, high;
	int first = 0;

	(void)state;
	set_up(1, 2, TR_PREEMPT_SOFT);
	plan.classes[batch].floor_percent = 25;
	start();
	low = submit(BATCH);
	high = submit(URGENT);
	for (int i = 0; i < 11; i++) {
		complete(high);
		high = submit(URGENT);
	}
	/* 1 of 13 dispatches so far, and one more always waits. */
	submit(URGENT);
	while (first < 20) {
		fail_once(low);
		if (!runs(low))
			break;
		first++;
	}
	assert_int_equal(first, 3); /* 2 of 14, 3 of 15, 4 of 16: that is a quarter */
	tr_stage_done(&stage);
}

/* ---- hard: the exchange ---- */

static void test_a_slot_changes_hands_in_one_step(void **state)
{
	const struct tr_action *items = stage.actions.items;
	uint64_t low, high;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	start();
	low = submit(BATCH);
	high = submit(URGENT);
	assert_int_equal(stage.actions.count, 3);
	assert_int_equal(items[0].kind, TR_ACTION_JOB_ACCEPT);
	assert_int_equal(items[1].kind, TR_ACTION_ATTEMPT_ABORT);
	assert_int_equal(items[1].attempt_abort.job_id, low);
	assert_int_equal(items[1].attempt_abort.cause, TR_CAUSE_PREEMPTED);
	assert_int_equal(items[2].kind, TR_ACTION_ATTEMPT_DISPATCH);
	assert_int_equal(items[2].attempt_dispatch.job_id, high);
	assert_int_equal(stage.actions.decision_count, 1);
	assert_int_equal(stage.actions.decisions[0].job_id, high);
	assert_int_equal(state_of(low), TR_JOB_RETRY);
	assert_int_equal(tr_stage_endpoint(&stage, plan.endpoints[0].name).in_flight, 1);
	tr_stage_done(&stage);
}

static void test_without_hard_preemption_no_slot_changes_hands(void **state)
{
	static const enum tr_preempt rules[] = {TR_PREEMPT_NONE, TR_PREEMPT_SOFT};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rules); i++) {
		uint64_t low;

		set_up(1, 1, rules[i]);
		start();
		low = submit(BATCH);
		submit(URGENT);
		assert_true(runs(low));
		assert_int_equal(tr_stage_count(&stage, TR_ACTION_ATTEMPT_ABORT, 0), 0);
		tr_stage_done(&stage);
	}
}

static void test_nobody_is_preempted_while_a_slot_is_free(void **state)
{
	(void)state;
	set_up(2, 1, TR_PREEMPT_HARD);
	start();
	submit(BATCH);
	submit(URGENT);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_ATTEMPT_ABORT, 0), 0);
	tr_stage_done(&stage);
}

/* Once settled, told as the answer that was kept, paid for what was made. */
static void test_a_preempted_job_is_settled_once_as_what_was_kept(void **state)
{
	const struct tr_action_attempt_dispatch *dispatch;
	const struct tr_action_job_finish *finish;
	uint64_t low, high;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	plan.tenants[0].tokens_per_minute = 1000000;
	start();
	low = submit(BATCH);
	tr_stage_wait(&stage, 100 * TR_MS);
	tr_stage_first_token(&stage, low);
	tr_stage_progress(&stage, low, 40);
	high = submit(URGENT);
	assert_int_equal(tr_stage_abort(&stage, low)->cause, TR_CAUSE_PREEMPTED);
	tr_stage_wait(&stage, TR_SECOND);
	complete(high);
	dispatch = tr_stage_dispatch(&stage, low);
	assert_int_equal(dispatch->ordinal, 1);
	assert_int_equal(dispatch->role, TR_ROLE_AGAIN);
	tr_stage_wait(&stage, 200 * TR_MS);
	tr_stage_first_token(&stage, low);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_STREAM_COMMIT, 0), 2);
	tr_stage_complete(&stage, low, 20);
	finish = tr_stage_finish(&stage, low);
	assert_int_equal(finish->outcome, TR_OUTCOME_COMPLETED);
	assert_int_equal(finish->cause, TR_CAUSE_NONE);
	assert_int_equal(finish->preempted, 1);
	assert_int_equal(finish->attempts, 2);
	assert_int_equal(finish->tokens_out, 20);
	assert_int_equal(finish->ttft, 1300 * TR_MS);
	/* GOV-1: the forty tokens that nobody read were not reserved, and are not charged. */
	assert_int_equal(finish->cost, 100 + 2 * 20);
	assert_int_equal(tr_stage_counts(&stage).retries, 0);
	assert_int_equal(tr_stage_tenant(&stage, TR_NAME("default")).reserved_micro_usd, 0);
	assert_int_equal(tr_stage_tenant(&stage, TR_NAME("default")).spent_micro_usd,
			 finish->cost + tr_stage_finish(&stage, high)->cost);
	tr_stage_done(&stage);
}

/* Ended while it waits again, it was not answered: nothing is told of the answer discarded. */
static void test_a_job_canceled_after_its_preemption_was_not_served(void **state)
{
	const struct tr_action_job_finish *finish;
	uint64_t low;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	start();
	low = submit(BATCH);
	tr_stage_first_token(&stage, low);
	submit(URGENT);
	assert_int_equal(tr_stage_cancel(&stage, low, TR_CAUSE_CANCEL_CLIENT), 0);
	finish = tr_stage_finish(&stage, low);
	assert_int_equal(finish->outcome, TR_OUTCOME_CANCELED);
	assert_int_equal(finish->preempted, 1);
	assert_int_equal(finish->tokens_out, 0);
	assert_int_equal(finish->tokens_in, 0);
	assert_int_equal(finish->ttft, 0);
	assert_int_equal(finish->cost, 0);
	tr_stage_done(&stage);
}

static void test_preemption_is_held_against_nobody(void **state)
{
	const struct tr_job *job;
	uint64_t low, high;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	plan.policy.retry.attempts = 1;
	plan.policy.breaker.consecutive = 1;
	start();
	low = submit(BATCH);
	high = submit(URGENT);
	assert_int_equal(tr_stage_endpoint(&stage, plan.endpoints[0].name).breaker,
			 TR_BREAKER_CLOSED);
	job = tr_job_find(stage.engine, low);
	assert_int_equal(tr_active_of(stage.engine, job)->tried_count, 0);
	assert_int_equal(tr_active_of(stage.engine, job)->retries, 0);
	assert_int_equal(tr_active_of(stage.engine, job)->last_cause, TR_CAUSE_PREEMPTED);
	plan.policy.breaker.consecutive = 0;
	plan.policy.id = 2;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	complete(high);
	/* It has its one retry still. */
	fail_once(low);
	assert_true(runs(low));
	tr_stage_done(&stage);
}

/* What failed before stays tried; only the place that was given up does not count. */
static void test_what_failed_before_stays_tried(void **state)
{
	const struct tr_active *active;
	uint64_t low, others[2];
	tr_name second;

	(void)state;
	set_up(2, 1, TR_PREEMPT_HARD);
	start();
	low = submit(BATCH);
	fail_once(low);
	second = tr_stage_dispatch(&stage, low)->endpoint;
	assert_int_equal(tr_stage_dispatches(&stage, low), 2);
	others[0] = submit(URGENT);
	others[1] = submit(URGENT);
	assert_true(runs(others[1]));
	active = tr_active_of(stage.engine, tr_job_find(stage.engine, low));
	assert_int_equal(active->tried_count, 1);
	assert_int_not_equal(stage.engine->endpoint[active->tried0].name, second);
	/* Where it failed it goes again if there is nobody else. */
	tr_stage_lifecycle(&stage, second, TR_LIFECYCLE_DRAINING);
	complete(others[0]);
	assert_true(runs(low));
	assert_int_not_equal(tr_stage_dispatch(&stage, low)->endpoint, second);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_retry_lets_a_class_that_preempts_go_first),
		cmocka_unit_test(test_a_retry_yields_to_higher_classes_only),
		cmocka_unit_test(test_a_retry_waits_only_for_jobs_that_race),
		cmocka_unit_test(test_a_retry_goes_when_those_before_it_cannot_be_placed),
		cmocka_unit_test(test_a_retry_does_not_wait_for_who_has_no_row),
		cmocka_unit_test(test_a_retry_that_is_owed_its_floor_goes_first),
		cmocka_unit_test(test_a_slot_changes_hands_in_one_step),
		cmocka_unit_test(test_without_hard_preemption_no_slot_changes_hands),
		cmocka_unit_test(test_nobody_is_preempted_while_a_slot_is_free),
		cmocka_unit_test(test_a_preempted_job_is_settled_once_as_what_was_kept),
		cmocka_unit_test(test_a_job_canceled_after_its_preemption_was_not_served),
		cmocka_unit_test(test_preemption_is_held_against_nobody),
		cmocka_unit_test(test_what_failed_before_stays_tried),
	};

	return cmocka_run_group_tests_name("preempt", tests, NULL, NULL);
}
