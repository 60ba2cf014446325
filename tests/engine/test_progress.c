/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nobody waits who could go: jobs with different ways in one pool, policies that change under them,
 * and the events that must wake them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/state.h"
#include "tests/engine/stage.h"

#define A TR_NAME("A")
#define B TR_NAME("B")

static struct tr_plan plan, next;
static struct tr_stage stage;

/* A, which falls back to B, one endpoint each. */
static void two_models(struct tr_plan *ret, uint64_t id, uint32_t slots)
{
	tr_plan_init(ret, id);
	tr_plan_model(ret, A, 1, slots);
	tr_plan_model(ret, B, 1, slots);
	ret->models[0].chain_count = 2;
	ret->models[0].chain[1] = 1;
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

static uint64_t submit(struct tr_event_job_submit submitted)
{
	return tr_stage_submit(&stage, submitted);
}

static bool went(uint64_t job)
{
	return tr_stage_dispatches(&stage, job) > 0;
}

static void answer(uint64_t job)
{
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 5), 0);
}

/* SCH-1 */
static void test_a_strict_job_does_not_hold_up_its_own_tenant(void **state)
{
	(void)state;
	two_models(&plan, 1, 4);
	start();
	tr_stage_lifecycle(&stage, tr_plan_endpoint_name(A, 0), TR_LIFECYCLE_DOWN);
	assert_false(went(submit((struct tr_event_job_submit){.flags = TR_SUBMIT_STRICT})));
	assert_true(went(submit((struct tr_event_job_submit){0})));
	tr_stage_done(&stage);
}

static void test_a_demanding_job_does_not_hold_up_its_own_tenant(void **state)
{
	(void)state;
	two_models(&plan, 1, 4);
	plan.models[1].capabilities |= TR_CAPABILITY_VISION;
	start();
	tr_stage_lifecycle(&stage, tr_plan_endpoint_name(B, 0), TR_LIFECYCLE_DOWN);
	assert_false(went(submit((struct tr_event_job_submit){.needs = TR_CAPABILITY_VISION})));
	assert_true(went(submit((struct tr_event_job_submit){0})));
	tr_stage_done(&stage);
}

static void test_who_waits_for_the_first_model_does_not_close_the_second(void **state)
{
	(void)state;
	two_models(&plan, 1, 1);
	plan.models[1].capabilities |= TR_CAPABILITY_VISION;
	tr_plan_tenant(&plan, TR_NAME("other"));
	tr_plan_class(&plan, TR_NAME("low"), 1);
	start();
	assert_true(went(submit((struct tr_event_job_submit){0})));
	assert_false(went(submit((struct tr_event_job_submit){0})));
	assert_true(went(submit((struct tr_event_job_submit){.tenant = TR_NAME("other"),
							     .class_name = TR_NAME("low"),
							     .needs = TR_CAPABILITY_VISION})));
	tr_stage_done(&stage);
}

/* OPS-5 */
static void test_a_job_keeps_the_ways_of_its_own_policy(void **state)
{
	uint64_t running, old;

	(void)state;
	two_models(&plan, 1, 1);
	tr_plan_tenant(&plan, TR_NAME("other"));
	two_models(&next, 2, 1);
	next.models[0].chain_count = 1;
	tr_plan_tenant(&next, TR_NAME("other"));
	start();
	tr_stage_lifecycle(&stage, tr_plan_endpoint_name(A, 0), TR_LIFECYCLE_DOWN);
	running = submit((struct tr_event_job_submit){.model = B});
	old = submit((struct tr_event_job_submit){.tenant = TR_NAME("other")});
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	submit((struct tr_event_job_submit){0});
	assert_false(went(old));
	answer(running);
	assert_true(went(old));
	tr_stage_done(&stage);
}

static void test_nobody_waits_for_an_endpoint_that_went_to_another_model(void **state)
{
	uint64_t running, waiting;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, A, 1, 1);
	tr_plan_init(&next, 2);
	tr_plan_model(&next, A, 1, 1);
	tr_plan_model(&next, B, 1, 1);
	next.endpoints[0].name = TR_NAME("new");
	next.endpoints[1].name = tr_plan_endpoint_name(A, 0);
	start();
	running = submit((struct tr_event_job_submit){0});
	waiting = submit((struct tr_event_job_submit){0});
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	answer(running);
	tr_stage_wait(&stage, TR_SECOND);
	assert_false(went(waiting));
	assert_non_null(tr_stage_finish(&stage, waiting));
	assert_int_equal(tr_stage_finish(&stage, waiting)->cause, TR_CAUSE_NO_ENDPOINT);
	tr_stage_done(&stage);
}

