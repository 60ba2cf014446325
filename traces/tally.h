/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact counts of small whole numbers, for exact quantiles. engine/histogram.h takes less memory
 * and is off by up to 1/128, which is too much where figures are compared with published ones.
 */
#ifndef TR_TRACES_TALLY_H
#define TR_TRACES_TALLY_H

#include "engine/base.h"

/* Values are exact below this; larger ones count as the maximum. */
#define TR_TALLY_VALUES (1u << 20)

/* All zeroes is empty. 8 MB, of which only the pages of values that occur are touched. */
struct tr_tally {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t larger;
	uint64_t cells[TR_TALLY_VALUES];
};

/* Count `value` so many times. */
void tr_tally_add(struct tr_tally *tally, uint64_t value, uint64_t times);
/* The smallest value that permyriad/10000 of the counted ones do not exceed; 0 when empty.
 * permyriad 1..10000. */
uint64_t tr_tally_quantile(const struct tr_tally *tally, uint32_t permyriad);

#endif
