/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The router: filter -> score -> pick.
 *
 * Candidates are the endpoints of the job's chain: its model, then the model's fallbacks in order.
 * A filter is the first reason, in the order of TR_FILTER_MAP, why an endpoint cannot have the job.
 *
 * Most pickers go down the chain step by step: the first step with an eligible endpoint wins, and a
 * step whose endpoints are merely busy is waited for, since being busy is no reason to serve from
 * another model. `best-score` weighs the whole chain at once: that is what its weights are for. An
 * endpoint that failed the job before is passed over until every other way is exhausted.
 *
 * The picker's measure is an integer, the smallest wins, and equal measures go to the smaller name
 * hash. The record of a decision is written from the same functions that made it.
 */
#include "engine/router.h"

#include "engine/breaker.h"
#include "engine/quota.h"
#include "engine/random.h"

/* Candidates that can compete in one decision; those beyond are not looked at. */
#define ELIGIBLE_MAX 512

struct candidate {
	uint32_t endpoint; /* registry slot */
	uint32_t model_row;
	uint64_t raw[TR_TERM_COUNT];
	uint64_t measure;
};

struct decision {
	struct tr_engine *e;
	const struct tr_job *job;
	const struct tr_active *active; /* NULL: never dispatched */
	const struct tr_policy *policy;
	const struct tr_policy_strategy *strategy;
	bool second_round; /* endpoints tried before are candidates again */
	uint32_t steps;	   /* of the chain that count */
	uint32_t seen;	   /* of these, looked at in the round that decided */
	uint32_t count;
	uint64_t worst[TR_TERM_COUNT];
	struct candidate eligible[ELIGIBLE_MAX];
};

/* ---- filters ---- */

static bool tried(const struct decision *d, uint32_t endpoint)
{
	const uint16_t *list = d->active ? &d->active->tried0 : NULL;

	for (uint32_t i = 0; list && i < tr_min(d->active->tried_count, TR_TRIED_MAX); i++)
		if (list[i] == endpoint)
			return true;
	return false;
}

