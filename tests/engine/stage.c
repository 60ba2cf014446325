/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/random.h"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "stage: broken: %s (%s:%d)\n", #condition, __FILE__,       \
				__LINE__);                                                         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* ---- plan ---- */

tr_name tr_plan_endpoint_name(tr_name model, uint32_t i)
{
	return tr_mix(model + i) | 1;
}

uint32_t tr_plan_model(struct tr_plan *plan, tr_name name, uint32_t endpoints, uint32_t slots)
{
	uint32_t row = plan->policy.model_count++;
	uint32_t first = plan->policy.endpoint_count;

	MUST(row < TR_ARRAY_LENGTH(plan->models));
	MUST(first + endpoints <= TR_ARRAY_LENGTH(plan->endpoints));
	plan->policy.endpoint_count += endpoints;
	plan->models[row] = (struct tr_policy_model){
		.name = name,
		.price_in = 1000000,
		.price_out = 2000000,
		.context_tokens = 100000,
		.output_tokens = 50,
		.capabilities = TR_CAPABILITY_JSON,
		.quality = 500,
		.first_endpoint = first,
		.endpoint_count = endpoints,
		.chain_count = 1,
		.chain = {row},
	};
	for (uint32_t i = 0; i < endpoints; i++)
		plan->endpoints[first + i] = (struct tr_policy_endpoint){
			.name = tr_plan_endpoint_name(name, i), .model = row, .slots = slots};
	return row;
}

uint32_t tr_plan_class(struct tr_plan *plan, tr_name name, uint32_t priority)
{
	uint32_t row = plan->policy.class_count++;

	MUST(row < TR_ARRAY_LENGTH(plan->classes));
	plan->classes[row] = (struct tr_policy_class){TR_TEST_CLASS, .name = name,
						      .priority = priority, .queue_limit = 4096};
	return row;
}

uint32_t tr_plan_tenant(struct tr_plan *plan, tr_name name)
{
	uint32_t row = plan->policy.tenant_count++;

	MUST(row < TR_ARRAY_LENGTH(plan->tenants));
	plan->tenants[row] = (struct tr_policy_tenant){TR_TEST_TENANT, .name = name,
						       .weight_milli = 1000, .strategy = TR_NONE};
	memset(&plan->tenants[row].models, 0xff, sizeof plan->tenants[row].models);
	return row;
}

uint32_t tr_plan_intent(struct tr_plan *plan, tr_name name)
{
	uint32_t row = plan->policy.intent_count++;

	MUST(row < TR_ARRAY_LENGTH(plan->intents));
	plan->intents[row] = (struct tr_policy_intent){
		.name = name, .strategy = TR_PICKER_LEAST_OUTSTANDING, .cancelable = 1};
	return row;
}

uint32_t tr_plan_profile(struct tr_plan *plan, tr_name name)
{
	uint32_t row = plan->policy.profile_count++;

	MUST(row < TR_ARRAY_LENGTH(plan->profiles));
	plan->profiles[row] =
		(struct tr_policy_profile){.name = name, .strategy = TR_NONE, .class_row = TR_NONE};
	return row;
}

static void own_tables(struct tr_plan *plan)
{
	plan->policy.models = plan->models;
	plan->policy.endpoints = plan->endpoints;
	plan->policy.classes = plan->classes;
	plan->policy.tenants = plan->tenants;
	plan->policy.strategies = plan->strategies;
	plan->policy.intents = plan->intents;
	plan->policy.aliases = plan->aliases;
	plan->policy.profiles = plan->profiles;
}

void tr_plan_copy(struct tr_plan *ret, const struct tr_plan *plan, uint64_t id)
{
	*ret = *plan;
	own_tables(ret);
	ret->policy.id = id;
}

