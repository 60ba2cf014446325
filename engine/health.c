/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health: what is believed of an endpoint from what it did, what it says and what is said of it.
 *
 * What it did: means over about 8 samples, which fade after a window without one: an endpoint that
 * is not chosen because it was slow is not measured, and would be slow for ever; a peak (the peak
 * EWMA of Finagle's P2C: a longer sample is the peak at once, a shorter one draws it down with a
 * half-life, and silence draws it to nothing); quantiles of a window (window.h).
 *
 * What it says: a report of its load counts our own attempts too, so the others' are what is left
 * after ours. A report fades with its age and is worth nothing in the end; an endpoint that stops
 * to report is judged by our own bookings alone. What its provider says of rate limits holds until
 * the reset it named, and our own dispatches are taken from it until the next word: otherwise a
 * burst would spend one allowance many times.
 *
 * What is said of it: judgements are averaged, beginning at neutral, so that one voice moves the
 * quality by an eighth of what all together can (half the scale, 250, either way). They fade back
 * to neutral: an endpoint that is not chosen is not judged, and a bad word would hold for ever.
 *
 * Half-lives and windows are the active policy's. Nothing here refuses anybody: filters do.
 */
#include "engine/health.h"

#include "engine/decay.h"
#include "engine/limit.h"
#include "engine/pool.h"
#include "engine/window.h"

#define NEUTRAL 500
/* A mean fades to no less than this power of 1/2 of itself: idle endpoints stay comparable. */
#define FADES_MOST 6

static const struct tr_policy_health *policy_of(const struct tr_engine *e)
{
	return &tr_policy_active(e)->health;
}

static tr_span_ns age_of(const struct tr_engine *e, tr_time_ns since)
{
	return tr_sub_sat(e->core->now, since);
}

void tr_health_policy_changed(struct tr_engine *e)
{
	tr_window_policy_changed(e);
	tr_limit_policy_changed(e);
}

/* ---- what it did ---- */

static void peak_add(const struct tr_engine *e, struct tr_endpoint *ep, tr_span_ns sample)
{
	tr_span_ns above = tr_sub_sat(ep->peak_latency, sample);

	ep->peak_latency =
		sample + tr_decay(above, age_of(e, ep->peak_at), policy_of(e)->peak_half_life_ns);
	ep->peak_at = e->core->now;
}

/* How long its means have been fading. Their last sample came with the last first token. */
static tr_span_ns fading(const struct tr_engine *e, const struct tr_endpoint *ep)
{
	return tr_sub_sat(age_of(e, ep->peak_at), policy_of(e)->window_ns);
}

/* What is left of a mean; of one that was measured something, for 0 is "nothing measured". */
static tr_span_ns rest_of_mean(const struct tr_engine *e, tr_span_ns mean, tr_span_ns fading)
{
	tr_span_ns window = policy_of(e)->window_ns;
	tr_span_ns most = tr_mul_div(window, FADES_MOST, 1);

	return tr_max(tr_decay(mean, tr_min(fading, most), window), mean != 0);
}

tr_span_ns tr_health_latency(const struct tr_engine *e, uint32_t endpoint, uint32_t tokens)
{
	const struct tr_endpoint *ep = &e->endpoint[endpoint];
	tr_span_ns first = ep->ttft_ewma, next = ep->tpot_ewma, since = fading(e, ep);

	if (since) {
		first = rest_of_mean(e, first, since);
		next = rest_of_mean(e, next, since);
	}
	return tr_add_sat(first, tr_mul_div(next, tokens, 1));
}

void tr_health_first_token(struct tr_engine *e, uint32_t endpoint, tr_span_ns ttft)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];
	tr_span_ns sample = tr_max(ttft, 1), since = fading(e, ep);

	if (since) {
		ep->ttft_ewma = rest_of_mean(e, ep->ttft_ewma, since);
		ep->tpot_ewma = rest_of_mean(e, ep->tpot_ewma, since);
	}
	ep->ttft_ewma = tr_ewma(ep->ttft_ewma, sample);
	peak_add(e, ep, sample);
	tr_window_add(e, tr_window_of_endpoint(endpoint), sample);
	/* The model of one that is gone from the policy may be gone as well. */
	if (!ep->removed)
		tr_window_add(e, tr_window_of_model(e, ep->model), sample);
	tr_limit_first_token(e, endpoint, sample);
}