/* What is wrong with the model for this job, whichever endpoint serves it. */
static enum tr_filter filter_model(const struct tr_engine *e, const struct tr_job *job,
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

static tr_span_ns rate_wait(const struct decision *d, const struct tr_endpoint *ep)
{
	tr_time_ns now = d->e->core->now;
	uint64_t tokens = (uint64_t)d->job->tokens_in + d->job->tokens_predicted;

	return tr_max(tr_rate_wait(ep->requests_tat, now, 1, ep->requests_per_minute),
		      tr_rate_wait(ep->tokens_tat, now, tokens, ep->tokens_per_minute));
}

/* The first reason against an endpoint; *ret_detail is how long it will hold, where that is known.
 */
static enum tr_filter filter_endpoint(const struct decision *d, uint32_t slot, uint64_t *ret_detail)
{
	const struct tr_endpoint *ep = &d->e->endpoint[slot];
	tr_time_ns now = d->e->core->now;

	if (ep->lifecycle == TR_LIFECYCLE_DOWN)
		return TR_FILTER_DOWN;
	if (ep->lifecycle == TR_LIFECYCLE_STARTING)
		return TR_FILTER_STARTING;
	if (ep->lifecycle == TR_LIFECYCLE_DRAINING)
		return TR_FILTER_DRAINING;
	if (!d->second_round && tried(d, slot))
		return TR_FILTER_TRIED;
	if (ep->breaker == TR_BREAKER_OPEN) {
		*ret_detail = tr_sub_sat(ep->open_until, now);
		return TR_FILTER_BREAKER;
	}
	if (ep->breaker == TR_BREAKER_HALF_OPEN &&
	    ep->probes_out >= tr_policy_active(d->e)->breaker.probes)
		return TR_FILTER_PROBES;
	if (ep->paused_until > now) {
		*ret_detail = ep->paused_until - now;
		return TR_FILTER_PAUSED;
	}
	*ret_detail = rate_wait(d, ep);
	if (*ret_detail)
		return TR_FILTER_RATE;
	return ep->in_flight >= ep->slots ? TR_FILTER_BUSY : TR_FILTER_NONE;
}

/* The first reason of all, given what is wrong with the endpoint's model. */
static enum tr_filter filter(const struct decision *d, uint32_t row, enum tr_filter of_model,
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

/* ---- scores ---- */

static void score(struct decision *d, struct candidate *c)
{
	const struct tr_endpoint *ep = &d->e->endpoint[c->endpoint];
	const struct tr_policy_model *model = &d->policy->models[c->model_row];
	tr_span_ns alone =
		tr_add_sat(ep->ttft_ewma, tr_mul_div(ep->tpot_ewma, d->job->tokens_predicted, 1));

	c->raw[TR_TERM_LATENCY] = tr_add_sat(alone, tr_mul_div(alone, ep->in_flight, ep->slots));
	c->raw[TR_TERM_COST] = tr_price(model, d->job->tokens_in, d->job->tokens_predicted);
	c->raw[TR_TERM_QUALITY] = 1000 - model->quality;
	c->raw[TR_TERM_LOAD] = (uint64_t)ep->in_flight * 1000 / ep->slots;
	for (int t = 0; t < TR_TERM_COUNT; t++)
		d->worst[t] = tr_max(d->worst[t], c->raw[t]);
}

/* A term's weighted penalty, 0..1000: its raw value against the worst candidate's. */
static uint16_t penalty(const struct decision *d, const struct candidate *c, int term)
{
	uint64_t relative = d->worst[term] ? tr_mul_div(c->raw[term], 1000, d->worst[term]) : 0;

	return (uint16_t)(relative * d->strategy->weights[term] / 1000);
}

static uint64_t measure_best_score(const struct decision *d, const struct candidate *c)
{
	uint64_t sum = 0;

	for (int t = 0; t < TR_TERM_COUNT; t++)
		sum += penalty(d, c, t);
	return sum;
}

static uint64_t measure_least_outstanding(const struct decision *d, const struct candidate *c)
{
	const struct tr_endpoint *ep = &d->e->endpoint[c->endpoint];

	return tr_mul_div(ep->in_flight, 1000000, ep->slots);
}

static uint64_t measure_round_robin(const struct decision *d, const struct candidate *c)
{
	return d->e->endpoint[c->endpoint].last_dispatch;
}

static uint64_t measure_random(const struct decision *d, const struct candidate *c)
{
	uint64_t ordinal = d->active ? d->active->ordinal : 0;

	return tr_draw(d->e->core->seed ^ d->e->endpoint[c->endpoint].name, d->job->job_id,
		       TR_PURPOSE_PICK, ordinal);
}

static const struct picker {
	uint64_t (*measure)(const struct decision *, const struct candidate *);
	bool whole_chain; /* weighs every step of the chain at once */
} pickers[TR_PICKER_COUNT] = {
	[TR_PICKER_LEAST_OUTSTANDING] = {measure_least_outstanding, false},
	[TR_PICKER_BEST_SCORE] = {measure_best_score, true},
	[TR_PICKER_ROUND_ROBIN] = {measure_round_robin, false},
	[TR_PICKER_RANDOM] = {measure_random, false},
};

/* ---- pick ---- */

/* Collect the eligible of one chain step. Returns true if the next step is not to be looked at;
 * *waits is set if some filter may pass later, *particular if one looked at the job itself. */
static bool collect(struct decision *d, uint32_t step, bool *waits, bool *particular)
{
	uint32_t row = d->policy->models[d->job->model_row].chain[step];
	const struct tr_policy_model *model = &d->policy->models[row];
	enum tr_filter of_model = filter_model(d->e, d->job, row);
	bool busy = false;

	for (uint32_t i = 0; i < model->endpoint_count; i++) {
		uint32_t slot = tr_slot_of_row(d->e, d->job->policy, TR_REGISTRY_ENDPOINT,
					       model->first_endpoint + i);
		uint64_t detail;
		enum tr_filter why = filter(d, row, of_model, slot, &detail);

		if (why == TR_FILTER_NONE && d->count < ELIGIBLE_MAX) {
			struct candidate *c = &d->eligible[d->count++];

			c->endpoint = slot;
			c->model_row = row;
			if (pickers[d->strategy->picker].whole_chain)
				score(d, c);
		}
		if (why == TR_FILTER_RATE || why == TR_FILTER_PAUSED)
			tr_breaker_wake(d->e, slot, tr_add_sat(d->e->core->now, detail));
		busy |= why == TR_FILTER_BUSY;
		*waits |= tr_filters[why].waiting_helps;
		*particular |= why == TR_FILTER_CAPABILITY || why == TR_FILTER_CONTEXT ||
			       why == TR_FILTER_TENANT || why == TR_FILTER_TRIED ||
			       why == TR_FILTER_RATE;
	}
	return busy || d->count;
}

static const struct candidate *pick(struct decision *d, enum tr_pick *ret_pick)
{
	const struct candidate *best = NULL;
	bool tie = false;

	for (uint32_t i = 0; i < d->count; i++) {
		struct candidate *c = &d->eligible[i];

		c->measure = pickers[d->strategy->picker].measure(d, c);
		if (!best || c->measure < best->measure) {
			best = c;
			tie = false;
		} else if (c->measure == best->measure) {
			tie = true;
			if (d->e->endpoint[c->endpoint].name < d->e->endpoint[best->endpoint].name)
				best = c;
		}
	}
	*ret_pick = d->count == 0   ? TR_PICK_NONE
		    : d->count == 1 ? TR_PICK_ONLY
		    : tie	    ? TR_PICK_TIE
				    : TR_PICK_BEST;
	return best;
}

/* ---- record ---- */

static const struct candidate *find(const struct decision *d, uint32_t slot)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->eligible[i].endpoint == slot)
			return &d->eligible[i];
	return NULL;
}

