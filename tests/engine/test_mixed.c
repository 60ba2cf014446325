/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTE-9: no request's mode, model or policy reaches another's decision.
 *
 * Two stages play the same script of jobs that race: every strategy, profile, class and tenant,
 * strict and not, three models and three policies that are activated in between. Among them come
 * decoys that can be served nowhere, so that they leave no trace at any endpoint; they have the
 * same ids on both stages and nothing else in common: other models, strategies, profiles,
 * strictness. All that is said of the jobs proper, decision records byte by byte, must be the same
 * on both.
 *
 * And each decision is held against its own job's submit: the strategy by the rule of precedence
 * under the policy that was active then, the candidates from the chain of that policy's model, in
 * order, the first step alone where the job is strict.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "tests/engine/stage.h"

#define POLICIES 3
#define MODELS	 3 /* and one more, z, that is down */
#define DECOYS	 6 /* alive at once */
#define JOBS_MAX 2048
#define Z	 TR_NAME("z")

static const char names[MODELS][2] = {"a", "b", "c"};

static struct tr_plan plans[POLICIES];
static struct tr_stage stages[2];

/* What a job asked for and under which policy; by id. */
struct asked {
	struct tr_event_job_submit submit;
	uint32_t plan;
	bool proper;
};

static struct asked asked[2][JOBS_MAX];
static uint32_t active_plan;
static uint64_t said[2]; /* hash of all that was said of the jobs proper */
static uint64_t decisions, strict_decisions;

static uint64_t draws, drawn_for;

static uint64_t below(uint64_t bound)
{
	return tr_below(tr_draw(drawn_for, 2, 2, ++draws), bound);
}

/* ---- what must be ---- */

static const struct tr_policy_model *model_asked(const struct asked *of)
{
	const struct tr_policy *policy = &plans[of->plan].policy;

	for (uint32_t i = 0; i < policy->model_count; i++)
		if (policy->models[i].name == of->submit.model)
			return &policy->models[i];
	fail_msg("a job asks for no model");
	return NULL;
}

static const struct tr_policy_intent *intent_of(const struct asked *of)
{
	const struct tr_plan *plan = &plans[of->plan];

	for (uint32_t i = 0; i < plan->policy.intent_count; i++)
		if (plan->intents[i].name == of->submit.intent)
			return &plan->intents[i];
	return &plan->intents[plan->policy.default_intent];
}

static const struct tr_policy_profile *profile_of(const struct asked *of)
{
	const struct tr_plan *plan = &plans[of->plan];

	for (uint32_t i = 0; i < plan->policy.profile_count; i++)
		if (plan->profiles[i].name == of->submit.profile)
			return &plan->profiles[i];
	return NULL;
}

static bool is_strict(const struct asked *of)
{
	return intent_of(of)->strict || (of->submit.flags & TR_SUBMIT_STRICT);
}

/* The row of the strategy: the request's, its profile's, its tenant's, its intent's. */
static uint32_t strategy_of(const struct asked *of)
{
	const struct tr_plan *plan = &plans[of->plan];
	const struct tr_policy_profile *profile = profile_of(of);
	uint32_t tenant = of->submit.tenant == TR_NAME("guest")	  ? 1
			  : of->submit.tenant == TR_NAME("ghost") ? 2
								  : 0;

	if (of->submit.strategy)
		return (uint32_t)(of->submit.strategy - TR_PLAN_STRATEGY);
	if (profile && profile->strategy != TR_NONE)
		return profile->strategy;
	if (plan->tenants[tenant].strategy != TR_NONE)
		return plan->tenants[tenant].strategy;
	return intent_of(of)->strategy;
}

static tr_name class_of(const struct asked *of)
{
	const struct tr_plan *plan = &plans[of->plan];
	const struct tr_policy_profile *profile = profile_of(of);

	if (of->submit.class_name)
		return of->submit.class_name;
	if (profile && profile->class_row != TR_NONE)
		return plan->classes[profile->class_row].name;
	return plan->classes[intent_of(of)->class_row].name;
}

