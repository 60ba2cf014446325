/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategies that fail. The strategy of these scenes is `weighted` over two endpoints of which one
 * has no weight: while the other is down, it finds nobody, though there is a candidate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/stage.h"

#define M	 TR_NAME("m")
#define WEIGHTED (TR_PLAN_STRATEGY + TR_PICKER_WEIGHTED)
#define HASH	 (TR_PLAN_STRATEGY + TR_PICKER_CONSISTENT_HASH)

static struct tr_plan plan, next;
static struct tr_stage stage;

static int set_up(void **state)
{
	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, 2, 200);
	plan.endpoints[0].weight = 100;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tr_stage_done(&stage);
	return 0;
}

/* Begin again with other rules. */
static void restart(uint32_t failures, tr_span_ns window, tr_span_ns cooldown)
{
	tr_stage_done(&stage);
	plan.policy.bypass.failures = failures;
	plan.policy.bypass.window_ns = window;
	plan.policy.bypass.cooldown_ns = cooldown;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

static tr_name endpoint(uint32_t i)
{
	return tr_plan_endpoint_name(M, i);
}

static void breaks(void)
{
	assert_int_equal(tr_stage_lifecycle(&stage, endpoint(0), TR_LIFECYCLE_DOWN), 0);
}

static void heals(void)
{
	assert_int_equal(tr_stage_lifecycle(&stage, endpoint(0), TR_LIFECYCLE_UP), 0);
}

/* One job under a strategy; what had part in its decision. It was served. */
static enum tr_bypass decide(tr_name strategy)
{
	uint64_t job = tr_stage_submit(&stage, (struct tr_event_job_submit){.strategy = strategy});
	enum tr_bypass bypass = (enum tr_bypass)stage.actions.decisions[0].bypass;

	assert_non_null(tr_stage_dispatch(&stage, job));
	assert_int_equal(stage.actions.decisions[0].strategy, strategy);
	return bypass;
}

/* How it does now, not as of the last event. */
static struct tr_strategy_view view(tr_name strategy)
{
	struct tr_strategy_view ret;

	tr_stage_event(&stage, TR_EVENT_CLOCK);
	assert_int_equal(tr_stage_give(&stage), 0);
	assert_int_equal(tr_engine_strategy(stage.engine, strategy, &ret), 0);
	return ret;
}

/* The only change of a strategy that the last step said. */
static const struct tr_action_strategy_change *change(void)
{
	const struct tr_action_strategy_change *found = NULL;

	for (uint32_t i = 0; i < stage.actions.count; i++)
		if (stage.actions.items[i].kind == TR_ACTION_STRATEGY_CHANGE) {
			assert_null(found);
			found = &stage.actions.items[i].strategy_change;
		}
	return found;
}

static void fails(tr_name strategy, uint32_t times)
{
	for (uint32_t i = 0; i < times; i++)
		assert_int_equal(decide(strategy), TR_BYPASS_FAILED);
}

/* RTE-10 */
static void test_a_strategy_that_finds_nobody_is_replaced_for_that_decision(void **state)
{
	(void)state;
	breaks();
	assert_int_equal(decide(WEIGHTED), TR_BYPASS_FAILED);
	assert_int_equal(stage.actions.decisions[0].picker, TR_PICKER_LEAST_OUTSTANDING);
	assert_int_equal(tr_stage_dispatch(&stage, 1)->endpoint, endpoint(1));
	assert_null(change());
	heals();
	assert_int_equal(decide(WEIGHTED), TR_BYPASS_NONE);
	assert_int_equal(stage.actions.decisions[0].picker, TR_PICKER_WEIGHTED);
	assert_int_equal(tr_stage_dispatch(&stage, 2)->endpoint, endpoint(0));
	assert_int_equal(view(WEIGHTED).failures, 1);
	assert_int_equal(view(WEIGHTED).picks, 1);
}

/* Nobody to be found is not the strategy's fault. */
static void test_a_strategy_without_candidates_has_not_failed(void **state)
{
	(void)state;
	breaks();
	assert_int_equal(tr_stage_lifecycle(&stage, endpoint(1), TR_LIFECYCLE_DOWN), 0);
	for (int i = 0; i < 10; i++)
		tr_stage_submit(&stage, (struct tr_event_job_submit){.strategy = WEIGHTED});
	assert_int_equal(view(WEIGHTED).failures, 0);
	assert_int_equal(view(WEIGHTED).picks, 0);
}

/* RTE-10 */
static void test_failures_within_the_window_put_it_aside(void **state)
{
	(void)state;
	breaks();
	fails(WEIGHTED, 4);
	assert_null(change());
	fails(WEIGHTED, 1);
	assert_non_null(change());
	assert_int_equal(change()->policy_id, 1);
	assert_int_equal(change()->strategy, WEIGHTED);
	assert_int_equal(change()->until, stage.now + 10 * TR_SECOND);
	assert_int_equal(view(WEIGHTED).aside_until, stage.now + 10 * TR_SECOND);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(decide(WEIGHTED), TR_BYPASS_ASIDE);
		assert_int_equal(stage.actions.decisions[0].picker, TR_PICKER_LEAST_OUTSTANDING);
		assert_null(change());
	}
	assert_int_equal(view(WEIGHTED).failures, 5);
}