static void record_candidate(const struct decision *d, uint32_t step, uint32_t row, uint32_t i,
			     struct tr_candidate *ret)
{
	const struct tr_policy_model *model = &d->policy->models[row];
	const struct tr_policy_endpoint *named = &d->policy->endpoints[model->first_endpoint + i];
	uint32_t slot = tr_slot_of_row(d->e, d->job->policy, TR_REGISTRY_ENDPOINT,
				       model->first_endpoint + i);
	const struct candidate *c = find(d, slot);

	memset(ret, 0, sizeof *ret);
	ret->endpoint = named->name;
	ret->model = model->name;
	ret->chain_step = (uint8_t)step;
	ret->filter = (uint8_t)filter(d, row, filter_model(d->e, d->job, row), slot, &ret->detail);
	if (slot != TR_NONE) {
		ret->in_flight = d->e->endpoint[slot].in_flight;
		ret->slots = d->e->endpoint[slot].slots;
	}
	if (!c)
		return;
	ret->measure = c->measure;
	for (int t = 0; t < TR_TERM_COUNT && pickers[d->strategy->picker].whole_chain; t++)
		ret->terms[t] = penalty(d, c, t);
}

/* Add one candidate to the record, or count it as left out; the winner is never left out. */
static void record_or_omit(const struct decision *d, struct tr_decision *decision, uint32_t step,
			   uint32_t row, uint32_t i, const struct candidate *winner)
{
	struct tr_actions *out = d->e->out;
	uint32_t slot = tr_slot_of_row(d->e, d->job->policy, TR_REGISTRY_ENDPOINT,
				       d->policy->models[row].first_endpoint + i);
	bool won = winner && winner->endpoint == slot;
	bool winner_to_come = winner && !won && decision->winner == TR_NONE;
	uint32_t room = TR_DECISION_CANDIDATES_MAX - (winner_to_come ? 1u : 0u);

	if (decision->candidate_count == room) {
		decision->omitted++;
		return;
	}
	record_candidate(d, step, row, i, &out->candidates[out->candidate_count++]);
	if (won)
		decision->winner = decision->candidate_count;
	decision->candidate_count++;
}

