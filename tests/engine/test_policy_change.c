/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OPS-5: a policy changes while jobs run. What was admitted under the old one is finished under it;
 * what is shared follows the new one; what is known of endpoints and tenants stands under their
 * names and outlives both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/state.h"
#include "tests/engine/stage.h"

#define M TR_NAME("m")
#define N TR_NAME("n")

static struct tr_plan plan, next;
static struct tr_limits limits;
static struct tr_stage stage;

static void set_up(void)
{
	limits = tr_stage_limits;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, 2, 4);
	tr_plan_model(&plan, N, 1, 4);
}

static void start(void)
{
	tr_stage_init(&stage, &limits, &plan.policy);
}

/* `next` becomes a copy of the plan under another id, to be edited. */
static void copy(struct tr_plan *to, const struct tr_plan *from, uint64_t id)
{
	*to = *from;
	to->policy.id = id;
	to->policy.models = to->models;
	to->policy.endpoints = to->endpoints;
	to->policy.classes = to->classes;
	to->policy.tenants = to->tenants;
	to->policy.strategies = to->strategies;
	to->policy.intents = to->intents;
	to->policy.aliases = to->aliases;
}

static tr_name m(uint32_t i)
{
	return tr_plan_endpoint_name(M, i);
}

static uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static uint64_t submit_held(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD});
}

static tr_name where(uint64_t job)
{
	const struct tr_action_attempt_dispatch *dispatch = tr_stage_dispatch(&stage, job);

	return dispatch ? dispatch->endpoint : 0;
}

/* ---- who decides ---- */

static void test_jobs_keep_the_policy_they_were_admitted_under(void **state)
{
	uint64_t old, new;

	(void)state;
	set_up();
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	start();
	old = submit_held();
	copy(&next, &plan, 2);
	next.models[0].chain_count = 1;
	next.models[0].price_in = 3000000;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	new = submit_held();
	assert_int_equal(tr_stage_accept(&stage, old)->policy_id, 1);
	assert_int_equal(tr_stage_accept(&stage, new)->policy_id, 2);
	tr_stage_lifecycle(&stage, m(0), TR_LIFECYCLE_DOWN);
	tr_stage_lifecycle(&stage, m(1), TR_LIFECYCLE_DOWN);
	tr_stage_release(&stage, old);
	tr_stage_release(&stage, new);
	/* Only the old policy has a fallback. */
	assert_int_equal(where(old), tr_plan_endpoint_name(N, 0));
	assert_int_equal(where(new), 0);
	tr_stage_lifecycle(&stage, m(0), TR_LIFECYCLE_UP);
	assert_int_equal(where(new), m(0));
	tr_stage_complete(&stage, old, 1);
	tr_stage_complete(&stage, new, 1);
	assert_int_equal(tr_stage_finish(&stage, old)->policy_id, 1);
	assert_int_equal(tr_stage_finish(&stage, new)->policy_id, 2);
	assert_int_equal(tr_stage_finish(&stage, old)->cost, 102);
	assert_int_equal(tr_stage_finish(&stage, new)->cost, 302);
	tr_stage_done(&stage);
}

static void test_what_is_shared_follows_the_active_policy(void **state)
{
	uint64_t waits;

	(void)state;
	set_up();
	plan.tenants[0].max_concurrent = 1;
	plan.classes[0].queue_limit = 2;
	start();
	submit();
	waits = submit();
	assert_int_equal(where(waits), 0);
	/* A higher cap lets the next one go in the same step. */
	copy(&next, &plan, 2);
	next.tenants[0].max_concurrent = 2;
	next.classes[0].queue_limit = 1;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_not_equal(where(waits), 0);
	submit();
	assert_int_equal(tr_stage_reject(&stage, submit())->code, TR_REJECT_QUEUE_FULL);
	tr_stage_done(&stage);
}

/* ---- slots of policies ---- */

static void test_a_policy_is_released_when_its_last_job_is_gone(void **state)
{
	const struct tr_action *last;
	uint64_t first, second;

	(void)state;
	set_up();
	start();
	first = submit();
	second = submit();
	copy(&next, &plan, 2);
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_POLICY_RELEASE, 0), 0);
	tr_stage_complete(&stage, first, 1);
	assert_int_equal(tr_stage_count(&stage, TR_ACTION_POLICY_RELEASE, 0), 0);
	tr_stage_complete(&stage, second, 1);
	last = &stage.actions.items[stage.actions.count - 1];
	assert_int_equal(last->kind, TR_ACTION_POLICY_RELEASE);
	assert_int_equal(last->policy_release.policy_id, 1);
	assert_int_equal(last->policy_release.slot, 0);
	/* Without jobs it goes at once. */
	copy(&plan, &next, 3);
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_equal(stage.actions.items[0].kind, TR_ACTION_POLICY_RELEASE);
	assert_int_equal(stage.actions.items[0].policy_release.policy_id, 2);
	tr_stage_done(&stage);
}

