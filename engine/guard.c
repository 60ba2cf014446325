/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard: every reason to refuse a job before it costs anything.
 *
 * Checks run in the order of the table below, from what is wrong with the request itself to what is
 * merely full at the moment, so the answer a client gets is the most lasting one. A repeat of a
 * known request is told so before anything that policy, quota or load could have changed since: its
 * answer exists, whatever would become of it today; it spends nothing.
 *
 * A check reads and judges; only when all have passed is anything booked: the tenant's rates are
 * taken and its budget is reserved by estimate (at the price of the dearest model that may serve
 * the job), to be corrected when the job ends. A refused job leaves a count, a code and a path
 * hash; where a job of a full queue gives up its place to the newcomer (shed.h), it ends once
 * nothing else can refuse that one.
 */
#include "engine/guard.h"

#include "engine/affinity.h"
#include "engine/idempotency.h"
#include "engine/job.h"
#include "engine/picker.h"
#include "engine/predict.h"
#include "engine/queue.h"
#include "engine/quota.h"
#include "engine/registry.h"
#include "engine/shed.h"

/* What the checks find out about a job on its way in. */
struct admission {
	struct tr_engine *e;
	const struct tr_event_job_submit *submit;
	const struct tr_policy *policy;
	const struct tr_policy_tenant *tenant_row;
	const struct tr_policy_model *model;
	const struct tr_policy_intent *intent;
	const struct tr_policy_profile *profile; /* NULL: none is named */
	uint32_t intent_row;
	uint32_t model_row;
	uint32_t class_slot;
	uint32_t strategy_row;
	uint32_t tokens_predicted;
	uint64_t cost; /* estimate, micro-USD */
	tr_time_ns deadline;
	struct tr_shed shed; /* who gives up its place */
	bool strict;
	bool total; /* the deadline is the policy's limit for the whole job */
	struct tr_prediction predicted;
	uint64_t key; /* idempotency key, mixed with the tenant; 0: none */
	/* Of a refusal. */
	tr_name limit;
	uint64_t original; /* the job that has the key */
	tr_span_ns retry_after;
};

/* The row of a name in the active policy; TR_NONE: it has none. */
static uint32_t row_named(const struct tr_engine *e, enum tr_registry_kind kind, tr_name name)
{
	uint32_t slot = tr_registry_find(&e->registry[kind], name);

	return slot == TR_NONE
		       ? TR_NONE
		       : (uint32_t)e->loaded[e->core->active_policy].row_of_slot[kind][slot] - 1;
}

static uint32_t registered(const struct tr_engine *e, enum tr_registry_kind kind, uint32_t row)
{
	return tr_slot_of_row(e, e->core->active_policy, kind, row);
}

/* ---- what is asked ---- */

static enum tr_reject check_form(struct admission *a)
{
	return a->submit->tokens_in == 0 ? TR_REJECT_MALFORMED : TR_REJECT_NONE;
}

/* A job that names no tenant is the default tenant's. */
static tr_name tenant_name(const struct admission *a)
{
	return a->submit->tenant ? a->submit->tenant
				 : a->policy->tenants[a->policy->default_tenant].name;
}

static enum tr_reject check_repeat(struct admission *a)
{
	const struct tr_idempotency *known;

	if (!a->submit->idempotency_key || !a->policy->admission.idempotency_ns)
		return TR_REJECT_NONE;
	a->limit = tenant_name(a);
	a->key = tr_idempotency_key(a->e, a->limit, a->submit->idempotency_key);
	known = tr_idempotency_find(a->e, a->key);
	if (!known)
		return TR_REJECT_NONE;
	a->original = known->job_id;
	return known->body == a->submit->body_hash ? TR_REJECT_IDEMPOTENT_REPEAT
						   : TR_REJECT_IDEMPOTENCY_CONFLICT;
}

static enum tr_reject check_intent(struct admission *a)
{
	uint32_t row = a->policy->default_intent;

	if (a->submit->intent) {
		for (row = 0; row < a->policy->intent_count; row++)
			if (a->policy->intents[row].name == a->submit->intent)
				break;
		a->limit = a->submit->intent;
		if (row == a->policy->intent_count)
			return TR_REJECT_UNKNOWN_INTENT;
	}
	a->intent_row = row;
	a->intent = &a->policy->intents[row];
	a->strict = a->intent->strict || (a->submit->flags & TR_SUBMIT_STRICT);
	return TR_REJECT_NONE;
}

