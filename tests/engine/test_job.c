/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JOB-1: the life of a job, cell by cell of its table of moves; who may end it, and how each way
 * out is told. What happens between attempts (retry, hedge, time-outs) is in test_attempt.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene.h"

#define NO TR_JOB_NO_MOVE

/* Two endpoints of one slot, both taken; `mine` is the job the scene is about. */
static uint64_t taken[2], mine;

static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 2, 1);
	plan.policy.retry.attempts = 3;
	plan.classes[tr_plan_class(&plan, TR_NAME("urgent"), 200)].preempt = TR_PREEMPT_HARD;
}

static void start_full(void)
{
	set_up();
	start();
	for (int i = 0; i < 2; i++)
		taken[i] = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static uint64_t submit(uint16_t flags)
{
	mine = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = flags});
	return mine;
}

/* ---- into each state ---- */

static void be_free(void)
{
	start_full();
	mine = 0;
}

static void be_held(void)
{
	start_full();
	submit(TR_SUBMIT_HOLD);
}

static void be_held_for_storage(void)
{
	start_full();
	submit(TR_SUBMIT_ASYNC | TR_SUBMIT_HOLD);
}

static void be_queued(void)
{
	start_full();
	submit(0);
}

static void be_running(void)
{
	start_full();
	mine = taken[0];
}

static void be_backing_off(void)
{
	be_running();
	assert_int_equal(tr_stage_fail(&stage, mine, TR_CAUSE_RESET, 0), 0);
	/* What it left is taken at once by another. */
	tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static void be_retrying(void)
{
	be_running();
	assert_int_equal(tr_stage_fail(&stage, mine, TR_CAUSE_CREDENTIALS, 0), 0);
}

/* ---- out of it ---- */

static void do_hold(void)
{
	submit(TR_SUBMIT_HOLD);
}

static void do_submit(void)
{
	submit(0);
}

static void do_persisted(void)
{
	assert_int_equal(tr_stage_persisted(&stage, mine, true), 0);
}

static void do_release(void)
{
	assert_int_equal(tr_stage_release(&stage, mine), 0);
}

static void do_place(void)
{
	assert_int_equal(tr_stage_complete(&stage, taken[1], 1), 0);
}

static void do_fail(void)
{
	assert_int_equal(tr_stage_fail(&stage, mine, TR_CAUSE_RESET, 0), 0);
}

static void do_refuse(void)
{
	assert_int_equal(tr_stage_fail(&stage, mine, TR_CAUSE_CREDENTIALS, 0), 0);
}

static void do_wait(void)
{
	tr_stage_wait(&stage, TR_SECOND);
}

/* A job of a class that takes slots; of the two that run `mine` is the one that gives its own. */
static void do_preempt(void)
{
	tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = TR_NAME("urgent")});
	if (state_of(mine) == TR_JOB_RUNNING)
		mine = taken[1];
}

static void do_cancel(void)
{
	assert_int_equal(tr_stage_cancel(&stage, mine, TR_CAUSE_CANCEL_CLIENT), 0);
}

static const uint8_t table[TR_JOB_STATES][TR_JOB_MOVES] = {
	[TR_JOB_FREE] = {TR_JOB_HELD, TR_JOB_QUEUED, NO, NO, NO, NO, NO},
	[TR_JOB_HELD] = {TR_JOB_HELD, TR_JOB_QUEUED, NO, NO, NO, NO, TR_JOB_FREE},
	[TR_JOB_QUEUED] = {NO, NO, TR_JOB_RUNNING, NO, NO, NO, TR_JOB_FREE},
	[TR_JOB_RUNNING] = {NO, NO, NO, TR_JOB_BACKOFF, TR_JOB_RETRY, TR_JOB_RETRY, TR_JOB_FREE},
	[TR_JOB_BACKOFF] = {NO, NO, NO, NO, TR_JOB_RETRY, NO, TR_JOB_FREE},
	[TR_JOB_RETRY] = {NO, NO, TR_JOB_RUNNING, NO, NO, NO, TR_JOB_FREE},
};

