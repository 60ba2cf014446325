/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What speaks against a candidate: each term of a score alone demotes whom it should, in scenes
 * where without it the smaller name would win. What affinity knows is put into its mouth
 * (tr_affinity_find() is wrapped).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/affinity.h"
#include "engine/health.h"
#include "engine/registry.h"
#include "tests/engine/stage.h"

#define M TR_NAME("m")
#define N TR_NAME("n")

void __wrap_tr_affinity_find(const struct tr_engine *e, const struct tr_job *job,
			     struct tr_affinity *ret);

static struct tr_plan plan;
static struct tr_stage stage;
static struct tr_affinity known;
/* Of the two endpoints of m: the one that wins a tie, and the other. */
static tr_name first, second;

void __wrap_tr_affinity_find(const struct tr_engine *e, const struct tr_job *job,
			     struct tr_affinity *ret)
{
	(void)e;
	(void)job;
	*ret = known;
}

/* Model m of two endpoints falls back to n of one. Only this term has a weight. */
static void start(int term)
{
	struct tr_policy_strategy *strategy = &plan.strategies[TR_PICKER_BEST_SCORE];

	memset(strategy->weights, 0, sizeof strategy->weights);
	strategy->weights[term] = 1000;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

static int set_up(void **state)
{
	tr_name a = tr_plan_endpoint_name(M, 0), b = tr_plan_endpoint_name(M, 1);

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, 2, 8);
	known = (struct tr_affinity){.home = TR_NONE};
	first = a < b ? a : b;
	second = a < b ? b : a;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tr_stage_done(&stage);
	return 0;
}

static uint64_t submit(enum tr_picker picker)
{
	return tr_stage_submit(&stage,
			       (struct tr_event_job_submit){.strategy = TR_PLAN_STRATEGY + picker});
}

/* Where a job goes now. */
static tr_name best(void)
{
	return tr_stage_dispatch(&stage, submit(TR_PICKER_BEST_SCORE))->endpoint;
}

/* The term's part in the last decision. */
static uint32_t penalty(tr_name endpoint, int term)
{
	return tr_stage_candidate(&stage, 0, endpoint)->terms[term];
}

/* One job at an endpoint, the other being down for the moment. */
static uint64_t place(tr_name endpoint)
{
	tr_name other = endpoint == first ? second : first;
	uint64_t job;

	assert_int_equal(tr_stage_lifecycle(&stage, other, TR_LIFECYCLE_DOWN), 0);
	job = submit(TR_PICKER_LEAST_OUTSTANDING);
	assert_int_equal(tr_stage_dispatch(&stage, job)->endpoint, endpoint);
	assert_int_equal(tr_stage_lifecycle(&stage, other, TR_LIFECYCLE_UP), 0);
	return job;
}

/* One job served, with its first token after a span. */
static void serve(tr_name endpoint, tr_span_ns ttft)
{
	uint64_t job = place(endpoint);

	tr_stage_wait(&stage, ttft);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	tr_stage_wait(&stage, 100 * TR_MS);
	assert_int_equal(tr_stage_complete(&stage, job, 11), 0);
}

static uint32_t slot_of(tr_name endpoint)
{
	return tr_registry_find(&stage.engine->registry[TR_REGISTRY_ENDPOINT], endpoint);
}

/* ---- one by one ---- */

static void test_without_a_difference_the_smaller_name_wins(void **state)
{
	(void)state;
	for (int term = 0; term < TR_TERM_COUNT; term++) {
		start(term);
		assert_int_equal(best(), first);
		assert_int_equal(stage.actions.decisions[0].pick, TR_PICK_TIE);
		if (term < TR_TERM_COUNT - 1)
			tr_stage_done(&stage);
	}
}

static void test_latency_demotes_the_slow(void **state)
{
	(void)state;
	start(TR_TERM_LATENCY);
	serve(first, 500 * TR_MS);
	serve(second, 250 * TR_MS);
	assert_int_equal(best(), second);
	assert_int_equal(penalty(first, TR_TERM_LATENCY), 1000);
	assert_in_range(penalty(second, TR_TERM_LATENCY), 400, 900);
}