static enum tr_reject check_profile(struct admission *a)
{
	if (!a->submit->profile)
		return TR_REJECT_NONE;
	a->limit = a->submit->profile;
	for (uint32_t row = 0; row < a->policy->profile_count; row++)
		if (a->policy->profiles[row].name == a->submit->profile)
			a->profile = &a->policy->profiles[row];
	return a->profile ? TR_REJECT_NONE : TR_REJECT_UNKNOWN_PROFILE;
}

/* The model of a name: itself, what its alias stands for, or what unknown names get. */
static uint32_t model_row_of(const struct admission *a, tr_name name)
{
	uint32_t row = row_named(a->e, TR_REGISTRY_MODEL, name);

	if (!name)
		return a->policy->default_model;
	if (row != TR_NONE)
		return row;
	for (uint32_t i = 0; i < a->policy->alias_count; i++)
		if (a->policy->aliases[i].name == name)
			return a->policy->aliases[i].model;
	return a->policy->unknown_model;
}

static enum tr_reject check_model(struct admission *a)
{
	const struct tr_policy_tenant *tenant;
	uint32_t tenant_row = row_named(a->e, TR_REGISTRY_TENANT, a->submit->tenant);

	a->limit = a->submit->model;
	a->model_row = model_row_of(a, a->submit->model);
	if (a->model_row == TR_NONE)
		return TR_REJECT_UNKNOWN_MODEL;
	tenant =
		&a->policy->tenants[tenant_row == TR_NONE ? a->policy->default_tenant : tenant_row];
	a->model = &a->policy->models[a->model_row];
	a->limit = a->model->name;
	a->tenant_row = tenant;
	return tr_model_set_has(&tenant->models, a->model_row) ? TR_REJECT_NONE
							       : TR_REJECT_MODEL_NOT_ALLOWED;
}

/* The request's own class goes before the profile's, that before the intent's. */
static enum tr_reject check_class(struct admission *a)
{
	uint32_t row = a->intent->class_row;

	if (a->profile && a->profile->class_row != TR_NONE)
		row = a->profile->class_row;
	a->limit = a->submit->class_name;
	if (a->submit->class_name)
		row = row_named(a->e, TR_REGISTRY_CLASS, a->submit->class_name);
	if (row == TR_NONE)
		return TR_REJECT_UNKNOWN_CLASS;
	a->class_slot = registered(a->e, TR_REGISTRY_CLASS, row);
	return TR_REJECT_NONE;
}

/* The request's own strategy goes before the profile's, that before the tenant's, that before the
 * intent's. */
static enum tr_reject check_strategy(struct admission *a)
{
	a->strategy_row = a->intent->strategy;
	if (a->tenant_row->strategy != TR_NONE)
		a->strategy_row = a->tenant_row->strategy;
	if (a->profile && a->profile->strategy != TR_NONE)
		a->strategy_row = a->profile->strategy;
	if (!a->submit->strategy)
		return TR_REJECT_NONE;
	a->limit = a->submit->strategy;
	for (uint32_t row = 0; row < a->policy->strategy_count; row++)
		if (a->policy->strategies[row].name == a->submit->strategy) {
			a->strategy_row = row;
			return TR_REJECT_NONE;
		}
	return TR_REJECT_UNKNOWN_STRATEGY;
}

/* ---- can it be done ---- */

/* Does any model that may serve the job pass a test? */
static bool any_of_chain(const struct admission *a,
			 bool (*good)(const struct admission *, const struct tr_policy_model *))
{
	uint32_t steps = a->strict ? 1 : a->model->chain_count;

	for (uint32_t step = 0; step < steps; step++) {
		uint32_t row = a->model->chain[step];

		if (tr_model_set_has(&a->tenant_row->models, row) &&
		    good(a, &a->policy->models[row]))
			return true;
	}
	return false;
}

static bool capable(const struct admission *a, const struct tr_policy_model *model)
{
	return (a->submit->needs & ~model->capabilities) == 0;
}

static bool roomy(const struct admission *a, const struct tr_policy_model *model)
{
	uint64_t out = tr_max(a->submit->tokens_out_max, 1);

	return capable(a, model) && a->submit->tokens_in + out <= model->context_tokens;
}

static enum tr_reject check_capability(struct admission *a)
{
	a->limit = a->model->name;
	return any_of_chain(a, capable) ? TR_REJECT_NONE : TR_REJECT_CAPABILITY;
}

static enum tr_reject check_sizes(struct admission *a)
{
	const struct tr_policy_limits *limits = &a->policy->limits;