/* Each allowed move, brought about by events alone. */
static const struct {
	enum tr_job_state from;
	enum tr_job_move move;
	void (*be)(void);
	void (*act)(void);
} moves[] = {
	{TR_JOB_FREE, TR_JOB_MOVE_HOLD, be_free, do_hold},
	{TR_JOB_FREE, TR_JOB_MOVE_ENQUEUE, be_free, do_submit},
	{TR_JOB_HELD, TR_JOB_MOVE_HOLD, be_held_for_storage, do_persisted},
	{TR_JOB_HELD, TR_JOB_MOVE_ENQUEUE, be_held, do_release},
	{TR_JOB_HELD, TR_JOB_MOVE_END, be_held, do_cancel},
	{TR_JOB_QUEUED, TR_JOB_MOVE_DISPATCH, be_queued, do_place},
	{TR_JOB_QUEUED, TR_JOB_MOVE_END, be_queued, do_cancel},
	{TR_JOB_RUNNING, TR_JOB_MOVE_BACK_OFF, be_running, do_fail},
	{TR_JOB_RUNNING, TR_JOB_MOVE_RETRY, be_running, do_refuse},
	{TR_JOB_RUNNING, TR_JOB_MOVE_PREEMPT, be_running, do_preempt},
	{TR_JOB_RUNNING, TR_JOB_MOVE_END, be_running, do_cancel},
	{TR_JOB_BACKOFF, TR_JOB_MOVE_RETRY, be_backing_off, do_wait},
	{TR_JOB_BACKOFF, TR_JOB_MOVE_END, be_backing_off, do_cancel},
	{TR_JOB_RETRY, TR_JOB_MOVE_DISPATCH, be_retrying, do_place},
	{TR_JOB_RETRY, TR_JOB_MOVE_END, be_retrying, do_cancel},
};

/* JOB-1 */
static void test_every_allowed_move_happens_by_events(void **state)
{
	bool walked[TR_JOB_STATES][TR_JOB_MOVES] = {0};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(moves); i++) {
		moves[i].be();
		assert_int_equal(state_of(mine), moves[i].from);
		moves[i].act();
		assert_int_equal(state_of(mine), table[moves[i].from][moves[i].move]);
		walked[moves[i].from][moves[i].move] = true;
		tr_stage_done(&stage);
	}
	for (int from = 0; from < TR_JOB_STATES; from++)
		for (int move = 0; move < TR_JOB_MOVES; move++) {
			assert_int_equal(tr_job_moves[from][move], table[from][move]);
			assert_int_equal(walked[from][move], table[from][move] != NO);
		}
}

/* ---- what cannot happen ---- */

static jmp_buf after_panic;

static void panicked(const char *condition, const char *file, int line)
{
	(void)condition;
	(void)file;
	(void)line;
	longjmp(after_panic, 1);
}

static void force_hold(struct tr_job *job)
{
	tr_job_hold(stage.engine, job, TR_HOLD_RELEASE);
}

static void force_enqueue(struct tr_job *job)
{
	tr_job_enqueue(stage.engine, job);
}

static void force_run(struct tr_job *job)
{
	tr_job_run(stage.engine, job);
}

static bool panics(void (*force)(struct tr_job *))
{
	volatile bool stopped = true;

	tr_panic_hook_set(panicked);
	if (setjmp(after_panic) == 0) {
		force(tr_job_find(stage.engine, mine));
		stopped = false;
	}
	tr_panic_hook_set(NULL);
	return stopped;
}

/* JOB-1: a move that the table does not have stops the program, in release builds too. The moves
 * into back-off and retry are reached only from an attempt, which only a running job has. */
static void test_a_forbidden_move_is_a_panic(void **state)
{
	static const struct {
		void (*be)(void);
		void (*force)(struct tr_job *);
	} rows[] = {
		{be_queued, force_hold},      {be_running, force_hold},
		{be_backing_off, force_hold}, {be_retrying, force_hold},
		{be_queued, force_enqueue},   {be_running, force_enqueue},
		{be_retrying, force_enqueue}, {be_backing_off, force_enqueue},
		{be_held, force_run},	      {be_running, force_run},
		{be_backing_off, force_run},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		rows[i].be();
		if (!panics(rows[i].force))
			fail_msg("row %zu: the engine went on", i);
		tr_stage_done(&stage);
	}
}

