/* SPDX-License-Identifier: Apache-2.0 */
/* RES-5: the adaptive concurrency limit: what cuts it, what lets it grow, what it never leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/limit.h"
#include "engine/random.h"
#include "tests/engine/stage.h"

static struct tr_plan plan, next;
static struct tr_stage stage;
static uint64_t jobs[1024];

static void set_up(uint32_t slots)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, slots);
	plan.policy.concurrency.adaptive = 1;
	plan.policy.concurrency.least = 2;
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	stage.trusting = true;
}

static void stop(void)
{
	assert_null(tr_engine_verify(stage.engine));
	tr_stage_done(&stage);
}

static uint32_t limit(void)
{
	return tr_stage_endpoint(&stage, tr_plan_endpoint_name(TR_NAME("m"), 0)).limit;
}

static struct tr_endpoint *ep(void)
{
	return &stage.engine->endpoint[0];
}

/* So many jobs at once, each with its first token after a span; the limit is asked after the first
 * tokens. */
static void wave(uint32_t count, tr_span_ns ttft)
{
	for (uint32_t i = 0; i < count; i++)
		jobs[i] = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	tr_stage_wait(&stage, ttft);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(tr_stage_first_token(&stage, jobs[i]), 0);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(tr_stage_complete(&stage, jobs[i], 2), 0);
}

/* So many in flight, all pushed back; then the pause passes. */
static void push_back(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		jobs[i] = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	tr_stage_wait(&stage, TR_MS);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(tr_stage_fail(&stage, jobs[i], TR_CAUSE_OVERLOADED, 0), 0);
	tr_stage_wait(&stage, TR_SECOND);
}

static void test_it_is_slots_unless_the_policy_wants_it(void **state)
{
	(void)state;
	set_up(20);
	plan.policy.concurrency.adaptive = 0;
	start();
	push_back(10);
	for (int i = 0; i < 20; i++)
		wave(20, i < 10 ? TR_SECOND : 20 * TR_SECOND);
	assert_int_equal(limit(), 20);
	assert_int_equal(ep()->limit_milli, 0);
	stop();
}

/* ---- latency ---- */

/* RES-5: to 4 / (1 - g), which is 8 where the fast mean is three times the slow one and more. */
static void test_it_falls_while_first_tokens_come_later_than_they_used_to(void **state)
{
	(void)state;
	set_up(100);
	start();
	for (int i = 0; i < 3; i++)
		wave(100, TR_SECOND);
	assert_int_equal(limit(), 100);
	/* Half as late again is no queue yet. */
	wave(8, 1450 * TR_MS);
	assert_int_equal(limit(), 100);
	wave(100, 30 * TR_SECOND);
	assert_in_range(limit(), 8, 20);
	stop();
}

static void test_one_step_is_the_published_one(void **state)
{
	(void)state;
	set_up(100);
	start();
	for (int i = 0; i < 60; i++)
		tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	ep()->ttft_long_count = 256;
	ep()->ttft_long = TR_SECOND;
	ep()->ttft_ewma = 2 * TR_SECOND;
	/* g = 0.75: 0.8 x 100 + 0.2 x (75 + 4). The sample moves the slow mean by 1/256 of itself.
	 */
	tr_limit_first_token(stage.engine, 0, TR_SECOND);
	assert_int_equal(ep()->ttft_long, TR_SECOND);
	assert_int_equal(ep()->limit_milli, 95800);
	/* g = 1, but slots are the end. */
	ep()->ttft_ewma = TR_SECOND;
	for (uint32_t i = 1; i <= 5; i++) {
		tr_limit_first_token(stage.engine, 0, TR_SECOND);
		assert_int_equal(ep()->limit_milli, 95800 + 800 * i);
	}
	tr_limit_first_token(stage.engine, 0, TR_SECOND);
	assert_int_equal(limit(), 100);
	assert_int_equal(ep()->limit_milli, 0);
	/* Never by more than a tenth at once, however late. */
	ep()->ttft_ewma = TR_DAY;
	tr_limit_first_token(stage.engine, 0, TR_SECOND);
	assert_int_equal(ep()->limit_milli, 90800);
	stop();
}

/* RES-5: after an overload the slow mean is too slow; it must not take as long to come down. */
static void test_it_recovers_once_first_tokens_are_in_time(void **state)
{
	int waves = 0;

	(void)state;
	set_up(40);
	start();
	for (int i = 0; i < 5; i++)
		wave(40, TR_SECOND);
	for (int i = 0; i < 2; i++)
		wave(limit(), 30 * TR_SECOND);
	assert_in_range(limit(), 8, 20);
	while (limit() < 40 && waves++ < 100)
		wave(limit(), TR_SECOND);
	assert_in_range(waves, 1, 20);
	assert_true(ep()->ttft_long < 5 * TR_SECOND);
	stop();
}

static void test_an_endpoint_that_is_hardly_used_says_nothing(void **state)
{
	uint32_t before;

	(void)state;
	set_up(100);
	start();
	push_back(50);
	before = ep()->limit_milli;
	assert_int_equal(before, 45000);
	for (int i = 0; i < 20; i++)
		wave(22, TR_SECOND);
	assert_int_equal(ep()->limit_milli, before);
	wave(23, TR_SECOND);
	assert_true(ep()->limit_milli > before);
	stop();
}

/* ---- back-pressure ---- */

