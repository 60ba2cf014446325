/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JOB-6: one word cancels a group. Who is concerned, in which order they end, what happens to the
 * doomed while they wait for their end, and that a group larger than a step has room for loses
 * nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/engine/scene.h"

#define GROUP UINT64_C(77)
#define MANY  500

static void set_up(uint32_t slots)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, slots);
	plan.policy.retry.attempts = 3;
	plan.intents[tr_plan_intent(&plan, TR_NAME("kept"))].cancelable = 0;
}

static uint64_t submit(uint64_t group_id, uint16_t flags)
{
	return tr_stage_submit(&stage,
			       (struct tr_event_job_submit){.group_id = group_id, .flags = flags});
}

static bool lives(uint64_t job_id)
{
	return tr_job_find(stage.engine, job_id) != NULL;
}

static void give_clock(void)
{
	tr_stage_event(&stage, TR_EVENT_CLOCK);
	assert_int_equal(tr_stage_give(&stage), 0);
}

static void assert_canceled(uint64_t job_id, enum tr_cause cause)
{
	const struct tr_action_job_finish *finish = tr_stage_finish(&stage, job_id);

	assert_non_null(finish);
	assert_int_equal(finish->outcome, TR_OUTCOME_CANCELED);
	assert_int_equal(finish->cause, cause);
}

static void test_a_group_ends_wherever_its_jobs_are(void **state)
{
	uint64_t running, backing_off, waiting, held, stored, other, alone, ended = 0;

	(void)state;
	set_up(2);
	start();
	backing_off = submit(GROUP, 0);
	running = submit(GROUP, 0);
	tr_stage_first_token(&stage, running);
	tr_stage_fail(&stage, backing_off, TR_CAUSE_RESET, 0);
	other = submit(GROUP + 1, 0);
	alone = submit(0, 0);
	waiting = submit(GROUP, 0);
	held = submit(GROUP, TR_SUBMIT_HOLD);
	stored = submit(GROUP, TR_SUBMIT_ASYNC);
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_canceled(running, TR_CAUSE_CANCEL_CLIENT);
	assert_canceled(backing_off, TR_CAUSE_CANCEL_CLIENT);
	assert_canceled(waiting, TR_CAUSE_CANCEL_CLIENT);
	assert_canceled(held, TR_CAUSE_CANCEL_CLIENT);
	assert_canceled(stored, TR_CAUSE_CANCEL_CLIENT);
	assert_true(lives(other) && lives(alone));
	/* In order of admission. */
	for (uint32_t i = 0; i < stage.actions.count; i++) {
		if (stage.actions.items[i].kind != TR_ACTION_JOB_FINISH)
			continue;
		assert_true(stage.actions.items[i].job_finish.job_id > ended);
		ended = stage.actions.items[i].job_finish.job_id;
	}
	assert_int_equal(tr_stage_abort(&stage, running)->cause, TR_CAUSE_CANCEL_CLIENT);
	assert_int_equal(tr_stage_progress(&stage, running, 5), TR_E_STALE);
	assert_int_equal(tr_stage_persisted(&stage, stored, true), TR_E_STALE);
	assert_true(tr_stage_dispatches(&stage, alone) == 1);
	tr_stage_done(&stage);
}

static void test_what_must_be_finished_only_an_operator_cancels(void **state)
{
	uint64_t kept, lost;

	(void)state;
	set_up(4);
	start();
	lost = submit(GROUP, 0);
	kept = tr_stage_submit(
		&stage, (struct tr_event_job_submit){.group_id = GROUP, .intent = TR_NAME("kept")});
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_DISCONNECT), 0);
	assert_canceled(lost, TR_CAUSE_CANCEL_DISCONNECT);
	assert_true(lives(kept));
	lost = submit(GROUP, 0);
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_OPERATOR), 0);
	assert_canceled(kept, TR_CAUSE_CANCEL_OPERATOR);
	assert_canceled(lost, TR_CAUSE_CANCEL_OPERATOR);
	tr_stage_done(&stage);
}

