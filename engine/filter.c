/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters: the first reason why an endpoint cannot have a job.
 *
 * They are asked from the most lasting to the most passing: gone from the policy, unfit for what
 * the job needs, reported unfit, tried before, out by its breaker, paused, out of allowance (ours
 * for it, its provider's for us), out of slots. So the reason that stands in a decision record is
 * the one that would have to change first.
 */
#include "engine/filter.h"

#include "engine/limit.h"
#include "engine/quota.h"

static bool tried(const struct tr_choosing *d, uint32_t endpoint)
{
	const uint16_t *list = d->active ? &d->active->tried0 : NULL;

	for (uint32_t i = 0; list && i < tr_min(d->active->tried_count, TR_TRIED_MAX); i++)
		if (list[i] == endpoint)
			return true;
	return false;
}

/* What is wrong with the model for this job, whichever endpoint serves it. */
enum tr_filter tr_filter_model(const struct tr_engine *e, const struct tr_job *job,
			       uint32_t model_row)
{
	const struct tr_policy *policy = tr_policy_of(e, job);
	const struct tr_policy_model *model = &policy->models[model_row];
	uint32_t tenant_row1 = e->loaded[job->policy].row_of_slot[TR_REGISTRY_TENANT][job->tenant];
	const struct tr_policy_tenant *tenant =
		&policy->tenants[tenant_row1 ? tenant_row1 - 1 : policy->default_tenant];

	if (job->needs & ~model->capabilities)
		return TR_FILTER_CAPABILITY;
	if ((uint64_t)job->tokens_in + tr_max(job->tokens_out_max, 1) > model->context_tokens)
		return TR_FILTER_CONTEXT;
	if (!tr_model_set_has(&tenant->models, model_row))
		return TR_FILTER_TENANT;
	return TR_FILTER_NONE;
}

static tr_span_ns rate_wait(const struct tr_choosing *d, const struct tr_endpoint *ep)
{
	tr_time_ns now = d->e->core->now;
	uint64_t tokens = (uint64_t)d->job->tokens_in + d->job->tokens_predicted;

	return tr_max(tr_rate_wait(ep->requests_tat, now, 1, ep->requests_per_minute),
		      tr_rate_wait(ep->tokens_tat, now, tokens, ep->tokens_per_minute));
}

/* Until when the allowance that the provider reported is too small for the job; 0: it is not. */
static tr_time_ns provider_until(const struct tr_choosing *d, const struct tr_endpoint *ep)
{
	uint64_t tokens = (uint64_t)d->job->tokens_in + d->job->tokens_predicted;
	tr_time_ns until = 0;

	if (ep->provider_requests == 0)
		until = ep->provider_requests_until;
	if (ep->provider_tokens < tokens)
		until = tr_max(until, ep->provider_tokens_until);
	return until > d->e->core->now ? until : 0;
}

/* What of its breaker keeps the job out. */
static enum tr_filter filter_breaker(const struct tr_choosing *d, uint32_t slot,
				     uint64_t *ret_detail)
{
	const struct tr_endpoint *ep = &d->e->endpoint[slot];

	if (d->least_bad1 == slot + 1)
		return TR_FILTER_NONE;
	if (ep->breaker == TR_BREAKER_OPEN) {
		*ret_detail = tr_sub_sat(ep->open_until, d->e->core->now);
		return TR_FILTER_BREAKER;
	}
	if (ep->breaker == TR_BREAKER_HALF_OPEN &&
	    ep->probes_out >= tr_policy_active(d->e)->breaker.probes)
		return TR_FILTER_PROBES;
	return TR_FILTER_NONE;
}

/* What of its rates and slots does. */
static enum tr_filter filter_room(const struct tr_choosing *d, uint32_t slot, uint64_t *ret_detail)
{
	const struct tr_endpoint *ep = &d->e->endpoint[slot];
	tr_time_ns now = d->e->core->now;

	*ret_detail = tr_sub_sat(ep->paused_until, now);
	if (*ret_detail)
		return TR_FILTER_PAUSED;
	*ret_detail = rate_wait(d, ep);
	if (*ret_detail)
		return TR_FILTER_RATE;
	*ret_detail = tr_sub_sat(provider_until(d, ep), now);
	if (*ret_detail)
		return TR_FILTER_PROVIDER;
	if (ep->in_flight >= ep->slots)
		return TR_FILTER_BUSY;
	return ep->in_flight >= tr_limit_now(d->e, slot) ? TR_FILTER_LIMIT : TR_FILTER_NONE;
}

/* The first reason against an endpoint; *ret_detail is how long it will hold, where that is known.
 */
static enum tr_filter filter_endpoint(const struct tr_choosing *d, uint32_t slot,
				      uint64_t *ret_detail)
{
	const struct tr_endpoint *ep = &d->e->endpoint[slot];
	enum tr_filter why;

	if (ep->lifecycle == TR_LIFECYCLE_DOWN)
		return TR_FILTER_DOWN;
	if (ep->lifecycle == TR_LIFECYCLE_STARTING)
		return TR_FILTER_STARTING;
	if (ep->lifecycle == TR_LIFECYCLE_DRAINING)
		return TR_FILTER_DRAINING;
	if (!d->second_round && tried(d, slot))
		return TR_FILTER_TRIED;
	why = filter_breaker(d, slot, ret_detail);
	return why != TR_FILTER_NONE ? why : filter_room(d, slot, ret_detail);
}

/* The first reason of all, given what is wrong with the endpoint's model. */
enum tr_filter tr_filter(const struct tr_choosing *d, uint32_t row, enum tr_filter of_model,
			 uint32_t slot, uint64_t *ret_detail)
{
	*ret_detail = 0;
	/* An endpoint that the active policy put under another model is gone from this one. */
	if (slot == TR_NONE || d->e->endpoint[slot].removed ||
	    d->e->endpoint[slot].model !=
		    tr_slot_of_row(d->e, d->job->policy, TR_REGISTRY_MODEL, row))
		return TR_FILTER_REMOVED;
	return of_model != TR_FILTER_NONE ? of_model : filter_endpoint(d, slot, ret_detail);
}