static void record(const struct decision *d, enum tr_role role, enum tr_pick how,
		   const struct candidate *winner)
{
	struct tr_actions *out = d->e->out;
	struct tr_decision *decision = &out->decisions[out->decision_count++];
	const struct tr_policy_model *asked = &d->policy->models[d->job->model_row];

	memset(decision, 0, sizeof *decision);
	decision->job_id = d->job->job_id;
	decision->strategy = d->strategy->name;
	decision->picker = (uint8_t)d->strategy->picker;
	decision->pick = (uint8_t)how;
	decision->ordinal = d->active ? d->active->ordinal : 0;
	decision->role = (uint8_t)role;
	decision->winner = TR_NONE;
	decision->first_candidate = out->candidate_count;
	for (uint32_t step = 0; step < d->seen; step++) {
		uint32_t row = asked->chain[step];

		for (uint32_t i = 0; i < d->policy->models[row].endpoint_count; i++)
			record_or_omit(d, decision, step, row, i, winner);
	}
	TR_ASSERT(!winner == (decision->winner == TR_NONE));
}

bool tr_router_is_apart(const struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_policy *policy = tr_policy_of(e, job);
	const struct tr_policy_model *asked = &policy->models[job->model_row];
	uint32_t steps = (job->flags & TR_JOB_STRICT) ? 1 : asked->chain_count;
	bool apart = pickers[policy->strategies[job->strategy_row].picker].whole_chain;

	for (uint32_t step = 0; step < steps && !apart; step++)
		apart = filter_model(e, job, asked->chain[step]) != TR_FILTER_NONE;
	return apart;
}

bool tr_router_has_room(const struct tr_engine *e)
{
	return e->out->decision_count < TR_DECISIONS_MAX &&
	       e->out->candidate_count + TR_DECISION_CANDIDATES_MAX <= TR_CANDIDATES_MAX;
}

enum tr_route_result tr_router_route(struct tr_engine *e, const struct tr_job *job,
				     enum tr_role role, struct tr_route *ret_route)
{
	struct decision d TR_UNINITIALIZED;
	const struct tr_policy *policy = tr_policy_of(e, job);
	bool waits = false, particular = false;
	enum tr_pick how;

	TR_ASSERT(tr_router_has_room(e));
	/* Only the head: the eligible are written before they are read. */
	memset(&d, 0, offsetof(struct decision, eligible));
	d.e = e;
	d.job = job;
	d.active = tr_active_of(e, job);
	d.policy = policy;
	d.strategy = &policy->strategies[job->strategy_row];
	d.steps = (job->flags & TR_JOB_STRICT) ? 1 : policy->models[job->model_row].chain_count;

	bool again = d.active && d.active->tried_count && role == TR_ROLE_RETRY &&
		     tr_causes[d.active->last_cause].retry == TR_RETRY_YES;

	bool wide = pickers[d.strategy->picker].whole_chain;

	for (int round = 0; round < 1 + again && d.count == 0; round++) {
		d.second_round = round > 0;
		d.seen = 0;
		while (d.seen < d.steps)
			if (collect(&d, d.seen++, &waits, &particular) && !wide)
				break;
	}

	const struct candidate *best = pick(&d, &how);

	if (!best && waits) {
		if (particular || (job->flags & TR_JOB_STRICT) ||
		    job->policy != e->core->active_policy)
			return TR_ROUTE_WAIT;
		return d.seen == d.steps ? TR_ROUTE_CLOSED : TR_ROUTE_CLOSED_STEP;
	}
	if (best || role != TR_ROLE_HEDGE)
		record(&d, role, how, best);
	if (!best)
		return TR_ROUTE_NEVER;
	ret_route->endpoint = best->endpoint;
	ret_route->model_row = best->model_row;
	return TR_ROUTE_PLACED;
}
