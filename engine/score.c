/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores: each term is a raw value in a unit of its own, smaller is better, and becomes a penalty
 * by comparison with the worst candidate of the same decision. So weights mean the same whatever
 * the units, and a term in which all are equal changes nothing.
 *
 * Session and prefix say where caches are warm. Warmth is worth a wait, not a crowd: an endpoint
 * whose load is above its bound (affinity.load_percent) is no better than a cold one.
 */
#include "engine/score.h"

#include "engine/health.h"
#include "engine/quota.h"

static const struct tr_policy_model *model_of(const struct tr_choosing *d,
					      const struct tr_choice *c)
{
	return &d->policy->models[c->model_row];
}

tr_span_ns tr_score_latency(const struct tr_choosing *d, const struct tr_choice *c)
{
	const struct tr_endpoint *ep = &d->e->endpoint[c->endpoint];
	tr_span_ns alone = tr_health_latency(d->e, c->endpoint, d->job->tokens_predicted);

	return tr_add_sat(alone, tr_mul_div(alone, ep->in_flight, ep->slots));
}

static uint64_t raw_cost(const struct tr_choosing *d, const struct tr_choice *c)
{
	return tr_price(model_of(d, c), d->job->tokens_in, d->job->tokens_predicted);
}

static uint64_t raw_quality(const struct tr_choosing *d, const struct tr_choice *c)
{
	return 1000 - tr_health_quality(d->e, c->endpoint, model_of(d, c)->quality);
}

static uint64_t raw_load(const struct tr_choosing *d, const struct tr_choice *c)
{
	return tr_health_fullness(d->e, c->endpoint);
}

/* Without an objective, the objective is 0. */
static uint64_t raw_tail(const struct tr_choosing *d, const struct tr_choice *c)
{
	return tr_sub_sat(tr_health_tail(d->e, c->endpoint), tr_policy_active(d->e)->slo.ttft_ns);
}

static uint64_t raw_session(const struct tr_choosing *d, const struct tr_choice *c)
{
	return d->home && d->home != c ? 1000 : 0;
}

static uint64_t raw_prefix(const struct tr_choosing *d, const struct tr_choice *c)
{
	if (!tr_choice_may_stick(d, c))
		return 1000;
	return 1000 - tr_affinity_seen(&d->affinity, c->endpoint);
}

static uint64_t (*const raws[TR_TERM_COUNT])(const struct tr_choosing *,
					     const struct tr_choice *) = {
	[TR_TERM_LATENCY] = tr_score_latency,
	[TR_TERM_COST] = raw_cost,
	[TR_TERM_QUALITY] = raw_quality,
	[TR_TERM_LOAD] = raw_load,
	[TR_TERM_TAIL] = raw_tail,
	[TR_TERM_SESSION] = raw_session,
	[TR_TERM_PREFIX] = raw_prefix,
};

void tr_score(struct tr_choosing *d)
{
	for (int t = 0; t < TR_TERM_COUNT; t++) {
		if (!d->strategy->weights[t])
			continue;
		for (uint32_t i = 0; i < d->count; i++) {
			struct tr_choice *c = &d->eligible[i];

			c->raw[t] = raws[t](d, c);
			d->worst[t] = tr_max(d->worst[t], c->raw[t]);
		}
	}
}

uint16_t tr_score_penalty(const struct tr_choosing *d, const struct tr_choice *c, int term)
{
	TR_ASSERT(d->strategy->weights[term] <= 1000);
	if (!d->worst[term])
		return 0;
	return (uint16_t)(tr_mul_div(c->raw[term], 1000, d->worst[term]) *
			  d->strategy->weights[term] / 1000);
}