tr_span_ns tr_health_peak(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_endpoint *ep = &e->endpoint[endpoint];

	return tr_decay(ep->peak_latency, age_of(e, ep->peak_at), policy_of(e)->peak_half_life_ns);
}

tr_span_ns tr_health_tail(const struct tr_engine *e, uint32_t endpoint)
{
	return tr_window_tail(e, tr_window_of_endpoint(endpoint));
}

tr_span_ns tr_health_pool_quantile(const struct tr_engine *e, uint32_t model, uint32_t percent,
				   uint32_t *ret_count)
{
	return tr_window_quantile(e, tr_window_of_model(e, model), percent, ret_count);
}

/* ---- what it says ---- */

void tr_health_signal(struct tr_engine *e, uint32_t endpoint,
		      const struct tr_event_endpoint_signal *signal)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];
	uint64_t reported = (uint64_t)signal->running + signal->waiting;

	/* A signal that was overtaken by a newer one says nothing. */
	if (e->event->observed < ep->signal_observed)
		return;
	ep->signal_observed = e->event->observed;
	ep->signal_running = signal->running;
	ep->signal_waiting = signal->waiting;
	ep->signal_kv_permille = signal->kv_permille;
	ep->signal_others = (uint32_t)tr_min(tr_sub_sat(reported, ep->in_flight), UINT32_MAX);
}

static uint64_t faded(const struct tr_engine *e, const struct tr_endpoint *ep, uint32_t value)
{
	return tr_decay(value, age_of(e, ep->signal_observed), policy_of(e)->signal_half_life_ns);
}

uint32_t tr_health_load(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_endpoint *ep = &e->endpoint[endpoint];

	return (uint32_t)tr_min(ep->in_flight + faded(e, ep, ep->signal_others), UINT32_MAX);
}

uint32_t tr_health_fullness(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_endpoint *ep = &e->endpoint[endpoint];
	uint64_t load = tr_mul_div(tr_health_load(e, endpoint), 1000, ep->slots);

	return (uint32_t)tr_min(tr_max(load, faded(e, ep, ep->signal_kv_permille)), UINT32_MAX);
}

void tr_health_quota(struct tr_engine *e, uint32_t endpoint,
		     const struct tr_event_endpoint_quota *quota)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];
	tr_time_ns now = e->core->now;

	if (quota->requests_remaining != UINT32_MAX) {
		ep->provider_requests = quota->requests_remaining;
		ep->provider_requests_until = tr_add_sat(now, quota->requests_reset);
	}
	if (quota->tokens_remaining != UINT64_MAX) {
		ep->provider_tokens = quota->tokens_remaining;
		ep->provider_tokens_until = tr_add_sat(now, quota->tokens_reset);
	}
	/* It may be more than was believed. */
	tr_pool_endpoint_freed(e, endpoint);
}

void tr_health_booked(struct tr_engine *e, uint32_t endpoint, uint64_t tokens)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	ep->provider_requests = (uint32_t)tr_sub_sat(ep->provider_requests, 1);
	ep->provider_tokens = tr_sub_sat(ep->provider_tokens, tokens);
}

/* ---- what is said of it ---- */

/* 0..1000, as of now. */
static uint32_t judgement(const struct tr_engine *e, const struct tr_endpoint *ep)
{
	uint32_t mean = ep->feedback_ewma ? ep->feedback_ewma : NEUTRAL;
	uint64_t away = mean > NEUTRAL ? mean - NEUTRAL : NEUTRAL - mean;
	uint32_t left = (uint32_t)tr_decay(away, age_of(e, ep->feedback_at),
					   policy_of(e)->feedback_half_life_ns);

	return mean > NEUTRAL ? NEUTRAL + left : NEUTRAL - left;
}

void tr_health_feedback(struct tr_engine *e, uint32_t endpoint, uint32_t score)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	TR_ASSERT(score <= 1000);
	ep->feedback_ewma = (uint32_t)tr_max((7 * judgement(e, ep) + score + 4) / 8, 1);
	ep->feedback_at = e->core->now;
}

uint32_t tr_health_quality(const struct tr_engine *e, uint32_t endpoint, uint32_t model_quality)
{
	uint32_t doubled = 2 * model_quality + judgement(e, &e->endpoint[endpoint]);

	TR_ASSERT(model_quality <= 1000);
	return (uint32_t)tr_min(tr_sub_sat(doubled, NEUTRAL) / 2, 1000);
}
