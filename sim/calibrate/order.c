/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting, and what is read off sorted values.
 */
#include "sim/calibrate/order.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

void tr_fit_sort(double *values, uint32_t count)
{
	qsort(values, count, sizeof *values, by_value);
}

double tr_fit_quantile(const double *sorted, uint32_t count, double share)
{
	double place = share * (count - 1);
	uint32_t low = (uint32_t)place;
	uint32_t high = low + 1 < count ? low + 1 : low;

	return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

double tr_fit_median(double *values, uint32_t count)
{
	tr_fit_sort(values, count);
	return tr_fit_quantile(values, count, 0.5);
}