/* ---- held ---- */

static void test_an_async_job_runs_only_once_it_is_stored(void **state)
{
	const struct tr_action_job_accept *accept;

	(void)state;
	set_up();
	start();
	submit(TR_SUBMIT_ASYNC);
	accept = tr_stage_accept(&stage, mine);
	assert_int_equal(accept->hold, TR_HOLD_PERSIST);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_JOB_PERSIST, 0), 1);
	assert_int_equal(tr_stage_release(&stage, mine), TR_E_STATE);
	assert_int_equal(tr_stage_dispatches(&stage, mine), 0);
	assert_int_equal(tr_stage_persisted(&stage, mine, true), 0);
	assert_int_equal(tr_stage_dispatches(&stage, mine), 1);
	assert_int_equal(tr_stage_persisted(&stage, mine, true), TR_E_STATE);
	tr_stage_done(&stage);
}

static void test_a_job_that_cannot_be_stored_fails(void **state)
{
	(void)state;
	set_up();
	start();
	submit(TR_SUBMIT_ASYNC);
	assert_int_equal(tr_stage_persisted(&stage, mine, false), 0);
	assert_int_equal(tr_stage_finish(&stage, mine)->outcome, TR_OUTCOME_FAILED);
	assert_int_equal(tr_stage_finish(&stage, mine)->cause, TR_CAUSE_PERSIST_FAILED);
	assert_int_equal(tr_stage_dispatches(&stage, mine), 0);
	assert_int_equal(tr_stage_persisted(&stage, mine, true), TR_E_STALE);
	tr_stage_done(&stage);
}

static void test_a_job_to_be_stored_and_released_waits_for_both(void **state)
{
	(void)state;
	set_up();
	start();
	submit(TR_SUBMIT_ASYNC | TR_SUBMIT_HOLD);
	assert_int_equal(tr_stage_persisted(&stage, mine, true), 0);
	assert_int_equal(tr_stage_dispatches(&stage, mine), 0);
	assert_int_equal(tr_stage_release(&stage, mine), 0);
	assert_int_equal(tr_stage_dispatches(&stage, mine), 1);
	assert_int_equal(tr_stage_release(&stage, mine), TR_E_STATE);
	tr_stage_done(&stage);
}

/* SCH-3: a held job's place in the queue is that of its submission. */
static void test_a_released_job_keeps_its_turn(void **state)
{
	uint64_t held, later;

	(void)state;
	start_full();
	held = submit(TR_SUBMIT_HOLD);
	later = submit(0);
	assert_int_equal(tr_stage_release(&stage, held), 0);
	tr_stage_complete(&stage, taken[0], 1);
	assert_int_equal(tr_stage_dispatches(&stage, held), 1);
	assert_int_equal(tr_stage_dispatches(&stage, later), 0);
	tr_stage_done(&stage);
}

/* ---- cancel ---- */

/* JOB-6 */
static void test_a_canceled_job_takes_nothing_more(void **state)
{
	tr_attempt_handle attempt;

	(void)state;
	set_up();
	start();
	submit(0);
	tr_stage_first_token(&stage, mine);
	attempt = tr_stage_dispatch(&stage, mine)->attempt;
	assert_int_equal(tr_stage_cancel(&stage, mine, TR_CAUSE_CANCEL_DISCONNECT), 0);
	assert_int_equal(stage.actions.count, 2);
	assert_int_equal(stage.actions.items[0].kind, TR_ACTION_ATTEMPT_ABORT);
	assert_int_equal(stage.actions.items[0].attempt_abort.attempt.slot1, attempt.slot1);
	assert_int_equal(stage.actions.items[1].job_finish.outcome, TR_OUTCOME_CANCELED);
	assert_int_equal(stage.actions.items[1].job_finish.cause, TR_CAUSE_CANCEL_DISCONNECT);
	assert_int_equal(tr_stage_progress(&stage, mine, 5), TR_E_STALE);
	assert_int_equal(tr_stage_complete(&stage, mine, 5), TR_E_STALE);
	assert_int_equal(tr_stage_cancel(&stage, mine, TR_CAUSE_CANCEL_CLIENT), TR_E_STALE);
	tr_stage_done(&stage);
}

