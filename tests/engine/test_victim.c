/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-6: hard preemption: who gives up a slot and who does not, where it is looked for, and that it
 * comes to an end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene_preempt.h"

static uint64_t submit_stream(tr_name class_name)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = class_name,
								    .flags = TR_SUBMIT_STREAM});
}

/* ---- hard: who is a victim ---- */

static void test_a_client_that_reads_along_is_not_interrupted(void **state)
{
	static const struct {
		bool stream, token, victim;
	} rows[] = {
		{false, false, true},
		{false, true, true},
		{true, false, true},
		{true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		uint64_t low;

		set_up(1, 1, TR_PREEMPT_HARD);
		start();
		low = rows[i].stream ? submit_stream(BATCH) : submit(BATCH);
		if (rows[i].token)
			tr_stage_first_token(&stage, low);
		submit(URGENT);
		assert_int_equal(!runs(low), rows[i].victim);
		tr_stage_done(&stage);
	}
}

static void test_equals_do_not_preempt_each_other(void **state)
{
	uint64_t first;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	plan.classes[0].priority = 200;
	plan.classes[0].preempt = TR_PREEMPT_HARD;
	start();
	first = submit(INTERACTIVE);
	submit(URGENT);
	submit(INTERACTIVE);
	assert_true(runs(first));
	tr_stage_done(&stage);
}

static void test_a_hedged_job_is_no_victim(void **state)
{
	uint64_t low;

	(void)state;
	set_up(2, 1, TR_PREEMPT_HARD);
	plan.intents[0].hedge = 1;
	plan.policy.hedge.delay_ns = 100 * TR_MS;
	plan.policy.hedge.attempts = 1;
	start();
	low = submit(BATCH);
	tr_stage_wait(&stage, 200 * TR_MS);
	assert_int_equal(tr_stage_dispatches(&stage, low), 2);
	submit(URGENT);
	assert_true(runs(low));
	/* Its rival gone, it is one as any other. */
	assert_int_equal(tr_stage_fail(&stage, low, TR_CAUSE_CONNECT, 0), 0);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_ATTEMPT_ABORT, 0), 0);
	submit(URGENT);
	assert_int_equal(tr_stage_abort(&stage, low)->cause, TR_CAUSE_PREEMPTED);
	tr_stage_done(&stage);
}

static void test_a_job_is_preempted_three_times_at_most(void **state)
{
	uint64_t low;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	start();
	low = submit(BATCH);
	for (int i = 0; i < TR_PREEMPTIONS_MAX; i++) {
		uint64_t high = submit(URGENT);

		assert_true(runs(high));
		complete(high);
		assert_true(runs(low));
	}
	submit(URGENT);
	assert_true(runs(low));
	complete(low);
	assert_int_equal(tr_stage_finish(&stage, low)->preempted, TR_PREEMPTIONS_MAX);
	tr_stage_done(&stage);
}

/* SCH-1: only what a class has beyond its floor can be taken from it. */
static void test_a_floor_is_not_preempted(void **state)
{
	uint32_t left = 0;
	uint64_t low[10];

	(void)state;
	set_up(1, 10, TR_PREEMPT_HARD);
	plan.classes[batch].floor_percent = 30;
	start();
	for (int i = 0; i < 10; i++)
		low[i] = submit(BATCH);
	for (int i = 0; i < 20; i++)
		submit(URGENT);
	for (int i = 0; i < 10; i++)
		left += runs(low[i]);
	assert_int_equal(left, 3);
	tr_stage_done(&stage);
}

