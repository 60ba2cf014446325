/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking up variates. The highest set bit of the tail probability names the octave, the bits
 * behind it the cell, the next 32 the place within the cell; nothing is searched.
 */
#include "sim/quantile.h"

#include "engine/random.h"

/* Bits of a half's probability: v in [0, 2^63). */
#define HALF_BITS     63
#define FRACTION_BITS 32

uint64_t tr_gamma_variate(enum tr_gamma shape, uint64_t bits)
{
	bool upper = bits >> HALF_BITS;
	uint64_t v = upper ? ~bits : bits;
	const uint32_t *knots;
	uint32_t place, shift;
	uint64_t fraction;
	int64_t low, high;

	TR_ASSERT((unsigned)shape < TR_GAMMA_COUNT);
	knots = tr_gamma_knots[shape][upper];
	if (v >> (HALF_BITS - TR_QUANTILE_OCTAVES) == 0) {
		place = 0;
		fraction = v >> (HALF_BITS - TR_QUANTILE_OCTAVES - FRACTION_BITS);
	} else {
		uint32_t top = 63u - (uint32_t)__builtin_clzll(v);
		uint32_t octave = HALF_BITS - 1u - top;

		shift = top - TR_QUANTILE_CELL_BITS;
		place = 1 + (TR_QUANTILE_OCTAVES - 1 - octave) * TR_QUANTILE_CELLS +
			(uint32_t)(v >> shift & (TR_QUANTILE_CELLS - 1));
		fraction = v >> (shift - FRACTION_BITS) & UINT32_MAX;
		TR_ASSERT(octave < TR_QUANTILE_OCTAVES);
	}
	TR_ASSERT(place + 1 < TR_QUANTILE_KNOTS);
	low = knots[place];
	high = knots[place + 1];
	/* Knots are below 2^31, so that every product fits. */
	return (uint64_t)(low * (INT64_C(1) << FRACTION_BITS) + (high - low) * (int64_t)fraction) >>
	       24;
}

uint32_t tr_sizes_variate(const struct tr_sizes *sizes, uint64_t bits)
{
	uint64_t share = tr_below(bits, UINT64_C(1000000) << 24), width, rise;
	uint32_t i = 1;

	TR_ASSERT(sizes->count >= 1);
	TR_ASSERT(sizes->count <= TR_SIZES_MAX);
	if (sizes->count == 1)
		return sizes->knots[0].value;
	while (i + 1 < sizes->count && share >= (uint64_t)sizes->knots[i].share << 24)
		i++;
	share -= (uint64_t)sizes->knots[i - 1].share << 24;
	width = (uint64_t)(sizes->knots[i].share - sizes->knots[i - 1].share) << 24;
	rise = sizes->knots[i].value - sizes->knots[i - 1].value;
	/* To the nearest: rounded down, every mean would be half a token short. */
	return sizes->knots[i - 1].value + (uint32_t)(((tr_u128)rise * share + width / 2) / width);
}
