/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a decision is written from the same functions that made it: every candidate with
 * the filter that removed it or its penalty per term, in the order of the chain. What goes beyond
 * the record's room is counted, and the winner is never left out.
 */
#include "engine/record.h"

#include "engine/filter.h"
#include "engine/picker.h"
#include "engine/score.h"

bool tr_record_has_room(const struct tr_engine *e)
{
	return e->out->decision_count < TR_DECISIONS_MAX &&
	       e->out->candidate_count + TR_DECISION_CANDIDATES_MAX <= TR_CANDIDATES_MAX;
}

static const struct tr_choice *find(const struct tr_choosing *d, uint32_t slot)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->eligible[i].endpoint == slot)
			return &d->eligible[i];
	return NULL;
}

static void record_candidate(const struct tr_choosing *d, uint32_t step, uint32_t row, uint32_t i,
			     struct tr_candidate *ret)
{
	const struct tr_policy_model *model = &d->policy->models[row];
	const struct tr_policy_endpoint *named = &d->policy->endpoints[model->first_endpoint + i];
	uint32_t slot = tr_slot_of_row(d->e, d->job->policy, TR_REGISTRY_ENDPOINT,
				       model->first_endpoint + i);
	const struct tr_choice *c = find(d, slot);

	memset(ret, 0, sizeof *ret);
	ret->endpoint = named->name;
	ret->model = model->name;
	ret->chain_step = (uint8_t)step;
	ret->filter =
		(uint8_t)tr_filter(d, row, tr_filter_model(d->e, d->job, row), slot, &ret->detail);
	if (slot != TR_NONE) {
		ret->in_flight = d->e->endpoint[slot].in_flight;
		ret->slots = d->e->endpoint[slot].slots;
	}
	if (!c)
		return;
	ret->measure = c->measure;
	for (int t = 0; t < TR_TERM_COUNT && tr_picker_is_wide(d->picker); t++)
		ret->terms[t] = tr_score_penalty(d, c, t);
}

/* Add one candidate to the record, or count it as left out; the winner is never left out. */
static void record_or_omit(const struct tr_choosing *d, struct tr_decision *decision, uint32_t step,
			   uint32_t row, uint32_t i, const struct tr_choice *winner)
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

void tr_record(const struct tr_choosing *d, enum tr_role role, enum tr_pick how,
	       const struct tr_choice *winner)
{
	struct tr_actions *out = d->e->out;
	struct tr_decision *decision = &out->decisions[out->decision_count++];
	const struct tr_policy_model *asked = &d->policy->models[d->job->model_row];

	memset(decision, 0, sizeof *decision);
	decision->job_id = d->job->job_id;
	decision->strategy = d->strategy->name;
	decision->picker = (uint8_t)d->picker;
	decision->bypass = (uint8_t)d->bypass;
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
