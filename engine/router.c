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
 */
#include "engine/router.h"

#include "engine/breaker.h"
#include "engine/filter.h"
#include "engine/picker.h"
#include "engine/record.h"
#include "engine/score.h"

/* Collect the eligible of one chain step. Returns true if the next step is not to be looked at;
 * *waits is set if some filter may pass later, *particular if one looked at the job itself. */
static bool collect(struct tr_choosing *d, uint32_t step, bool *waits, bool *particular)
{
	uint32_t row = d->policy->models[d->job->model_row].chain[step];
	const struct tr_policy_model *model = &d->policy->models[row];
	enum tr_filter of_model = tr_filter_model(d->e, d->job, row);
	bool busy = false;

	for (uint32_t i = 0; i < model->endpoint_count; i++) {
		uint32_t slot = tr_slot_of_row(d->e, d->job->policy, TR_REGISTRY_ENDPOINT,
					       model->first_endpoint + i);
		uint64_t detail;
		enum tr_filter why = tr_filter(d, row, of_model, slot, &detail);

		if (why == TR_FILTER_NONE && d->count < TR_CHOICES_MAX) {
			struct tr_choice *c = &d->eligible[d->count++];

			c->endpoint = slot;
			c->model_row = row;
			if (tr_picker_is_wide(d->picker))
				tr_score(d, c);
		}
		if (why == TR_FILTER_RATE || why == TR_FILTER_PAUSED)
			tr_breaker_wake(d->e, slot, tr_add_sat(d->e->core->now, detail));
		busy |= why == TR_FILTER_BUSY;
		*waits |= tr_filters[why].hope != TR_HOPE_NEVER;
		*particular |= why == TR_FILTER_CAPABILITY || why == TR_FILTER_CONTEXT ||
			       why == TR_FILTER_TENANT || why == TR_FILTER_TRIED ||
			       why == TR_FILTER_RATE;
	}
	return busy || d->count;
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

enum tr_route_result tr_router_route(struct tr_engine *e, const struct tr_job *job,
				     enum tr_role role, struct tr_route *ret_route)
{
	struct tr_choosing d TR_UNINITIALIZED;
	const struct tr_policy *policy = tr_policy_of(e, job);
	bool waits = false, particular = false;
	enum tr_pick how;

	TR_ASSERT(tr_record_has_room(e));
	/* Only the head: the eligible are written before they are read. */
	memset(&d, 0, offsetof(struct tr_choosing, eligible));
	d.e = e;
	d.job = job;
	d.active = tr_active_of(e, job);
	d.policy = policy;
	d.strategy = &policy->strategies[job->strategy_row];
	tr_affinity_find(e, job, &d.affinity);
	d.picker = (enum tr_picker)d.strategy->picker;
	d.steps = (job->flags & TR_JOB_STRICT) ? 1 : policy->models[job->model_row].chain_count;

	bool again = d.active && d.active->tried_count && role != TR_ROLE_HEDGE &&
		     tr_causes[d.active->last_cause].retry == TR_RETRY_YES;

	bool wide = tr_picker_is_wide(d.picker);

	for (int round = 0; round < 1 + again && d.count == 0; round++) {
		d.second_round = round > 0;
		d.seen = 0;
		while (d.seen < d.steps)
			if (collect(&d, d.seen++, &waits, &particular) && !wide)
				break;
	}

	const struct tr_choice *best = tr_picker_pick(&d, &how);

	ret_route->seen = d.seen;
	ret_route->again = d.second_round;
	if (!best && waits) {
		if (particular || (job->flags & TR_JOB_STRICT) ||
		    job->policy != e->core->active_policy)
			return TR_ROUTE_WAIT;
		return d.seen == d.steps ? TR_ROUTE_CLOSED : TR_ROUTE_CLOSED_STEP;
	}
	if (best || role != TR_ROLE_HEDGE)
		tr_record(&d, role, how, best);
	if (!best)
		return TR_ROUTE_NEVER;
	ret_route->endpoint = best->endpoint;
	ret_route->model_row = best->model_row;
	return TR_ROUTE_PLACED;
}