static void test_a_group_that_nobody_is_in_is_no_error(void **state)
{
	uint64_t job;

	(void)state;
	set_up(4);
	start();
	job = submit(GROUP, 0);
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP + 1, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_int_equal(stage.actions.count, 0);
	assert_int_equal(tr_stage_cancel_group(&stage, 0, TR_CAUSE_CANCEL_CLIENT), TR_E_INVALID);
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_RESET), TR_E_INVALID);
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_HEDGE_LOST), TR_E_INVALID);
	assert_int_equal(tr_stage_complete(&stage, job, 1), 0);
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_int_equal(stage.actions.count, 0);
	tr_stage_done(&stage);
}

/* Whoever leaves a group, the first, the last or one between, leaves the others in it. */
static void test_a_group_holds_while_its_jobs_come_and_go(void **state)
{
	static const int gone[] = {0, 4, 2};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(gone); i++) {
		uint64_t jobs[6];

		set_up(2);
		start();
		for (int k = 0; k < 5; k++)
			jobs[k] = submit(GROUP, 0);
		tr_stage_cancel(&stage, jobs[gone[i]], TR_CAUSE_CANCEL_CLIENT);
		jobs[5] = submit(GROUP, 0);
		assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_OPERATOR), 0);
		for (int k = 0; k < 6; k++)
			assert_canceled(jobs[k], k == gone[i] ? TR_CAUSE_CANCEL_CLIENT
							      : TR_CAUSE_CANCEL_OPERATOR);
		tr_stage_done(&stage);
	}
}

/* ---- more than a step has room for ---- */

static uint64_t many[MANY], strangers[3];

/* Half of the group runs, and behind it wait three that are none of it. */
static void start_many(void)
{
	set_up(MANY / 2);
	start();
	stage.trusting = true;
	for (int i = 0; i < MANY; i++)
		many[i] = submit(GROUP, 0);
	for (int i = 0; i < 3; i++)
		strangers[i] = submit(0, 0);
	stage.trusting = false;
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_true(lives(many[MANY - 1]));
}

static void test_a_large_group_ends_at_one_instant_in_order(void **state)
{
	tr_time_ns then;
	uint64_t next = 0;
	int steps = 0;

	(void)state;
	start_many();
	then = stage.now;
	while (tr_engine_deadline(stage.engine) == then) {
		give_clock();
		assert_in_range(++steps, 1, MANY);
	}
	assert_int_equal(tr_stage_counts(&stage).canceled, MANY);
	for (size_t i = 0; i < stage.answer_count; i++) {
		const struct tr_action *action = &stage.answers[i].action;

		if (action->kind != TR_ACTION_JOB_FINISH)
			continue;
		assert_int_equal(action->job_finish.job_id, many[next++]);
		assert_int_equal(stage.answers[i].time, then);
	}
	assert_int_equal(next, MANY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(tr_stage_dispatches(&stage, strangers[i]), 1);
	for (int i = MANY / 2; i < MANY; i++)
		assert_int_equal(tr_stage_dispatches(&stage, many[i]), 0);
	tr_stage_done(&stage);
}

static void test_no_later_event_passes_a_cancel_that_goes_on(void **state)
{
	(void)state;
	start_many();
	stage.now++;
	assert_int_equal(tr_stage_complete(&stage, many[MANY / 2 - 1], 1), TR_E_CLOCK_DUE);
	stage.now--;
	tr_stage_done(&stage);
}

static void test_who_joins_after_the_word_is_not_concerned(void **state)
{
	uint64_t late;

	(void)state;
	start_many();
	late = submit(GROUP, 0);
	tr_stage_wait(&stage, 0);
	assert_int_equal(tr_stage_counts(&stage).canceled, MANY);
	assert_true(lives(late));
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_canceled(late, TR_CAUSE_CANCEL_CLIENT);
	tr_stage_done(&stage);
}

/* What is reported of the doomed is taken as of any job: but they go nowhere. */
static void test_events_about_the_doomed_are_taken(void **state)
{
	uint64_t done = many[0], failed, streamed, canceled;

	(void)state;
	start_many();
	done = many[MANY / 2 - 1];
	failed = many[MANY / 2 - 2];
	streamed = many[MANY / 2 - 3];
	canceled = many[MANY / 2 - 4];
	assert_int_equal(tr_stage_complete(&stage, done, 7), 0);
	assert_int_equal(tr_stage_finish(&stage, done)->outcome, TR_OUTCOME_COMPLETED);
	assert_int_equal(tr_stage_fail(&stage, failed, TR_CAUSE_RESET, 0), 0);
	assert_canceled(failed, TR_CAUSE_CANCEL_CLIENT);
	assert_int_equal(tr_stage_first_token(&stage, streamed), 0);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_STREAM_COMMIT, 0), 1);
	assert_int_equal(tr_stage_cancel(&stage, canceled, TR_CAUSE_CANCEL_OPERATOR), 0);
	assert_canceled(canceled, TR_CAUSE_CANCEL_OPERATOR);
	/* A second word changes nothing. */
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_OPERATOR), 0);
	tr_stage_wait(&stage, 0);
	assert_canceled(streamed, TR_CAUSE_CANCEL_CLIENT);
	assert_int_equal(tr_stage_counts(&stage).canceled, MANY - 1);
	assert_int_equal(tr_stage_counts(&stage).retries, 0);
	tr_stage_done(&stage);
}

