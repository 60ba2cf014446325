/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ADM-1, SCH-1: a backlog that is too slow for too long sheds those that waited longest, and a
 * burst does not; and what that is for, a pool at twice its capacity that still answers in time.
 *
 * Unless a scene says otherwise: one slot, a target of 100 ms, an interval of a second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/state.h"
#include "tests/engine/stage.h"

#define TARGET	 (100 * TR_MS)
#define INTERVAL TR_SECOND

static struct tr_plan plan;
static struct tr_stage stage;
static tr_time_ns zero;
static uint64_t running; /* in the one slot */

static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	tr_plan_tenant(&plan, TR_NAME("other"));
	plan.classes[0].sojourn_target_ns = TARGET;
	plan.classes[0].sojourn_interval_ns = INTERVAL;
}

static uint64_t submit(tr_name tenant)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){.tenant = tenant});
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	zero = stage.now;
	running = submit(0);
}

static void at_ms(uint64_t ms)
{
	tr_stage_wait_until(&stage, zero + ms * TR_MS);
}

/* The running job ends; the result is the one that follows it, 0: nobody. */
static uint64_t serve(void)
{
	uint64_t ended = running;

	running = 0;
	assert_int_equal(tr_stage_complete(&stage, ended, 1), 0);
	for (uint32_t i = 0; i < stage.actions.count; i++)
		if (stage.actions.items[i].kind == TR_ACTION_ATTEMPT_DISPATCH)
			running = stage.actions.items[i].attempt_dispatch.job_id;
	return running;
}

static bool too_slow(void)
{
	return stage.engine->backlog[0].too_slow;
}

static size_t shed(void)
{
	size_t found = 0;

	for (size_t i = 0; i < stage.answer_count; i++) {
		const struct tr_action *action = &stage.answers[i].action;

		found += action->kind == TR_ACTION_JOB_FINISH &&
			 action->job_finish.cause == TR_CAUSE_SOJOURN_SHED;
	}
	return found;
}

/* Jobs 0..5 come at 0 and are served at 150, 600 and 1149 ms: the first interval, from 150 to 1150,
 * saw no wait below 150 ms. The slot is taken, 3, 4 and 5 wait. */
static void play_to_the_verdict(uint64_t jobs[6])
{
	for (int i = 0; i < 6; i++)
		jobs[i] = submit(i % 2 ? TR_NAME("other") : 0);
	for (int i = 0; i < 3; i++) {
		static const uint64_t times[] = {150, 600, 1149};

		at_ms(times[i]);
		assert_int_not_equal(serve(), 0);
		assert_false(too_slow());
	}
	assert_int_equal(shed(), 0);
}

/* ---- scenes ---- */

/* ADM-1 */
static void test_an_interval_without_a_short_wait_sheds_those_that_waited_longest(void **state)
{
	const struct tr_action_job_finish *finish;
	uint64_t jobs[6], fresh, next;

	(void)state;
	set_up();
	start();
	play_to_the_verdict(jobs);
	at_ms(1100 + 60);
	fresh = submit(0);
	at_ms(1200);
	/* The verdict falls with this dispatch, whose job goes its way. */
	next = serve();
	assert_true(too_slow());
	assert_int_equal(shed(), 2);
	for (int i = 0; i < 6; i++) {
		finish = tr_stage_finish(&stage, jobs[i]);
		if (!finish)
			continue;
		assert_int_not_equal(jobs[i], next);
		if (finish->outcome == TR_OUTCOME_COMPLETED)
			continue;
		assert_int_equal(finish->outcome, TR_OUTCOME_FAILED);
		assert_int_equal(finish->cause, TR_CAUSE_SOJOURN_SHED);
		assert_int_equal(finish->queue, 1200 * TR_MS);
		assert_int_equal(finish->attempts, 0);
	}
	assert_null(tr_stage_finish(&stage, fresh));
	tr_stage_done(&stage);
}