static void check_decision(const struct tr_stage *stage, const struct tr_decision *decision,
			   const struct asked *of)
{
	const struct tr_policy *policy = &plans[of->plan].policy;
	const struct tr_policy_strategy *strategy = &policy->strategies[strategy_of(of)];
	const struct tr_policy_model *model = model_asked(of);
	uint32_t at = 0;

	assert_int_equal(decision->strategy, strategy->name);
	if (decision->bypass == TR_BYPASS_NONE)
		assert_int_equal(decision->picker, strategy->picker);
	/* Whole steps of the chain of the job's own policy, in order. */
	for (uint32_t step = 0; step < model->chain_count && at < decision->candidate_count;
	     step++) {
		const struct tr_policy_model *serves = &policy->models[model->chain[step]];

		assert_true(step == 0 || !is_strict(of));
		for (uint32_t i = 0; i < serves->endpoint_count; i++, at++) {
			const struct tr_candidate *candidate =
				&stage->actions.candidates[decision->first_candidate + at];

			assert_true(at < decision->candidate_count);
			assert_int_equal(candidate->model, serves->name);
			assert_int_equal(candidate->chain_step, step);
			assert_int_equal(candidate->endpoint,
					 policy->endpoints[serves->first_endpoint + i].name);
		}
	}
	assert_int_equal(at, decision->candidate_count);
	assert_int_equal(decision->omitted, 0);
	decisions++;
	strict_decisions += is_strict(of);
}

/* ---- what is said ---- */

static void mix(unsigned side, uint64_t value)
{
	said[side] = tr_mix(said[side] ^ value);
}

static void hear_decision(unsigned side, const struct tr_decision *decision)
{
	const struct tr_candidate *candidates =
		&stages[side].actions.candidates[decision->first_candidate];
	struct tr_decision copy = *decision;

	copy.first_candidate = 0; /* decoys have records, too */
	mix(side, tr_name_of((const char *)&copy.job_id, sizeof copy.job_id));
	mix(side, copy.strategy);
	mix(side, (uint64_t)copy.candidate_count << 32 | copy.omitted);
	mix(side, (uint64_t)copy.winner << 32 | (uint64_t)copy.picker << 24 |
			  (uint64_t)copy.pick << 16 | (uint64_t)copy.bypass << 8 | copy.ordinal);
	mix(side, copy.role);
	for (uint32_t i = 0; i < copy.candidate_count; i++) {
		const struct tr_candidate *c = &candidates[i];

		mix(side, c->endpoint ^ tr_mix(c->model));
		mix(side, c->detail);
		mix(side, c->measure);
		mix(side, (uint64_t)c->in_flight << 32 | c->slots);
		mix(side, (uint64_t)c->filter << 8 | c->chain_step);
		for (int t = 0; t < TR_TERM_COUNT; t++)
			mix(side, c->terms[t]);
	}
}

static uint64_t job_of(const struct tr_action *action)
{
	switch (action->kind) {
	case TR_ACTION_JOB_ACCEPT:
		return action->job_accept.job_id;
	case TR_ACTION_JOB_REJECT:
		return action->job_reject.job_id;
	case TR_ACTION_ATTEMPT_DISPATCH:
		return action->attempt_dispatch.job_id;
	case TR_ACTION_JOB_FINISH:
		return action->job_finish.job_id;
	default:
		return 0;
	}
}

static void hear_action(unsigned side, const struct tr_action *action, const struct asked *of)
{
	const struct tr_action_attempt_dispatch *dispatch = &action->attempt_dispatch;
	const struct tr_action_job_finish *finish = &action->job_finish;

	mix(side, action->kind);
	mix(side, job_of(action));
	switch (action->kind) {
	case TR_ACTION_JOB_ACCEPT:
		assert_int_equal(action->job_accept.policy_id, plans[of->plan].policy.id);
		assert_int_equal(action->job_accept.class_name, class_of(of));
		mix(side, action->job_accept.class_name);
		break;
	case TR_ACTION_ATTEMPT_DISPATCH:
		if (is_strict(of))
			assert_int_equal(dispatch->model, of->submit.model);
		mix(side, dispatch->endpoint ^ tr_mix(dispatch->model));
		mix(side, (uint64_t)dispatch->ordinal << 16 | (uint64_t)dispatch->role << 8 |
				  dispatch->pick);
		mix(side, dispatch->warmth);
		break;
	case TR_ACTION_JOB_FINISH:
		assert_int_equal(finish->policy_id, plans[of->plan].policy.id);
		if (is_strict(of))
			assert_int_equal(finish->model, of->submit.model);
		mix(side, finish->path);
		mix(side, (uint64_t)finish->outcome << 8 | finish->cause);
		mix(side, finish->endpoint);
		break;
	default:
		break;
	}
}

