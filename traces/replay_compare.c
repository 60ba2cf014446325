/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two answers are the same. Actions are compared in their byte form, which is what a host
 * acts on and what the run hash is made of; decision records by what they say.
 */
#include "traces/replay_compare.h"

/* Paths of another path_version say nothing. */
static void forget_path(struct tr_action *action)
{
	if (action->kind == TR_ACTION_JOB_REJECT)
		action->job_reject.path = 0;
	if (action->kind == TR_ACTION_JOB_FINISH)
		action->job_finish.path = 0;
}

static bool action_equal(const struct tr_action *a, const struct tr_action *b, bool paths)
{
	uint8_t bytes_a[TR_ACTION_BYTES_MAX], bytes_b[TR_ACTION_BYTES_MAX];
	struct tr_action without_a, without_b;
	size_t length;

	if (a->kind != b->kind)
		return false;
	if (!paths) {
		without_a = *a;
		without_b = *b;
		forget_path(&without_a);
		forget_path(&without_b);
		a = &without_a;
		b = &without_b;
	}
	length = tr_action_encode(a, bytes_a);
	return tr_action_encode(b, bytes_b) == length && memcmp(bytes_a, bytes_b, length) == 0;
}

bool tr_actions_equal(const struct tr_actions *a, const struct tr_actions *b, bool paths)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		if (!action_equal(&a->items[i], &b->items[i], paths))
			return false;
	}
	return true;
}

/* Field by field; where the candidates stand in the array does not matter. */
static bool candidate_equal(const struct tr_candidate *a, const struct tr_candidate *b)
{
	return a->endpoint == b->endpoint && a->model == b->model && a->detail == b->detail &&
	       a->measure == b->measure && a->in_flight == b->in_flight && a->slots == b->slots &&
	       a->filter == b->filter && a->chain_step == b->chain_step &&
	       memcmp(a->terms, b->terms, sizeof a->terms) == 0;
}

bool tr_decisions_equal(const struct tr_actions *a, const struct tr_actions *b)
{
	if (a->decision_count != b->decision_count)
		return false;
	for (uint32_t i = 0; i < a->decision_count; i++) {
		const struct tr_decision *x = &a->decisions[i], *y = &b->decisions[i];

		if (x->job_id != y->job_id || x->strategy != y->strategy ||
		    x->candidate_count != y->candidate_count || x->omitted != y->omitted ||
		    x->winner != y->winner || x->picker != y->picker || x->pick != y->pick ||
		    x->bypass != y->bypass || x->ordinal != y->ordinal || x->role != y->role)
			return false;
		for (uint32_t c = 0; c < x->candidate_count; c++) {
			if (!candidate_equal(&a->candidates[x->first_candidate + c],
					     &b->candidates[y->first_candidate + c]))
				return false;
		}
	}
	return true;
}
