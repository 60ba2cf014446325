/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pickers: each gives a candidate a measure, an integer; the smallest wins, and equal measures go
 * to the smaller name hash.
 */
#include "engine/picker.h"

#include "engine/random.h"
#include "engine/score.h"

static uint64_t measure_best_score(const struct tr_choosing *d, const struct tr_choice *c)
{
	uint64_t sum = 0;

	for (int t = 0; t < TR_TERM_COUNT; t++)
		sum += tr_score_penalty(d, c, t);
	return sum;
}

static uint64_t measure_least_outstanding(const struct tr_choosing *d, const struct tr_choice *c)
{
	const struct tr_endpoint *ep = &d->e->endpoint[c->endpoint];

	return tr_mul_div(ep->in_flight, 1000000, ep->slots);
}

static uint64_t measure_round_robin(const struct tr_choosing *d, const struct tr_choice *c)
{
	return d->e->endpoint[c->endpoint].last_dispatch;
}

static uint64_t measure_random(const struct tr_choosing *d, const struct tr_choice *c)
{
	uint64_t ordinal = d->active ? d->active->ordinal : 0;

	return tr_draw(d->e->core->seed ^ d->e->endpoint[c->endpoint].name, d->job->job_id,
		       TR_PURPOSE_PICK, ordinal);
}

static const struct picker {
	uint64_t (*measure)(const struct tr_choosing *, const struct tr_choice *);
	bool whole_chain; /* weighs every step of the chain at once */
} pickers[TR_PICKER_COUNT] = {
	[TR_PICKER_LEAST_OUTSTANDING] = {measure_least_outstanding, false},
	[TR_PICKER_BEST_SCORE] = {measure_best_score, true},
	[TR_PICKER_ROUND_ROBIN] = {measure_round_robin, false},
	[TR_PICKER_RANDOM] = {measure_random, false},
	[TR_PICKER_WEIGHTED] = {measure_random, false},
	[TR_PICKER_TWO_CHOICES] = {measure_least_outstanding, false},
	[TR_PICKER_PEAK_EWMA] = {measure_least_outstanding, false},
	[TR_PICKER_PREQUAL] = {measure_least_outstanding, false},
	[TR_PICKER_CONSISTENT_HASH] = {measure_least_outstanding, false},
};

bool tr_picker_is_wide(enum tr_picker picker)
{
	return pickers[picker].whole_chain;
}

const struct tr_choice *tr_picker_pick(struct tr_choosing *d, enum tr_pick *ret_pick)
{
	const struct tr_choice *best = NULL;
	bool tie = false;

	for (uint32_t i = 0; i < d->count; i++) {
		struct tr_choice *c = &d->eligible[i];

		c->measure = pickers[d->picker].measure(d, c);
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
