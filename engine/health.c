/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health: means, peaks, quantiles, reported load, feedback.
 */
#include "engine/health.h"

void tr_health_first_token(struct tr_engine *e, uint32_t endpoint, tr_span_ns ttft)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	ep->ttft_ewma = tr_ewma(ep->ttft_ewma, ttft);
}

void tr_health_backpressure(struct tr_engine *e, uint32_t endpoint)
{
	(void)e;
	(void)endpoint;
}

void tr_health_signal(struct tr_engine *e, uint32_t endpoint,
		      const struct tr_event_endpoint_signal *signal)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	/* A signal that was overtaken by a newer one says nothing. */
	if (e->event->observed < ep->signal_observed)
		return;
	ep->signal_observed = e->event->observed;
	ep->signal_running = signal->running;
	ep->signal_waiting = signal->waiting;
	ep->signal_kv_permille = signal->kv_permille;
}

void tr_health_quota(struct tr_engine *e, uint32_t endpoint,
		     const struct tr_event_endpoint_quota *quota)
{
	(void)e;
	(void)endpoint;
	(void)quota;
}

void tr_health_feedback(struct tr_engine *e, uint32_t endpoint, uint32_t score)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	ep->feedback_ewma = (uint32_t)tr_ewma(ep->feedback_ewma, score);
}

uint32_t tr_health_limit(const struct tr_engine *e, uint32_t endpoint)
{
	return e->endpoint[endpoint].slots;
}

uint32_t tr_health_load(const struct tr_engine *e, uint32_t endpoint)
{
	return e->endpoint[endpoint].in_flight;
}

uint32_t tr_health_fullness(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_endpoint *ep = &e->endpoint[endpoint];

	return (uint32_t)tr_mul_div(ep->in_flight, 1000, ep->slots);
}

tr_span_ns tr_health_peak(const struct tr_engine *e, uint32_t endpoint)
{
	return e->endpoint[endpoint].peak_latency;
}

tr_span_ns tr_health_tail(const struct tr_engine *e, uint32_t endpoint)
{
	(void)e;
	(void)endpoint;
	return 0;
}

tr_span_ns tr_health_pool_quantile(const struct tr_engine *e, uint32_t model, uint32_t percent,
				   uint32_t *ret_count)
{
	(void)e;
	(void)model;
	(void)percent;
	*ret_count = 0;
	return 0;
}

uint32_t tr_health_quality(const struct tr_engine *e, uint32_t endpoint, uint32_t model_quality)
{
	(void)e;
	(void)endpoint;
	return model_quality;
}
