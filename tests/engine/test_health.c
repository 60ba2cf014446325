/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTE-4, RTE-5, RTE-8, RES-5: what is believed of an endpoint from its times, its reports, its
 * provider's word and the judgements of its answers; each from the event on, so that the next
 * decision has it, and for no longer than it is worth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/health.h"
#include "tests/engine/stage.h"

static struct tr_plan plan, next;
static struct tr_stage stage;

static void set_up(uint32_t endpoints)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), endpoints, 10);
	plan.policy.health.signal_half_life_ns = 4 * TR_SECOND;
	plan.policy.health.peak_half_life_ns = 8 * TR_SECOND;
	plan.policy.health.feedback_half_life_ns = 100 * TR_SECOND;
}

static void start(uint32_t endpoints)
{
	set_up(endpoints);
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

static tr_name endpoint(uint32_t i)
{
	return tr_plan_endpoint_name(TR_NAME("m"), i);
}

static struct tr_endpoint_view view(uint32_t i)
{
	return tr_stage_endpoint(&stage, endpoint(i));
}

/* Time passes, and the engine is told. */
static void pass(tr_span_ns span)
{
	tr_stage_wait(&stage, span);
	tr_stage_event(&stage, TR_EVENT_CLOCK);
	assert_int_equal(tr_stage_give(&stage), 0);
}

static uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static void first_token_after(tr_span_ns span)
{
	uint64_t job = submit();

	tr_stage_wait(&stage, span);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 1), 0);
}

/* Endpoints stand in the registry in the order of the plan's rows. */
static void signal_as_of(uint32_t i, tr_span_ns age, uint32_t running, uint32_t waiting,
			 uint32_t kv_permille)
{
	struct tr_event *event = tr_stage_event(&stage, TR_EVENT_ENDPOINT_SIGNAL);

	event->time = stage.now;
	event->observed = stage.now - age;
	event->endpoint_signal = (struct tr_event_endpoint_signal){.endpoint = endpoint(i),
								   .running = running,
								   .waiting = waiting,
								   .kv_permille = kv_permille};
	assert_int_equal(tr_engine_step(stage.engine, event, &stage.actions), 0);
	assert_null(tr_engine_verify(stage.engine));
}

static void quota(uint32_t requests, tr_span_ns requests_reset, uint64_t tokens,
		  tr_span_ns tokens_reset)
{
	struct tr_event *event = tr_stage_event(&stage, TR_EVENT_ENDPOINT_QUOTA);

	event->endpoint_quota = (struct tr_event_endpoint_quota){.endpoint = endpoint(0),
								 .requests_remaining = requests,
								 .requests_reset = requests_reset,
								 .tokens_remaining = tokens,
								 .tokens_reset = tokens_reset};
	assert_int_equal(tr_stage_give(&stage), 0);
}

static void feedback(uint32_t score)
{
	struct tr_event *event = tr_stage_event(&stage, TR_EVENT_FEEDBACK);

	event->feedback.endpoint = endpoint(0);
	event->feedback.score = score;
	assert_int_equal(tr_stage_give(&stage), 0);
}

/* ---- times ---- */

/* RTE-4: the view has it, one in twenty is enough, and it is gone two windows later. */
static void test_a_tail_outlier_shows_and_is_forgotten(void **state)
{
	uint32_t count;

	(void)state;
	start(1);
	assert_int_equal(view(0).tail_ns, 0);
	for (int i = 0; i < 19; i++)
		first_token_after(100 * TR_MS);
	assert_in_range(view(0).tail_ns, 100 * TR_MS, 112 * TR_MS);
	first_token_after(5 * TR_SECOND);
	assert_in_range(view(0).tail_ns, 100 * TR_MS, 112 * TR_MS);
	first_token_after(5 * TR_SECOND);
	assert_in_range(view(0).tail_ns, 5 * TR_SECOND, 5 * TR_SECOND * 9 / 8);
	assert_in_range(tr_health_pool_quantile(stage.engine, 0, 50, &count), 100 * TR_MS,
			112 * TR_MS);
	assert_int_equal(count, 21);
	pass(2 * plan.policy.health.window_ns);
	assert_int_equal(view(0).tail_ns, 0);
	assert_int_equal(tr_health_pool_quantile(stage.engine, 0, 50, &count), 0);
	assert_int_equal(count, 0);
	tr_stage_done(&stage);
}