/* RTE-10: the strategy is good again while it is aside; when the cool-down is over it decides. */
static void test_healthy_routing_is_back_when_the_cooldown_is_over(void **state)
{
	tr_time_ns healthy;

	(void)state;
	breaks();
	fails(WEIGHTED, 5);
	healthy = stage.now;
	heals();
	tr_stage_wait(&stage, 10 * TR_SECOND - 1);
	assert_int_equal(decide(WEIGHTED), TR_BYPASS_ASIDE);
	tr_stage_wait(&stage, 1);
	assert_int_equal(view(WEIGHTED).aside_until, 0);
	assert_int_equal(decide(WEIGHTED), TR_BYPASS_NONE);
	assert_int_equal(change()->until, 0);
	assert_int_equal(change()->strategy, WEIGHTED);
	assert_true(stage.now - healthy < 30 * TR_SECOND);
	assert_int_equal(decide(WEIGHTED), TR_BYPASS_NONE);
	assert_null(change());
}

/* The window is clean when it is asked again. */
static void test_it_takes_as_many_failures_again_to_put_it_aside_again(void **state)
{
	(void)state;
	restart(3, 60 * TR_SECOND, TR_SECOND);
	breaks();
	fails(WEIGHTED, 3);
	tr_stage_wait(&stage, TR_SECOND);
	fails(WEIGHTED, 1);
	assert_int_equal(change()->until, 0);
	assert_int_equal(view(WEIGHTED).failures_now, 1);
	fails(WEIGHTED, 2);
	assert_int_equal(change()->until, stage.now + TR_SECOND);
	assert_int_equal(view(WEIGHTED).failures, 6);
}

/* Asked again and put aside again, in one decision. */
static void test_a_strategy_that_may_not_fail_at_all(void **state)
{
	(void)state;
	restart(1, TR_SECOND, TR_SECOND);
	breaks();
	fails(WEIGHTED, 1);
	tr_stage_wait(&stage, TR_SECOND);
	fails(WEIGHTED, 1);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_STRATEGY_CHANGE, 0), 3);
	assert_int_equal(stage.actions.items[1].strategy_change.until, 0);
	assert_int_equal(stage.actions.items[2].strategy_change.until, stage.now + TR_SECOND);
}

/* RTE-10: old failures leave the window one by one, not all at its end. */
static void test_the_window_rolls(void **state)
{
	(void)state;
	breaks();
	for (int i = 0; i < 20; i++) {
		fails(WEIGHTED, 1);
		tr_stage_wait(&stage, 3 * TR_SECOND);
	}
	assert_int_equal(view(WEIGHTED).failures, 20);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_STRATEGY_CHANGE, 0), 0);
	tr_stage_wait(&stage, 20 * TR_SECOND);
	assert_int_equal(view(WEIGHTED).failures_now, 0);
	fails(WEIGHTED, 1);
	tr_stage_wait(&stage, 9 * TR_SECOND - 1);
	fails(WEIGHTED, 2);
	assert_int_equal(view(WEIGHTED).failures_now, 3);
	tr_stage_wait(&stage, 2 * TR_SECOND);
	assert_int_equal(view(WEIGHTED).failures_now, 2);
	fails(WEIGHTED, 3);
	assert_int_equal(change()->until, stage.now + 10 * TR_SECOND);
}

