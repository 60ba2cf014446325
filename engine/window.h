/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latencies of the last while, and their quantiles.
 *
 * Each endpoint has a window, and so has each model's pool. A window is two histograms that take
 * turns of `health.window_ns` of the active policy: one fills, the other holds the turn before. So
 * a sample counts for at least one and for less than two turns, and forgetting costs nothing.
 */
#ifndef TR_ENGINE_WINDOW_H
#define TR_ENGINE_WINDOW_H

#include "engine/state.h"

/* The window of an endpoint or a model, by registry slot. */
static inline uint32_t tr_window_of_endpoint(uint32_t endpoint)
{
	return endpoint;
}

static inline uint32_t tr_window_of_model(const struct tr_engine *e, uint32_t model)
{
	return e->limits.endpoints + model;
}

/* The cell that a span falls into, 0..TR_LATENCY_CELLS-1, and the longest span of a cell: 2^20 - 1
 * ns of the first, 2^40 ns (18 minutes, or more) of the last. In between a cell is an eighth of its
 * power of two. */
uint32_t tr_window_cell(tr_span_ns span);
tr_span_ns tr_window_cell_top(uint32_t cell);

/* Count a span, now. O(cells) in one of 16 calls or fewer, else O(1). */
void tr_window_add(struct tr_engine *e, uint32_t window, tr_span_ns span);

/* The top of the cell that holds the quantile; 0: nothing counted. percent 1..100: the smallest
 * sample with at least that share at or below it. *ret_count: of how many samples. O(cells). */
tr_span_ns tr_window_quantile(const struct tr_engine *e, uint32_t window, uint32_t percent,
			      uint32_t *ret_count);

/*
 * The quantile `health.tail_percent` of an endpoint's window, kept in the window's row so that a
 * decision may ask for it once per candidate. It is the quantile of all samples but the newest: at
 * most 15 of them and at most one in 32 are not seen yet; of fewer than 32 it is exact. The turn of
 * the window is seen at once. O(1).
 */
tr_span_ns tr_window_tail(const struct tr_engine *e, uint32_t window);

/* Forget it all: the window's owner is gone. */
void tr_window_clear(struct tr_engine *e, uint32_t window);

/* Another policy is active. With another length the windows begin anew: turns of two lengths cannot
 * be compared. With another percent the kept quantiles are computed again. */
void tr_window_policy_changed(struct tr_engine *e);

/* NULL, or what is wrong with a window: counts that are not the sum of their cells. */
const char *tr_window_verify(const struct tr_engine *e, uint32_t window);

#endif