	if (a->submit->tokens_in > limits->tokens_in)
		return TR_REJECT_TOKENS_IN;
	if (a->submit->tokens_out_max > limits->tokens_out)
		return TR_REJECT_TOKENS_OUT;
	a->limit = tenant_name(a);
	if (a->submit->tokens_in > a->tenant_row->tokens_in)
		return TR_REJECT_TOKENS_IN;
	if (a->submit->tokens_out_max > a->tenant_row->tokens_out)
		return TR_REJECT_TOKENS_OUT;
	a->limit = a->model->name;
	if (!any_of_chain(a, roomy))
		return TR_REJECT_CONTEXT_LENGTH;
	a->tokens_predicted = a->model->output_tokens;
	if (a->submit->tokens_out_max)
		a->tokens_predicted =
			(uint32_t)tr_min(a->tokens_predicted, a->submit->tokens_out_max);
	return TR_REJECT_NONE;
}

/* ---- who may spend ---- */

/* What the job is charged for in advance: what it declares, else what it is thought to need. */
static uint64_t tokens_reserved(const struct admission *a)
{
	return (uint64_t)a->submit->tokens_in +
	       (a->submit->tokens_out_max ? a->submit->tokens_out_max : a->tokens_predicted);
}

/* The estimate is that of the dearest model that may come to serve the job: neither its own limit
 * nor a budget may be broken by where it is sent later. */
static enum tr_reject check_cost(struct admission *a)
{
	uint64_t out = tokens_reserved(a) - a->submit->tokens_in;
	uint32_t steps = a->strict ? 1 : a->model->chain_count;

	for (uint32_t step = 0; step < steps; step++) {
		uint32_t row = a->model->chain[step];
		const struct tr_policy_model *model = &a->policy->models[row];
		uint64_t cost = tr_price(model, a->submit->tokens_in, out);

		if (!tr_model_set_has(&a->tenant_row->models, row) || !roomy(a, model) ||
		    cost <= a->cost)
			continue;
		a->cost = cost;
		a->limit = model->name;
	}
	/* So that the sum over all jobs there may be is exact, and comes to 0 again. */
	a->cost = tr_min(a->cost, UINT64_MAX / a->e->limits.jobs);
	return a->submit->cost_limit && a->cost > a->submit->cost_limit ? TR_REJECT_COST_LIMIT
									: TR_REJECT_NONE;
}

/* What the engine knows of the tenant; of a stranger, what the policy says of such. */
static struct tr_tenant tenant_of(const struct admission *a)
{
	const struct tr_policy_tenant *row = a->tenant_row;
	uint32_t slot = tr_registry_find(&a->e->registry[TR_REGISTRY_TENANT], tenant_name(a));

	if (slot != TR_NONE)
		return a->e->tenant[slot];
	return (struct tr_tenant){
		.requests_per_minute = row->requests_per_minute,
		.tokens_per_minute = row->tokens_per_minute,
		.budget_micro_usd_per_day = row->budget_micro_usd_per_day,
	};
}

static enum tr_reject check_tenant(struct admission *a)
{
	tr_time_ns now = a->e->core->now;
	const struct tr_tenant tenant = tenant_of(a);
	uint64_t promised;

	a->limit = tenant_name(a);
	a->retry_after = tr_registry_tenant_wait(a->e, a->limit);
	if (a->retry_after)
		return TR_REJECT_TENANT_TABLE_FULL;
	a->retry_after = tr_rate_wait(tenant.requests_tat, now, 1, tenant.requests_per_minute);
	if (a->retry_after)
		return TR_REJECT_TENANT_REQUESTS;
	a->retry_after =
		tr_rate_wait(tenant.tokens_tat, now, tokens_reserved(a), tenant.tokens_per_minute);
	if (a->retry_after)
		return TR_REJECT_TENANT_TOKENS;
	if (tenant.budget_micro_usd_per_day == 0)
		return TR_REJECT_NONE;
	promised = tr_add_sat(tr_spent_today(&tenant, now), tenant.reserved_micro_usd);
	if (tr_add_sat(promised, a->cost) <= tenant.budget_micro_usd_per_day)
		return TR_REJECT_NONE;
	a->retry_after = (now / TR_DAY + 1) * TR_DAY - now;
	return TR_REJECT_TENANT_BUDGET;
}

/* ---- is there a place ---- */

/* The pools whose slots the job may take: those of the first model that can serve it; with a
 * strategy that weighs the whole chain at once, of all that can. */