static void test_with_every_slot_in_use_no_policy_is_taken(void **state)
{
	static struct tr_plan third;
	uint64_t first, digest;
	uint32_t slot = 99;

	(void)state;
	set_up();
	limits.policies = 2;
	start();
	first = submit();
	copy(&next, &plan, 2);
	copy(&third, &plan, 3);
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	digest = tr_engine_digest(stage.engine);
	assert_int_equal(tr_engine_policy_load(stage.engine, &third.policy, &slot),
			 TR_E_POLICY_SLOTS_FULL);
	assert_int_equal(slot, 99);
	assert_int_equal(tr_engine_digest(stage.engine), digest);
	/* One that is loaded is found where it is. */
	assert_int_equal(tr_engine_policy_load(stage.engine, &plan.policy, &slot), 0);
	assert_int_equal(slot, 0);
	assert_int_equal(tr_engine_policy_place(stage.engine, &third.policy, 0), TR_E_STATE);
	tr_stage_complete(&stage, first, 1);
	assert_int_equal(tr_stage_activate(&stage, &third.policy), 0);
	assert_int_equal(tr_stage_accept(&stage, submit())->policy_id, 3);
	tr_stage_done(&stage);
}

static void test_only_a_policy_that_is_loaded_is_activated(void **state)
{
	(void)state;
	set_up();
	start();
	tr_stage_event(&stage, TR_EVENT_POLICY_ACTIVATE)->policy_activate.policy_id = 2;
	stage.event.policy_activate.slot = 1;
	assert_int_equal(tr_stage_give(&stage), TR_E_POLICY_UNKNOWN);
	stage.event.policy_activate.slot = 200;
	assert_int_equal(tr_stage_give(&stage), TR_E_POLICY_UNKNOWN);
	stage.event.policy_activate.slot = 0;
	assert_int_equal(tr_stage_give(&stage), TR_E_POLICY_UNKNOWN);
	tr_stage_done(&stage);
}

/* ---- endpoints that go and come ---- */

/* The plan's m(0) gives way to `new`. */
static void replace_first(void)
{
	copy(&next, &plan, 2);
	next.endpoints[0].name = TR_NAME("new");
}

static void test_a_removed_endpoint_drains_and_gets_no_more(void **state)
{
	uint64_t running;

	(void)state;
	set_up();
	start();
	tr_stage_lifecycle(&stage, m(1), TR_LIFECYCLE_DOWN);
	running = submit();
	assert_int_equal(where(running), m(0));
	replace_first();
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_true(tr_stage_endpoint(&stage, m(0)).removed);
	for (int i = 0; i < 6; i++)
		assert_int_not_equal(where(submit()), m(0));
	assert_int_equal(tr_stage_first_token(&stage, running), 0);
	assert_int_equal(tr_stage_complete(&stage, running, 5), 0);
	assert_int_equal(tr_stage_finish(&stage, running)->outcome, TR_OUTCOME_COMPLETED);
	assert_int_equal(tr_stage_endpoint(&stage, m(0)).in_flight, 0);
	tr_stage_done(&stage);
}

/* Also: a policy that does not fit is refused, with nothing changed. */
static void test_the_slot_of_a_removed_endpoint_is_used_again_once_it_is_idle(void **state)
{
	static struct tr_plan third;
	struct tr_endpoint_view view;
	uint64_t running, digest;

	(void)state;
	set_up();
	limits.endpoints = 3;
	start();
	tr_stage_lifecycle(&stage, m(1), TR_LIFECYCLE_DOWN);
	running = submit();
	replace_first();
	digest = tr_engine_digest(stage.engine);
	assert_int_equal(tr_stage_activate(&stage, &next.policy), TR_E_LIMITS);
	assert_int_equal(tr_engine_digest(stage.engine), digest);
	assert_int_equal(tr_engine_endpoint(stage.engine, TR_NAME("new"), &view),
			 TR_E_ENDPOINT_UNKNOWN);
	assert_int_equal(tr_stage_accept(&stage, submit())->policy_id, 1);
	tr_stage_complete(&stage, stage.next_job_id - 1, 1);
	tr_stage_first_token(&stage, running);
	tr_stage_complete(&stage, running, 1);
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	view = tr_stage_endpoint(&stage, TR_NAME("new"));
	assert_int_equal(view.ttft_ewma_ns, 0);
	assert_int_equal(view.lifecycle, TR_LIFECYCLE_UP);
	assert_int_equal(tr_engine_endpoint(stage.engine, m(0), &view), TR_E_ENDPOINT_UNKNOWN);
	/* It comes back as a stranger. */
	copy(&third, &plan, 3);
	assert_int_equal(tr_stage_activate(&stage, &third.policy), 0);
	assert_int_equal(tr_stage_endpoint(&stage, m(0)).ttft_ewma_ns, 0);
	tr_stage_done(&stage);
}

