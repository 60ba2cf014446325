/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ADM-4, ADM-6: what a job is told about its start and finish, against what then comes; and what is
 * refused because of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "tests/engine/stage.h"

#define SERVICE (3 * TR_SECOND)

static struct tr_plan plan;

static void begin(struct tr_stage *stage, uint32_t endpoints, uint32_t slots)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), endpoints, slots);
	tr_stage_init(stage, &tr_stage_limits, &plan.policy);
}

static uint64_t send(struct tr_stage *stage)
{
	return tr_stage_submit(stage, (struct tr_event_job_submit){0});
}

/* One job is served: first token after 1 second, the rest of `tokens` in a tenth each. */
static void measure(struct tr_stage *stage, uint32_t tokens)
{
	uint64_t id = send(stage);

	tr_stage_wait(stage, TR_SECOND);
	assert_int_equal(tr_stage_first_token(stage, id), 0);
	tr_stage_wait(stage, (tokens - 1) * 100 * TR_MS);
	assert_int_equal(tr_stage_complete(stage, id, tokens), 0);
}

static const struct tr_action_job_accept *accept(const struct tr_stage *stage, uint64_t id)
{
	const struct tr_action_job_accept *action = tr_stage_accept(stage, id);

	assert_non_null(action);
	return action;
}

static struct tr_model_view model(const struct tr_stage *stage, tr_name name)
{
	struct tr_model_view view;

	assert_int_equal(tr_engine_model(stage->engine, name, &view), 0);
	return view;
}

/* ---- what is told ---- */

/* ADM-6 */
static void test_nothing_is_predicted_before_anything_is_measured(void **state)
{
	struct tr_stage stage;
	uint64_t first, second;

	(void)state;
	begin(&stage, 1, 1);
	first = send(&stage);
	second = send(&stage);
	assert_int_equal(accept(&stage, second)->predicted_start, 0);
	assert_int_equal(accept(&stage, second)->predicted_finish, 0);
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_complete(&stage, first, 5);
	/* What was said for want of knowledge is not held against it. */
	assert_true(model(&stage, TR_NAME("m")).prediction_error_ewma_ns <= 1);
	tr_stage_done(&stage);
}

/* ADM-6 */
static void test_a_short_answer_is_predicted_to_finish_sooner(void **state)
{
	struct tr_stage stage;
	uint64_t id;

	(void)state;
	begin(&stage, 1, 1);
	measure(&stage, 11);
	id = send(&stage);
	assert_int_equal(accept(&stage, id)->predicted_start, 0);
	/* 50 tokens are what the policy predicts: 1 second, and 49 tenths. */
	assert_int_equal(accept(&stage, id)->predicted_finish, 5900 * TR_MS);
	id = tr_stage_submit(&stage, (struct tr_event_job_submit){.tokens_out_max = 4});
	/* The mean job took 2 seconds. */
	assert_int_equal(accept(&stage, id)->predicted_start, 2 * TR_SECOND);
	assert_int_equal(accept(&stage, id)->predicted_finish, 2000 * TR_MS + 1300 * TR_MS);
	tr_stage_done(&stage);
}

/* ADM-6 */
static void test_only_classes_that_go_first_are_waited_for(void **state)
{
	struct tr_stage stage;
	uint64_t id;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	tr_plan_class(&plan, TR_NAME("batch"), 10);
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	measure(&stage, 11);
	send(&stage);
	for (uint64_t i = 1; i <= 3; i++) {
		id = tr_stage_submit(&stage,
				     (struct tr_event_job_submit){.class_name = TR_NAME("batch")});
		assert_int_equal(accept(&stage, id)->predicted_start, i * 2 * TR_SECOND);
	}
	id = send(&stage);
	assert_int_equal(accept(&stage, id)->predicted_start, 2 * TR_SECOND);
	id = tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = TR_NAME("batch")});
	assert_int_equal(accept(&stage, id)->predicted_start, 5 * 2 * TR_SECOND);
	tr_stage_done(&stage);
}

/* ADM-6: a strategy that weighs the whole chain may take any slot of it. */
static void test_a_wide_strategy_counts_the_slots_of_the_chain(void **state)
{
	struct tr_stage stage;
	struct tr_event_job_submit wide = {.model = TR_NAME("m"),
					   .strategy = TR_PLAN_STRATEGY + TR_PICKER_BEST_SCORE};
	uint64_t id;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	tr_plan_model(&plan, TR_NAME("n"), 1, 1);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	measure(&stage, 11);
	send(&stage);
	id = send(&stage);
	assert_int_equal(accept(&stage, id)->predicted_start, 2 * TR_SECOND);
	tr_stage_cancel(&stage, id, TR_CAUSE_CANCEL_CLIENT);
	id = tr_stage_submit(&stage, wide);
	assert_int_equal(accept(&stage, id)->predicted_start, 0);
	assert_non_null(tr_stage_dispatch(&stage, id));
	wide.flags = TR_SUBMIT_STRICT;
	id = tr_stage_submit(&stage, wide);
	assert_int_equal(accept(&stage, id)->predicted_start, 2 * TR_SECOND);
	tr_stage_done(&stage);
}

