/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores: each term is a raw value in a unit of its own, smaller is better, and becomes a penalty
 * by comparison with the worst candidate of the same decision. So weights mean the same whatever
 * the units, and a term in which all are equal changes nothing.
 */
#include "engine/score.h"

#include "engine/quota.h"

void tr_score(struct tr_choosing *d, struct tr_choice *c)
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
uint16_t tr_score_penalty(const struct tr_choosing *d, const struct tr_choice *c, int term)
{
	uint64_t relative = d->worst[term] ? tr_mul_div(c->raw[term], 1000, d->worst[term]) : 0;

	return (uint16_t)(relative * d->strategy->weights[term] / 1000);
}