static void test_a_policy_larger_than_the_limits_is_not_loaded(void **state)
{
	uint64_t digest;
	uint32_t slot;

	(void)state;
	set_up();
	limits.models = 2;
	start();
	digest = tr_engine_digest(stage.engine);
	copy(&next, &plan, 2);
	tr_plan_model(&next, TR_NAME("third"), 1, 1);
	assert_int_equal(tr_engine_policy_load(stage.engine, &next.policy, &slot), TR_E_LIMITS);
	copy(&next, &plan, 2);
	next.models[0].chain[0] = 1;
	assert_int_equal(tr_engine_policy_load(stage.engine, &next.policy, &slot), TR_E_INVALID);
	assert_int_equal(tr_engine_digest(stage.engine), digest);
	tr_stage_done(&stage);
}

/* ---- what outlives a policy ---- */

/* RTE-5 */
static void test_breaker_and_health_stand_under_the_name(void **state)
{
	struct tr_endpoint_view before, after;

	(void)state;
	set_up();
	plan.policy.breaker.consecutive = 1;
	start();
	tr_stage_lifecycle(&stage, m(1), TR_LIFECYCLE_DOWN);
	submit();
	tr_stage_wait(&stage, TR_MS);
	tr_stage_first_token(&stage, 1);
	tr_stage_complete(&stage, 1, 1);
	tr_stage_fail(&stage, submit(), TR_CAUSE_RESET, 0);
	before = tr_stage_endpoint(&stage, m(0));
	assert_int_equal(before.breaker, TR_BREAKER_OPEN);
	assert_int_not_equal(before.ttft_ewma_ns, 0);
	/* Another row of another model. */
	tr_plan_init(&next, 2);
	tr_plan_model(&next, N, 3, 4);
	next.endpoints[0].name = tr_plan_endpoint_name(N, 0);
	next.endpoints[1].name = TR_NAME("x");
	next.endpoints[2].name = m(0);
	next.policy.breaker.consecutive = 1;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	after = tr_stage_endpoint(&stage, m(0));
	assert_int_equal(after.breaker, TR_BREAKER_OPEN);
	assert_int_equal(after.ttft_ewma_ns, before.ttft_ewma_ns);
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_endpoint(&stage, m(0)).breaker, TR_BREAKER_HALF_OPEN);
	tr_stage_done(&stage);
}

/* GOV-1: who has spent a day's budget has spent it, named by a policy or not. */
static void test_a_change_of_policy_gives_nobody_a_fresh_budget(void **state)
{
	const tr_name tenants[] = {TR_NAME("default"), TR_NAME("stranger")};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(tenants); i++) {
		struct tr_event_job_submit ask = {.tenant = tenants[i]};
		uint64_t job;

		set_up();
		plan.tenants[0].budget_micro_usd_per_day = 300;
		start();
		job = tr_stage_submit(&stage, ask);
		tr_stage_complete(&stage, job, 90);
		assert_int_equal(tr_stage_tenant(&stage, tenants[i]).spent_micro_usd, 280);
		assert_non_null(tr_stage_reject(&stage, tr_stage_submit(&stage, ask)));
		copy(&next, &plan, 2);
		assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
		job = tr_stage_submit(&stage, ask);
		assert_non_null(tr_stage_reject(&stage, job));
		assert_int_equal(tr_stage_reject(&stage, job)->code, TR_REJECT_TENANT_BUDGET);
		tr_stage_done(&stage);
	}
}

/* ---- the order of rows ---- */

static uint32_t turned(uint32_t row, uint32_t count)
{
	return row == TR_NONE ? row : count - 1 - row;
}

