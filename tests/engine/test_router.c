/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The router: every filter seen at work in a decision record, the tie-break, the record's cap, and
 * the way down a chain of fallbacks. Pickers are in test_picker.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/stage.h"

#define M TR_NAME("m")
#define N TR_NAME("n")
#define O TR_NAME("o")

static struct tr_plan plan, next;
static struct tr_stage stage;

/* Model m of two endpoints falls back to n, n and m to o: one endpoint each. */
static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, 2, 4);
	tr_plan_model(&plan, N, 1, 4);
	tr_plan_model(&plan, O, 1, 4);
	plan.models[0].chain_count = 3;
	plan.models[0].chain[1] = 1;
	plan.models[0].chain[2] = 2;
	plan.policy.breaker.consecutive = 1;
	plan.policy.breaker.successes = 1;
	plan.policy.retry.attempts = 3;
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = 1;
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

static tr_name m(uint32_t i)
{
	return tr_plan_endpoint_name(M, i);
}

static tr_name n(void)
{
	return tr_plan_endpoint_name(N, 0);
}

static tr_name o(void)
{
	return tr_plan_endpoint_name(O, 0);
}

static uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static void set(tr_name endpoint, enum tr_lifecycle lifecycle)
{
	assert_int_equal(tr_stage_lifecycle(&stage, endpoint, lifecycle), 0);
}

static tr_name where(uint64_t job)
{
	const struct tr_action_attempt_dispatch *dispatch = tr_stage_dispatch(&stage, job);

	return dispatch ? dispatch->endpoint : 0;
}

/* ---- filters ---- */

/* Each ends with a step that decided about a job while m(0), or what it returns, was filtered. */

static tr_name filter_none(void)
{
	start();
	set(m(1), TR_LIFECYCLE_DOWN);
	submit();
	return m(0);
}

static tr_name filter_removed(void)
{
	uint64_t job;

	start();
	job = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD});
	next = plan;
	next.policy.id = 2;
	next.policy.endpoints = next.endpoints;
	next.endpoints[0].name = TR_NAME("another");
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(tr_stage_release(&stage, job), 0);
	return m(0);
}

static tr_name filter_capability(void)
{
	plan.models[1].capabilities = TR_CAPABILITY_VISION;
	start();
	tr_stage_submit(&stage, (struct tr_event_job_submit){.needs = TR_CAPABILITY_VISION});
	return m(0);
}

static tr_name filter_context(void)
{
	plan.models[0].context_tokens = 500;
	start();
	tr_stage_submit(&stage, (struct tr_event_job_submit){.tokens_in = 500});
	return m(0);
}

static tr_name filter_tenant(void)
{
	/* Not n, on the way from m, which is down, to o. */
	plan.tenants[0].models.bits[0] = 1 << 0 | 1 << 2;
	start();
	set(m(0), TR_LIFECYCLE_DOWN);
	set(m(1), TR_LIFECYCLE_DOWN);
	submit();
	return n();
}

static tr_name filter_lifecycle(enum tr_lifecycle lifecycle)
{
	start();
	set(m(0), lifecycle);
	submit();
	return m(0);
}

static tr_name filter_down(void)
{
	return filter_lifecycle(TR_LIFECYCLE_DOWN);
}

static tr_name filter_starting(void)
{
	return filter_lifecycle(TR_LIFECYCLE_STARTING);
}

static tr_name filter_draining(void)
{
	return filter_lifecycle(TR_LIFECYCLE_DRAINING);
}

/* A job that only m(0) can take. */
static uint64_t to_first(void)
{
	uint64_t job;

	set(m(1), TR_LIFECYCLE_DOWN);
	job = submit();
	assert_int_equal(where(job), m(0));
	set(m(1), TR_LIFECYCLE_UP);
	return job;
}

static tr_name filter_tried(void)
{
	uint64_t job;

	start();
	job = to_first();
	tr_stage_fail(&stage, job, TR_CAUSE_CREDENTIALS, 0);
	return m(0);
}

