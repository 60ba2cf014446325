/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adaptive concurrency limit.
 *
 * Latency: Gradient2 of Netflix's concurrency-limits. A fast mean of the times to the first token
 * is compared with a slow one; when it is more than half as long again, the endpoint queues, and
 * the limit goes down by their ratio:
 *
 *     g = clamp(1.5 x slow / fast, 0.5, 1)        L <- 0.8 L + 0.2 (g L + 4)
 *
 * The 4 lets it grow while nothing queues. Its price: at g = 0.5 it comes to rest at 8, so an
 * endpoint of 8 slots or fewer is held back by its back-pressure alone. An endpoint that is used at
 * less than half its limit says nothing of where the limit should be, and is left alone. The
 * original compares single samples; prompts differ too much for that, so the engine's mean over
 * about 8 of them stands in their place. A slow mean of more than twice the fast one is of an
 * overload that is over: it loses a twentieth at each sample.
 *
 * Back-pressure (429, 503): to 0.9 of what was in flight (the factor of AIMDLimit there), at once,
 * as TCP cuts by its flight size and not by a window it did not use, and once per round trip (RFC
 * 5681, 6582): attempts dispatched before the last cut tell of the same overload.
 *
 * The limit never leaves [concurrency.min, slots]. At slots it is stored as 0, so an endpoint that
 * nothing holds back follows a policy that gives it more slots.
 */
#include "engine/limit.h"

#include "engine/pool.h"

#define ALLOWANCE_MILLI	   4000
#define TOLERANCE_PERMILLE 1500
/* Samples that the slow mean is long; until so many came it is their plain mean. */
#define LONG_COUNT 256

static uint64_t least_milli(const struct tr_engine *e, const struct tr_endpoint *ep)
{
	return 1000 * tr_min(tr_policy_active(e)->concurrency.least, ep->slots);
}

static uint64_t milli_of(const struct tr_endpoint *ep)
{
	return ep->limit_milli ? ep->limit_milli : UINT64_C(1000) * ep->slots;
}

static void store(const struct tr_engine *e, struct tr_endpoint *ep, uint64_t milli)
{
	uint64_t limit = tr_max(milli, least_milli(e, ep));

	ep->limit_milli = limit >= UINT64_C(1000) * ep->slots ? 0 : (uint32_t)limit;
}

static void long_add(struct tr_endpoint *ep, tr_span_ns sample)
{
	tr_span_ns mean = ep->ttft_long;

	if (ep->ttft_long_count < LONG_COUNT)
		ep->ttft_long_count++;
	if (sample >= mean)
		mean += (sample - mean) / ep->ttft_long_count;
	else
		mean -= (mean - sample) / ep->ttft_long_count;
	if (mean / 2 > ep->ttft_ewma)
		mean -= mean / 20;
	ep->ttft_long = tr_max(mean, 1);
}

void tr_limit_first_token(struct tr_engine *e, uint32_t endpoint, tr_span_ns ttft)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];
	uint64_t limit = milli_of(ep);
	uint32_t before = tr_limit_now(e, endpoint);

	TR_ASSERT(ep->ttft_ewma != 0);
	long_add(ep, ttft);
	if (!tr_policy_active(e)->concurrency.adaptive || UINT64_C(2000) * ep->in_flight < limit)
		return;

	uint64_t g = tr_mul_div(ep->ttft_long, TOLERANCE_PERMILLE, ep->ttft_ewma);

	g = tr_min(tr_max(g, 500), 1000);
	store(e, ep, (4 * limit + limit * g / 1000 + ALLOWANCE_MILLI) / 5);
	if (tr_limit_now(e, endpoint) > before)
		tr_pool_endpoint_freed(e, endpoint);
}

void tr_limit_backpressure(struct tr_engine *e, uint32_t endpoint, tr_time_ns dispatched)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	TR_ASSERT(ep->in_flight > 0);
	if (!tr_policy_active(e)->concurrency.adaptive || dispatched <= ep->limit_cut)
		return;
	ep->limit_cut = e->core->now;
	store(e, ep, tr_min(milli_of(ep), UINT64_C(1000) * ep->in_flight) * 9 / 10);
}

void tr_limit_policy_changed(struct tr_engine *e)
{
	bool adaptive = tr_policy_active(e)->concurrency.adaptive;

	for (uint32_t i = 0; i < e->limits.endpoints; i++) {
		struct tr_endpoint *ep = &e->endpoint[i];

		if (!adaptive)
			ep->limit_milli = 0;
		else if (ep->limit_milli)
			store(e, ep, ep->limit_milli);
	}
}

const char *tr_limit_verify(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_endpoint *ep = &e->endpoint[endpoint];
	uint64_t milli = ep->limit_milli;

	if (milli == 0)
		return NULL;
	if (!tr_policy_active(e)->concurrency.adaptive)
		return "an endpoint has a limit of its own though limits are fixed";
	if (milli < least_milli(e, ep) || milli >= UINT64_C(1000) * ep->slots)
		return "an endpoint's limit leaves its range";
	return NULL;
}
