/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The router: filter -> score -> pick -> record.
 *
 * Candidates are the endpoints of the job's chain: its model, then the model's fallbacks in order.
 *
 * Most pickers go down the chain step by step: the first step with an eligible endpoint wins, and a
 * step whose endpoints are merely busy is waited for, since being busy is no reason to serve from
 * another model. `best-score` weighs the whole chain at once: that is what its weights are for. An
 * endpoint that failed the job before is passed over until every other way is exhausted.
 *
 * If nobody is eligible, and breakers are why, and nobody would pass by waiting for room, the
 * policy may have the least bad endpoint serve: of the first step that has one, the one whose
 * breaker is due back first. A hedge is not worth that, and a strict job does not want it.
 *
 * A strict job fails closed: where another would wait for an endpoint's recovery it ends at once,
 * and however it fails, a record of what its next attempt would have found stands beside its end.
 */
#include "engine/router.h"

#include "engine/breaker.h"
#include "engine/filter.h"
#include "engine/health.h"
#include "engine/picker.h"
#include "engine/record.h"
#include "engine/score.h"
#include "engine/strategy.h"

/* Reasons met in a look down the chain are bits, 1 << enum tr_filter, and so are kinds of them. */
#define ROOM(id, hope, text) | (uint32_t)(TR_HOPE_##hope == TR_HOPE_ROOM) << TR_FILTER_##id
#define WAIT(id, hope, text) | (uint32_t)(TR_HOPE_##hope != TR_HOPE_NEVER) << TR_FILTER_##id

/* Nothing but time is in the way: it is fit. */
static const uint32_t of_room = 0 TR_FILTER_MAP(ROOM);
/* It may pass later. */
static const uint32_t of_waiting = 0 TR_FILTER_MAP(WAIT);
static const uint32_t of_breaker = 1u << TR_FILTER_BREAKER | 1u << TR_FILTER_PROBES;
static const uint32_t of_being_busy = 1u << TR_FILTER_BUSY | 1u << TR_FILTER_LIMIT;
/* The job's own, in any look: another may be taken where this one is not. */
static const uint32_t of_job = 1u << TR_FILTER_CAPABILITY | 1u << TR_FILTER_CONTEXT |
			       1u << TR_FILTER_TENANT | 1u << TR_FILTER_TRIED |
			       1u << TR_FILTER_RATE | 1u << TR_FILTER_PROVIDER;
#undef ROOM
#undef WAIT

/* The reason against an endpoint as a bit. One that ends at a known time has the pool looked at
 * again then. */
static uint32_t meet(struct tr_choosing *d, uint32_t slot, enum tr_filter why, uint64_t detail)
{
	uint32_t reason = 1u << why;

	if (detail && (reason & of_room))
		tr_breaker_wake(d->e, slot, tr_add_sat(d->e->core->now, detail));
	return reason;
}

/* Ask the filters about an endpoint of a chain step; the answer is kept for the record. */
static const struct tr_asked *ask(struct tr_choosing *d, uint32_t step, uint32_t row,
				  enum tr_filter of_model, uint32_t endpoint_row)
{
	struct tr_asked *asked = &d->asked[tr_min(d->asked_count++, TR_DECISION_CANDIDATES_MAX)];
	uint32_t slot = tr_slot_of_row(d->e, d->job->policy, TR_REGISTRY_ENDPOINT, endpoint_row);

	asked->endpoint = slot;
	asked->endpoint_row = (uint16_t)endpoint_row;
	asked->chain_step = (uint8_t)step;
	asked->filter = (uint8_t)tr_filter(d, row, of_model, slot, &asked->detail);
	return asked;
}

/* Collect the eligible of one chain step. Returns true if the next step is not to be looked at. */
static bool collect(struct tr_choosing *d, uint32_t step, uint32_t *met)
{
	uint32_t row = d->policy->models[d->job->model_row].chain[step];
	const struct tr_policy_model *model = &d->policy->models[row];
	enum tr_filter of_model = tr_filter_model(d->e, d->job, row);
	uint32_t end = model->first_endpoint + model->endpoint_count;
	uint32_t reasons = 0;

	for (uint32_t i = model->first_endpoint; i < end; i++) {
		const struct tr_asked *asked = ask(d, step, row, of_model, i);

		if (asked->filter == TR_FILTER_NONE && d->count < TR_CHOICES_MAX) {
			struct tr_choice *c = &d->eligible[d->count++];

			c->endpoint = asked->endpoint;
			c->model_row = row;
			c->load = tr_health_load(d->e, asked->endpoint);
			c->slots = d->e->endpoint[asked->endpoint].slots;
			d->load += c->load;
			d->slots += c->slots;
		}
		reasons |= meet(d, asked->endpoint, (enum tr_filter)asked->filter, asked->detail);
	}
	*met |= reasons;
	return (reasons & of_being_busy) || d->count;
}