static void test_a_doomed_job_that_is_released_is_not_dispatched(void **state)
{
	uint64_t held, stored;

	(void)state;
	set_up(MANY);
	start();
	stage.trusting = true;
	for (int i = 0; i < 200; i++)
		many[i] = submit(GROUP, 0);
	held = submit(GROUP, TR_SUBMIT_HOLD);
	stored = submit(GROUP, TR_SUBMIT_ASYNC);
	stage.trusting = false;
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_int_equal(tr_stage_release(&stage, held), 0);
	assert_int_equal(tr_stage_persisted(&stage, stored, true), 0);
	assert_int_equal(tr_stage_dispatches(&stage, held), 0);
	assert_int_equal(tr_stage_dispatches(&stage, stored), 0);
	assert_canceled(held, TR_CAUSE_CANCEL_CLIENT);
	assert_canceled(stored, TR_CAUSE_CANCEL_CLIENT);
	tr_stage_wait(&stage, 0);
	assert_int_equal(tr_stage_counts(&stage).canceled, 202);
	tr_stage_done(&stage);
}

/* However a doomed job that waits comes to its end, it was canceled: neither a route that closes
 * nor a newcomer to its full queue has another word on it. */
static void test_a_doomed_job_that_waits_ends_as_canceled(void **state)
{
	static struct tr_plan shorter;

	(void)state;
	for (int way = 0; way < 2; way++) {
		set_up(1);
		plan.classes[0].queue_limit = MANY;
		plan.classes[0].full = TR_FULL_DROP_LRU;
		start();
		stage.trusting = true;
		submit(0, 0);
		for (int i = 0; i < MANY; i++)
			many[i] = submit(GROUP, TR_SUBMIT_STRICT);
		stage.trusting = false;
		tr_plan_copy(&shorter, &plan, 2);
		shorter.classes[0].queue_limit = MANY / 5;
		assert_int_equal(tr_stage_activate(&stage, &shorter.policy), 0);
		assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_CLIENT), 0);
		assert_true(lives(many[MANY - 1]));
		if (way == 0) {
			tr_stage_lifecycle(&stage, plan.endpoints[0].name, TR_LIFECYCLE_DOWN);
		} else {
			/* Its queue is longer than it may be by now: the oldest goes. */
			submit(0, TR_SUBMIT_STRICT);
			assert_int_equal(tr_stage_counts(&stage).failed, 0);
		}
		tr_stage_wait(&stage, 0);
		for (int i = 0; i < MANY; i++)
			assert_canceled(many[i], TR_CAUSE_CANCEL_CLIENT);
		tr_stage_done(&stage);
	}
}