static void test_zero_failures_is_never(void **state)
{
	(void)state;
	restart(0, TR_SECOND, TR_SECOND);
	breaks();
	fails(WEIGHTED, 50);
	assert_int_equal(view(WEIGHTED).failures, 50);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_STRATEGY_CHANGE, 0), 0);
}

/* RTE-10 */
static void test_failures_are_counted_for_each_strategy(void **state)
{
	(void)state;
	breaks();
	fails(WEIGHTED, 4);
	fails(HASH, 4); /* no session and no prefix: nothing to hash */
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_STRATEGY_CHANGE, 0), 0);
	fails(HASH, 1);
	assert_int_equal(change()->strategy, HASH);
	assert_int_equal(decide(HASH), TR_BYPASS_ASIDE);
	assert_int_equal(decide(TR_PLAN_STRATEGY + TR_PICKER_RANDOM), TR_BYPASS_NONE);
	assert_int_equal(view(WEIGHTED).failures, 4);
	assert_int_equal(view(HASH).failures, 5);
	assert_int_equal(view(TR_PLAN_STRATEGY + TR_PICKER_RANDOM).failures, 0);
	fails(WEIGHTED, 1);
}

static void next_policy(void)
{
	next = plan;
	next.policy.id = 2;
	next.policy.strategies = next.strategies;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
}

/* What a strategy did under one policy is not held against its namesake in another. */
static void test_a_change_of_policy_begins_with_a_clean_sheet(void **state)
{
	uint64_t old;

	(void)state;
	breaks();
	old = tr_stage_submit(&stage, (struct tr_event_job_submit){.strategy = WEIGHTED,
								   .flags = TR_SUBMIT_HOLD});
	fails(WEIGHTED, 5);
	next_policy();
	assert_int_equal(view(WEIGHTED).failures, 0);
	fails(WEIGHTED, 4);
	assert_int_equal(tr_stage_release(&stage, old), 0);
	assert_int_equal(stage.actions.decisions[0].bypass, TR_BYPASS_ASIDE);
	assert_int_equal(view(WEIGHTED).failures, 4);
	fails(WEIGHTED, 1);
	assert_int_equal(change()->policy_id, 2);
}

/* A slot that is given back is empty, whoever gives it back. */
static void test_a_policy_that_comes_back_has_a_clean_sheet(void **state)
{
	(void)state;
	breaks();
	fails(WEIGHTED, 3);
	next_policy();
	for (uint64_t job = 1; job <= 3; job++)
		assert_int_equal(tr_stage_complete(&stage, job, 10), 0);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_POLICY_RELEASE, 0), 1);
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_equal(view(WEIGHTED).failures, 0);
	fails(WEIGHTED, 1);
	assert_int_equal(tr_stage_complete(&stage, 4, 10), 0);
	next_policy(); /* at once: no job is left */
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_equal(view(WEIGHTED).failures, 0);
}

static void test_the_view_knows_the_active_policys_strategies_only(void **state)
{
	struct tr_strategy_view ret = {.picks = 77};

	(void)state;
	assert_int_equal(tr_engine_strategy(stage.engine, TR_NAME("none"), &ret), TR_E_INVALID);
	assert_int_equal(ret.picks, 77);
}

int main(void)
{
#define SCENE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		SCENE(test_a_strategy_that_finds_nobody_is_replaced_for_that_decision),
		SCENE(test_a_strategy_without_candidates_has_not_failed),
		SCENE(test_failures_within_the_window_put_it_aside),
		SCENE(test_healthy_routing_is_back_when_the_cooldown_is_over),
		SCENE(test_it_takes_as_many_failures_again_to_put_it_aside_again),
		SCENE(test_a_strategy_that_may_not_fail_at_all),
		SCENE(test_the_window_rolls),
		SCENE(test_zero_failures_is_never),
		SCENE(test_failures_are_counted_for_each_strategy),
		SCENE(test_a_change_of_policy_begins_with_a_clean_sheet),
		SCENE(test_a_policy_that_comes_back_has_a_clean_sheet),
		SCENE(test_the_view_knows_the_active_policys_strategies_only),
	};

	return cmocka_run_group_tests_name("strategy", tests, NULL, NULL);
}
