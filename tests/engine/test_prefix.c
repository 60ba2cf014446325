/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-5: which endpoint has seen how much of a prompt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/registry.h"
#include "tests/engine/caches.h"
#include "tests/engine/scene.h"

static enum tr_warmth serve_at(uint32_t endpoint, struct tr_event_job_submit submit)
{
	tr_caches_only(&stage, endpoint);
	return tr_caches_serve(&stage, submit);
}

/* SCH-5 */
static void test_an_endpoint_has_seen_the_deepest_of_its_depths(void **state)
{
	(void)state;
	tr_caches_plan(&plan);
	start();
	assert_int_equal(serve_at(0, tr_caches_prompt(1, 10)), TR_WARMTH_UNKNOWN);
	assert_int_equal(serve_at(1, tr_caches_prompt(1, 2)), TR_WARMTH_COLD);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 10), 0), 1000);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 10), 1), 200);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 10), 2), 0);
	/* Of 12 blocks the 10 are not a known depth: 8 are. */
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 12), 0), 8 * 1000 / 12);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 9), 0), 8 * 1000 / 9);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 1), 1), 1000);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(2, 10), 0), 0);
	/* Half of the prompt, or nothing is known. */
	assert_int_equal(serve_at(1, tr_caches_prompt(1, 16)), TR_WARMTH_COLD);
	assert_int_equal(serve_at(0, tr_caches_prompt(1, 16)), TR_WARMTH_WARM);
	assert_int_equal(serve_at(2, tr_caches_prompt(1, 40)), TR_WARMTH_UNKNOWN);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_depths_are_powers_of_two_and_the_last(void **state)
{
	(void)state;
	for (uint32_t blocks = 1; blocks <= 300; blocks++) {
		uint32_t count = tr_caches_prompt(1, blocks).prefix_count, i = 0;

		for (uint32_t depth = 1; depth <= blocks; depth++)
			if ((depth & (depth - 1)) == 0 || depth == blocks)
				assert_int_equal(tr_affinity_depth(i++, count, blocks), depth);
		assert_int_equal(i, count);
	}
	assert_int_equal(tr_affinity_depth(15, 16, 1u << 15), 1u << 15);
	assert_int_equal(tr_affinity_depth(14, 16, 20000), 1u << 14);
	assert_int_equal(tr_affinity_depth(15, 16, 20000), 20000);
	/* Longer than there are hashes for: the last is still the last. */
	assert_int_equal(tr_affinity_depth(15, 16, 100000), 100000);
}

/* A host whose hashes do not tell how deep they are. */
static void test_a_hash_is_known_at_its_own_depth_alone(void **state)
{
	const struct tr_event_job_submit one = {
		.prefix_blocks = 1, .prefix_count = 1, .prefix0 = 77};
	const struct tr_event_job_submit four = {
		.prefix_blocks = 4, .prefix_count = 3, .prefix0 = 78, .prefix1 = 79, .prefix2 = 77};

	(void)state;
	tr_caches_plan(&plan);
	start();
	serve_at(0, one);
	assert_int_equal(tr_caches_seen(&stage, one, 0), 1000);
	assert_int_equal(tr_caches_seen(&stage, four, 0), 0);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_a_prefix_is_forgotten_after_its_time_to_live(void **state)
{
	(void)state;
	tr_caches_plan(&plan);
	start();
	serve_at(0, tr_caches_prompt(1, 4));
	tr_caches_wait(&stage, TR_CACHES_TTL / 2);
	tr_caches_serve(&stage, tr_caches_prompt(1, 2));
	tr_caches_wait(&stage, TR_CACHES_TTL / 2 - 1);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 4), 0), 1000);
	tr_caches_wait(&stage, 1);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 4), 0), 500);
	tr_caches_wait(&stage, TR_CACHES_TTL / 2);
	assert_int_equal(tr_caches_seen(&stage, tr_caches_prompt(1, 4), 0), 0);
	tr_stage_done(&stage);
}

/* An endpoint answers a prompt, nobody asks how it came there. */
static void answer_by(uint32_t slot, struct tr_event_job_submit submit)
{
	struct tr_job job = {0};

	tr_affinity_admit(stage.engine, &job, &submit);
	tr_affinity_answered(stage.engine, &job, slot);
}