/* RTE-8: whoever is not chosen for being slow is not measured, and must not be slow for ever. */
static void test_a_latency_that_is_not_seen_again_fades(void **state)
{
	tr_span_ns window;

	(void)state;
	start(TR_TERM_LATENCY);
	window = plan.policy.health.window_ns;
	serve(first, 500 * TR_MS);
	serve(second, 125 * TR_MS);
	/* Within the window of its last sample it is believed. */
	tr_stage_wait(&stage, window - 2 * TR_SECOND);
	assert_int_equal(best(), second);
	/* The other one goes on being measured, and after a while more it is worth a look. */
	serve(second, 125 * TR_MS);
	tr_stage_wait(&stage, window - 2 * TR_SECOND);
	serve(second, 125 * TR_MS);
	tr_stage_wait(&stage, window - 2 * TR_SECOND);
	serve(second, 125 * TR_MS);
	tr_stage_wait(&stage, window - 2 * TR_SECOND);
	assert_int_equal(best(), first);
	/* However long both were idle, there is something left to compare. */
	tr_stage_wait(&stage, 1000 * window);
	assert_int_equal(best(), second);
	assert_int_equal(penalty(first, TR_TERM_LATENCY), 1000);
	assert_in_range(penalty(second, TR_TERM_LATENCY), 400, 999);
	assert_true(tr_health_latency(stage.engine, slot_of(second), 0) > TR_MS);
}

static void fall_back_to_n(void)
{
	tr_plan_model(&plan, N, 1, 8);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
}

static void test_cost_demotes_the_dear(void **state)
{
	(void)state;
	fall_back_to_n();
	plan.models[1].price_in = plan.models[0].price_in / 4;
	plan.models[1].price_out = plan.models[0].price_out / 4;
	start(TR_TERM_COST);
	assert_int_equal(best(), tr_plan_endpoint_name(N, 0));
	assert_int_equal(penalty(first, TR_TERM_COST), 1000);
	assert_int_equal(penalty(tr_plan_endpoint_name(N, 0), TR_TERM_COST), 250);
}

static void test_quality_demotes_the_poor(void **state)
{
	(void)state;
	fall_back_to_n();
	plan.models[1].quality = 800;
	start(TR_TERM_QUALITY);
	assert_int_equal(best(), tr_plan_endpoint_name(N, 0));
	assert_int_equal(penalty(first, TR_TERM_QUALITY), 1000);
	assert_int_equal(penalty(tr_plan_endpoint_name(N, 0), TR_TERM_QUALITY), 400);
}

static void test_load_demotes_the_busy(void **state)
{
	(void)state;
	start(TR_TERM_LOAD);
	place(first);
	assert_int_equal(best(), second);
	assert_int_equal(penalty(first, TR_TERM_LOAD), 1000);
	assert_int_equal(penalty(second, TR_TERM_LOAD), 0);
}

/* RTE-4: its mean is the better one, its slow answers are not. */
static void test_tail_demotes_an_outlier(void **state)
{
	(void)state;
	plan.policy.slo.ttft_ns = TR_SECOND;
	start(TR_TERM_TAIL);
	for (int i = 0; i < 40; i++) {
		serve(first, i % 10 == 0 ? 4 * TR_SECOND : 100 * TR_MS);
		serve(second, 900 * TR_MS);
	}
	assert_true(tr_stage_endpoint(&stage, first).ttft_ewma_ns <
		    tr_stage_endpoint(&stage, second).ttft_ewma_ns);
	assert_int_equal(best(), second);
	assert_int_equal(penalty(first, TR_TERM_TAIL), 1000);
	/* Within the objective nothing is held against it. */
	assert_int_equal(penalty(second, TR_TERM_TAIL), 0);
}

static void test_without_an_objective_the_longer_tail_is_demoted(void **state)
{
	(void)state;
	start(TR_TERM_TAIL);
	for (int i = 0; i < 20; i++) {
		serve(first, 800 * TR_MS);
		serve(second, 200 * TR_MS);
	}
	assert_int_equal(best(), second);
	assert_int_equal(penalty(first, TR_TERM_TAIL), 1000);
	assert_in_range(penalty(second, TR_TERM_TAIL), 150, 350);
}

/* ---- where caches are warm ---- */

static void test_session_demotes_all_but_its_home(void **state)
{
	(void)state;
	start(TR_TERM_SESSION);
	known.home = slot_of(second);
	assert_int_equal(best(), second);
	assert_int_equal(penalty(first, TR_TERM_SESSION), 1000);
	assert_int_equal(penalty(second, TR_TERM_SESSION), 0);
}

