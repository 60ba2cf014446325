/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a decision is what its last look was told: every candidate with the filter that
 * removed it or its penalty per term, in the order of the chain. What goes beyond the record's room
 * is counted, and the winner is never left out: if need be, the last row is its.
 */
#include "engine/record.h"

#include "engine/picker.h"
#include "engine/score.h"

bool tr_record_has_room(const struct tr_engine *e)
{
	return e->out->decision_count < TR_DECISIONS_MAX &&
	       e->out->candidate_count + TR_DECISION_CANDIDATES_MAX <= TR_CANDIDATES_MAX;
}

/* One candidate; choice: what competed, NULL if a filter said no. */
static void record_candidate(const struct tr_choosing *d, const struct tr_asked *asked,
			     const struct tr_choice *choice, struct tr_candidate *ret)
{
	uint32_t model_row = d->policy->models[d->job->model_row].chain[asked->chain_step];

	*ret = (struct tr_candidate){
		.endpoint = d->policy->endpoints[asked->endpoint_row].name,
		.model = d->policy->models[model_row].name,
		.detail = asked->detail,
		.filter = asked->filter,
		.chain_step = asked->chain_step,
	};
	if (asked->endpoint != TR_NONE) {
		ret->in_flight = d->e->endpoint[asked->endpoint].in_flight;
		ret->slots = d->e->endpoint[asked->endpoint].slots;
	}
	if (!choice)
		return;
	ret->measure = choice->measure;
	for (int t = 0; t < TR_TERM_COUNT && tr_picker_is_wide(d->picker); t++)
		ret->terms[t] = tr_score_penalty(d, choice, t);
}

/* Those that have room. Returns the winner's place among them, TR_NONE: it is not there. */
static uint32_t record_candidates(const struct tr_choosing *d, uint32_t count,
				  const struct tr_choice *winner, struct tr_candidate *ret)
{
	const struct tr_choice *next = d->eligible, *end = d->eligible + d->count;
	uint32_t place = TR_NONE;

	for (uint32_t i = 0; i < count; i++) {
		/* The eligible stand in the order in which they were asked. */
		bool competed = next < end && next->endpoint == d->asked[i].endpoint;

		if (competed && next == winner)
			place = i;
		record_candidate(d, &d->asked[i], competed ? next : NULL, &ret[i]);
		next += competed;
	}
	return place;
}

/* The winner as it was asked, from what is known of it. */
static struct tr_asked asked_of(const struct tr_choosing *d, const struct tr_choice *winner)
{
	const struct tr_policy_model *asked = &d->policy->models[d->job->model_row];
	const uint16_t *rows = d->e->loaded[d->job->policy].row_of_slot[TR_REGISTRY_ENDPOINT];
	uint8_t step = 0;

	while (asked->chain[step] != winner->model_row)
		step++;
	return (struct tr_asked){
		.endpoint = winner->endpoint,
		.endpoint_row = (uint16_t)(rows[winner->endpoint] - 1),
		.chain_step = step,
		.filter = TR_FILTER_NONE,
	};
}

void tr_record(const struct tr_choosing *d, enum tr_role role, enum tr_pick how,
	       const struct tr_choice *winner)
{
	struct tr_actions *out = d->e->out;
	struct tr_decision *decision = &out->decisions[out->decision_count++];
	struct tr_candidate *candidates = &out->candidates[out->candidate_count];

	memset(decision, 0, sizeof *decision);
	decision->job_id = d->job->job_id;
	decision->strategy = d->strategy->name;
	decision->picker = (uint8_t)d->picker;
	decision->bypass = (uint8_t)d->bypass;
	decision->pick = (uint8_t)how;
	decision->ordinal = d->active ? d->active->ordinal : 0;
	decision->role = (uint8_t)role;
	decision->first_candidate = out->candidate_count;
	decision->candidate_count = (uint32_t)tr_min(d->asked_count, TR_DECISION_CANDIDATES_MAX);
	decision->omitted = d->asked_count - decision->candidate_count;
	decision->winner = record_candidates(d, decision->candidate_count, winner, candidates);
	if (winner && decision->winner == TR_NONE) {
		struct tr_asked late = asked_of(d, winner);

		TR_ASSERT(decision->omitted > 0);
		decision->winner = decision->candidate_count - 1;
		record_candidate(d, &late, winner, &candidates[decision->winner]);
	}
	out->candidate_count += decision->candidate_count;
	TR_ASSERT(!winner == (decision->winner == TR_NONE));
}