static tr_name filter_breaker(void)
{
	plan.policy.retry.attempts = 0;
	start();
	tr_stage_fail(&stage, to_first(), TR_CAUSE_RESET, 0);
	submit();
	assert_in_range(tr_stage_candidate(&stage, 0, m(0))->detail, 1, TR_SECOND);
	return m(0);
}

static tr_name filter_probes(void)
{
	filter_breaker();
	tr_stage_wait(&stage, TR_SECOND);
	to_first();
	submit();
	return m(0);
}

static tr_name filter_paused(void)
{
	plan.policy.retry.attempts = 0;
	start();
	tr_stage_fail(&stage, to_first(), TR_CAUSE_RATE_LIMITED, 2 * TR_SECOND);
	submit();
	assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->detail, 2 * TR_SECOND);
	return m(0);
}

static tr_name filter_rate(void)
{
	plan.endpoints[0].requests_per_minute = 2;
	start();
	to_first();
	to_first();
	submit();
	assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->detail, 30 * TR_SECOND);
	return m(0);
}

static tr_name filter_busy(void)
{
	plan.endpoints[0].slots = 1;
	start();
	to_first();
	submit();
	assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->in_flight, 1);
	assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->slots, 1);
	return m(0);
}

/* RES-5 */
static tr_name filter_limit(void)
{
	plan.policy.concurrency.adaptive = 1;
	start();
	tr_stage_fail(&stage, to_first(), TR_CAUSE_OVERLOADED, 1);
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_endpoint(&stage, m(0)).limit, 1);
	to_first();
	submit();
	return m(0);
}

/* RES-5 */
static tr_name filter_provider(void)
{
	start();
	assert_int_equal(tr_stage_quota(&stage, m(0), 1, UINT64_MAX, 7 * TR_SECOND), 0);
	to_first();
	tr_stage_wait(&stage, TR_SECOND);
	submit();
	assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->detail, 6 * TR_SECOND);
	return m(0);
}

static tr_name (*const filters[TR_FILTER_COUNT])(void) = {
	[TR_FILTER_NONE] = filter_none,
	[TR_FILTER_REMOVED] = filter_removed,
	[TR_FILTER_CAPABILITY] = filter_capability,
	[TR_FILTER_CONTEXT] = filter_context,
	[TR_FILTER_TENANT] = filter_tenant,
	[TR_FILTER_DOWN] = filter_down,
	[TR_FILTER_STARTING] = filter_starting,
	[TR_FILTER_DRAINING] = filter_draining,
	[TR_FILTER_TRIED] = filter_tried,
	[TR_FILTER_BREAKER] = filter_breaker,
	[TR_FILTER_PROBES] = filter_probes,
	[TR_FILTER_PAUSED] = filter_paused,
	[TR_FILTER_RATE] = filter_rate,
	[TR_FILTER_BUSY] = filter_busy,
	[TR_FILTER_LIMIT] = filter_limit,
	[TR_FILTER_PROVIDER] = filter_provider,
};

/* A fallback that was not needed was not looked at, and the record does not speak of it. */
static void test_a_record_ends_where_the_chain_was_left(void **state)
{
	(void)state;
	set_up();
	start();
	submit();
	assert_int_equal(stage.actions.decision_count, 1);
	assert_int_equal(stage.actions.decisions[0].candidate_count, 2);
	assert_null(tr_stage_candidate(&stage, 0, n()));
	tr_stage_done(&stage);
}