/* A pool's quantile is over all of its endpoints. */
static void test_a_pool_is_measured_as_one(void **state)
{
	uint32_t count, sum = 0;

	(void)state;
	start(3);
	for (int i = 0; i < 30; i++)
		first_token_after(TR_SECOND);
	tr_health_pool_quantile(stage.engine, 0, 99, &count);
	assert_int_equal(count, 30);
	for (uint32_t i = 0; i < 3; i++)
		sum += stage.engine->window[i].count0 + stage.engine->window[i].count1;
	assert_int_equal(sum, 30);
	tr_stage_done(&stage);
}

/* RTE-2: a longer sample is the peak at once. */
static void test_a_peak_is_reached_at_once_and_left_slowly(void **state)
{
	tr_span_ns half_life = 8 * TR_SECOND;

	(void)state;
	start(1);
	assert_int_equal(tr_health_peak(stage.engine, 0), 0);
	tr_health_first_token(stage.engine, 0, TR_SECOND);
	assert_int_equal(tr_health_peak(stage.engine, 0), TR_SECOND);
	tr_health_first_token(stage.engine, 0, 9 * TR_SECOND);
	assert_int_equal(tr_health_peak(stage.engine, 0), 9 * TR_SECOND);
	/* At age 0 a shorter one changes nothing. */
	tr_health_first_token(stage.engine, 0, TR_SECOND);
	assert_int_equal(tr_health_peak(stage.engine, 0), 9 * TR_SECOND);
	pass(half_life);
	assert_int_equal(tr_health_peak(stage.engine, 0), 9 * TR_SECOND / 2);
	/* Half of what it was above the sample is left. */
	tr_health_first_token(stage.engine, 0, TR_SECOND);
	assert_int_equal(tr_health_peak(stage.engine, 0), 5 * TR_SECOND);
	for (int i = 0; i < 40; i++) {
		pass(half_life);
		tr_health_first_token(stage.engine, 0, TR_SECOND);
	}
	assert_int_equal(tr_health_peak(stage.engine, 0), TR_SECOND);
	pass(64 * half_life);
	assert_int_equal(tr_health_peak(stage.engine, 0), 0);
	tr_stage_done(&stage);
}

/* ---- reports ---- */

/* RTE-8 */
static void test_a_report_counts_at_once_and_only_for_what_is_not_ours(void **state)
{
	(void)state;
	start(2);
	assert_int_equal(tr_health_load(stage.engine, 0), 0);
	signal_as_of(0, 0, 7, 5, 0);
	assert_int_equal(tr_health_load(stage.engine, 0), 12);
	assert_int_equal(tr_health_load(stage.engine, 1), 0);
	assert_int_equal(tr_health_fullness(stage.engine, 0), 1200);
	/* Full elsewhere, so two of the twelve are ours now ... */
	for (uint32_t i = 0; i < view(1).slots + 2; i++)
		submit();
	assert_int_equal(view(0).in_flight, 2);
	signal_as_of(0, 0, 7, 5, 0);
	assert_int_equal(tr_health_load(stage.engine, 0), 12);
	/* ... and a report of fewer than ours does not make ours fewer. */
	signal_as_of(0, 0, 1, 0, 0);
	assert_int_equal(tr_health_load(stage.engine, 0), 2);
	tr_stage_done(&stage);
}

/* RTE-8: one that is never renewed is worth nothing in the end. */
static void test_a_reported_load_fades_to_nothing_in_silence(void **state)
{
	static const uint32_t left[] = {1000, 500, 250, 125, 62, 31, 15, 7, 3, 1, 0};

	(void)state;
	start(1);
	signal_as_of(0, 0, 600, 400, 1000);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(left); i++) {
		assert_int_equal(tr_health_load(stage.engine, 0), left[i]);
		assert_int_equal(tr_health_fullness(stage.engine, 0), 100 * left[i]);
		pass(4 * TR_SECOND);
	}
	submit();
	assert_int_equal(tr_health_load(stage.engine, 0), 1);
	assert_int_equal(tr_health_fullness(stage.engine, 0), 100);
	tr_stage_done(&stage);
}