/* Every table the other way round, and every reference with it. */
static void turn_round(struct tr_plan *to, const struct tr_plan *from)
{
	const struct tr_policy *p = &from->policy;

	copy(to, from, p->id);
	for (uint32_t i = 0; i < p->endpoint_count; i++) {
		to->endpoints[i] = from->endpoints[p->endpoint_count - 1 - i];
		to->endpoints[i].model = turned(to->endpoints[i].model, p->model_count);
	}
	for (uint32_t i = 0; i < p->model_count; i++) {
		struct tr_policy_model *model = &to->models[i];

		*model = from->models[p->model_count - 1 - i];
		model->first_endpoint =
			p->endpoint_count - model->first_endpoint - model->endpoint_count;
		for (uint32_t step = 0; step < model->chain_count; step++)
			model->chain[step] = turned(model->chain[step], p->model_count);
	}
	for (uint32_t i = 0; i < p->class_count; i++)
		to->classes[i] = from->classes[p->class_count - 1 - i];
	for (uint32_t i = 0; i < p->tenant_count; i++)
		to->tenants[i] = from->tenants[p->tenant_count - 1 - i];
	for (uint32_t i = 0; i < p->intent_count; i++) {
		to->intents[i] = from->intents[p->intent_count - 1 - i];
		to->intents[i].class_row = turned(to->intents[i].class_row, p->class_count);
	}
	to->policy.default_model = turned(p->default_model, p->model_count);
	to->policy.default_tenant = turned(p->default_tenant, p->tenant_count);
	to->policy.default_intent = turned(p->default_intent, p->intent_count);
}

/* Two hosts in step: the same random events to both. */
struct twins {
	struct tr_stage a, b;
	uint64_t step;
	uint64_t live[8]; /* jobs with an attempt; 0: free */
};

static uint64_t draw(struct twins *twins, uint64_t which, uint64_t bound)
{
	return tr_below(tr_draw(which, twins->step, TR_PURPOSE_TEST, bound), bound);
}

static void note(struct twins *twins, uint64_t gone, uint64_t come)
{
	for (size_t i = 0; i < TR_ARRAY_LENGTH(twins->live); i++)
		if (twins->live[i] == gone) {
			twins->live[i] = come;
			return;
		}
}

static void give_both(struct twins *twins)
{
	int err;

	twins->b.event = twins->a.event;
	twins->b.now = twins->a.now;
	err = tr_stage_give(&twins->a);
	assert_int_equal(tr_stage_give(&twins->b), err);
	assert_int_equal(twins->a.actions.count, twins->b.actions.count);
	if (tr_engine_chain(twins->a.engine) != tr_engine_chain(twins->b.engine))
		fail_msg("step %llu: the order of rows made a difference",
			 (unsigned long long)twins->step);
	for (uint32_t i = 0; i < twins->a.actions.count; i++) {
		const struct tr_action *a = &twins->a.actions.items[i];

		if (a->kind == TR_ACTION_JOB_FINISH)
			note(twins, a->job_finish.job_id, 0);
		if (a->kind == TR_ACTION_ATTEMPT_DISPATCH &&
		    a->attempt_dispatch.role == TR_ROLE_FIRST)
			note(twins, 0, a->attempt_dispatch.job_id);
	}
}

static void step_twins(struct twins *twins)
{
	const tr_name models[] = {M, N, TR_NAME("o")};
	const tr_name tenants[] = {TR_NAME("default"), TR_NAME("stranger"), TR_NAME("guest")};
	const tr_name classes[] = {0, TR_NAME("batch"), TR_NAME("bulk")};
	struct tr_stage *a = &twins->a;
	tr_time_ns then = a->now + draw(twins, 1, 200 * TR_MS);
	tr_time_ns due = tr_engine_deadline(a->engine);
	uint64_t job = twins->live[draw(twins, 2, TR_ARRAY_LENGTH(twins->live))],
		 roll = draw(twins, 3, 10);

	twins->step++;
	if (due <= then) {
		a->now = due;
		tr_stage_event(a, TR_EVENT_CLOCK);
	} else if (roll < 5 || !job) {
		a->now = then;
		tr_stage_event(a, TR_EVENT_JOB_SUBMIT)->job_submit = (struct tr_event_job_submit){
			.job_id = 1000 + twins->step,
			.tokens_in = 100,
			.model = models[draw(twins, 4, 3)],
			.tenant = tenants[draw(twins, 5, 3)],
			.class_name = classes[draw(twins, 6, 3)],
		};
	} else {
		a->now = then;
		tr_stage_event(a, TR_EVENT_ATTEMPT_DONE)->attempt_done.attempt =
			tr_stage_dispatch(a, job)->attempt;
		a->event.attempt_done.tokens_out = 1 + (uint32_t)draw(twins, 7, 90);
		if (roll == 9) {
			tr_attempt_handle attempt = a->event.attempt_done.attempt;

			tr_stage_event(a, TR_EVENT_ATTEMPT_FAILED)->attempt_failed.attempt =
				attempt;
			a->event.attempt_failed.cause = TR_CAUSE_RESET;
		}
	}
	give_both(twins);
}