/* ADM-5, ADM-6: a job to be stored is told its start; nobody knows when another is released. */
static void test_a_job_to_be_stored_is_told_its_start(void **state)
{
	struct tr_stage stage;
	uint64_t stored, released;

	(void)state;
	begin(&stage, 1, 1);
	measure(&stage, 11);
	send(&stage);
	stored = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_ASYNC});
	assert_int_equal(accept(&stage, stored)->predicted_start, 2 * TR_SECOND);
	assert_int_equal(accept(&stage, stored)->queue_position, 0);
	released = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD});
	assert_int_equal(accept(&stage, released)->predicted_start, 0);
	assert_int_equal(accept(&stage, released)->predicted_finish, 0);
	tr_stage_done(&stage);
}

/* ADM-6 */
static void test_the_error_of_a_prediction_is_measured_at_the_first_dispatch(void **state)
{
	struct tr_stage stage;
	uint64_t running, waiting;

	(void)state;
	begin(&stage, 1, 1);
	measure(&stage, 21);
	running = send(&stage);
	waiting = send(&stage);
	assert_int_equal(accept(&stage, waiting)->predicted_start, SERVICE);
	assert_true(model(&stage, TR_NAME("m")).prediction_error_ewma_ns <= 1);
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_complete(&stage, running, 5);
	/* It came 2 seconds too soon: an eighth of the mean. */
	assert_in_range(model(&stage, TR_NAME("m")).prediction_error_ewma_ns, 250 * TR_MS,
			250 * TR_MS + 1);
	tr_stage_complete(&stage, waiting, 5);
	assert_int_equal(tr_stage_finish(&stage, waiting)->predicted_start, SERVICE);
	assert_int_equal(tr_stage_finish(&stage, waiting)->queue, TR_SECOND);
	tr_stage_done(&stage);
}

/* ADM-6: what a removed endpoint still does takes no slot that there is. */
static void test_a_removed_endpoint_has_no_slots_and_no_bookings(void **state)
{
	struct tr_stage stage;
	uint64_t id;

	(void)state;
	begin(&stage, 2, 1);
	measure(&stage, 11);
	send(&stage);
	id = send(&stage);
	assert_int_equal(model(&stage, TR_NAME("m")).in_flight, 2);
	plan.policy.id = 2;
	plan.policy.endpoint_count = plan.models[0].endpoint_count = 1;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_equal(model(&stage, TR_NAME("m")).in_flight, 1);
	tr_stage_complete(&stage, id, 5);
	tr_stage_complete(&stage, id - 1, 5);
	assert_int_equal(model(&stage, TR_NAME("m")).in_flight, 0);
	id = send(&stage);
	assert_int_equal(accept(&stage, id)->predicted_start, 0);
	assert_non_null(tr_stage_dispatch(&stage, id));
	tr_stage_done(&stage);
}

/* ---- what is refused ---- */

/* The deadline is so long after the submission. */
static uint64_t send_due(struct tr_stage *stage, tr_span_ns span)
{
	return tr_stage_submit(stage, (struct tr_event_job_submit){.deadline = stage->now + span});
}

static void stage_with_wait(struct tr_stage *stage, uint32_t percent)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	plan.models[0].output_tokens = 11;
	plan.policy.admission.feasibility_percent = percent;
	tr_stage_init(stage, &tr_stage_limits, &plan.policy);
	measure(stage, 11);
	send(stage);
	/* One more starts in 2 seconds and finishes in 4. */
}

/* ADM-4 */
static void test_a_deadline_before_the_predicted_finish_is_refused(void **state)
{
	struct tr_stage stage;
	uint64_t id;

	(void)state;
	stage_with_wait(&stage, 100);
	id = send_due(&stage, 4 * TR_SECOND - 1);
	assert_int_equal(tr_stage_reject(&stage, id)->code, TR_REJECT_DEADLINE_UNMET);
	assert_int_equal(tr_stage_reject(&stage, id)->retry_after, TR_MS);
	id = send_due(&stage, 3 * TR_SECOND);
	assert_int_equal(tr_stage_reject(&stage, id)->retry_after, TR_SECOND);
	id = send_due(&stage, 4 * TR_SECOND);
	assert_int_equal(accept(&stage, id)->predicted_finish, 4 * TR_SECOND);
	tr_stage_done(&stage);
}