/* A report tells of the moment it was true, not of the one in which it came. */
static void test_a_report_is_as_old_as_what_it_saw(void **state)
{
	(void)state;
	start(1);
	signal_as_of(0, 4 * TR_SECOND, 64, 0, 0);
	assert_int_equal(tr_health_load(stage.engine, 0), 32);
	signal_as_of(0, TR_SECOND, 0, 100, 0);
	assert_in_range(tr_health_load(stage.engine, 0), 83, 85);
	/* Overtaken by the one before. */
	signal_as_of(0, TR_SECOND + 1, 0, 0, 0);
	assert_in_range(tr_health_load(stage.engine, 0), 83, 85);
	signal_as_of(0, TR_SECOND, 0, 0, 0);
	assert_int_equal(tr_health_load(stage.engine, 0), 0);
	tr_stage_done(&stage);
}

static void test_fullness_is_that_of_slots_or_of_the_cache_whichever_is_more(void **state)
{
	(void)state;
	start(1);
	signal_as_of(0, 0, 3, 0, 900);
	assert_int_equal(tr_health_fullness(stage.engine, 0), 900);
	signal_as_of(0, 0, 3, 9, 900);
	assert_int_equal(tr_health_fullness(stage.engine, 0), 1200);
	signal_as_of(0, 0, UINT32_MAX, UINT32_MAX, 0);
	submit();
	assert_int_equal(tr_health_load(stage.engine, 0), UINT32_MAX);
	assert_int_equal(tr_health_fullness(stage.engine, 0), UINT32_MAX);
	tr_stage_done(&stage);
}

/* ---- providers ---- */

/* RES-5 */
static void test_a_providers_word_holds_until_its_reset_and_ours_is_taken_from_it(void **state)
{
	const struct tr_endpoint *ep;
	uint64_t tokens = 100 + plan.models[0].output_tokens;

	(void)state;
	start(1);
	tokens = 100 + plan.models[0].output_tokens;
	ep = &stage.engine->endpoint[0];
	quota(3, 20 * TR_SECOND, 10000, TR_MINUTE);
	assert_int_equal(ep->provider_requests, 3);
	assert_int_equal(ep->provider_requests_until, stage.now + 20 * TR_SECOND);
	assert_int_equal(ep->provider_tokens_until, stage.now + TR_MINUTE);
	submit();
	assert_int_equal(ep->provider_requests, 2);
	assert_int_equal(ep->provider_tokens, 10000 - tokens);
	/* The next word is believed, more or less. */
	quota(50, TR_SECOND, 20, TR_SECOND);
	assert_int_equal(ep->provider_requests, 50);
	assert_int_equal(ep->provider_tokens, 20);
	submit();
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(ep->provider_tokens, 0);
	tr_stage_done(&stage);
}

static void test_what_a_provider_does_not_say_changes_nothing_and_no_reset_is_no_limit(void **state)
{
	const struct tr_endpoint *ep;

	(void)state;
	start(1);
	ep = &stage.engine->endpoint[0];
	quota(UINT32_MAX, TR_MINUTE, UINT64_MAX, TR_MINUTE);
	assert_int_equal(ep->provider_requests_until, 0);
	assert_int_equal(ep->provider_tokens_until, 0);
	quota(0, TR_MINUTE, UINT64_MAX, 0);
	assert_int_equal(ep->provider_requests_until, stage.now + TR_MINUTE);
	assert_int_equal(ep->provider_tokens_until, 0);
	quota(UINT32_MAX, 0, 0, TR_SECOND);
	assert_int_equal(ep->provider_requests_until, stage.now + TR_MINUTE);
	assert_int_equal(ep->provider_tokens_until, stage.now + TR_SECOND);
	quota(0, 0, 0, 0);
	assert_true(ep->provider_requests_until <= stage.now);
	assert_true(ep->provider_tokens_until <= stage.now);
	quota(0, UINT64_MAX, 0, UINT64_MAX);
	assert_true(ep->provider_requests_until == TR_TIME_NEVER);
	tr_stage_done(&stage);
}

/* ---- judgements ---- */

static uint32_t quality(uint32_t model_quality)
{
	return tr_health_quality(stage.engine, 0, model_quality);
}

/* RTE-8 */
static void test_a_judgement_moves_the_quality_of_the_next_decision(void **state)
{
	(void)state;
	start(1);
	assert_int_equal(quality(600), 600);
	feedback(0);
	assert_int_equal(quality(600), 600 - 31);
	feedback(1000);
	feedback(1000);
	assert_in_range(quality(600), 601, 660);
	tr_stage_done(&stage);
}

