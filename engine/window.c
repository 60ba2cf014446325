/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells are log-linear as in engine/histogram.c, but few: 8 for each power of two of nanoseconds
 * from 2^20 to 2^40, so a quantile is shown at most an eighth too long, never too short.
 *
 * The tail quantile is wanted for each candidate of each decision, and a walk over two times 162
 * cells is too dear for that. So it is computed when a sample comes in, twice: of both halves, and
 * of the newer alone, which is what is left to believe after the next turn. Reading picks one of
 * the two, or none, by the clock. Of many samples in a turn not each one computes it anew: one in
 * 32 may be unseen, 15 at most.
 */
#include "engine/window.h"

#define POWER_FIRST 20
#define POWER_LAST  40
#define SUB_BITS    3
#define UNSEEN_MAX  16

_Static_assert(TR_LATENCY_CELLS == ((POWER_LAST - POWER_FIRST) << SUB_BITS) + 2, "cells");
_Static_assert(TR_LATENCY_CELLS % TR_CELL_ROW == 0, "rows of cells are full");

uint32_t tr_window_cell(tr_span_ns span)
{
	if (span >> POWER_FIRST == 0)
		return 0;
	if (span >> POWER_LAST)
		return TR_LATENCY_CELLS - 1;

	uint32_t power = 63u - (uint32_t)__builtin_clzll(span);
	uint32_t sub = (uint32_t)(span >> (power - SUB_BITS)) & ((1u << SUB_BITS) - 1);

	return 1 + ((power - POWER_FIRST) << SUB_BITS) + sub;
}

tr_span_ns tr_window_cell_top(uint32_t cell)
{
	TR_ASSERT(cell < TR_LATENCY_CELLS);
	if (cell == 0)
		return (UINT64_C(1) << POWER_FIRST) - 1;
	if (cell == TR_LATENCY_CELLS - 1)
		return UINT64_C(1) << POWER_LAST;

	uint32_t shift = POWER_FIRST - SUB_BITS + ((cell - 1) >> SUB_BITS);
	uint64_t sub = (cell - 1) & ((1u << SUB_BITS) - 1);

	return (((1u << SUB_BITS) + sub + 1) << shift) - 1;
}

/* ---- halves ---- */

static uint32_t *cells_of(const struct tr_engine *e, uint32_t window, uint32_t half)
{
	size_t row = ((size_t)window * 2 + half) * TR_CELL_ROWS;

	TR_ASSERT(window < e->limits.endpoints + e->limits.models);
	return (uint32_t *)(void *)&e->cell[row];
}

static uint32_t *count_at(struct tr_window *row, uint32_t half)
{
	return half ? &row->count1 : &row->count0;
}

static void half_clear(struct tr_engine *e, uint32_t window, uint32_t half)
{
	struct tr_window *row = &e->window[window];

	memset(cells_of(e, window, half), 0, TR_LATENCY_CELLS * sizeof(uint32_t));
	*count_at(row, half) = 0;
}

/* Which halves count at a turn: bits. */
static unsigned halves_at(const struct tr_window *row, uint64_t turn)
{
	uint64_t passed = tr_sub_sat(turn, row->turn);

	if (passed > 1)
		return 0;
	return passed == 1 ? 1u << (row->turn & 1) : 3;
}

static uint64_t turn_now(const struct tr_engine *e)
{
	return e->core->now / e->core->window_span;
}