void tr_plan_init(struct tr_plan *plan, uint64_t id)
{
	memset(plan, 0, sizeof *plan);
	plan->policy = (struct tr_policy){
		TR_TEST_POLICY,
		.id = id,
		.unknown_model = TR_NONE,
		.strategy_count = TR_PICKER_COUNT,
		.breaker = {TR_TEST_BREAKER, .window_ns = 10 * TR_SECOND, .open_ns = TR_SECOND,
			    .open_ns_max = 8 * TR_SECOND, .heal_ns = 60 * TR_SECOND,
			    .requests_min = 1000000, .error_percent = 50, .probes = 1,
			    .successes = 2, .eject_percent = 100},
		.retry = {TR_TEST_RETRY, .backoff_ns = 100 * TR_MS, .backoff_ns_max = TR_SECOND,
			  .retry_after_ns_max = 60 * TR_SECOND},
		.hedge = {TR_TEST_HEDGE},
		.limits = {.tokens_in = 1000000, .tokens_out = 1000000},
	};
	own_tables(plan);
	for (uint32_t picker = 0; picker < TR_PICKER_COUNT; picker++)
		plan->strategies[picker] = (struct tr_policy_strategy){
			TR_TEST_STRATEGY, .name = TR_PLAN_STRATEGY + picker, .picker = picker,
			.weights = {500, 300, 100, 100}};
	tr_plan_class(plan, TR_NAME("interactive"), 100);
	tr_plan_tenant(plan, TR_NAME("default"));
	tr_plan_intent(plan, TR_NAME("default"));
}

/* ---- stage ---- */

const struct tr_limits tr_stage_limits = {
	.jobs = 4096,
	.active = 1024,
	.attempts = 2048,
	.models = 4,
	.endpoints = 320,
	.classes = 4,
	.tenants = 16,
	.policies = 3,
	.sessions = 64,
	.prefixes = 256,
	.idempotency = 64,
};

void tr_stage_init(struct tr_stage *stage, const struct tr_limits *limits,
		   const struct tr_policy *policy)
{
	memset(stage, 0, sizeof *stage);
	stage->limits = *limits;
	stage->next_job_id = 1;
	stage->now = 1700000000 * TR_SECOND;
	stage->engine = aligned_alloc(64, tr_engine_size(limits));
	MUST(stage->engine);
	MUST(tr_engine_init(stage->engine, limits, policy, 7, stage->now) == 0);
}

void tr_stage_done(struct tr_stage *stage)
{
	free(stage->engine);
	free(stage->answers);
	*stage = (struct tr_stage){0};
}

struct tr_event *tr_stage_event(struct tr_stage *stage, enum tr_event_kind kind)
{
	memset(&stage->event, 0, sizeof stage->event);
	stage->event.kind = (uint16_t)kind;
	return &stage->event;
}

static void keep(struct tr_stage *stage)
{
	if (stage->answer_count + stage->actions.count > stage->answer_room) {
		stage->answer_room = 2 * stage->answer_room + 256;
		stage->answers =
			realloc(stage->answers, stage->answer_room * sizeof *stage->answers);
		MUST(stage->answers);
	}
	for (uint32_t i = 0; i < stage->actions.count; i++)
		stage->answers[stage->answer_count++] =
			(struct tr_answer){stage->now, stage->actions.items[i]};
}

int tr_stage_give(struct tr_stage *stage)
{
	uint64_t chain = tr_engine_chain(stage->engine);
	const char *wrong;
	int err;

	stage->event.time = stage->now;
	stage->event.observed = stage->now;
	err = tr_engine_step(stage->engine, &stage->event, &stage->actions);
	if (err < 0) {
		MUST(stage->actions.count == 0);
		MUST(tr_engine_chain(stage->engine) == chain);
		return err;
	}
	keep(stage);
	wrong = stage->trusting ? NULL : tr_engine_verify(stage->engine);
	if (wrong)
		fprintf(stderr, "stage: the engine's books: %s\n", wrong);
	MUST(!wrong);
	if (stage->watch)
		stage->watch(stage);
	return 0;
}

void tr_stage_wait_until(struct tr_stage *stage, tr_time_ns until)
{
	MUST(until >= stage->now);
	while (tr_engine_deadline(stage->engine) <= until) {
		stage->now = tr_engine_deadline(stage->engine);
		tr_stage_event(stage, TR_EVENT_CLOCK);
		MUST(tr_stage_give(stage) == 0);
	}
	stage->now = until;
}

void tr_stage_wait(struct tr_stage *stage, tr_span_ns span)
{
	tr_stage_wait_until(stage, stage->now + span);
}

/* ---- events ---- */

uint64_t tr_stage_submit(struct tr_stage *stage, struct tr_event_job_submit submit)
{
	if (!submit.job_id)
		submit.job_id = stage->next_job_id++;
	if (!submit.tokens_in)
		submit.tokens_in = 100;
	tr_stage_event(stage, TR_EVENT_JOB_SUBMIT)->job_submit = submit;
	MUST(tr_stage_give(stage) == 0);
	return submit.job_id;
}

