/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-5: which endpoint has seen how much of a prompt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/registry.h"
#include "tests/engine/caches.h"

static struct tr_plan plan;
static struct tr_stage stage;

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_endpoint_has_seen_the_deepest_of_its_depths),
		cmocka_unit_test(test_depths_are_powers_of_two_and_the_last),
		cmocka_unit_test(test_a_prefix_is_forgotten_after_its_time_to_live),
		cmocka_unit_test(test_a_full_set_forgets_the_row_used_longest_ago),
		cmocka_unit_test(test_of_too_many_endpoints_the_shallowest_are_left_out),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