/* ADM-1: nobody has to be dispatched for it. */
static void test_a_timer_sheds_whoever_has_waited_twice_the_target(void **state)
{
	uint64_t jobs[6], fresh[2];

	(void)state;
	set_up();
	start();
	play_to_the_verdict(jobs);
	at_ms(1160);
	fresh[0] = submit(0);
	at_ms(1200);
	serve();
	fresh[1] = submit(TR_NAME("other"));
	at_ms(1360);
	assert_null(tr_stage_finish(&stage, fresh[0]));
	tr_stage_wait(&stage, 1);
	assert_int_equal(tr_stage_finish(&stage, fresh[0])->cause, TR_CAUSE_SOJOURN_SHED);
	assert_int_equal(tr_stage_finish(&stage, fresh[0])->queue, 2 * TARGET + 1);
	at_ms(1400);
	assert_null(tr_stage_finish(&stage, fresh[1]));
	tr_stage_wait(&stage, 1);
	assert_int_equal(tr_stage_finish(&stage, fresh[1])->cause, TR_CAUSE_SOJOURN_SHED);
	tr_stage_done(&stage);
}

/* ADM-1: an empty backlog is not slow, whatever was measured before. */
static void test_an_empty_backlog_starts_anew(void **state)
{
	uint64_t jobs[6];

	(void)state;
	set_up();
	start();
	play_to_the_verdict(jobs);
	at_ms(1200);
	serve();
	/* Two were shed, nobody waits. */
	assert_int_equal(shed(), 2);
	assert_false(too_slow());
	for (int i = 0; i < 6; i++)
		jobs[i] = submit(0);
	at_ms(1900);
	for (int i = 0; i < 6; i++)
		assert_int_equal(serve(), jobs[i]);
	assert_int_equal(shed(), 2);
	tr_stage_done(&stage);
}

/* ADM-1: one that was served at once is enough. */
static void test_one_short_wait_in_an_interval_acquits(void **state)
{
	uint64_t jobs[6], urgent;

	(void)state;
	set_up();
	start();
	for (int i = 0; i < 6; i++)
		jobs[i] = submit(0);
	at_ms(150);
	assert_int_equal(serve(), jobs[0]);
	at_ms(600);
	urgent = tr_stage_submit(&stage,
				 (struct tr_event_job_submit){.deadline = stage.now + TR_SECOND});
	/* As long as the target, and no longer. */
	at_ms(700);
	assert_int_equal(serve(), urgent);
	for (int i = 1; i < 6; i++) {
		at_ms(1000 + 200 * (uint64_t)i);
		assert_int_equal(serve(), jobs[i]);
		assert_false(too_slow());
	}
	assert_int_equal(shed(), 0);
	tr_stage_done(&stage);
}

/* ADM-1: the verdict of an interval with a short wait lifts that of the one before. */
static void test_a_queue_that_is_fast_again_sheds_no_more(void **state)
{
	uint64_t jobs[6], next;

	(void)state;
	set_up();
	start();
	play_to_the_verdict(jobs);
	at_ms(1160);
	submit(0);
	at_ms(1200);
	serve();
	assert_true(too_slow());
	/* From here on each waits 50 ms, with always somebody in the queue. */
	for (uint64_t ms = 1210; ms < 3600; ms += 25) {
		at_ms(ms);
		next = submit(0);
		assert_int_not_equal(serve(), 0);
	}
	assert_false(too_slow());
	at_ms(5000);
	assert_null(tr_stage_finish(&stage, next));
	assert_int_equal(shed(), 2);
	tr_stage_done(&stage);
}

/* ADM-1: length alone is no reason. */
static void test_a_burst_is_served_and_not_shed(void **state)
{
	(void)state;
	set_up();
	start();
	for (int i = 0; i < 90; i++)
		submit(0);
	for (uint64_t i = 1; i <= 90; i++) {
		at_ms(10 * i);
		assert_int_not_equal(serve(), 0);
	}
	assert_int_equal(tr_stage_finish(&stage, running - 1)->queue, 890 * TR_MS);
	assert_int_equal(shed(), 0);
	tr_stage_done(&stage);
}

/* ADM-1 */
static void test_without_a_target_nothing_is_shed(void **state)
{
	uint64_t jobs[6];

	(void)state;
	set_up();
	plan.classes[0].sojourn_target_ns = 0;
	start();
	play_to_the_verdict(jobs);
	at_ms(60000);
	serve();
	serve();
	assert_int_equal(shed(), 0);
	tr_stage_done(&stage);
}

