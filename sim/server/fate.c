/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fates are drawn when a try begins and need no state: a fast and a slow policy get the same speed
 * and the same failure for the same try, so what differs between them is their doing.
 */
#include "sim/server/fate.h"

#include "engine/random.h"
#include "sim/quantile.h"

#define PPM 1000000
/* Draws that one try takes of TR_PURPOSE_FAULT: whether, where, how far. */
#define FAULT_DRAWS 3

/* 1 - s + s E in units of 2^-32. */
static uint64_t noise(uint32_t permille, uint64_t bits)
{
	const uint64_t one = UINT64_C(1) << 32;

	TR_ASSERT(permille <= 1000);
	if (permille == 0)
		return one;
	return one - one * permille / 1000 + tr_exponential_variate(bits) * permille / 1000;
}

static tr_span_ns scaled(tr_span_ns span, uint64_t service, uint64_t endpoint)
{
	return tr_min(tr_variate_scale(tr_variate_scale(span, service), endpoint),
		      TR_FATE_SPAN_MAX);
}

static enum tr_break draw_break(uint64_t seed, uint64_t there, uint64_t n,
				const struct tr_server_profile *profile,
				const struct tr_server_request *request)
{
	static const enum tr_break breaks[] = {TR_BREAK_CONNECT, TR_BREAK_FIRST, TR_BREAK_STREAM};
	enum tr_break drawn;

	if (request->fails)
		return TR_BREAK_FIRST;
	if (tr_below(tr_draw(seed, there, TR_PURPOSE_FAULT, n), PPM) >= profile->error_ppm)
		return TR_BREAK_NONE;
	drawn = breaks[tr_below(tr_draw(seed, there, TR_PURPOSE_FAULT, n + 1),
				TR_ARRAY_LENGTH(breaks))];
	return drawn == TR_BREAK_STREAM && request->tokens_out == 1 ? TR_BREAK_FIRST : drawn;
}

void tr_fate_draw(uint64_t seed, tr_name server, const struct tr_server_profile *profile,
		  const struct tr_server_request *request, struct tr_fate *ret)
{
	uint64_t there = tr_mix(server) ^ request->job_id, tries = request->tries;
	uint64_t service = noise(profile->service_noise_permille,
				 tr_draw(seed, request->job_id, TR_PURPOSE_SERVICE, 0));
	uint64_t endpoint = noise(profile->endpoint_noise_permille,
				  tr_draw(seed, there, TR_PURPOSE_SERVICE, 1 + tries));
	uint64_t place = tr_draw(seed, there, TR_PURPOSE_FAULT, FAULT_DRAWS * tries + 2);
	tr_span_ns prefill =
		tr_mul_div(request->tokens_in, 1000 * TR_SECOND, profile->prefill_milli);

	*ret = (struct tr_fate){
		.ttft = scaled(tr_add_sat(profile->ttft_base_ns, prefill), service, endpoint),
		.tpot = scaled(profile->tpot_ns, service, endpoint),
		.tokens_last = request->tokens_out,
		.breaks = (uint8_t)draw_break(seed, there, FAULT_DRAWS * tries, profile, request),
	};
	if (ret->breaks == TR_BREAK_FIRST)
		ret->ttft = tr_below(place, ret->ttft + 1);
	if (ret->breaks == TR_BREAK_STREAM)
		ret->tokens_last = 1 + (uint32_t)tr_below(place, request->tokens_out - 1);
}