static void watch(struct tr_stage *stage)
{
	unsigned side = stage == &stages[1];

	for (uint32_t i = 0; i < stage->actions.count; i++) {
		const struct tr_action *action = &stage->actions.items[i];
		const struct asked *of = &asked[side][job_of(action)];

		if (of->proper)
			hear_action(side, action, of);
	}
	for (uint32_t i = 0; i < stage->actions.decision_count; i++) {
		const struct tr_decision *decision = &stage->actions.decisions[i];
		const struct asked *of = &asked[side][decision->job_id];

		check_decision(stage, decision, of);
		if (of->proper)
			hear_decision(side, decision);
	}
}

/* ---- the script ---- */

static void give(unsigned side, uint64_t job, struct tr_event_job_submit submit, bool proper)
{
	submit.job_id = job;
	submit.tokens_in = (uint32_t)(100 + job % 7 * 50);
	asked[side][job] = (struct asked){submit, active_plan, proper};
	tr_stage_submit(&stages[side], submit);
}

static struct tr_event_job_submit random_mode(void)
{
	return (struct tr_event_job_submit){
		.model = tr_name_of(names[below(MODELS)], 1),
		.intent = below(3) ? 0 : TR_NAME("strict"),
		.strategy = below(3) ? 0 : TR_PLAN_STRATEGY + below(TR_PICKER_COUNT),
		.profile = below(2)   ? 0
			   : below(2) ? TR_NAME("one")
				      : TR_NAME("two"),
		.class_name = below(4) ? 0 : TR_NAME("batch"),
		.tenant = below(2) ? 0 : TR_NAME("guest"),
		.flags = below(5) ? 0 : TR_SUBMIT_STRICT,
	};
}

/* One that ends at once, waits for ever, or is refused. */
static struct tr_event_job_submit random_decoy(void)
{
	struct tr_event_job_submit decoy = random_mode();

	/* Tenants of their own: whose turn it is may depend on who else waits. */
	decoy.tenant = below(2) ? TR_NAME("ghost") : TR_NAME("stranger");
	switch (below(4)) {
	case 0:
		decoy.profile = TR_NAME("nobody's");
		break;
	case 1:
		decoy.model = Z;
		break;
	default:
		decoy.needs = TR_CAPABILITY_VISION; /* only z has it, and z is down */
		break;
	}
	return decoy;
}

static struct {
	uint64_t next_job;
	uint64_t decoys[DECOYS];
	uint32_t decoy;
} script;

/* A ring of decoys: the oldest leaves, where it is still there. */
static void play_decoys(void)
{
	uint64_t *slot = &script.decoys[script.decoy++ % DECOYS];

	for (unsigned side = 0; side < 2; side++) {
		if (*slot && tr_stage_accept(&stages[side], *slot))
			tr_stage_cancel(&stages[side], *slot, TR_CAUSE_CANCEL_OPERATOR);
		give(side, script.next_job, random_decoy(), false);
	}
	*slot = script.next_job++;
}

static void play_submit(void)
{
	struct tr_event_job_submit submit = random_mode();
	uint64_t job = script.next_job++;

	if (below(3) == 0)
		submit.flags |= TR_SUBMIT_HOLD;
	for (unsigned side = 0; side < 2; side++)
		give(side, job, submit, true);
}

/* The same fate for a job of late on both stages. */
static void play_fate(void)
{
	static const enum tr_cause causes[] = {TR_CAUSE_RESET, TR_CAUSE_OVERLOADED,
					       TR_CAUSE_CREDENTIALS};
	uint64_t job = script.next_job - tr_min(script.next_job - 1, 1 + below(40));
	uint64_t fate = below(5);
	enum tr_cause cause = causes[below(3)];

	for (unsigned side = 0; side < 2; side++) {
		struct tr_stage *stage = &stages[side];

		if (!asked[side][job].proper || !tr_stage_accept(stage, job))
			continue;
		if (!tr_stage_dispatch(stage, job)) {
			tr_stage_release(stage, job);
			continue;
		}
		if (fate == 0)
			tr_stage_first_token(stage, job);
		else if (fate == 1)
			tr_stage_fail(stage, job, cause, TR_SECOND);
		else
			tr_stage_complete(stage, job, 10 + (uint32_t)(job % 90));
	}
}

