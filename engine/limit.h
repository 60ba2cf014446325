/* SPDX-License-Identifier: Apache-2.0 */
/* How many attempts an endpoint gets at once, where that follows its latency. */
#ifndef TR_ENGINE_LIMIT_H
#define TR_ENGINE_LIMIT_H

#include "engine/state.h"

/* Attempts at once now, 1..slots; slots unless `concurrency.adaptive`. O(1). */
static inline uint32_t tr_limit_now(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_endpoint *ep = &e->endpoint[endpoint];

	/* Where limits are fixed, none is stored. */
	return ep->limit_milli ? ep->limit_milli / 1000 : ep->slots;
}
/* A first token came after so long; the endpoint's fast mean has it already. Wakes the pools that
 * wait where the limit rose. */
void tr_limit_first_token(struct tr_engine *e, uint32_t endpoint, tr_span_ns ttft);
/* An attempt dispatched then, still in flight, was pushed back (429, 503): the limit falls, once
 * for all that were under way. */
void tr_limit_backpressure(struct tr_engine *e, uint32_t endpoint, tr_time_ns dispatched);
/* Another policy is active: slots, the least limit, or being adaptive at all may differ. */
void tr_limit_policy_changed(struct tr_engine *e);
/* NULL, or what is wrong with an endpoint's limit. */
const char *tr_limit_verify(const struct tr_engine *e, uint32_t endpoint);

#endif