/* ADM-1 */
static void test_held_jobs_take_their_place_in_the_queues_limit(void **state)
{
	uint32_t rejected = 0;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, A, 1, 1);
	plan.classes[0].queue_limit = 2;
	start();
	for (int i = 0; i < 10; i++)
		rejected += tr_stage_reject(&stage, submit((struct tr_event_job_submit){
							    .flags = TR_SUBMIT_ASYNC})) != NULL;
	assert_int_equal(rejected, 8);
	tr_stage_done(&stage);
}

/* GOV-1 */
static void test_an_answer_seen_at_the_epoch_is_paid_for(void **state)
{
	struct tr_event *event;
	uint64_t job;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, A, 1, 1);
	start();
	job = submit((struct tr_event_job_submit){.tokens_in = 90000});
	event = tr_stage_event(&stage, TR_EVENT_ATTEMPT_DONE);
	event->observed = 0;
	event->attempt_done.attempt = tr_stage_dispatch(&stage, job)->attempt;
	event->attempt_done.tokens_out = 5000;
	event->time = stage.now;
	assert_int_equal(tr_engine_step(stage.engine, event, &stage.actions), 0);
	assert_int_equal(stage.actions.items[0].kind, TR_ACTION_JOB_FINISH);
	assert_int_equal(stage.actions.items[0].job_finish.tokens_out, 5000);
	assert_true(stage.actions.items[0].job_finish.cost > 0);
	tr_stage_done(&stage);
}

static void test_the_end_of_time_is_refused(void **state)
{
	struct tr_event event = {
		.kind = TR_EVENT_CLOCK, .time = TR_TIME_NEVER, .observed = TR_TIME_NEVER};

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, A, 1, 1);
	start();
	assert_int_equal(tr_engine_step(stage.engine, &event, &stage.actions), TR_E_TIME);
	tr_stage_done(&stage);
}

/* RES-1 */
static void test_a_probe_of_an_earlier_round_proves_nothing(void **state)
{
	tr_name endpoint = tr_plan_endpoint_name(A, 0);
	uint64_t bad, late;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, A, 1, 8);
	plan.policy.breaker.consecutive = 1;
	plan.policy.breaker.probes = 2;
	plan.policy.breaker.successes = 1;
	start();
	assert_int_equal(
		tr_stage_fail(&stage, submit((struct tr_event_job_submit){0}), TR_CAUSE_RESET, 0),
		0);
	bad = submit((struct tr_event_job_submit){0});
	late = submit((struct tr_event_job_submit){0});
	tr_stage_wait(&stage, 60 * TR_SECOND);
	assert_true(went(bad) && went(late));
	assert_int_equal(tr_stage_fail(&stage, bad, TR_CAUSE_RESET, 0), 0);
	tr_stage_wait(&stage, 120 * TR_SECOND);
	assert_int_equal(tr_stage_endpoint(&stage, endpoint).breaker, TR_BREAKER_HALF_OPEN);
	answer(late);
	assert_int_equal(tr_stage_endpoint(&stage, endpoint).breaker, TR_BREAKER_HALF_OPEN);
	tr_stage_done(&stage);
}

static void test_a_policy_beyond_the_engines_ranges_is_refused(void **state)
{
	static uint8_t memory[64] __attribute__((aligned(64)));

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, A, 1, 1);
	plan.policy.hedge.attempts = 4;
	assert_int_equal(tr_engine_init((struct tr_engine *)(void *)memory, &tr_stage_limits,
					&plan.policy, 1, 1),
			 TR_E_INVALID);
	plan.policy.hedge.attempts = 1;
	plan.models[0].quality = 1001;
	assert_int_equal(tr_engine_init((struct tr_engine *)(void *)memory, &tr_stage_limits,
					&plan.policy, 1, 1),
			 TR_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_strict_job_does_not_hold_up_its_own_tenant),
		cmocka_unit_test(test_a_demanding_job_does_not_hold_up_its_own_tenant),
		cmocka_unit_test(test_who_waits_for_the_first_model_does_not_close_the_second),
		cmocka_unit_test(test_a_job_keeps_the_ways_of_its_own_policy),
		cmocka_unit_test(test_nobody_waits_for_an_endpoint_that_went_to_another_model),
		cmocka_unit_test(test_held_jobs_take_their_place_in_the_queues_limit),
		cmocka_unit_test(test_an_answer_seen_at_the_epoch_is_paid_for),
		cmocka_unit_test(test_the_end_of_time_is_refused),
		cmocka_unit_test(test_a_probe_of_an_earlier_round_proves_nothing),
		cmocka_unit_test(test_a_policy_beyond_the_engines_ranges_is_refused),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