/* ADM-4 */
static void test_a_refused_deadline_fits_when_it_said(void **state)
{
	struct tr_stage stage;
	uint64_t running, id;

	(void)state;
	stage_with_wait(&stage, 100);
	running = stage.next_job_id - 1;
	id = send_due(&stage, 2 * TR_SECOND);
	assert_int_equal(tr_stage_reject(&stage, id)->retry_after, 2 * TR_SECOND);
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_first_token(&stage, running);
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_complete(&stage, running, 11);
	id = send_due(&stage, 2 * TR_SECOND);
	assert_int_equal(accept(&stage, id)->predicted_finish, 2 * TR_SECOND);
	tr_stage_done(&stage);
}

/* ADM-4 */
static void test_feasibility_asks_for_its_percent(void **state)
{
	static const struct {
		uint32_t percent;
		tr_span_ns shortest;
	} rows[] = {{50, 2 * TR_SECOND}, {200, 8 * TR_SECOND}, {0, 1}};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		struct tr_stage stage;
		uint64_t id;

		stage_with_wait(&stage, rows[i].percent);
		id = send_due(&stage, rows[i].shortest - 1);
		assert_int_equal(tr_stage_reject(&stage, id)->code, TR_REJECT_DEADLINE_UNMET);
		assert_true(tr_stage_reject(&stage, id)->retry_after >= TR_MS);
		id = send_due(&stage, rows[i].shortest);
		assert_int_equal(accept(&stage, id)->predicted_finish, 4 * TR_SECOND);
		tr_stage_done(&stage);
	}
}

/* ADM-4: means change only with what is served, so an idle pool must not refuse by them: once they
 * were bad, it would stay idle. */
static void test_an_idle_pool_refuses_no_deadline_that_is_still_to_come(void **state)
{
	struct tr_stage stage;
	uint64_t running, id;

	(void)state;
	stage_with_wait(&stage, 100);
	running = stage.next_job_id - 1;
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_first_token(&stage, running);
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_complete(&stage, running, 11);
	id = send_due(&stage, 0);
	assert_int_equal(tr_stage_reject(&stage, id)->code, TR_REJECT_DEADLINE_UNMET);
	id = send_due(&stage, 1);
	assert_true(accept(&stage, id)->predicted_finish > 1);
	id = send_due(&stage, TR_SECOND);
	assert_int_equal(tr_stage_reject(&stage, id)->code, TR_REJECT_DEADLINE_UNMET);
	tr_stage_done(&stage);
}

/* ADM-4: what nobody can predict is not refused, but what is over is. */
static void test_without_measurements_only_a_passed_deadline_is_refused(void **state)
{
	struct tr_stage stage;
	uint64_t id;

	(void)state;
	begin(&stage, 1, 1);
	plan.policy.id = 2;
	plan.policy.admission.feasibility_percent = 1000;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	send(&stage);
	id = send_due(&stage, 1);
	assert_non_null(accept(&stage, id));
	tr_stage_wait(&stage, TR_SECOND);
	id = send_due(&stage, 0);
	assert_int_equal(tr_stage_reject(&stage, id)->code, TR_REJECT_DEADLINE_UNMET);
	tr_stage_done(&stage);
}

/* ---- a known world ---- */

#define SLOTS_MAX 6
#define ARRIVALS  400

/* Jobs arrive at random; each takes its time, which only the world knows. */
struct known {
	struct tr_stage stage;
	uint64_t seed, draws;
	uint32_t slots, busy;
	bool constant;
	size_t looked_at; /* answers */
	struct {
		uint64_t id; /* 0: free */
		tr_time_ns done;
	} running[SLOTS_MAX];
	uint64_t free_seen, full_seen;
};

static uint64_t below(struct known *k, uint64_t bound)
{
	return tr_below(tr_draw(k->seed, 0, TR_PURPOSE_TEST, k->draws++), bound);
}

/* Start what was dispatched; look at the prediction of what has ended. */
static void look(struct known *k)
{
	for (; k->looked_at < k->stage.answer_count; k->looked_at++) {
		const struct tr_action *action = &k->stage.answers[k->looked_at].action;
		uint32_t at = 0;

		if (action->kind == TR_ACTION_JOB_FINISH && k->constant) {
			const struct tr_action_job_finish *f = &action->job_finish;
			tr_span_ns error = tr_max(f->queue, f->predicted_start) -
					   tr_min(f->queue, f->predicted_start);

			if (error >= SERVICE)
				fail_msg("seed %llu, job %llu: wrong by %llu ns",
					 (unsigned long long)k->seed, (unsigned long long)f->job_id,
					 (unsigned long long)error);
		}
		if (action->kind != TR_ACTION_ATTEMPT_DISPATCH)
			continue;
		while (k->running[at].id)
			at++;
		assert_true(at < k->slots);
		k->running[at].id = action->attempt_dispatch.job_id;
		k->running[at].done =
			k->stage.now + (k->constant ? SERVICE : 1 + below(k, 2 * SERVICE));
		k->busy++;
	}
}