static void predict(struct admission *a)
{
	uint32_t steps = a->strict ? 1 : a->model->chain_count;
	bool wide =
		tr_picker_is_wide((enum tr_picker)a->policy->strategies[a->strategy_row].picker);
	uint16_t pools[TR_POLICY_CHAIN_MAX];
	uint32_t count = 0;

	for (uint32_t step = 0; step < steps && (wide || count == 0); step++) {
		uint32_t row = a->model->chain[step];

		if (tr_model_set_has(&a->tenant_row->models, row) &&
		    roomy(a, &a->policy->models[row]))
			pools[count++] = (uint16_t)registered(a->e, TR_REGISTRY_MODEL, row);
	}
	TR_ASSERT(count > 0);
	a->predicted = tr_predict(a->e, pools, count, a->class_slot, a->tokens_predicted);
}

static enum tr_reject check_queue(struct admission *a)
{
	uint32_t model = registered(a->e, TR_REGISTRY_MODEL, a->model_row);

	predict(a);
	if (tr_shed_find(a->e, model, a->class_slot, &a->shed))
		return TR_REJECT_NONE;
	a->limit = a->shed.limit;
	a->retry_after = tr_max(a->predicted.start, TR_SECOND);
	return TR_REJECT_QUEUE_FULL;
}

/* The deadline must leave so many percent of the predicted time; of a time that nobody can predict
 * yet, nothing. One that cannot be met comes back when the jobs before it have gone on so far. An
 * idle pool takes it all the same: means change only with what is served, so after one bad hour
 * they would refuse everybody for ever. */
static enum tr_reject check_feasible(struct admission *a)
{
	uint32_t percent = a->policy->admission.feasibility_percent;
	tr_span_ns left = tr_sub_sat(a->deadline, a->e->core->now);
	tr_span_ns longest = percent ? tr_mul_div(left, 100, percent) : TR_TIME_NEVER;

	if (a->deadline == TR_TIME_NEVER ||
	    (left > 0 && (a->predicted.idle || a->predicted.finish <= longest)))
		return TR_REJECT_NONE;
	a->retry_after = tr_max(tr_sub_sat(a->predicted.finish, longest), TR_MS);
	return TR_REJECT_DEADLINE_UNMET;
}

static enum tr_reject check_deadline(struct admission *a)
{
	tr_time_ns now = a->e->core->now;

	a->deadline = a->submit->deadline ? a->submit->deadline : TR_TIME_NEVER;
	if (!a->submit->deadline && a->intent->deadline_ns)
		a->deadline = tr_add_sat(now, a->intent->deadline_ns);
	if (a->intent->deadline_ns_max)
		a->deadline = tr_min(a->deadline, tr_add_sat(now, a->intent->deadline_ns_max));
	/* The policy's limit for a whole job is a deadline by another name. */
	if (a->policy->timeouts.total_ns &&
	    tr_add_sat(now, a->policy->timeouts.total_ns) < a->deadline) {
		a->deadline = tr_add_sat(now, a->policy->timeouts.total_ns);
		a->total = true;
	}
	a->limit = a->intent->name;
	return check_feasible(a);
}

static enum tr_reject check_rows(struct admission *a)
{
	const struct tr_core *core = a->e->core;

	a->limit = 0;
	a->retry_after = TR_SECOND;
	/* Who gives up its place leaves a row. */
	if (!core->job_free1 && core->job_used == a->e->limits.jobs && !a->shed.victim)
		return TR_REJECT_JOB_TABLE_FULL;
	a->retry_after = a->key ? tr_idempotency_wait(a->e) : 0;
	return a->retry_after ? TR_REJECT_IDEMPOTENCY_TABLE_FULL : TR_REJECT_NONE;
}

static enum tr_reject (*const checks[])(struct admission *) = {
	check_form,   check_repeat,   check_intent,	check_profile, check_model,
	check_class,  check_strategy, check_capability, check_sizes,   check_cost,
	check_tenant, check_queue,    check_deadline,	check_rows,
};

/* ---- verdict ---- */

static void reject(struct tr_engine *e, const struct admission *a, enum tr_reject code)
{
	struct tr_action_job_reject *action = &tr_action_add(e, TR_ACTION_JOB_REJECT)->job_reject;
	struct tr_job gone = {.path = tr_job_path_start(a->submit->job_id)};

	/* Of which job it is a repeat is part of the decision. */
	tr_job_path(&gone, TR_ACTION_JOB_REJECT, a->original, code);
	e->core->rejected++;
	e->core->path += gone.path;
	action->job_id = a->submit->job_id;
	action->policy_id = a->policy->id;
	action->limit = a->limit;
	action->retry_after = a->retry_after;
	action->original = a->original;
	action->path = gone.path;
	action->code = (uint8_t)code;
	action->retriable = tr_rejects[code].retriable;
}

static struct tr_job *admit(struct tr_engine *e, const struct admission *a)
{
	uint32_t tenant_slot = tr_registry_tenant(e, tenant_name(a));
	struct tr_tenant *tenant = &e->tenant[tenant_slot];
	struct tr_job *job = tr_job_new(e);