/* ADM-1: a policy without the rule ends it at once. */
static void test_a_policy_that_lifts_the_target_sheds_no_more(void **state)
{
	uint64_t jobs[6], fresh;

	(void)state;
	set_up();
	start();
	play_to_the_verdict(jobs);
	at_ms(1160);
	fresh = submit(0);
	at_ms(1200);
	serve();
	assert_true(too_slow());
	plan.policy.id = 2;
	plan.classes[0].sojourn_target_ns = 0;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	at_ms(10000);
	assert_null(tr_stage_finish(&stage, fresh));
	assert_int_equal(serve(), fresh);
	tr_stage_done(&stage);
}

/* ADM-1: more than a step has room for, all at one instant. */
static void test_a_crowd_is_shed_in_pieces_at_one_instant(void **state)
{
	size_t before;

	(void)state;
	set_up();
	start();
	for (int i = 0; i < 1000; i++)
		submit(i % 3 ? 0 : TR_NAME("other"));
	at_ms(150);
	serve();
	at_ms(1200);
	before = stage.answer_count;
	serve();
	/* The step that gave the verdict had no room for all. */
	assert_true(shed() < 998);
	assert_int_equal(tr_engine_deadline(stage.engine), stage.now);
	tr_stage_wait(&stage, 0);
	assert_int_equal(shed(), 998);
	for (size_t i = before; i < stage.answer_count; i++)
		assert_int_equal(stage.answers[i].time, zero + 1200 * TR_MS);
	assert_int_equal(tr_stage_counts(&stage).in_system, 1);
	tr_stage_done(&stage);
}

/* ADM-1: time-out and sojourn rule share a timer; whichever is first. */
static void test_a_queue_time_out_comes_first_where_it_is_shorter(void **state)
{
	uint64_t jobs[6], fresh;

	(void)state;
	set_up();
	plan.classes[0].queue_timeout_ns = 1500 * TR_MS;
	start();
	play_to_the_verdict(jobs);
	at_ms(1160);
	submit(0);
	at_ms(1200);
	serve();
	assert_true(too_slow());
	plan.policy.id = 2;
	plan.classes[0].queue_timeout_ns = 150 * TR_MS;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	fresh = submit(0);
	at_ms(1350);
	assert_int_equal(tr_stage_finish(&stage, fresh)->cause, TR_CAUSE_QUEUE_TIMEOUT);
	assert_int_equal(tr_stage_finish(&stage, fresh)->outcome, TR_OUTCOME_EXPIRED);
	tr_stage_done(&stage);
}

/* ---- overload ---- */

#define SLOTS	    4
#define SERVICE	    (100 * TR_MS) /* mean; from half to one and a half of it */
#define PATIENCE    (2 * TR_SECOND)
#define RUN	    (60 * TR_SECOND)
#define CAPACITY    (SLOTS * RUN / SERVICE)
#define WARM	    (4 * TR_SECOND)
#define TARGET_LONG (400 * TR_MS)

struct run {
	uint64_t seed;
	uint64_t slot_job[SLOTS];
	tr_time_ns slot_end[SLOTS];
	size_t heard;
	/* Counted. */
	uint64_t completed, expired, shed;
	tr_span_ns shed_after; /* the longest wait of a shed one, once warm */
};

static void hear(struct run *run)
{
	for (; run->heard < stage.answer_count; run->heard++) {
		const struct tr_answer *answer = &stage.answers[run->heard];
		const struct tr_action *action = &answer->action;
		uint32_t slot = 0;

		if (action->kind == TR_ACTION_ATTEMPT_DISPATCH) {
			uint64_t id = action->attempt_dispatch.job_id;
			uint64_t draw = tr_draw(run->seed, id, TR_PURPOSE_TEST, 1);

			while (run->slot_job[slot])
				slot++;
			assert_true(slot < SLOTS);
			run->slot_job[slot] = id;
			run->slot_end[slot] = answer->time + SERVICE / 2 + tr_below(draw, SERVICE);
		} else if (action->kind == TR_ACTION_ATTEMPT_ABORT) {
			while (run->slot_job[slot] != action->attempt_abort.job_id)
				slot++;
			run->slot_job[slot] = 0;
		} else if (action->kind == TR_ACTION_JOB_FINISH) {
			const struct tr_action_job_finish *finish = &action->job_finish;

			run->completed += finish->outcome == TR_OUTCOME_COMPLETED;
			run->expired += finish->outcome == TR_OUTCOME_EXPIRED;
			run->shed += finish->cause == TR_CAUSE_SOJOURN_SHED;
			if (finish->cause == TR_CAUSE_SOJOURN_SHED && answer->time > zero + WARM)
				run->shed_after = tr_max(run->shed_after, finish->queue);
		}
	}
}

