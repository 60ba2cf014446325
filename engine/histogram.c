/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells of the log-linear histogram. Values below 2^TR_HISTOGRAM_BITS have a cell each; above, the
 * cell is the power of two and the TR_HISTOGRAM_BITS bits that follow the leading one.
 */
#include "engine/histogram.h"

#define SUB_COUNT (1u << TR_HISTOGRAM_BITS)

static uint32_t cell_of(uint64_t value)
{
	if (value < SUB_COUNT)
		return (uint32_t)value;
	if (value >> TR_HISTOGRAM_TOP)
		value = (UINT64_C(1) << TR_HISTOGRAM_TOP) - 1;

	uint32_t power = 63u - (uint32_t)__builtin_clzll(value);
	uint32_t shift = power - TR_HISTOGRAM_BITS;
	uint32_t sub = (uint32_t)(value >> shift) & (SUB_COUNT - 1);

	return ((shift + 1) << TR_HISTOGRAM_BITS) + sub;
}

/* The largest value that falls into a cell. */
static uint64_t cell_top(uint32_t cell)
{
	if (cell < SUB_COUNT)
		return cell;

	uint32_t shift = (cell >> TR_HISTOGRAM_BITS) - 1;
	uint64_t sub = cell & (SUB_COUNT - 1);

	return ((SUB_COUNT + sub + 1) << shift) - 1;
}

void tr_histogram_add(struct tr_histogram *histogram, uint64_t value)
{
	uint32_t cell = cell_of(value);

	TR_ASSERT(cell < TR_HISTOGRAM_CELLS);
	histogram->count++;
	histogram->sum = tr_add_sat(histogram->sum, value);
	histogram->max = tr_max(histogram->max, value);
	histogram->cells[cell]++;
}

void tr_histogram_merge(struct tr_histogram *into, const struct tr_histogram *from)
{
	into->count += from->count;
	into->sum = tr_add_sat(into->sum, from->sum);
	into->max = tr_max(into->max, from->max);
	for (uint32_t i = 0; i < TR_HISTOGRAM_CELLS; i++)
		into->cells[i] += from->cells[i];
}

uint64_t tr_histogram_quantile(const struct tr_histogram *histogram, uint32_t permyriad)
{
	TR_ASSERT(permyriad <= 10000);
	if (histogram->count == 0)
		return 0;

	/* The rank is at least 1: the quantile 0 is the smallest value's cell. */
	uint64_t rank = tr_mul_div(histogram->count, permyriad, 10000);
	uint64_t seen = 0;

	if (tr_mul_div(rank, 10000, 1) < tr_mul_div(histogram->count, permyriad, 1))
		rank++;
	rank = tr_max(rank, 1);
	for (uint32_t i = 0; i < TR_HISTOGRAM_CELLS; i++) {
		seen += histogram->cells[i];
		if (seen >= rank)
			return tr_min(cell_top(i), histogram->max);
	}
	TR_ASSERT(seen == histogram->count);
	return histogram->max;
}