/* RES-5: from what was in flight, and once for all that were. */
static void test_back_pressure_cuts_once_a_round_trip(void **state)
{
	(void)state;
	set_up(100);
	start();
	push_back(40);
	assert_int_equal(ep()->limit_milli, 36000);
	push_back(36);
	assert_int_equal(ep()->limit_milli, 32400);
	/* Less in flight than the limit: what was not used is not held on to. */
	push_back(10);
	assert_int_equal(ep()->limit_milli, 9000);
	stop();
}

static void test_only_back_pressure_cuts(void **state)
{
	static const enum tr_cause others[] = {TR_CAUSE_RESET, TR_CAUSE_SERVER_ERROR,
					       TR_CAUSE_BAD_REQUEST, TR_CAUSE_CREDENTIALS};

	(void)state;
	set_up(10);
	start();
	for (size_t i = 0; i < TR_ARRAY_LENGTH(others); i++) {
		uint64_t job = tr_stage_submit(&stage, (struct tr_event_job_submit){0});

		tr_stage_wait(&stage, TR_MS);
		tr_stage_fail(&stage, job, others[i], 0);
	}
	assert_int_equal(limit(), 10);
	tr_stage_fail(&stage, tr_stage_submit(&stage, (struct tr_event_job_submit){0}),
		      TR_CAUSE_RATE_LIMITED, 0);
	assert_int_equal(limit(), 2);
	stop();
}

/* RES-5: those that wait for room are looked at again when the limit rises. */
static void test_a_limit_that_rises_wakes_who_waits(void **state)
{
	uint64_t waits;

	(void)state;
	set_up(4);
	start();
	for (int i = 0; i < 4; i++)
		jobs[i] = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	tr_stage_wait(&stage, TR_MS);
	tr_stage_fail(&stage, jobs[0], TR_CAUSE_OVERLOADED, TR_MINUTE);
	assert_int_equal(limit(), 3);
	waits = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	assert_int_equal(tr_stage_dispatches(&stage, waits), 0);
	assert_int_equal(stage.engine->core->dirty_models, 0);
	ep()->ttft_ewma = TR_SECOND;
	tr_limit_first_token(stage.engine, 0, TR_SECOND);
	assert_int_equal(limit(), 4);
	assert_int_equal(stage.engine->core->dirty_models, 1);
	stop();
}

/* ---- range ---- */

/* RES-5 */
static void test_it_never_leaves_its_range(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 300 : 30;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		uint32_t slots = 1 + (uint32_t)(tr_draw(seed, 0, TR_PURPOSE_TEST, 0) % 40);
		uint32_t least = 1 + (uint32_t)(tr_draw(seed, 0, TR_PURPOSE_TEST, 1) % 12);

		set_up(slots);
		plan.policy.concurrency.least = least;
		start();
		for (uint64_t i = 0; i < 60; i++) {
			uint64_t draw = tr_draw(seed, 1, TR_PURPOSE_TEST, i);
			uint32_t count = 1 + (uint32_t)(draw >> 8) % limit();

			if (draw % 5 == 0)
				push_back(count);
			else
				wave(count, (draw >> 40) << (draw % 12));
			if (limit() < tr_min(least, slots) || limit() > slots)
				fail_msg("seed %llu: the limit is %u", (unsigned long long)seed,
					 limit());
			assert_null(tr_engine_verify(stage.engine));
		}
		stop();
	}
}

/* ---- policies ---- */

static void activate(uint64_t id, uint32_t slots, uint32_t least, bool adaptive)
{
	next = plan;
	next.policy.id = id;
	next.policy.endpoints = next.endpoints;
	next.endpoints[0].slots = slots;
	next.policy.concurrency.least = least;
	next.policy.concurrency.adaptive = adaptive;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_null(tr_engine_verify(stage.engine));
}

/* OPS-5 */
static void test_it_follows_a_policy_with_another_range(void **state)
{
	(void)state;
	set_up(20);
	start();
	/* Held back by nothing, it follows the slots. */
	activate(2, 40, 2, true);
	assert_int_equal(limit(), 40);
	push_back(30);
	assert_int_equal(limit(), 27);
	activate(3, 60, 2, true);
	assert_int_equal(limit(), 27);
	activate(4, 60, 30, true);
	assert_int_equal(limit(), 30);
	activate(5, 10, 30, true);
	assert_int_equal(limit(), 10);
	push_back(10);
	assert_int_equal(limit(), 10);
	activate(6, 60, 1, true);
	push_back(10);
	assert_int_equal(limit(), 9);
	activate(7, 60, 1, false);
	assert_int_equal(limit(), 60);
	activate(8, 60, 1, true);
	assert_int_equal(limit(), 60);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_slots_unless_the_policy_wants_it),
		cmocka_unit_test(test_it_falls_while_first_tokens_come_later_than_they_used_to),
		cmocka_unit_test(test_one_step_is_the_published_one),
		cmocka_unit_test(test_it_recovers_once_first_tokens_are_in_time),
		cmocka_unit_test(test_an_endpoint_that_is_hardly_used_says_nothing),
		cmocka_unit_test(test_back_pressure_cuts_once_a_round_trip),
		cmocka_unit_test(test_only_back_pressure_cuts),
		cmocka_unit_test(test_a_limit_that_rises_wakes_who_waits),
		cmocka_unit_test(test_it_never_leaves_its_range),
		cmocka_unit_test(test_it_follows_a_policy_with_another_range),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