/* SCH-6: the slot of a doomed job is free in a moment; it is not taken from it. */
static void test_a_doomed_job_is_no_victim(void **state)
{
	uint64_t high[60];

	(void)state;
	set_up(100);
	plan.classes[tr_plan_class(&plan, TR_NAME("urgent"), 200)].preempt = TR_PREEMPT_HARD;
	start();
	for (int i = 0; i < 100; i++)
		many[i] = submit(GROUP, 0);
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_CLIENT), 0);
	/* The first find free slots, the others only those of the doomed. */
	for (int i = 0; i < 60; i++)
		high[i] = tr_stage_submit(
			&stage, (struct tr_event_job_submit){.class_name = TR_NAME("urgent")});
	assert_int_equal(tr_stage_dispatches(&stage, high[59]), 0);
	assert_true(lives(many[99]));
	tr_stage_wait(&stage, 0);
	assert_int_equal(tr_stage_dispatches(&stage, high[59]), 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(tr_stage_finish(&stage, many[i])->preempted, 0);
	tr_stage_done(&stage);
}

/* ---- restored ---- */

static struct tr_engine *twin_of(const struct tr_stage *first)
{
	struct tr_snapshot_cursor from = {0}, to = {0};
	struct tr_engine *twin = aligned_alloc(64, tr_engine_size(&first->limits));
	uint8_t chunk[2 * TR_SNAPSHOT_CHUNK_MIN];
	int more = 1, restored = 1;
	size_t length;

	assert_int_equal(tr_engine_init(twin, &first->limits, &plan.policy, 1, 1), 0);
	while (more == 1) {
		more = tr_engine_snapshot(first->engine, &from, chunk, sizeof chunk, &length);
		restored = tr_engine_restore(twin, &to, chunk, length);
		assert_int_equal(restored, more);
	}
	return twin;
}

static void test_a_cancel_goes_on_after_a_restore(void **state)
{
	struct tr_engine *twin;
	struct tr_actions actions;

	(void)state;
	start_many();
	submit(GROUP, 0);
	give_clock();
	twin = twin_of(&stage);
	assert_int_equal(tr_engine_digest(twin), tr_engine_digest(stage.engine));
	assert_int_equal(tr_engine_deadline(twin), stage.now);
	while (tr_engine_deadline(stage.engine) == stage.now) {
		give_clock();
		assert_int_equal(tr_engine_step(twin, &stage.event, &actions), 0);
		assert_int_equal(tr_engine_chain(twin), tr_engine_chain(stage.engine));
	}
	assert_int_equal(tr_stage_counts(&stage).canceled, MANY);
	assert_int_equal(tr_stage_cancel_group(&stage, GROUP, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_int_equal(tr_engine_step(twin, &stage.event, &actions), 0);
	assert_int_equal(tr_engine_digest(twin), tr_engine_digest(stage.engine));
	assert_int_equal(tr_stage_counts(&stage).canceled, MANY + 1);
	free(twin);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_group_ends_wherever_its_jobs_are),
		cmocka_unit_test(test_what_must_be_finished_only_an_operator_cancels),
		cmocka_unit_test(test_a_group_that_nobody_is_in_is_no_error),
		cmocka_unit_test(test_a_group_holds_while_its_jobs_come_and_go),
		cmocka_unit_test(test_a_large_group_ends_at_one_instant_in_order),
		cmocka_unit_test(test_no_later_event_passes_a_cancel_that_goes_on),
		cmocka_unit_test(test_who_joins_after_the_word_is_not_concerned),
		cmocka_unit_test(test_events_about_the_doomed_are_taken),
		cmocka_unit_test(test_a_doomed_job_that_is_released_is_not_dispatched),
		cmocka_unit_test(test_a_doomed_job_that_waits_ends_as_canceled),
		cmocka_unit_test(test_a_doomed_job_is_no_victim),
		cmocka_unit_test(test_a_cancel_goes_on_after_a_restore),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