/* SCH-5 */
static void test_a_full_set_forgets_the_row_used_longest_ago(void **state)
{
	struct tr_affinity affinity;

	(void)state;
	tr_caches_plan(&plan);
	plan.policy.endpoint_count = 0;
	plan.policy.model_count = 0;
	tr_plan_model(&plan, TR_CACHES_MODEL, 40, 1);
	start();
	for (uint32_t slot = 0; slot <= TR_PREFIX_WAYS; slot++) {
		tr_caches_wait(&stage, TR_MS);
		answer_by(slot, tr_caches_prompt(1, 1));
		if (slot == 4)
			answer_by(0, tr_caches_prompt(1, 1));
	}
	affinity = tr_caches_found(&stage, tr_caches_prompt(1, 1));
	assert_int_equal(affinity.count, TR_PREFIX_WAYS);
	assert_int_equal(tr_affinity_seen(&affinity, 0), 1000);
	assert_int_equal(tr_affinity_seen(&affinity, 1), 0);
	for (uint32_t slot = 2; slot <= TR_PREFIX_WAYS; slot++)
		assert_int_equal(tr_affinity_seen(&affinity, slot), 1000);
	assert_null(tr_affinity_verify(stage.engine));
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_of_too_many_endpoints_the_shallowest_are_left_out(void **state)
{
	struct tr_limits limits = tr_stage_limits;
	struct tr_affinity affinity;
	uint32_t depth = 1;

	(void)state;
	tr_caches_plan(&plan);
	plan.policy.endpoint_count = 0;
	plan.policy.model_count = 0;
	tr_plan_model(&plan, TR_CACHES_MODEL, 40, 1);
	limits.prefixes = 1 << 14;
	tr_stage_init(&stage, &limits, &plan.policy);
	/* Eight endpoints at each of the depths 1, 2, 4, 8, 16: they are those seen in the end. */
	for (uint32_t group = 0; group < 5; group++, depth *= 2)
		for (uint32_t i = 0; i < 8; i++) {
			struct tr_event_job_submit last = {
				.prefix_blocks = depth,
				.prefix_count = 1,
				.prefix0 = tr_mix(UINT64_C(1) << 32 | depth)};

			answer_by(group * 8 + i, last);
		}
	affinity = tr_caches_found(&stage, tr_caches_prompt(1, 16));
	assert_int_equal(affinity.count, TR_ARRAY_LENGTH(affinity.seen));
	for (uint32_t i = 1; i < affinity.count; i++)
		assert_true(affinity.seen[i].permille <= affinity.seen[i - 1].permille);
	for (uint32_t slot = 0; slot < 40; slot++)
		assert_int_equal(tr_affinity_seen(&affinity, slot),
				 slot < 8 ? 0 : (1000u << (slot / 8)) / 16);
	tr_stage_done(&stage);
}

/* ---- cold requests ---- */

/* A model server whose speed falls with its load, and which reads a prompt it does not hold for
 * longer. It holds the hot prompt for ever once it has read it, so where all hold it, to prefer one
 * of them is of no use and can only do harm. */
#define SERVERS	 4
#define SLOTS	 8
#define REQUESTS 1200
#define BLOCKS	 16
#define HOT	 (UINT64_C(1) << 20)

struct run {
	tr_time_ns submitted[REQUESTS + 1];
	tr_time_ns answers_at[REQUESTS + 1]; /* 0: not so far, or done */
	tr_time_ns ends_at[REQUESTS + 1];
	bool hot[REQUESTS + 1];
	bool holds[SERVERS];
	uint64_t cold_wait, cold_wait_max, warmer; /* picked though another had less load */
};

static struct run run;

static uint32_t server_of(tr_name name)
{
	uint32_t i = 0;

	while (tr_caches_endpoint(i) != name)
		i++;
	return i;
}

/* The winner had no more than the bound, the mean load with this job times a share, or nobody had
 * less. */
static bool within_bound(const struct tr_decision *decision)
{
	const struct tr_candidate *all = &stage.actions.candidates[decision->first_candidate];
	uint64_t sum = 0, count = 0, least = UINT64_MAX, bound;
	uint64_t mine = all[decision->winner].in_flight;

	for (uint32_t i = 0; i < decision->candidate_count; i++) {
		if (all[i].filter != TR_FILTER_NONE)
			continue;
		sum += all[i].in_flight;
		least = tr_min(least, all[i].in_flight);
		count++;
	}
	run.warmer += mine > least;
	bound = (sum + 1) * plan.policy.affinity.load_percent;
	return mine == least || mine <= (bound + 100 * count - 1) / (100 * count);
}

static void follow(uint64_t seed)
{
	for (uint32_t i = 0; i < stage.actions.decision_count; i++)
		if (stage.actions.decisions[i].winner != TR_NONE &&
		    !within_bound(&stage.actions.decisions[i]))
			fail_msg("seed %llu: an endpoint above its bound was picked",
				 (unsigned long long)seed);
	for (uint32_t i = 0; i < stage.actions.count; i++) {
		const struct tr_action_attempt_dispatch *sent =
			&stage.actions.items[i].attempt_dispatch;

		if (stage.actions.items[i].kind != TR_ACTION_ATTEMPT_DISPATCH)
			continue;

		uint64_t id = sent->job_id, wait = stage.now - run.submitted[id];
		uint32_t server = server_of(sent->endpoint);
		uint64_t in_flight = tr_stage_endpoint(&stage, sent->endpoint).in_flight;
		bool held = run.hot[id] && run.holds[server];

		run.answers_at[id] = stage.now + (held ? 20 : 120) * TR_MS;
		run.ends_at[id] = run.answers_at[id] + 200 * TR_MS * (SLOTS + in_flight) / SLOTS;
		if (run.hot[id])
			continue;
		run.cold_wait += wait;
		run.cold_wait_max = tr_max(run.cold_wait_max, wait);
	}
}

/* The next thing that some server does: its time, TR_TIME_NEVER: none. */
static tr_time_ns next_of(uint64_t *ret_id, bool *ret_ends)
{
	tr_time_ns first = TR_TIME_NEVER;

	for (uint64_t id = 1; id <= REQUESTS; id++) {
		bool ends = run.answers_at[id] == 0;
		tr_time_ns at = ends ? run.ends_at[id] : run.answers_at[id];

		if (at == 0 || at >= first)
			continue;
		first = at;
		*ret_id = id;
		*ret_ends = ends;
	}
	return first;
}

/* What the servers do until a time. */
static void serve_until(uint64_t seed, tr_time_ns until)
{
	uint64_t id = 0;
	bool ends = false;
	tr_time_ns at;

	while ((at = next_of(&id, &ends)) <= until && at != TR_TIME_NEVER) {
		tr_stage_wait_until(&stage, at);
		if (ends) {
			run.ends_at[id] = 0;
			assert_int_equal(tr_stage_complete(&stage, id, 50), 0);
		} else {
			run.answers_at[id] = 0;
			run.holds[server_of(tr_stage_dispatch(&stage, id)->endpoint)] |=
				run.hot[id];
			assert_int_equal(tr_stage_first_token(&stage, id), 0);
		}
		follow(seed);
	}
}

static void play(uint64_t seed, tr_span_ns prefix_ttl)
{
	tr_time_ns at;

	memset(&run, 0, sizeof run);
	tr_caches_plan(&plan);
	plan.policy.model_count = plan.policy.endpoint_count = 0;
	tr_plan_model(&plan, TR_CACHES_MODEL, SERVERS, SLOTS);
	plan.policy.affinity.session_ttl_ns = 0;
	plan.policy.affinity.prefix_ttl_ns = prefix_ttl;
	plan.intents[0].strategy = TR_PICKER_BEST_SCORE;
	memset(plan.strategies[TR_PICKER_BEST_SCORE].weights, 0,
	       sizeof plan.strategies[TR_PICKER_BEST_SCORE].weights);
	plan.strategies[TR_PICKER_BEST_SCORE].weights[TR_TERM_PREFIX] = 500;
	plan.strategies[TR_PICKER_BEST_SCORE].weights[TR_TERM_LOAD] = 300;
	start();
	stage.trusting = true;
	at = stage.now;
	for (uint64_t id = 1; id <= REQUESTS; id++) {
		uint64_t draw = tr_draw(seed, id, TR_PURPOSE_TEST, 0);

		run.hot[id] = tr_below(tr_mix(draw), 100) < 90;
		at += tr_below(draw, 2 * 16 * TR_MS);
		serve_until(seed, at);
		tr_stage_wait_until(&stage, at);
		run.submitted[id] = stage.now;
		tr_stage_submit(&stage, tr_caches_prompt(run.hot[id] ? HOT : id, BLOCKS));
		follow(seed);
	}
	serve_until(seed, TR_TIME_NEVER - 1);
	assert_int_equal(tr_stage_counts(&stage).completed, REQUESTS);
	tr_stage_done(&stage);
}

/* SCH-5: nine of ten requests share a prefix. The others wait at most a quarter longer than they
 * would without affinity, on the mean, and at worst a quarter and a gap between arrivals longer. */
static void test_a_hot_prefix_does_not_starve_cold_requests(void **state)
{
	uint64_t with = 0, without = 0, with_max = 0, without_max = 0, warmer = 0;
	uint64_t seeds = getenv("TR_FULL") ? 100 : 8;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		play(seed, 200 * TR_MS);
		with += run.cold_wait;
		with_max = tr_max(with_max, run.cold_wait_max);
		warmer += run.warmer;
		play(seed, 0);
		without += run.cold_wait;
		without_max = tr_max(without_max, run.cold_wait_max);
		assert_int_equal(run.warmer, 0);
	}
	printf("# cold waits: %llu against %llu ms, at worst %llu against %llu; warmer %llu\n",
	       (unsigned long long)(with / TR_MS), (unsigned long long)(without / TR_MS),
	       (unsigned long long)(with_max / TR_MS), (unsigned long long)(without_max / TR_MS),
	       (unsigned long long)(warmer / seeds));
	/* Somebody did wait, and warmth did decide. */
	assert_true(without > 0);
	assert_true(with <= without + without / 4);
	assert_true(with_max <= without_max + without_max / 4 + 16 * TR_MS);
	assert_true(warmer > seeds * REQUESTS / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_endpoint_has_seen_the_deepest_of_its_depths),
		cmocka_unit_test(test_depths_are_powers_of_two_and_the_last),
		cmocka_unit_test(test_a_hash_is_known_at_its_own_depth_alone),
		cmocka_unit_test(test_a_prefix_is_forgotten_after_its_time_to_live),
		cmocka_unit_test(test_a_full_set_forgets_the_row_used_longest_ago),
		cmocka_unit_test(test_of_too_many_endpoints_the_shallowest_are_left_out),
		cmocka_unit_test(test_a_hot_prefix_does_not_starve_cold_requests),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