static void play_twins(void)
{
	static struct twins twins;

	memset(&twins, 0, sizeof twins);
	turn_round(&next, &plan);
	tr_stage_init(&twins.a, &limits, &plan.policy);
	tr_stage_init(&twins.b, &limits, &next.policy);
	twins.a.trusting = twins.b.trusting = true;
	for (int i = 0; i < 3000; i++)
		step_twins(&twins);
	assert_true(tr_stage_counts(&twins.a).completed > 200);
	tr_stage_done(&twins.a);
	tr_stage_done(&twins.b);
}

static void set_up_twins(void)
{
	set_up();
	tr_plan_model(&plan, TR_NAME("o"), 2, 2);
	tr_plan_class(&plan, TR_NAME("batch"), 10);
	tr_plan_class(&plan, TR_NAME("bulk"), 10);
	tr_plan_tenant(&plan, TR_NAME("guest"));
	plan.tenants[0].max_concurrent = 5;
	plan.tenants[1].weight_milli = 3000;
	plan.policy.retry.attempts = 2;
	plan.policy.breaker.consecutive = 2;
	for (uint32_t i = 0; i < plan.policy.endpoint_count; i++)
		plan.endpoints[i].slots = 1;
}

static void test_the_order_of_rows_changes_nothing(void **state)
{
	(void)state;
	set_up_twins();
	play_twins();
}

/* Two classes both below their floors: the order of the file must not choose. */
static void test_the_order_of_rows_does_not_choose_among_floors(void **state)
{
	(void)state;
	set_up_twins();
	plan.classes[1].floor_percent = plan.classes[2].floor_percent = 20;
	play_twins();
}

/* Two models that share a fallback: the order of the file must not choose who gets it. */
static void test_the_order_of_rows_does_not_choose_who_falls_back_first(void **state)
{
	(void)state;
	set_up_twins();
	for (uint32_t row = 0; row < 2; row++) {
		plan.models[row].chain_count = 2;
		plan.models[row].chain[1] = 2;
	}
	plan.intents[0].strategy = TR_PICKER_BEST_SCORE;
	play_twins();
}

/* SCH-2: what was charged is given back as it was charged, whatever the weight is by then. */
static void test_a_fair_share_is_refunded_by_the_weight_it_was_charged_by(void **state)
{
	const uint64_t *service;
	uint64_t before, id;

	(void)state;
	set_up();
	start();
	service = &stage.engine->queue[0].service;
	id = submit();
	tr_stage_complete(&stage, id, 10);
	before = *service;
	assert_int_equal(before, 100 + 2 * 10);
	id = submit();
	assert_int_equal(*service, before + 100 + 2 * 50);
	copy(&next, &plan, 2);
	next.tenants[0].weight_milli = 4000;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	tr_stage_fail(&stage, id, TR_CAUSE_BAD_REQUEST, 0);
	assert_int_equal(*service, before);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jobs_keep_the_policy_they_were_admitted_under),
		cmocka_unit_test(test_what_is_shared_follows_the_active_policy),
		cmocka_unit_test(test_a_policy_is_released_when_its_last_job_is_gone),
		cmocka_unit_test(test_with_every_slot_in_use_no_policy_is_taken),
		cmocka_unit_test(test_only_a_policy_that_is_loaded_is_activated),
		cmocka_unit_test(test_a_removed_endpoint_drains_and_gets_no_more),
		cmocka_unit_test(test_the_slot_of_a_removed_endpoint_is_used_again_once_it_is_idle),
		cmocka_unit_test(test_a_policy_larger_than_the_limits_is_not_loaded),
		cmocka_unit_test(test_breaker_and_health_stand_under_the_name),
		cmocka_unit_test(test_a_change_of_policy_gives_nobody_a_fresh_budget),
		cmocka_unit_test(test_the_order_of_rows_changes_nothing),
		cmocka_unit_test(test_the_order_of_rows_does_not_choose_among_floors),
		cmocka_unit_test(test_the_order_of_rows_does_not_choose_who_falls_back_first),
		cmocka_unit_test(test_a_fair_share_is_refunded_by_the_weight_it_was_charged_by),
	};

	return cmocka_run_group_tests_name("policy change", tests, NULL, NULL);
}