static tr_job_handle job_of(const struct tr_stage *stage, uint64_t job_id)
{
	const struct tr_action_job_accept *accept = tr_stage_accept(stage, job_id);

	MUST(accept);
	return accept->job;
}

static tr_attempt_handle attempt_of(const struct tr_stage *stage, uint64_t job_id)
{
	const struct tr_action_attempt_dispatch *dispatch = tr_stage_dispatch(stage, job_id);

	MUST(dispatch);
	return dispatch->attempt;
}

int tr_stage_persisted(struct tr_stage *stage, uint64_t job_id, bool ok)
{
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_JOB_PERSISTED);

	event->job_persisted.job = job_of(stage, job_id);
	event->job_persisted.ok = ok;
	return tr_stage_give(stage);
}

int tr_stage_release(struct tr_stage *stage, uint64_t job_id)
{
	tr_stage_event(stage, TR_EVENT_JOB_RELEASE)->job_release.job = job_of(stage, job_id);
	return tr_stage_give(stage);
}

int tr_stage_cancel(struct tr_stage *stage, uint64_t job_id, enum tr_cause cause)
{
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_JOB_CANCEL);

	event->job_cancel.job = job_of(stage, job_id);
	event->job_cancel.cause = (uint8_t)cause;
	return tr_stage_give(stage);
}

int tr_stage_cancel_group(struct tr_stage *stage, uint64_t group_id, enum tr_cause cause)
{
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_JOB_CANCEL_GROUP);

	event->job_cancel_group.group_id = group_id;
	event->job_cancel_group.cause = (uint8_t)cause;
	return tr_stage_give(stage);
}

int tr_stage_connected(struct tr_stage *stage, uint64_t job_id)
{
	tr_stage_event(stage, TR_EVENT_ATTEMPT_CONNECTED)->attempt_connected.attempt =
		attempt_of(stage, job_id);
	return tr_stage_give(stage);
}

int tr_stage_headers(struct tr_stage *stage, uint64_t job_id)
{
	tr_stage_event(stage, TR_EVENT_ATTEMPT_HEADERS)->attempt_headers.attempt =
		attempt_of(stage, job_id);
	return tr_stage_give(stage);
}

int tr_stage_first_token(struct tr_stage *stage, uint64_t job_id)
{
	tr_stage_event(stage, TR_EVENT_ATTEMPT_FIRST_TOKEN)->attempt_first_token.attempt =
		attempt_of(stage, job_id);
	return tr_stage_give(stage);
}

int tr_stage_progress(struct tr_stage *stage, uint64_t job_id, uint32_t tokens_out)
{
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_ATTEMPT_PROGRESS);

	event->attempt_progress.attempt = attempt_of(stage, job_id);
	event->attempt_progress.tokens_out = tokens_out;
	return tr_stage_give(stage);
}

int tr_stage_complete(struct tr_stage *stage, uint64_t job_id, uint32_t tokens_out)
{
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_ATTEMPT_DONE);

	event->attempt_done.attempt = attempt_of(stage, job_id);
	event->attempt_done.tokens_out = tokens_out;
	return tr_stage_give(stage);
}

int tr_stage_fail(struct tr_stage *stage, uint64_t job_id, enum tr_cause cause,
		  tr_span_ns retry_after)
{
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_ATTEMPT_FAILED);

	event->attempt_failed.attempt = attempt_of(stage, job_id);
	event->attempt_failed.cause = (uint8_t)cause;
	event->attempt_failed.retry_after = retry_after;
	event->attempt_failed.tokens_out = TR_STAGE_TOKENS_FAILED;
	return tr_stage_give(stage);
}

int tr_stage_fail_attempt(struct tr_stage *stage, tr_attempt_handle attempt, enum tr_cause cause)
{
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_ATTEMPT_FAILED);

	event->attempt_failed.attempt = attempt;
	event->attempt_failed.cause = (uint8_t)cause;
	return tr_stage_give(stage);
}

int tr_stage_lifecycle(struct tr_stage *stage, tr_name endpoint, enum tr_lifecycle lifecycle)
{
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_ENDPOINT_STATE);

	event->endpoint_state.endpoint = endpoint;
	event->endpoint_state.lifecycle = (uint8_t)lifecycle;
	return tr_stage_give(stage);
}