static void play_world(void)
{
	uint64_t what = below(6);
	uint64_t model = below(MODELS), endpoint = below(2), lifecycle = below(3);
	tr_span_ns span = below(TR_SECOND);

	if (what == 0)
		active_plan = (uint32_t)below(POLICIES);
	for (unsigned side = 0; side < 2; side++) {
		struct tr_stage *stage = &stages[side];

		if (what == 0)
			assert_int_equal(tr_stage_activate(stage, &plans[active_plan].policy), 0);
		else if (what < 3)
			assert_int_equal(tr_stage_lifecycle(
						 stage,
						 tr_plan_endpoint_name(tr_name_of(names[model], 1),
								       (uint32_t)endpoint),
						 lifecycle ? TR_LIFECYCLE_UP : TR_LIFECYCLE_DOWN),
					 0);
		else
			tr_stage_wait(stage, span);
	}
}

/* The same models and endpoints under each policy; chains, strategies and profiles differ. */
static void make_plan(uint32_t number)
{
	struct tr_plan *plan = &plans[number];
	uint32_t strict;

	tr_plan_init(plan, number + 1);
	for (uint32_t i = 0; i < MODELS; i++)
		tr_plan_model(plan, tr_name_of(names[i], 1), 2, 3);
	tr_plan_model(plan, Z, 1, 3);
	plan->models[MODELS].capabilities |= TR_CAPABILITY_VISION;
	for (uint32_t i = 0; i < MODELS; i++) {
		plan->models[i].chain_count = 3;
		plan->models[i].chain[1] = (i + 1 + number % 2) % MODELS;
		plan->models[i].chain[2] = MODELS;
		plan->models[i].quality = (uint32_t)below(1000);
		plan->models[i].price_out = below(3000000);
	}
	for (uint32_t i = 0; i < TR_PICKER_COUNT; i++)
		plan->strategies[i].picker = (i + number) % TR_PICKER_COUNT;
	tr_plan_class(plan, TR_NAME("batch"), 10);
	tr_plan_tenant(plan, TR_NAME("guest"));
	plan->tenants[1].strategy = number ? (uint32_t)below(TR_PICKER_COUNT) : TR_NONE;
	tr_plan_tenant(plan, TR_NAME("ghost"));
	plan->tenants[2].strategy = (uint32_t)below(TR_PICKER_COUNT);
	strict = tr_plan_intent(plan, TR_NAME("strict"));
	plan->intents[strict].strict = 1;
	plan->intents[strict].strategy = (uint32_t)below(TR_PICKER_COUNT);
	tr_plan_profile(plan, TR_NAME("one"));
	tr_plan_profile(plan, TR_NAME("two"));
	plan->profiles[0].strategy = (uint32_t)below(TR_PICKER_COUNT);
	plan->profiles[1].class_row = (uint32_t)below(2);
	plan->policy.breaker.consecutive = 2;
	plan->policy.breaker.all_out = number % 2;
	plan->policy.retry.attempts = 1 + number;
	plan->policy.timeouts.first_token_ns = 3 * TR_SECOND;
	plan->policy.timeouts.total_ns = 8 * TR_SECOND;
	plan->policy.bypass.failures = 0;
}

static void play(uint64_t seed)
{
	drawn_for = seed;
	draws = 0;
	memset(asked, 0, sizeof asked);
	memset(&script, 0, sizeof script);
	script.next_job = 1;
	said[0] = said[1] = seed;
	active_plan = 0;
	for (uint32_t i = 0; i < POLICIES; i++)
		make_plan(i);
	for (unsigned side = 0; side < 2; side++) {
		tr_stage_init(&stages[side], &tr_stage_limits, &plans[0].policy);
		stages[side].watch = watch;
		assert_int_equal(tr_stage_lifecycle(&stages[side], tr_plan_endpoint_name(Z, 0),
						    TR_LIFECYCLE_DOWN),
				 0);
	}
	for (int i = 0; i < 400; i++) {
		uint64_t what = below(10);

		if (what < 2)
			play_decoys();
		else if (what < 5)
			play_submit();
		else if (what < 8)
			play_fate();
		else
			play_world();
		assert_true(said[0] == said[1]);
	}
	for (unsigned side = 0; side < 2; side++) {
		tr_stage_wait(&stages[side], 20 * TR_SECOND);
		tr_stage_done(&stages[side]);
	}
	assert_true(said[0] == said[1]);
}

/* RTE-9 */
static void test_no_mode_model_or_policy_reaches_another_jobs_decision(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 10000 : 500;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		play(seed);
	}
	/* It has looked at many, of either kind. */
	assert_true(decisions > 100 * seeds);
	assert_true(strict_decisions > 20 * seeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_mode_model_or_policy_reaches_another_jobs_decision),
	};

	return cmocka_run_group_tests_name("mixed", tests, NULL, NULL);
}
