/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order statistics of samples.
 */
#ifndef TR_SIM_CALIBRATE_ORDER_H
#define TR_SIM_CALIBRATE_ORDER_H

#include <stdint.h>

/* Sort in place. */
void tr_fit_sort(double *values, uint32_t count);
/* The quantile of sorted values, between two of them in a straight line; share 0..1, count > 0. */
double tr_fit_quantile(const double *sorted, uint32_t count, double share);
/* Sorts them. count > 0. */
double tr_fit_median(double *values, uint32_t count);

#endif