/* The quantile of some halves. From the top, where quantiles that are asked for are near. */
static tr_span_ns quantile(const struct tr_engine *e, uint32_t window, unsigned halves,
			   uint32_t percent, uint32_t *ret_count)
{
	static const uint32_t nothing[TR_LATENCY_CELLS];
	const struct tr_window *row = &e->window[window];
	const uint32_t *first = halves & 1 ? cells_of(e, window, 0) : nothing;
	const uint32_t *second = halves & 2 ? cells_of(e, window, 1) : nothing;
	uint64_t count = (halves & 1 ? row->count0 : 0) + (uint64_t)(halves & 2 ? row->count1 : 0);
	uint64_t rank = (count * percent + 99) / 100;
	uint64_t below = count;
	uint32_t cell = TR_LATENCY_CELLS;

	TR_ASSERT(percent >= 1);
	TR_ASSERT(percent <= 100);
	*ret_count = (uint32_t)tr_min(count, UINT32_MAX);
	if (count == 0)
		return 0;
	while (below >= rank) {
		TR_ASSERT(cell > 0);
		cell--;
		below -= (uint64_t)first[cell] + second[cell];
	}
	return tr_window_cell_top(cell);
}

static void tail_compute(struct tr_engine *e, uint32_t window)
{
	struct tr_window *row = &e->window[window];
	uint32_t percent = tr_policy_active(e)->health.tail_percent, count;

	if (window >= e->limits.endpoints)
		return; /* nobody asks for a pool's tail */
	row->tail = quantile(e, window, 3, percent, &count);
	row->tail_newer = quantile(e, window, 1u << (row->turn & 1), percent, &count);
	row->unseen = 0;
}

/* ---- the door ---- */

void tr_window_add(struct tr_engine *e, uint32_t window, tr_span_ns span)
{
	struct tr_window *row = &e->window[window];
	uint64_t turn = turn_now(e);
	uint32_t half = turn & 1;
	unsigned kept = halves_at(row, turn);
	bool turned = turn > row->turn;

	if (turned) {
		if (!(kept & 1u << (half ^ 1)))
			half_clear(e, window, half ^ 1);
		half_clear(e, window, half);
		row->turn = turn;
	}
	cells_of(e, window, half)[tr_window_cell(span)]++;
	++*count_at(row, half);
	row->unseen++;
	if (turned || row->unseen >= tr_min(UNSEEN_MAX, 1 + *count_at(row, half) / 32))
		tail_compute(e, window);
}

tr_span_ns tr_window_quantile(const struct tr_engine *e, uint32_t window, uint32_t percent,
			      uint32_t *ret_count)
{
	return quantile(e, window, halves_at(&e->window[window], turn_now(e)), percent, ret_count);
}

tr_span_ns tr_window_tail(const struct tr_engine *e, uint32_t window)
{
	const struct tr_window *row = &e->window[window];
	uint64_t passed = tr_sub_sat(turn_now(e), row->turn);

	if (passed > 1)
		return 0;
	return passed == 1 ? row->tail_newer : row->tail;
}

void tr_window_clear(struct tr_engine *e, uint32_t window)
{
	half_clear(e, window, 0);
	half_clear(e, window, 1);
	e->window[window] = (struct tr_window){0};
}

void tr_window_policy_changed(struct tr_engine *e)
{
	tr_span_ns span = tr_policy_active(e)->health.window_ns;
	bool anew = span != e->core->window_span;

	TR_ASSERT(span != 0);
	e->core->window_span = span;
	for (uint32_t i = 0; i < e->limits.endpoints + e->limits.models; i++) {
		const struct tr_window *row = &e->window[i];

		if (row->count0 == 0 && row->count1 == 0)
			continue;
		if (anew)
			tr_window_clear(e, i);
		else
			tail_compute(e, i);
	}
}

const char *tr_window_verify(const struct tr_engine *e, uint32_t window)
{
	const struct tr_window *row = &e->window[window];

	if (row->count0 == 0 && row->count1 == 0)
		return row->tail || row->tail_newer ? "an empty window has a tail" : NULL;
	for (uint32_t half = 0; half < 2; half++) {
		const uint32_t *cells = cells_of(e, window, half);
		uint64_t sum = 0;

		for (uint32_t i = 0; i < TR_LATENCY_CELLS; i++)
			sum += cells[i];
		if (sum != (half ? row->count1 : row->count0))
			return "a window's count is not the sum of its cells";
	}
	return NULL;
}