static void test_the_lowest_class_goes_first_then_the_latest(void **state)
{
	uint64_t batches[2], middle;

	(void)state;
	set_up(3, 1, TR_PREEMPT_HARD);
	start();
	batches[0] = submit(BATCH);
	tr_stage_wait(&stage, TR_MS);
	batches[1] = submit(BATCH);
	tr_stage_wait(&stage, TR_MS);
	middle = submit(INTERACTIVE);
	submit(URGENT);
	assert_false(runs(batches[1]));
	assert_true(runs(batches[0]));
	submit(URGENT);
	assert_false(runs(batches[0]));
	assert_true(runs(middle));
	submit(URGENT);
	assert_false(runs(middle));
	tr_stage_done(&stage);
}

static void test_equal_victims_go_by_the_name_of_their_endpoint(void **state)
{
	uint64_t jobs[3];
	tr_name smallest = UINT64_MAX;

	(void)state;
	set_up(3, 1, TR_PREEMPT_HARD);
	start();
	for (int i = 0; i < 3; i++) {
		jobs[i] = submit(BATCH);
		smallest = tr_min(smallest, plan.endpoints[i].name);
	}
	submit(URGENT);
	for (int i = 0; i < 3; i++)
		assert_int_equal(!runs(jobs[i]),
				 tr_stage_dispatch(&stage, jobs[i])->endpoint == smallest);
	tr_stage_done(&stage);
}

static void test_of_one_endpoint_the_latest_goes(void **state)
{
	uint64_t jobs[3];

	(void)state;
	set_up(1, 3, TR_PREEMPT_HARD);
	start();
	for (int i = 0; i < 3; i++)
		jobs[i] = submit(BATCH);
	submit(URGENT);
	assert_false(runs(jobs[2]));
	submit(URGENT);
	assert_false(runs(jobs[1]));
	assert_true(runs(jobs[0]));
	tr_stage_done(&stage);
}

/* ---- hard: where ---- */

/* A job of another pool that came down its chain is in the way as any other. */
static void test_victims_are_found_down_the_chain_and_from_other_pools(void **state)
{
	uint64_t low, high;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	tr_plan_model(&plan, TR_NAME("small"), 1, 1);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	start();
	tr_stage_lifecycle(&stage, plan.endpoints[0].name, TR_LIFECYCLE_DOWN);
	low = tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = BATCH,
								   .model = TR_NAME("small")});
	high = submit(URGENT);
	assert_true(runs(high));
	assert_int_equal(tr_stage_dispatch(&stage, high)->endpoint, plan.endpoints[1].name);
	assert_int_equal(state_of(low), TR_JOB_RETRY);
	complete(high);
	assert_true(runs(low));
	tr_stage_done(&stage);
}

static void test_nobody_is_preempted_where_the_router_would_not_look(void **state)
{
	uint64_t low;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	tr_plan_model(&plan, TR_NAME("small"), 1, 1);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	start();
	submit(URGENT);
	low = tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = BATCH,
								   .model = TR_NAME("small")});
	/* Its own model is busy, which is no reason to be served by another. */
	submit(URGENT);
	assert_true(runs(low));
	tr_stage_done(&stage);
}

static void test_nobody_is_preempted_for_an_endpoint_that_would_refuse(void **state)
{
	uint64_t low, high;

	(void)state;
	set_up(1, 1, TR_PREEMPT_HARD);
	plan.endpoints[0].requests_per_minute = 1;
	start();
	low = submit(BATCH);
	high = submit(URGENT);
	assert_true(runs(low));
	assert_int_equal(state_of(high), TR_JOB_QUEUED);
	tr_stage_done(&stage);
}

/* A class that is owed its floor is asked first, and that nobody is free for it is not the last
 * word. */
static void test_an_owed_class_does_not_stand_in_the_way(void **state)
{
	uint64_t low[3], owed, high;

	(void)state;
	set_up(1, 2, TR_PREEMPT_HARD);
	plan.classes[0].floor_percent = 50;
	plan.classes[0].priority = 5;
	start();
	low[0] = submit(BATCH);
	low[1] = submit(BATCH);
	owed = submit(INTERACTIVE);
	low[2] = submit(BATCH);
	/* It begins with its floor met, so one more of the others goes first. */
	complete(low[0]);
	assert_true(runs(low[1]) && runs(low[2]));
	high = submit(URGENT);
	assert_true(runs(high));
	assert_int_equal(state_of(owed), TR_JOB_QUEUED);
	assert_int_equal(state_of(low[2]), TR_JOB_RETRY);
	complete(low[1]);
	assert_true(runs(low[2]));
	complete(low[2]);
	assert_true(runs(owed));
	tr_stage_done(&stage);
}