/* RTE-3 */
static void test_every_filter_is_seen_in_a_record(void **state)
{
	(void)state;
	for (int filter = 0; filter < TR_FILTER_COUNT; filter++) {
		const struct tr_candidate *candidate;
		tr_name endpoint;

		if (!filters[filter])
			fail_msg("nobody provokes %s", tr_filters[filter].name);
		set_up();
		endpoint = filters[filter]();
		assert_int_equal(stage.actions.decision_count, 1);
		candidate = tr_stage_candidate(&stage, 0, endpoint);
		assert_non_null(candidate);
		assert_string_equal(tr_filters[candidate->filter].name, tr_filters[filter].name);
		/* Whoever was filtered did not win, and somebody did. */
		assert_int_equal(stage.actions.decisions[0].winner ==
					 (uint32_t)(candidate - stage.actions.candidates),
				 filter == TR_FILTER_NONE);
		assert_int_not_equal(stage.actions.decisions[0].winner, TR_NONE);
		tr_stage_done(&stage);
	}
}

/* RTE-3: the list of filters is the order in which they look. An endpoint that is still draining
 * is no less removed than one that has gone. */
static void test_a_removed_endpoint_is_removed_whatever_its_model_lacks(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	plan.models[1].capabilities = TR_CAPABILITY_VISION;
	start();
	to_first();
	job = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD,
								   .needs = TR_CAPABILITY_VISION});
	next = plan;
	next.policy.id = 2;
	next.policy.endpoints = next.endpoints;
	next.endpoints[0].name = TR_NAME("another");
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(tr_stage_release(&stage, job), 0);
	assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->filter, TR_FILTER_REMOVED);
	assert_int_equal(tr_stage_candidate(&stage, 0, m(1))->filter, TR_FILTER_CAPABILITY);
	tr_stage_done(&stage);
}

/* A job that no endpoint can ever take says so, with the record that shows why. */
static void test_nobody_ever_ends_the_job_with_a_record(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	plan.models[1].context_tokens = plan.models[2].context_tokens = 10;
	start();
	job = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD});
	next = plan;
	next.policy.id = 2;
	next.policy.endpoints = next.endpoints;
	next.endpoints[0].name = TR_NAME("x");
	next.endpoints[1].name = TR_NAME("y");
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(tr_stage_release(&stage, job), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_NO_ENDPOINT);
	assert_int_equal(stage.actions.decisions[0].winner, TR_NONE);
	assert_int_equal(stage.actions.decisions[0].pick, TR_PICK_NONE);
	assert_int_equal(stage.actions.decisions[0].candidate_count, 4);
	tr_stage_done(&stage);
}

/* ---- the winner ---- */

/* RTE-3 */
static void test_equal_measures_go_to_the_smaller_name(void **state)
{
	const struct tr_decision *decision = &stage.actions.decisions[0];
	tr_name smaller = m(0) < m(1) ? m(0) : m(1), larger = m(0) < m(1) ? m(1) : m(0);
	uint64_t job;

	(void)state;
	set_up();
	start();
	job = submit();
	assert_int_equal(where(job), smaller);
	assert_int_equal(decision->pick, TR_PICK_TIE);
	job = submit();
	assert_int_equal(where(job), larger);
	assert_int_equal(decision->pick, TR_PICK_BEST);
	set(smaller, TR_LIFECYCLE_DOWN);
	job = submit();
	assert_int_equal(where(job), larger);
	assert_int_equal(decision->pick, TR_PICK_ONLY);
	tr_stage_done(&stage);
}

/* RTE-3 */
static void test_the_winner_is_in_the_record_of_a_large_pool(void **state)
{
	const struct tr_decision *decision = &stage.actions.decisions[0];
	static const uint32_t winners[] = {0, 62, 63, 64, 99};
	uint64_t job;

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(winners); i++) {
		tr_plan_init(&plan, 1);
		tr_plan_model(&plan, M, 100, 1);
		start();
		stage.trusting = true;
		for (uint32_t k = 0; k < 100; k++)
			if (k != winners[i])
				set(m(k), TR_LIFECYCLE_DOWN);
		job = submit();
		assert_int_equal(where(job), m(winners[i]));
		assert_int_equal(decision->candidate_count, TR_DECISION_CANDIDATES_MAX);
		assert_int_equal(decision->omitted, 100 - TR_DECISION_CANDIDATES_MAX);
		assert_true(decision->winner < decision->candidate_count);
		assert_int_equal(stage.actions.candidates[decision->winner].endpoint,
				 m(winners[i]));
		assert_int_equal(stage.actions.candidates[decision->winner].filter, TR_FILTER_NONE);
		tr_stage_done(&stage);
	}
}