/* Ask all over, for the record alone: what was decided, no look of the usual kind has decided. */
static void ask_again(struct tr_choosing *d)
{
	d->asked_count = 0;
	for (uint32_t step = 0; step < d->seen; step++) {
		uint32_t row = d->policy->models[d->job->model_row].chain[step];
		const struct tr_policy_model *model = &d->policy->models[row];
		enum tr_filter of_model = tr_filter_model(d->e, d->job, row);

		for (uint32_t i = 0; i < model->endpoint_count; i++)
			ask(d, step, row, of_model, model->first_endpoint + i);
	}
}

/* ---- all out ---- */

static bool serves_all_out(const struct tr_engine *e)
{
	return tr_policy_active(e)->breaker.all_out == TR_ALL_OUT_SERVE;
}

static bool due_sooner(const struct tr_engine *e, uint32_t a, uint32_t b)
{
	const struct tr_endpoint *ea = &e->endpoint[a], *eb = &e->endpoint[b];

	/* Half-open is due already: its time is 0. */
	return ea->open_until != eb->open_until ? ea->open_until < eb->open_until
						: ea->name < eb->name;
}

/* The least bad of one chain step becomes the only choice. Returns true if the next step is not to
 * be looked at. */
static bool least_bad_of(struct tr_choosing *d, uint32_t step, uint32_t *met)
{
	uint32_t row = d->policy->models[d->job->model_row].chain[step];
	const struct tr_policy_model *model = &d->policy->models[row];
	enum tr_filter of_model = tr_filter_model(d->e, d->job, row);
	uint32_t best = TR_NONE;
	uint32_t reasons = 0;

	for (uint32_t i = 0; i < model->endpoint_count; i++) {
		uint32_t slot = tr_slot_of_row(d->e, d->job->policy, TR_REGISTRY_ENDPOINT,
					       model->first_endpoint + i);
		uint64_t detail;
		enum tr_filter why;

		d->least_bad1 = slot + 1;
		why = tr_filter(d, row, of_model, slot, &detail);
		reasons |= meet(d, slot, why, detail);
		if (why == TR_FILTER_NONE && (best == TR_NONE || due_sooner(d->e, slot, best)))
			best = slot;
	}
	d->least_bad1 = 0;
	*met |= reasons;
	if (best == TR_NONE)
		return reasons & of_being_busy;
	d->least_bad1 = best + 1;
	d->count = 1;
	d->eligible[0] = (struct tr_choice){
		.endpoint = best,
		.model_row = row,
		.measure = tr_sub_sat(d->e->endpoint[best].open_until, d->e->core->now),
	};
	return true;
}

/* Everybody is out: the least bad one, and one that failed the job before only if there is no
 * other. */
static void least_bad(struct tr_choosing *d, bool again, uint32_t *met)
{
	for (int round = 0; round < 1 + again && d->count == 0; round++) {
		d->second_round = round > 0;
		for (uint32_t step = 0; step < d->steps; step++)
			if (least_bad_of(d, step, met))
				break;
	}
	if (d->count)
		ask_again(d);
}

/* ---- a decision ---- */

static void begin(struct tr_choosing *d, struct tr_engine *e, const struct tr_job *job)
{
	tr_choosing_clear(d);
	d->e = e;
	d->job = job;
	d->active = tr_active_of(e, job);
	d->policy = tr_policy_of(e, job);
	d->strategy = &d->policy->strategies[job->strategy_row];
	tr_affinity_find(e, job, &d->affinity);
	d->bypass = tr_strategy_is_aside(e, job) ? TR_BYPASS_ASIDE : TR_BYPASS_NONE;
	d->picker = d->bypass ? TR_PICKER_LEAST_OUTSTANDING : (enum tr_picker)d->strategy->picker;
	d->steps = (job->flags & TR_JOB_STRICT) ? 1 : d->policy->models[job->model_row].chain_count;
}

/* May the next attempt go where the job has been? */
static bool may_go_again(const struct tr_choosing *d)
{
	return d->active && d->active->tried_count &&
	       tr_causes[d->active->last_cause].retry == TR_RETRY_YES;
}

/* Nobody can take the job now: who else need not be asked? */
static enum tr_route_result nobody_now(const struct tr_choosing *d, uint32_t met)
{
	bool strict = d->job->flags & TR_JOB_STRICT;

	if ((met & of_job) || strict || d->job->policy != d->e->core->active_policy)
		return TR_ROUTE_WAIT;
	if (d->seen < d->steps)
		return TR_ROUTE_CLOSED_STEP;
	/* To one that may use less of the chain, all of it may be out. */
	return (met & of_breaker) && serves_all_out(d->e) ? TR_ROUTE_CLOSED_STEP : TR_ROUTE_CLOSED;
}

/* Where the job's session is at home, if that is a candidate and not crowded. */
static const struct tr_choice *find_home(const struct tr_choosing *d)
{
	for (uint32_t i = 0; i < d->count && d->affinity.home != TR_NONE; i++) {
		const struct tr_choice *c = &d->eligible[i];

		if (c->endpoint == d->affinity.home)
			return tr_choice_may_stick(d, c) ? c : NULL;
	}
	return NULL;
}

