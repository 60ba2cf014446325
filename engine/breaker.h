/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an endpoint is fit to serve: its breaker, its pauses, what is known of its speed. */
#ifndef TR_ENGINE_BREAKER_H
#define TR_ENGINE_BREAKER_H

#include "engine/state.h"

/* What the breaker does in a state on an outcome; a table, so that a test can walk it. */
enum tr_breaker_move {
	TR_BREAKER_STAY,
	TR_BREAKER_COUNT_SUCCESS, /* count; nothing else */
	TR_BREAKER_COUNT_SLOW,	  /* count; open if too many are slow */
	TR_BREAKER_COUNT_FAULT,	  /* count; open if a threshold is passed */
	TR_BREAKER_PROBE_GOOD,	  /* close after enough of these */
	TR_BREAKER_PROBE_BAD,	  /* open again, for longer */
	TR_BREAKER_EVIDENCE,	  /* half-open at once, before the cool-down is over */
	TR_BREAKER_NOTE,	  /* count; it is open already */
};

/* As what an attempt was let through. */
enum tr_breaker_way {
	TR_BREAKER_AS_OTHER,
	TR_BREAKER_AS_PROBE,	 /* of the half-open round that is on */
	TR_BREAKER_AS_LEAST_BAD, /* though the breaker was out, since all were */
	TR_BREAKER_WAYS,
};

/* [state][verdict][how the attempt was let through] */
extern const enum tr_breaker_move tr_breaker_moves[TR_BREAKER_COUNT][TR_VERDICT_COUNT]
						  [TR_BREAKER_WAYS];

/* The verdict on an attempt that was answered, its first token so long after the dispatch. */
enum tr_verdict tr_breaker_verdict(const struct tr_engine *e, tr_span_ns ttft);

/* An attempt at the endpoint ended with a verdict. */
void tr_breaker_outcome(struct tr_engine *e, uint32_t endpoint, enum tr_verdict verdict,
			enum tr_breaker_way way);
/* The endpoint asked for a pause (429, 503): no new attempts for so long. */
void tr_breaker_pause(struct tr_engine *e, uint32_t endpoint, tr_span_ns pause);
/* Look at the endpoint again at a time, because a filter held it back until then. */
void tr_breaker_wake(struct tr_engine *e, uint32_t endpoint, tr_time_ns at);
/* The endpoint's timer fired: end a cool-down, wake who waits for it. */
void tr_breaker_timer(struct tr_engine *e, uint32_t endpoint);

/* Another policy is active: its window may have another length. */
void tr_breaker_policy_changed(struct tr_engine *e);

/* The sum of the window's buckets now. */
struct tr_bucket tr_breaker_window(const struct tr_engine *e, uint32_t endpoint);

#endif