/* ---- down the chain ---- */

/* RTE-6 */
static void test_a_fallback_comes_in_its_order(void **state)
{
	(void)state;
	set_up();
	start();
	set(m(0), TR_LIFECYCLE_DOWN);
	assert_int_equal(where(submit()), m(1));
	set(m(1), TR_LIFECYCLE_DOWN);
	assert_int_equal(where(submit()), n());
	assert_int_equal(stage.actions.candidates[stage.actions.decisions[0].winner].chain_step, 1);
	assert_int_equal(tr_stage_dispatch(&stage, stage.next_job_id - 1)->model, N);
	set(n(), TR_LIFECYCLE_DOWN);
	assert_int_equal(where(submit()), o());
	set(o(), TR_LIFECYCLE_DOWN);
	assert_int_equal(where(submit()), 0);
	set(n(), TR_LIFECYCLE_UP);
	assert_int_equal(where(stage.next_job_id - 1), n());
	tr_stage_done(&stage);
}

/* Being busy is no reason to serve from another model, but for a strategy that weighs them all. */
static void test_a_busy_model_is_waited_for(void **state)
{
	uint64_t waits;

	(void)state;
	set_up();
	plan.endpoints[0].slots = plan.endpoints[1].slots = 1;
	start();
	submit();
	submit();
	waits = submit();
	assert_int_equal(where(waits), 0);
	tr_stage_complete(&stage, 1, 1);
	assert_true(where(waits) == m(0) || where(waits) == m(1));
	tr_stage_done(&stage);
}

/* SCH: work-conserving. Who waits for its own model must not hold up another class's job that
 * would take what is free. */
static void test_one_that_waits_does_not_hold_up_one_that_need_not(void **state)
{
	uint64_t weighs;

	(void)state;
	set_up();
	plan.endpoints[0].slots = plan.endpoints[1].slots = 1;
	tr_plan_class(&plan, TR_NAME("batch"), 10);
	start();
	submit();
	submit();
	assert_int_equal(where(submit()), 0);
	weighs = tr_stage_submit(
		&stage,
		(struct tr_event_job_submit){.class_name = TR_NAME("batch"),
					     .strategy = TR_PLAN_STRATEGY + TR_PICKER_BEST_SCORE});
	assert_true(where(weighs) == n() || where(weighs) == o());
	tr_stage_done(&stage);
}

/* RTE-6, GOV-2 */
static void test_a_fallback_stays_within_the_tenants_models(void **state)
{
	(void)state;
	set_up();
	plan.tenants[0].models.bits[0] = 1 << 0 | 1 << 2;
	start();
	set(m(0), TR_LIFECYCLE_DOWN);
	set(m(1), TR_LIFECYCLE_DOWN);
	assert_int_equal(where(submit()), o());
	set(o(), TR_LIFECYCLE_DOWN);
	assert_int_equal(where(submit()), 0);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_filter_is_seen_in_a_record),
		cmocka_unit_test(test_a_record_ends_where_the_chain_was_left),
		cmocka_unit_test(test_a_removed_endpoint_is_removed_whatever_its_model_lacks),
		cmocka_unit_test(test_nobody_ever_ends_the_job_with_a_record),
		cmocka_unit_test(test_equal_measures_go_to_the_smaller_name),
		cmocka_unit_test(test_the_winner_is_in_the_record_of_a_large_pool),
		cmocka_unit_test(test_a_fallback_comes_in_its_order),
		cmocka_unit_test(test_a_busy_model_is_waited_for),
		cmocka_unit_test(test_one_that_waits_does_not_hold_up_one_that_need_not),
		cmocka_unit_test(test_a_fallback_stays_within_the_tenants_models),
	};

	return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
