/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cell a value. Token counts and arrivals per second of real traces stay far below the table's
 * end; beyond it a quantile is the maximum, never something made up.
 */
#include "traces/tally.h"

void tr_tally_add(struct tr_tally *tally, uint64_t value, uint64_t times)
{
	if (times == 0)
		return;
	if (value < TR_TALLY_VALUES)
		tally->cells[value] += times;
	else
		tally->larger += times;
	tally->count += times;
	tally->sum = tr_add_sat(tally->sum, tr_mul_div(value, times, 1));
	tally->max = tr_max(tally->max, value);
}

uint64_t tr_tally_quantile(const struct tr_tally *tally, uint32_t permyriad)
{
	tr_u128 wanted = (tr_u128)tally->count * permyriad;
	tr_u128 seen = 0;

	TR_ASSERT(permyriad >= 1);
	TR_ASSERT(permyriad <= 10000);
	if (tally->count == 0)
		return 0;
	for (uint64_t value = 0; value < TR_TALLY_VALUES; value++) {
		seen += tally->cells[value];
		if (seen * 10000 >= wanted)
			return value;
	}
	return tally->max;
}