/* The winner. A strategy that finds nobody among the eligible has failed, and
 * `least-outstanding`, which cannot, decides. */
static const struct tr_choice *pick(struct tr_choosing *d, enum tr_pick *ret_pick)
{
	const struct tr_choice *best;

	d->home = find_home(d);
	if (tr_picker_is_wide(d->picker))
		tr_score(d);
	best = tr_picker_pick(d, ret_pick);
	if (best || d->count == 0)
		return best;
	TR_ASSERT(d->bypass == TR_BYPASS_NONE);
	d->bypass = TR_BYPASS_FAILED;
	d->picker = TR_PICKER_LEAST_OUTSTANDING;
	return tr_picker_pick(d, ret_pick);
}

enum tr_route_result tr_router_route(struct tr_engine *e, const struct tr_job *job,
				     enum tr_role role, struct tr_route *ret_route)
{
	struct tr_choosing d TR_UNINITIALIZED;
	bool strict = job->flags & TR_JOB_STRICT;
	uint32_t met = 0, before = 0; /* in this round, in the first */
	enum tr_pick how;

	TR_ASSERT(tr_record_has_room(e));
	begin(&d, e, job);

	bool again = role != TR_ROLE_HEDGE && may_go_again(&d);
	bool wide = tr_picker_is_wide(d.picker);

	for (int round = 0; round < 1 + again && d.count == 0; round++) {
		before = met;
		met = 0;
		d.second_round = round > 0;
		d.seen = d.asked_count = 0;
		while (d.seen < d.steps)
			if (collect(&d, d.seen++, &met) && !wide)
				break;
	}

	const struct tr_choice *best = pick(&d, &how);

	ret_route->seen = d.seen;
	ret_route->again = d.second_round;

	if (!best && (met & of_breaker) && !(met & of_room) && !strict && role != TR_ROLE_HEDGE &&
	    serves_all_out(e)) {
		least_bad(&d, again, &met);
		best = d.count ? &d.eligible[0] : NULL;
		how = best ? TR_PICK_LEAST_BAD : how;
	}
	if (!best && strict && !(met & of_room))
		return (met & of_waiting) ? TR_ROUTE_SHUT : TR_ROUTE_NEVER;
	if (!best && (met & of_waiting))
		return nobody_now(&d, met | (before & of_job));
	if (best || role != TR_ROLE_HEDGE)
		tr_record(&d, role, how, best);
	if (!best)
		return TR_ROUTE_NEVER;
	tr_strategy_decided(e, job, d.bypass);
	ret_route->endpoint = best->endpoint;
	ret_route->model_row = best->model_row;
	ret_route->pick = how;
	ret_route->warmth = tr_affinity_warmth(&d.affinity, best->endpoint);
	return TR_ROUTE_PLACED;
}

bool tr_router_is_apart(const struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_policy *policy = tr_policy_of(e, job);
	const struct tr_policy_model *asked = &policy->models[job->model_row];
	uint32_t steps = (job->flags & TR_JOB_STRICT) ? 1 : asked->chain_count;
	bool apart =
		tr_picker_is_wide((enum tr_picker)policy->strategies[job->strategy_row].picker);

	for (uint32_t step = 0; step < steps && !apart; step++)
		apart = tr_filter_model(e, job, asked->chain[step]) != TR_FILTER_NONE;
	return apart;
}

bool tr_router_is_shut(struct tr_engine *e, const struct tr_job *job)
{
	struct tr_choosing d TR_UNINITIALIZED;
	const struct tr_policy_model *model;
	bool shut = true;

	TR_ASSERT(job->flags & TR_JOB_STRICT);
	TR_ASSERT(job->state == TR_JOB_QUEUED);
	begin(&d, e, job);
	model = &d.policy->models[job->model_row];
	for (uint32_t i = 0; i < model->endpoint_count && shut; i++) {
		uint32_t slot = tr_slot_of_row(e, job->policy, TR_REGISTRY_ENDPOINT,
					       model->first_endpoint + i);
		uint64_t detail;
		enum tr_filter why = tr_filter(&d, job->model_row, TR_FILTER_NONE, slot, &detail);

		shut = why != TR_FILTER_NONE && tr_filters[why].hope != TR_HOPE_ROOM;
	}
	return shut;
}

void tr_router_post_mortem(struct tr_engine *e, const struct tr_job *job)
{
	struct tr_choosing d TR_UNINITIALIZED;

	TR_ASSERT(tr_record_has_room(e));
	begin(&d, e, job);
	d.second_round = may_go_again(&d);
	d.seen = d.steps;
	ask_again(&d);
	tr_record(&d, d.active ? TR_ROLE_RETRY : TR_ROLE_FIRST, TR_PICK_NONE, NULL);
}