/* The slot whose job ends first, SLOTS: all are free. */
static uint32_t first_end(const struct run *run)
{
	uint32_t first = SLOTS;

	for (uint32_t i = 0; i < SLOTS; i++)
		if (run->slot_job[i] && (first == SLOTS || run->slot_end[i] < run->slot_end[first]))
			first = i;
	return first;
}

/* What ends before a time, ends. */
static void serve_until(struct run *run, tr_time_ns until)
{
	for (;;) {
		uint32_t slot = first_end(run);
		tr_time_ns ends = slot == SLOTS ? until : tr_min(run->slot_end[slot], until);

		/* One CLOCK at a time: it may abort what is about to end. */
		if (tr_engine_deadline(stage.engine) <= ends) {
			tr_stage_wait_until(&stage, tr_engine_deadline(stage.engine));
			hear(run);
			continue;
		}
		tr_stage_wait_until(&stage, ends);
		if (slot == SLOTS || run->slot_end[slot] > until)
			return;

		uint64_t id = run->slot_job[slot];

		run->slot_job[slot] = 0;
		assert_int_equal(tr_stage_complete(&stage, id, 10), 0);
		hear(run);
	}
}

/* A minute of twice as many jobs as can be served, each with two seconds of patience. */
static struct run overload(uint64_t seed, tr_span_ns target)
{
	struct run run = {.seed = seed};
	tr_span_ns gap = SERVICE / SLOTS / 2;

	set_up();
	plan.endpoints[0].slots = SLOTS;
	plan.classes[0].sojourn_target_ns = target;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	stage.trusting = true;
	zero = stage.now;
	while (stage.now < zero + RUN) {
		uint64_t draw = tr_draw(seed, stage.next_job_id, TR_PURPOSE_TEST, 0);

		serve_until(&run, stage.now + tr_below(draw, 2 * gap));
		tr_stage_submit(&stage,
				(struct tr_event_job_submit){.deadline = stage.now + PATIENCE});
		hear(&run);
	}
	assert_null(tr_engine_verify(stage.engine));
	tr_stage_done(&stage);
	return run;
}

/* ADM-1: without the rule the queue is as long as the patience of those who wait in it, and what is
 * served comes too late; with it those who are served are served in time, and the others know
 * early.
 */
static void test_at_twice_the_capacity_shedding_keeps_the_goodput(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 50 : 5;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct run without = overload(seed, 0), with = overload(seed, TARGET_LONG);

		print_message("# seed %llu: in time %llu and %llu of %llu, expired %llu and %llu, "
			      "shed %llu\n",
			      (unsigned long long)seed, (unsigned long long)without.completed,
			      (unsigned long long)with.completed, (unsigned long long)CAPACITY,
			      (unsigned long long)without.expired, (unsigned long long)with.expired,
			      (unsigned long long)with.shed);
		assert_true(with.completed >= 4 * without.completed);
		assert_true(with.completed >= CAPACITY * 9 / 10);
		assert_int_equal(without.shed, 0);
		assert_true(with.expired * 20 <= with.shed);
		/* Two fifths of their patience, once the first verdict has fallen. */
		assert_in_range(with.shed_after, 1, 2 * TARGET_LONG + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_an_interval_without_a_short_wait_sheds_those_that_waited_longest),
		cmocka_unit_test(test_a_timer_sheds_whoever_has_waited_twice_the_target),
		cmocka_unit_test(test_an_empty_backlog_starts_anew),
		cmocka_unit_test(test_one_short_wait_in_an_interval_acquits),
		cmocka_unit_test(test_a_queue_that_is_fast_again_sheds_no_more),
		cmocka_unit_test(test_a_burst_is_served_and_not_shed),
		cmocka_unit_test(test_without_a_target_nothing_is_shed),
		cmocka_unit_test(test_a_policy_that_lifts_the_target_sheds_no_more),
		cmocka_unit_test(test_a_crowd_is_shed_in_pieces_at_one_instant),
		cmocka_unit_test(test_a_queue_time_out_comes_first_where_it_is_shorter),
		cmocka_unit_test(test_at_twice_the_capacity_shedding_keeps_the_goodput),
	};

	return cmocka_run_group_tests_name("sojourn", tests, NULL, NULL);
}