static void test_a_crowded_home_is_no_home(void **state)
{
	(void)state;
	start(TR_TERM_SESSION);
	known.home = slot_of(second);
	for (int i = 0; i < 7; i++)
		place(second);
	assert_int_equal(best(), first);
	assert_int_equal(penalty(first, TR_TERM_SESSION), 0);
	assert_int_equal(penalty(second, TR_TERM_SESSION), 0);
}

static void test_prefix_demotes_who_has_not_seen_it(void **state)
{
	(void)state;
	start(TR_TERM_PREFIX);
	known.count = 1;
	known.seen[0].endpoint = slot_of(second);
	known.seen[0].permille = 700;
	assert_int_equal(best(), second);
	assert_int_equal(penalty(first, TR_TERM_PREFIX), 1000);
	assert_int_equal(penalty(second, TR_TERM_PREFIX), 300);
}

static void test_a_crowded_endpoint_has_seen_nothing(void **state)
{
	(void)state;
	start(TR_TERM_PREFIX);
	known.count = 1;
	known.seen[0].endpoint = slot_of(second);
	known.seen[0].permille = 700;
	for (int i = 0; i < 7; i++)
		place(second);
	assert_int_equal(best(), first);
	assert_int_equal(penalty(second, TR_TERM_PREFIX), 1000);
}

static void test_other_pickers_send_a_session_home_unless_it_is_crowded(void **state)
{
	(void)state;
	start(TR_TERM_LOAD);
	for (int picker = 0; picker < TR_PICKER_COUNT; picker++) {
		uint64_t job;

		if (picker == TR_PICKER_BEST_SCORE)
			continue;
		known.home = slot_of(second);
		job = submit((enum tr_picker)picker);
		assert_int_equal(tr_stage_dispatch(&stage, job)->endpoint, second);
		assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_SESSION);
		assert_int_equal(stage.actions.decisions[0].pick, TR_PICK_SESSION);
		assert_int_equal(tr_stage_complete(&stage, job, 2), 0);
	}
	for (int i = 0; i < 7; i++)
		place(second);
	submit(TR_PICKER_LEAST_OUTSTANDING);
	assert_int_equal(stage.actions.decisions[0].pick, TR_PICK_BEST);
	assert_int_equal(stage.actions.items[1].attempt_dispatch.endpoint, first);
}

/* ---- the next decision ---- */

/* RTE-8 */
static void test_a_reported_load_changes_the_next_decision(void **state)
{
	struct tr_event_endpoint_signal signal = {.endpoint = first, .running = 6};

	(void)state;
	start(TR_TERM_LOAD);
	assert_int_equal(best(), first);
	assert_int_equal(tr_stage_complete(&stage, 1, 2), 0);
	tr_stage_event(&stage, TR_EVENT_ENDPOINT_SIGNAL)->endpoint_signal = signal;
	assert_int_equal(tr_stage_give(&stage), 0);
	assert_int_equal(best(), second);
	assert_int_equal(tr_stage_dispatch(&stage, submit(TR_PICKER_LEAST_OUTSTANDING))->endpoint,
			 second);
}

/* RTE-8 */
static void test_feedback_changes_the_next_decision(void **state)
{
	struct tr_event_feedback feedback = {.job_id = 1, .endpoint = first, .score = 0};

	(void)state;
	start(TR_TERM_QUALITY);
	assert_int_equal(best(), first);
	tr_stage_event(&stage, TR_EVENT_FEEDBACK)->feedback = feedback;
	assert_int_equal(tr_stage_give(&stage), 0);
	assert_int_equal(best(), second);
}

int main(void)
{
#define SCENE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		SCENE(test_without_a_difference_the_smaller_name_wins),
		SCENE(test_latency_demotes_the_slow),
		SCENE(test_a_latency_that_is_not_seen_again_fades),
		SCENE(test_cost_demotes_the_dear),
		SCENE(test_quality_demotes_the_poor),
		SCENE(test_load_demotes_the_busy),
		SCENE(test_tail_demotes_an_outlier),
		SCENE(test_without_an_objective_the_longer_tail_is_demoted),
		SCENE(test_session_demotes_all_but_its_home),
		SCENE(test_a_crowded_home_is_no_home),
		SCENE(test_prefix_demotes_who_has_not_seen_it),
		SCENE(test_a_crowded_endpoint_has_seen_nothing),
		SCENE(test_other_pickers_send_a_session_home_unless_it_is_crowded),
		SCENE(test_a_reported_load_changes_the_next_decision),
		SCENE(test_feedback_changes_the_next_decision),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