static void test_what_must_be_finished_only_an_operator_cancels(void **state)
{
	(void)state;
	set_up();
	plan.intents[0].cancelable = 0;
	start();
	submit(0);
	assert_int_equal(tr_stage_cancel(&stage, mine, TR_CAUSE_CANCEL_CLIENT), TR_E_STATE);
	assert_int_equal(tr_stage_cancel(&stage, mine, TR_CAUSE_CANCEL_DISCONNECT), TR_E_STATE);
	assert_int_equal(tr_stage_cancel(&stage, mine, TR_CAUSE_RESET), TR_E_INVALID);
	assert_int_equal(tr_stage_cancel(&stage, mine, TR_CAUSE_CANCEL_OPERATOR), 0);
	assert_int_equal(tr_stage_finish(&stage, mine)->cause, TR_CAUSE_CANCEL_OPERATOR);
	tr_stage_done(&stage);
}

/* ---- deadlines ---- */

/* `mine` in each state, with a deadline of five seconds from its submission, where the others have
 * none. (A back-off never lasts beyond the deadline: test_attempt.c.) */
static void test_a_deadline_ends_a_job_wherever_it_is(void **state)
{
	static const enum tr_job_state places[] = {TR_JOB_HELD, TR_JOB_QUEUED, TR_JOB_RUNNING,
						   TR_JOB_RETRY};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(places); i++) {
		start_full();
		mine = tr_stage_submit(
			&stage, (struct tr_event_job_submit){
					.deadline = stage.now + 5 * TR_SECOND,
					.flags = places[i] == TR_JOB_HELD ? TR_SUBMIT_HOLD : 0});
		if (i >= 2)
			tr_stage_complete(&stage, taken[0], 1);
		if (places[i] == TR_JOB_RETRY)
			tr_stage_fail(&stage, mine, TR_CAUSE_CREDENTIALS, 0);
		assert_int_equal(state_of(mine), places[i]);
		tr_stage_wait(&stage, 5 * TR_SECOND - 1);
		assert_int_equal(state_of(mine), places[i]);
		tr_stage_wait(&stage, 1);
		assert_int_equal(state_of(mine), TR_JOB_FREE);
		assert_int_equal(tr_stage_finish(&stage, mine)->outcome, TR_OUTCOME_EXPIRED);
		assert_int_equal(tr_stage_finish(&stage, mine)->cause, TR_CAUSE_DEADLINE);
		assert_int_equal(tr_stage_abort(&stage, mine) != NULL, places[i] == TR_JOB_RUNNING);
		tr_stage_done(&stage);
	}
}

static void test_a_deadline_is_the_earliest_that_anybody_gave(void **state)
{
	static const struct {
		tr_span_ns asked, given, most, wanted;
	} rows[] = {
		{0, 0, 0, 0}, {7, 0, 0, 7}, {0, 5, 0, 5}, {7, 5, 0, 7},
		{7, 5, 6, 6}, {0, 5, 4, 4}, {0, 0, 3, 3},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		tr_time_ns deadline;

		set_up();
		plan.intents[0].deadline_ns = rows[i].given * TR_SECOND;
		plan.intents[0].deadline_ns_max = rows[i].most * TR_SECOND;
		start();
		deadline = rows[i].asked ? stage.now + rows[i].asked * TR_SECOND : 0;
		mine = tr_stage_submit(&stage, (struct tr_event_job_submit){.deadline = deadline});
		assert_int_equal(tr_stage_dispatch(&stage, mine)->deadline,
				 rows[i].wanted ? stage.now + rows[i].wanted * TR_SECOND
						: TR_TIME_NEVER);
		tr_stage_done(&stage);
	}
}

/* ADM-4: at the very instant of its deadline a job is late already. */
static void test_no_job_is_dispatched_at_its_deadline(void **state)
{
	(void)state;
	start_full();
	mine = tr_stage_submit(&stage,
			       (struct tr_event_job_submit){.deadline = stage.now + TR_SECOND});
	stage.now += TR_SECOND;
	assert_int_equal(tr_stage_complete(&stage, taken[0], 1), 0);
	assert_int_equal(tr_stage_dispatches(&stage, mine), 0);
	tr_stage_wait(&stage, 0);
	assert_int_equal(tr_stage_finish(&stage, mine)->outcome, TR_OUTCOME_EXPIRED);
	tr_stage_done(&stage);
}