static void test_judgements_move_quality_by_half_the_scale_at_most(void **state)
{
	(void)state;
	start(1);
	for (int i = 0; i < 200; i++)
		feedback(0);
	assert_in_range(quality(600), 350, 352);
	assert_int_equal(quality(100), 0);
	assert_in_range(quality(1000), 750, 752);
	for (int i = 0; i < 200; i++)
		feedback(1000);
	assert_in_range(quality(600), 848, 850);
	assert_int_equal(quality(900), 1000);
	assert_in_range(quality(0), 248, 250);
	for (int i = 0; i < 200; i++)
		feedback(500);
	assert_in_range(quality(600), 598, 602);
	tr_stage_done(&stage);
}

/* Else one that was judged badly would never be asked again, and so never be judged again. */
static void test_judgements_fade_to_neutral(void **state)
{
	(void)state;
	for (uint32_t score = 0; score <= 1000; score += 1000) {
		uint32_t away, left;

		start(1);
		for (int i = 0; i < 50; i++)
			feedback(score);
		away = score ? quality(500) - 500 : 500 - quality(500);
		pass(100 * TR_SECOND);
		left = score ? quality(500) - 500 : 500 - quality(500);
		assert_in_range(left, away / 2 - 1, away / 2 + 1);
		pass(1000 * TR_SECOND);
		assert_int_equal(quality(500), 500);
		tr_stage_done(&stage);
	}
}

/* ---- policies ---- */

/* OPS-5: an endpoint may outlive its model by what is in flight there. */
static void test_a_first_token_of_a_pool_that_is_gone_is_nobodys(void **state)
{
	uint64_t job;

	(void)state;
	set_up(1);
	tr_plan_model(&plan, TR_NAME("gone"), 1, 10);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	tr_stage_lifecycle(&stage, endpoint(0), TR_LIFECYCLE_DOWN);
	job = submit();
	assert_true(tr_stage_dispatch(&stage, job)->model == TR_NAME("gone"));
	tr_plan_init(&next, 2);
	tr_plan_model(&next, TR_NAME("m"), 1, 10);
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(stage.engine->model[1].name, 0);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 3), 0);
	assert_int_equal(stage.engine->window[stage.limits.endpoints + 1].turn, 0);
	tr_stage_done(&stage);
}

/* OPS-5: another policy's half-lives count from its activation on, for what was known before too.
 */
static void test_another_policy_fades_in_its_own_time(void **state)
{
	(void)state;
	start(1);
	signal_as_of(0, 0, 64, 0, 0);
	tr_health_first_token(stage.engine, 0, TR_SECOND);
	pass(4 * TR_SECOND);
	next = plan; /* its tables are still the plan's */
	next.policy.id = 2;
	next.policy.health.signal_half_life_ns = TR_SECOND;
	next.policy.health.peak_half_life_ns = 2 * TR_SECOND;
	assert_int_equal(tr_health_load(stage.engine, 0), 32);
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(tr_health_load(stage.engine, 0), 4);
	assert_int_equal(tr_health_peak(stage.engine, 0), TR_SECOND / 4);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tail_outlier_shows_and_is_forgotten),
		cmocka_unit_test(test_a_pool_is_measured_as_one),
		cmocka_unit_test(test_a_peak_is_reached_at_once_and_left_slowly),
		cmocka_unit_test(test_a_report_counts_at_once_and_only_for_what_is_not_ours),
		cmocka_unit_test(test_a_reported_load_fades_to_nothing_in_silence),
		cmocka_unit_test(test_a_report_is_as_old_as_what_it_saw),
		cmocka_unit_test(test_fullness_is_that_of_slots_or_of_the_cache_whichever_is_more),
		cmocka_unit_test(
			test_a_providers_word_holds_until_its_reset_and_ours_is_taken_from_it),
		cmocka_unit_test(
			test_what_a_provider_does_not_say_changes_nothing_and_no_reset_is_no_limit),
		cmocka_unit_test(test_a_judgement_moves_the_quality_of_the_next_decision),
		cmocka_unit_test(test_judgements_move_quality_by_half_the_scale_at_most),
		cmocka_unit_test(test_judgements_fade_to_neutral),
		cmocka_unit_test(test_a_first_token_of_a_pool_that_is_gone_is_nobodys),
		cmocka_unit_test(test_another_policy_fades_in_its_own_time),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