/* Those in the middle preempt those below, and are preempted by those above: it comes to an end. */
static void test_a_preempted_job_may_preempt_in_turn(void **state)
{
	uint64_t low, middle, high;

	(void)state;
	set_up(2, 1, TR_PREEMPT_HARD);
	plan.classes[0].preempt = TR_PREEMPT_HARD;
	start();
	low = submit_stream(BATCH);
	middle = submit(INTERACTIVE);
	tr_stage_wait(&stage, TR_MS);
	tr_stage_first_token(&stage, low);
	high = submit(URGENT);
	/* The lowest can no longer be interrupted, so the middle gives way, and waits. */
	assert_true(runs(low) && runs(high));
	assert_int_equal(state_of(middle), TR_JOB_RETRY);
	complete(low);
	assert_true(runs(middle));
	low = submit(BATCH);
	complete(high);
	assert_true(runs(low));
	high = submit(INTERACTIVE);
	assert_true(runs(high));
	assert_int_equal(state_of(low), TR_JOB_RETRY);
	tr_stage_done(&stage);
}

/* Forty at once are more than a step has room for: the rest follows in CLOCKs due at once. */
static void test_many_exchanges_take_several_steps_at_one_instant(void **state)
{
	uint64_t low[40], high[40];
	tr_time_ns then;
	int steps = 0;

	(void)state;
	set_up(1, 40, TR_PREEMPT_NONE);
	start();
	for (int i = 0; i < 40; i++)
		low[i] = submit(BATCH);
	for (int i = 0; i < 40; i++)
		high[i] = submit(URGENT);
	plan.classes[urgent].preempt = TR_PREEMPT_HARD;
	plan.policy.id = 2;
	then = stage.now;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	while (tr_engine_deadline(stage.engine) == then && steps < 100) {
		tr_stage_event(&stage, TR_EVENT_CLOCK);
		assert_int_equal(tr_stage_give(&stage), 0);
		steps++;
	}
	assert_in_range(steps, 1, 10);
	for (int i = 0; i < 40; i++) {
		assert_true(runs(high[i]));
		assert_int_equal(state_of(low[i]), TR_JOB_RETRY);
	}
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_client_that_reads_along_is_not_interrupted),
		cmocka_unit_test(test_equals_do_not_preempt_each_other),
		cmocka_unit_test(test_a_hedged_job_is_no_victim),
		cmocka_unit_test(test_a_job_is_preempted_three_times_at_most),
		cmocka_unit_test(test_a_floor_is_not_preempted),
		cmocka_unit_test(test_the_lowest_class_goes_first_then_the_latest),
		cmocka_unit_test(test_equal_victims_go_by_the_name_of_their_endpoint),
		cmocka_unit_test(test_of_one_endpoint_the_latest_goes),
		cmocka_unit_test(test_victims_are_found_down_the_chain_and_from_other_pools),
		cmocka_unit_test(test_nobody_is_preempted_where_the_router_would_not_look),
		cmocka_unit_test(test_nobody_is_preempted_for_an_endpoint_that_would_refuse),
		cmocka_unit_test(test_an_owed_class_does_not_stand_in_the_way),
		cmocka_unit_test(test_a_preempted_job_may_preempt_in_turn),
		cmocka_unit_test(test_many_exchanges_take_several_steps_at_one_instant),
	};

	return cmocka_run_group_tests_name("victim", tests, NULL, NULL);
}