static void test_a_queue_lets_go_after_its_time_out(void **state)
{
	uint64_t second;

	(void)state;
	set_up();
	plan.classes[0].queue_timeout_ns = 2 * TR_SECOND;
	start();
	for (int i = 0; i < 2; i++)
		taken[i] = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	mine = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	tr_stage_wait(&stage, TR_SECOND);
	second = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	tr_stage_wait(&stage, TR_SECOND - 1);
	assert_null(tr_stage_finish(&stage, mine));
	tr_stage_wait(&stage, 1);
	assert_int_equal(tr_stage_finish(&stage, mine)->outcome, TR_OUTCOME_EXPIRED);
	assert_int_equal(tr_stage_finish(&stage, mine)->cause, TR_CAUSE_QUEUE_TIMEOUT);
	assert_int_equal(tr_stage_finish(&stage, mine)->queue, 2 * TR_SECOND);
	assert_int_equal(tr_stage_finish(&stage, mine)->attempts, 0);
	assert_null(tr_stage_finish(&stage, second));
	/* Those that run are no longer in the queue. */
	assert_int_equal(tr_stage_endpoint(&stage, plan.endpoints[0].name).in_flight, 1);
	tr_stage_done(&stage);
}

/* ---- what a finished job says ---- */

static void test_a_finished_job_tells_its_times_and_tokens(void **state)
{
	const struct tr_action_job_finish *finish;

	(void)state;
	start_full();
	submit(0);
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_complete(&stage, taken[1], 1);
	tr_stage_wait(&stage, 300 * TR_MS);
	tr_stage_connected(&stage, mine);
	tr_stage_headers(&stage, mine);
	tr_stage_first_token(&stage, mine);
	tr_stage_wait(&stage, 200 * TR_MS);
	tr_stage_progress(&stage, mine, 32);
	tr_stage_wait(&stage, 500 * TR_MS);
	tr_stage_complete(&stage, mine, 64);
	finish = tr_stage_finish(&stage, mine);
	assert_int_equal(finish->outcome, TR_OUTCOME_COMPLETED);
	assert_int_equal(finish->cause, TR_CAUSE_NONE);
	assert_int_equal(finish->queue, TR_SECOND);
	assert_int_equal(finish->ttft, 1300 * TR_MS);
	assert_int_equal(finish->e2e, 2000 * TR_MS);
	assert_int_equal(finish->tokens_in, 100);
	assert_int_equal(finish->tokens_out, 64);
	assert_int_equal(finish->attempts, 1);
	assert_int_equal(finish->cost, 100 + 2 * 64);
	assert_int_equal(finish->endpoint, tr_stage_dispatch(&stage, mine)->endpoint);
	assert_int_equal(finish->model, TR_NAME("m"));
	assert_int_equal(finish->class_name, TR_NAME("interactive"));
	assert_int_equal(finish->tenant, TR_NAME("default"));
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_allowed_move_happens_by_events),
		cmocka_unit_test(test_a_forbidden_move_is_a_panic),
		cmocka_unit_test(test_an_async_job_runs_only_once_it_is_stored),
		cmocka_unit_test(test_a_job_that_cannot_be_stored_fails),
		cmocka_unit_test(test_a_job_to_be_stored_and_released_waits_for_both),
		cmocka_unit_test(test_a_released_job_keeps_its_turn),
		cmocka_unit_test(test_a_canceled_job_takes_nothing_more),
		cmocka_unit_test(test_what_must_be_finished_only_an_operator_cancels),
		cmocka_unit_test(test_a_deadline_ends_a_job_wherever_it_is),
		cmocka_unit_test(test_a_deadline_is_the_earliest_that_anybody_gave),
		cmocka_unit_test(test_no_job_is_dispatched_at_its_deadline),
		cmocka_unit_test(test_a_queue_lets_go_after_its_time_out),
		cmocka_unit_test(test_a_finished_job_tells_its_times_and_tokens),
	};

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
