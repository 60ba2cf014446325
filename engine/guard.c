/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard: every reason to refuse a job before it costs anything.
 *
 * Checks run in the order of the table below, from what is wrong with the request itself to what is
 * merely full at the moment, so the answer a client gets is the most lasting one. A check reads and
 * judges; only when all have passed is anything booked: the tenant's rates are taken and its budget
 * is reserved by estimate, to be corrected when the job ends. A refused job leaves a count, a code
 * and a path hash.
 */
#include "engine/guard.h"

#include "engine/affinity.h"
#include "engine/job.h"
#include "engine/queue.h"
#include "engine/quota.h"
#include "engine/registry.h"

/* What the checks find out about a job on its way in. */
struct admission {
	struct tr_engine *e;
	const struct tr_event_job_submit *submit;
	const struct tr_policy *policy;
	const struct tr_policy_tenant *tenant_row;
	const struct tr_policy_model *model;
	const struct tr_policy_intent *intent;
	uint32_t intent_row;
	uint32_t model_row;
	uint32_t class_slot;
	uint32_t strategy_row;
	uint32_t tokens_predicted;
	uint64_t cost; /* estimate, micro-USD */
	tr_time_ns deadline;
	bool strict;
	bool total; /* the deadline is the policy's limit for the whole job */
	/* Of a refusal. */
	tr_name limit;
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

static enum tr_reject check_class(struct admission *a)
{
	uint32_t row = a->intent->class_row;

	a->limit = a->submit->class_name;
	if (a->submit->class_name)
		row = row_named(a->e, TR_REGISTRY_CLASS, a->submit->class_name);
	if (row == TR_NONE)
		return TR_REJECT_UNKNOWN_CLASS;
	a->class_slot = registered(a->e, TR_REGISTRY_CLASS, row);
	return TR_REJECT_NONE;
}

/* The request's own strategy goes before the tenant's, that before the intent's. */
static enum tr_reject check_strategy(struct admission *a)
{
	a->strategy_row =
		a->tenant_row->strategy != TR_NONE ? a->tenant_row->strategy : a->intent->strategy;
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

static enum tr_reject check_cost(struct admission *a)
{
	a->cost =
		tr_price(a->model, a->submit->tokens_in, tokens_reserved(a) - a->submit->tokens_in);
	return a->submit->cost_limit && a->cost > a->submit->cost_limit ? TR_REJECT_COST_LIMIT
									: TR_REJECT_NONE;
}

/* A job that names no tenant is the default tenant's. */
static tr_name tenant_name(const struct admission *a)
{
	return a->submit->tenant ? a->submit->tenant
				 : a->policy->tenants[a->policy->default_tenant].name;
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
	if (!tr_registry_tenant_fits(a->e, a->limit))
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

static const struct tr_backlog *backlog_of(const struct admission *a)
{
	uint32_t model = registered(a->e, TR_REGISTRY_MODEL, a->model_row);

	return &a->e->backlog[tr_backlog_of(a->e, model, a->class_slot)];
}

/* The time until `ahead` jobs of the pool have been taken up, if each slot serves as of late. */
static tr_span_ns predicted_wait(const struct admission *a, uint32_t ahead)
{
	const struct tr_model *model =
		&a->e->model[registered(a->e, TR_REGISTRY_MODEL, a->model_row)];
	uint64_t slots = 0, busy = 0;

	for (uint32_t i = 0; i < a->model->endpoint_count; i++) {
		uint32_t slot =
			registered(a->e, TR_REGISTRY_ENDPOINT, a->model->first_endpoint + i);

		slots += a->e->endpoint[slot].slots;
		busy += a->e->endpoint[slot].in_flight;
	}
	if (busy + ahead < slots)
		return 0;
	return tr_mul_div(busy + ahead - slots + 1, model->service_ewma, tr_max(slots, 1));
}

static enum tr_reject check_queue(struct admission *a)
{
	const struct tr_class *class = &a->e->class[a->class_slot];
	const struct tr_backlog *backlog = backlog_of(a);

	a->limit = class->name;
	if (backlog->waiting + backlog->held < class->queue_limit)
		return TR_REJECT_NONE;
	a->retry_after = tr_max(predicted_wait(a, backlog->waiting), TR_SECOND);
	return TR_REJECT_QUEUE_FULL;
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
	return a->deadline <= now ? TR_REJECT_DEADLINE_UNMET : TR_REJECT_NONE;
}

static enum tr_reject check_rows(struct admission *a)
{
	const struct tr_core *core = a->e->core;

	a->limit = 0;
	a->retry_after = TR_SECOND;
	if (!core->job_free1 && core->job_used == a->e->limits.jobs)
		return TR_REJECT_JOB_TABLE_FULL;
	a->retry_after = 0;
	return TR_REJECT_NONE;
}

static enum tr_reject (*const checks[])(struct admission *) = {
	check_form,  check_intent, check_model,	 check_class, check_strategy, check_capability,
	check_sizes, check_cost,   check_tenant, check_queue, check_deadline, check_rows,
};

/* ---- verdict ---- */

static void reject(struct tr_engine *e, const struct admission *a, enum tr_reject code)
{
	struct tr_action_job_reject *action = &tr_action_add(e, TR_ACTION_JOB_REJECT)->job_reject;
	struct tr_job gone = {.path = tr_job_path_start(a->submit->job_id)};

	tr_job_path(&gone, TR_ACTION_JOB_REJECT, 0, code);
	e->core->rejected++;
	e->core->path += gone.path;
	action->job_id = a->submit->job_id;
	action->policy_id = a->policy->id;
	action->limit = a->limit;
	action->retry_after = a->retry_after;
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
	job->charged_tokens = tenant->tokens_per_minute ? tokens_reserved(a) : 0;
	tenant->reserved_micro_usd = tr_add_sat(tenant->reserved_micro_usd, a->cost);
	tr_rate_take(&tenant->requests_tat, e->core->now, 1, tenant->requests_per_minute);
	tr_rate_take(&tenant->tokens_tat, e->core->now, job->charged_tokens,
		     tenant->tokens_per_minute);
	tr_affinity_admit(job, a->submit);
	tr_job_path(job, TR_ACTION_JOB_ACCEPT, e->class[a->class_slot].name, 0);
	tr_job_enter(e, job);
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
	if (job->state != TR_JOB_QUEUED)
		return;
	action->queue_position = tr_queue_position(e, job);
	action->predicted_start = predicted_wait(a, backlog_of(a)->waiting - 1);
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