	TR_ASSERT(job);
	job->job_id = a->submit->job_id;
	job->path = tr_job_path_start(job->job_id);
	job->submitted = e->event->observed;
	job->deadline = a->deadline;
	job->tokens_in = a->submit->tokens_in;
	job->tokens_out_max = a->submit->tokens_out_max;
	job->tokens_predicted = a->tokens_predicted;
	job->needs = a->submit->needs;
	job->group_id = a->submit->group_id;
	job->tenant = (uint16_t)tenant_slot;
	job->class_slot = (uint16_t)a->class_slot;
	job->model = (uint16_t)registered(e, TR_REGISTRY_MODEL, a->model_row);
	job->model_row = (uint16_t)a->model_row;
	job->strategy_row = (uint16_t)a->strategy_row;
	job->intent_row = (uint16_t)a->intent_row;
	job->policy = (uint8_t)e->core->active_policy;
	job->flags = (uint8_t)((a->strict ? TR_JOB_STRICT : 0) | (a->total ? TR_JOB_TOTAL : 0) |
			       (a->submit->flags & TR_SUBMIT_STREAM ? TR_JOB_STREAM : 0) |
			       (a->intent->hedge ? TR_JOB_HEDGEABLE : 0) |
			       (a->intent->cancelable ? TR_JOB_CANCELABLE : 0) |
			       (a->submit->flags & TR_SUBMIT_HOLD ? TR_JOB_RELEASE_DUE : 0));
	job->reserved_micro_usd = a->cost;
	/* What no rate took, no rate gives back. */
	job->charged_tokens =
		tenant->tokens_per_minute ? (uint32_t)tr_min(tokens_reserved(a), UINT32_MAX) : 0;
	tenant->reserved_micro_usd = tr_add_sat(tenant->reserved_micro_usd, a->cost);
	tr_rate_take(&tenant->requests_tat, e->core->now, 1, tenant->requests_per_minute);
	tr_rate_take(&tenant->tokens_tat, e->core->now, job->charged_tokens,
		     tenant->tokens_per_minute);
	/* Nobody knows when a job will be released. */
	if (a->predicted.known && !(job->flags & TR_JOB_RELEASE_DUE)) {
		job->flags |= TR_JOB_PREDICTED;
		job->predicted_start = a->predicted.start;
	}
	tr_affinity_admit(e, job, a->submit);
	tr_job_path(job, TR_ACTION_JOB_ACCEPT, e->class[a->class_slot].name, 0);
	tr_job_enter(e, job);
	if (a->key)
		tr_idempotency_take(e, a->key, a->submit->body_hash, job);
	return job;
}

static void say_accept(struct tr_engine *e, const struct admission *a, const struct tr_job *job)
{
	struct tr_action_job_accept *action = &tr_action_add(e, TR_ACTION_JOB_ACCEPT)->job_accept;

	action->job_id = job->job_id;
	action->job = tr_job_handle_of(e, job);
	action->policy_id = a->policy->id;
	action->class_name = e->class[job->class_slot].name;
	action->hold = job->hold;
	action->predicted_start = job->predicted_start;
	if (!(job->flags & TR_JOB_RELEASE_DUE))
		action->predicted_finish = a->predicted.finish;
	if (job->state == TR_JOB_QUEUED)
		action->queue_position = tr_queue_position(e, job);
}

void tr_guard_submit(struct tr_engine *e, const struct tr_event_job_submit *submit)
{
	struct admission a = {.e = e, .submit = submit, .policy = tr_policy_active(e)};
	struct tr_job *job;

	e->core->submitted++;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(checks); i++) {
		enum tr_reject code = checks[i](&a);

		if (code != TR_REJECT_NONE) {
			reject(e, &a, code);
			return;
		}
	}
	tr_shed_make_room(e, &a.shed);
	job = admit(e, &a);
	if (submit->flags & TR_SUBMIT_ASYNC)
		tr_job_hold(e, job, TR_HOLD_PERSIST);
	else if (submit->flags & TR_SUBMIT_HOLD)
		tr_job_hold(e, job, TR_HOLD_RELEASE);
	else
		tr_job_enqueue(e, job);
	say_accept(e, &a, job);
	if (job->hold == TR_HOLD_PERSIST) {
		struct tr_action_job_persist *persist =
			&tr_action_add(e, TR_ACTION_JOB_PERSIST)->job_persist;

		persist->job_id = job->job_id;
		persist->job = tr_job_handle_of(e, job);
	}
}