static void serve_until(struct known *k, tr_time_ns until)
{
	for (;;) {
		uint32_t next = SLOTS_MAX;

		for (uint32_t i = 0; i < SLOTS_MAX; i++)
			if (k->running[i].id &&
			    (next == SLOTS_MAX || k->running[i].done < k->running[next].done))
				next = i;
		if (next == SLOTS_MAX || k->running[next].done > until)
			break;

		uint64_t id = k->running[next].id;

		tr_stage_wait_until(&k->stage, k->running[next].done);
		k->running[next].id = 0;
		k->busy--;
		assert_int_equal(tr_stage_complete(&k->stage, id, 5), 0);
		look(k);
	}
	tr_stage_wait_until(&k->stage, until);
}

static void play(struct known *k, uint64_t seed, bool constant)
{
	uint32_t endpoints = 1 + (uint32_t)(seed % 3), each = 1 + (uint32_t)(seed % 2);
	tr_span_ns gap;

	*k = (struct known){.seed = seed, .constant = constant, .slots = endpoints * each};
	begin(&k->stage, endpoints, each);
	gap = SERVICE / k->slots;
	send(&k->stage);
	look(k);
	serve_until(k, k->stage.now + 2 * SERVICE);
	for (uint32_t i = 0; i < ARRIVALS; i++) {
		bool vacant;
		uint64_t id;

		/* Bursts and lulls, around as much as the pool can do. */
		serve_until(k,
			    k->stage.now + (below(k, 4) ? below(k, 2 * gap) : below(k, 3 * gap)));
		vacant = k->busy < k->slots;
		id = send(&k->stage);
		if ((accept(&k->stage, id)->predicted_start == 0) != vacant)
			fail_msg("seed %llu, arrival %u: told %llu with %u of %u slots taken",
				 (unsigned long long)seed, i,
				 (unsigned long long)accept(&k->stage, id)->predicted_start,
				 k->busy, k->slots);
		k->free_seen += vacant;
		k->full_seen += !vacant;
		look(k);
	}
	serve_until(k, k->stage.now + (ARRIVALS + 1) * 2 * SERVICE);
	assert_int_equal(tr_stage_counts(&k->stage).in_system, 0);
	if (constant)
		assert_true(model(&k->stage, TR_NAME("m")).prediction_error_ewma_ns < SERVICE);
	tr_stage_done(&k->stage);
}

static uint64_t seeds(void)
{
	return getenv("TR_FULL") ? 300 : 24;
}

/* ADM-6 */
static void test_a_start_is_predicted_as_at_once_exactly_when_a_slot_is_free(void **state)
{
	static struct known known;
	uint64_t vacant = 0, full = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		play(&known, seed, false);
		vacant += known.free_seen;
		full += known.full_seen;
	}
	assert_true(vacant > 1000);
	assert_true(full > 1000);
}

/* ADM-6: first come first served, one class, constant times. */
static void test_a_start_is_predicted_within_one_service_time(void **state)
{
	static struct known known;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(); seed++)
		play(&known, seed, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_predicted_before_anything_is_measured),
		cmocka_unit_test(test_a_short_answer_is_predicted_to_finish_sooner),
		cmocka_unit_test(test_only_classes_that_go_first_are_waited_for),
		cmocka_unit_test(test_a_wide_strategy_counts_the_slots_of_the_chain),
		cmocka_unit_test(test_a_job_to_be_stored_is_told_its_start),
		cmocka_unit_test(test_the_error_of_a_prediction_is_measured_at_the_first_dispatch),
		cmocka_unit_test(test_a_removed_endpoint_has_no_slots_and_no_bookings),
		cmocka_unit_test(test_a_deadline_before_the_predicted_finish_is_refused),
		cmocka_unit_test(test_a_refused_deadline_fits_when_it_said),
		cmocka_unit_test(test_feasibility_asks_for_its_percent),
		cmocka_unit_test(test_an_idle_pool_refuses_no_deadline_that_is_still_to_come),
		cmocka_unit_test(test_without_measurements_only_a_passed_deadline_is_refused),
		cmocka_unit_test(test_a_start_is_predicted_as_at_once_exactly_when_a_slot_is_free),
		cmocka_unit_test(test_a_start_is_predicted_within_one_service_time),
	};

	return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}