int tr_stage_quota(struct tr_stage *stage, tr_name endpoint, uint32_t requests, uint64_t tokens,
		   tr_span_ns reset)
{
	tr_stage_event(stage, TR_EVENT_ENDPOINT_QUOTA)->endpoint_quota =
		(struct tr_event_endpoint_quota){.endpoint = endpoint,
						 .requests_remaining = requests,
						 .requests_reset = reset,
						 .tokens_remaining = tokens,
						 .tokens_reset = reset};
	return tr_stage_give(stage);
}

int tr_stage_activate(struct tr_stage *stage, const struct tr_policy *policy)
{
	uint32_t slot;
	int err = tr_engine_policy_load(stage->engine, policy, &slot);
	struct tr_event *event = tr_stage_event(stage, TR_EVENT_POLICY_ACTIVATE);

	if (err < 0)
		return err;
	event->policy_activate.policy_id = policy->id;
	event->policy_activate.slot = (uint8_t)slot;
	return tr_stage_give(stage);
}

/* ---- answers ---- */

/* The newest answer of a kind whose body has this id in this member. */
#define NEWEST(stage, KIND, body, member, wanted)                                                  \
	for (size_t i = (stage)->answer_count; i > 0; i--) {                                       \
		const struct tr_action *action = &(stage)->answers[i - 1].action;                  \
		if (action->kind == TR_ACTION_##KIND && action->body.member == (wanted))           \
			return &action->body;                                                      \
	}                                                                                          \
	return NULL

const struct tr_action_job_accept *tr_stage_accept(const struct tr_stage *stage, uint64_t job_id)
{
	NEWEST(stage, JOB_ACCEPT, job_accept, job_id, job_id);
}

const struct tr_action_job_reject *tr_stage_reject(const struct tr_stage *stage, uint64_t job_id)
{
	NEWEST(stage, JOB_REJECT, job_reject, job_id, job_id);
}

const struct tr_action_attempt_dispatch *tr_stage_dispatch(const struct tr_stage *stage,
							   uint64_t job_id)
{
	NEWEST(stage, ATTEMPT_DISPATCH, attempt_dispatch, job_id, job_id);
}

const struct tr_action_attempt_abort *tr_stage_abort(const struct tr_stage *stage, uint64_t job_id)
{
	NEWEST(stage, ATTEMPT_ABORT, attempt_abort, job_id, job_id);
}

const struct tr_action_job_finish *tr_stage_finish(const struct tr_stage *stage, uint64_t job_id)
{
	NEWEST(stage, JOB_FINISH, job_finish, job_id, job_id);
}

const struct tr_action_breaker_change *tr_stage_breaker(const struct tr_stage *stage,
							tr_name endpoint)
{
	NEWEST(stage, BREAKER_CHANGE, breaker_change, endpoint, endpoint);
}

size_t tr_stage_count(const struct tr_stage *stage, enum tr_action_kind kind, size_t since)
{
	size_t found = 0;

	for (size_t i = since; i < stage->answer_count; i++)
		found += stage->answers[i].action.kind == kind;
	return found;
}

size_t tr_stage_dispatches(const struct tr_stage *stage, uint64_t job_id)
{
	size_t found = 0;

	for (size_t i = 0; i < stage->answer_count; i++)
		found += stage->answers[i].action.kind == TR_ACTION_ATTEMPT_DISPATCH &&
			 stage->answers[i].action.attempt_dispatch.job_id == job_id;
	return found;
}

const struct tr_candidate *tr_stage_candidate(const struct tr_stage *stage, uint32_t decision,
					      tr_name endpoint)
{
	const struct tr_decision *made = &stage->actions.decisions[decision];

	MUST(decision < stage->actions.decision_count);
	for (uint32_t i = 0; i < made->candidate_count; i++) {
		const struct tr_candidate *candidate =
			&stage->actions.candidates[made->first_candidate + i];

		if (candidate->endpoint == endpoint)
			return candidate;
	}
	return NULL;
}

struct tr_endpoint_view tr_stage_endpoint(const struct tr_stage *stage, tr_name name)
{
	struct tr_endpoint_view view;

	MUST(tr_engine_endpoint(stage->engine, name, &view) == 0);
	return view;
}

struct tr_tenant_view tr_stage_tenant(const struct tr_stage *stage, tr_name name)
{
	struct tr_tenant_view view;

	MUST(tr_engine_tenant(stage->engine, name, &view) == 0);
	return view;
}

struct tr_counts tr_stage_counts(const struct tr_stage *stage)
{
	struct tr_counts counts;

	tr_engine_counts(stage->engine, &counts);
	return counts;
}
