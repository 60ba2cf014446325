/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an endpoint's speed, load and answers. Endpoints and models by registry slot. */
#ifndef TR_ENGINE_HEALTH_H
#define TR_ENGINE_HEALTH_H

#include "engine/state.h"

/* ---- what happened ---- */

/* A first token came so long after the dispatch. Feeds means, peak, quantiles and the limit. */
void tr_health_first_token(struct tr_engine *e, uint32_t endpoint, tr_span_ns ttft);
/* It reports its load (ENDPOINT_SIGNAL), what its provider allows (ENDPOINT_QUOTA), or somebody
 * judged an answer (FEEDBACK). */
void tr_health_signal(struct tr_engine *e, uint32_t endpoint,
		      const struct tr_event_endpoint_signal *signal);
void tr_health_quota(struct tr_engine *e, uint32_t endpoint,
		     const struct tr_event_endpoint_quota *quota);
void tr_health_feedback(struct tr_engine *e, uint32_t endpoint, uint32_t score);
/* An attempt of so many tokens goes there: what its provider allows is less by that. */
void tr_health_booked(struct tr_engine *e, uint32_t endpoint, uint64_t tokens);
/* Another policy is active: windows may have another length, limits another range. */
void tr_health_policy_changed(struct tr_engine *e);

/* ---- what is believed now ---- */

/* Its work in attempts: ours in flight, and others' as last reported, decayed by the report's age.
 */
uint32_t tr_health_load(const struct tr_engine *e, uint32_t endpoint);
/* Share of its slots or of its KV cache in use, the larger, in per mille; may pass 1000. */
uint32_t tr_health_fullness(const struct tr_engine *e, uint32_t endpoint);
/* Predicted time from dispatch to the last of so many tokens, by the endpoint's own means. They are
 * believed for a window (health.window_ms) after its last first token and lose half of themselves
 * in each window after that, down to 1/64. 0: nothing measured. */
tr_span_ns tr_health_latency(const struct tr_engine *e, uint32_t endpoint, uint32_t tokens);
/* The peak latency to the first token, decayed to now; 0: nothing measured, or so long ago that
 * nothing is left of it. */
tr_span_ns tr_health_peak(const struct tr_engine *e, uint32_t endpoint);
/* The policy's tail quantile of its times to the first token; 0: nothing measured in the window. At
 * most an eighth too long; how late it sees the newest samples is said at tr_window_tail(). */
tr_span_ns tr_health_tail(const struct tr_engine *e, uint32_t endpoint);
/* A quantile (1..100 percent) of a whole pool's times to the first token; *ret_count: of how many.
 * Exact but for the width of a cell; walks 2 x TR_LATENCY_CELLS counts. */
tr_span_ns tr_health_pool_quantile(const struct tr_engine *e, uint32_t model, uint32_t percent,
				   uint32_t *ret_count);
/* Quality of its answers: the model's, moved by feedback. 0..1000. */
uint32_t tr_health_quality(const struct tr_engine *e, uint32_t endpoint, uint32_t model_quality);

#endif
